"""LangGraph's interrupts within a vote: every sample gets the same answers.

A step that calls `interrupt` pauses the graph. When the graph is resumed, the step runs again, and
the call returns the answer. langgraph counts these calls for the whole node, so without this module
the second sample of a vote would wait for a second answer.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import is_dataclass, replace
from functools import partial
from typing import Any

_KEY = "__pregel_scratchpad"


class Resumed:
    """The answers with which a paused graph was resumed, for every sample of a vote in it.

    langgraph counts the interrupts of a node, and finds the answer of each by its number.

    Args:
        configurable: The key ``configurable`` of the node's configuration.
    """

    def __init__(self, configurable: Mapping[str, Any]) -> None:
        pad = configurable.get(_KEY)
        known = is_dataclass(pad) and hasattr(pad, "interrupt_counter")
        self._pad: Any = pad if known else None
        self._lock = threading.Lock()
        self._first = 0
        self._counted = 0
        self._taken: tuple[int, Any] | None = None  # the number of an interrupt, and its answer

    @property
    def waits(self) -> bool:
        """Whether there is an answer that no interrupt has taken; only one step can take it."""
        return self._pad is not None and self._pad.get_null_resume(False) is not None

    def changes(self) -> dict[str, Any]:
        """Return the changed keys of a sample's configuration."""
        if self._pad is None:
            return {}
        met: list[int] = []
        pad = replace(
            self._pad,
            resume=list(self._pad.resume),
            interrupt_counter=partial(self._count, met),
            get_null_resume=partial(self._take, met),
        )
        return {_KEY: pad}

    def _count(self, met: list[int]) -> int:
        """Return the number of a sample's next interrupt; the node counts the sample with most."""
        with self._lock:
            if len(met) == self._counted:
                number: int = self._pad.interrupt_counter()
                self._first = number if not self._counted else self._first
                self._counted += 1
            met.append(self._first + len(met))
            return met[-1]

    def _take(self, met: list[int], consume: bool = False) -> Any:
        """Return what the graph was resumed with, if it answers the sample's latest interrupt."""
        with self._lock:
            if self._taken is None and consume and met:
                value = self._pad.get_null_resume(True)
                if value is not None:
                    self._pad.resume.append(value)
                    self._taken = met[-1], value
            if self._taken is None:
                return self._pad.get_null_resume(consume)
            number, value = self._taken
            return value if met and met[-1] == number else None
