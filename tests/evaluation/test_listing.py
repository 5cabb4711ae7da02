"""Tallies that follow the samples, and lists of questions made from them."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.special import betainc
from sqlalchemy import delete, select

from bestofinf.errors import StoreError, UsageError
from bestofinf.evaluation import EvaluationStore
from bestofinf.evaluation.contested import lead_probability
from bestofinf.evaluation.rows import CallRecord, LabelRow, SampleRow
from bestofinf.evaluation.store import schema, tallies
from bestofinf.evaluation.store.listing import Wanted
from support.stored import record


@pytest.fixture
def store(url):
    with EvaluationStore(url) as opened:
        yield opened


def counted(store):
    """Return all tallies and summaries of a store as plain values."""
    with store._database.read() as connection:
        return {
            table.name: sorted(
                tuple(row) for row in connection.execute(select(*table.c).order_by(*table.c[:2]))
            )
            for table in (schema.tallies, schema.summaries)
        }


def counted_anew(store):
    with store._database.write() as connection:
        connection.execute(delete(schema.tallies))
        connection.execute(delete(schema.summaries))
        tallies.rebuild(connection)
    return counted(store)


def sample(call, draw, **facts):
    return SampleRow(call, draw, **({"member": "gpt"} | facts))


draws = st.builds(
    SampleRow,
    call_id=st.just(""),
    draw=st.integers(0, 4),
    member=st.sampled_from(["a", "b"]),
    answer=st.sampled_from([None, "x", "y", "z\0"]),
    tokens=st.sampled_from([None, 5, -1, 2**62]),
    cost=st.sampled_from([None, 0.25]),
    seconds=st.sampled_from([None, 1.5]),
    error=st.sampled_from([None, None, None, "TimeoutError: 3 s", "TimeoutError (again)"]),
)
batches = st.lists(
    st.tuples(st.sampled_from(["c1", "c2", "c3"]), st.sampled_from(["q1", "q2"]), st.lists(draws)),
    max_size=4,
)


@given(st.lists(batches, max_size=3))
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_tallies_are_what_counting_all_samples_again_gives(tmp_path_factory, added):
    with EvaluationStore(tmp_path_factory.mktemp("tallies") / "s.db") as store:
        for batch in added:
            store.add(
                [
                    replace(
                        record(call, question=question),
                        samples=tuple(replace(row, call_id=call) for row in rows),
                    )
                    for call, question, rows in batch
                ]
            )
        assert counted(store) == counted_anew(store)


def test_a_call_that_comes_twice_and_samples_that_come_late_are_counted_once(store):
    whole = record("c1", "5", "6")
    store.add([whole, whole])
    store.add([whole])
    store.add([CallRecord(None, None, (sample("c1", 1, answer="7"), sample("c1", 2, answer="5")))])
    [listed] = store.catalogue.page().questions
    assert listed.votes == {"5": 2, "6": 1}
    assert counted(store) == counted_anew(store)


def test_labels_change_what_is_listed(store):
    store.add([record("c1", "5", "6"), record("c2", "7", question="q2")])
    assert store.catalogue.count(Wanted("unlabelled")) == 2
    store.label("q1", "5")
    assert [q.gold for q in store.catalogue.page(Wanted("labelled")).questions] == ["5"]
    store.label("q1", None)
    store.verdict("q1", False, answer="6")
    [first, _] = store.catalogue.page().questions
    assert (first.id, first.gold, first.wrong) == ("q1", None, 1)
    store.add([CallRecord(None, None, (), (LabelRow("m", "q2", "7", at=1.0),))])
    assert store.catalogue.count(Wanted("labelled")) == 1
    assert counted(store) == counted_anew(store)


def test_a_deleted_question_leaves_no_tally(store):
    store.add([record("c1", "5", "6"), record("c2", "7", question="q2")])
    store.delete("q1")
    assert {row[0] for rows in counted(store).values() for row in rows} == {"q2"}


def test_pages_hold_every_question_once_in_the_order_of_the_whole(store):
    store.add(
        [
            record(f"c{n}", *["a"] * (n % 4), *["b"] * (n % 3), question=f"q{n:02}")
            for n in range(25)
        ]
    )
    for order in ("contested", "newest", "oldest", "costly"):
        wanted = Wanted(order=order)
        whole = [q.id for q in store.catalogue.page(wanted, limit=100).questions]
        paged, after = [], None
        while True:
            page = store.catalogue.page(wanted, after=after, limit=4)
            paged += [q.id for q in page.questions]
            after = page.following
            if after is None:
                break
        assert paged == whole
        assert len(set(whole)) == 25
    contested = [q.id for q in store.catalogue.page(limit=100).questions]
    assert contested == [c.id for c in store.unlabelled()]


def test_questions_are_found_by_what_they_are(store):
    prompt = '{"messages":[{"content":"Say \\"What is 100% of 5_5?\\"","role":"user"}]}'
    first = record("c1", "5", "6")
    failed = (*first.samples, sample("c1", 9, member="other", error="TimeoutError: 3 s"))
    second = record("c2", "7", "7", question="q2x")
    other = tuple(sample("c2", n, member="other", answer="8") for n in (5, 6))
    store.add(
        [
            replace(first, samples=failed, question=replace(first.question, prompt=prompt)),
            replace(second, samples=(*second.samples, *other)),
            record("c3", None, question="q3"),
        ]
    )

    def ids(*args, **kwargs):
        return {q.id for q in store.catalogue.page(Wanted(*args, **kwargs)).questions}

    assert ids("failed") == {"q1"}
    assert ids("failed", member="gpt") == set()
    assert ids("contested") == {"q1", "q2x"}
    assert ids("unasked") == {"q3"}
    assert ids(member="other") == {"q1", "q2x"}
    assert ids(apart=("gpt", "other")) == {"q2x"}
    assert ids("contested", apart=("gpt", "other")) == {"q2x"}
    assert ids(text="q2") == {"q2x"}
    assert ids(text="WHAT IS 100% of 5_5") == {"q1"}
    assert ids(text='say "what') == {"q1"}
    kept = replace(record("c4", "1", question="q4"))
    store.add([replace(kept, question=replace(kept.question, last_message="Who won?"))])
    assert ids(text="who WON") == {"q4"}
    assert ids(text="q%") == ids(text="5.5") == set()


def test_what_was_said_and_voted_is_read_by_number(store):
    store.add([record("c1", "5", "6", None), record("c2", "7", question="q2", member="other")])
    for answer in ("5", "6"):
        store.label("q1", answer, source=f"says {answer}")
    store.label("q2", "7")
    numbers = [store.catalogue.find(id_) for id_ in ("q2", "q1")]
    assert store.catalogue.members() == ["gpt", "other"]
    assert [listed.id for listed in store.catalogue.page(Wanted("disputed")).questions] == ["q1"]
    id_, labels = store.catalogue.labels(numbers)[numbers[1]]
    assert (id_, [label.source for label in labels]) == ("q1", ["says 5", "says 6"])
    second, first = store.catalogue.votes([*numbers, 10**6])
    assert (second.id, second.gold, first.gold) == ("q2", "7", "6")
    assert sorted(first.samples["gpt"].answers, key=str) == ["5", "6", None]
    assert store.catalogue.counted


@pytest.mark.parametrize("after", ["", "[]", "[1]", '["a", 1, 2]', "[1, 2, 1e999]", "[" * 9999])
def test_a_place_that_is_none_is_refused(store, after):
    with pytest.raises(UsageError, match="not a position in a list"):
        store.catalogue.page(after=after)


def test_an_unknown_order_is_refused():
    with pytest.raises(UsageError, match="order must be one of contested, newest"):
        Wanted(order="best")


def test_a_store_of_version_1_is_counted_when_it_is_brought_up_to_date(tmp_path):
    path = tmp_path / "old.db"
    raw = sqlite3.connect(path)
    raw.executescript((Path(__file__).parent / "assets" / "store-v1.sql").read_text())
    raw.close()
    with EvaluationStore(path, readonly=True) as store:
        for look in (store.catalogue.page, store.catalogue.picture, store.unlabelled):
            with pytest.raises(StoreError, match="earlier version"):
                look()
    with EvaluationStore(path) as store:
        [listed] = store.catalogue.page().questions
        assert (listed.votes, listed.failed, listed.gold) == ({"5": 1}, 1, "5")
        assert counted(store) == counted_anew(store)


def test_the_lead_is_the_incomplete_beta_function_at_one_half():
    for first in (0, 1, 2, 9, 40, 700, 20_000):
        for second in (0, 1, 3, 9, 41, 690, 20_001):
            exact = float(1 - betainc(first + 1, second + 1, 0.5))
            assert lead_probability(first, second) == pytest.approx(exact, abs=1e-9)
    assert lead_probability(12, 12) == lead_probability(0, 0) == 0.5
