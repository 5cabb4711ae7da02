"""Chains with a memory: every sample has a memory of its own, and that of the winner is kept.

With a common checkpointer or history of messages, a sample would see the answers of the samples
before it, and the thread would contain the answers of all samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from importlib import import_module
from typing import Any, Protocol

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.runnables.history import RunnableWithMessageHistory
from typing_extensions import override

from bestofinf.errors import UsageError, shown
from langchain_bestofinf.members import leaves, transformed, used_by

_IN_GRAPH = "__pregel_task_id"
_THREADS = ("thread_id", "session_id")


class Memory(Protocol):
    """The memory of one sample."""

    def keep(self) -> None:
        """Write the memory of this sample to the thread."""

    async def akeep(self) -> None:
        """Do the same in the running event loop."""


@dataclass(frozen=True)
class Remembered:
    """The output of a sample, and its memories.

    Attributes:
        native: The output, as `Reply.native` has it.
        memories: The memories of this sample.
    """

    native: Any
    memories: Sequence[Memory]


def remembers(chain: Any) -> bool:
    """Return whether a chain has a memory: a graph's checkpointer, or a history of messages."""
    found = [part for leaf in _steps(chain) for part in _seen_in(leaf) if _is_memory(part)]
    if any(not isinstance(part, RunnableWithMessageHistory) for part in found):
        import_module("langchain_bestofinf.checkpoints")  # not in the event loop of a call
    return bool(found)


def check_memory(chain: Any, configurable: Mapping[str, Any]) -> None:
    """Check that no function within the chain uses a memory, which all samples would share.

    Raises:
        UsageError: If one does and the configuration names a thread; a function cannot be changed
            so that each sample has a memory of its own.
    """
    thread = next((name for name in _THREADS if name in configurable), "")
    if not thread or _IN_GRAPH in configurable:
        return
    for leaf in _steps(chain):
        if isinstance(leaf, RunnableLambda) and any(map(_is_memory, used_by(leaf))):
            raise UsageError(
                f"the function {leaf.get_name()} calls a graph or a history that remembers: all "
                f"samples of the vote would share the {thread} {shown(configurable[thread])}. Put "
                "the graph itself into the chain, or put the vote into the graph, with "
                "AdaptiveEnsembleChat as its model"
            )


def with_memory(chain: Any, configurable: Mapping[str, Any]) -> tuple[Any, list[Memory]]:
    """Return a copy of the chain for one sample, and the memories of this copy.

    The steps within a graph are unchanged, because they have no thread of their own.
    """
    memories: list[Memory] = []

    def change(leaf: Any) -> Any:
        if isinstance(leaf, RunnableWithMessageHistory):
            own = _own(leaf.get_session_history, memories)
            return leaf.model_copy(update={"get_session_history": own})
        if isinstance(leaf, RunnableLambda) or not _is_memory(leaf) or _IN_GRAPH in configurable:
            return leaf
        saver = import_module("langchain_bestofinf.checkpoints").SampleSaver(leaf.checkpointer)
        memories.append(saver)
        return leaf.copy({"checkpointer": saver})

    return transformed(chain, change, whole=RunnableWithMessageHistory), memories


def _steps(chain: Any) -> Iterator[Any]:
    return leaves(chain, whole=RunnableWithMessageHistory)


def _seen_in(leaf: Any) -> list[Any]:
    return used_by(leaf) if isinstance(leaf, RunnableLambda) else [leaf]


def _is_memory(part: Any) -> bool:
    if isinstance(part, RunnableWithMessageHistory):
        return True
    # A graph of langgraph, which need not be installed; True and False speak of graphs in graphs.
    saver = getattr(part, "checkpointer", None)
    return hasattr(saver, "get_next_version") and hasattr(part, "get_state")


def _own(
    factory: Callable[..., BaseChatMessageHistory], memories: list[Memory]
) -> Callable[..., BaseChatMessageHistory]:
    @wraps(factory)
    def make(*given: Any, **named: Any) -> BaseChatMessageHistory:
        history = SampleHistory(factory(*given, **named))
        memories.append(history)
        return history

    return make


class SampleHistory(BaseChatMessageHistory):
    """A history that stores the messages of one sample apart from those of the thread.

    Args:
        kept: The history of the thread, which is only read until `keep`.
    """

    def __init__(self, kept: BaseChatMessageHistory) -> None:
        self._kept = kept
        self._added: list[BaseMessage] = []
        self._cleared = False

    @property
    @override
    def messages(self) -> list[BaseMessage]:  # type: ignore[override]
        """The messages of the thread, then those of the sample."""
        return [*([] if self._cleared else self._kept.messages), *self._added]

    @override
    async def aget_messages(self) -> list[BaseMessage]:
        """Return the messages of the thread, then those of the sample."""
        before = [] if self._cleared else await self._kept.aget_messages()
        return [*before, *self._added]

    @override
    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Add messages of the sample."""
        self._added.extend(messages)

    @override
    async def aadd_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Add messages of the sample."""
        self._added.extend(messages)

    @override
    def clear(self) -> None:
        """Remove all messages, for this sample alone."""
        self._cleared = True
        self._added.clear()

    def keep(self) -> None:
        """Add the sample's messages to the thread's."""
        if self._cleared:
            self._kept.clear()
        self._kept.add_messages(self._added)

    async def akeep(self) -> None:
        """Do the same in the running event loop."""
        if self._cleared:
            await self._kept.aclear()
        await self._kept.aadd_messages(self._added)
