"""Which questions to label next: for the weights, or for an accuracy.

For the weights, a label helps most if members differ on the question and if the vote may be wrong:
the questions with the largest *spread* times *risk* under equal weights are asked. Let V be the chance
that five votes of a member elect an answer, and D = V(first) − V(second) for the two leading answers.
The spread is the sum over members of the squared deviations of D from its mean, and the risk is
r (1 − r) with r = 1 / (1 + exp(8 · lead in shares)). Such questions are harder than others, so
accuracies cannot be estimated from their labels.

For an accuracy, questions are drawn at random, whatever is known of them.
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
"""How fast the risk falls with the lead: the factor of the lead in the exponent."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A question whose label is wanted.

    Attributes:
        id: The question.
        prompt: Its prompt; None if not stored.
        votes: Votes per answer over all members, most first.
        score: Spread times risk; 0 if the question was not chosen by it.
        gold: The right answer, if it is already known.
    """

    id: str
    prompt: str | None
    votes: Mapping[str, int]
    score: float = 0.0
    gold: str | None = None

    @classmethod
    def of(cls, question: Question, score: float = 0.0) -> Wanted:
        """Return the entry of a question."""
        votes: Counter[str] = Counter()
        for samples in question.samples.values():
            votes.update(samples.counts())
        ranked = dict(sorted(votes.items(), key=lambda item: (-item[1], item[0])))
        return cls(question.id, question.prompt, ranked, score, question.gold)


def ask_scores(ballots: Ballots) -> Floats:
    """Return spread times risk of every question, shape (Q,); 0 if a label would not help."""
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

    The order does not depend on earlier labels, so many questions can be labelled at once.

    Args:
        evaluation_set: Recorded answers.
        number: Maximum number of questions to return, at least 1.
        members: Members to compare; None chooses, see `bestofinf.evaluation.coverage`.

    Returns:
        The questions. There are fewer than `number` if no other label would distinguish members,
        and none if there is only one member.

    Raises:
        UsageError: If an argument is wrong, or the members share no question.
    """
    whole("number", number)
    common, _ = comparable(evaluation_set, members)
    scores = ask_scores(Ballots.of(common))
    # Scores that are equal up to rounding keep the order of the questions.
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

    Questions whose right answer is already known are drawn like others, because the remaining ones
    are not a random sample. Record their `Wanted.gold` again, as drawn at random.

    Args:
        evaluation_set: Recorded answers.
        number: Maximum number of questions to return, at least 1.
        seed: Seed of the order, which does not change when questions are added.
        drawn: Ids of questions that were drawn before.
    """
    whole("number", number)
    rest = [question for question in evaluation_set if question.id not in drawn]
    order = in_hash_order([question.id for question in rest], seed)
    return [Wanted.of(rest[q]) for q in order[:number]]
