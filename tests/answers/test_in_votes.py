"""Answer types at work in votes, with threads and with asyncio."""

import asyncio
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bestofinf.answers import AutoAnswer, JudgeAnswer, MathAnswer, RedFlags, resolve_answer
from bestofinf.drivers import avote, vote
from bestofinf.records import Reply, Sample, Usage
from bestofinf.rules import parse_rule
from bestofinf.rules.budgets import FixedSamples, MaxSamples
from bestofinf.voting.engine import VotingEngine

ONE_CALL = Usage(input_tokens=7, output_tokens=1, calls=1)


def in_threads(texts, answer, **fields):
    engine = VotingEngine(FixedSamples(len(texts)), answer=answer)

    def sample(draw):
        return Sample(None, reply=Reply(text=texts[draw.index % len(texts)], **fields))

    return vote(engine, sample, concurrency=3, answer=answer)


def in_a_loop(texts, answer, **fields):
    engine = VotingEngine(FixedSamples(len(texts)), answer=answer)

    async def sample(draw):
        # Later draws arrive first.
        await asyncio.sleep(0.002 * (len(texts) - draw.index))
        return Sample(None, reply=Reply(text=texts[draw.index % len(texts)], **fields))

    return asyncio.run(avote(engine, sample, concurrency=len(texts), answer=answer))


@pytest.mark.parametrize("ask", [in_threads, in_a_loop])
def test_answers_that_mean_the_same_are_one_vote(ask):
    texts = [r"\boxed{11(1+\sqrt5)}", r"\boxed{7}", r"\boxed{11\sqrt{5}+11}", "The answer is 7.0"]
    texts.append(r"\boxed{11+11\sqrt{5}}")
    decision = ask(texts, MathAnswer())
    assert dict(decision.votes) == {r"11(1+\sqrt{5})": 3, "7": 2}
    assert decision.winner.reply.text == texts[0]


@pytest.mark.parametrize("ask", [in_threads, in_a_loop])
def test_what_the_judge_costs_is_booked(ask):
    def judge(prompt):
        return ("YES" if prompt.count("ain") == 2 else "NO"), ONE_CALL

    kind = JudgeAnswer(judge, both_ways=False)
    decision = ask(["It rains.", "Rain is falling.", "The sun shines."], kind)
    assert sorted(decision.votes.values()) == [1, 2]
    assert decision.usage.calls > 3
    assert decision.usage.input_tokens % 7 == 0


def test_red_flags_are_counted_as_abstentions_with_their_reason():
    decision = in_threads(["42", "x" * 50, "42", "I'm sorry, I can't help with that."],
                          RedFlags(AutoAnswer(), max_chars=40))  # fmt: skip
    assert decision.n_abstained == 2
    assert decision.answer == "42"
    notes = [trace.outcome.note for trace in decision.trail]
    assert notes == ["", "too long: 50 characters", "", "refused"]


def test_a_function_that_raises_makes_its_sample_a_failure_and_not_the_vote():
    kind = resolve_answer(lambda text: 1 / len(text))
    decision = in_threads(["a", "", "b", "c"], kind)
    assert decision.n_failed == 1
    assert sum(decision.votes.values()) == 4
    assert decision.votes[1.0] == 4


TEXTS = ("1/2", "0.5", r"\frac{1}{2}", "2", "2.0", "1+1", "hello there", "I don't know", "")


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=9))
def test_totals_are_conserved_and_classes_hold_what_means_the_same(texts):
    texts = ["3", *texts]  # a vote in which nobody can vote ends early
    decision = in_threads(texts, AutoAnswer())
    voted = [t for t in texts if t not in ("", "I don't know")]
    assert sum(decision.votes.values()) == len(voted)
    assert decision.n_abstained == len(texts) - len(voted)
    kind = AutoAnswer()
    for first in decision.votes:
        for second in decision.votes:
            assert kind.same(first, second) == (first == second)


RIGHT = [
    "30 days.",
    "The return window is 30 days.",
    "Within 30 days of purchase.",
    "You have 30 days.",
]
FACTS = 80


@pytest.mark.parametrize(
    ("question", "judged"),
    [("How long can things be returned?", False), ("Tell me the window?", True)],
)
def test_a_fact_in_four_wordings_wins_against_a_mistake_in_one(question, judged):
    asked = []

    def judge(prompt):
        asked.append(prompt)
        *old, new = re.findall(r"<(\w+)>\n(.*?)\n</\1>", prompt, re.S)[1:]
        same = [n for n, (_, text) in enumerate(old, 1) if ("14" in text) == ("14" in new[1])]
        return str(same[0] if same else 0)

    requests = right = 0
    for seed in range(FACTS):
        source = random.Random(seed)
        answer = AutoAnswer(judge=judge if judged else None).for_question(question)
        engine = VotingEngine(parse_rule("balanced") | MaxSamples(64), answer=answer, seed=seed)

        def sample(draw, source=source):
            text = source.choice(RIGHT) if source.random() < 0.67 else "14 days."
            return Sample(None, reply=Reply(text=text))

        decision = vote(engine, sample, concurrency=1, answer=answer)
        requests += decision.n_samples
        right += "30" in decision.winner.reply.text
    assert right / FACTS >= 0.9
    assert requests / FACTS <= 15  # 12.7 in the mean, with an error of .8
    assert len(asked) / FACTS <= 3
    assert bool(asked) == judged
