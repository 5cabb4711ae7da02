"""A tiny model: chat messages in, sampled replies with usage out; no framework, no HTTP."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from bestofinf._concurrency.forks import ForkSafeLock
from bestofinf.errors import UsageError
from bestofinf.tiny.alphabet import CONTEXT
from bestofinf.tiny.network import Network
from bestofinf.tiny.sampling import Generated, Ticket, generate, stream

FinishReason: TypeAlias = Literal["stop", "length"]

WINDOW = CONTEXT // 2
"""Maximum number of characters of a question that are read, with the line end; the last ones are."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One sampled reply.

    Attributes:
        text: The text; its characters are the tokens.
        finish_reason: "length" if the limit cut it off, otherwise "stop".
        logprobs: Log-probability of each character at temperature 1, in nats.
        generated: Number of characters sampled, including those that a stop sequence removed.
    """

    text: str
    finish_reason: FinishReason
    logprobs: tuple[float, ...]
    generated: int


@dataclass(frozen=True, slots=True)
class Completion:
    """The replies to one request.

    Attributes:
        model: Name of the member.
        choices: The replies in order, as many as requested.
        prompt_tokens: Number of characters read.
    """

    model: str
    choices: tuple[Choice, ...]
    prompt_tokens: int

    @property
    def completion_tokens(self) -> int:
        """Number of characters sampled for all choices together."""
        return sum(choice.generated for choice in self.choices)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a streamed reply.

    Attributes:
        text: New characters; may be empty in the last piece.
        logprobs: One per character.
        finish_reason: Why the reply ended; set only in the last piece.
        generated: Number of characters sampled since the previous piece.
    """

    text: str
    logprobs: tuple[float, ...]
    finish_reason: FinishReason | None = None
    generated: int = 0


@dataclass(frozen=True, slots=True)
class Options:
    """Sampling options.

    Attributes:
        n: Number of replies, at least 1.
        temperature: At least 0; 0 takes the most probable character.
        max_tokens: Maximum number of characters of a reply; None for as many as the context holds.
        stop: Texts that end a reply; they are not part of it.
        seed: The same seed gives the same replies to the same question, on every platform; None
            samples anew.

    Raises:
        UsageError: If a value is out of range.
    """

    n: int = 1
    temperature: float = 1.0
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.n < 1:
            raise UsageError(f"n must be at least 1, got {self.n}")
        if not 0 <= self.temperature < float("inf"):
            raise UsageError(f"temperature must be at least 0, got {self.temperature}")
        if self.max_tokens is not None and self.max_tokens < 1:
            raise UsageError(f"max_tokens must be at least 1, got {self.max_tokens}")
        if "" in self.stop:
            raise UsageError("a stop sequence must not be empty")


@dataclass(frozen=True)
class TinyModel:
    """A language model of a few hundred kilobytes.

    It knows sums, products, short word problems, clock and calendar, and counting letters, each as
    written by `bestofinf.tiny.questions`. Other questions it answers just as confidently but wrong,
    as language models do.

    Attributes:
        name: Name of the member.
        network: Its weights.
    """

    name: str
    network: Network = field(repr=False)

    def complete(
        self, question: str, options: Options | None = None, *, first: int = 0
    ) -> Completion:
        """Sample replies to a question.

        Args:
            question: See `question_of` for how it is found in a longer text.
            options: How to sample.
            first: Number of the first reply among all with this seed, for further ones.
        """
        return self.complete_all([question], options, first=first)[0]

    def complete_all(
        self, questions: Sequence[str], options: Options | None = None, *, first: int = 0
    ) -> list[Completion]:
        """Sample replies to many questions together: the same as one by one, but faster."""
        options = options or Options()
        prompts = [_prompt(question) for question in questions]
        tickets = [ticket for prompt in prompts for ticket in _tickets(prompt, options, first)]
        choices = [_choice(g, options.stop) for g in generate(self.network, self.name, tickets)]
        return [
            Completion(self.name, tuple(choices[i * options.n : (i + 1) * options.n]), len(prompt))
            for i, prompt in enumerate(prompts)
        ]

    def stream(
        self, question: str, options: Options | None = None, *, first: int = 0
    ) -> Iterator[Piece]:
        """Yield the reply of `complete`, character by character.

        Characters that may begin a stop sequence are held back until it is clear whether they do.

        Raises:
            UsageError: If more than one reply is requested.
        """
        options = options or Options()
        if options.n != 1:
            raise UsageError(f"streaming gives one reply, but n is {options.n}")
        (ticket,) = _tickets(_prompt(question), options, first)
        held, logprobs, generated, total = "", [], 0, 0
        longest = max(map(len, options.stop), default=0)
        for token in stream(self.network, self.name, ticket):
            held += token.text
            logprobs.append(token.logprob)
            generated, total = generated + 1, total + 1
            end = _stop_at(held, options.stop)
            if end is not None:
                yield Piece(held[:end], tuple(logprobs[:end]), "stop", generated)
                return
            safe = len(held) - _may_begin(held, options.stop) if longest else len(held)
            if safe:
                yield Piece(held[:safe], tuple(logprobs[:safe]), generated=generated)
                held, generated = held[safe:], 0
                del logprobs[:safe]
        cut = total >= min(ticket.limit, CONTEXT - len(ticket.prompt))
        yield Piece(held, tuple(logprobs), "length" if cut else "stop", generated)


