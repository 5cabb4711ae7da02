"""Votes on objects field by field."""

import json

from bestofinf.answers import JsonAnswer
from bestofinf.drivers import vote
from bestofinf.records import Reply, Sample
from bestofinf.rules.budgets import FixedSamples, MaxSamples
from bestofinf.rules.lead import AheadBy
from bestofinf.voting.engine import VotingEngine


def decide(objects, answer, rule):
    def sample(draw):
        return Sample(None, reply=Reply(text=json.dumps(objects[draw.index % len(objects)])))

    return vote(VotingEngine(rule, answer=answer), sample, concurrency=3, answer=answer)


def test_each_field_has_its_own_winner_though_no_reply_says_just_that():
    objects = [
        {"name": "Ada", "age": 36, "city": "Paris"},
        {"name": "Ada", "age": 35, "city": "London"},
        {"name": "Eda", "age": 36, "city": "London"},
    ]
    decision = decide(objects, JsonAnswer(fields=["name", "age", "city"]), FixedSamples(3))
    assert json.loads(decision.winner.reply.text) == {"name": "Ada", "age": 36, "city": "London"}
    assert json.loads(decision.answer) == {"name": "Ada", "age": 36, "city": "London"}
    assert sum(decision.votes.values()) == 3
    assert 0 <= decision.confidence < 1


def test_the_vote_goes_on_until_every_field_is_settled():
    objects = [{"a": 1, "b": 1}, {"a": 1, "b": 2}, {"a": 1, "b": 1}, {"a": 1, "b": 1}]
    rule = AheadBy(2) | MaxSamples(30)
    assert decide(objects, JsonAnswer(fields=["a"]), rule).n_samples == 2
    both = decide(objects, JsonAnswer(fields=["a", "b"]), rule)
    assert both.n_samples == 4
    assert both.n_cancelled == 0
    assert both.reason == "a: ahead-by: lead of 4; b: ahead-by: lead of 2"


def test_a_field_that_is_missing_abstains_in_that_field_alone():
    objects = [{"a": 1}, {"a": 1, "b": 2}, {"a": 1}, {"a": 3, "b": 2}]
    decision = decide(objects, JsonAnswer(fields=["a", "b"]), FixedSamples(4))
    assert json.loads(decision.answer) == {"a": 1, "b": 2}
