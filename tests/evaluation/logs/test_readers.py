"""Every kind of log is known by its content and read to the last sample."""

import csv
import json

import pytest

from bestofinf.evaluation import read
from bestofinf.evaluation.logs.head import head_of
from bestofinf.evaluation.logs.kinds import READERS, reader_of
from bestofinf.evaluation.reading import read_by, read_raw
from support import logs

pytestmark = pytest.mark.usefixtures("no_cache")


def report_of(*paths, answer=None):
    reports = []
    found = read_by(paths, answer, told=reports.append)
    return found.evaluation_set, reports[0]


def votes(evaluation_set, question, member):
    (found,) = [q for q in evaluation_set if q.id == question]
    return sorted(found.samples[member].answers, key=str)


def epochs(count=8):
    """Replies to three questions; the right answer is 4, and one in four replies says 5."""
    return [
        logs.inspect_sample(
            id_, n, logs.reply(5 if n % 4 == 0 else 4), grade="I" if n % 4 == 0 else "C"
        )
        for n in range(1, count + 1)
        for id_ in ("a", "b", 3)
    ]


# -- Inspect ----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["zstd", "deflate", "json"])
def test_every_epoch_of_an_inspect_log_is_read_without_its_thoughts(tmp_path, form):
    path = tmp_path / "log.eval"
    if form == "json":
        logs.inspect_json(path, epochs())
    else:
        method = {"zstd": 93, "deflate": 8}[form]
        logs.inspect_eval(path, epochs(), method=method)
    found, report = report_of(path)
    assert (report.questions, report.samples, report.gold) == (3, 24, 3)
    assert (report.least, report.median, report.most) == (8, 8, 8)
    assert (report.graded, report.agreed, report.without_answer) == (24, 24, 0)
    assert votes(found, "sums/3", "openai/m") == ["4"] * 6 + ["5"] * 2
    assert found.questions[0].samples["openai/m"].tokens == (30,) * 8


def test_what_an_inspect_sample_cannot_give_is_counted(tmp_path):
    samples = [
        logs.inspect_sample("a", 1, "The answer is 4."),
        logs.inspect_sample("a", 2, "The answer is", stop_reason="max_tokens"),
        logs.inspect_sample("a", 3, "x", error={"message": "timed out"}),
        logs.inspect_sample("a", 4, "", output={"choices": [], "completion": ""}),
        logs.inspect_sample("a", 5, "The answer is 7", limit={"type": "token", "limit": 9}),
    ]
    _, report = report_of(logs.inspect_eval(tmp_path / "x", samples, status="error"))
    assert (report.samples, report.cut, report.without_answer) == (3, 2, 2)
    assert report.left_out == {"the sample ended in an error": 1, "no reply": 1}
    assert report.remarks == {"the run 'sums' ended with status 'error'": None}


def test_an_inspect_run_that_was_killed_is_read_as_far_as_it_came(tmp_path):
    from backports.zstd import zipfile

    path = tmp_path / "log.eval"
    with zipfile.ZipFile(path, "w", 93) as archive:
        start = {"version": 2, "eval": logs.inspect_header()["eval"]}
        archive.writestr("_journal/start.json", json.dumps(start))
        archive.writestr("samples/a_epoch_1.json", json.dumps(epochs()[0]))
    _, report = report_of(path)
    assert report.samples == 1
    assert "status 'started'" in next(iter(report.remarks))


def test_targets_may_be_lists_and_long_texts_attachments(tmp_path):
    text = "attachment://abc"
    sample = logs.inspect_sample(
        "a", 1, text, target=["B", "C"], attachments={"abc": "Reasoning.\n\nANSWER: B"}
    )
    found, _ = report_of(logs.inspect_json(tmp_path / "x", [sample]), answer="choice")
    assert votes(found, "sums/a", "openai/m") == ["B"]
    assert found.questions[0].gold == "B"


@pytest.mark.parametrize("form", ["json", "eval"])
def test_numbers_that_are_none_do_not_end_a_log(tmp_path, form):
    sample = logs.inspect_sample("a", 1, 'The answer is 4, "NaN".', grade=float("nan"))
    make = logs.inspect_json if form == "json" else logs.inspect_eval
    path = make(tmp_path / "x", [sample, logs.inspect_sample("a", 2, "4", grade=float("-inf"))])
    (question,) = read_raw(path)
    texts = [reply.text for reply in question.samples["openai/m"].replies]
    assert texts == ['The answer is 4, "NaN".', "4"]


# -- lm-evaluation-harness --------------------------------------------------------------------


