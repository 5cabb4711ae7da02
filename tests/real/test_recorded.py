"""The recorded replies of a real model: complete, and their probabilities are probabilities."""

import math
from collections import Counter, defaultdict

import pytest

from support.real.questions import KINDS, PROMPTS, fingerprint, questions
from support.real.record import REPLIES, SAMPLING, processed
from support.real.recorded import FILE, evaluation_set, head, recorded

LARGEST = 300_000  # bytes


def test_the_set_has_all_questions_with_all_replies_and_is_small():
    assert head()["questions"] == fingerprint()
    assert head()["sampling"] == SAMPLING
    asked = [(q.id, q.text, q.gold, q.choices) for q in recorded()]
    assert asked == [(q.id, q.text, q.gold, q.choices) for q in questions()]
    assert len(asked) == 256
    assert all(len(q.replies[prompt]) == REPLIES for q in recorded() for prompt in PROMPTS)
    assert FILE.stat().st_size < LARGEST


def test_probabilities_are_at_most_one_and_those_of_cut_off_tails_are_gone():
    for question in recorded():
        for drawn in question.replies.values():
            for reply in drawn:
                assert len(reply.raw) == len(reply.processed) <= SAMPLING["max_tokens"]
                assert all(value <= 0 for value in (*reply.raw, *reply.processed))
                assert (reply.finish_reason == "stop") or len(reply.raw) == SAMPLING["max_tokens"]


@pytest.mark.parametrize("prompt", PROMPTS)
def test_processed_probabilities_are_those_that_replies_are_drawn_with(prompt):
    # Every draw adds the chance of the replies that it could not repeat less that it did: the sum
    # over many questions is within a few of its standard deviations of 0. Raw ones are too small.
    def surplus(kind):
        total, variance = 0.0, 0.0
        for question in recorded():
            drawn = question.replies[prompt]
            first = drawn[0]
            p = math.exp(first.logprob(kind))
            again = sum(reply.text == first.text for reply in drawn[1:])
            total += again - p * (len(drawn) - 1)
            variance += p * (1 - p) * (len(drawn) - 1)
        return total / math.sqrt(variance)

    assert abs(surplus("processed")) < 4
    assert surplus("raw") > 10


def test_the_masses_of_different_replies_sum_to_at_most_one():
    # One text has slightly different probabilities in different requests: the server's sums of
    # floats depend on what else it computes at the time.
    above = 0
    for question in recorded():
        for drawn in question.replies.values():
            masses = defaultdict(list)
            for reply in drawn:
                if reply.finish_reason == "stop":
                    masses[reply.text].append(math.exp(reply.logprob("processed")))
            total = sum(sum(found) / len(found) for found in masses.values())
            assert total < 1.1
            above += total > 1.02
    assert above < 0.02 * 2 * len(recorded())


def test_cuts_and_temperature_are_those_of_the_server():
    top = [math.log(p) for p in (0.6, 0.3, 0.06, 0.02, 0.01)]  # .95 is reached with the third
    sharp = [p**1.25 for p in (0.6, 0.3, 0.06)]
    assert math.exp(processed(top, 0)) == pytest.approx(sharp[0] / sum(sharp))
    assert math.exp(processed([math.log(0.9), math.log(0.04)], 0)) == pytest.approx(1.0)


def test_the_set_is_read_as_replies_with_their_log_probabilities():
    found = evaluation_set("raw")
    assert found.members == PROMPTS
    first = recorded()[0].replies["few"][0]
    reply = found.questions[0].samples["few"].replies[0]
    assert reply.text == first.text
    assert reply.logprob == pytest.approx(first.logprob("raw"))
    kinds = Counter(question.id.partition("/")[0] for question in found)
    assert kinds == dict.fromkeys(KINDS, 32)
