"""Which results are one vote, and that nothing but reading is ever done."""

import hashlib
import threading
import time
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from answers.sql.pairs import HOSTILE, OTHER, SAME
from bestofinf import Reply, UsageError
from bestofinf.answers import SqlAnswer
from bestofinf.answers.sql.results import same_result, vote_on

LIMIT = 1.0


def votes(shop, *queries):
    answer = SqlAnswer(shop, timeout=30).for_question("")
    found = []
    for query in queries:
        vote, note = answer.read(Reply(query))
        assert vote is not None, (query, note)
        found.append(vote)
    return answer, found


@pytest.mark.parametrize(("first", "second"), SAME)
def test_queries_with_one_result_are_one_vote(shop, first, second):
    answer, (one, other) = votes(shop, first, second)
    assert answer.same(one, other)
    assert answer.same(other, one)


@pytest.mark.parametrize(("first", "second"), OTHER)
def test_queries_with_different_results_are_different_votes(shop, first, second):
    answer, (one, other) = votes(shop, first, second)
    assert not answer.same(one, other)
    assert not answer.same(other, one)


def contents(shop):
    """Return what the database holds, and for a file its bytes."""
    engine = create_engine(shop.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        rows = [
            connection.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2")).fetchall()
            for table in ("customers", "orders", "items")
        ]
        tables = None
        if engine.dialect.name == "postgresql":
            tables = connection.execute(
                text("SELECT relname FROM pg_class WHERE relkind IN ('r', 'v', 'i') ORDER BY 1")
            ).fetchall()
    engine.dispose()
    path = engine.url.database
    file = Path(path) if engine.dialect.name == "sqlite" else None
    return rows, tables, file and hashlib.sha256(file.read_bytes()).hexdigest()


def busy(shop):
    """Return how many other connections to the database there are."""
    if not shop.startswith("postgresql"):
        return 0
    engine = create_engine(shop.replace("://", "+psycopg://"))
    with engine.connect() as connection:
        query = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()"
        found = connection.execute(text(query)).scalar_one()
    engine.dispose()
    return found - 1


@pytest.mark.parametrize("query", HOSTILE)
def test_a_hostile_query_writes_nothing_and_abstains_within_its_limit(shop, query, tmp_path):
    before = contents(shop)
    answer = SqlAnswer(shop, timeout=LIMIT)
    start = time.monotonic()
    vote, note = answer.read(Reply(f"```sql\n{query}\n```"))
    assert vote is None, vote
    assert note
    assert time.monotonic() - start < 10 * (LIMIT + 0.5)
    deadline = time.monotonic() + 20
    while busy(shop) or any(t.name == "bestofinf-run" for t in threading.enumerate()):
        assert time.monotonic() < deadline, "something is left of the query"
        time.sleep(0.02)
    assert contents(shop) == before


def test_a_pattern_of_many_wildcards_ends_in_time(sqlite_shop):
    answer = SqlAnswer(sqlite_shop, timeout=LIMIT)
    query = (
        "WITH RECURSIVE grow(s, n) AS (SELECT 'a', 0 UNION ALL SELECT s || s, n + 1 FROM grow "
        f"WHERE n < 18) SELECT s LIKE '{'%a' * 40}%b' FROM grow ORDER BY n DESC LIMIT 1"
    )
    start = time.monotonic()
    vote, _ = answer.read(Reply(query))
    assert time.monotonic() - start < 10 * (LIMIT + 0.5)
    assert vote is None or vote.startswith("1 row")


@pytest.mark.parametrize(
    ("pattern", "value", "matches"),
    [
        ("a%", "Abc", 1), ("%c", "abC", 1), ("%b%", "abc", 1), ("a_c", "abc", 1), ("a_c", "ac", 0),
        ("%", "", 1), ("_", "", 0), ("abc", "abc", 1), ("a%a", "a", 0), ("a%a", "aa", 1),
        ("%ab%ab", "ab", 0), ("%ab%ab", "abab", 1), ("a.c", "abc", 0), ("%_", "a", 1), ("É", "é", 0),
    ],
)  # fmt: skip
def test_like_is_what_sqlite_says_it_is(sqlite_shop, pattern, value, matches):
    _, (one, other) = votes(sqlite_shop, f"SELECT '{value}' LIKE '{pattern}'", f"SELECT {matches}")
    assert one == other


def test_too_many_rows_or_too_much_in_them_abstain(sqlite_shop):
    few = SqlAnswer(sqlite_shop, max_rows=3)
    assert few.read(Reply("SELECT id FROM customers")) == (
        None,
        "the query returned more than 3 rows",
    )
    large = "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r LIMIT 999) "
    vote, note = SqlAnswer(sqlite_shop, timeout=20).read(
        Reply(large + "SELECT printf('%900000d', x) FROM r")
    )
    assert vote is None
    assert "more than 50 MB" in note


def test_the_order_of_rows_counts_as_asked(sqlite_shop):
    plain, ordered = "SELECT name FROM customers", "SELECT name FROM customers ORDER BY id DESC"
    for order, equal in (("auto", False), ("never", True), ("always", False)):
        answer = SqlAnswer(sqlite_shop, order=order)
        one, other = (answer.read(Reply(query))[0] for query in (plain, ordered))
        assert answer.same(one, other) is equal, order


def test_values_of_one_meaning_have_one_form():
    east = timezone(timedelta(hours=2))
    same = [
        (1, 1.0, Decimal("1"), Decimal("1.00")),
        (0.1 + 0.2, 0.3, Decimal("0.3")),
        (date(2024, 1, 2), datetime(2024, 1, 2), "2024-01-02", "2024-01-02 00:00:00"),
        (datetime(2024, 1, 2, 3, tzinfo=east), datetime(2024, 1, 2, 1, tzinfo=UTC)),
        (datetime(2024, 1, 2, 3, 4, 5, 600_000), "2024-01-02T03:04:05.6"),
        (b"ab", memoryview(b"ab")),
        (timedelta(minutes=1), 60),
        (0.0, -0.0, 0),
    ]
    for values in same:
        first, *others = (vote_on([(value,)], 1, ordered=False) for value in values)
        assert all(same_result(first, other) for other in others), values
    kinds = [None, "", 0, "0", False, b"", "None", float("nan"), float("inf"), "inf", [0], {"a": 0}]
    found = [vote_on([(value,)], 1, ordered=False) for value in kinds]
    assert len(set(found)) == len(kinds)


@given(
    st.lists(st.tuples(st.floats(-1e6, 1e6), st.integers(-9, 9)), min_size=1, max_size=6),
    st.randoms(use_true_random=False),
)
def test_rounding_errors_and_the_order_of_rows_change_no_vote(rows, random):
    changed = [(value * (1 + random.choice([0, 2e-16, -2e-16])), n) for value, n in rows]
    random.shuffle(changed)
    assert same_result(vote_on(rows, 2, ordered=False), vote_on(changed, 2, ordered=False))


@given(st.lists(st.integers(-3, 3), max_size=5), st.lists(st.integers(-3, 3), max_size=5))
def test_multisets_are_equal_when_their_sorted_rows_are(first, second):
    one, other = (vote_on([(n,) for n in rows], 1, ordered=False) for rows in (first, second))
    assert same_result(one, other) == (sorted(first) == sorted(second))
    one, other = (vote_on([(n,) for n in rows], 1, ordered=True) for rows in (first, second))
    assert same_result(one, other) == (first == second)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("no url", "wanted the URL of a database"),
        ("nothing://x", "wanted the URL of a database"),
        (7, "synchronous engine"),
        ("mysql+pymysql://u@h/d", "the driver pymysql is not installed|allow_dialect=True"),
    ],
)
def test_what_is_no_database_is_refused_with_what_to_do(given, message):
    with pytest.raises((UsageError, ImportError), match=message):
        SqlAnswer(given)


def test_a_database_in_memory_is_copied_when_the_answer_type_is_made():
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (a)"))
        connection.execute(text("INSERT INTO t VALUES (1), (2)"))
    vote, _ = SqlAnswer(engine).read(Reply("SELECT a FROM t"))
    assert vote.startswith("2 rows × 1 column")
    engine.dispose()
