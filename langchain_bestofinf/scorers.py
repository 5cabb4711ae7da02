"""LangChain verifiers as scorers: Runnables, chat models as judges, and log-probabilities."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import LLMResult
from langchain_core.runnables import Runnable
from pydantic import BaseModel, Field

from bestofinf.errors import UsageError, shown
from bestofinf.records import Reply, Usage, checked_price
from bestofinf.records.likelihood import likeliest
from bestofinf.scorers import (
    BaseScorer,
    Judge,
    Score,
    Scorer,
    ScoringError,
    as_scorer,
    costed,
    score_of,
)
from langchain_bestofinf.messages import usage_in


class _Meter(BaseCallbackHandler):
    """Adds up the usage of all model calls within a context; its methods are safe in threads.

    Args:
        price: Money for one input token and one output token.
    """

    def __init__(self, price: tuple[float, float]) -> None:
        self._lock = threading.Lock()
        self._price = price
        self.usage = Usage()

    def on_llm_end(self, response: LLMResult, **_: Any) -> None:
        """Add the usage of one call."""
        with self._lock:
            self.usage += usage_in(response, self._price)


_METER: ContextVar[_Meter | None] = ContextVar("bestofinf_scorer_meter", default=None)


@cache
def _hook() -> ContextVar[_Meter | None]:
    """Return the context variable that holds the meter of a call.

    LangChain calls the meter through one registered hook. A handler in the call's own configuration
    would replace the tracers of the surrounding run, and a registered hook cannot be removed.
    """
    from langchain_core.tracers.context import register_configure_hook  # brings LangSmith's tracer

    register_configure_hook(_METER, inheritable=True)
    return _METER


@contextmanager
def _metered(price: tuple[float, float]) -> Generator[Callable[[], Usage]]:
    """Measure the calls within the context; an error raised there carries their usage."""
    meter = _Meter(price)
    token = _hook().set(meter)
    try:
        with costed(lambda: meter.usage):
            yield lambda: meter.usage
    finally:
        _METER.reset(token)


def _score_input(prompt: str, reply: Reply) -> Any:
    return {"input": prompt, "output": reply.text}


@dataclass(frozen=True)
class RunnableScorer(BaseScorer):
    """Scores with a Runnable: a chain, a reward model, a `RunnableLambda`.

    Its output is the score: a number, a text with "score: NUMBER", or a
    mapping or an object with a `score`. The usage is that of the model calls in it.

    Attributes:
        runnable: Called with the result of `make_input`.
        make_input: Function of the prompt and the reply; by default it returns ``{"input": prompt,
            "output": text}``.
        price: Money for one input token and one output token of the models in it.
    """

    runnable: Runnable[Any, Any]
    make_input: Callable[[str, Reply], Any] = _score_input
    price: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "price", checked_price(self.price))

    def _try(self, prompt: str, reply: Reply) -> Score:
        with _metered(self.price) as usage:
            value = _value(self.runnable.invoke(self.make_input(prompt, reply)))
            return Score(value, usage())

    async def _atry(self, prompt: str, reply: Reply) -> Score:
        with _metered(self.price) as usage:
            value = _value(await self.runnable.ainvoke(self.make_input(prompt, reply)))
            return Score(value, usage())


def _value(output: Any, *, out_of: float | None = None) -> float | None:
    text = str(output.text) if isinstance(output, AIMessage) else output
    return score_of(text, out_of=out_of)


class Judgement(BaseModel):
    """A judgement of a reply."""

    reasoning: str = Field(description="The check of the reply, step by step.")
    score: float = Field(description="The score on the scale that was named.")


@dataclass(frozen=True)
class ChatModelJudge(Judge):
    """A chat model as judge, with structured output.

    Attributes:
        model: The judge. Give it a temperature above 0 if several judgements are averaged.
        structured: Whether to ask with ``with_structured_output``; False reads "score: NUMBER" from
            the text, for models without structured output.
        price: Money for one input token and one output token.
    """

    model: BaseChatModel | None = None
    structured: bool = True
    price: tuple[float, float] = (0.0, 0.0)
    cost_of_a_try: ClassVar[Usage] = Usage(calls=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.model, BaseChatModel):
            raise UsageError(f"model must be a chat model, got {shown(self.model)}")
        object.__setattr__(self, "price", checked_price(self.price))

    def question(self, prompt: str, reply: Reply) -> str:
        """Return the prompt for the judge."""
        question = super().question(prompt, reply)
        return question if self.structured else f'{question}\nEnd with "score: NUMBER".\n'

    def _chain(self) -> Runnable[Any, Any]:
        model = self.model
        if model is None:
            raise UsageError("a judge needs a model")
        if not self.structured:
            return model
        return model.with_structured_output(Judgement, include_raw=True)

    def _judge(self, question: str) -> Score:
        with _metered(self.price) as usage:
            return self._read(self._chain().invoke(question), usage)

    async def _ajudge(self, question: str) -> Score:
        with _metered(self.price) as usage:
            return self._read(await self._chain().ainvoke(question), usage)

    def _read(self, output: Any, usage: Callable[[], Usage]) -> Score:
        if not self.structured:
            return Score(_value(output, out_of=self.scale.high), usage())
        parsed = output["parsed"]
        if parsed is None:
            reason = output.get("parsing_error") or "no call of the schema"
            raise ScoringError(f"the judge gave no structured output: {reason!s:.200}")
        return Score(_value(parsed), usage())


def top_logprobs(reply: Reply) -> list[list[float]] | None:
    """Return the log-probabilities of the most probable tokens at every position of a reply.

    They are in ``response_metadata["logprobs"]`` if an OpenAI-compatible server was asked with
    ``logprobs=True, top_logprobs=k``; None if they are absent. For
    `bestofinf.scorers.SelfCertainty`.
    """
    metadata = getattr(reply.native, "response_metadata", None) or {}
    return likeliest(metadata.get("logprobs"))


def resolve_scorer(scorer: Any) -> Scorer | None:
    """Return a scorer from a scorer, a Runnable, a function, or None.

    A chat model becomes a judge with the default rubric.

    Raises:
        UsageError: If it is none of these.
    """
    if isinstance(scorer, BaseScorer):
        return scorer
    if isinstance(scorer, BaseChatModel):
        return ChatModelJudge(model=scorer)
    if isinstance(scorer, Runnable):
        return RunnableScorer(scorer)
    return as_scorer(scorer)
