"""A chat-completions request, checked as strictly as OpenAI checks it.

Keys that the public interface does not know are refused with status 400, so that a test sees at
once when settings or traces of the ensemble leak into what is sent to a provider.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

REQUEST_KEYS = frozenset(
    [
        "model",
        "messages",
        "n",
        "stream",
        "stream_options",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "response_format",
        "logprobs",
        "top_logprobs",
        "stop",
        "max_tokens",
        "max_completion_tokens",
        "seed",
        "temperature",
        "top_p",
        "user",
        "frequency_penalty",
        "presence_penalty",
        "logit_bias",
        "metadata",
        "store",
        "service_tier",
        "reasoning_effort",
        "modalities",
        "audio",
        "prediction",
        "verbosity",
        "web_search_options",
        "safety_identifier",
        "prompt_cache_key",
        "prompt_cache_retention",
        "functions",
        "function_call",
    ]
)
MESSAGE_KEYS = frozenset(
    ["role", "content", "name", "tool_calls", "tool_call_id", "refusal", "audio", "function_call"]
)
ROLES = frozenset(["system", "developer", "user", "assistant", "tool", "function"])
PART_TYPES = frozenset(["text", "image_url", "input_audio", "file", "refusal"])
TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class RefusedRequest(Exception):
    """A request that is answered with an error in OpenAI's form.

    Back ends may raise it too, for instance for a model they do not have.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body: Json = {
            "error": {"message": message, "type": kind, "param": param, "code": code}
        }


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A request that passed the checks.

    Attributes:
        number: Its place in the order of arrival at the server, from 0.
        body: The whole request as sent.
    """

    number: int
    body: Json

    @property
    def model(self) -> str:
        return str(self.body["model"])

    @property
    def messages(self) -> list[Json]:
        return list(self.body["messages"])

    @property
    def n(self) -> int:
        return self.body.get("n") or 1

    @property
    def stream(self) -> bool:
        return bool(self.body.get("stream"))

    @property
    def include_usage(self) -> bool:
        return bool((self.body.get("stream_options") or {}).get("include_usage"))

    @property
    def seed(self) -> int | None:
        return self.body.get("seed")

    @property
    def temperature(self) -> float | None:
        return self.body.get("temperature")

    @property
    def max_tokens(self) -> int | None:
        limit = self.body.get("max_completion_tokens")
        return self.body.get("max_tokens") if limit is None else limit

    @property
    def stop(self) -> Sequence[str]:
        stop = self.body.get("stop") or ()
        return (stop,) if isinstance(stop, str) else stop

    @property
    def top_logprobs(self) -> int | None:
        """Number of alternatives wanted for every token; None when no log-probabilities are."""
        return (self.body.get("top_logprobs") or 0) if self.body.get("logprobs") else None

    @property
    def tools(self) -> list[Json]:
        """The functions that may be called: name, description and parameters each."""
        return [tool["function"] for tool in self.body.get("tools") or ()]

    @property
    def forced_tool(self) -> Json | None:
        """The function that must be called: the one named, or the first where any must."""
        choice = self.body.get("tool_choice")
        if isinstance(choice, dict):
            name = choice["function"]["name"]
            return next(tool for tool in self.tools if tool["name"] == name)
        return self.tools[0] if choice == "required" else None

    @property
    def may_call_tools(self) -> bool:
        return bool(self.body.get("tools")) and self.body.get("tool_choice") != "none"

    @property
    def wants_json(self) -> bool:
        form = self.body.get("response_format") or {}
        return form.get("type") in ("json_object", "json_schema")

    @property
    def schema(self) -> Json | None:
        """The JSON schema that the reply must obey; None without one."""
        form = self.body.get("response_format") or {}
        return form["json_schema"].get("schema", {}) if form.get("type") == "json_schema" else None

    def texts(self) -> Iterator[str]:
        """Give the text of every message, the last one first."""
        for message in reversed(self.body["messages"]):
            yield text_of(message)

    @property
    def last_user_text(self) -> str:
        for message in reversed(self.body["messages"]):
            if message["role"] == "user":
                return text_of(message)
        return ""

    def prompt_tokens(self) -> int:
        """Count the words of all messages: the server's measure of the prompt."""
        return sum(len(text.split()) for text in self.texts())


