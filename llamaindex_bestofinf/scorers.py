"""LlamaIndex evaluators as scorers, and log-probabilities of LlamaIndex responses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from llama_index.core.evaluation import BaseEvaluator, EvaluationResult

from bestofinf.records import Reply, Usage
from bestofinf.scorers import BaseScorer, Score, Scorer, ScoringError, as_scorer


def _one_call(_: EvaluationResult) -> Usage:
    return Usage(calls=1)


@dataclass(frozen=True)
class EvaluatorScorer(BaseScorer):
    """Scores with a LlamaIndex evaluator.

    An evaluator without a score but with a verdict gives 1 or 0. An invalid result is no score.
    Name the range of evaluators that do not score from 0 to 1: ``scale=Scale(1, 5)`` for a
    `CorrectnessEvaluator`.

    Attributes:
        evaluator: What evaluates.
        contexts: Makes the contexts that some evaluators want; None gives none.
        usage: What an evaluation has cost. The default books one call without tokens, since an
            evaluation result does not say.
    """

    evaluator: BaseEvaluator
    contexts: Callable[[str, Reply], Sequence[str]] | None = None
    usage: Callable[[EvaluationResult], Usage] = _one_call
    cost_of_a_try: ClassVar[Usage] = Usage(calls=1)

    def _try(self, prompt: str, reply: Reply) -> Score:
        contexts = self.contexts(prompt, reply) if self.contexts else None
        return self._read(
            self.evaluator.evaluate(query=prompt, response=reply.text, contexts=contexts)
        )

    async def _atry(self, prompt: str, reply: Reply) -> Score:
        contexts = self.contexts(prompt, reply) if self.contexts else None
        return self._read(
            await self.evaluator.aevaluate(query=prompt, response=reply.text, contexts=contexts)
        )

    def _read(self, result: EvaluationResult) -> Score:
        usage = self.usage(result)
        if result.invalid_result:
            raise ScoringError(f"invalid evaluation: {result.invalid_reason or 'no reason'}", usage)
        if result.score is not None:
            return Score(result.score, usage)
        if result.passing is None:
            raise ScoringError("the evaluation has neither a score nor a verdict", usage)
        low, high = self.scale_ends
        return Score(high if result.passing else low, usage)

    @property
    def scale_ends(self) -> tuple[float, float]:
        """The scores of a failed and a passed reply on the evaluator's own scale."""
        return getattr(self.scale, "low", 0.0), getattr(self.scale, "high", 1.0)


def top_logprobs(reply: Reply) -> list[list[float]] | None:
    """Return the most probable tokens' log-probabilities at every place of a reply.

    Read from the `logprobs` of a chat or completion response; None where they are absent. For
    `bestofinf.scorers.SelfCertainty`.
    """
    places = getattr(reply.native, "logprobs", None)
    if not places:
        return None
    return [[float(token.logprob) for token in place] for place in places]


def resolve_scorer(scorer: Any) -> Scorer | None:
    """Return a scorer from a scorer, an evaluator, a function, or None.

    Raises:
        UsageError: If it is none of these.
    """
    if isinstance(scorer, BaseEvaluator):
        return EvaluatorScorer(scorer)
    return as_scorer(scorer)
