"""Unbiased estimates from adaptive calls, whose number of samples depends on the answers.

A rule that stops on agreement draws few samples for easy questions, and stops on lucky streaks. So
the share of right answers among all samples is too low (hard questions have more samples), its mean
over questions is too high or too low, and a member that is asked late is asked only when the others
disagree. Two kinds of samples are free of this bias:

* those of calls with a number of samples fixed beforehand, such as those that `Explore` chooses;
* the first draws of an adaptive call, up to the earliest at which its rule could have stopped,
  because they are drawn whatever the answers are.

`EvaluationStore.read` marks exactly these (`Samples.calls` is 0), `EvaluationSet.fixed` keeps only
them, and `accuracy` uses only them by default. Source for the bias of a sequential design, and for the
unbiased fixed first part: M. A. Girshick, F. Mosteller and L. J. Savage, Unbiased estimates for certain
binomial sampling problems, Ann. Math. Stat. 17 (1946).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from bestofinf.errors import UsageError
from bestofinf.evaluation.sets import EvaluationSet, Question

UNKNOWN_RULE = "unknown"

_HORIZON = 256  # maximum number of draws that are looked ahead


@lru_cache(maxsize=256)
def free_draws(rule: str) -> int:
    """Return how many draws an adaptive call makes whatever the answers are.

    Args:
        rule: The call's rule as written on the command line. If it is unknown the result is 1.
    """
    if rule == UNKNOWN_RULE:
        return 1
    # These import scipy, which a process that only records does not need.
    from bestofinf.rules import parse_rule
    from bestofinf.rules.tally import Tally

    try:
        parsed = parse_rule(rule)
    except UsageError:
        return 1
    return parsed.needed(Tally(), [0] * _HORIZON)


@dataclass(frozen=True, slots=True)
class Explore:
    """Draws a fixed number of samples for a share of the calls, to learn from them without bias.

    Attributes:
        share: Share of the calls that are chosen, in [0, 1].
        samples: Number of samples per member in a chosen call, at least 1.
        seed: Seed of the choice.
    """

    share: float = 0.05
    samples: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise UsageError(f"share must lie in [0, 1], got {self.share!r}")
        if isinstance(self.samples, bool) or self.samples < 1:
            raise UsageError(f"samples must be at least 1, got {self.samples!r}")

    def chosen(self, key: str) -> bool:
        """Return whether a call is chosen; it depends only on the key, the seed and the share.

        Args:
            key: Identifier of the call. With the question's id instead, some questions would always
                be chosen and others never.
        """
        digest = hashlib.sha256(f"{self.seed}:{key}".encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:8], "big") < self.share * 2**64

    def settings(self, key: str, *, members: int) -> dict[str, Any]:
        """Return settings for a call: a fixed number of samples per member if chosen, else none.

        Both adapters accept them: ``model.invoke(question, **explore.settings(key, members=2))``.

        Args:
            key: Identifier of the call; see `chosen`.
            members: Number of members with a weight above 0.
        """
        if not self.chosen(key):
            return {}
        from bestofinf.rules.budgets import FixedSamples

        samples = self.samples * members
        return {
            "rule": FixedSamples(samples),
            "max_samples": samples,
            "schedule": "even",
            "abstain_limit": None,  # replies without an answer must not end such a call early
        }


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over questions.

    Attributes:
        value: The estimate, in [0, 1].
        se: Standard error of the estimate over questions; NaN for a single question.
        questions: Number of questions used.
        samples: Number of samples used.
    """

    value: float
    se: float
    questions: int
    samples: int


def accuracy(evaluation_set: EvaluationSet, member: str, *, censored: bool = False) -> Estimate:
    """Return the probability that one sample of a member is right, over labelled questions.

    Args:
        evaluation_set: The recorded answers. They are compared with the right answers as text;
            `canonical` writes equivalent answers the same way.
        member: Name of the member.
        censored: Use all samples, also those drawn because of earlier answers. This is biased.

    Raises:
        UsageError: If no labelled question has such a sample of the member.
    """
    chosen = evaluation_set if censored else evaluation_set.fixed()
    shares = []
    samples = 0
    for question in chosen.labelled():
        column = question.samples.get(member)
        if column is not None and len(column):
            shares.append(column.answers.count(question.gold) / len(column))
            samples += len(column)
    if not shares:
        raise UsageError(f"no labelled question has an uncensored sample of {member!r}")
    n = len(shares)
    mean = math.fsum(shares) / n
    spread = math.fsum((share - mean) ** 2 for share in shares)
    se = math.sqrt(spread / (n - 1) / n) if n > 1 else math.nan
    return Estimate(mean, se, n, samples)


def answer_shares(
    question: Question, member: str, *, censored: bool = False
) -> Mapping[str, float]:
    """Return the share of each answer among a member's samples; the rest are abstentions.

    Args:
        question: The question.
        member: Name of the member.
        censored: Use all samples, also those drawn because of earlier answers. This uses more
            samples but is biased towards the leader of a vote that has just stopped.

    Returns:
        Share by answer, largest first; they sum to at most 1. Empty if there is no such sample.
    """
    column = question.samples.get(member)
    if column is None:
        return {}
    if not censored:
        column = column.pick(i for i, call in enumerate(column.call_numbers()) if call == 0)
    return {answer: count / len(column) for answer, count in column.counts().most_common()}
