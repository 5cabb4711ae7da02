"""Warnings about members whose samples cannot differ, so that a vote says nothing."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from bestofinf.records import Member, Sample

SUSPICIOUS = 3
"""Warn after this many identical long replies, counted from the first: chance is unlikely."""

LONG = 80
"""Replies shorter than this (in characters) are not compared; short answers are often legitimately
identical."""


class IdenticalSamplesWarning(UserWarning):
    """Samples of a member are, or will be, the same: each further one costs and says nothing."""


def _itself(model: Any) -> Any:
    return model


def warn_of_fixed(
    members: Sequence[Member[Any]], max_samples: int, *, innermost: Callable[[Any], Any] = _itself
) -> None:
    """Warn of members that are set to give the same reply every time.

    Args:
        members: The members.
        max_samples: Most samples for one question; each member may always be asked once.
        innermost: From a member's model to the one that has a temperature.
    """
    if max_samples <= len(members):
        return
    for member in members:
        model = innermost(member.model)
        given = {**getattr(model, "__dict__", {}), **member.options}
        # A tiny model's seed numbers its replies instead of fixing them.
        seeded = given.get("seed") is not None and not _is_tiny(model)
        reason = (
            "temperature 0"
            if given.get("temperature") == 0
            else f"seed {given['seed']!r}"
            if seeded
            else None
        )
        if reason is not None:
            warnings.warn(
                f"member {member.name!r} has {reason}: its samples will be (nearly) the same, "
                "and a vote among them says nothing",
                IdenticalSamplesWarning,
                stacklevel=3,
            )


def _is_tiny(model: Any) -> bool:
    return type(model).__module__.endswith("_bestofinf.tiny")


class Alike:
    """Watches one vote for replies that are byte for byte the same from the first on."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._first: dict[int, tuple[str, int]] = {}

    def note(self, member: int, sample: Sample) -> None:
        """Record a sample; warn if it is one too many of the same."""
        text = sample.reply.text if sample.reply is not None else ""
        first, equal = self._first.get(member, (text, 0))
        if equal < 0 or len(text) < LONG:
            return
        if text != first:
            self._first[member] = (first, -1)
            return
        self._first[member] = (first, equal + 1)
        if equal + 1 == SUSPICIOUS:
            warnings.warn(
                f"the first {SUSPICIOUS} samples of member {self._names[member]!r} are the same "
                "to the byte: a cache, a seed or temperature 0 may be at work",
                IdenticalSamplesWarning,
                stacklevel=2,
            )
