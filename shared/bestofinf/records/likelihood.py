"""How probable a reply was to the member that gave it, as its provider tells it.

Where a reply is the answer, that is known after one sample; `bestofinf.rules.mass` votes with it. A
vote behind steps of reasoning has no such number: the reply's probability is that of its steps, too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal, TypeAlias, get_args

from bestofinf.border import (
    CUT_OFF,
    as_count,
    as_finish_reason,
    as_finite,
    as_fraction,
    as_logprob,
)

LogprobKind: TypeAlias = Literal["processed", "raw", "partial"]
"""Which probabilities of a reply are told: those of the distribution that is sampled from, after
temperature and cuts (processed); others of the whole reply (raw); or those of a part of it, as of
its text behind hidden thoughts (partial), which say nothing about the reply as a whole."""


_SPECIAL = re.compile(r"<[^<>\s]{1,40}>|\[/?[A-Z_]{1,20}\]")  # tokens that end a turn


@dataclass(frozen=True, slots=True)
class Likelihood:
    """The probability of one reply.

    Attributes:
        logprob: Its natural logarithm: the sum over the tokens of the reply, at most 0.
        tokens: Tokens that the sum is over.
        kind: Which probability it is; None where nobody says, which is taken for "raw".
        said: What tells replies apart: the same for two replies if they say the same.
    """

    logprob: float
    tokens: int
    kind: LogprobKind | None
    said: str

    @property
    def probability(self) -> float:
        """Probability of the reply, from 0 to 1."""
        return math.exp(self.logprob)

    @property
    def mean(self) -> float:
        """Mean log-probability of a token: how sure the member was, whatever the length."""
        return self.logprob / max(self.tokens, 1)

    def as_list(self) -> list[Any]:
        """Return plain values; `read_likelihood` reads them."""
        return [self.logprob, self.tokens, self.kind, self.said]


def digest(*parts: object) -> str:
    """Return a short text that is the same for the same parts, and hardly for others."""
    told = "\0".join(map(str, parts)).encode("utf-8", "surrogatepass")
    return blake2b(told, digest_size=8).hexdigest()


def likelihood(logprob: object, tokens: object, kind: object, *said: object) -> Likelihood | None:
    """Return the likelihood of a reply from what others told of it; None where it has none.

    Args:
        logprob: Log-probability of the whole reply.
        tokens: Tokens that it is the sum over; 0 where nobody says.
        kind: One of `LogprobKind`; anything else is unknown.
        said: What the reply says, in parts.
    """
    total = as_logprob(logprob)
    if total is None or kind == "partial":
        return None
    known: Any = kind if kind in get_args(LogprobKind) else None
    return Likelihood(total, as_count(tokens) or 0, known, digest(*said))


def token_logprob(logprob: object, probability: object) -> object:
    """Return the log-probability of a token, from its probability where that is what was told.

    llama.cpp tells ``prob`` in place of ``logprob`` if it is asked for ``post_sampling_probs``.

    >>> token_logprob(None, 0.5), token_logprob(-1.5, None)
    (-0.6931471805599453, -1.5)
    """
    share = as_fraction(probability)
    return math.log(share) if logprob is None and share else logprob


def token_logprobs(recorded: Any) -> list[tuple[object, object]]:
    """Return text and log-probability of every token, as told in the form of OpenAI's chat API.

    Args:
        recorded: An object with the tokens under ``content``; anything else tells of none.

    >>> token_logprobs({"content": [{"token": "a", "logprob": -0.5}]})
    [('a', -0.5)]
    """
    return [
        (token.get("token"), token_logprob(token.get("logprob"), token.get("prob")))
        for token in _tokens(recorded)
    ]


def likeliest(recorded: Any) -> list[list[float]] | None:
    """Return the log-probabilities of the most probable tokens at every place; None if untold.

    Args:
        recorded: As for `token_logprobs`.

    >>> likeliest({"content": [{"token": "a", "top_logprobs": [{"logprob": -0.5}]}]})
    [[-0.5]]
    """
    places = [_objects(token.get("top_logprobs")) for token in _tokens(recorded)]
    if not any(places):
        return None
    found = ([as_finite(top.get("logprob")) for top in place] for place in places)
    return [[value for value in place if value is not None] for place in found]


def _tokens(recorded: Any) -> list[Mapping[str, Any]]:
    return _objects(recorded.get("content")) if isinstance(recorded, Mapping) else []


def _objects(found: Any) -> list[Mapping[str, Any]]:
    """Return a list of objects, with an empty one in place of anything else in it."""
    if not isinstance(found, list | tuple):
        return []
    return [one if isinstance(one, Mapping) else {} for one in found]


def logprob_fields(
    told: Sequence[tuple[object, object]], text: str, finish_reason: object
) -> dict[str, Any]:
    """Return the fields of a `Reply` that say how probable its tokens were.

    Where the probability of the reply's end is not among them, their product is the probability
    that a reply begins so, and not that it is this one: they are "raw". Servers that tell the end have
    a last token that is special, or decodes to nothing. A reply that a limit ended has none.

    Args:
        told: Text and log-probability of every token.
        text: Text of the reply.
        finish_reason: Why it ended.

    >>> logprob_fields([("Par", -0.5), ("is", -0.25)], "Paris", "stop")
    {'logprobs': (-0.5, -0.25), 'logprob_kind': 'raw'}
    >>> logprob_fields([("Paris", -0.75), ("<|im_end|>", 0.0)], "Paris", "stop")
    {'logprobs': (-0.75, 0.0)}
    """
    values = tuple(value for _, value in told)
    if not values:
        return {}
    last = told[-1][0]
    special = isinstance(last, str) and _SPECIAL.fullmatch(last.strip()) is not None
    ended = last == "" or (special and not text.endswith(str(last)))
    if ended or as_finish_reason(finish_reason) == CUT_OFF:
        return {"logprobs": values}
    return {"logprobs": values, "logprob_kind": "raw"}


def read_likelihood(told: Any, *said: object) -> Likelihood | None:
    """Return the likelihood that a file tells as a list; None if it tells none.

    Args:
        told: ``[logprob, tokens, kind, said]``; the last may be missing if `said` is known.
        said: What the reply says, in parts, where the list does not tell.
    """
    if not isinstance(told, Sequence) or isinstance(told, str) or not 3 <= len(told) <= 4:
        return None
    found = likelihood(*told[:3], *said)
    if found is None or len(told) < 4 or not isinstance(told[3], str):
        return found
    return Likelihood(found.logprob, found.tokens, found.kind, told[3])
