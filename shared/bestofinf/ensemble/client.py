"""The interface of adapters to frameworks, and how their waiting steps are run.

An adapter implements `Client`: it translates a question into a request and a response into a
reply. Everything else about a sample and a call is in `sampler` and `call`, as
generators that yield each `Step` that has to wait. `run` runs such a flow in blocking code
and `arun` in an event loop, so the code is not written twice. httpx's ``Auth.auth_flow`` has the
same form.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextvars import copy_context
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar

from bestofinf._concurrency.endings import apart as in_own_task
from bestofinf.errors import SamplingError
from bestofinf.records import Draw, Member, Reading

T = TypeVar("T")


class NoObjectError(SamplingError):
    """A reply has no object of the requested class; not counted against its member's health."""


class Client(Protocol):
    """One framework, in one call. Two methods wait; the others do no I/O.

    Questions, requests and responses are of the framework's own types. `request`, `send` (or
    `asend`) and `read` of one draw run in one context, which no other draw shares: context
    variables set by `request` need not be reset.
    """

    def request(self, question: Any, member: Member[Any], draw: Draw | None) -> Any:
        """Return the request that asks a member once.

        Args:
            question: What is asked: the call's question, or what `choice` has made.
            member: Whom to ask.
            draw: The draw; None for a request besides the vote, such as an escalation.
        """

    def send(self, member: Member[Any], request: Any) -> Any:
        """Send a request and wait for the response; a list of responses if it asks for several."""

    async def asend(self, member: Member[Any], request: Any) -> Any:
        """Do the same in the running event loop."""

    def read(self, member: Member[Any], output: Any) -> Reading:
        """Return the reply in one response, with its tokens and cost."""

    def choice(self, prompt: str) -> Any:
        """Return a text as a question, with which a model chooses among replies or judges them."""

    def text(self, question: Any) -> str:
        """Return a question as text: for scorers, for judges, and for answer types."""


class Step(NamedTuple):
    """A waiting operation in two forms.

    Attributes:
        do: The form for blocking code.
        ado: The form for the running event loop.
    """

    do: Callable[[], Any]
    ado: Callable[[], Awaitable[Any]]


Flow: TypeAlias = Generator[Step, Any, T]
"""A generator that yields the next step, is sent the step's result, and returns the flow's result.
If the step raises an error, the error is thrown into the generator."""


def do(step: Step) -> Any:
    """Carry out a step in blocking code and return its result."""
    try:
        return step.do()
    except StopIteration as error:
        # Thrown into the generator, it could not be told from the end of the flow.
        raise RuntimeError("StopIteration was raised where a reply was expected") from error


def run(flow: Flow[T]) -> T:
    """Run a flow in blocking code and return its result."""
    try:
        step = next(flow)
        while True:
            try:
                done = do(step)
            except BaseException as error:
                step = flow.throw(error)
            else:
                step = flow.send(done)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


async def arun(flow: Flow[T]) -> T:
    """Run a flow in the running event loop and return its result."""
    try:
        step = next(flow)
        while True:
            try:
                done = await step.ado()
            except BaseException as error:  # a coroutine never raises StopIteration
                step = flow.throw(error)
            else:
                step = flow.send(done)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


def apart(make: Callable[[], Flow[T]]) -> Step:
    """Return the step that runs a flow in a context of its own, a copy of the caller's."""
    return Step(
        lambda: copy_context().run(run, make()),
        lambda: in_own_task(arun(make())),
    )
