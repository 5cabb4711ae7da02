"""The probability that a member gave its own reply, from the log-probabilities of its provider.

If the reply is nothing but the answer, one sample shows the probability of that answer;
`bestofinf.rules.mass` votes with it. An answer after steps of reasoning has no such probability: that
of the reply is the probability of these very steps and the answer.
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
    as_fraction,
    as_logprob,
)

LogprobKind: TypeAlias = Literal["processed", "raw", "partial"]
"""Which probabilities of a reply a provider reports. ``processed``: those of the distribution that
is sampled from, after temperature and top-k or top-p cuts. ``raw``: those of the whole reply, but of
another distribution. ``partial``: those of a part of the reply, such as the text after hidden
thoughts, which say nothing about the reply as a whole."""


_SPECIAL = re.compile(r"<[^<>\s]{1,40}>|\[/?[A-Z_]{1,20}\]")  # tokens that end a turn


@dataclass(frozen=True, slots=True)
class Likelihood:
    """The probability of one reply.

    Attributes:
        logprob: Its natural logarithm: the sum over the tokens of the reply, at most 0.
        tokens: Number of tokens that are summed.
        kind: Which probability it is; None if unknown, which is treated as "raw".
        said: A digest of the reply: the same for two replies with the same text and calls.
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
        """Mean log-probability of a token: how sure the member was, whatever the reply's length."""
        return self.logprob / max(self.tokens, 1)

    def as_list(self) -> list[Any]:
        """Return plain values; `read_likelihood` reads them."""
        return [self.logprob, self.tokens, self.kind, self.said]


def digest(*parts: object) -> str:
    """Return a hash of the parts as a short text."""
    told = "\0".join(map(str, parts)).encode("utf-8", "surrogatepass")
    return blake2b(told, digest_size=8).hexdigest()


def likelihood(logprob: object, tokens: object, kind: object, *said: object) -> Likelihood | None:
    """Return the likelihood of a reply from reported numbers; None if they are missing or invalid.

    Args:
        logprob: Log-probability of the whole reply.
        tokens: Number of tokens that it is the sum over; 0 if unknown.
        kind: One of `LogprobKind`; anything else is unknown.
        said: What the reply says, in parts.
    """
    total = as_logprob(logprob)
    if total is None or kind == "partial":
        return None
    known: Any = kind if kind in get_args(LogprobKind) else None
    return Likelihood(total, as_count(tokens) or 0, known, digest(*said))


def token_logprob(logprob: object, probability: object) -> object:
    """Return the log-probability of a token, computed from its probability if only that is given.

    llama.cpp returns ``prob`` instead of ``logprob`` if a request sets ``post_sampling_probs``.

    >>> token_logprob(None, 0.5), token_logprob(-1.5, None)
    (-0.6931471805599453, -1.5)
    """
    share = as_fraction(probability)
    return math.log(share) if logprob is None and share else logprob


def token_logprobs(recorded: Any) -> list[tuple[object, object]]:
    """Return text and log-probability of every token, from the form of OpenAI's chat API.

    Args:
        recorded: An object with the tokens under ``content``; anything else gives an empty list.

    >>> token_logprobs({"content": [{"token": "a", "logprob": -0.5}]})
    [('a', -0.5)]
    """
    return [
        (token.get("token"), token_logprob(token.get("logprob"), token.get("prob")))
        for token in _tokens(recorded)
    ]


def likeliest(recorded: Any) -> list[list[float]] | None:
    """Return the log-probabilities of the most probable tokens at every position; None if missing.

    Args:
        recorded: As for `token_logprobs`.

    >>> likeliest({"content": [{"token": "a", "top_logprobs": [{"logprob": -0.5}]}]})
    [[-0.5]]
    """
    places = [_objects(token.get("top_logprobs")) for token in _tokens(recorded)]
    if not any(places):
        return None
    found = ([as_logprob(top.get("logprob")) for top in place] for place in places)
    return [[value for value in place if value is not None] for place in found]


def _tokens(recorded: Any) -> list[Mapping[str, Any]]:
    return _objects(recorded.get("content")) if isinstance(recorded, Mapping) else []


def _objects(found: Any) -> list[Mapping[str, Any]]:
    """Return a list of objects, in which anything that is not an object becomes an empty one."""
    if not isinstance(found, list | tuple):
        return []
    return [one if isinstance(one, Mapping) else {} for one in found]


def logprob_fields(
    told: Sequence[tuple[object, object]], text: str, finish_reason: object
) -> dict[str, Any]:
    """Return the fields of a `Reply` that hold the probabilities of its tokens.

    If the probability of the end of the reply is missing, the product of the others is the
    probability that a reply begins like this, not that it is this reply: they are "raw". Servers
    that include the end report a last token that is special or decodes to nothing. A reply that a
    limit ended has no such token.

    Args:
        told: Text and log-probability of every token, as from `token_logprobs`.
        text: Text of the reply.
        finish_reason: Why the reply ended, as in `Reply`.

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
    """Return the likelihood that a file holds as a list; None if the list is not a valid one.

    Args:
        told: ``[logprob, tokens, kind, said]``; the last may be missing if `said` is given.
        said: What the reply says, in parts; used if the list has no digest.
    """
    if not isinstance(told, Sequence) or isinstance(told, str) or not 3 <= len(told) <= 4:
        return None
    found = likelihood(*told[:3], *said)
    if found is None or len(told) < 4 or not isinstance(told[3], str):
        return found
    return Likelihood(found.logprob, found.tokens, found.kind, told[3])