def text_of(message: Mapping[str, Any]) -> str:
    """Return the text of a message, whose content may be text, parts or null."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content or () if part["type"] == "text")


def check_request(body: Any, *, extra_keys: frozenset[str] = frozenset()) -> None:
    """Raise `RefusedRequest` where OpenAI would not accept the body.

    Args:
        body: The parsed request.
        extra_keys: Further top-level keys to accept, as self-hosted servers have some.
    """
    if not isinstance(body, dict):
        raise RefusedRequest("We could not parse the JSON body of your request.")
    unknown = body.keys() - REQUEST_KEYS - extra_keys
    if unknown:
        raise RefusedRequest(
            f"Unrecognized request argument supplied: {', '.join(sorted(unknown))}"
        )
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise RefusedRequest("you must provide a model parameter", param="model")
    _check_messages(body.get("messages"))
    # Most requests have none of these.
    for key in body.keys() & _CHECKS.keys():
        if body[key] is not None:
            _CHECKS[key](body)


def _refuse(param: str, message: str) -> RefusedRequest:
    return RefusedRequest(f"Invalid '{param}': {message}", param=param)


def _check_messages(messages: Any) -> None:
    if not isinstance(messages, list) or not messages:
        raise _refuse("messages", "expected an array with at least one message.")
    waiting: set[str] = set()  # ids of calls that the next messages must answer
    for place, message in enumerate(messages):
        where = f"messages[{place}]"
        if not isinstance(message, dict):
            raise _refuse(where, "expected an object.")
        unknown = message.keys() - MESSAGE_KEYS
        if unknown:
            raise RefusedRequest(
                f"Additional properties are not allowed ({', '.join(map(repr, sorted(unknown)))} "
                f"unexpected) - '{where}'",
                param=where,
            )
        role = message.get("role")
        if role not in ROLES:
            raise _refuse(f"{where}.role", f"{role!r} is not one of {', '.join(sorted(ROLES))}.")
        if role == "tool":
            if message.get("tool_call_id") not in waiting:
                raise _refuse(
                    where,
                    "messages with role 'tool' must be a response to a preceding message with "
                    f"'tool_calls'; tool_call_id {message.get('tool_call_id')!r} has none.",
                )
            waiting.discard(message["tool_call_id"])
        elif waiting:
            raise _unanswered(waiting)
        elif "tool_call_id" in message:
            raise _refuse(f"{where}.tool_call_id", "only messages with role 'tool' have one.")
        calls = message.get("tool_calls")
        if calls is not None:
            waiting = _check_calls(calls, role, where)
        _check_content(message, where, may_be_null=role == "assistant")
    if waiting:
        raise _unanswered(waiting)


def _unanswered(ids: set[str]) -> RefusedRequest:
    return RefusedRequest(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to "
        f"each 'tool_call_id'. Without response: {', '.join(sorted(ids))}",
        param="messages",
    )


def _check_calls(calls: Any, role: str, where: str) -> set[str]:
    if role != "assistant":
        raise _refuse(f"{where}.tool_calls", "only messages with role 'assistant' have them.")
    if not isinstance(calls, list) or not calls:
        raise _refuse(f"{where}.tool_calls", "expected an array with at least one call.")
    ids: set[str] = set()
    for place, call in enumerate(calls):
        here = f"{where}.tool_calls[{place}]"
        # Accumulated stream deltas keep their index, and the public interface lets it pass.
        if not isinstance(call, dict) or call.keys() - {"id", "type", "function", "index"}:
            raise _refuse(here, f"expected id, type and function, got {call!r:.80}")
        function = call.get("function")
        if not isinstance(function, dict) or not isinstance(function.get("arguments"), str):
            raise _refuse(f"{here}.function", "expected a name, and arguments as a string.")
        if not isinstance(function.get("name"), str) or call.get("type") != "function":
            raise _refuse(here, "expected type 'function' and a name.")
        if not isinstance(call.get("id"), str) or call["id"] in ids:
            raise _refuse(f"{here}.id", f"expected a string used once, got {call.get('id')!r}.")
        ids.add(call["id"])
    return ids


def _check_content(message: Json, where: str, *, may_be_null: bool) -> None:
    content = message.get("content")
    if isinstance(content, str):
        return
    if content is None:
        if may_be_null and (message.keys() & {"tool_calls", "refusal", "audio", "function_call"}):
            return
        raise _refuse(f"{where}.content", "expected a string or an array of parts, got null.")
    if not isinstance(content, list):
        raise _refuse(f"{where}.content", "expected a string or an array of parts.")
    for part in content:
        if not isinstance(part, dict) or part.get("type") not in PART_TYPES:
            raise _refuse(f"{where}.content", f"unknown part {part!r:.80}")


def _check_tools(body: Json) -> None:
    tools = body["tools"]
    if not isinstance(tools, list) or not tools:
        raise _refuse("tools", "expected an array with at least one tool.")
    for place, tool in enumerate(tools):
        where = f"tools[{place}]"
        if not isinstance(tool, dict) or tool.keys() - {"type", "function"}:
            raise _refuse(where, f"expected type and function, got {tool!r:.80}")
        function = tool.get("function")
        if tool.get("type") != "function" or not isinstance(function, dict):
            raise _refuse(where, "expected type 'function' and a function.")
        if function.keys() - {"name", "description", "parameters", "strict"}:
            raise _refuse(f"{where}.function", f"unknown keys in {sorted(function)}")
        if not TOOL_NAME.fullmatch(str(function.get("name"))):
            raise _refuse(f"{where}.function.name", f"{function.get('name')!r} is not a tool name.")


def _check_tool_choice(body: Json) -> None:
    choice = body["tool_choice"]
    if not body.get("tools"):
        raise _refuse("tool_choice", "only allowed when 'tools' are specified.")
    if choice in ("none", "auto", "required"):
        return
    name = choice.get("function", {}).get("name") if isinstance(choice, dict) else None
    if name not in {tool["function"]["name"] for tool in body["tools"]}:
        raise _refuse("tool_choice", f"{choice!r:.80} names no tool in 'tools'.")


def _check_parallel_calls(body: Json) -> None:
    if not body.get("tools"):
        raise _refuse("parallel_tool_calls", "only allowed when 'tools' are specified.")


def _check_response_format(body: Json) -> None:
    form = body["response_format"]
    kind = form.get("type") if isinstance(form, dict) else None
    if kind not in ("text", "json_object", "json_schema"):
        raise _refuse("response_format", f"{form!r:.80} is not supported.")
    if kind == "json_schema":
        schema = form.get("json_schema")
        if not isinstance(schema, dict) or not isinstance(schema.get("name"), str):
            raise _refuse("response_format.json_schema", "expected an object with a name.")
    if kind == "json_object" and "json" not in " ".join(map(str, body["messages"])).lower():
        raise _refuse("messages", "must contain the word 'json' to use 'json_object'.")


def _check_stream_options(body: Json) -> None:
    if not body.get("stream"):
        raise _refuse("stream_options", "only allowed when 'stream' is true.")


def _check_top_logprobs(body: Json) -> None:
    if not body.get("logprobs"):
        raise _refuse("top_logprobs", "only allowed when 'logprobs' is true.")
    _whole("top_logprobs", 0, 20)(body)


def _check_stop(body: Json) -> None:
    stop = body["stop"]
    if isinstance(stop, str):
        return
    if not isinstance(stop, list) or len(stop) > 4 or not all(isinstance(s, str) for s in stop):
        raise _refuse("stop", "expected a string or an array of at most 4 strings.")


def _check_temperature(body: Json) -> None:
    value = body["temperature"]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 2:
        raise _refuse("temperature", f"expected a number from 0 to 2, got {value!r:.40}.")


def _whole(key: str, least: int, most: int) -> Callable[[Json], None]:
    def check(body: Json) -> None:
        value = body[key]
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise _refuse(key, f"expected an integer from {least} to {most}, got {value!r:.40}.")

    return check


_CHECKS: dict[str, Callable[[Json], None]] = {
    "tools": _check_tools,
    "tool_choice": _check_tool_choice,
    "parallel_tool_calls": _check_parallel_calls,
    "response_format": _check_response_format,
    "stream_options": _check_stream_options,
    "top_logprobs": _check_top_logprobs,
    "stop": _check_stop,
    "temperature": _check_temperature,
    "n": _whole("n", 1, 128),
    "max_tokens": _whole("max_tokens", 1, 2**31),
    "max_completion_tokens": _whole("max_completion_tokens", 1, 2**31),
    "seed": _whole("seed", -(2**63), 2**63 - 1),
}
