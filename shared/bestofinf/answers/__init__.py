"""Answer types: from a reply to a vote, by meaning and not by string."""

from typing import Any

from bestofinf.answers.base import Answer, FunctionAnswer

__all__ = ["Answer", "FunctionAnswer", "resolve_answer"]


def resolve_answer(answer: Any) -> Answer:
    """Return the answer type that is meant."""
    if isinstance(answer, Answer):
        return answer
    return FunctionAnswer(lambda text: text.strip().lower() or None)
