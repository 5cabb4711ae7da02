"""LlamaIndex evaluators and LLMs as scorers, and log-probabilities of LlamaIndex responses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from llama_index.core.base.llms.types import CompletionResponse
from llama_index.core.evaluation import BaseEvaluator, EvaluationResult
from llama_index.core.llms.llm import LLM
from llama_index_instrumentation.dispatcher import active_instrument_tags

from bestofinf.border import as_logprob
from bestofinf.records import Member, Reply, Usage
from bestofinf.scorers import (
    TEXT_FORM,
    BaseScorer,
    Judge,
    Score,
    Scorer,
    ScoringError,
    as_scorer,
    score_in,
)
from llamaindex_bestofinf.events import SAMPLE_TAG
from llamaindex_bestofinf.members import Clients, checked_llm
from llamaindex_bestofinf.messages import tokens_of


def _one_call(_: EvaluationResult) -> Usage:
    return Usage(calls=1)


@dataclass(frozen=True)
class EvaluatorScorer(BaseScorer):
    """Scores with a LlamaIndex evaluator.

    If the evaluator returns no score but a verdict, the score is 1 or 0. An invalid result gives no
    score. Give the range of evaluators that do not score from 0 to 1: ``scale=Scale(1, 5)`` for a
    `CorrectnessEvaluator`.

    Attributes:
        evaluator: The evaluator.
        contexts: Returns the contexts that some evaluators need; None for no contexts.
        usage: Returns the usage of an evaluation. By default it is one call without tokens, because
            a result of an evaluation has no usage.
    """

    evaluator: BaseEvaluator
    contexts: Callable[[str, Reply], Sequence[str]] | None = None
    usage: Callable[[EvaluationResult], Usage] = _one_call
    cost_of_a_try: ClassVar[Usage] = Usage(calls=1)

    def _try(self, prompt: str, reply: Reply) -> Score:
        asked = self._asked(prompt, reply)
        with besides():
            return self._read(self.evaluator.evaluate(**asked))

    async def _atry(self, prompt: str, reply: Reply) -> Score:
        asked = self._asked(prompt, reply)
        with besides():
            return self._read(await self.evaluator.aevaluate(**asked))

    def _asked(self, prompt: str, reply: Reply) -> dict[str, Any]:
        contexts = self.contexts(prompt, reply) if self.contexts else None
        return {"query": prompt, "response": reply.text, "contexts": contexts}

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


@dataclass(frozen=True)
class LLMJudge(Judge):
    """An LLM as judge, which ends with "score: NUMBER".

    Attributes:
        model: The judge. Give it a temperature above 0 if several judgements are averaged.
        price: Money for one input token and one output token.
    """

    model: LLM | None = None
    price: tuple[float, float] = (0.0, 0.0)
    _clients: Clients = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        member = Member(checked_llm(self.model, "model"), price=self.price)
        object.__setattr__(self, "_clients", Clients([member]))

    def question(self, prompt: str, reply: Reply) -> str:
        """Return the prompt for the judge."""
        return super().question(prompt, reply) + TEXT_FORM

    def _judge(self, question: str) -> Score:
        with besides():
            return self._read(checked_llm(self.model, "model").complete(question))

    async def _ajudge(self, question: str) -> Score:
        with besides():
            return self._read(await self._clients.here(0).acomplete(question))

    def _read(self, response: CompletionResponse) -> Score:
        written, read = tokens_of(response)
        usage = Member(None, price=self.price).charge(read, written)
        return Score(score_in(response.text, usage, out_of=self.scale.high), usage)


@contextmanager
def besides() -> Iterator[None]:
    """Remove the sample's tag within, because a scorer's requests do not belong to the sample."""
    tags = active_instrument_tags.get()
    token = active_instrument_tags.set({k: v for k, v in tags.items() if k != SAMPLE_TAG})
    try:
        yield
    finally:
        active_instrument_tags.reset(token)


def top_logprobs(reply: Reply) -> list[list[float]] | None:
    """Return the log-probabilities of the most probable tokens at every position of a reply.

    They are in the `logprobs` of a chat or completion response; None if they are absent. For
    `bestofinf.scorers.SelfCertainty`.
    """
    places = getattr(reply.native, "logprobs", None)
    if not places or not isinstance(places, list | tuple):
        return None
    told = [place if isinstance(place, list | tuple) else [] for place in places]
    found = [[as_logprob(getattr(token, "logprob", None)) for token in place] for place in told]
    return [[value for value in place if value is not None] for place in found]


def resolve_scorer(scorer: Any) -> Scorer | None:
    """Return a scorer from a scorer, an evaluator, a function, or None.

    An LLM becomes a judge with the default rubric.

    Raises:
        UsageError: If it is none of these.
    """
    if isinstance(scorer, LLM):
        return LLMJudge(model=scorer)
    if isinstance(scorer, BaseEvaluator):
        return EvaluatorScorer(scorer)
    return as_scorer(scorer)
