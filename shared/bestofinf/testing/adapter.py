"""The interface through which the contract tests use an adapter; see `AdapterContract`.

It needs no plugin of pytest: every question is asked in an event loop of its own.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

QUESTION = "What is 6 times 7?"
RIGHT, WRONG = "The answer is 42.", "The answer is 40."
LONG = (
    "A poem has neither an end nor a beginning when it is spoken in a dream.",
    "It was a long story about a king who had three daughters and a horse.",
    "It was a long story about a king who had two daughters and a dog.",
)
"""Texts that cannot be voted on. Given in turn, their medoid is the second, for any number."""


class Adapter(ABC):
    """An adapter for the contract tests: scripted models, and all ways to ask an ensemble."""

    @abstractmethod
    def model(self, replies: Sequence[Any], name: str = "scripted", *, seconds: float = 0.0) -> Any:
        """Return a model of the framework that gives these replies in turn, again and again.

        Args:
            replies: Texts, and exceptions, which are raised.
            name: The model's own name.
            seconds: Time of a reply in seconds.
        """

    def judge(self, scores: Sequence[float]) -> Any:
        """Return a model named ``judge`` that gives these scores, from 0 to 10, when it judges."""
        return self.model([f"score: {score:g}" for score in scores], "judge")

    @abstractmethod
    def make(self, members: Any, **settings: Any) -> Any:
        """Return an ensemble of members with these settings."""

    def ensemble(self, replies: Sequence[Any] = (RIGHT,), **settings: Any) -> Any:
        """Return an ensemble of one model that gives these replies, asked one after the other."""
        return self.make([self.model(replies)], **{"concurrency": 1, **settings})

    @abstractmethod
    async def ask(self, ensemble: Any, how: str, question: str, **settings: Any) -> Any:
        """Ask an ensemble in one way, with settings for this question, and return the result.

        A blocking way is called as it is, within the running event loop.
        """

    @abstractmethod
    def text(self, result: Any) -> str:
        """Return the text of a result."""

    @abstractmethod
    def trace(self, result: Any) -> Mapping[str, Any]:
        """Return the trace of a result."""

    @abstractmethod
    def asked(self, model: Any) -> Sequence[str]:
        """Return the prompts that a model has received so far, as texts."""

    def in_flight(self, model: Any) -> int:
        """Return the number of requests of a model in flight."""
        return 0


class Told(NamedTuple):
    """The result of one question to an ensemble."""

    text: str
    trace: Mapping[str, Any]


class Contract:
    """Base class of the parts of the contract.

    Attributes:
        ways: Names of the ways to ask, blocking and asynchronous, whole and streamed.
        cancellable: Those that can be cancelled.
    """

    ways: ClassVar[tuple[str, ...]]
    cancellable: ClassVar[tuple[str, ...]] = ()

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """Run a test that takes ``how`` or ``cancellable_way`` once for each such way to ask."""
        for name, ways in (("how", self.ways), ("cancellable_way", self.cancellable)):
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, ways)

    def tell(
        self,
        adapter: Adapter,
        ensemble: Any,
        how: str | None = None,
        question: str = QUESTION,
        **settings: Any,
    ) -> Told:
        """Ask an ensemble in an event loop of its own, by default in the first way."""
        result = asyncio.run(adapter.ask(ensemble, how or self.ways[0], question, **settings))
        return Told(adapter.text(result), adapter.trace(result))
