"""Read chat completions: from a body, or the chunks of a stream, to `Reply` and token counts.

Reading is tolerant: a missing value is unknown, and a value of the wrong type counts as missing.
Reasoning in separate fields is not part of the text; thoughts within the text are kept, and answer
types remove them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bestofinf.border import FILTERED, as_count, as_finish_reason
from bestofinf.records import Reply, ToolCall
from bestofinf.records.likelihood import likeliest, logprob_fields, token_logprobs
from bestofinf.wire.errors import EndpointError, endpoint_error, error_in
from bestofinf.wire.requests import content_text
from bestofinf.wire.values import Json, items, loads, mapping, text


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """The tokens of one request as counted by its server; None for unknown counts.

    Attributes:
        input: Tokens read, cached ones included.
        output: Tokens generated for all choices, reasoning included.
        cached: Tokens read that came from the server's cache.
        reasoning: Tokens generated as hidden reasoning.
    """

    input: int | None = None
    output: int | None = None
    cached: int | None = None
    reasoning: int | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """The result of one request.

    Attributes:
        replies: One for each choice, in the order of their indices; never empty. The ``native`` of
            each is the body with only this choice.
        tokens: Token counts of the whole request.
    """

    replies: tuple[Reply, ...]
    tokens: TokenCounts


def read_completion(body: Any, *, structured: bool = False) -> Completion:
    """Return the replies and token counts of a completion.

    A choice with a malformed tool call has no text either, so that it abstains: the text next to a
    broken call is not the member's answer.

    Args:
        body: The completion, parsed.
        structured: Whether a JSON object was requested. If the text is one, it becomes the reply's
            ``parsed``.

    Raises:
        EndpointError: If the body is an error or has no choice.
    """
    if error_in(body):
        raise endpoint_error(None, body)
    choices = [choice for choice in items(mapping(body).get("choices")) if mapping(choice)]
    if not choices:
        raise EndpointError(f"the server gave no choice: {str(body)[:200]}", body=body)
    for choice in choices:
        if error_in(choice):  # OpenRouter does this if a provider breaks off
            raise endpoint_error(None, choice)
    choices.sort(key=lambda choice: as_count(choice.get("index")) or 0)
    alone = len(choices) == 1
    return Completion(
        tuple(
            read_choice(
                choice, body if alone else {**body, "choices": [choice]}, structured=structured
            )
            for choice in choices
        ),
        read_usage(body.get("usage")),
    )


def read_choice(choice: Mapping[str, Any], native: Any, *, structured: bool = False) -> Reply:
    """Return one choice of a completion as a reply."""
    message = mapping(choice.get("message"))
    calls = _calls(message)
    broken = None in calls
    said = "" if broken else _said(choice, message)
    finish = as_finish_reason(choice.get("finish_reason"))
    if calls and finish in (None, "stop"):  # Google's servers send "stop" for tool calls too
        finish = "tool_calls"
    return Reply(
        text=said,
        tool_calls=() if broken else tuple(call for call in calls if call is not None),
        parsed=_object(said) if structured and not calls else None,
        finish_reason=finish,
        refusal=bool(_refusal(message)) or finish in (FILTERED, "refusal"),
        **_logprobs(choice.get("logprobs"), said, finish),
        native=native,
    )


def top_logprobs(reply: Reply) -> list[list[float]] | None:
    """Return the log-probabilities of the most probable tokens at every position of a reply.

    They are read from the body in its ``native``; None if there are none. Used with
    `bestofinf.scorers.SelfCertainty`, and ``logprobs`` and ``top_logprobs`` in the request.
    """
    choices = items(mapping(reply.native).get("choices"))
    return likeliest(mapping(choices[0] if choices else None).get("logprobs"))


def read_usage(usage: Any) -> TokenCounts:
    """Return the token counts of a completion."""
    found = mapping(usage)
    read = mapping(found.get("prompt_tokens_details") or found.get("input_tokens_details"))
    written = mapping(found.get("completion_tokens_details") or found.get("output_tokens_details"))
    return TokenCounts(
        as_count(found.get("prompt_tokens", found.get("input_tokens"))),
        as_count(found.get("completion_tokens", found.get("output_tokens"))),
        as_count(read.get("cached_tokens")),
        as_count(written.get("reasoning_tokens")),
    )


def _said(choice: Mapping[str, Any], message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if content is None:
        content = choice.get("text")  # the older form of completions
    return content_text(content)


def _refusal(message: Mapping[str, Any]) -> str | None:
    parts = [mapping(part).get("refusal") for part in items(message.get("content"))]
    return text(message.get("refusal")) or next(filter(None, map(text, parts)), None)


def _calls(message: Mapping[str, Any]) -> list[ToolCall | None]:
    """Return the calls of a message, with None for each malformed one."""
    calls = [_call(mapping(call), "function") for call in items(message.get("tool_calls"))]
    legacy = message.get("function_call")
    return calls or ([_call(message, "function_call")] if legacy else [])


def _call(call: Mapping[str, Any], place: str) -> ToolCall | None:
    function = mapping(call.get(place))
    name, args = text(function.get("name")), function.get("arguments")
    if isinstance(args, str):
        try:
            args = loads(args) if args.strip() else {}
        except ValueError:
            return None
    if name is None or not isinstance(args, Mapping | None):
        return None
    return ToolCall(name, args or {}, text(call.get("id")) if place == "function" else None)


def _object(said: str) -> Any:
    try:
        found = loads(said)
    except ValueError:
        return None
    return found if isinstance(found, dict | list) else None


def _logprobs(recorded: Any, said: str, finish: str | None) -> Json:
    """Return the log-probability of every token, as fields of a reply."""
    pairs = token_logprobs(recorded)
    if not pairs:  # the older form of completions
        found = mapping(recorded)
        values = items(found.get("token_logprobs"))
        tokens = [*items(found.get("tokens")), *[None] * len(values)]
        pairs = list(zip(tokens, values, strict=False))
    return logprob_fields(pairs, said, finish)
