"""A tiny model as a member of an ensemble without a framework."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from bestofinf.records import Reading, Reply
from bestofinf.tiny.files import load
from bestofinf.tiny.model import Options, SampleCounter, count_prompt, question_of


class TinyMember:
    """A tiny model that takes the body of a chat completion; see `bestofinf.ensemble.ChatModel`.

    It uses ``temperature``, ``max_tokens``, ``stop`` and ``seed`` of the body. Tokens are characters.

    Args:
        model: One of `bestofinf.tiny.MEMBERS`.
        temperature: At least 0; 0 takes the most probable character.
        seed: Each request to this object gives a new reply, but the k-th one to a question is
            always the same. A seed in the body fixes the reply. None samples anew each time.

    Raises:
        UsageError: If there is no such model.

    >>> body = {"messages": [{"role": "user", "content": "What is 12 + 30 + 41?"}]}
    >>> TinyMember("sum", seed=1).send(body).reply.text.splitlines()[-1]
    'The answer is 83.'
    """

    def __init__(
        self, model: str = "sum", *, temperature: float = 1.0, seed: int | None = None
    ) -> None:
        load(model)
        self.model = model
        self.temperature = temperature
        self.seed = seed
        self._asked = SampleCounter()

    def __repr__(self) -> str:
        return f"TinyMember({self.model!r})"

    @property
    def fixed(self) -> SimpleNamespace:
        """Settings that are the same in every request. Not the seed, which numbers replies."""
        return SimpleNamespace(temperature=self.temperature)

    def send(self, body: Mapping[str, Any]) -> Reading:
        """Ask the model once."""
        return self._sampled(*self._request(body))

    async def asend(self, body: Mapping[str, Any]) -> Reading:
        """Ask the model once, in a thread."""
        # Numbered before the thread starts, so that the order of requests decides who gets which reply.
        return await asyncio.to_thread(self._sampled, *self._request(body))

    def _request(self, body: Mapping[str, Any]) -> tuple[str, Options, int]:
        """Return the question, how to sample, and the number of the reply."""
        question = question_of(body["messages"])
        stop = body.get("stop") or ()
        given: Any = body.get("temperature")
        options = Options(
            temperature=self.temperature if given is None else given,
            max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
            stop=(stop,) if isinstance(stop, str) else tuple(stop),
            seed=self.seed if body.get("seed") is None else body["seed"],
        )
        numbered = self.seed is not None and body.get("seed") is None
        return question, options, self._asked.take(question, 1) if numbered else 0

    def _sampled(self, question: str, options: Options, first: int) -> Reading:
        (choice,) = load(self.model).complete(question, options, first=first).choices
        reply = Reply(choice.text, finish_reason=choice.finish_reason, logprobs=choice.logprobs)
        return Reading(reply, count_prompt(question), choice.generated)
