"""Selectors: which answer wins once sampling has ended, and which sample is returned for it.

A rule says when to stop and a selector which answer wins; both may use votes, scores, or both.
Selectors are frozen dataclasses with a `name` and one pure method, `select`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from bestofinf.errors import UsageError, one_of, shown
from bestofinf.optscale.reliability import Calibration
from bestofinf.records import AnswerValue, Draw, Sample
from bestofinf.rules.tally import Tally


@dataclass(frozen=True, slots=True)
class Candidate:
    """A counted sample that may be selected.

    Attributes:
        draw: The request.
        sample: The sample that it returned, with its score.
        answer: The vote as counted, that is, the representative of its class; None if it
            abstained.
    """

    draw: Draw
    sample: Sample
    answer: AnswerValue | None


@dataclass(frozen=True, slots=True)
class Election:
    """The winner of a vote, chosen by a selector.

    Attributes:
        answer: The winning answer; None if the reply that wins has no answer.
        candidate: The sample to return to the caller; None for any sample with the answer.
        confidence: Probability in [0, 1] that the selected reply is right; None if the selector
            does not know it.
    """

    answer: AnswerValue | None
    candidate: Candidate | None = None
    confidence: float | None = None


class Selector(Protocol):
    """Picks the winner from the counted samples."""

    name: ClassVar[str]

    def select(self, candidates: Sequence[Candidate], tally: Tally) -> Election:
        """Return the winner.

        Args:
            candidates: The counted samples in draw order, at least one.
            tally: The tally of the same samples.
        """
        ...


@dataclass(frozen=True)
class WeightedMajority:
    """The answer with the largest weighted share of the votes, as rules see it: the default."""

    name: ClassVar[str] = "weighted-majority"

    def select(self, candidates: Sequence[Candidate], tally: Tally) -> Election:
        """Return the leader of the tally."""
        return Election(tally.leader)


@dataclass(frozen=True)
class Majority:
    """The answer with the most votes, all counted as one, whatever the weights of members.

    Ties go to the answer that the weights favour, then to the one with the higher lot.
    """

    name: ClassVar[str] = "majority"

    def select(self, candidates: Sequence[Candidate], tally: Tally) -> Election:
        """Return the answer given most often."""
        votes: dict[AnswerValue, int] = {}
        for candidate in candidates:
            if candidate.answer is not None:
                votes[candidate.answer] = votes.get(candidate.answer, 0) + 1
        if not votes:
            return Election(None)
        counts = tally.counts
        answer = max(votes, key=lambda a: (votes[a], a == tally.leader, counts[a], tally.lot(a)))
        return Election(answer)


@dataclass(frozen=True)
class BestScore:
    """The sample with the highest score: plain best-of-N. It may have no answer at all.

    Equal scores go to the answer with more votes, then to the one with the higher lot. If no sample
    has a score, the weighted majority wins.

    Attributes:
        calibration: Turns the winning score into the confidence of the decision.
    """

    calibration: Calibration | None = None
    name: ClassVar[str] = "best-score"

    def select(self, candidates: Sequence[Candidate], tally: Tally) -> Election:
        """Return the sample with the highest score."""
        best = _best(candidates, tally)
        if best is None:
            return Election(tally.leader)
        score = best.sample.score
        known = self.calibration is not None and score is not None
        confidence = self.calibration.chance(score) if known else None  # type: ignore[union-attr,arg-type]
        return Election(best.answer, best, confidence)


@dataclass(frozen=True)
class ScoreWeighted:
    """The answer with the largest sum of scores; the sample returned is its best-scored one.

    Members' weights count as in the tally: a member's votes share its weight. A vote without a
    score counts as the mean of the scores there are, so that a scorer that fails now and then
    neither helps nor harms an answer.

    Source: the weighted best-of-N of arXiv 2206.02336 (DIVERSE) and arXiv 2408.03314.
    """

    name: ClassVar[str] = "score-weighted"

    def select(self, candidates: Sequence[Candidate], tally: Tally) -> Election:
        """Return the answer with the largest sum of scores."""
        if not tally.n_scored:
            return Election(tally.leader)
        neutral = tally.score_sum / tally.n_scored
        mass: dict[AnswerValue, float] = {}
        for candidate in candidates:
            if candidate.answer is None:
                continue
            score = candidate.sample.score
            share = _share(tally, candidate.draw.member)
            mass[candidate.answer] = mass.get(candidate.answer, 0.0) + share * (
                neutral if score is None else score
            )
        if not mass:
            return _fallback(candidates, tally)
        counts = tally.counts
        answer = max(mass, key=lambda a: (mass[a], counts[a], tally.lot(a)))
        return Election(answer, _best_of(answer, candidates, tally))


@dataclass(frozen=True)
class MajorityThenScore:
    """The weighted majority; a tie for the lead goes to the answer with the higher mean score.

    The sample returned is the best-scored one with this answer.
    """

    name: ClassVar[str] = "majority-then-score"

    def select(self, candidates: Sequence[Candidate], tally: Tally) -> Election:
        """Return the leader; of tied leaders the one with the highest mean score."""
        if tally.leader is None:
            return _fallback(candidates, tally)
        tied = tally.level
        scores = {answer: _mean_score(answer, candidates) for answer in tied}
        answer = max(tied, key=lambda a: (scores[a], a == tally.leader, tally.lot(a)))
        return Election(answer, _best_of(answer, candidates, tally))


SELECTORS: dict[str, type[Selector]] = {
    kind.name: kind
    for kind in (WeightedMajority, Majority, BestScore, ScoreWeighted, MajorityThenScore)
}
"""Selectors by their names in fields and on the command line."""


def resolve_selector(selector: Selector | str | None) -> Selector:
    """Return a selector from its name; None is the weighted majority.

    Raises:
        UsageError: If the name is unknown.
    """
    if selector is None:
        return WeightedMajority()
    if not isinstance(selector, str):
        if callable(getattr(selector, "select", None)):
            return selector
        raise UsageError(f"a selector has a method select, got {shown(selector)}")
    one_of("selector", selector, [*SELECTORS])
    return SELECTORS[selector]()


def _share(tally: Tally, member: int) -> float:
    """Return the weight of one vote of a member."""
    if not tally.stratified:
        return 1.0
    return tally.standing[member] / max(tally.member_votes[member], 1)


def _best(candidates: Sequence[Candidate], tally: Tally) -> Candidate | None:
    """Return the candidate with the highest score; None if no candidate has a score."""
    counts = tally.counts

    def rank(candidate: Candidate) -> tuple[float, float, int]:
        answer, score = candidate.answer, candidate.sample.score
        votes = 0.0 if answer is None else counts[answer]
        return (-1.0 if score is None else score, votes, tally.lot(answer))

    best = max(candidates, key=rank, default=None)  # of equals the first
    return None if best is None or best.sample.score is None else best


def _best_of(
    answer: AnswerValue, candidates: Sequence[Candidate], tally: Tally
) -> Candidate | None:
    return _best([c for c in candidates if c.answer == answer], tally)


def _fallback(candidates: Sequence[Candidate], tally: Tally) -> Election:
    """Return the winner of a vote without votes: the best-scored candidate, if any has a score."""
    best = _best(candidates, tally)
    return Election(None, best)


def _mean_score(answer: AnswerValue, candidates: Sequence[Candidate]) -> float:
    """Return the mean score of an answer's samples; -1 if none has a score."""
    scores = [
        c.sample.score for c in candidates if c.answer == answer and c.sample.score is not None
    ]
    return sum(scores) / len(scores) if scores else -1.0
