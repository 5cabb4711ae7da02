"""The rule that counts how probable replies are: what it proves, what it weighs, and what it refuses."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bestofinf import Member, Reply, Sample, UsageError, vote
from bestofinf.answers import resolve_answer
from bestofinf.ensemble.plan import VotePlan
from bestofinf.records.likelihood import likelihood
from bestofinf.rules import MaxSamples, OptimalStopping, ProbabilityMass, parse_rule
from bestofinf.rules.mass_arrays import MassArrays
from bestofinf.rules.masses import Masses
from bestofinf.rules.tally import Tally
from bestofinf.rules.tally_arrays import TallyArrays
from bestofinf.voting.engine import VotingEngine

CERTIFICATE_ALONE = ProbabilityMass(1e-7, scatter=None)
NAMED = ("text", "choice", "json", "tool-calls")


def told(answer, probability, said=None, kind="processed"):
    """Return what a reply tells, whose text is its answer unless `said` is given."""
    return likelihood(math.log(probability), 3, kind, said or answer)


def tally_of(*replies, weights=(1.0,)):
    """Return a tally of replies: answer, probability, and perhaps text and member."""
    tally = Tally(weights)
    for reply in replies:
        answer, probability, said, member = (*reply, *(None, 0)[len(reply) - 2 :])
        tally.told(answer, told(answer, probability, said), member=member)
        tally.spend(tokens=3)
        if answer is None:
            tally.abstain()
        else:
            tally.vote(answer, member=member)
    return tally


READ = st.tuples(
    st.sampled_from(["a", "b", None]), st.sampled_from([0.05, 0.2, 0.3]), st.sampled_from("vwx")
)


@given(st.lists(READ, min_size=1, max_size=12))
def test_a_text_that_is_read_as_several_answers_counts_for_the_first(replies):
    rows = MassArrays(1, 2, 1, 3)
    masses, first, reports = Masses(1), {}, {}
    for answer, probability, said in replies:
        masses.add(answer, told(answer, probability, said), 0)
        place = np.array(["vwx".index(said)])
        number = np.array([-1 if answer is None else "ab".index(answer)])
        zero, true = np.array([0]), np.array([True])
        rows.add(number, zero, place, np.array([probability]), true)
        reports.setdefault(said, []).append(probability)
        if answer is not None:
            first.setdefault(said, answer)
    means = {said: sum(all_) / len(all_) for said, all_ in reports.items()}
    silent = sum(mean for said, mean in means.items() if said not in first)
    expected = {
        answer: sum(means[said] for said, one in first.items() if one == answer) / (1 - silent)
        for answer in first.values()
    }
    found = masses.shares([1.0], all_members=True)
    assert found.seen == pytest.approx(expected)
    many = rows.shares([1.0], all_members=True).seen[0]
    assert many.tolist() == pytest.approx([expected.get(answer, 0.0) for answer in "ab"])
    assert min(many) > -1e-12


# -- the certificate ------------------------------------------------------------------------


def test_one_reply_with_half_of_the_probability_ends_a_vote():
    verdict = CERTIFICATE_ALONE.check(tally_of(("a", 0.5)))
    assert verdict.answer == "a"
    assert verdict.confidence == 1
    assert verdict.reason == "mass: certified, 0.5 of the probability against 0, 0.5 unseen"
    assert CERTIFICATE_ALONE.check(tally_of(("a", 0.499))) is None


def test_the_second_and_the_unseen_may_be_one_answer():
    assert CERTIFICATE_ALONE.check(tally_of(("a", 0.55), ("b", 0.2))) is not None
    assert CERTIFICATE_ALONE.check(tally_of(("a", 0.4), ("b", 0.2))) is None
    assert CERTIFICATE_ALONE.check(tally_of(("a", 0.4), ("b", 0.2), ("c", 0.2))) is not None


def test_a_text_that_is_said_again_counts_once():
    tally = tally_of(*[("a", 0.3)] * 20)
    assert CERTIFICATE_ALONE.check(tally) is None
    assert tally.masses.shares([1], all_members=True).seen == {"a": pytest.approx(0.3)}


def test_distinct_texts_of_one_answer_add_up():
    tally = tally_of(("a", 0.3, "A"), ("a", 0.2, "It is A."))
    assert CERTIFICATE_ALONE.check(tally).answer == "a"


def test_the_mode_by_probability_wins_even_against_more_votes():
    tally = tally_of(("b", 0.3), ("b", 0.3), ("b", 0.3), ("a", 0.6))
    assert tally.leader == "b"
    assert CERTIFICATE_ALONE.check(tally).answer == "a"


def test_replies_without_an_answer_are_no_part_of_what_is_voted_on():
    # Of what is voted on a has .4 / .5, of all that is seen .4.
    tally = tally_of((None, 0.5, "I do not know."), ("a", 0.4))
    assert tally.masses.shares([1], all_members=True).seen["a"] == pytest.approx(0.8)
    assert CERTIFICATE_ALONE.check(tally) is not None


@pytest.mark.parametrize("kind", ["raw", None])
def test_only_probabilities_that_are_sampled_from_prove_anything(kind):
    tally = Tally()
    tally.told("a", told("a", 0.9, kind=kind))
    tally.vote("a")
    assert CERTIFICATE_ALONE.check(tally) is None


def test_probabilities_that_sum_to_more_than_1_prove_nothing_and_are_told_of():
    tally = tally_of(("a", 0.9), ("b", 0.2), ("c", 0.3))
    assert CERTIFICATE_ALONE.check(tally) is None
    assert "sum to 1.4" in CERTIFICATE_ALONE.gap(tally)
    assert CERTIFICATE_ALONE.gap(tally_of(("a", 0.9), ("b", 0.105))) == ""  # rounded by the server


def test_a_member_that_tells_nothing_is_unseen():
    silent = tally_of(("a", 1.0), weights=(0.4, 0.6))
    assert CERTIFICATE_ALONE.check(silent) is None
    assert CERTIFICATE_ALONE.check(tally_of(("a", 1.0), weights=(0.5, 0.5))) is not None


def test_members_enter_with_their_weights():
    replies = (("a", 0.9, None, 0), ("b", 0.8, None, 1))
    assert CERTIFICATE_ALONE.check(tally_of(*replies, weights=(0.5, 0.5))) is None
    assert CERTIFICATE_ALONE.check(tally_of(*replies, weights=(0.7, 0.3))).answer == "a"


def chances_of(rng, answers):
    """Return the chances of replies and the answer of each: some answers are said in several ways."""
    ways = rng.integers(1, 4, size=answers)
    answer = np.repeat(np.arange(answers), ways)
    share = rng.dirichlet(np.full(answers, 10 ** rng.uniform(-2.0, 0.5)))
    split = np.concatenate([rng.dirichlet(np.ones(n)) for n in ways])
    chance = np.maximum(share[answer] * split, 1e-300)
    return chance / chance.sum(), answer


def certified_wrongly(distributions, seed, most=200):
    """Let the certificate end votes on made distributions of 2 to 500 answers; count the wrong ones.

    Returns:
        Votes that it ended, those that it ended wrongly, and the mean samples of what it ended.
    """
    rng = np.random.default_rng(seed)
    ended = wrong = samples = 0
    for size in (2, 3, 5, 10, 30, 100, 500):
        rows = distributions // 7 + 1
        made = [chances_of(rng, size) for _ in range(rows)]
        replies = max(len(chance) for chance, _ in made)
        chance = np.array([np.pad(c, (0, replies - len(c))) for c, _ in made])
        answer = np.array([np.pad(a, (0, replies - len(a))) for _, a in made])
        share = np.zeros((rows, size))
        np.add.at(share, (np.arange(rows)[:, None], answer), chance)
        steps = chance.cumsum(axis=1)
        tallies = TallyArrays(rows, size)
        tallies.masses = MassArrays(rows, size, 1, replies)
        left = np.arange(rows)
        for step in range(most):
            drawn = (rng.random((len(left), 1)) > steps[left]).sum(axis=1)
            drawn = np.minimum(drawn, replies - 1)
            tallies.count(
                answer[left, drawn],
                tokens=np.full(len(left), 3),
                member=np.zeros(len(left), dtype=np.int64),
                said=(drawn, chance[left, drawn], np.ones(len(left), dtype=np.bool_)),
            )
            fired, elected = CERTIFICATE_ALONE._certified_many(tallies)
            rows_fired = left[fired]
            best = share[rows_fired].max(axis=1)
            wrong += int((share[rows_fired, elected[fired]] < best - 1e-9).sum())
            ended, samples = ended + len(rows_fired), samples + (step + 1) * len(rows_fired)
            tallies.keep(~fired)
            left = left[~fired]
            if not len(left):
                break
    return ended, wrong, samples / ended


def test_the_certificate_is_never_wrong():
    ended, wrong, samples = certified_wrongly(700, seed=1)
    assert wrong == 0
    assert ended > 300
    assert samples < 30


@pytest.mark.soak
def test_the_certificate_is_never_wrong_on_ten_thousand_distributions():
    ended, wrong, _ = certified_wrongly(10_000, seed=2)
    assert (wrong, ended > 5000) == (0, True)


# -- properties -----------------------------------------------------------------------------

replies = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", None]),
        st.sampled_from(["x", "y", "z"]),
        st.integers(0, 1),
    ),
    min_size=1,
    max_size=25,
)
RULES = (CERTIFICATE_ALONE, ProbabilityMass(), ProbabilityMass(kappa=6.0))


def made_tally(drawn, merged=False, kind="processed"):
    tally = Tally((0.6, 0.4), seed=3)
    for answer, way, member in drawn:
        said = f"{answer} {way}"
        known = likelihood(-1.0 - len(said) / 2 - ord(way) / 300, 2, kind, said)
        value = "a" if merged and answer == "b" else answer
        tally.told(value, known, member=member)
        tally.spend(tokens=3)
        if value is None:
            tally.abstain()
        else:
            tally.vote(value, member=member)
    return tally


@given(replies, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_order_of_arrival_changes_nothing(drawn, chance):
    shuffled = list(drawn)
    chance.shuffle(shuffled)
    one, other = made_tally(drawn), made_tally(shuffled)
    for rule in RULES:
        first, second = rule.check(one), rule.check(other)
        assert (first is None) == (second is None)
        if first is not None and second is not None:
            assert first.answer == second.answer
        mine, theirs = rule.elects(one), rule.elects(other)
        assert (mine and mine.answer) == (theirs and theirs.answer)


@given(replies)
@settings(max_examples=100, deadline=None)
def test_merged_answers_have_the_sum_of_their_shares(drawn):
    apart, merged = (
        made_tally(drawn, m).masses.shares((0.6, 0.4), all_members=True) for m in (0, 1)
    )
    expected = apart.seen.get("a", 0.0) + apart.seen.get("b", 0.0)
    assert merged.seen.get("a", 0.0) == pytest.approx(expected)
    assert merged.unseen == pytest.approx(apart.unseen)


@given(replies, st.integers(0, 24))
@settings(max_examples=100, deadline=None)
def test_duplicates_add_no_share(drawn, place):
    again = [*drawn, drawn[place % len(drawn)]]
    one, other = (made_tally(d).masses.shares((0.6, 0.4), all_members=True) for d in (drawn, again))
    assert one.seen == pytest.approx(other.seen)
    assert one.unseen == pytest.approx(other.unseen)


@given(replies)
@settings(max_examples=60, deadline=None)
def test_a_copy_does_not_change_what_it_was_made_from(drawn):
    tally = made_tally(drawn)
    before = tally.masses.shares((0.6, 0.4), all_members=True)
    copied = tally.copy()
    copied.told("d", told("d", 0.01), member=1)
    assert tally.masses.shares((0.6, 0.4), all_members=True) == before
    assert copied.masses.shares((0.6, 0.4), all_members=True) != before


# -- evidence -------------------------------------------------------------------------------


def test_without_probabilities_it_is_optimal_stopping():
    for votes in ("aa", "aaa", "aab", "aaaa", "ababab"):
        tally = Tally()
        for answer in votes:
            tally.spend(tokens=9)
            tally.vote(answer, tokens=9)
        plain, mass = OptimalStopping().check(tally), ProbabilityMass(kappa=6).check(tally)
        assert (plain is None) == (mass is None)
        if mass is not None:
            assert mass.reason.startswith("mass: ")
            assert "no reply told its log-probability" in ProbabilityMass().gap(tally)


def raw_tally(*replies):
    tally = Tally()
    for answer, probability in replies:
        tally.told(answer, told(answer, probability, kind="raw"))
        tally.spend(tokens=3)
        tally.vote(answer)
    return tally


def test_probable_replies_end_a_vote_earlier_and_improbable_ones_later():
    rule = ProbabilityMass(kappa=6.0)
    assert rule.check(raw_tally(("a", 0.97))) is not None
    assert ProbabilityMass().check(raw_tally(("a", 0.97))) is None
    few = [("a", 0.05)] * 4
    assert ProbabilityMass().check(raw_tally(*few)) is not None
    assert rule.check(raw_tally(*few)) is None  # an answer not seen yet may have the rest


def test_the_leader_is_elected_by_votes_and_shares_together():
    tally = raw_tally(("b", 0.1), ("b", 0.1), ("a", 0.7))
    assert ProbabilityMass(kappa=6.0).elects(tally).answer == "a"
    assert ProbabilityMass(kappa=1.0).elects(tally).answer == "b"
    assert ProbabilityMass().elects(tally) is None


def test_a_budget_that_ends_a_vote_leaves_the_election_to_the_rule():
    outcomes = [("b", 0.1), ("b", 0.1), ("a", 0.7)]

    def sample(draw):
        answer, probability = outcomes[draw.index]
        return Sample(answer, reply=Reply(answer), likelihood=told(answer, probability, kind="raw"))

    decision = vote(VotingEngine(ProbabilityMass(1e-7, kappa=6.0) | MaxSamples(3)), sample)
    assert decision.answer == "a"
    assert decision.reason.startswith("max-samples")
    assert 0 < decision.confidence < 1


def test_an_engine_stops_after_one_sure_reply_and_starts_no_other():
    calls = []

    def sample(draw):
        calls.append(draw)
        reply = Reply("yes", logprobs=(-0.1, -0.2), logprob_kind="processed")
        return Sample("yes", reply=reply)

    decision = vote(VotingEngine(ProbabilityMass()), sample)
    assert (decision.answer, decision.n_samples, len(calls)) == ("yes", 1, 1)
    assert decision.confidence == 1
    assert decision.reason.startswith("mass: certified")


def test_classes_that_mean_the_same_add_up_in_a_vote():
    answer = resolve_answer("text")
    texts = iter(["Yes.", "yes"])

    def sample(draw):
        text = next(texts)
        reply = Reply(text, logprobs=(math.log(0.3),), logprob_kind="processed")
        return Sample(answer.vote(reply)[0], reply=reply)

    decision = vote(VotingEngine(CERTIFICATE_ALONE, answer=answer), sample)
    assert decision.n_samples == 2
    assert "0.6 of the probability" in decision.reason


def test_an_object_is_decided_part_by_part():
    texts = iter(['{"x": 1, "y": 1}', '{"x": 1, "y": 2}'])
    answer = resolve_answer("json")

    def sample(draw):
        reply = Reply(next(texts), logprobs=(math.log(0.4),), logprob_kind="processed")
        return Sample(answer.vote(reply)[0], reply=reply)

    decision = vote(VotingEngine(CERTIFICATE_ALONE | MaxSamples(2), answer=answer), sample)
    assert decision.n_samples == 2


# -- looking ahead --------------------------------------------------------------------------


def test_the_next_reply_may_always_end_it_unless_members_tell_nothing():
    rule = ProbabilityMass()
    assert rule.needed(Tally(), [0] * 8) == 1
    assert rule.needed(tally_of(("a", 0.2)), [0] * 8) == 1
    quiet = Tally()
    quiet.vote("a")
    assert rule.needed(quiet, [0] * 8) == OptimalStopping().needed(quiet, [0] * 8)


@given(replies, st.sampled_from([0.2, 0.5, 0.8]), st.sampled_from(RULES))
@settings(max_examples=100, deadline=None)
def test_chances_begin_with_1_and_never_rise(drawn, least, rule):
    tally = made_tally(drawn)
    if rule.check(tally) is not None:
        return
    found = rule.chances(tally, [0, 1] * 4, least)
    assert found[0] == 1
    assert all(a >= b for a, b in pairwise(found))
    assert min(found) >= least


# -- many at once ---------------------------------------------------------------------------


@pytest.mark.parametrize("weights", [(1.0,), (0.6, 0.4)])
@pytest.mark.parametrize("kind", ["processed", "raw"])
def test_many_tallies_are_as_many_tallies(weights, kind):
    chance = random.Random(5)
    rows, answers, ways, members = 30, 4, 3, len(weights)
    probability = {
        (m, a, w): chance.random() / 12 for m in range(members) for a in range(-1, answers) for w in range(ways)
    }  # fmt: skip
    keys = list(probability)
    singles = [Tally(weights) for _ in range(rows)]
    many = TallyArrays(rows, answers, weights=weights)
    many.masses = MassArrays(rows, answers, members, len(keys))
    rules = [
        CERTIFICATE_ALONE,
        ProbabilityMass(),
        ProbabilityMass(kappa=5.0),
        ProbabilityMass(0.02, kappa=2),
    ]
    fired = dict.fromkeys(rules, 0)
    for _ in range(20):
        drawn = [chance.choice(keys) if chance.random() < 0.9 else None for _ in range(rows)]
        column = []
        for tally, key in zip(singles, drawn, strict=True):
            member, answer = (key[0], key[1]) if key else (0, chance.randrange(-1, answers))
            value = None if answer < 0 else answer
            if key:
                known = likelihood(math.log(probability[key]), 1, kind, key)
                tally.told(value, known, member=member)
            tally.spend(tokens=10)
            if value is None:
                tally.abstain()
            else:
                tally.vote(value, member=member, tokens=10)
            said = keys.index(key) if key else -1
            column.append((answer, member, said, probability[key] if key else 0.0))
        answer, member, said, p = map(np.array, zip(*column, strict=True))
        many.count(
            answer,
            tokens=np.full(rows, 10),
            member=member,
            said=(said, p, np.full(rows, kind == "processed")),
        )
        for rule in rules:
            fires, elected, own = (
                rule.check_many(many),
                rule.answers_many(many),
                rule.elects_many(many),
            )
            for row, tally in enumerate(singles):
                verdict = rule.check(tally)
                assert fires[row] == (verdict is not None)
                if verdict is not None:
                    assert elected[row] == (-1 if verdict.answer is None else verdict.answer)
                expected = rule.elects(tally)
                assert own[row] == (-1 if expected is None else expected.answer)
                fired[rule] += verdict is not None
    assert all(fired[rule] for rule in rules[1:])


# -- text, and refusals ---------------------------------------------------------------------


def test_it_is_written_and_read_as_text():
    rule = parse_rule("mass:kappa=6,price=.002|max-samples:n=9")
    assert rule == ProbabilityMass(0.002, kappa=6.0) | MaxSamples(9)
    assert str(rule) == "mass:price=0.002,kappa=6.0|max-samples:n=9"
    with pytest.raises(UsageError, match=r"kappa must lie in \[0, 1000\], got -1"):
        parse_rule("mass:kappa=-1")


@pytest.mark.parametrize("name", NAMED)
def test_it_takes_answer_types_for_which_the_reply_is_the_answer(name):
    VotePlan.make([Member(None, name="m")], rule="mass|max-samples:n=9", answer=name)


@pytest.mark.parametrize("answer", ["auto", "number", "boxed", "math", lambda text: text[-1]])
def test_it_is_refused_where_an_answer_may_stand_behind_reasoning(answer):
    if answer == "math":
        pytest.importorskip("sympy")
    with pytest.raises(UsageError, match=r"rule 'mass' .* behind reasoning"):
        VotePlan.make([Member(None, name="m")], rule="mass|max-samples:n=9", answer=answer)


def test_a_plan_is_not_changed_into_what_is_refused():
    plan = VotePlan.make([Member(None, name="m")], rule="mass", answer="choice")
    with pytest.raises(UsageError, match="behind reasoning"):
        plan.change(answer="auto")
