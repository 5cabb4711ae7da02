"""Lists by agreement: the items that at least half of the replies have."""

from __future__ import annotations

import json

import pytest
from pydantic import BaseModel

from bestofinf import UsageError, VotingEngine
from bestofinf.answers import JsonAnswer, RedFlags
from bestofinf.records import Reply, Sample, Usage
from bestofinf.rules import parse_rule

HALF = "items in at least half"


class Post(BaseModel):
    title: str
    tags: list[str] = []


def said(answer, *replies, rule="fixed:n={}", weights=(1.0,)):
    """Return the decision on replies given in turn, as objects or as an exception for a failure."""
    engine = VotingEngine(
        parse_rule(rule.format(len(replies))), members=list(weights), answer=answer
    )
    script = iter(replies)
    while not engine.done:
        for draw in engine.ask(1):
            value = next(script)
            reply = Reply(text=value if isinstance(value, str) else json.dumps(value))
            found, note = answer.vote(reply)
            engine.tell(draw, Sample(found, reply=reply, note=note, usage=Usage(calls=1)))
    return engine.decision()


def handed_out(decision):
    return json.loads(decision.winner.reply.text)


def test_every_item_has_a_vote_of_its_own_and_half_is_enough():
    answer = JsonAnswer(merge={"tags": HALF})
    decision = said(
        answer,
        {"title": "a", "tags": ["x", "y"]},
        {"title": "a", "tags": ["y", "z", "y"]},
        {"title": "a", "tags": ["y", "w", "x"]},
        {"title": "a", "tags": []},
    )
    assert handed_out(decision) == {"title": "a", "tags": ["x", "y"]}
    assert json.loads(decision.answer) == {"title": "a", "tags": ["x", "y"]}


def test_the_rest_is_voted_on_as_a_whole_and_ignored_fields_are_copied():
    answer = JsonAnswer(merge={"tags": HALF}, ignore=["why"])
    decision = said(
        answer,
        {"title": "b", "tags": ["x", "y"], "why": "1"},
        {"title": "a", "tags": ["x"], "why": "2"},
        {"title": "a", "tags": ["x", "y"], "why": "3"},
    )
    assert handed_out(decision) == {"title": "a", "tags": ["x", "y"], "why": "2"}


def test_fields_may_be_voted_on_beside_it():
    answer = JsonAnswer(fields=["title"], merge={"tags": HALF})
    decision = said(
        answer,
        {"title": "a", "tags": ["x"]},
        {"title": "b", "tags": ["y", {"deep": 1.0}]},
        {"title": "a", "tags": ["y", {"deep": 1}]},
    )
    assert handed_out(decision) == {"title": "a", "tags": ["y", {"deep": 1.0}]}


def test_a_reply_without_the_list_says_nothing_of_its_items():
    answer = JsonAnswer(merge={"tags": HALF})
    replies = ({"a": 1, "tags": ["x"]}, {"a": 1}, {"a": 1}, {"a": 1, "tags": ["x", "y"]})
    decision = said(answer, *replies)
    # x is in both lists, y in one of two.
    assert handed_out(decision)["tags"] == ["x", "y"]


def test_a_vote_goes_on_until_every_item_is_decided():
    answer = JsonAnswer(merge={"tags": HALF})
    same = [{"tags": ["x"]}] * 3
    assert said(answer, *same, rule="ahead-by:votes=3").n_samples == 3
    mixed = [{"tags": ["x", "y"]}, *[{"tags": ["x"]}] * 4]
    decision = said(answer, *mixed, rule="ahead-by:votes=3")
    assert decision.n_samples == 5
    assert handed_out(decision) == {"tags": ["x"]}


def test_weights_count():
    answer = JsonAnswer(merge={"tags": HALF})
    engine = VotingEngine(parse_rule("fixed:n=4"), members=[0.9, 0.1], answer=answer)
    while not engine.done:
        for draw in engine.ask(1):
            reply = Reply(
                text=json.dumps({"tags": ["heavy", "both"] if draw.member == 0 else ["both"]})
            )
            engine.tell(draw, Sample(answer.vote(reply)[0], reply=reply, usage=Usage(calls=1)))
    assert handed_out(engine.decision()) == {"tags": ["heavy", "both"]}


def test_the_object_handed_out_is_one_of_the_schema():
    answer = JsonAnswer(schema=Post, merge={"tags": HALF})
    decision = said(
        answer,
        {"title": "a", "tags": ["x"]},
        {"title": "a", "tags": ["x", "y"]},
        {"title": "a", "tags": ["y"]},
    )
    assert decision.winner.reply.parsed == Post(title="a", tags=["x", "y"])


def test_a_flag_before_it_changes_nothing():
    answer = RedFlags(JsonAnswer(merge={"tags": HALF}))
    decision = said(answer, {"tags": ["x"]}, {"tags": ["x", "y"]}, {"tags": ["x"]})
    assert handed_out(decision) == {"tags": ["x"]}


def test_a_field_that_is_no_list_abstains():
    assert (
        JsonAnswer(merge={"tags": HALF}).vote(Reply(text='{"tags": "x"}'))[1] == "tags is no list"
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"merge": {"tags": "items in most"}},
            "must be 'items in at least half', got 'items in most'",
        ),
        ({"merge": ["tags"]}, "must map fields"),
        ({"merge": {"title": HALF}, "schema": Post}, "no list but 'string'"),
        ({"merge": {"nothing": HALF}, "schema": Post}, "no field 'nothing'"),
        ({"merge": {"tags": HALF}, "ignore": ["tags"]}, "leave it out"),
    ],
)
def test_what_cannot_be_merged_is_refused(given, message):
    with pytest.raises(UsageError, match=message):
        JsonAnswer(**given)
