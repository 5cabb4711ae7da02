"""Batches of questions for an ensemble, separately or under one budget."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import get_config_list

from bestofinf.batches import Budget, BudgetedBatch, answers
from bestofinf.ensemble import (
    Call,
    Flow,
    Line,
    Result,
    Step,
    arun,
    finished,
    plan_settings,
    run,
    split_settings,
)
from bestofinf.errors import UsageError
from langchain_bestofinf.callbacks import SampleRuns
from langchain_bestofinf.calls import EnsembleCall
from langchain_bestofinf.messages import as_text
from langchain_bestofinf.model import EnsembleModel
from langchain_bestofinf.settings import configured

T = TypeVar("T")

CONCURRENCY = 64
"""Most requests in flight over all questions, unless ``max_concurrency`` says otherwise."""

_NOTHING = LLMResult(generations=[])


def each_by_itself(
    invoke: Callable[[Any, RunnableConfig], T],
    inputs: Sequence[Any],
    config: RunnableConfig | Sequence[RunnableConfig] | None,
    return_exceptions: bool,
) -> Iterator[tuple[int, T | Exception]]:
    """Yield the position and the answer of each input as it is completed, in blocking code.

    This does the same as `Runnable.batch_as_completed`, but does not wait for its threads when it
    is interrupted or closed early.

    Args:
        invoke: Answers one input.
        inputs: The inputs.
        config: Configuration for all inputs, or one for each. The ``max_concurrency`` of the first
            limits the number of inputs at a time.
        return_exceptions: Yield the error of an input as its answer instead of raising it.
    """
    configs = get_config_list(config, len(inputs)) if inputs else [{}]
    calls = [partial(invoke, *pair) for pair in zip(inputs, configs, strict=False)]
    most = configs[0].get("max_concurrency")
    return answers(calls, concurrency=most, return_exceptions=return_exceptions)


@dataclass(frozen=True)
class _Run:
    """A question whose run has begun.

    Attributes:
        manager: LangChain's run.
        runs: The runs of its samples.
        call: The call, with the events of its progress.
    """

    manager: Any
    runs: SampleRuns
    call: EnsembleCall


class Batch:
    """Questions with a common budget.

    Args:
        model: The ensemble.
        inputs: The questions.
        config: Configuration for all questions, or one for each.
        budget: The total over all questions; a number is a number of samples.
        kwargs: Settings and arguments, the same for all questions.

    Attributes:
        questions: Asks them, and yields the position and the message of each as it is decided.

    Raises:
        UsageError: If the questions' configurations have different settings.
    """

    def __init__(
        self,
        model: EnsembleModel,
        inputs: Sequence[LanguageModelInput],
        config: RunnableConfig | Sequence[RunnableConfig] | None,
        budget: Budget | float,
        kwargs: Mapping[str, Any],
    ) -> None:
        self._model = model
        self._inputs = inputs
        self._configs = get_config_list(config, len(inputs))
        given = [configured(one) for one in self._configs]
        if any(settings != given[0] for settings in given):
            raise UsageError("questions under one budget need the same settings in all configs")
        self._kwargs = {**(given[0] if given else {}), **kwargs}
        self._stop: list[str] | None = self._kwargs.pop("stop", None)
        self._line = Line()
        settings, _ = split_settings(self._kwargs)
        limits = [one["max_concurrency"] for one in self._configs if one.get("max_concurrency")]
        self.questions: BudgetedBatch[_Run, AIMessage] = BudgetedBatch(
            len(inputs),
            self,
            model.plan(**plan_settings(settings)),
            model._state,
            budget=budget if isinstance(budget, Budget) else Budget(budget),
            concurrency=min((limit for limit in limits if limit), default=CONCURRENCY),
        )

    # -- LangChain's side of the questions ----------------------------------------------------

    def begin(self, place: int) -> Step:
        """Return the step that begins a question's run."""
        return Step(
            lambda: run(self._begin(place, asynchronous=False)),
            lambda: arun(self._begin(place, asynchronous=True)),
        )

    def _begin(self, place: int, *, asynchronous: bool) -> Flow[_Run]:
        model, config = self._model, self._configs[place]
        messages = model._convert_input(self._inputs[place]).to_messages()
        manager = yield model._begin(messages, config, self._stop, self._kwargs)
        runs = model._runs(manager, asynchronous=asynchronous, config=config)
        call = model._call(messages, self._stop, runs, self._kwargs, self._line)
        if (limiter := model.rate_limiter) is not None:
            yield Step(
                lambda: limiter.acquire(blocking=True), lambda: limiter.aacquire(blocking=True)
            )
        return _Run(manager, runs, call)

    def text(self, place: int) -> str:
        """Return a question as text."""
        return as_text(self._model._convert_input(self._inputs[place]).to_messages())

    def call(self, run: _Run) -> Call:
        """Return the call of a question."""
        return run.call.call

    def listens(self, run: _Run) -> bool:
        """Return whether a handler receives the events of a question's progress."""
        return run.call.progress.wanted

    def tell(self, run: _Run, event: dict[str, Any]) -> None:
        """Send an event of a question's progress."""
        progress = run.call.progress
        (progress.asend if run.runs.asynchronous else progress.send)(event)

    def answer(self, run: _Run, result: Result) -> AIMessage:
        """Return the winning message."""
        return self._model._message(result, run.runs)

    def end(self, run: _Run, answer: AIMessage) -> Step:
        """Return the step that ends a question's run with its message."""
        told = LLMResult(generations=[[ChatGeneration(message=answer)]])
        tell = partial(run.manager.on_llm_end, told)
        return _ended(run, run.runs.end(answer), Step(tell, tell))

    def fail(self, run: _Run, error: BaseException) -> Step:
        """Return the step that ends a question's run with an error."""
        tell = partial(run.manager.on_llm_error, error, response=_NOTHING)
        return _ended(run, Step(tell, tell))


def _ended(one: _Run, *steps: Step) -> Step:
    """Return the steps that end a question's run as one, after the events of its progress."""

    def flow() -> Flow[None]:
        yield Step(lambda: None, one.call.progress.drain)
        for step in steps:  # noqa: UP028  (the results are sent to it, not to the steps)
            yield step

    return Step(lambda: run(flow()), lambda: finished(arun(flow())))
