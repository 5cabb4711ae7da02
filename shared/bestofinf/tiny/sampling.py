"""Sampling of replies: batched or streaming, always the same for the same seed.

Randomness is counter based: the numbers for a sample come from a hash of its seed, its model,
its prompt and its place among the samples of the request. So a reply depends neither on what
else is in the batch nor on the order of requests, and since the logits are exact (see `exact`),
a seed gives the same text on every platform.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bestofinf.tiny.alphabet import CHARACTERS, CONTEXT, END, encode
from bestofinf.tiny.exact import Array, exponential
from bestofinf.tiny.network import KVCache, Network

BATCH = 128
"""Samples decoded together: larger gains nothing once the keys leave the processor's cache."""

SETTLED = 1e-3
"""Temperatures below this take the most probable token."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """Identifies one sample: the same ticket gives the same text.

    Attributes:
        prompt: The text to go on from, at least one character.
        seed: Seed of the request.
        index: Place among the samples of the request, from 0.
        temperature: Divides the logits; at least 0. Near 0 the most probable token is taken.
        limit: Most tokens to generate; the context of the network limits it too.
    """

    prompt: str
    seed: int
    index: int = 0
    temperature: float = 1.0
    limit: int = CONTEXT


@dataclass(frozen=True, slots=True)
class Token:
    """One generated character with its log-probability at temperature 1."""

    text: str
    logprob: float


@dataclass(frozen=True, slots=True)
class Generated:
    """A generated text.

    Attributes:
        text: The characters, without the end token.
        logprobs: One per character at temperature 1, in nats.
        ended: True when the model ended the text itself, False when the limit did.
    """

    text: str
    logprobs: tuple[float, ...]
    ended: bool


class _Decoding:
    """Rows of a batch that grow together by one token a step."""

    def __init__(self, network: Network, name: str, tickets: Sequence[Ticket]) -> None:
        self._network = network
        self._temperature = np.array([[max(t.temperature, SETTLED)] for t in tickets])
        self._greedy = np.array([t.temperature < SETTLED for t in tickets])
        prompts = list(dict.fromkeys(ticket.prompt for ticket in tickets))
        lengths = np.array([len(prompt) for prompt in prompts])
        self.limits = np.array([min(t.limit, CONTEXT - len(t.prompt)) for t in tickets])
        longest, room = int(lengths.max()), int(self.limits.max(initial=0))
        tokens = np.full((len(prompts), longest), END, np.int64)
        for row, prompt in enumerate(prompts):
            tokens[row, longest - len(prompt) :] = encode(prompt)
        reading = network.begin(len(prompts), longest + max(room, 1), longest - lengths)
        logits, reading = network.read(reading, tokens)
        # A prompt is read once, however many samples are wanted of it.
        source = {prompt: row for row, prompt in enumerate(prompts)}
        rows = np.array([source[ticket.prompt] for ticket in tickets], np.intp)
        self._logits: Array = logits[rows, -1]
        self._reading: KVCache = reading.rows(rows)
        self._noise = np.stack([_uniform(name, ticket, max(room, 1)) for ticket in tickets])
        self._step = 0

    def choose(self) -> tuple[npt.NDArray[np.int64], Array]:
        """Return the next token of each row and its log-probability at temperature 1."""
        logits = self._logits - self._logits.max(axis=-1, keepdims=True)
        weights = exponential(logits / self._temperature).cumsum(axis=-1)
        mark = self._noise[:, self._step, None] * weights[:, -1:]
        tokens = np.where(self._greedy, logits.argmax(axis=-1), (weights <= mark).sum(axis=-1))
        chosen = np.take_along_axis(logits, tokens[:, None], axis=-1)[:, 0]
        self._step += 1
        return tokens, chosen - np.log(np.exp(logits).sum(axis=-1))

    def advance(self, tokens: npt.NDArray[np.int64]) -> None:
        """Read the tokens chosen."""
        logits, self._reading = self._network.read(self._reading, tokens[:, None])
        self._logits = logits[:, 0]

    def keep(self, rows: npt.NDArray[np.intp]) -> None:
        """Forget all rows but these."""
        self._logits = self._logits[rows]
        self._reading = self._reading.rows(rows)
        self._noise = self._noise[rows]
        self._temperature, self._greedy = self._temperature[rows], self._greedy[rows]


def generate(network: Network, name: str, tickets: Sequence[Ticket]) -> list[Generated]:
    """Sample one text a ticket, many at a time.

    Args:
        network: What to sample from.
        name: Name of the model; part of what seeds a sample.
        tickets: In any order; those with one prompt share the reading of it.
    """
    results: list[Generated | None] = [None] * len(tickets)
    order = sorted(range(len(tickets)), key=lambda i: (len(tickets[i].prompt), tickets[i].prompt))
    for first in range(0, len(order), BATCH):
        places = order[first : first + BATCH]
        batch = _generate_batch(network, name, [tickets[place] for place in places])
        for place, generated in zip(places, batch, strict=True):
            results[place] = generated
    return [generated for generated in results if generated is not None]


def _generate_batch(network: Network, name: str, tickets: list[Ticket]) -> list[Generated]:
    decoding = _Decoding(network, name, tickets)
    limits = decoding.limits
    room = int(limits.max(initial=0))
    tokens = np.full((len(tickets), room), END, np.int64)
    logprobs = np.zeros((len(tickets), room))
    lengths = limits.copy()
    ended = np.zeros(len(tickets), bool)
    rows = np.arange(len(tickets))
    for step in range(room):
        chosen, surprise = decoding.choose()
        tokens[rows, step], logprobs[rows, step] = chosen, surprise
        now = (chosen == END) & ~ended[rows] & (step < limits[rows])
        ended[rows[now]] = True
        lengths[rows[now]] = step
        going = ~ended[rows] & (step + 1 < limits[rows])
        if not going.any():
            break
        # To drop rows copies the rest: only when that pays.
        if going.sum() <= 0.5 * len(rows):
            kept = np.flatnonzero(going)
            decoding.keep(kept)
            rows, chosen = rows[kept], chosen[kept]
        decoding.advance(chosen)
    return [
        Generated(
            "".join(CHARACTERS[token] for token in tokens[row, :length]),
            tuple(logprobs[row, :length].tolist()),
            bool(ended[row]),
        )
        for row, length in enumerate(lengths)
    ]


def stream(network: Network, name: str, ticket: Ticket) -> Iterator[Token]:
    """Yield the characters of `generate` for one ticket as they are sampled.

    Nothing is yielded for the end; the text was cut when it has reached the ticket's limit.
    """
    decoding = _Decoding(network, name, [ticket])
    limit = int(decoding.limits[0])
    for step in range(limit):
        chosen, logprob = decoding.choose()
        if chosen[0] == END:
            return
        yield Token(CHARACTERS[chosen[0]], float(logprob[0]))
        if step + 1 < limit:
            decoding.advance(chosen)


def _uniform(name: str, ticket: Ticket, n: int) -> Array:
    """Return `n` numbers in [0, 1), multiples of 2**-53."""
    key = f"{name}\n{ticket.seed}\n{ticket.index}\n{ticket.prompt}"
    words = np.frombuffer(
        hashlib.shake_128(key.encode("utf-8", "surrogatepass")).digest(8 * n), "<u8"
    )
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
