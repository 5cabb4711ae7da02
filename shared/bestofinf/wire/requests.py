"""Chat-completion requests: check a body, and make the body for one member from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from bestofinf.errors import UsageError, shown
from bestofinf.wire.errors import BadRequestError
from bestofinf.wire.values import Json, items, mapping
from bestofinf.wire.written import Written

Message: TypeAlias = Mapping[str, Any]
ChatQuestion: TypeAlias = "str | Sequence[Message] | Mapping[str, Any]"
"""A text of the user, a list of messages, or a whole body with messages, tools and other fields."""

OWN_PART = "bestofinf"
"""Key of a request with settings for the ensemble, which is never sent to a member."""

# Tuples: what is looked for in them is foreign, and may be a list, which no set can be asked for.
_ROLES = ("assistant", "developer", "function", "system", "tool", "user")
_FORMATS = ("json_object", "json_schema", "text")
_LARGEST_SEED = 2**63 - 1
_COUNTS = ("n", "max_tokens", "max_completion_tokens")


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A request that passed the checks.

    Attributes:
        body: The client's body without the part for the ensemble.
        options: The part for the ensemble.
        question_id: The client's own name of the question, from ``metadata.question``.
    """

    body: Mapping[str, Any] = field(repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)
    question_id: str | None = None

    @property
    def model(self) -> str:
        """The requested model."""
        return str(self.body["model"])

    @property
    def messages(self) -> Sequence[Message]:
        """The conversation; never empty."""
        return tuple(self.body["messages"])

    @property
    def n(self) -> int:
        """The number of choices requested."""
        return self.body.get("n") or 1

    @property
    def stream(self) -> bool:
        """Whether the reply is to be streamed."""
        return bool(self.body.get("stream"))

    @property
    def include_usage(self) -> bool:
        """Whether a stream is to end with a chunk of usage."""
        return bool(mapping(self.body.get("stream_options")).get("include_usage"))

    @property
    def wants_json(self) -> bool:
        """Whether the reply is to be a JSON object."""
        return wants_json(self.body)

    @property
    def tools(self) -> tuple[Mapping[str, Any], ...]:
        """The functions that may be called, each with name, description and parameters."""
        tools = (mapping(mapping(tool).get("function")) for tool in items(self.body.get("tools")))
        return tuple(tool for tool in tools if tool)


def read_request(body: Any) -> ChatRequest:
    """Check the fields of a request that an ensemble needs; the members check the others.

    Raises:
        BadRequestError: If it is not a JSON object, or the model, the messages, or a field on the
            form of the reply is missing or of the wrong type.
    """
    if not isinstance(body, Mapping):
        raise BadRequestError("the body must be a JSON object")
    if not (isinstance(body.get("model"), str) and body["model"]):
        raise BadRequestError("model must be the name of a model", "model")
    _check_messages(body.get("messages"))
    for name in ("stream", "logprobs", "parallel_tool_calls"):
        if not isinstance(body.get(name), bool | None):
            raise BadRequestError(f"{name} must be true or false", name)
    for name in _COUNTS:
        check_count(body.get(name), name)
    seed = body.get("seed")
    if isinstance(seed, bool) or not isinstance(seed, int | None):
        raise BadRequestError("seed must be a whole number", "seed")
    wanted = body.get("response_format")
    if wanted is not None and mapping(wanted).get("type") not in _FORMATS:
        raise BadRequestError(
            f"response_format.type must be one of {', '.join(_FORMATS)}", "response_format"
        )
    options = body.get(OWN_PART)
    if not isinstance(options, Mapping | None):
        raise BadRequestError(f"{OWN_PART} must be a JSON object", OWN_PART)
    question = mapping(body.get("metadata")).get("question")
    return ChatRequest(
        {name: value for name, value in body.items() if name != OWN_PART},
        options or {},
        question if isinstance(question, str) and question else None,
    )


def check_count(value: Any, name: str) -> None:
    """Check that the value of a field is missing or a whole number above 0.

    Raises:
        BadRequestError: If it is not.
    """
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadRequestError(f"{name} must be a whole number", name)
    if value < 1:
        raise BadRequestError(f"{name} must be at least 1", name)


def check_role(role: Any, name: str) -> None:
    """Check that the value of a field is the role of a message.

    Raises:
        BadRequestError: If it is not.
    """
    if role not in _ROLES:
        raise BadRequestError(f"{name} must be one of {', '.join(_ROLES)}, got {shown(role)}", name)


