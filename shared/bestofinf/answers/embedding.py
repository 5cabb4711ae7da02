"""Free text compared by embeddings: before a judge, or alone once calibrated."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from bestofinf.answers.asking import PATIENCE, called
from bestofinf.answers.base import ComparisonError
from bestofinf.answers.judge import KEPT, FreeText, JudgeAnswer
from bestofinf.border import error_text
from bestofinf.errors import UsageError, ends_the_task, shown
from bestofinf.records import AnswerValue, Sample, Usage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Vectors: TypeAlias = Sequence[Sequence[float]]
Embed: TypeAlias = Callable[[Sequence[str]], Vectors | Awaitable[Vectors]]
"""Gives a vector for each text, blocking or not."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A similarity above which answers count as the same, with the evidence for it.

    Attributes:
        value: Cosine similarity; above that of every pair labelled different.
        recall: Share of the pairs labelled the same that lie above it.
        pairs: Number of labelled pairs.
    """

    value: float
    recall: float
    pairs: int


class EmbeddingAnswer(FreeText):
    """Free text, compared by the cosine similarity of embeddings.

    Nearness is not sameness: "can be terminated" and "cannot be terminated" are neighbours in
    any embedding. So either a `judge` decides and embeddings only spare it the pairs that are
    far apart, or `threshold` is one that `calibrate` found on labelled pairs of this kind.

    Alone it is not transitive: an answer joins the oldest class whose first answer is near.

    A text whose vector is missing or not a vector (not finite, all zeros, of another length than that
    of the other text) is near to none and far from none: a judge is asked about it, a threshold
    leaves it a class of its own.

    Args:
        embed: Gives vectors; see `Embed`.
        judge: Decides about pairs of similarity `floor` and above.
        floor: Pairs below are different without asking; in [-1, 1].
        threshold: What `calibrate` returned; instead of a judge.
        max_chars: Longer replies abstain.
        timeout: Time limit of one call of `embed` in seconds; None for no limit.

    Raises:
        UsageError: If not exactly one of judge and threshold is given.
    """

    def __init__(
        self,
        embed: Embed,
        *,
        judge: JudgeAnswer | None = None,
        floor: float = 0.3,
        threshold: Threshold | None = None,
        max_chars: int = 8_000,
        timeout: float | None = PATIENCE.timeout,
    ) -> None:
        super().__init__(max_chars=max_chars)
        if (judge is None) == (threshold is None):
            raise UsageError(
                "similarity alone merges opposites: give a judge, or a threshold made by "
                "calibrate() on labelled pairs, and not both"
            )
        if not -1 <= floor <= 1:
            raise UsageError(f"floor must lie in [-1, 1], got {floor!r}")
        self.embed = embed
        self.judge = judge
        self.floor = floor
        self.threshold = threshold
        self.timeout = timeout
        self._vectors: OrderedDict[AnswerValue, NDArray[np.float64]] = OrderedDict()

    def same(self, first: AnswerValue, second: AnswerValue) -> bool:
        """Return what the judge has said, or whether the similarity is above the threshold."""
        if super().same(first, second):
            return True
        if self.judge is not None:
            return self.judge.same(first, second)
        similarity = self._similarity(first, second)
        return (
            self.threshold is not None
            and similarity is not None
            and bool(similarity > self.threshold.value)
        )

    async def prepare(self, answer: AnswerValue, others: Sequence[AnswerValue]) -> Usage:
        """Embed what is new, and let the judge decide about the pairs that are near."""
        new = [v for v in (answer, *others) if v not in self._vectors] if others else []
        failed = await self._embed(new) if new else None
        if self.judge is None:
            if failed is not None:
                raise ComparisonError(f"no embeddings: {error_text(failed)}") from failed
            return Usage()
        near = [o for o in others if self._may_be_near(answer, o)]
        return await self.judge.prepare(answer, near)

    async def _embed(self, new: Sequence[AnswerValue]) -> BaseException | None:
        """Keep the vectors of texts that have one; return an error if there are none at all."""
        try:
            given = await called(self.embed, [str(text) for text in new], seconds=self.timeout)
            vectors = _vectors(given, len(new))
        except BaseException as error:
            if ends_the_task(error):
                raise
            return error
        for value, vector in zip(new, vectors, strict=True):
            if vector is not None:
                self._vectors[value] = vector
        while len(self._vectors) > KEPT:
            self._vectors.popitem(last=False)
        return None

    def _may_be_near(self, first: AnswerValue, second: AnswerValue) -> bool:
        similarity = self._similarity(first, second)
        return similarity is None or similarity >= self.floor

    def represent(self, samples: Sequence[Sample]) -> Sample:
        """Return the sample whose vector is nearest to the mean of all; the first of equals."""
        vectors = [self._vectors.get(s.answer) if s.answer is not None else None for s in samples]
        known = [v for v in vectors if v is not None]
        if len(known) < len(samples) or len({len(vector) for vector in known}) > 1:
            return samples[0]
        centre = sum(known[1:], start=known[0])
        near = [float(vector @ centre) for vector in known]
        return samples[near.index(max(near))]

    def _similarity(self, first: AnswerValue, second: AnswerValue) -> float | None:
        a, b = self._vectors.get(first), self._vectors.get(second)
        return None if a is None or b is None or len(a) != len(b) else float(a @ b)


def _vectors(given: object, number: int) -> list[NDArray[np.float64] | None]:
    """Return vectors of length one; None for what is not a vector.

    Raises:
        UsageError: If there are not as many as texts.
    """
    rows: list[object] = []
    if isinstance(given, Iterable) and not isinstance(given, str | bytes | Mapping):
        rows = list(islice(given, number + 1))  # an iterator may be endless
    if len(rows) != number:
        raise UsageError(
            f"embed must give one vector for each of {number} texts, got {shown(given)}"
        )
    return [_vector(row) for row in rows]


def _vector(row: object) -> NDArray[np.float64] | None:
    import numpy as np

    try:
        vector = np.asarray(row, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return None
    if vector.ndim != 1 or not vector.size or not np.isfinite(vector).all():
        return None
    largest = np.abs(vector).max()
    if not largest:
        return None
    vector = vector / largest  # so that the squares of huge and of tiny numbers are numbers
    scaled: NDArray[np.float64] = vector / np.linalg.norm(vector)
    return scaled


async def embedded(embed: Embed, texts: Sequence[AnswerValue]) -> list[NDArray[np.float64]]:
    """Return the vectors of texts, each of length one.

    Raises:
        UsageError: If a text has none, or they are not of one length.
    """
    given = await called(embed, [str(text) for text in texts], seconds=None)
    vectors = [vector for vector in _vectors(given, len(texts)) if vector is not None]
    if len(vectors) != len(texts) or len({len(vector) for vector in vectors}) > 1:
        raise UsageError(
            f"embed must give one finite vector for each of {len(texts)} texts, all of one length "
            "and none of them zero"
        )
    return vectors


async def calibrate(embed: Embed, pairs: Sequence[tuple[str, str, bool]]) -> Threshold:
    """Return the lowest threshold that merges no pair labelled different.

    Args:
        embed: As for `EmbeddingAnswer`.
        pairs: Two texts and whether they mean the same. Include opposites that sound alike:
            a threshold is as good as the hardest pairs it has seen.

    Raises:
        UsageError: If there are fewer than 20 pairs of either label, or none of those that mean
            the same lies above all others: then embeddings cannot decide here.
    """
    labels = [same for _, _, same in pairs]
    if min(labels.count(True), labels.count(False)) < 20:
        raise UsageError("calibration needs at least 20 pairs of either label")
    first = await embedded(embed, [a for a, _, _ in pairs])
    second = await embedded(embed, [b for _, b, _ in pairs])
    near = [float(a @ b) for a, b in zip(first, second, strict=True)]
    value = max(n for n, same in zip(near, labels, strict=True) if not same)
    above = sum(n > value for n, same in zip(near, labels, strict=True) if same)
    if above == 0:
        raise UsageError(
            f"a pair labelled different has similarity {value:.3f}, above all that mean the same"
        )
    return Threshold(value, above / labels.count(True), len(pairs))
