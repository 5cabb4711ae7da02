"""The tiny members' settings as pydantic fields, and requests read from them, for the adapters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field, PrivateAttr

from bestofinf.errors import UsageError
from bestofinf.tiny.model import Options, SampleCounter

CALL_OPTIONS = frozenset({"n", "temperature", "max_tokens", "seed", "logprobs", "stop"})


@dataclass(frozen=True, slots=True)
class Request:
    """A request to a tiny member.

    Attributes:
        question: The question.
        options: The sampling options.
        first: Number of the first reply.
        logprobs: Whether to return log-probabilities.
    """

    question: str
    options: Options
    first: int
    logprobs: bool


class TinyFields(BaseModel):
    """Settings of a member of `bestofinf.tiny` as a model of a framework. Tokens are characters.

    Attributes:
        model: One of `bestofinf.tiny.MEMBERS`.
        temperature: At least 0; 0 takes the most probable character.
        max_tokens: Maximum number of characters of a reply; None for as many as fit.
        stop: Texts that end a reply.
        n: Number of replies to a request.
        logprobs: Whether the response has the log-probability of each character.
        seed: Each request to this object gives a new reply, but the k-th one to a question is
            always the same. Given with a call, the reply to the question is always the same.
            None samples anew each time.
    """

    model: str = "sum"
    temperature: float = Field(default=1.0, ge=0)
    max_tokens: int | None = Field(default=None, ge=1)
    stop: list[str] | None = None
    n: int = Field(default=1, ge=1)
    logprobs: bool = False
    seed: int | None = None

    _asked: SampleCounter = PrivateAttr(default_factory=SampleCounter)

    def _request(self, question: str, given: Mapping[str, Any]) -> Request:
        """Return a request, numbered among those to this object.

        Args:
            question: The question.
            given: Settings of this call.

        Raises:
            UsageError: If one of them is unknown.
        """
        unknown = given.keys() - CALL_OPTIONS
        if unknown:
            raise UsageError(
                f"{type(self).__name__} takes {', '.join(sorted(CALL_OPTIONS))} with a call, "
                f"got {', '.join(sorted(unknown))}"
            )
        options = Options(
            n=given.get("n", self.n),
            temperature=given.get("temperature", self.temperature),
            max_tokens=given.get("max_tokens", self.max_tokens),
            stop=tuple(given.get("stop", self.stop) or ()),
            seed=given.get("seed", self.seed),
        )
        numbered = self.seed is not None and "seed" not in given
        first = self._asked.take(question, options.n) if numbered else 0
        return Request(question, options, first, bool(given.get("logprobs", self.logprobs)))
