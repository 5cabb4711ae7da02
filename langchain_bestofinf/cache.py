"""Caches: a cached reply must not stand for several independent samples.

LangChain's global cache returns the same reply for the same prompt, so every vote would be
unanimous. Therefore the key of the cache contains the number of the sample within a vote: the
samples of a vote differ, and a repetition of the same vote costs nothing.
"""

from __future__ import annotations

import warnings
from contextvars import ContextVar
from typing import Any, Literal, TypeAlias

from langchain_core.caches import RETURN_VAL_TYPE, BaseCache
from langchain_core.globals import get_llm_cache
from langchain_core.language_models import BaseLanguageModel
from langchain_core.runnables import RunnableLambda

from bestofinf.ensemble import IdenticalSamplesWarning
from langchain_bestofinf.members import innermost, leaves, transformed, used_by

sampling_turns: ContextVar[tuple[int, ...]] = ContextVar("bestofinf_sampling_turns", default=())
"""How many samples the same member gave before, in each of the votes under way, outermost first.

Votes are within each other where an ensemble is a member or a step of another's.
"""

sampling_hits: ContextVar[list[None] | None] = ContextVar("bestofinf_sampling_hits", default=None)
"""Takes note of every reply of the sample under way that came from a cache."""

SampleCacheMode: TypeAlias = Literal["indexed", "off"]


class SampleCache(BaseCache):
    """Stores the samples of a vote under separate keys of another cache.

    The first sample of a member has the key that the member alone would have.

    Args:
        inner: The cache that stores the replies; None for LangChain's global cache.
    """

    def __init__(self, inner: BaseCache | None = None) -> None:
        self._inner = inner

    def lookup(self, prompt: str, llm_string: str) -> RETURN_VAL_TYPE | None:
        """Return the reply kept for this sample."""
        inner = self._kept_in()
        return _noted(inner.lookup(prompt, _key(llm_string))) if inner is not None else None

    def update(self, prompt: str, llm_string: str, return_val: RETURN_VAL_TYPE) -> None:
        """Keep the reply for this sample."""
        inner = self._kept_in()
        if inner is not None:
            inner.update(prompt, _key(llm_string), return_val)

    async def alookup(self, prompt: str, llm_string: str) -> RETURN_VAL_TYPE | None:
        """Return the reply kept for this sample."""
        inner = self._kept_in()
        return _noted(await inner.alookup(prompt, _key(llm_string))) if inner is not None else None

    async def aupdate(self, prompt: str, llm_string: str, return_val: RETURN_VAL_TYPE) -> None:
        """Keep the reply for this sample."""
        inner = self._kept_in()
        if inner is not None:
            await inner.aupdate(prompt, _key(llm_string), return_val)

    def clear(self, **kwargs: Any) -> None:
        """Clear the inner cache, with everything in it."""
        inner = self._kept_in()
        if inner is not None:
            inner.clear(**kwargs)

    def _kept_in(self) -> BaseCache | None:
        return self._inner if self._inner is not None else get_llm_cache()


def _noted(found: RETURN_VAL_TYPE | None) -> RETURN_VAL_TYPE | None:
    hits = sampling_hits.get()
    if found is not None and hits is not None:
        # LangChain looks up in a task of its own, whose context variables are lost.
        hits.append(None)
    return found


def _key(llm_string: str) -> str:
    turns = sampling_turns.get()
    if not any(turns):
        return llm_string
    return f"{llm_string}---bestofinf-sample-{'.'.join(map(str, turns))}"


def needs_guard(model: Any) -> bool:
    """Return whether a model or chain uses a cache, so that its samples must be kept apart."""
    return any(_is_cached(leaf) or _calls_cached(leaf) for leaf in leaves(model))


def _is_cached(model: Any) -> bool:
    if not isinstance(model, BaseLanguageModel) or model.cache is False:
        return False
    if isinstance(model.cache, BaseCache):
        return not isinstance(model.cache, SampleCache)
    return get_llm_cache() is not None


def _calls_cached(leaf: Any) -> bool:
    """Return whether a function calls a model whose replies are cached."""
    used = used_by(leaf) if isinstance(leaf, RunnableLambda) else ()
    return any(_is_cached(innermost(part)) for part in used)


def guarded(model: Any, mode: SampleCacheMode = "indexed") -> Any:
    """Return the model or chain with caches that keep samples apart, or without caches.

    Warns of functions that call a model with a cache, because a function cannot be changed.
    """

    def change(leaf: Any) -> Any:
        if _calls_cached(leaf):
            warnings.warn(
                f"the function {leaf.get_name()} calls a model whose replies are cached: all "
                "samples will be the same. Give that model cache=False, or put it into the chain",
                IdenticalSamplesWarning,
                stacklevel=2,
            )
        if not isinstance(leaf, BaseLanguageModel) or leaf.cache is False:
            return leaf
        own = leaf.cache if isinstance(leaf.cache, BaseCache) else None
        return leaf.model_copy(update={"cache": SampleCache(own) if mode == "indexed" else False})

    return transformed(model, change)
