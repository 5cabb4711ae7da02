"""Middleware of agents that asks for the class of the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bestofinf._extras import require

# The extra brings langchain-core alone, which most ensembles need nothing beyond.
require("langchain.agents", extra=None, purpose="langchain_bestofinf.ForMembers")

from langchain.agents.middleware import AgentMiddleware  # noqa: E402

from langchain_bestofinf.members import innermost  # noqa: E402
from langchain_bestofinf.model import EnsembleModel  # noqa: E402


class ForMembers(AgentMiddleware[Any, Any, Any]):
    """Lets middleware find the class of an ensemble's members in the place of the ensemble's.

    For what switches on something that one provider offers, as prompt caching::

        ForMembers(AnthropicPromptCachingMiddleware())

    The middleware sees the first member where all are of one class, and the ensemble otherwise;
    the ensemble is asked what it makes of the request.

    Args:
        middleware: One that wraps model calls; its other hooks are not called.
    """

    def __init__(self, middleware: AgentMiddleware[Any, Any, Any]) -> None:
        super().__init__()
        self._wrapped = middleware
        self.tools = getattr(middleware, "tools", [])

    @property
    def name(self) -> str:
        """The name of the middleware."""
        return self._wrapped.name

    def wrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """Wrap a call of the model."""
        return self._wrapped.wrap_model_call(*_lent(request, handler))

    async def awrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """Wrap a call of the model in the running event loop."""
        return await self._wrapped.awrap_model_call(*_lent(request, handler))


def _lent(request: Any, handler: Callable[[Any], Any]) -> tuple[Any, Callable[[Any], Any]]:
    """Return a request with the first member as its model, and what gives the ensemble back."""
    ensemble = request.model
    if not isinstance(ensemble, EnsembleModel):
        return request, handler
    models = [innermost(asked.model) for asked in ensemble._asked]
    if len({type(model) for model in models}) > 1:
        return request, handler

    def back(changed: Any) -> Any:
        own = changed.model is models[0]
        return handler(changed.override(model=ensemble) if own else changed)

    return request.override(model=models[0]), back
