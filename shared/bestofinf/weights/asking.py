"""Which questions to label next: for the weights, or for an accuracy.

For the weights, a label is worth asking for where it tells members apart and where the vote may be
wrong: the greatest *spread* times *risk* under equal weights. With V the chance that five votes of
a member elect an answer, D = V(first) − V(second) for the two answers that lead; the spread is the
sum of squares of D over the members about their mean, and the risk r (1 − r) with
r = 1 / (1 + exp(8 · lead in shares)). Such questions are harder than others, so their labels say
nothing about accuracy.

For an accuracy, questions are taken at random, whatever is known of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from bestofinf.errors import whole
from bestofinf.evaluation import EvaluationSet, Question
from bestofinf.evaluation.coverage import comparable
from bestofinf.weights.ballots import Ballots, in_hash_order
from bestofinf.weights.credit import credit
from bestofinf.weights.solver.margins import Floats

RISK = 8.0
"""How quickly the risk falls with the lead."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A question whose label is wanted.

    Attributes:
        id: The question.
        prompt: Its prompt, where kept.
        votes: Votes per answer over all members, most first.
        score: Spread times risk; 0 where it was not asked for by it.
        gold: The right answer, where it is known already.
    """

    id: str
    prompt: str | None
    votes: Mapping[str, int]
    score: float = 0.0
    gold: str | None = None

    @classmethod
    def of(cls, question: Question, score: float = 0.0) -> Wanted:
        """Return what is shown of a question to be labelled."""
        votes: Counter[str] = Counter()
        for samples in question.samples.values():
            votes.update(samples.counts())
        ranked = dict(sorted(votes.items(), key=lambda item: (-item[1], item[0])))
        return cls(question.id, question.prompt, ranked, score, question.gold)


def ask_scores(ballots: Ballots) -> Floats:
    """Return spread times risk of every question, shape (Q,); 0 where a label tells nothing."""
    k = len(ballots.members)
    first, second, lead = ballots.elected(np.full(k, 1 / k))
    difference = credit(ballots.against(first)) - credit(ballots.against(second))
    spread = ((difference - difference.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    wrong = expit(-RISK * lead)
    return np.asarray(spread * wrong * (1 - wrong))


def to_label(
    evaluation_set: EvaluationSet, number: int = 5, members: Sequence[str] | None = None
) -> list[Wanted]:
    """Return the unlabelled questions whose labels improve the weights most, the best first.

    The order does not depend on labels given before, so that many may be labelled at once.

    Args:
        evaluation_set: Recorded answers.
        number: Most questions to return, at least 1.
        members: Members to compare; None chooses, see `bestofinf.evaluation.coverage`.

    Returns:
        Fewer where no other label tells members apart; none where there is but one member.

    Raises:
        UsageError: If an argument is wrong, or the members share no question.
    """
    whole("number", number)
    common, _ = comparable(evaluation_set, members)
    scores = ask_scores(Ballots.of(common))
    # What is equal but for rounding stands in the order of the questions.
    order = np.argsort(-np.round(scores, 12), kind="stable")
    open_ = [q for q in order if scores[q] > 1e-12 and common.questions[q].gold is None]
    whole_of = {question.id: question for question in evaluation_set}
    return [Wanted.of(whole_of[common.questions[q].id], float(scores[q])) for q in open_[:number]]


def at_random(
    evaluation_set: EvaluationSet,
    number: int = 25,
    *,
    seed: int = 0,
    drawn: frozenset[str] = frozenset(),
) -> list[Wanted]:
    """Return questions drawn at random, whose labels can be used to estimate an accuracy.

    Questions whose right answer is known already are drawn like others, as those that remain
    are no random sample; their `Wanted.gold` is to be recorded as drawn at random.

    Args:
        evaluation_set: Recorded answers.
        number: Most questions to return, at least 1.
        seed: Of the order, which stays the same as questions are added.
        drawn: Questions that were drawn before.
    """
    whole("number", number)
    rest = [question for question in evaluation_set if question.id not in drawn]
    order = in_hash_order([question.id for question in rest], seed)
    return [Wanted.of(rest[q]) for q in order[:number]]
