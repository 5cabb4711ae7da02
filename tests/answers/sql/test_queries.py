"""What a query is made of: comments, quoted texts, words and signs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestofinf.answers.sql.queries import query_in, tokens, words
from bestofinf.records import Reply

COMMENTS = ("/* x * y */", "/* x ** */", "/***/", "/**/", "-- x * y */\n", "/* a\n * b\n */")


@pytest.mark.parametrize("comment", COMMENTS)
def test_a_comment_ends_where_it_ends(comment):
    assert words(f"SELECT a {comment} FROM t") == {"select", "a", "from", "t"}


@given(st.text("ab *\n/'\"-", max_size=20).filter(lambda text: "*/" not in text))
def test_whatever_stands_in_a_comment_the_query_goes_on_behind_it(text):
    found = list(tokens(f"SELECT/*{text}*/a FROM t"))
    assert [said for _, said in found] == ["SELECT", "a", "FROM", "t"]


@pytest.mark.parametrize("gap", ["\n\n", "\n \t\n", "\r\n\r\n", "\n\n\n\n"])
@pytest.mark.parametrize(
    "clause",
    [
        *("ORDER BY a DESC", "LIMIT 3", "limit 3", "GROUP BY a", "HAVING count(*) > 1"),
        *("LEFT JOIN u ON u.a = t.a", "JOIN u USING (a)", "AND b > 2", "or b is null"),
        *("INTERSECT SELECT 1", "-- the newest first\nORDER BY b", "/* few */ LIMIT 1", ", u"),
    ],
)
def test_a_blank_line_within_a_query_does_not_end_it(gap, clause):
    query = f"SELECT a FROM t WHERE b > 1{gap}{clause}"
    assert query_in(Reply(f"{query}{gap}This gives all of them.")).split() == query.split()


@pytest.mark.parametrize(
    "text", ["This lists them.", "And that is all.", "Or so.", "On it goes.", "Limits apply."]
)
def test_a_text_behind_a_blank_line_is_no_part_of_it(text):
    assert query_in(Reply(f"SELECT a FROM t\n\n{text}")) == "SELECT a FROM t"
