"""Long texts, which cannot be voted on, and a server that tells no others."""

from __future__ import annotations

from support.backends import FunctionBackend
from support.request import ChatRequest

LONG = [
    "A poem has neither an end nor a beginning when it is spoken in a dream.",
    "It was a long story about a king who had three daughters and a horse.",
    "It was a long story about a king who had two daughters and a dog.",
]
"""The medoid of any number of them in turn is the second."""


def storyteller() -> FunctionBackend:
    """Serve another long text to every question, and choose the second text when asked to."""
    stories = (f"Story {n} goes on and on, and never says anything short." for n in range(1000))

    def reply(request: ChatRequest) -> str:
        return "Number 2." if "Choose the one" in request.last_user_text else next(stories)

    return FunctionBackend(reply)
