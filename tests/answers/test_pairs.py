"""The labelled table of answers that are, and are not, one vote."""

import json
from collections import Counter
from itertools import permutations
from pathlib import Path

import pytest

from bestofinf.answers import AnswerClasses, resolve_answer
from bestofinf.records import Reply

PAIRS = [
    json.loads(line)
    for line in Path(__file__).with_name("pairs.jsonl").read_text(encoding="utf-8").splitlines()
]
RECALL = 0.97
"""Share of the equivalent pairs that must be merged: a missed merge only costs samples."""


@pytest.fixture(scope="module")
def kinds():
    return {name: resolve_answer(name) for name in {pair["answer"] for pair in PAIRS}}


def merged(kind, pair):
    first, second = (kind.vote(Reply(text=pair[side]))[0] for side in ("first", "second"))
    if first is None or second is None:
        return False
    assert kind.same(first, second) == kind.same(second, first)
    return kind.same(first, second)


def test_the_table_is_large_and_covers_what_people_vote_on():
    assert len(PAIRS) >= 300
    of_kind = Counter((pair["kind"], pair["same"]) for pair in PAIRS)
    for kind in ("mathematics", "choices", "numbers", "dates", "units", "json", "tool calls"):
        assert of_kind[kind, True] >= 5
        assert of_kind[kind, False] >= 5
    assert len({(p["answer"], p["first"], p["second"]) for p in PAIRS}) == len(PAIRS)


def test_no_pair_that_differs_is_merged(kinds):
    wrong = [p for p in PAIRS if not p["same"] and merged(kinds[p["answer"]], p)]
    assert wrong == []


def test_auto_merges_no_pair_that_differs_of_any_text(kinds):
    texts = [p for p in PAIRS if p["answer"] in ("auto", "math") and not p["same"]]
    assert [p for p in texts if merged(kinds["auto"], p)] == []


def test_math_merges_no_pair_that_differs_of_any_text(kinds):
    texts = [p for p in PAIRS if p["answer"] in ("auto", "math") and not p["same"]]
    assert [p for p in texts if merged(kinds["math"], p)] == []


def test_most_pairs_that_agree_are_merged(kinds):
    for name, kind in kinds.items():
        equal = [p for p in PAIRS if p["same"] and p["answer"] == name]
        missed = [p for p in equal if not merged(kind, p)]
        assert len(missed) <= (1 - RECALL) * len(equal), missed


def test_order_of_arrival_does_not_change_the_classes_of_equivalent_answers(kinds):
    kind = kinds["math"]
    answers = [
        kind.canonical(t) for t in (r"\frac12", "0.5", r"\frac{2}{4}", "1/3", r"\frac{3}{9}")
    ]
    groups = set()
    for order in permutations(answers):
        classes = AnswerClasses(kind)
        for answer in order:
            classes.place(answer)
        groups.add(
            frozenset(
                frozenset(a for a in answers if classes.place(a) == classes.place(b))
                for b in answers
            )
        )
    assert len(groups) == 1


def test_where_equivalence_is_not_transitive_an_answer_joins_the_oldest_class_it_equals(kinds):
    kind = kinds["math"]
    bare, centi, metre = map(kind.canonical, ("5", r"5\text{ cm}", r"5\text{ m}"))
    assert kind.same(bare, centi)
    assert kind.same(bare, metre)
    assert not kind.same(centi, metre)

    classes = AnswerClasses(kind)
    assert [classes.place(a) for a in (centi, metre, bare)] == [centi, metre, centi]
    classes = AnswerClasses(kind)
    assert [classes.place(a) for a in (bare, centi, metre)] == [bare, bare, bare]
