"""Warnings about members whose samples cannot differ, so that a vote has no information."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from bestofinf.records import Member, Sample

SUSPICIOUS = 3
"""Warn if this many replies of a member, counted from the first, are identical and long: that is
hardly chance."""

LONG = 80
"""Minimum length in characters of replies that are compared, because independent short answers are
often identical."""


class IdenticalSamplesWarning(UserWarning):
    """Samples of a member are, or will be, the same, so further ones have no information."""


def _itself(model: Any) -> Any:
    return model


def warn_of_fixed(
    members: Sequence[Member[Any]], max_samples: int, *, innermost: Callable[[Any], Any] = _itself
) -> None:
    """Warn of members whose temperature is 0 or that have a fixed seed.

    There is no warning if `max_samples` is at most the number of members, because then each member
    may be asked only once.

    Args:
        members: The members.
        max_samples: Maximum number of samples for one question.
        innermost: Returns the model within a member's model that has the temperature.
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
                "and a vote among them has no information; set a temperature above 0 and no seed",
                IdenticalSamplesWarning,
                stacklevel=3,
            )


def _is_tiny(model: Any) -> bool:
    return type(model).__module__.endswith("_bestofinf.tiny")


class Alike:
    """Watches one vote for members whose first replies are all identical."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._first: dict[int, tuple[str, int]] = {}

    def note(self, member: int, sample: Sample) -> None:
        """Record a sample; warn if it is the member's `SUSPICIOUS`-th identical one."""
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
                f"the first {SUSPICIOUS} samples of member {self._names[member]!r} are identical: "
                "look for a cache, a fixed seed or temperature 0",
                IdenticalSamplesWarning,
                stacklevel=2,
            )
