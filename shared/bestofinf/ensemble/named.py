"""Models by name: those behind OpenAI-compatible servers, and those of installed adapters.

An adapter offers its models by the entry point group ``bestofinf.models``: a function that takes a
name and options (``temperature``, ``base_url``) and returns a `ChatModel`, or None for a name it
does not know.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from importlib.metadata import entry_points
from typing import Any, TypeAlias

from bestofinf.ensemble.chat import ChatModel
from bestofinf.ensemble.endpoint import URL_VARIABLE, Endpoint
from bestofinf.errors import BestOfInfError, MissingExtraError, UsageError

GROUP = "bestofinf.models"

Maker: TypeAlias = Callable[..., ChatModel | None]
"""Makes a model of a name and options."""

_OPENAI_NAMES = ("gpt-", "chatgpt-", "o1", "o3", "o4")


def named_model(
    name: str,
    *,
    base_url: str | None = None,
    temperature: float | None = None,
    own: Mapping[str, Callable[..., ChatModel]] | None = None,
) -> ChatModel:
    """Return the model that a name stands for.

    Args:
        name: ``openai:MODEL`` or ``MODEL@URL`` for a server that speaks OpenAI's form; any name, if
            the address of one is given or stands in ``OPENAI_BASE_URL``; ``PROVIDER:MODEL`` for
            what an installed adapter knows.
        base_url: Address of a server.
        temperature: Sent to the model; None for its own.
        own: Further kinds of models by their prefix; called with the rest of the name.

    Raises:
        UsageError: If nothing knows the name, or a key is missing.
        MissingExtraError: If a package is missing.
    """
    kind, colon, rest = name.partition(":")
    options: dict[str, Any] = {} if temperature is None else {"temperature": temperature}
    if colon and kind in (own or {}):
        return (own or {})[kind](rest, **options)
    by_url = "@http" in name or (colon and kind == "openai") or name.startswith(_OPENAI_NAMES)
    served = base_url or os.environ.get(URL_VARIABLE)
    missing: MissingExtraError | None = None
    # With a server's address, any name without a provider is the name of a model there.
    if not by_url and (colon or not served):
        further = options | ({"base_url": base_url} if base_url is not None else {})
        for maker in _makers():
            try:
                model = maker(name, **further)
            except MissingExtraError as error:
                missing = error
            else:
                if model is not None:
                    return model
    if by_url or served:
        return _endpoint(name, base_url, options)
    if missing is not None:
        raise missing
    kinds = "".join(f"{prefix}:NAME, " for prefix in own or {})
    raise UsageError(
        f"there is no model {name!r}: write {kinds}openai:MODEL or MODEL@URL, or give the address "
        "of its server (--base-url, OPENAI_BASE_URL); for PROVIDER:MODEL of another provider, "
        "pip install 'bestofinf[langchain]' langchain and the provider's own package"
    )


def _endpoint(name: str, base_url: str | None, options: dict[str, Any]) -> Endpoint:
    endpoint = Endpoint.of(name)
    if base_url is not None and "@http" not in name:
        options = options | {"url": base_url}
    endpoint = replace(endpoint, **options)
    endpoint.check()
    return endpoint


def _makers() -> Iterator[Maker]:
    """Yield the functions of the installed adapters that make models, in order of their names."""
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            yield point.load()
        except MissingExtraError:
            continue  # an adapter of this distribution whose framework is not installed
        except ImportError as error:
            raise BestOfInfError(
                f"the models of {point.name!r} cannot be loaded: {error}"
            ) from error
