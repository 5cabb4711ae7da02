"""The names of answer types, as on the command line and in fields."""

from __future__ import annotations

ANSWER_NAMES = ("auto", "text", "number", "choice", "boxed", "math", "json", "tool-calls")
"""Names that `resolve_answer` takes, and so every setting `answer`."""