def test_repeats_are_read_once_though_each_filter_lists_them(tmp_path):
    texts = [logs.reply(4)] * 6 + ["I add.\n#### 5"] * 2
    rows = [
        logs.lm_eval_row(doc, texts, filter_=name)
        for name in ("strict", "flexible")
        for doc in range(3)
    ]
    logs.lm_eval_folder(tmp_path, rows)
    found, report = report_of(tmp_path)
    assert (report.questions, report.samples, report.gold) == (3, 24, 3)
    assert report.left_out == {"another filter of the same replies": 3}
    assert votes(found, "gsm8k/2", "org/model") == ["4"] * 6 + ["5"] * 2
    assert found.questions[0].gold == "4"


def test_a_log_of_samples_is_known_under_any_name_and_place(tmp_path):
    path = logs.lines(tmp_path / "answers.txt", [logs.lm_eval_row(0, ["4", "4"])])
    found, _ = report_of(path)
    assert found.questions[0].id == "answers/0"


def test_the_most_likely_choice_is_the_one_answer_to_a_question(tmp_path):
    rows = [logs.likelihood_row(0, [-3.0, -1.0, -2.0]), logs.likelihood_row(1, [-1.0, -2.0, -9.0])]
    found, report = report_of(logs.lines(tmp_path / "x.jsonl", rows), answer="text")
    assert [next(iter(q.samples.values())).answers for q in found] == [("green",), ("red",)]
    assert [q.gold for q in found] == ["green", "green"]
    assert "cannot be known from 1 samples a question" in report.lines()[-1]


def test_repeats_at_temperature_0_are_pointed_out(tmp_path):
    logs.lm_eval_folder(tmp_path, [logs.lm_eval_row(0, ["4", "4"])], temperature=0)
    _, report = report_of(tmp_path)
    assert "temperature 0" in next(iter(report.remarks))


# -- OpenAI's batches -------------------------------------------------------------------------


def test_batch_outputs_are_read_in_any_order_with_all_choices(tmp_path):
    rows = [
        logs.batch_row("q2", logs.reply(7), logs.reply(8), tokens=41),
        logs.batch_row("q1", "The answer is 4"),
        logs.batch_row("q3", "The answer is 4", reason="length"),
        logs.failed_row("q4"),
        logs.response_row("q5", "The answer is 9."),
        logs.response_row("q6", "The ans", status="incomplete", why="max_output_tokens"),
        logs.batch_row("q7", None, refusal="I cannot."),
    ]
    found, report = report_of(logs.lines(tmp_path / "output", rows))
    assert (report.questions, report.samples, report.cut) == (6, 7, 2)
    assert report.left_out == {"the request failed: rate_limit_exceeded": 1}
    assert votes(found, "q2", "gpt") == ["7", "8"]
    assert votes(found, "q5", "gpt") == ["9"]
    assert votes(found, "q7", "gpt") == [None]
    (two,) = [q for q in found if q.id == "q2"]
    assert sum(two.samples["gpt"].tokens) == 41


def test_requests_that_ask_the_same_are_repeats_and_bring_the_prompt(tmp_path):
    asked = [("r1", "What is 2+2?"), ("r2", "What is 2+2?"), ("r3", "What is 3+3?")]
    logs.lines(tmp_path / "in.jsonl", [logs.batch_request(*pair) for pair in asked])
    rows = [logs.batch_row(id_, "The answer is 4.") for id_, _ in asked]
    logs.lines(tmp_path / "out.jsonl", rows)
    found, report = report_of(tmp_path)
    assert {q.id: (len(q.samples["gpt"]), q.prompt) for q in found} == {
        "r1": (2, "What is 2+2?"),
        "r3": (1, "What is 3+3?"),
    }
    assert "1 requests ask what another asks" in next(iter(report.remarks))


@pytest.mark.parametrize(
    "differing",
    [
        [{"seed": 1}, {"seed": 2}, {}],
        [{"user": "a"}, {"user": "b", "store": True}, {"safety_identifier": "c"}],
        [{"metadata": {"run": "1"}}, {"metadata": {"run": "2"}}, {"service_tier": "flex"}],
        [{"prompt_cache_key": "a"}, {"prompt_cache_key": "b", "seed": 3}, {"seed": None}],
    ],
)
def test_requests_that_differ_beside_what_is_asked_are_repeats(tmp_path, differing):
    assert [len(q.samples["gpt"]) for q in of_requests(tmp_path, differing)] == [3]


@pytest.mark.parametrize(
    "other",
    [{"temperature": 0}, {"model": "other"}, {"max_tokens": 9}, {"tools": [{"name": "seed"}]}],
)
def test_requests_that_ask_otherwise_are_no_repeats(tmp_path, other):
    found = of_requests(tmp_path, [{"seed": 1}, other, {"seed": 2}])
    assert [len(q.samples["gpt"]) for q in found] == [2, 1]


