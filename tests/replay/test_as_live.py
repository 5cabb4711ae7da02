"""A replayed vote ends as a live one would, whatever is missing of what was recorded."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bestofinf.evaluation import EvaluationSet, Question, Samples
from bestofinf.records.likelihood import Likelihood
from bestofinf.replay.draws import Resampler
from bestofinf.replay.populations import together, usual_lengths
from bestofinf.replay.timing import engine_of, enter_decision, outcome_of
from bestofinf.replay.votes import Votes
from bestofinf.replay.voting import vote_recorded
from bestofinf.rules import MaxSamples, parse_rule
from bestofinf.rules.parse import RULES

SETTINGS = {
    "optimal": ("optimal", "optimal:price=.02,price_per=token"),
    "mass": ("mass", "mass:kappa=3", "mass:price=1e-7,scatter=None"),
    "optscale": ("optscale:min_score=.6", "optscale:fit=mle", "optscale:min_score=.8,until=either"),
    "window": ("window:size=2", "window:size=3,sliding=True"),
    "certified": ("certified:error=.3",),
    "doubling": ("doubling:share=.6",),
    "fixed": ("fixed:n=4",),
    "max-samples": ("max-samples:n=3",),
    "max-tokens": ("max-tokens:n=300",),
    "max-cost": ("max-cost:amount=2",),
    "max-seconds": ("max-seconds:seconds=9",),
}
SINGLE = [text for name in RULES for text in SETTINGS.get(name, (name,))]
JOINED = [
    "mass:kappa=2|max-samples:n=4",
    "mass&fixed:n=3",
    "window:size=2&mass:kappa=2|ahead-by:votes=2",
    "optscale:min_score=.6&fixed:n=2|ahead-by",
    "optscale|max-tokens:n=200&max-samples:n=2",
    "ahead-by:votes=1&mass|optscale",
]  # fmt: skip

likelihoods = st.builds(
    Likelihood,
    logprob=st.sampled_from([-0.01, -0.5, -0.7, -1.4, -4.0]),
    tokens=st.just(3),
    kind=st.sampled_from(["processed", "processed", "raw"]),
    said=st.sampled_from("uvw"),
)
replies = st.tuples(
    st.sampled_from(["a", "b", "c", None]),
    st.sampled_from([0, 50, 100, 100, 200]),
    st.none() | st.sampled_from([0.1, 0.5, 0.7, 0.9, 0.97]),
    st.none() | likelihoods,
)


def recorded(columns):
    answers, tokens, scores, told = zip(*columns, strict=True)
    return Samples(answers, tokens, scores, likelihoods=told)


@st.composite
def sets(draw):
    """Questions that one to three members have answered, some with gaps everywhere."""
    names = "xyz"[: draw(st.integers(1, 3))]
    own = st.lists(replies, min_size=1, max_size=8).map(recorded)
    questions = draw(
        st.lists(st.fixed_dictionaries(dict.fromkeys(names, own)), min_size=1, max_size=4)
    )
    weights = draw(st.fixed_dictionaries(dict.fromkeys(names, st.sampled_from([0.2, 0.5, 1.0]))))
    return EvaluationSet(tuple(Question(f"q{i}", q) for i, q in enumerate(questions))), weights


def live(rule, populations, resampler, draws, usual, limit):
    """Let the engine vote, one request at a time; also return whom it elected."""
    votes, elected = Votes.open(rule, draws.lengths), []
    for row, population in enumerate(populations):
        engine = engine_of(
            rule | MaxSamples(int(draws.lengths[row])),
            population,
            resampler,
            0,
            usual=None if usual is None else usual[row],
            abstain_limit=limit,
        )
        while not engine.done:
            for draw in engine.ask():
                engine.tell(draw, outcome_of(population, draws, row, draw))
        decision = enter_decision(engine, rule, votes, row)
        elected.append(-1 if decision.answer is None else decision.answer)
    return votes, elected


@pytest.mark.parametrize("text", [*SINGLE, *JOINED])
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(given=sets(), limit=st.none() | st.integers(1, 4), usual_known=st.booleans())
def test_a_replayed_vote_ends_as_a_live_one(text, given, limit, usual_known):
    evaluation_set, weights = given
    rule = parse_rule(text)
    schedule = "independent" if "certified" in text else "greedy"
    populations = together(evaluation_set, weights, prices=dict.fromkeys(weights, 0.01))
    usual = usual_lengths(populations) if usual_known else None
    resampler = Resampler(1, 6, schedule=schedule)
    draws = resampler.draw(populations)
    (replayed,) = vote_recorded(
        [rule],
        populations,
        draws,
        stratified=schedule == "greedy",
        usual=usual,
        abstain_limit=limit,
    )
    lived, elected = live(rule, populations, resampler, draws, usual, limit)
    assert replayed.answers.tolist() == lived.answers.tolist() == elected
    assert replayed.samples.tolist() == lived.samples.tolist()
    assert replayed.tokens.tolist() == lived.tokens.tolist()
    assert replayed.costs == pytest.approx(lived.costs)
    assert replayed.reasons.tolist() == lived.reasons.tolist()
    assert replayed.tied.keys() == lived.tied.keys()
    assert all(np.array_equal(replayed.tied[row], lived.tied[row]) for row in lived.tied)
