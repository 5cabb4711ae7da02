"""Scores of a reward model behind an HTTP endpoint."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

from bestofinf.border import as_amount, loads
from bestofinf.errors import UsageError, shown
from bestofinf.records import Reply, Usage
from bestofinf.scorers.base import BaseScorer, Score, ScoringError

_LARGEST = 1 << 20  # maximum size of a response in bytes; a score is short


def _input_and_output(prompt: str, reply: Reply) -> Any:
    return {"input": prompt, "output": reply.text}


@dataclass(frozen=True)
class RewardEndpoint(BaseScorer):
    """Posts the prompt and the reply as JSON and reads the score from the JSON response.

    Statuses 408, 409, 425, 429, 5xx and lost connections are retried according to the policy;
    other statuses are not.

    Attributes:
        url: URL to post to, http or https.
        body: Makes the JSON body; the default is ``{"input": prompt, "output": text}``.
        path: Path of the score in the response, as keys and indices joined by dots: ``score``,
            ``data.0.score``.
        headers: Headers of the request; for a key, ``{"Authorization": "Bearer ..."}``.
        price: Money for one request.
    """

    url: str
    body: Callable[[str, Reply], Any] = _input_and_output
    path: str = "score"
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    price: float = 0.0
    cost_of_a_try: ClassVar[Usage] = Usage(calls=1)

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise UsageError(f"url must begin with http:// or https://, got {self.url!r}")
        price = as_amount(self.price)
        if price is None:
            raise UsageError(f"price must be money of at least 0, got {shown(self.price)}")
        object.__setattr__(self, "price", price)

    def _try(self, prompt: str, reply: Reply) -> Score:
        usage = Usage(calls=1, cost=self.price)
        request = urllib.request.Request(
            self.url,
            data=json.dumps(self.body(prompt, reply)).encode(),
            headers={"Content-Type": "application/json", **self.headers},
            method="POST",
        )
        try:
            with urllib.request.urlopen(request, timeout=self.policy.timeout) as response:
                text = response.read(_LARGEST)
        except urllib.error.HTTPError as error:
            with error:
                raise _StatusError(error.code, dict(error.headers)) from None
        except urllib.error.URLError as error:
            if isinstance(error.reason, TimeoutError):
                raise error.reason from None
            raise ConnectionError(f"{self.url}: {error.reason}") from None
        try:
            return Score(_at(loads(text), self.path), usage)
        except (ValueError, LookupError, TypeError, OverflowError):
            raise ScoringError(f"no score at {self.path!r} in {text[:200]!r}", usage) from None


class _StatusError(Exception):
    """The endpoint answered with an error status."""

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        self.status_code = status
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.response = self  # where `retry_after` looks for headers
        super().__init__(f"status {status}")


def _at(record: Any, path: str) -> float:
    for key in path.split("."):
        record = record[int(key)] if isinstance(record, list) else record[key]
    if isinstance(record, bool | str):
        raise TypeError
    return float(record)