def of_requests(folder, differing):
    """Return the questions of requests with these values beside one prompt."""
    requests = [logs.batch_request(f"r{n}", "What is 2+2?") for n in range(len(differing))]
    for request, other in zip(requests, differing, strict=True):
        request["body"] |= other
    logs.lines(folder / "in.jsonl", requests)
    rows = [logs.batch_row(request["custom_id"], "The answer is 4.") for request in requests]
    logs.lines(folder / "out.jsonl", rows)
    return report_of(folder)[0]


def test_log_probabilities_come_along_with_the_replies(tmp_path):
    row = logs.batch_row("q", "The answer is 4.")
    tokens = [{"token": "x", "logprob": -0.5}, {"token": "y", "logprob": -0.25}]
    row["response"]["body"]["choices"][0]["logprobs"] = {"content": tokens}
    (question,) = read_raw(logs.lines(tmp_path / "x.jsonl", [row]))
    assert question.samples["gpt"].replies[0].logprobs == (-0.5, -0.25)


# -- promptfoo --------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["json", "jsonl", "database"])
def test_repeats_of_promptfoo_are_one_question_whatever_their_index(tmp_path, form):
    rows = [
        logs.promptfoo_row(
            n, f"q{n % 2}", logs.reply(5 if n < 2 else 4), gold="{{want}}", success=n > 1
        )
        for n in range(16)
    ]
    if form == "json":
        path = logs.promptfoo_json(tmp_path / "results", rows)
    elif form == "jsonl":
        path = logs.lines(tmp_path / "results", rows)
    else:
        path = logs.promptfoo_database(tmp_path / "promptfoo.db", rows)
    found, report = report_of(path)
    assert (report.questions, report.samples, report.gold, report.by_grade) == (2, 16, 2, 0)
    assert (report.graded, report.agreed) == (16, 16)
    assert [q.gold for q in found] == ["4", "4"]
    assert votes(found, found.questions[0].id, "plain") == ["4"] * 7 + ["5"]


def test_copies_from_a_cache_are_no_further_votes(tmp_path):
    rows = [logs.promptfoo_row(n, "q", "The answer is 4.", cached=n > 0) for n in range(4)]
    rows.append(logs.promptfoo_row(4, "q", "The answer is 5.", cached=True))
    found, report = report_of(logs.promptfoo_json(tmp_path / "x.json", rows))
    assert (report.samples, report.cached) == (2, 3)
    assert votes(found, found.questions[0].id, "plain") == ["4", "5"]


def test_grades_stand_for_right_answers_where_there_are_none(tmp_path):
    rows = [
        logs.promptfoo_row(0, "a", logs.reply(4), success=True),
        logs.promptfoo_row(1, "a", logs.reply(5), success=False),
        logs.promptfoo_row(2, "b", logs.reply(5), success=False),
        logs.promptfoo_row(3, "c", logs.reply(5), success=None),
    ]
    found, report = report_of(logs.promptfoo_json(tmp_path / "x.json", rows))
    golds = {q.prompt: q.gold for q in found}
    assert golds["What is a?"] == "4"
    assert golds["What is c?"] is None
    # A question that nobody got right must not drop out of the sum.
    assert golds["What is b?"] not in (None, "5")
    assert (report.by_grade, report.none_right) == (2, 1)


# -- rows of papers ---------------------------------------------------------------------------


def test_rows_of_papers_have_answers_or_whole_replies(tmp_path):
    rows = [
        {
            "idx": 0,
            "question": "2+2?",
            "gt": "4",
            "pred": ["4", "5"],
            "code": ["It is 4", "It is 5"],
        },
        {"idx": 1, "question": "3+3?", "gt": "6", "code": [r"So \boxed{6}."], "score": [True]},
        {"idx": 2, "question": "?", "gt": "6"},
    ]
    found, report = report_of(logs.lines(tmp_path / "test.jsonl", rows))
    assert [(q.id, q.gold, *q.samples.values()) for q in found][1][2].answers == ("6",)
    assert votes(found, "test/0", tmp_path.name) == ["4", "5"]
    assert report.left_out == {"neither 'pred' nor 'code'": 1}


# -- traces -----------------------------------------------------------------------------------


def langfuse_rows():
    asked = [{"role": "user", "content": "What is 2+2?"}]
    row = {
        "trace_id": "t",
        "type": "GENERATION",
        "level": "DEFAULT",
        "name": "chat",
        "provided_model_name": "gpt",
        "input": json.dumps(asked),
        "usage_details": {"input": 7, "output": 12},
    }
    said = [{"role": "assistant", "content": logs.reply(4)}, "The answer is 5."]
    rows = [{**row, "id": f"o{n}", "output": output} for n, output in enumerate(said)]
    return [*rows, {**row, "id": "s", "type": "SPAN", "output": "x"}]


