"""What a provider's response tells, in whatever form a client library leaves it.

Such a response is a mapping or an object, and providers have names of their own for the same things.
What is read here is foreign: `Sampler` checks it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bestofinf.border import loads
from bestofinf.records import ToolCall
from bestofinf.records.likelihood import logprob_fields, token_logprob

_OUTPUT_KEYS = ("completion_tokens", "output_tokens", "candidates_token_count", "eval_count")
_INPUT_KEYS = ("prompt_tokens", "input_tokens", "prompt_token_count", "prompt_eval_count")
_FINISH_KEYS = ("finish_reason", "stop_reason", "done_reason")

COUNTS = frozenset({*_OUTPUT_KEYS, *_INPUT_KEYS, "total_tokens", "total_token_count"})
"""Names under which numbers of tokens are told."""


def told(place: Any, name: str) -> Any:
    """Return what stands under a name in a mapping, or as an attribute; None if nothing does."""
    if place is None or isinstance(place, dict):  # what it mostly is, and quicker to tell
        return None if place is None else place.get(name)
    return place.get(name) if isinstance(place, Mapping) else getattr(place, name, None)


def told_tokens(*places: Any) -> tuple[object, object]:
    """Return generated and read tokens from the first place that tells any; None for not told."""
    for place in places:
        if place:
            found = _first(place, _OUTPUT_KEYS), _first(place, _INPUT_KEYS)
            if found != (None, None):
                return found
    return None, None


def told_ending(raw: Any) -> tuple[str | None, bool]:
    """Return why a reply ended, and whether it is a refusal."""
    if raw is None:
        return None, False
    choice = _choice(raw)
    places = [told(choice, "finish_reason"), *(told(raw, name) for name in _FINISH_KEYS)]
    finish = next((place for place in places if isinstance(place, str)), None)
    refused = finish == "refusal" or bool(told(told(choice, "message"), "refusal"))
    return finish, refused


def told_logprobs(
    raw: Any, places: Sequence[Sequence[Any]], text: str, finish: str | None
) -> dict[str, Any]:
    """Return the log-probability of every generated token, where it is known, as fields of a reply.

    Args:
        raw: The provider's response.
        places: What the client library has made of it: tokens by place.
        text: What the member said.
        finish: Why it ended.
    """
    choice, tokens = _choice(raw), None
    # Clients that were asked in the call alone leave them there. A chunk has those of its own text.
    if places or told(choice, "message") is not None:
        tokens = told(told(choice, "logprobs"), "content")
    # A list of several holds the likeliest tokens and does not say which was taken.
    if not tokens and all(len(place) == 1 for place in places):
        tokens = [place[0] for place in places]
    pairs = [
        (told(t, "token"), token_logprob(told(t, "logprob"), told(t, "prob"))) for t in tokens or ()
    ]
    return logprob_fields(pairs, text, finish)


def told_call(name: str, args: Any, call_id: str | None) -> ToolCall | None:
    """Return a tool call; None if its arguments are neither an object nor the JSON of one."""
    if isinstance(args, str):
        try:
            args = loads(args) if args.strip() else {}
        except ValueError:
            return None
    return ToolCall(name, args, call_id) if isinstance(args, Mapping) else None


def _choice(raw: Any) -> Any:
    choices = told(raw, "choices")
    return choices[0] if isinstance(choices, Sequence) and choices else None


def _first(place: Any, names: Sequence[str]) -> object:
    """Return the first number, or what stands in its place."""
    found = (told(place, name) for name in names)
    return next((value for value in found if isinstance(value, int | float | str)), None)
