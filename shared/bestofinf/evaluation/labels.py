"""Read labels from tables, LangSmith's examples and LlamaIndex's evaluators into a store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bestofinf.errors import UsageError, shown
from bestofinf.evaluation.identity import (
    Prompt,
    answer_text,
    question_id,
)
from bestofinf.evaluation.lines import json_lines
from bestofinf.evaluation.store.labelling import Label
from bestofinf.evaluation.store.store import EvaluationStore
from bestofinf.evaluation.tables import table_rows

KEY_COLUMNS = ("question_id", "call_id", "prompt_hash", "id", "prompt")
GOLD_COLUMNS = ("gold", "reference", "answer")

_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_YES = {"true", "yes", "1", "up", "right", "correct"}
_NO = {"false", "no", "0", "down", "wrong", "incorrect"}


@dataclass(frozen=True, slots=True)
class LabelReport:
    """How many labels were added, and which keys are unknown.

    Attributes:
        given: Number of labels added.
        unknown: Keys of questions that the store does not have.
    """

    given: int
    unknown: tuple[str, ...]


def label_file(store: EvaluationStore, path: str | Path, *, source: str = "") -> LabelReport:
    """Add the labels of a file to a store: CSV, TSV or, with any other ending, JSONL.

    A row names its question in the first filled column of question_id, call_id, prompt_hash, id and
    prompt, and the right answer in gold (or reference, or answer). If the column correct is filled
    (true or false, up or down, ...), the row is a verdict on the answer in the column answer, or on
    the one that the call returned. The columns provenance and label_score say how the question came
    to be labelled (see `Label`); without them the provenance is "import".

    Raises:
        UsageError: If the file is broken, a row names no question or no answer, or two rows give a
            question different right answers; then no label is added.
        StoreError: If the database fails.
    """
    path = Path(path)
    labels = []
    golds: dict[str, str | None] = {}
    for where, row in _rows(path):
        try:
            label = label_of_row(row)
            if row.get("correct") in (None, ""):
                _check_same(golds.setdefault(label.key, label.answer), label)
        except UsageError as error:
            raise UsageError(f"{path}, {where}: {error}") from None
        labels.append(label)
    if not labels:
        raise UsageError(f"{path}: no labels in the file")
    return _give(store, labels, source or path.name)


def _rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    delimiter = _DELIMITERS.get(path.suffix.lower())
    if delimiter is not None:
        return table_rows(path, delimiter)
    return ((f"line {number}", row) for number, row in json_lines(path))


def _check_same(first: str | None, label: Label) -> None:
    """Refuse a second right answer: rows of one file have no order that says which is newer."""
    if label.answer != first:
        raise UsageError(
            f"question {shown(label.key)} has two right answers, {shown(first)} and "
            f"{shown(label.answer)}"
        )


def label_of_row(row: Mapping[str, Any]) -> Label:
    """Return the label that a row of a table gives. See `label_file`.

    Raises:
        UsageError: If it names no question or no answer.
    """
    key = next((c for c in KEY_COLUMNS if row.get(c) not in (None, "")), None)
    if key is None:
        raise UsageError(f"names no question: wanted one of {', '.join(KEY_COLUMNS)}")
    name = question_id(row[key]) if key == "prompt" else str(row[key])
    if row.get("correct") not in (None, ""):
        said = str(row["correct"]).strip().lower()
        if said not in _YES | _NO:
            raise UsageError(f"'correct' must be true or false, got {row['correct']!r}")
        return Label(name, answer_text(row.get("answer")), said in _YES, **_drawn(row))
    gold = next((answer_text(row[c]) for c in GOLD_COLUMNS if row.get(c) not in (None, "")), None)
    if gold is None:
        raise UsageError(f"names no right answer: wanted one of {', '.join(GOLD_COLUMNS)}")
    return Label(name, gold, **_drawn(row))


def _drawn(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return how the question of a row came to be labelled."""
    provenance, score = row.get("provenance") or "import", row.get("label_score")
    if score in (None, ""):
        return {"provenance": provenance}
    try:
        return {"provenance": provenance, "score": float(score)}
    except (TypeError, ValueError, OverflowError):
        raise UsageError(f"'label_score' must be a number, got {shown(score)}") from None


