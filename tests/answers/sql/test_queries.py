"""What a query is made of: comments, quoted texts, words and signs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestofinf.answers.sql.queries import tokens, words

COMMENTS = ("/* x * y */", "/* x ** */", "/***/", "/**/", "-- x * y */\n", "/* a\n * b\n */")


@pytest.mark.parametrize("comment", COMMENTS)
def test_a_comment_ends_where_it_ends(comment):
    assert words(f"SELECT a {comment} FROM t") == {"select", "a", "from", "t"}


@given(st.text("ab *\n/'\"-", max_size=20).filter(lambda text: "*/" not in text))
def test_whatever_stands_in_a_comment_the_query_goes_on_behind_it(text):
    found = list(tokens(f"SELECT/*{text}*/a FROM t"))
    assert [said for _, said in found] == ["SELECT", "a", "FROM", "t"]