class SampleCounter:
    """Numbers the replies to each question, so that a caller with a seed gets a new one every time."""

    def __init__(self) -> None:
        self._asked: Counter[str] = Counter()
        self._lock = ForkSafeLock()

    def take(self, question: str, n: int) -> int:
        """Return the number of the next reply to a question, and count `n` replies."""
        with self._lock:
            first = self._asked[question]
            self._asked[question] += n
        return first

    def __reduce__(self) -> tuple[type[SampleCounter], tuple[()]]:
        """Copy as a new counter, so that a copy of a model starts with the first reply again."""
        return SampleCounter, ()


def question_of(messages: Sequence[Mapping[str, object]]) -> str:
    """Return the text of a chat that a member reads: the question of the last user message.

    This is the last line that ends with a question mark, so that a question may be part of a
    template; if there is none, the last line that is not empty.

    Args:
        messages: Mappings with "role" and "content"; content is text or a list of parts with
            "text", as in the chat API of OpenAI.

    Raises:
        UsageError: If there is no user message with text.
    """
    for message in reversed(messages):
        if message.get("role") == "user":
            return find_question(_text_of(message.get("content")))
    raise UsageError("no message with the role 'user'")


def find_question(text: str) -> str:
    """Return the line of a text that a member reads; see `question_of`.

    Raises:
        UsageError: If the text is blank.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise UsageError("the question is empty")
    return next((line for line in reversed(lines) if line.endswith("?")), lines[-1])


def count_prompt(question: str) -> int:
    """Return the number of tokens that a member reads of a question."""
    return len(_prompt(question))


def _text_of(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = (part.get("text") if isinstance(part, Mapping) else part for part in parts)
    return "\n".join(text for text in texts if isinstance(text, str))


def _prompt(question: str) -> str:
    return f"{find_question(question)}\n"[-WINDOW:]


def _tickets(prompt: str, options: Options, first: int) -> list[Ticket]:
    seed = secrets.randbits(63) if options.seed is None else options.seed
    limit = CONTEXT if options.max_tokens is None else options.max_tokens
    return [Ticket(prompt, seed, first + i, options.temperature, limit) for i in range(options.n)]


def _choice(generated: Generated, stop: tuple[str, ...]) -> Choice:
    text = generated.text
    end = _stop_at(text, stop)
    if end is None:
        reason: FinishReason = "stop" if generated.ended else "length"
        return Choice(text, reason, generated.logprobs, len(text))
    # Sampling would have ended with the first stop sequence that was complete.
    complete = min(text.find(s) + len(s) for s in stop if s in text)
    return Choice(text[:end], "stop", generated.logprobs[:end], complete)


def _stop_at(text: str, stop: tuple[str, ...]) -> int | None:
    """Return the start of the stop sequence that is complete first; None if there is none."""
    found = [(place + len(s), place) for s in stop if (place := text.find(s)) >= 0]
    return min(found)[1] if found else None


def _may_begin(text: str, stop: tuple[str, ...]) -> int:
    """Return the length of the longest suffix of `text` that is the beginning of a stop sequence."""
    lengths = range(min(len(text), max(map(len, stop)) - 1), 0, -1)
    return next((n for n in lengths if any(s.startswith(text[-n:]) for s in stop)), 0)
