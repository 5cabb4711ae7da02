"""Reading evaluation sets from files: our JSONL and the recorded files of the Best-of-∞ authors.

Our JSONL has one line for each question::

    {"id": "q1", "gold": "42", "dataset": "math", "prompt": "...",
     "samples": {"gpt": [["42", 117, 0.93], ["41", 98, null]]}}

A sample is ``[answer, tokens, score, call, likelihood]``, and may end after any of these; an answer
of null or "" abstains. `call` is 0, or the number from 1 of the adaptive call that drew it, and
``"stopped": {"1": "ahead-by"}`` names that call's rule. `likelihood` is ``[logprob, tokens, kind, said]``:
see `bestofinf.records.Likelihood`. ``"wrong"`` lists
answers known to be wrong, ``"last_message"`` is what the user said last, ``"provenance"`` how the
question came to be labelled and ``"label_score"`` the probability with which it was drawn for that: see
`bestofinf.evaluation.rows.Provenance`. Other keys are left alone. Tokens that can be no number of tokens and
scores that are no finite number are unknown.

Samples are answers already taken from their replies. Whole replies stand under ``"replies"``, in
the same form with the text in place of the answer and, before the likelihood, why the reply ended;
or as objects with ``text`` and any of ``tokens``, ``score``, ``call``, ``finish_reason``,
``likelihood``, ``refusal`` and ``tool_calls`` (objects with ``name`` and ``args``).

The authors' files have one line a question and one file a member, named
``[analysis_]<dataset>_<member>.jsonl`` (repository jkomiyama/BoInf-code-publish).
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

from bestofinf.border import as_count, as_finite, as_fraction
from bestofinf.errors import UsageError
from bestofinf.evaluation.identity import answer_text
from bestofinf.evaluation.lines import json_lines
from bestofinf.evaluation.reply_rows import call_number, parted, reply_rows, rows_of_replies
from bestofinf.evaluation.rows import Provenance
from bestofinf.evaluation.samples import Samples, joined
from bestofinf.evaluation.sets import EvaluationSet, Question
from bestofinf.records import Likelihood
from bestofinf.records.likelihood import read_likelihood

AUTHORS_KEYS = {"problem_num", "gold_answer", "all_answers"}


def read_files(paths: Iterable[str | Path]) -> EvaluationSet:
    """Read files, and folders of ``*.jsonl`` files, into one set.

    Samples of the same question (same dataset and id) are joined across files.

    Raises:
        UsageError: If there is nothing to read or a line is malformed; the message names the
            file, the line and what is wrong with it.
    """
    files = [file for path in paths for file in expand(Path(path))]
    return EvaluationSet.merge((read_file(file) for file in files), name=_common_name(files))


def read_file(path: str | Path) -> EvaluationSet:
    """Read one JSONL file of either kind, recognised by the keys of each line."""
    path = Path(path)
    return EvaluationSet(tuple(questions_in(path)), name=path.stem)


def questions_in(path: Path) -> Generator[Question]:
    """Yield the questions of one JSONL file of either kind.

    Raises:
        UsageError: If there is no question, an id occurs twice, or a line is malformed.
    """
    seen: dict[str, int] = {}
    for line, record in json_lines(path):
        question = read_question(record, path, line)
        first = seen.setdefault(question.id, line)
        if first != line:
            raise UsageError(
                f"{path}, line {line}: question id {question.id!r} stands in line {first} already"
            )
        yield question
    if not seen:
        raise UsageError(f"{path}: no questions in the file")


def write_file(evaluation_set: EvaluationSet, path: str | Path) -> None:
    """Write a set as our JSONL; `read_file` returns the same set."""
    with Path(path).open("w", encoding="utf-8") as file:
        for question in evaluation_set:
            file.write(as_line(as_record(question)))


def as_line(record: Mapping[str, Any]) -> str:
    """Return a record as one line of JSONL."""
    line = json.dumps(record, ensure_ascii=False)
    try:
        line.encode()
    except UnicodeEncodeError:  # a lone surrogate: JSON can escape it
        line = json.dumps(record)
    return f"{line}\n"


def expand(path: Path) -> list[Path]:
    """Return the files of a path: itself, or the ``*.jsonl`` files of a folder.

    Raises:
        UsageError: If there is no such file.
    """
    if path.is_dir():
        files = sorted(path.glob("*.jsonl"))
        if not files:
            raise UsageError(f"{path}: no *.jsonl file in the folder")
        return files
    if not path.is_file():
        raise UsageError(f"{path}: no such file or folder")
    return [path]


def _common_name(files: list[Path]) -> str:
    return files[0].stem if len(files) == 1 else files[0].parent.name if files else ""


def read_question(record: dict[str, Any], path: Path, line: int) -> Question:
    """Return the question that one line of either format describes.

    Raises:
        UsageError: If the line is malformed; the message names the file and the line.
    """
    try:
        if record.keys() >= AUTHORS_KEYS:
            return _authors_question(record, path)
        return _own_question(record, path)
    except UsageError as error:
        raise UsageError(f"{path}, line {line}: {error}") from None


def _authors_question(record: dict[str, Any], path: Path) -> Question:
    # Dataset names contain no "_" except gpqa_diamond; member names may.
    dataset, _, member = path.stem.removeprefix("analysis_").partition("_")
    if member.startswith("diamond_"):
        dataset, member = f"{dataset}_diamond", member.removeprefix("diamond_")
    if not member:
        raise UsageError("the file must be named <dataset>_<member>.jsonl")
    rows = record["all_answers"]
    return Question(
        id=f"{dataset}/{record['problem_num']}",
        samples={member: _samples(rows, normalise=True)},
        gold=normalise(_text(record["gold_answer"], "gold_answer")),
        dataset=dataset,
    )


def _own_question(record: dict[str, Any], path: Path) -> Question:
    if not ("samples" in record or "replies" in record) or "id" not in record:
        raise UsageError(
            "wanted the keys 'id' and 'samples' or 'replies' (or 'problem_num', 'gold_answer' and "
            f"'all_answers'), got {', '.join(map(repr, record)) or 'none'}"
        )
    samples = {n: _samples(rows) for n, rows in _by_member(record, "samples", path).items()}
    for name, rows in _by_member(record, "replies", path).items():
        samples[name] = joined(samples.get(name, Samples(())), reply_rows(rows))
    gold = record.get("gold")
    prompt, last = record.get("prompt"), record.get("last_message")
    provenance = record.get("provenance")
    return Question(
        id=str(record["id"]),
        samples=samples,
        gold=None if gold is None else _text(gold, "gold"),
        dataset=str(record.get("dataset", "")),
        prompt=None if prompt is None else _text(prompt, "prompt"),
        wrong=tuple(_text(w, "wrong") for w in _list(record.get("wrong", []), "wrong")),
        stopped=_stopped(record.get("stopped", {})),
        last_message=None if last is None else _text(last, "last_message"),
        provenance=provenance if provenance in get_args(Provenance) else None,
        label_score=as_fraction(record.get("label_score")) or None,
    )


def _by_member(record: Mapping[str, Any], key: str, path: Path) -> dict[str, Any]:
    given = record.get(key, {})
    if isinstance(given, list):
        given = {path.stem: given}
    if not isinstance(given, Mapping):
        raise UsageError(f"{key!r} must map members to lists, got {type(given).__name__}")
    return {str(name): rows for name, rows in given.items()}


def _samples(rows: Any, *, normalise: bool = False) -> Samples:
    if not isinstance(rows, list):
        raise UsageError(f"samples must be a list, got {type(rows).__name__}")
    answers: list[str | None] = []
    tokens: list[int | None] = []
    scores: list[float | None] = []
    calls: list[int] = []
    likelihoods: list[Likelihood | None] = []
    for place, row in enumerate(rows):
        if not isinstance(row, list) or not 1 <= len(row) <= 5:
            raise UsageError(
                f"sample {place}: wanted [answer, tokens, score, call, likelihood], got {row!r:.60}"
            )
        answer, length, score, call, told = (*row, None, None, None, None)[:5]
        if isinstance(answer, bool) or not isinstance(answer, str | int | float | None):
            raise UsageError(f"sample {place}: an answer must be text, got {answer!r:.60}")
        text = answer_text(answer)
        answers.append(_normalised(text) if normalise else text)
        tokens.append(as_count(length))
        scores.append(as_finite(score))
        calls.append(call_number(call, f"sample {place}"))
        likelihoods.append(read_likelihood(told, text))
    return Samples(
        tuple(answers),
        tuple(tokens) if any(t is not None for t in tokens) else (),
        tuple(scores) if any(s is not None for s in scores) else (),
        tuple(calls) if any(calls) else (),
        likelihoods=tuple(likelihoods) if any(likelihoods) else (),
    )


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise UsageError(f"{what!r} must be a list, got {type(value).__name__}")
    return value


def _stopped(value: Any) -> dict[int, str]:
    if not isinstance(value, Mapping) or not all(
        str(key).isdecimal() and len(str(key)) < 10 for key in value
    ):
        raise UsageError(f"'stopped' must map numbers of calls to rules, got {value!r:.60}")
    return {int(key): _text(rule, "stopped") for key, rule in value.items()}


def _text(value: Any, what: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UsageError(f"{what!r} must be text, got {value!r:.60}")
    return value if isinstance(value, str) else str(answer_text(value))


def _normalised(text: str | None) -> str | None:
    return None if text is None else normalise(text)


def normalise(text: str) -> str:
    r"""Normalise an answer string as the Best-of-∞ authors do before they compare.

    Source: ``normalize_answer_format`` of jkomiyama/BoInf-code-publish, ``ensemble_utils.py``.

    >>> normalise(r"\dfrac{1}{2}^\circ")
    '\\frac{1}{2}'
    """
    return text.replace("^\\circ", "").replace("\\dfrac", "\\frac")


def as_record(question: Question) -> dict[str, Any]:
    """Return a question as the JSON object of our format.

    Long texts come last, so that the beginning of the first line shows the kind of the file.
    """
    record: dict[str, Any] = {"id": question.id}
    if question.gold is not None:
        record["gold"] = question.gold
    if question.dataset:
        record["dataset"] = question.dataset
    for name in ("provenance", "label_score"):
        if getattr(question, name) is not None:
            record[name] = getattr(question, name)
    if question.wrong:
        record["wrong"] = list(question.wrong)
    if question.stopped:
        record["stopped"] = {str(call): rule for call, rule in question.stopped.items()}
    samples, replies = parted(question.samples)
    if samples or not replies:
        record["samples"] = {name: _as_rows(s) for name, s in samples.items()}
    if replies:
        record["replies"] = {name: rows_of_replies(s) for name, s in replies.items()}
    for name in ("last_message", "prompt"):
        if getattr(question, name) is not None:
            record[name] = getattr(question, name)
    return record


def _as_rows(samples: Samples) -> list[list[Any]]:
    columns: list[tuple[Any, ...]] = [
        samples.answers,
        samples.tokens,
        samples.scores,
        samples.calls,
        tuple(told and told.as_list() for told in samples.likelihoods),
    ]
    while len(columns) > 1 and not columns[-1]:
        columns.pop()
    filled = [column or (None,) * len(samples) for column in columns]
    return [list(row) for row in zip(*filled, strict=True)]