def langsmith_rows():
    row = {
        "run_type": "chain",
        "trace_id": "t",
        "session_name": "first try",
        "reference_example_id": "e1",
        "inputs": {"question": "What is 2+2?"},
        "reference_outputs": {"answer": "4"},
        "parent_run_id": None,
        "error": None,
        "completion_tokens": 12,
    }
    said = [{"answer": logs.reply(4)}, {"output": "The answer is 5."}]
    rows = [{**row, "id": f"r{n}", "outputs": output} for n, output in enumerate(said)]
    return [*rows, {**row, "id": "x", "outputs": {"answer": "4"}, "parent_run_id": "r0"}]


def phoenix_rows():
    row = {
        "example_id": "e1",
        "input": {"question": "What is 2+2?"},
        "reference_output": {"answer": "4"},
        "error": None,
        "latency_ms": 120.0,
    }
    said = [{"message": {"content": logs.reply(4)}}, "The answer is 5."]
    rows = [
        {**row, "id": f"r{n}", "repetition_number": n + 1, "output": output}
        for n, output in enumerate(said)
    ]
    return [*rows, {**row, "id": "x", "repetition_number": 3, "output": None, "error": "late"}]


@pytest.mark.parametrize("form", ["jsonl", "list", "csv", "parquet"])
@pytest.mark.parametrize("make", [langfuse_rows, langsmith_rows, phoenix_rows])
def test_traces_are_read_in_every_form_they_are_exported_in(tmp_path, make, form):
    rows, path = make(), tmp_path / "export"
    if form == "jsonl":
        logs.lines(path, rows)
    elif form == "list":
        path.write_text(json.dumps(rows, indent=1))
    else:
        flat = [
            {k: json.dumps(v) if isinstance(v, list | dict) else v for k, v in row.items()}
            for row in rows
        ]
        if form == "csv":
            with path.open("w", newline="") as file:
                writer = csv.DictWriter(file, flat[0])
                writer.writeheader()
                writer.writerows(flat)
        else:
            arrow = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
            parquet = pytest.importorskip("pyarrow.parquet")
            parquet.write_table(arrow.Table.from_pylist(flat), path)
    found, report = report_of(path)
    (question,) = found
    (samples,) = question.samples.values()
    assert sorted(samples.answers) == ["4", "5"]
    assert question.prompt == "What is 2+2?"
    assert report.left_out.total() == 1
    assert question.gold == (None if make is langfuse_rows else "4")


def test_spans_of_phoenix_are_samples_of_what_they_ask(tmp_path):
    row = {
        "context.span_id": "s1",
        "span_kind": "LLM",
        "attributes.llm.model_name": "gpt",
        "attributes.input.value": json.dumps({"messages": [{"role": "user", "content": "2+2?"}]}),
        "attributes.output.value": json.dumps({"choices": [{"message": {"content": "It is 4."}}]}),
        "attributes.llm.token_count.completion": 9,
    }
    rows = [
        row,
        {**row, "context.span_id": "s2"},
        {**row, "context.span_id": "c", "span_kind": "CHAIN"},
    ]
    found, _ = report_of(logs.lines(tmp_path / "spans.jsonl", rows))
    assert found.questions[0].samples["gpt"].tokens == (9, 9)


# -- all of them ------------------------------------------------------------------------------


def test_each_reader_has_a_name_of_its_own_and_says_where_it_comes_from():
    names = [reader.name for reader in READERS]
    assert len(set(names)) == len(names)
    assert {reader.origin for reader in READERS} == {"seen", "from the documentation"}


def test_our_own_files_are_no_logs(tmp_path):
    own = logs.lines(tmp_path / "a.jsonl", [{"id": "q", "gold": "4", "samples": {"m": [["4"]]}}])
    assert reader_of(head_of(own)) is None
    assert read(own).questions[0].samples["m"].answers == ("4",)


def test_logs_and_files_of_ours_are_read_together(tmp_path):
    logs.inspect_eval(tmp_path / "run.eval", epochs())
    logs.lines(tmp_path / "a.jsonl", [{"id": "sums/a", "samples": {"mine": [["4"], ["5"]]}}])
    found, report = report_of(tmp_path)
    (question,) = [q for q in found if q.id == "sums/a"]
    assert {name: len(s) for name, s in question.samples.items()} == {"mine": 2, "openai/m": 8}
    assert report.samples == 24