def _check_messages(messages: Any) -> None:
    if not isinstance(messages, list) or not messages:
        raise BadRequestError("messages must be a list of at least one message", "messages")
    for place, message in enumerate(messages):
        check_role(mapping(message).get("role"), f"messages[{place}].role")
        content = mapping(message).get("content")
        if not isinstance(content, str | list | None):
            raise BadRequestError(
                f"messages[{place}].content must be a text or a list of parts",
                f"messages[{place}].content",
            )


def chat_body(question: ChatQuestion, *, system: str | None = None) -> Json:
    """Return the body for a question: messages and all other fields.

    Its messages and tools are lists whose JSON text is made only once, for all bodies that contain
    them, such as those of all draws. So they must not be changed.

    Args:
        question: A text of the user, messages, or a whole body.
        system: System message put before the messages, unless they begin with one.

    Raises:
        UsageError: If there is no message, or one is not a mapping with a role.
    """
    if isinstance(question, str):
        body: Json = {"messages": [{"role": "user", "content": question}]}
    elif isinstance(question, Mapping):
        body = dict(question)
    elif isinstance(question, Sequence):
        body = {"messages": list(question)}
    else:
        raise UsageError(
            f"a question is a text, a list of messages or a request's body, got {shown(question)}"
        )
    messages = body.get("messages")
    if not isinstance(messages, Written):  # otherwise this function has made the body before
        messages = body["messages"] = _checked(messages)
        if isinstance(body.get("tools"), list):
            body["tools"] = Written(body["tools"])
    if system is not None and messages[0]["role"] not in ("system", "developer"):
        body["messages"] = messages.after({"role": "system", "content": system})
    return body


def _checked(messages: Any) -> Written:
    if not (isinstance(messages, list | tuple) and messages) or not all(
        isinstance(message, Mapping) and message.get("role") in _ROLES for message in messages
    ):
        raise UsageError(
            "messages must be a list of at least one mapping with a role "
            f"({', '.join(_ROLES)}) and a content"
        )
    return Written(messages)


def draw_body(
    body: Mapping[str, Any],
    *,
    model: str,
    index: int = 0,
    stream: bool = False,
    rename: Mapping[str, str] | None = None,
    drop: Iterable[str] = (),
    change: Mapping[str, Any] | None = None,
) -> Json:
    """Return the body for one member and one draw. Only the fields named here are changed.

    Args:
        body: The request, without the ensemble's own part.
        model: The member's own name of its model.
        index: Index of the draw in the vote, from 0. It is added to a seed, because with equal
            seeds all replies would be the same.
        stream: Ask for a stream that ends with the usage.
        rename: New names of fields, for servers that use other names.
        drop: Fields that the server refuses, with their new names.
        change: Fields that are set to these values, whatever the request has.
    """
    renamed = {(rename or {}).get(name, name): value for name, value in body.items()}
    left_out = {"stream", "stream_options", "n", OWN_PART, *drop}
    sent = {name: value for name, value in renamed.items() if name not in left_out}
    sent |= {"model": model, **(change or {})}
    if isinstance(sent.get("seed"), int) and not isinstance(sent["seed"], bool):
        sent["seed"] = draw_seed(sent["seed"], index)
    if stream:
        sent |= {"stream": True, "stream_options": {"include_usage": True}}
    return sent


def draw_seed(seed: int, index: int) -> int:
    """Return the seed of a draw: a different one for each, within the 64 bits that servers accept."""
    return seed + index if seed + index <= _LARGEST_SEED else seed - index


def wants_json(body: Mapping[str, Any]) -> bool:
    """Return whether a request asks for a JSON object as its reply."""
    return mapping(body.get("response_format")).get("type") in ("json_object", "json_schema")


def question_text(body: Mapping[str, Any]) -> str:
    """Return the conversation as text, for scorers and judges: the text of a lone message as it is."""
    messages = [mapping(message) for message in items(body.get("messages"))]
    if len(messages) == 1:
        return content_text(messages[0].get("content"))
    return "\n".join(
        f"{message.get('role')}: {content_text(message.get('content'))}" for message in messages
    )


def content_text(content: Any) -> str:
    """Return the text of a message's content: a text, or the texts among its parts."""
    if isinstance(content, str):
        return content
    parts = [mapping(part) for part in items(content)]
    return "".join(part["text"] for part in parts if isinstance(part.get("text"), str))
