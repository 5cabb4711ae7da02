"""Inspect: ``.eval`` (a zip archive, since 0.3.28x packed by zstd) and ``.json`` logs.

A sample is one epoch of one question: ``samples/<id>_epoch_<n>.json`` in the archive, an entry of
``samples`` in the document. Most of its bytes are events, which are not needed. Long texts may be
stored under ``attachments``.
"""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from bestofinf._extras import require
from bestofinf.border import as_count, loads
from bestofinf.errors import UsageError
from bestofinf.evaluation.logs.contents import (
    as_list,
    as_map,
    as_text,
    content_text,
    grade_of,
    prompt_text,
    token_logprobs,
    tool_calls,
)
from bestofinf.evaluation.logs.head import ZIP, Head
from bestofinf.evaluation.logs.protocol import Found, LeftOut, LogReader, LogSample, Remark

_ATTACHED = "attachment://"
_STARTS = ("header.json", "_journal/start.json")
_UNFINISHED = ("started", "error", "cancelled")


def _knows(head: Head) -> bool:
    if head.form == ZIP:
        return any(name in head.keys for name in _STARTS)
    return head.has("eval", "status") and (head.has("version") or head.has("samples"))


def _read(head: Head) -> Iterator[Found]:
    return _from_archive(head) if head.form == ZIP else _from_document(head)


def _from_document(head: Head) -> Iterator[Found]:
    run = next((value for _, value in head.items("eval")), {})
    yield from _remarks(run, head.record.get("status"))
    for _, sample in head.items("samples.item"):
        yield _sample(sample, run)


def _from_archive(head: Head) -> Iterator[Found]:
    archives = _zipfile()
    where = ""
    try:
        with archives.ZipFile(head.path) as archive:
            names = archive.namelist()
            where = next(name for name in _STARTS if name in names)
            header = as_map(loads(archive.read(where)))
            run = as_map(header.get("eval"))
            yield from _remarks(run, header.get("status", "started"))
            for where in names:
                if where.startswith("samples/") and where.endswith(".json"):
                    yield _sample(as_map(loads(archive.read(where))), run)
    except UsageError:
        raise
    except RuntimeError as error:  # what the archive says of a password
        raise UsageError(f"{head.path}, {where}: {error}") from None
    except (OSError, EOFError, ValueError, archives.BadZipFile, *_unpacking()) as error:
        raise UsageError(f"{head.path}, {where}: broken: {error}") from None


def _zipfile() -> ModuleType:
    if sys.version_info >= (3, 14):
        return zipfile
    return require("backports.zstd.zipfile", extra="logs", purpose="Reading Inspect's .eval files")


def _unpacking() -> tuple[type[Exception], ...]:
    """Return the errors that unpacking a damaged file of the archive can raise."""
    import zlib

    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    zstd = require(name, extra="logs", purpose="Reading Inspect's .eval files")
    return zlib.error, zstd.ZstdError


def _remarks(run: Mapping[str, Any], status: Any) -> Iterator[Found]:
    if status in _UNFINISHED:
        yield Remark(f"the run {run.get('task', '')!r} ended with status {status!r}")
    epochs = as_map(run.get("config")).get("epochs")
    settings = as_map(run.get("model_generate_config"))
    if epochs not in (None, 1) and settings.get("temperature") in (0, 0.0):
        yield Remark("replies at temperature 0; repeats of them are no further votes")


def _sample(sample: Mapping[str, Any], run: Mapping[str, Any]) -> Found:
    output = as_map(sample.get("output"))
    choices = as_list(output.get("choices"))
    if sample.get("error") is not None:
        return LeftOut("the sample ended in an error")
    if "id" not in sample or (not choices and not output.get("completion")):
        return LeftOut("no reply")
    attached = as_map(sample.get("attachments"))
    choice = as_map(choices[0]) if choices else {}
    message = as_map(choice.get("message"))
    text = content_text(message.get("content"))
    usage, seconds = _usage(sample, output, run), sample.get("working_time", output.get("time"))
    grade, graded = _graded(sample)
    limited = as_map(sample.get("limit")).get("type") in ("token", "message", "time", "working")
    return LogSample(
        question=str(sample["id"]),
        text=_whole(text if text is not None else output.get("completion"), attached),
        member=str(run.get("model") or output.get("model") or "model"),
        dataset=str(run.get("task", "")).rpartition("/")[2],
        gold=_gold(sample.get("target")),
        prompt=_whole(_prompt(sample), attached),
        tokens=usage.get("output_tokens"),
        input_tokens=usage.get("input_tokens"),
        seconds=seconds,
        finish_reason="length" if limited else choice.get("stop_reason"),
        tool_calls=tool_calls(message.get("tool_calls")),
        refusal=choice.get("stop_reason") == "content_filter",
        logprobs=token_logprobs(choice.get("logprobs")),
        grade=grade,
        graded=graded,
        place=as_count(sample.get("epoch")) or 0,
        key=str(sample.get("uuid") or ""),
    )


def _usage(
    sample: Mapping[str, Any], output: Mapping[str, Any], run: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return the tokens of the reply, or of all turns if the model had several."""
    turns = sum(as_map(m).get("role") == "assistant" for m in as_list(sample.get("messages")))
    whole = as_map(as_map(sample.get("model_usage")).get(str(run.get("model"))))
    return whole if turns > 1 and whole else as_map(output.get("usage"))


def _graded(sample: Mapping[str, Any]) -> tuple[bool | None, str | None]:
    for score in as_map(sample.get("scores")).values():
        told = as_map(score)
        grade = grade_of(told.get("value"))
        if grade is not None:
            return grade, as_text(told.get("answer"))
    return None, None


def _gold(target: Any) -> str | None:
    """Return the target; if there are several, the first."""
    found = as_text(target[0] if isinstance(target, list) and target else target)
    return found if found is None else found.strip() or None


def _prompt(sample: Mapping[str, Any]) -> str | None:
    asked = []
    for message in as_list(sample.get("messages")):
        if as_map(message).get("role") == "assistant":
            break
        asked.append(message)
    return prompt_text(asked) or prompt_text(sample.get("input"))


def _whole(text: Any, attached: Mapping[str, Any]) -> str | None:
    if isinstance(text, str) and text.startswith(_ATTACHED):
        text = attached.get(text.removeprefix(_ATTACHED), text)
    return text if isinstance(text, str) else None


READER = LogReader(
    "inspect",
    "Inspect: .eval archives and .json logs",
    _knows,
    _read,
    "`inspect eval ... --epochs 8`, with a temperature above 0",
)
