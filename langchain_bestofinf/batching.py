"""Many questions of one ensemble under one budget."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import (
    AsyncCallbackManager,
    CallbackManager,
    CallbackManagerForLLMRun,
)
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult, LLMResult
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import get_config_list

from bestofinf.batch import BatchObserver, BatchResult, avote_batch, vote_batch
from bestofinf.circuit import Circuit
from bestofinf.engine import VotingEngine
from bestofinf.errors import SamplingError, UsageError
from bestofinf.plan import VotePlan
from bestofinf.pool import Budget
from bestofinf.records import Draw, Outcome, Sample
from bestofinf.settings import plan_settings, split_settings
from langchain_bestofinf.callbacks import SampleRuns
from langchain_bestofinf.calls import EnsembleCall
from langchain_bestofinf.cancelling import begun, finished
from langchain_bestofinf.sampling import Sampler
from langchain_bestofinf.settings import configured
from langchain_bestofinf.streaming import Line, Progress

if TYPE_CHECKING:
    from langchain_bestofinf.chat import AdaptiveEnsembleChat
    from langchain_bestofinf.model import EnsembleModel

CONCURRENCY = 64
"""Most requests in flight over all questions, unless ``max_concurrency`` says otherwise."""


@dataclass(frozen=True)
class Batch:
    """Many questions, and what they may cost together.

    Attributes:
        model: Whom to ask.
        inputs: The questions.
        configs: One for each.
        budget: The total.
        stop: As for a single call.
        kwargs: Settings and arguments, the same for all.
        line: Where events of progress stand.
    """

    model: AdaptiveEnsembleChat
    inputs: Sequence[LanguageModelInput]
    configs: Sequence[RunnableConfig]
    budget: Budget
    stop: list[str] | None
    kwargs: dict[str, Any]
    line: Line = field(default_factory=Line)

    @classmethod
    def of(
        cls,
        model: AdaptiveEnsembleChat,
        inputs: Sequence[LanguageModelInput],
        config: RunnableConfig | Sequence[RunnableConfig] | None,
        budget: Budget | float,
        kwargs: Mapping[str, Any],
    ) -> Batch:
        """Return the batch of a call.

        Raises:
            UsageError: If the questions' configurations have different settings.
        """
        configs = get_config_list(config, len(inputs))
        given = [configured(one) for one in configs]
        if any(settings != given[0] for settings in given):
            raise UsageError("questions under one budget need the same settings in all configs")
        rest = {**(given[0] if given else {}), **kwargs}
        total = budget if isinstance(budget, Budget) else Budget(budget)
        return cls(model, inputs, configs, total, rest.pop("stop", None), rest)

    @property
    def plan(self) -> VotePlan[Any]:
        """How each question is voted on."""
        settings, _ = split_settings(self.kwargs)
        return self.model.plan(**plan_settings(settings))

    @property
    def concurrency(self) -> int:
        """Most requests in flight."""
        limits = [one["max_concurrency"] for one in self.configs if one.get("max_concurrency")]
        return min((limit for limit in limits if limit), default=CONCURRENCY)

    def run(self, return_exceptions: bool) -> Iterator[tuple[int, AIMessage | Exception]]:
        """Yield the place and the message of each question as it settles."""
        questions = [_Question(self, place) for place in range(len(self.inputs))]
        plan = self.plan
        try:
            batch = vote_batch(
                range(len(questions)),
                lambda place, draw: questions[place].sample(draw),
                plan,
                budget=self.budget,
                concurrency=self.concurrency,
                circuit=Circuit(self.model._health, plan.members),
                observer=self._observer(questions),
            )
            with closing(batch):  # type: ignore[type-var]
                for result in batch:
                    try:
                        message = questions[result.question].conclude(result)
                    except Exception as error:
                        if not return_exceptions:
                            raise
                        yield result.question, error
                    else:
                        yield result.question, message
        finally:
            for question in questions:
                question.abandon()

    async def arun(
        self, return_exceptions: bool
    ) -> AsyncIterator[tuple[int, AIMessage | Exception]]:
        """Do the same in the running event loop."""
        questions = [_AsyncQuestion(self, place) for place in range(len(self.inputs))]
        plan = self.plan
        try:
            batch = avote_batch(
                range(len(questions)),
                lambda place, draw: questions[place].sample(draw),
                plan,
                budget=self.budget,
                concurrency=self.concurrency,
                circuit=Circuit(self.model._health, plan.members),
                observer=self._observer(questions),
            )
            async with aclosing(batch):  # type: ignore[type-var]
                async for result in batch:
                    try:
                        message = await questions[result.question].conclude(result)
                    except Exception as error:
                        if not return_exceptions:
                            raise
                        yield result.question, error
                    else:
                        yield result.question, message
        finally:
            await finished(asyncio.gather(*(question.abandon() for question in questions)))

    def _observer(self, questions: Sequence[_Question | _AsyncQuestion]) -> BatchObserver[int]:
        """Return what sends the progress of each question, with that of the budget."""
        spent = 0.0

        def observe(place: int, engine: VotingEngine, draw: Draw, outcome: Outcome) -> None:
            nonlocal spent
            spent += self.budget.of(outcome)
            opened = questions[place].opened
            if opened is not None and opened.progress.wanted:
                more = {"question": place, "spent": spent, "budget": self.budget.total}
                opened.send(engine, draw, outcome, **more)

        return observe

    def opening(self, place: int) -> tuple[list[BaseMessage], tuple[Any, ...], dict[str, Any]]:
        """Return the messages of a question, and how its callbacks and its run are made."""
        messages = self.model._convert_input(self.inputs[place]).to_messages()
        return messages, *self.model._opening(self.configs[place], self.stop, dict(self.kwargs))

    def call(self, messages: list[BaseMessage], run: Any) -> EnsembleCall:
        """Return the call of a question under its run."""
        return self.model._call(messages, self.stop, run, self.kwargs)


@dataclass
class _Open:
    """A question whose run has begun."""

    run: Any
    runs: SampleRuns
    call: EnsembleCall
    sampler: Sampler
    progress: Progress
    send: Callable[..., None]

    @classmethod
    def of(cls, batch: Batch, messages: list[BaseMessage], run: Any, asynchronous: bool) -> _Open:
        runs = SampleRuns(run, batch.model.sample_callbacks, asynchronous=asynchronous)
        call = batch.call(messages, run)
        progress = Progress(run, [member.name for member in call.plan.members], batch.line)
        send = progress.asend if asynchronous else progress.send
        return cls(run, runs, call, call.sampler(runs), progress, send)

    async def close(self) -> None:
        """Wait until nothing of the question is under way any more."""
        await self.sampler.aclose()
        await self.progress.drain()


@dataclass
class _Question:
    """A question asked from threads; its run begins with its first sample."""

    batch: Batch
    place: int
    opened: _Open | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def sample(self, draw: Draw) -> Sample:
        return self._open().sampler.sample(draw)

    def _open(self) -> _Open:
        with self.lock:
            if self.opened is None:
                model = self.batch.model
                messages, configure, start = self.batch.opening(self.place)
                run: CallbackManagerForLLMRun
                (run,) = CallbackManager.configure(*configure).on_chat_model_start(
                    model._serialized, [messages], **start
                )
                self.opened = _Open.of(self.batch, messages, run, False)
                if model.rate_limiter is not None:
                    model.rate_limiter.acquire(blocking=True)
            return self.opened

    def conclude(self, result: BatchResult[int]) -> AIMessage:
        """End the run with the winner's message, or with the error that is raised."""
        opened = self._open()
        self.opened = None
        try:
            outcome = opened.call.concluded(opened.sampler, result.decision, result.error)
            message = self.batch.model._message(outcome, opened.run)
        except BaseException as error:
            opened.run.on_llm_error(error, response=_NOTHING)
            raise
        generation = ChatGeneration(message=message)
        opened.runs.finish(ChatResult(generations=[generation]))
        opened.run.on_llm_end(LLMResult(generations=[[generation]]))
        return message

    def abandon(self) -> None:
        """End the run where the batch has ended before the question."""
        if self.opened is not None:
            self.opened.run.on_llm_error(_abandoned(), response=_NOTHING)


