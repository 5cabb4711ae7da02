"""Labelled pairs that are no one answer are none under a question either."""

import json
from pathlib import Path

import pytest

from bestofinf.answers import AutoAnswer
from bestofinf.records import Reply

PAIRS = [
    pair
    for line in (Path(__file__).parents[1] / "pairs.jsonl").read_text(encoding="utf-8").splitlines()
    if not (pair := json.loads(line))["same"]
    and pair["answer"] in ("auto", "text", "choice", "math")
]
QUESTIONS = (
    "What is the answer?", "How many days does it take?", "How much does it cost?", "Who wrote it?",
    "Is it valid?", "Which option is right?", "When was it opened?", "Wie lange dauert es?",
    "Quel est le résultat ?", "¿Cuánto es?", "答案是什么？", "答えは何ですか。",
)  # fmt: skip


@pytest.mark.parametrize("question", QUESTIONS)
def test_pairs_that_differ_differ_under_any_question(question):
    answer, unbound = AutoAnswer().for_question(question), AutoAnswer()
    for pair in PAIRS:
        first, second = (Reply(text=pair[side]) for side in ("first", "second"))
        votes = [answer.vote(reply)[0] for reply in (first, second)]
        if votes[0] != votes[1] or votes[0] is None:
            continue
        # Of another answer type it may be one answer to this one.
        assert unbound.vote(first)[0] == unbound.vote(second)[0], (pair, votes)
