"""A file of JSON Lines that is still being written, or whose writer was stopped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestofinf.errors import UsageError
from bestofinf.evaluation.lines import json_lines

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9**9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
ROWS = st.lists(st.dictionaries(st.text(max_size=3), VALUES, max_size=3), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cut") / "rows.jsonl"


@given(rows=ROWS, escaped=st.booleans(), marked=st.booleans(), data=st.data())
def test_wherever_a_file_is_cut_its_whole_lines_are_read_and_the_last_is_named(
    path, rows, escaped, marked, data
):
    lines = [json.dumps(row, ensure_ascii=escaped).encode() + b"\n" for row in rows]
    whole = (b"\xef\xbb\xbf" if marked else b"") + b"".join(lines)
    cut = data.draw(st.integers(3 if marked else 0, len(whole)))
    path.write_bytes(whole[:cut])
    complete = whole[:cut].count(b"\n")
    found, refusal = [], ""
    try:
        found.extend(row for _, row in json_lines(path))
    except UsageError as error:
        refusal = str(error)
    if len(found) == complete:
        rest = whole[:cut].rpartition(b"\n")[2].removeprefix(b"\xef\xbb\xbf")
        assert bool(refusal) == bool(rest)
        assert not rest or f"line {complete + 1}: not " in refusal
        assert not rest or refusal.endswith("this line: is it still being written?")
    else:
        assert not refusal  # only the last line feed is missing
        complete += 1
    assert found == rows[:complete]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b'{"a": 1}\n{"a": \n{"a": 2}\n', "line 2: not JSON: Expecting value at column"),
        (b'{"a": 1}\n\xff\n', r"line 2: not UTF-8 text \(byte 0\)$"),
        (b'\n{"a": 1}\n[1]\n', "line 3: wanted an object, got list$"),
    ],
)
def test_a_broken_line_in_the_middle_is_only_that(path, text, words):
    path.write_bytes(text)
    with pytest.raises(UsageError, match=words) as raised:
        list(json_lines(path))
    assert "still being written" not in str(raised.value)


def test_a_file_that_is_none_is_refused(tmp_path):
    with pytest.raises(UsageError, match="it is a folder"):
        list(json_lines(tmp_path))