@dataclass
class _AsyncQuestion:
    """A question asked from tasks."""

    batch: Batch
    place: int
    opened: _Open | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def sample(self, draw: Draw) -> Sample:
        opened = await self._open()
        return await opened.sampler.asample(draw)

    async def _open(self) -> _Open:
        async with self.lock:
            if self.opened is None:
                model = self.batch.model
                messages, configure, start = self.batch.opening(self.place)
                run = await begun(
                    AsyncCallbackManager.configure(*configure).on_chat_model_start(
                        model._serialized, [messages], **start
                    )
                )
                self.opened = _Open.of(self.batch, messages, run, True)
                if model.rate_limiter is not None:
                    await model.rate_limiter.aacquire(blocking=True)
            return self.opened

    async def conclude(self, result: BatchResult[int]) -> AIMessage:
        """End the run with the winner's message, or with the error that is raised."""
        opened = await self._open()
        self.opened = None
        try:
            await opened.close()
            outcome = await opened.call.aconcluded(opened.sampler, result.decision, result.error)
            message = self.batch.model._message(outcome, opened.run)
        except BaseException as error:
            await finished(opened.run.on_llm_error(error, response=_NOTHING))
            raise
        generation = ChatGeneration(message=message)
        await opened.runs.afinish(ChatResult(generations=[generation]))
        await finished(opened.run.on_llm_end(LLMResult(generations=[[generation]])))
        return message

    async def abandon(self) -> None:
        """End the run where the batch has ended before the question."""
        if self.opened is not None:
            await self.opened.close()
            await self.opened.run.on_llm_error(_abandoned(), response=_NOTHING)


_NOTHING = LLMResult(generations=[])


def _abandoned() -> SamplingError:
    return SamplingError("the batch ended before this question was settled")


def asker(
    model: EnsembleModel, *, seed: int | None = None
) -> Callable[[str, Draw], Awaitable[Sample]]:
    """Return the function that asks an ensemble's members, for a `bestofinf.job`.

    Args:
        model: The ensemble.
        seed: Sent with every request, as ``seed``, plus the number of samples that the member
            has given to the question before: the same run then brings the same samples, where
            members heed it. None sends none.
    """

    async def ask(prompt: str, draw: Draw) -> Sample:
        call = model._call([HumanMessage(prompt)], None, None, {})
        if seed is not None:
            kwargs = {**call.question.kwargs, "seed": seed + draw.turn}
            call = replace(call, question=replace(call.question, kwargs=kwargs))
        sampler = call.sampler(SampleRuns(None, "none", asynchronous=True))
        return await sampler.asample(draw)

    return ask