def label_examples(
    store: EvaluationStore,
    examples: Iterable[Any],
    *,
    gold: str | Callable[[Mapping[str, Any]], Any] | None = None,
    prompt: Callable[[Mapping[str, Any]], Prompt] | None = None,
    source: str = "examples",
) -> LabelReport:
    """Add labels from LangSmith-style examples: mappings or objects with inputs and outputs.

    Args:
        store: The store to add to.
        examples: Examples with ``inputs`` and ``outputs`` (or ``reference_outputs``). A
            ``question_id`` in ``metadata`` names the question; without it, it is the question with
            the prompt made from the inputs.
        gold: Key of the right answer in the outputs, or a function from the outputs to it; not
            needed if there is only one output.
        prompt: Function from the inputs to the prompt that the model was asked; by default the
            messages among the inputs, or their only text.
        source: Name of the person or program that gives the labels.

    Raises:
        UsageError: If an example has no prompt or no right answer; then no label is added.
    """
    labels = []
    for place, example in enumerate(examples):
        try:
            labels.append(_label_of_example(example, gold, prompt))
        except UsageError as error:
            raise UsageError(f"example {place}: {error}") from None
    return _give(store, labels, source)


def label_evaluation(
    store: EvaluationStore,
    key: str,
    result: Any,
    *,
    answer: str | None = None,
    source: str = "evaluator",
) -> str:
    """Add the verdict of a LlamaIndex ``EvaluationResult`` on a call's answer.

    Args:
        store: The store to add to.
        key: Id of the call, or of the question.
        result: The result; its ``passing`` must be True or False, None is refused.
        answer: The answer judged; by default the one that the call returned.
        source: Name of the person or program that gives the label.

    Returns:
        The id of the question.

    Raises:
        UsageError: If the result is invalid or undecided, or the key is unknown.
    """
    passing = getattr(result, "passing", None)
    if getattr(result, "invalid_result", False) or passing is None:
        reason = getattr(result, "invalid_reason", None) or "'passing' is None"
        raise UsageError(f"the evaluation says neither right nor wrong: {reason}")
    return store.verdict(key, bool(passing), answer=answer, source=source)


def _give(store: EvaluationStore, labels: list[Label], source: str) -> LabelReport:
    unknown = store.label_all(labels, source=source)
    return LabelReport(len(labels) - len(unknown), unknown)


def _label_of_example(
    example: Any,
    gold: str | Callable[[Mapping[str, Any]], Any] | None,
    prompt: Callable[[Mapping[str, Any]], Prompt] | None,
) -> Label:
    inputs = _part(example, "inputs")
    outputs = _part(example, "outputs") or _part(example, "reference_outputs")
    metadata = _part(example, "metadata")
    if "question_id" in metadata:
        key = str(metadata["question_id"])
    else:
        key = question_id(prompt(inputs) if prompt is not None else _prompt_of(inputs))
    if callable(gold):
        right = answer_text(gold(outputs))
    elif gold is not None:
        right = answer_text(outputs.get(gold))
    else:
        right = answer_text(next(iter(outputs.values()))) if len(outputs) == 1 else None
    if right is None:
        raise UsageError(
            f"no right answer among the outputs {', '.join(map(repr, outputs)) or '(none)'}: "
            "name it with gold="
        )
    return Label(key, right, provenance="import")


def _part(example: Any, name: str) -> Mapping[str, Any]:
    part = example.get(name) if isinstance(example, Mapping) else getattr(example, name, None)
    return part if isinstance(part, Mapping) else {}


def _prompt_of(inputs: Mapping[str, Any]) -> Prompt:
    messages = inputs.get("messages")
    if isinstance(messages, list):
        return messages
    texts = [value for value in inputs.values() if isinstance(value, str)]
    if len(texts) != 1:
        raise UsageError("the inputs are neither messages nor one text: give prompt=")
    return texts[0]
