"""Middleware of agents that checks the class of the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bestofinf._extras import require

# The extra installs only langchain-core, which is enough for most ensembles.
require("langchain.agents", extra=None, purpose="langchain_bestofinf.ForMembers")

from langchain.agents.middleware import AgentMiddleware  # noqa: E402

from langchain_bestofinf.members import innermost  # noqa: E402
from langchain_bestofinf.model import EnsembleModel  # noqa: E402


class ForMembers(AgentMiddleware[Any, Any, Any]):
    """Shows middleware a member of an ensemble as the model, so that a check of its class succeeds.

    For middleware that uses a feature of one provider, such as prompt caching::

        ForMembers(AnthropicPromptCachingMiddleware())

    The middleware sees the first member if all are of one class, and else the ensemble. The request
    that it returns is sent to the ensemble.

    Args:
        middleware: Middleware that wraps model calls; its other hooks are not called.
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
        """Wrap a call of the model in blocking code."""
        return self._wrapped.wrap_model_call(*_lent(request, handler))

    async def awrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """Wrap a call of the model in the running event loop."""
        return await self._wrapped.awrap_model_call(*_lent(request, handler))


def _lent(request: Any, handler: Callable[[Any], Any]) -> tuple[Any, Callable[[Any], Any]]:
    """Return a request with the first member as model, and a handler that restores the ensemble."""
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
