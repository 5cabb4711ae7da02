"""Logs in which fields are missing or hold something else are read or refused, and no more."""

import json
import random
import zipfile
from contextlib import suppress

import pytest

from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationStore, import_files
from bestofinf.evaluation.reading import read_by
from support import logs
from support.damaged import damaged

pytestmark = pytest.mark.usefixtures("no_cache")
soak = pytest.mark.soak

TRACES = {
    "langfuse": {
        "id": "o1",
        "trace_id": "t",
        "type": "GENERATION",
        "level": "DEFAULT",
        "name": "chat",
        "provided_model_name": "gpt",
        "input": [{"role": "user", "content": "What is 2+2?"}],
        "output": [{"role": "assistant", "content": "It is 4."}],
        "usage_details": {"input": 7, "output": 12},
    },
    "langsmith": {
        "id": "r1",
        "run_type": "chain",
        "trace_id": "t",
        "session_name": "first try",
        "reference_example_id": "e1",
        "inputs": {"question": "What is 2+2?"},
        "outputs": {"answer": "It is 4."},
        "reference_outputs": {"answer": "4"},
        "parent_run_id": None,
        "error": None,
        "completion_tokens": 12,
    },
    "phoenix": {
        "id": "r1",
        "example_id": "e1",
        "repetition_number": 1,
        "input": {"question": "What is 2+2?"},
        "output": {"message": {"content": "It is 4."}},
        "reference_output": {"answer": "4"},
        "error": None,
        "latency_ms": 120.0,
    },
    "spans": {
        "context.span_id": "s1",
        "span_kind": "LLM",
        "attributes.llm.model_name": "gpt",
        "attributes.input.value": {"messages": [{"role": "user", "content": "2+2?"}]},
        "attributes.output.value": {"choices": [{"message": {"content": "It is 4."}}]},
    },
    "published": {
        "idx": 0,
        "question": "2+2?",
        "gt": "4",
        "code": ["It is 4", r"\boxed{5}"],
        "score": [True, False],
    },
}
ROWS = {
    "lm-eval": [logs.lm_eval_row(n, ["4", "5"]) for n in range(3)],
    "likelihoods": [logs.likelihood_row(n, [-1.0, -2.0, -3.0]) for n in range(3)],
    "batch": [logs.batch_row("a", "4", "5"), logs.response_row("b", "4"), logs.failed_row("c")],
    **{name: [row] * 3 for name, row in TRACES.items()},
}
DOCUMENTS = {
    "inspect": {
        **logs.inspect_header(),
        "samples": [logs.inspect_sample("a", n, logs.reply(4)) for n in (1, 2, 3)],
    },
    "promptfoo": {
        "evalId": "eval-1",
        "results": {
            "version": 3,
            "prompts": [],
            "results": [logs.promptfoo_row(n, f"q{n}", "4", gold="4") for n in range(3)],
        },
        "config": {},
    },
    "traces": list(TRACES.values()),
}


def archive(path, seed):
    """Write a damaged archive of Inspect."""
    head, chance = logs.inspect_header(), random.Random(seed)
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("header.json", json.dumps(damaged(head, chance)))
        for n in (1, 2, 3):
            sample = damaged(logs.inspect_sample("a", n, logs.reply(4)), chance)
            packed.writestr(f"samples/a_epoch_{n}.json", json.dumps(sample))
    return path


def imported(path, folder):
    """Import a file and read it back, unless it is refused."""
    with EvaluationStore(folder / "answers.db") as store:
        with suppress(UsageError):
            import_files(store, [path], answer="number")
        store.read()
        return list(store.records())


@pytest.mark.parametrize("seeds", [range(4), pytest.param(range(4, 150), marks=soak)], ids=str)
@pytest.mark.parametrize("kind", [*ROWS, *DOCUMENTS, "archive"])
def test_damaged_logs_are_read_or_refused(kind, seeds, tmp_path):
    for seed in seeds:
        chance, folder = random.Random(f"{kind} {seed}"), tmp_path / str(seed)
        folder.mkdir()
        path = folder / "log.json"
        if kind == "archive":
            archive(path, seed)
        elif kind in DOCUMENTS:
            path.write_text(json.dumps(damaged(DOCUMENTS[kind], chance), indent=1))
        else:
            rows = [damaged(row, chance) if chance.random() < 0.5 else row for row in ROWS[kind]]
            logs.lines(path, rows)
        imported(path, folder)


@pytest.mark.parametrize(
    ("value", "read"),
    [(-2.5, True), ("-2.5", True), ("-inf", True), ("x", False), ("nan", False), (None, False)],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_choice_without_its_likelihood_leaves_its_row_out(place, value, read, tmp_path):
    row = logs.likelihood_row(0, [-1.0, -3.0, -2.0])
    row["resps"][place][0][0] = value
    path = logs.lines(tmp_path / "log.jsonl", [row, logs.likelihood_row(1, [-1.0, -3.0, -2.0])])
    assert len(imported(path, tmp_path)) == (2 if read else 1)


def test_few_of_many_reasons_to_leave_records_out_are_named(tmp_path):
    rows = [logs.failed_row(str(n)) for n in range(30)]
    for n, row in enumerate(rows):
        row["error"]["code"] = f"fault {n // 2} \x1b[2J" + "x" * 5_000
    path = logs.lines(tmp_path / "log.jsonl", [*rows, logs.batch_row("a", "4")])
    reports = []
    read_by([path], "number", told=reports.append)
    (report,) = reports
    lines = [line for line in report.lines() if line.startswith("left out")]
    assert len(lines) == 9
    assert lines[-1] == "left out for 7 further reasons: 14"
    assert max(map(len, lines)) < 400
    assert "\x1b" not in "".join(lines)
