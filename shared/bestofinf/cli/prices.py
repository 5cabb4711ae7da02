"""Prices on the command line, shared by the commands that count in money."""

from __future__ import annotations

from collections.abc import Sequence

from bestofinf.errors import UsageError


def prices_by_member(texts: Sequence[str] | None) -> dict[str, float]:
    """Return the price of one generated token by member.

    Args:
        texts: One ``NAME=MONEY`` for each member, the price of a million tokens, at least 0; None
            for no prices.

    Raises:
        UsageError: If a text has another form.
    """
    return dict(map(_price, texts or []))


def _price(text: str) -> tuple[str, float]:
    name, _, money = text.rpartition("=")
    try:
        price = float(money) / 1e6
    except ValueError:
        price = -1.0
    if not name or not 0 <= price < float("inf"):
        raise UsageError(f"a price is NAME=MONEY for a million tokens, got {text!r}")
    return name, price
