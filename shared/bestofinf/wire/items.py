"""OpenAI's Responses format without stored state, converted from and to chat completions.

Tools other than functions, and kinds of items that chat completions do not have, are left out, because
only OpenAI's own servers understand them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bestofinf.wire.errors import BadRequestError
from bestofinf.wire.replies import read_usage
from bestofinf.wire.requests import OWN_PART, check_count, check_role, content_text
from bestofinf.wire.responses import PIECE
from bestofinf.wire.values import Json, encoded, items, mapping, text

_SAME = (
    "model",
    "temperature",
    "top_p",
    "parallel_tool_calls",
    "stream",
    "seed",
    "user",
    "safety_identifier",
    "prompt_cache_key",
    "service_tier",
    OWN_PART,
)
_RENAMED = {"max_output_tokens": "max_completion_tokens"}
_ECHOED = (
    "instructions",
    "max_output_tokens",
    "metadata",
    "parallel_tool_calls",
    "reasoning",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_p",
    "user",
)


def chat_of_response(body: Any) -> Json:
    """Return the body of a chat completion for a Responses request.

    Raises:
        BadRequestError: If it is not a JSON object, needs stored state, or a field that has another
            name in a chat completion is wrong.
    """
    if not isinstance(body, Mapping):
        raise BadRequestError("the body must be a JSON object")
    for name in ("previous_response_id", "conversation", "prompt"):
        if body.get(name) is not None:
            raise BadRequestError(
                f"{name}: nothing is remembered here; send the whole conversation as input", name
            )
    if body.get("background"):
        raise BadRequestError("background: answers are given at once here", "background")
    chat = {name: body[name] for name in _SAME if body.get(name) is not None}
    for name in _RENAMED:
        check_count(body.get(name), name)
    chat |= {new: body[old] for old, new in _RENAMED.items() if body.get(old) is not None}
    chat["messages"] = _messages(body)
    tools = [_tool(mapping(tool)) for tool in items(body.get("tools"))]
    if found := [tool for tool in tools if tool is not None]:
        chat["tools"] = found
        if body.get("tool_choice") is not None:
            chat["tool_choice"] = _tool_choice(body["tool_choice"])
    chat |= _text(mapping(body.get("text")))
    effort = mapping(body.get("reasoning")).get("effort")
    if effort is not None:
        chat["reasoning_effort"] = effort
    if body.get("top_logprobs"):
        chat |= {"logprobs": True, "top_logprobs": body["top_logprobs"]}
    return chat


def _messages(body: Mapping[str, Any]) -> list[Json]:
    given = body.get("input")
    messages: list[Json] = []
    if text(body.get("instructions")):
        messages.append({"role": "system", "content": body["instructions"]})
    if isinstance(given, str):
        return [*messages, {"role": "user", "content": given}]
    if not isinstance(given, list):
        raise BadRequestError("input must be a text or a list of items", "input")
    for place, item in enumerate(map(mapping, given)):
        kind = item.get("type", "message")
        if kind == "message":
            check_role(item.get("role"), f"input[{place}].role")
            messages.append({"role": item.get("role"), "content": _content(item, place)})
        elif kind == "function_call":
            call = {
                "id": item.get("call_id"),
                "type": "function",
                "function": {"name": item.get("name"), "arguments": item.get("arguments", "")},
            }
            if not messages or messages[-1]["role"] != "assistant":
                messages.append({"role": "assistant", "content": None})
            messages[-1].setdefault("tool_calls", []).append(call)
        elif kind == "function_call_output":
            output = item.get("output")
            said = output if isinstance(output, str) else content_text(output)
            messages.append({"role": "tool", "tool_call_id": item.get("call_id"), "content": said})
        elif kind == "item_reference":
            raise BadRequestError(
                f"input[{place}]: nothing is remembered here; send the item itself",
                f"input[{place}]",
            )
    return messages


def _content(item: Mapping[str, Any], place: int) -> Any:
    content = item.get("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise BadRequestError(
            f"input[{place}].content must be a text or a list of parts", f"input[{place}].content"
        )
    if item.get("role") == "assistant":
        return "".join(
            text(part.get("text")) or text(part.get("refusal")) or ""
            for part in map(mapping, content)
        )
    return [found for part in map(mapping, content) if (found := _part(part)) is not None]


def _part(part: Mapping[str, Any]) -> Json | None:
    match part.get("type"):
        case "input_text" | "output_text" | "text":
            return {"type": "text", "text": part.get("text")}
        case "input_image":
            image = {"url": part.get("image_url")}
            if part.get("detail") is not None:
                image["detail"] = part["detail"]
            return {"type": "image_url", "image_url": image}
        case "input_file":
            file = {k: part[k] for k in ("file_data", "file_id", "filename") if part.get(k)}
            return {"type": "file", "file": file}
        case "input_audio":
            return {"type": "input_audio", "input_audio": part.get("input_audio")}
    return None


def _tool(tool: Mapping[str, Any]) -> Json | None:
    if tool.get("type") != "function":
        return None
    names = ("name", "description", "parameters", "strict")
    return {
        "type": "function",
        "function": {name: tool[name] for name in names if tool.get(name) is not None},
    }


def _tool_choice(choice: Any) -> Any:
    found = mapping(choice)
    if found.get("type") == "function":
        return {"type": "function", "function": {"name": found.get("name")}}
    return choice if isinstance(choice, str) else "auto"


def _text(wanted: Mapping[str, Any]) -> Json:
    chat: Json = {}
    form = mapping(wanted.get("format"))
    if form.get("type") == "json_schema":
        names = ("name", "description", "schema", "strict")
        schema = {name: form[name] for name in names if form.get(name) is not None}
        chat["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif form.get("type") == "json_object":
        chat["response_format"] = {"type": "json_object"}
    if wanted.get("verbosity") is not None:
        chat["verbosity"] = wanted["verbosity"]
    return chat


def response_of_chat(completion: Mapping[str, Any], asked: Mapping[str, Any]) -> Json:
    """Return a completion in the Responses form.

    Args:
        completion: The completion; its id is the response's.
        asked: The request, parts of which the response repeats.
    """
    choice = mapping(next(iter(items(completion.get("choices"))), None))
    cut = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(
        str(choice.get("finish_reason"))
    )
    response: Json = {
        "id": completion.get("id"),
        "object": "response",
        "created_at": completion.get("created"),
        "status": "incomplete" if cut else "completed",
        "incomplete_details": {"reason": cut} if cut else None,
        "error": None,
        "model": completion.get("model"),
        "previous_response_id": None,
        "store": False,
        "truncation": "disabled",
        **_echo(asked),
        "output": list(_output(mapping(choice.get("message")), str(completion.get("id")))),
        "usage": _usage(completion.get("usage")),
    }
    if OWN_PART in completion:
        response[OWN_PART] = completion[OWN_PART]
    return response


def _echo(asked: Mapping[str, Any]) -> Json:
    told = {name: asked.get(name) for name in _ECHOED}
    defaults = {"tools": [], "tool_choice": "auto", "parallel_tool_calls": True, "metadata": {}}
    return told | {name: value for name, value in defaults.items() if told[name] is None}


def _output(message: Mapping[str, Any], id_: str) -> Iterator[Json]:
    bare = id_.rpartition("_")[2]
    thought = text(message.get("reasoning_content")) or text(message.get("reasoning"))
    if thought is not None:
        content = [{"type": "reasoning_text", "text": thought}]
        yield {"id": f"rs_{bare}", "type": "reasoning", "summary": [], "content": content}
    said, refusal = content_text(message.get("content")), text(message.get("refusal"))
    calls = items(message.get("tool_calls"))
    if said or refusal is not None or not calls:
        part: Json = {"type": "output_text", "text": said, "annotations": [], "logprobs": []}
        if refusal is not None:
            part = {"type": "refusal", "refusal": refusal}
        yield {
            "id": f"msg_{bare}",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [part],
        }
    for place, call in enumerate(map(mapping, calls)):
        function = mapping(call.get("function"))
        yield {
            "id": f"fc_{bare}_{place}",
            "type": "function_call",
            "status": "completed",
            "call_id": call.get("id") or f"call_{bare}_{place}",
            "name": function.get("name"),
            "arguments": function.get("arguments") or "",
        }


def _usage(usage: Any) -> Json | None:
    if not mapping(usage):
        return None
    tokens = read_usage(usage)
    read, written = tokens.input or 0, tokens.output or 0
    return {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": tokens.cached or 0},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning or 0},
        "total_tokens": read + written,
    }


def response_events(response: Mapping[str, Any]) -> Iterator[bytes]:
    """Yield a response as the events of its stream."""
    number = 0

    def made(kind: str, **fields: Any) -> bytes:
        nonlocal number
        number += 1
        return _event({"type": kind, "sequence_number": number - 1, **fields})

    begun = {**response, "status": "in_progress", "output": [], "usage": None}
    begun |= {"incomplete_details": None}
    begun.pop(OWN_PART, None)
    yield made("response.created", response=begun)
    yield made("response.in_progress", response=begun)
    for place, item in enumerate(response["output"]):
        at = {"item_id": item["id"], "output_index": place}
        blank: Mapping[str, Json] = {"message": {"content": []}, "function_call": {"arguments": ""}}
        opening = {**item, **blank.get(item["type"], {})}
        if "status" in item:
            opening["status"] = "in_progress"
        yield made("response.output_item.added", output_index=place, item=opening)
        if item["type"] == "function_call":
            for delta in _pieces(item["arguments"]):
                yield made("response.function_call_arguments.delta", **at, delta=delta)
            yield made(
                "response.function_call_arguments.done",
                **at,
                name=item["name"],
                arguments=item["arguments"],
            )
        elif item["type"] == "message":
            for inner, part in enumerate(item["content"]):
                here = {**at, "content_index": inner}
                name = "text" if part["type"] == "output_text" else "refusal"
                kind = "output_text" if name == "text" else "refusal"
                more: Json = {"logprobs": []} if name == "text" else {}
                yield made("response.content_part.added", **here, part={**part, name: ""})
                for delta in _pieces(part[name]):
                    yield made(f"response.{kind}.delta", **here, delta=delta, **more)
                yield made(f"response.{kind}.done", **here, **{name: part[name]}, **more)
                yield made("response.content_part.done", **here, part=part)
        yield made("response.output_item.done", output_index=place, item=item)
    yield made(f"response.{response['status']}", response=response)


def response_failed(error: Mapping[str, Any], id_: str) -> bytes:
    """Return the events that end a stream by an error.

    Args:
        error: A body in OpenAI's form, with ``error``.
        id_: Id of the response.
    """
    told = mapping(error.get("error"))
    response = {
        "id": id_,
        "object": "response",
        "status": "failed",
        "output": [],
        "error": {"code": told.get("code") or "server_error", "message": told.get("message")},
    }
    failed = {"type": "response.failed", "sequence_number": 0, "response": response}
    plain = {name: told.get(name) for name in ("code", "message", "param")}
    return _event(failed) + _event(
        {"type": "error", "sequence_number": 1, **plain, "error": dict(told)}
    )


def _pieces(said: str) -> Iterator[str]:
    for start in range(0, len(said), PIECE):
        yield said[start : start + PIECE]


def _event(data: Json) -> bytes:
    return f"event: {data['type']}\n".encode() + b"data: " + encoded(data) + b"\n\n"
