"""lm-evaluation-harness: ``samples_<task>_<date>.jsonl``, written with ``--log_samples``.

There is one line for each document *and filter*: a document is repeated for every filter, with the
same replies under ``resps``; ``resps[0]`` has the k repeats. The rows name neither task nor model: both
come from ``results_<date>.json`` beside the file, else from the names of file and folder. Tasks scored
by log-likelihood have no replies; the most likely choice is their only answer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bestofinf.border import loads
from bestofinf.evaluation.logs.contents import as_list, as_map, as_text, grade_of, question_text
from bestofinf.evaluation.logs.head import LINES, Head
from bestofinf.evaluation.logs.protocol import Found, LeftOut, LogReader, LogSample, Remark

_NAME = re.compile(r"samples_(?P<task>.+?)_(?P<date>\d{4}-\d\d-\d\dT[\d.:-]+)$")
_KEYS = ("doc_id", "doc", "target", "resps")
_LARGEST_RESULTS = 1 << 28


def _knows(head: Head) -> bool:
    return head.form in (LINES, "document") and head.has(*_KEYS)


def _read(head: Head) -> Iterator[Found]:
    task, member, settings = _run(head.path)
    if settings.get("temperature") in (0, 0.0) or settings.get("do_sample") is False:
        yield Remark(f"{task}: replies at temperature 0; repeats of them are no further votes")
    used: str | None = None
    for _, row in head.rows():
        name = str(row.get("filter", ""))
        used = name if used is None else used
        if name != used:
            yield LeftOut("another filter of the same replies")
            continue
        replies = as_list(row.get("resps"))
        if not replies or "doc_id" not in row:
            yield LeftOut("a row without replies")
            continue
        values = [_likelihood(reply) for reply in replies]
        known = [value for value in values if value is not None]
        if not known:
            yield from _replies(row, replies[0], task, member)
        elif len(known) < len(values):
            yield LeftOut("a choice without its likelihood")
        else:
            yield _most_likely(row, known, task, member)


def _replies(row: Mapping[str, Any], replies: Any, task: str, member: str) -> Iterator[LogSample]:
    texts = replies if isinstance(replies, list) else [replies]
    grades = [grade_of(row.get(str(metric))) for metric in as_list(row.get("metrics"))]
    for place, text in enumerate(texts):
        yield LogSample(
            question=str(row["doc_id"]),
            text=text if isinstance(text, str) else None,
            member=member,
            dataset=task,
            gold=_gold(row.get("target")),
            prompt=question_text(row.get("doc")) or _asked(row),
            # With several replies, the metric is not that of one of them.
            grade=next((g for g in grades if g is not None), None) if len(texts) == 1 else None,
            graded=as_text(_first(row.get("filtered_resps"))) if len(texts) == 1 else None,
            place=place,
        )


def _most_likely(
    row: Mapping[str, Any], values: Sequence[float], task: str, member: str
) -> LogSample:
    choices = _choices(row, len(values))
    best = max(range(len(values)), key=values.__getitem__)
    target = row.get("target")
    gold = as_text(int(target) if isinstance(target, bool) else target)
    if gold is not None and gold.isdecimal() and len(gold) < 10:
        place = int(gold)
        gold = choices[place] if place < len(choices) else gold
    return LogSample(
        question=str(row["doc_id"]),
        answer=choices[best],
        member=member,
        dataset=task,
        gold=gold if gold is None else gold.strip(),
        prompt=question_text(row.get("doc")),
    )


def _likelihood(reply: Any) -> float | None:
    """Return the log-likelihood in a pair of it and whether the choice was the greedy one.

    None for anything else.
    """
    inner = reply[0] if isinstance(reply, list) and reply and isinstance(reply[0], list) else reply
    if not (isinstance(inner, list) and len(inner) == 2 and str(inner[1]) in ("True", "False")):
        return None
    try:
        value = float(inner[0])
    except (TypeError, ValueError, OverflowError):
        return None
    return None if math.isnan(value) else value


def _choices(row: Mapping[str, Any], count: int) -> list[str]:
    """Return the continuations whose likelihoods were compared."""
    arguments = row.get("arguments")
    requests = list(arguments.values()) if isinstance(arguments, Mapping) else as_list(arguments)
    texts = []
    for request in requests:
        parts = list(request.values()) if isinstance(request, Mapping) else as_list(request)
        texts.append(parts[1].strip() if len(parts) > 1 and isinstance(parts[1], str) else "")
    if len(texts) != count or len(set(texts)) != count:
        return [str(place) for place in range(count)]
    return texts


def _asked(row: Mapping[str, Any]) -> str | None:
    arguments = row.get("arguments")
    first = next(iter(arguments.values()), None) if isinstance(arguments, Mapping) else arguments
    while isinstance(first, list | Mapping) and first:
        first = next(iter(first.values())) if isinstance(first, Mapping) else first[0]
    return first if isinstance(first, str) else None


def _first(value: Any) -> Any:
    while isinstance(value, list) and value:
        value = value[0]
    return value


def _gold(target: Any) -> str | None:
    """Return the right answer; in a worked solution, the text after its last ``####``."""
    gold = as_text(_first(target))
    return gold if gold is None else gold.rpartition("####")[2].strip()


def _run(path: Path) -> tuple[str, str, Mapping[str, Any]]:
    """Return task, model and generation settings."""
    named = _NAME.fullmatch(path.stem)
    task = named["task"] if named else path.stem
    results: Mapping[str, Any] = {}
    if named:
        beside = path.with_name(f"results_{named['date']}.json")
        try:
            if beside.stat().st_size < _LARGEST_RESULTS:
                results = as_map(loads(beside.read_bytes()))
        except (OSError, ValueError):
            results = {}
    config = as_map(results.get("config"))
    arguments = config.get("model_args")
    member = results.get("model_name") or as_map(arguments).get("model")
    if not member and isinstance(arguments, str):
        told = dict(pair.split("=", 1) for pair in arguments.split(",") if "=" in pair)
        member = told.get("model") or told.get("pretrained")
    if not member:
        member = path.parent.name or "model"
    settings = as_map(as_map(as_map(results.get("configs")).get(task)).get("generation_kwargs"))
    own = as_map(config.get("gen_kwargs"))
    return task, str(member), {**settings, **own}


def _knows_results(head: Head) -> bool:
    return head.has("results", "configs", "n-shot")


def _nothing(head: Head) -> Iterator[Found]:
    """Yield nothing: a results file has no samples; the samples' reader looks up the model in it."""
    yield from ()


READER = LogReader(
    "lm-eval",
    "lm-evaluation-harness: samples_<task>_<date>.jsonl of --log_samples",
    _knows,
    _read,
    "set `repeats: 8` in the task's YAML, with `do_sample: true` and a temperature above 0",
)
RESULTS_READER = LogReader(
    "lm-eval-results",
    "lm-evaluation-harness: results_<date>.json, for the model of the samples beside it",
    _knows_results,
    _nothing,
    "",
)
