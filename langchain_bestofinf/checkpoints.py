"""Checkpoints of one sample: read from the thread, and written to it only if the sample wins."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
from langgraph.checkpoint.memory import InMemorySaver
from typing_extensions import override


class SampleSaver(BaseCheckpointSaver[Any]):
    """A saver for one sample, which reads the thread and stores the sample's checkpoints in memory.

    Args:
        kept: The saver of the thread.
    """

    def __init__(self, kept: BaseCheckpointSaver[Any]) -> None:
        super().__init__(serde=kept.serde)
        self._kept = kept
        self._own = InMemorySaver(serde=kept.serde)
        self._written: list[tuple[str, tuple[Any, ...]]] = []

    @property
    @override
    def config_specs(self) -> list[Any]:
        """What can be configured."""
        return self._kept.config_specs

    @override
    def get_next_version(self, current: Any, channel: None) -> Any:
        """Return the next version of a channel, in the form of the thread's saver."""
        return self._kept.get_next_version(current, channel)

    @override
    def get_tuple(self, config: Any) -> CheckpointTuple | None:
        """Return the sample's checkpoint, else the thread's."""
        return self._own.get_tuple(config) or self._kept.get_tuple(config)

    @override
    async def aget_tuple(self, config: Any) -> CheckpointTuple | None:
        """Return the sample's checkpoint, else the thread's."""
        return self._own.get_tuple(config) or await self._kept.aget_tuple(config)

    @override
    def list(self, config: Any, **wanted: Any) -> Iterator[CheckpointTuple]:
        """Yield the sample's checkpoints, then the thread's."""

        def found() -> Iterator[CheckpointTuple]:
            yield from self._own.list(config, **wanted)
            yield from self._kept.list(config, **wanted)

        yield from islice(found(), wanted.get("limit"))

    @override
    async def alist(self, config: Any, **wanted: Any) -> AsyncIterator[CheckpointTuple]:
        """Yield the sample's checkpoints, then the thread's."""
        left = wanted.get("limit")
        own = [*self._own.list(config, **wanted)]
        for one in own:
            yield one
        if left is not None:
            wanted["limit"] = left - len(own)
        if left is None or left > len(own):
            async for one in self._kept.alist(config, **wanted):
                yield one

    @override
    def put(self, config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:
        """Write a checkpoint of the sample."""
        self._written.append(("put", (config, checkpoint, metadata, new_versions)))
        # All values are stored, because the thread alone has those that have not changed.
        return self._own.put(config, checkpoint, metadata, checkpoint["channel_versions"])

    @override
    def put_writes(self, config: Any, writes: Any, task_id: str, task_path: str = "") -> None:
        """Write what a step of the sample has done."""
        self._written.append(("put_writes", (config, writes, task_id, task_path)))
        self._own.put_writes(config, writes, task_id, task_path)

    @override
    async def aput(self, config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:
        """Write a checkpoint of the sample."""
        return self.put(config, checkpoint, metadata, new_versions)

    @override
    async def aput_writes(
        self, config: Any, writes: Any, task_id: str, task_path: str = ""
    ) -> None:
        """Write what a step of the sample has done."""
        self.put_writes(config, writes, task_id, task_path)

    def keep(self) -> None:
        """Write to the thread what the sample has written."""
        for name, given in self._written:
            getattr(self._kept, name)(*given)

    async def akeep(self) -> None:
        """Do the same in the running event loop."""
        for name, given in self._written:
            await getattr(self._kept, f"a{name}")(*given)
