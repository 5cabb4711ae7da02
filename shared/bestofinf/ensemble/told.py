"""Reads tokens, endings and log-probabilities from a provider's response.

Client libraries leave it as a mapping or an object, and providers have different names for the same
values. The values are returned as they are; `Sampler` checks them.
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
"""Names of numbers of tokens in responses."""


def told(place: Any, name: str) -> Any:
    """Return the value of a key of a mapping, or of an attribute; None if there is none."""
    if place is None or isinstance(place, dict):  # the usual types, faster than an abstract class
        return None if place is None else place.get(name)
    return place.get(name) if isinstance(place, Mapping) else getattr(place, name, None)


def told_tokens(*places: Any) -> tuple[object, object]:
    """Return generated and read tokens from the first object that has either; None if unknown."""
    for place in places:
        if place:
            found = _first(place, _OUTPUT_KEYS), _first(place, _INPUT_KEYS)
            if found != (None, None):
                return found
    return None, None


def told_ending(raw: Any) -> tuple[str | None, bool]:
    """Return the finish reason of a response (None if unknown), and whether it is a refusal."""
    if raw is None:
        return None, False
    choice = _choice(raw)
    places = [told(choice, "finish_reason"), *(told(raw, name) for name in _FINISH_KEYS)]
    finish = next((place for place in places if isinstance(place, str)), None)
    refused = finish == "refusal" or bool(told(told(choice, "message"), "refusal"))
    return finish, refused


def told_logprobs(raw: Any, places: Any, text: str, finish: str | None) -> dict[str, Any]:
    """Return the log-probabilities of the generated tokens, if known, as fields of a `Reply`.

    Args:
        raw: The provider's response.
        places: The client library's form: for each position of the reply, its tokens. Anything else
            counts as missing.
        text: Text of the reply.
        finish: Finish reason of the reply.
    """
    choice, tokens = _choice(raw), None
    # Some clients leave them only in the response. Those of a stream's chunk are of that chunk
    # alone, so a response is read only if it is whole (has a message) or there are other places.
    if not isinstance(places, list | tuple):
        places = []
    if places or told(choice, "message") is not None:
        tokens = told(told(choice, "logprobs"), "content")
    # A position with several tokens lists the most probable ones, not the one that was drawn.
    if not tokens and all(isinstance(place, list | tuple) and len(place) == 1 for place in places):
        tokens = [place[0] for place in places]
    pairs = [
        (told(t, "token"), token_logprob(told(t, "logprob"), told(t, "prob")))
        for t in (tokens if isinstance(tokens, list | tuple) else ())
    ]
    return logprob_fields(pairs, text, finish)


def told_call(name: str, args: Any, call_id: str | None) -> ToolCall | None:
    """Return a tool call; None if its arguments are neither a mapping nor the JSON of an object."""
    if isinstance(args, str):
        try:
            args = loads(args) if args.strip() else {}
        except ValueError:
            return None
    return ToolCall(name, args, call_id) if isinstance(args, Mapping) else None


def _choice(raw: Any) -> Any:
    choices = told(raw, "choices")
    if choices is None:  # quicker than to look it up among abstract classes
        return None
    return choices[0] if isinstance(choices, Sequence) and choices else None


def _first(place: Any, names: Sequence[str]) -> object:
    """Return the first value that is a number, or a text instead of one; None if there is none."""
    found = (told(place, name) for name in names)
    return next((value for value in found if isinstance(value, int | float | str)), None)
