"""How many replies without an answer end a vote in which none has one."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestofinf import Member, VotePlan
from bestofinf.answers import AutoAnswer, FunctionAnswer, TextAnswer
from bestofinf.drivers import vote
from bestofinf.ensemble.agreement import Scattered
from bestofinf.records import Reply, Sample
from bestofinf.rules import AheadBy, FixedSamples, MaxSamples, OptimalStopping
from bestofinf.rules.tally import Tally
from bestofinf.voting.engine import VotingEngine

STORY = "Once upon a time there was a fisherman who lived by the sea, and he told long stories to "
LONG = STORY + "all who came to hear him, until one day nobody came to listen to him any more."
SENTENCE = "It may well be so, but nobody who was asked could really tell us when."


def voted(*replies, answer=None, rule=None, **settings):
    """Return the decision on these replies in turn; the last is repeated."""
    asked = []

    def member(draw):
        asked.append(draw)
        return Sample(None, replies[min(draw.index, len(replies) - 1)])

    answer = answer or AutoAnswer()
    engine = VotingEngine(rule or OptimalStopping(), answer=answer, **settings)
    decision = vote(engine, member, answer=answer, concurrency=8)
    assert len(asked) == decision.n_samples
    return decision


def test_free_text_as_the_first_reply_ends_the_vote_for_one_request():
    decision = voted(Reply(LONG))
    assert (decision.n_samples, decision.answer) == (1, None)
    assert decision.reason == "unvotable: the first reply is free text"
    assert decision.winner.reply.text == LONG


def test_a_short_sentence_without_an_answer_ends_it_after_three():
    assert voted(Reply(SENTENCE)).n_samples == 3
    decision = voted(Reply(SENTENCE), Reply(SENTENCE), Reply("42"), rule=AheadBy(2))
    assert decision.answer == "42"


def test_free_text_that_comes_later_ends_nothing_by_itself():
    assert voted(Reply(SENTENCE), Reply(LONG), Reply("42"), rule=AheadBy(2)).answer == "42"


@pytest.mark.parametrize("reason", ["length", "max_tokens"])
@pytest.mark.parametrize("cut", range(1, 8))
def test_replies_that_were_cut_off_end_no_vote_that_others_can_decide(cut, reason):
    replies = [Reply(LONG, finish_reason=reason)] * cut
    assert voted(*replies, Reply("42"), rule=AheadBy(2)).answer == "42"


def test_a_reply_that_ends_within_a_thought_is_one_that_was_cut_off():
    replies = [Reply("<think>So the answer is 5, since")] * 7
    assert voted(*replies, Reply("42"), rule=AheadBy(2)).answer == "42"


def test_thoughts_make_no_free_text_of_a_short_reply():
    assert voted(Reply(f"<think>{LONG}</think>{SENTENCE}")).n_samples == 3
    assert voted(Reply(f"<think>{SENTENCE}</think>{LONG}")).n_samples == 1


def test_where_all_replies_are_cut_off_the_vote_ends_after_eight():
    assert voted(Reply(LONG, finish_reason="length")).n_samples == 8


def test_cut_off_replies_between_others_do_not_count_as_theirs():
    cut = Reply(LONG, finish_reason="length")
    replies = [Reply(SENTENCE), cut, Reply(SENTENCE), cut, Reply("42")]
    assert voted(*replies, rule=AheadBy(2)).answer == "42"
    assert voted(*replies[:-1], Reply(SENTENCE)).n_samples == 5


def test_a_limit_of_ones_own_counts_every_reply():
    assert voted(Reply(LONG), abstain_limit=5).n_samples == 5
    assert voted(Reply(LONG, finish_reason="length"), abstain_limit=2).n_samples == 2


def test_types_that_expect_an_answer_keep_their_limit():
    nothing = FunctionAnswer(lambda text: None)
    assert voted(Reply(LONG), answer=nothing, rule=FixedSamples(5)).n_samples == 5


@given(st.lists(st.sampled_from([LONG, SENTENCE, "42", "41"]), min_size=12, max_size=12), st.data())
def test_the_order_of_arrival_changes_nothing(texts, data):
    def told(order):
        engine = VotingEngine(AheadBy(3) | MaxSamples(40), answer=AutoAnswer(), launch="eager")
        answer = AutoAnswer()
        while not engine.done:
            for draw in sorted(engine.ask(4), key=order):
                reply = Reply(texts[draw.index % len(texts)])
                value, note = answer.vote(reply)
                engine.tell(draw, Sample(value, reply, note=note))
        decision = engine.decision()
        return decision.answer, decision.reason, decision.n_samples

    shuffled = data.draw(st.permutations(range(200)))
    assert told(lambda draw: draw.index) == told(lambda draw: shuffled[draw.index % 200])


# -- votes in words ---------------------------------------------------------------------------


def planned(texts, **settings):
    answer = settings.pop("answer", AutoAnswer())
    plan = VotePlan.make([Member("m", name="m")], answer=answer, **settings)
    return vote(
        plan.engine(),
        lambda draw: Sample(None, Reply(texts[draw.index % len(texts)])),
        answer=plan.answer,
        concurrency=1,
    )


TITLES = [
    f"A guide to returning {thing}" for thing in ["abacus", "bell", "candle", "dome", "egg", "fan"]
]
TITLES += [
    f"Returning {thing} made easy" for thing in ["gate", "hat", "inkwell", "jug", "kettle", "lamp"]
]


def test_a_vote_of_nothing_but_words_ends_after_eight_without_two_alike():
    decision = planned(TITLES)
    assert decision.n_samples == 8
    assert decision.reason.startswith("scattered: 8 votes in words, no two alike")


def test_two_alike_or_one_number_and_it_goes_on():
    assert planned([*TITLES[:5], TITLES[0], *TITLES[5:]]).n_samples > 8
    assert planned([*TITLES[:5], "42", *TITLES[5:]]).n_samples > 8


def test_numbers_and_types_that_know_of_no_words_go_on_to_the_rules_own_limit():
    assert planned([str(n * n) for n in range(40)]).n_samples == 24
    assert (
        planned(
            [f"{title} {n}" for n in range(4) for title in TITLES], answer=TextAnswer()
        ).n_samples
        == 24
    )


def test_a_rule_that_does_not_give_up_gives_up_on_no_words():
    assert planned(TITLES, rule=FixedSamples(11)).n_samples == 11
    assert planned(TITLES, rule=OptimalStopping(scatter=None), max_samples=10).n_samples == 10


@pytest.mark.parametrize("wordings", [4, 6, 10])
def test_many_wordings_of_which_none_leads_end_a_vote_of_words(wordings):
    source = random.Random(wordings)
    said = [f"alpha {chr(97 + source.randrange(wordings))}word here" for _ in range(64)]
    decision = planned(said)
    assert decision.reason.startswith("scattered: ")
    assert decision.n_samples <= 24


@pytest.mark.parametrize(
    ("said", "stops"), [("abc" * 6, False), ("aaaaabcdefgh", True), ("aaaaaabcdefg", False)]
)
def test_a_contest_of_few_answers_and_one_that_leads_go_on(said, stops):
    tally = Tally()
    for letter in said:
        tally.vote(f"{letter}word it is")
    rule = Scattered(AutoAnswer())
    assert (rule.check(tally) is not None) is stops
    assert rule.needed(tally, [0] * 8) == 1
