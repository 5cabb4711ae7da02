"""A job: from a file of questions to a file of answers, through a journal that survives it."""

import asyncio
import csv
import json
import math
import random
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from bestofinf.batches import Job, JobQuestion, Journal, LocalExecutor, QuestionFile, arun_job
from bestofinf.batches.pool import Budget
from bestofinf.ensemble.plan import VotePlan
from bestofinf.errors import SamplingError, StoreError, UsageError
from bestofinf.evaluation.store.store import EvaluationStore
from bestofinf.records import Draw, Failure, Member, Reply, Sample, Usage
from support.stored import calls_of_run

PLAN = VotePlan.make([Member("m", name="m")], rule="exhaustive", answer="text", retries=0)
FAST = PLAN.change(rule="fast")


def question_file(path, n=30):
    path.write_text(
        "\n".join(json.dumps({"id": f"q{i}", "prompt": f"question {i}"}) for i in range(n))
    )
    return QuestionFile(path)


class Model:
    """Answers prompts in a fixed way: the k-th reply to a prompt is always the same."""

    def __init__(self, *, fails=(), dies_after=None):
        self.asked = []
        self._fails = fails
        self._dies_after = dies_after

    async def __call__(self, prompt, draw):
        self.asked.append((prompt, draw.index))
        if self._dies_after is not None and len(self.asked) > self._dies_after:
            raise asyncio.CancelledError
        await asyncio.sleep(0)
        if prompt in self._fails:
            raise PermissionError("no access")
        rng = random.Random(f"{prompt}/{draw.index}")
        answer = "right" if rng.random() < 0.6 else f"wrong {rng.randrange(3)}"
        return Sample(
            None, reply=Reply(text=answer), tokens=7, usage=Usage(3, 7, 0.001, 1), seconds=0.1
        )


async def work(tmp_path, model, *, plan=PLAN, n=30, name="run", keep="answers", **options):
    with EvaluationStore(tmp_path / "store.db") as store:
        journal = Journal(store, name, plan, keep=keep)
        job = Job(
            question_file(tmp_path / "q.jsonl", n),
            tmp_path / options.pop("out", "answers.jsonl"),
            plan,
            concurrency=options.pop("concurrency", 8),
            **options,
        )
        with journal.claimed({"rule": str(plan.rule)}):
            return await arun_job(job, journal, LocalExecutor(model, plan, journal))


def answers(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def samples_in(tmp_path):
    with EvaluationStore(tmp_path / "store.db") as store:
        return store.status().samples


async def test_every_question_is_answered_in_order_and_the_total_is_met(tmp_path):
    model = Model()
    report = await work(tmp_path, model, budget=Budget(200))
    rows = answers(tmp_path / "answers.jsonl")
    assert [row["id"] for row in rows] == [f"q{i}" for i in range(30)]
    assert sum(row["n_samples"] for row in rows) == len(model.asked) == report.samples == 200
    assert samples_in(tmp_path) == 200
    assert not (tmp_path / "answers.jsonl.partial").exists()


@pytest.mark.parametrize("budget", [None, Budget(200), Budget(1400, "tokens"), Budget(0.2, "cost")])
@pytest.mark.parametrize("dies_after", [3, 40, 111])
async def test_a_run_that_died_goes_on_without_asking_twice(tmp_path, budget, dies_after):
    dead = Model(dies_after=dies_after)
    with pytest.raises((asyncio.CancelledError, SamplingError)):
        await work(tmp_path, Dying(dead), budget=budget)
    stored = samples_in(tmp_path)
    alive = Model()
    report = await work(tmp_path, alive, budget=budget)
    again = set(alive.asked) & set(dead.asked[:dies_after])
    assert not again
    assert report.restored == stored
    assert report.samples == stored + len(alive.asked) == samples_in(tmp_path)
    if budget is not None:
        assert report.spent(budget) == pytest.approx(budget.total)
    assert [row["id"] for row in answers(tmp_path / "answers.jsonl")] == [
        f"q{i}" for i in range(30)
    ]


class Dying:
    """Ends the whole job, as a kill would, at the model's end."""

    def __init__(self, model):
        self._model = model
        self._task = asyncio.current_task()

    async def __call__(self, prompt, draw):
        try:
            return await self._model(prompt, draw)
        except asyncio.CancelledError:
            self._task.cancel()
            await asyncio.sleep(60)


async def test_a_finished_run_asks_nothing_when_run_again(tmp_path):
    await work(tmp_path, Model(), budget=Budget(150))
    first = answers(tmp_path / "answers.jsonl")
    model = Model()
    report = await work(tmp_path, model, budget=Budget(150))
    assert (model.asked, report.restored) == ([], 150)
    assert answers(tmp_path / "answers.jsonl") == first


class Telling(Model):
    """Tells how probable its replies are, too."""

    async def __call__(self, prompt, draw):
        sample = await super().__call__(prompt, draw)
        chance = 0.45 if sample.reply.text == "right" else 0.1
        reply = replace(sample.reply, logprobs=(math.log(chance),), logprob_kind="processed")
        return replace(sample, reply=reply)


async def test_probabilities_of_replies_count_in_a_run_that_goes_on(tmp_path):
    plan = PLAN.change(rule="mass:price=0.0001")
    dead, alive, whole = Telling(dies_after=25), Telling(), Telling()
    with pytest.raises((asyncio.CancelledError, SamplingError)):
        await work(tmp_path, Dying(dead), plan=plan)
    await work(tmp_path, alive, plan=plan)
    (tmp_path / "whole").mkdir()
    await work(tmp_path / "whole", whole, plan=plan)
    found, expected = (answers(p / "answers.jsonl") for p in (tmp_path, tmp_path / "whole"))
    assert sum(row["reason"].startswith("mass: certified") for row in found) > 20
    for row, other in zip(found, expected, strict=True):
        assert row["reason"] == other["reason"]
        assert (row["answer"], row["n_samples"]) == (other["answer"], other["n_samples"])


async def test_a_budget_may_grow_and_the_newest_decision_is_stored(tmp_path):
    await work(tmp_path, Model(), budget=Budget(60))
    model = Model()
    report = await work(tmp_path, model, budget=Budget(300))
    assert (report.restored, len(model.asked)) == (60, 240)
    rows = {row["id"]: row for row in answers(tmp_path / "answers.jsonl")}
    with EvaluationStore(tmp_path / "store.db") as store:
        calls = calls_of_run(store, "run")
    for id_, row in rows.items():
        call, samples = calls[id_, 1]
        assert (call.answer, len(samples)) == (row["answer"], row["n_samples"])


async def test_a_failed_question_is_a_row_with_its_error_and_is_begun_again(tmp_path):
    model = Model(fails={"question 3"})
    report = await work(tmp_path, model, n=6)
    row = answers(tmp_path / "answers.jsonl")[3]
    assert (report.errors, row["answer"]) == (1, None)
    assert "no access" in row["error"]
    well = Model()
    report = await work(tmp_path, well, n=6)
    assert {prompt for prompt, _ in well.asked} == {"question 3"}
    assert report.errors == 0
    assert answers(tmp_path / "answers.jsonl")[3]["answer"]
    again = Model()
    await work(tmp_path, again, n=6)
    assert again.asked == []


async def test_a_job_ends_when_everything_fails_and_goes_on_later(tmp_path):
    everything = {f"question {i}" for i in range(80)}
    broken = Model(fails=everything)
    with pytest.raises(SamplingError, match=r"^no .*no access.*Nothing is lost"):
        await work(tmp_path, broken, n=80, plan=FAST, patience=2.0)
    # Five questions take the member out, with what is in flight by then; it is not tried again.
    assert len(broken.asked) <= 5 + 8 + 8
    report = await work(tmp_path, Model(), n=80, plan=FAST)
    assert report.errors == 0


async def recorded(tmp_path, failures, plan=FAST, name="q3"):
    """Store failures of a question in a run that ends without settling it."""
    question = JobQuestion(int(name[1:]), name, f"question {name[1:]}")
    with EvaluationStore(tmp_path / "store.db") as store:
        journal = Journal(store, "run", plan, keep="answers")
        with journal.claimed({"rule": str(plan.rule)}):
            for index, failure in enumerate(failures):
                await journal.put(question, Draw(index, 0), failure)
            await journal.close()


GONE = ConnectionError("gone")


@pytest.mark.parametrize(
    "failures", [[Failure(GONE, fatal=True)], [Failure(GONE)] * 5], ids=["fatal", "five"]
)
async def test_a_question_whose_failures_leave_no_member_begins_again(tmp_path, failures):
    await recorded(tmp_path, failures)
    for _ in range(2):  # the second time it has two attempts
        report = await work(tmp_path, Model(), n=8, plan=FAST)
        assert (report.decided, report.errors, report.failures) == (8, 0, 0)
    assert report.restored == report.samples == samples_in(tmp_path)


async def test_a_question_with_fewer_failures_goes_on(tmp_path):
    await recorded(tmp_path, [Failure(GONE)] * 4)
    model = Model()
    report = await work(tmp_path, model, n=8, plan=FAST)
    assert (report.decided, report.errors, report.failures) == (8, 0, 4)
    assert min(index for prompt, index in model.asked if prompt == "question 3") == 4


TWO = VotePlan.make(
    [Member("a", name="a"), Member("b", name="b")], rule="exhaustive", answer="text", retries=0
)


class HalfDead(Model):
    """Of two members the second does not answer."""

    async def __call__(self, prompt, draw):
        sample = await super().__call__(prompt, draw)
        if draw.member == 1:
            raise ConnectionError("nobody there")
        return sample


@pytest.mark.parametrize("dies_after", [None, 100])
async def test_a_dead_member_is_spared_over_all_questions_also_when_the_run_goes_on(
    tmp_path, dies_after
):
    asked = []
    if dies_after is not None:
        dead = HalfDead(dies_after=dies_after)
        with pytest.raises((asyncio.CancelledError, SamplingError)):
            await work(tmp_path, Dying(dead), n=60, plan=TWO, budget=Budget(300))
        asked += dead.asked[:dies_after]
    alive = HalfDead()
    report = await work(tmp_path, alive, n=60, plan=TWO, budget=Budget(300))
    asked += alive.asked
    assert len(set(asked)) == len(asked)
    assert report.samples == 300 == samples_in(tmp_path)
    assert len(asked) - 300 <= 2 * (5 + 8)  # in each run, five in a row and what was in flight
    rows = answers(tmp_path / "answers.jsonl")
    assert all(row["answer"] for row in rows)
    assert {row["winner_member"] for row in rows} == {"a"}


@pytest.mark.parametrize("change", ["draw = draw + 7", "answer = NULL"])
async def test_a_question_whose_votes_are_gone_from_the_store_is_asked_on(tmp_path, change):
    plan = PLAN.change(rule="fixed:n=2")
    await work(tmp_path, Model(), plan=plan, n=3)
    with closing(sqlite3.connect(tmp_path / "store.db")) as database, database:
        call = "(SELECT id FROM bestofinf_calls WHERE run_question = 'q1')"
        database.execute(f"UPDATE bestofinf_samples SET {change} WHERE call_id = {call}")
    model = Model()
    report = await work(tmp_path, model, plan=plan, n=3)
    assert (report.decided, report.errors) == (3, 0)
    assert {prompt for prompt, _ in model.asked} <= {"question 1"}
    assert len(answers(tmp_path / "answers.jsonl")) == 3


async def test_changed_settings_are_refused_by_name(tmp_path):
    await work(tmp_path, Model())
    other = PLAN.change(rule="fast")
    with pytest.raises(UsageError, match=r"other settings: rule was 'optimal:.*0.0004.*--run"):
        await work(tmp_path, Model(), plan=other)
    await work(tmp_path, Model(), plan=other, name="another")


async def test_a_changed_prompt_is_refused(tmp_path):
    await work(tmp_path, Model(), n=5)
    with EvaluationStore(tmp_path / "store.db") as store:
        journal = Journal(store, "run", PLAN)
        (tmp_path / "p.jsonl").write_text('{"id": "q0", "prompt": "other"}')
        job = Job(QuestionFile(tmp_path / "p.jsonl"), tmp_path / "a.csv", PLAN)
        with pytest.raises(UsageError, match="'q0' has another prompt"):
            await arun_job(job, journal, LocalExecutor(Model(), PLAN, journal))


async def test_a_store_that_fails_ends_the_job(tmp_path):
    class Full(EvaluationStore):
        def add(self, records):
            raise StoreError("the disk is full")

    with Full(tmp_path / "store.db") as store:
        journal = Journal(store, "run", PLAN)
        model = Model()
        job = Job(question_file(tmp_path / "q.jsonl"), tmp_path / "a.csv", PLAN, concurrency=4)
        with pytest.raises(StoreError, match="disk is full"):
            await arun_job(job, journal, LocalExecutor(model, PLAN, journal))
    assert len(model.asked) <= 8
    assert not (tmp_path / "a.csv").exists()


async def test_stopping_writes_the_best_answers_so_far(tmp_path):
    stop, model = asyncio.Event(), Model()
    with EvaluationStore(tmp_path / "store.db") as store:
        journal = Journal(store, "run", PLAN)
        job = Job(
            question_file(tmp_path / "q.jsonl"),
            tmp_path / "a.jsonl",
            PLAN,
            budget=Budget(500),
            concurrency=4,
        )

        def show(progress):
            if progress.spent >= 100:
                stop.set()

        crew = LocalExecutor(model, PLAN, journal)
        report = await arun_job(job, journal, crew, progress=show, stop=stop)
    assert 100 <= report.samples <= 104
    assert report.stopped
    rows = answers(tmp_path / "a.jsonl")
    assert sum(row["n_samples"] for row in rows) == report.samples
    assert all(row["answer"] for row in rows)


async def test_questions_that_were_never_asked_are_told_and_leave_nothing_in_the_store(tmp_path):
    report = await work(tmp_path, Model(), budget=Budget(12))
    rows = answers(tmp_path / "answers.jsonl")
    assert (report.errors, report.stopped, len(rows)) == (18, False, 30)
    assert all("budget: 12 of 12 samples spent" in row["error"] for row in rows[12:])
    with EvaluationStore(tmp_path / "store.db") as store:
        assert store.status().calls == 12
    report = await work(tmp_path, Model(), budget=Budget(90))
    assert (report.errors, report.restored, report.samples) == (0, 12, 90)


async def test_in_order_the_same_questions_get_the_samples_however_long_replies_take(tmp_path):
    found = []
    for seed in range(3):
        rng = random.Random(seed)

        class Slow(Model):
            async def __call__(self, prompt, draw, rng=rng):
                await asyncio.sleep(rng.random() / 500)
                return await super().__call__(prompt, draw)

        (tmp_path / str(seed)).mkdir()
        await work(tmp_path / str(seed), Slow(), budget=Budget(150), in_order=True)
        found.append(answers(tmp_path / str(seed) / "answers.jsonl"))
    assert found[0] == found[1] == found[2]


async def test_without_a_budget_memory_does_not_hold_the_questions(tmp_path):
    seen = []
    model = Model()

    class Watched(LocalExecutor):
        async def outcome(self, question, draw):
            seen.append(question.number)
            return await super().outcome(question, draw)

    with EvaluationStore(tmp_path / "store.db") as store:
        journal = Journal(store, "run", PLAN)
        job = Job(question_file(tmp_path / "q.jsonl", 150), tmp_path / "a.csv", FAST, concurrency=5)
        await arun_job(job, journal, Watched(model, FAST, journal))
    # Questions are begun in their order, a few at a time.
    assert max(abs(number - max(seen[: i + 1])) for i, number in enumerate(seen)) < 40


async def test_what_is_kept_is_what_was_asked_for(tmp_path):
    await work(tmp_path, Model(), n=2, keep="replies")
    with EvaluationStore(tmp_path / "store.db") as store:
        _, rows = calls_of_run(store, "run")["q0", 1]
        assert all(row.text == row.answer for row in rows)
        assert store.read(kinds=["ensemble"]).questions[0].prompt is None


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
async def test_answers_come_in_every_format(tmp_path, suffix):
    await work(tmp_path, Model(), n=5, out=f"a.{suffix}")
    path = tmp_path / f"a.{suffix}"
    if suffix == "csv":
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert int(rows[0]["n_samples"]) == sum(json.loads(rows[0]["votes"]).values())
    elif suffix == "parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
        rows = parquet.read_table(path).to_pylist()
        assert rows[0]["n_samples"] == sum(json.loads(rows[0]["votes"]).values())
    else:
        rows = answers(path)
        assert rows[0]["n_samples"] == sum(rows[0]["votes"].values())
    assert [row["id"] for row in rows] == [f"q{i}" for i in range(5)]


ROWS = [{"id": "a", "text": 'häm, "x"\nnext'}, {"id": "b", "text": "β"}]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_questions_come_in_every_format(tmp_path, suffix):
    path = tmp_path / f"q.{suffix}"
    if suffix == "csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["id", "text"])
            writer.writeheader()
            writer.writerows(ROWS)
    elif suffix == "parquet":
        pyarrow = pytest.importorskip("pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet")
        parquet.write_table(pyarrow.Table.from_pylist(ROWS), path)
    else:
        path.write_text("".join(f"{json.dumps(row)}\n\n" for row in ROWS))
    found = list(QuestionFile(path, template="Say {text}!"))
    assert [(q.number, q.id, q.prompt) for q in found] == [
        (0, "a", f"Say {ROWS[0]['text']}!"),
        (1, "b", "Say β!"),
    ]
    assert [q.prompt for q in QuestionFile(path)] == [row["text"] for row in ROWS]


@pytest.mark.parametrize(
    ("content", "template", "message"),
    [
        (
            '{"id": 1, "prompt": "a"}\n{"id": 1, "prompt": "b"}',
            None,
            "line 2: the id '1' .* in line 1",
        ),
        ('{"id": 1, "prompt": "a"}\n\n{"id": 2, "prompt": " "}', None, "line 3: no text under"),
        ('{"id": 1, "prompt": null}', None, "no text under 'prompt', got None"),
        ('{"id": null, "prompt": "a"}', None, "an id has"),
        ('{"id": 1, "body": null}', "{body}", "line 1: nothing under 'body'"),
        ('{"id": 1, "body": "a"}', None, "there are id, body"),
        ('{"id": 1, "body": "a"}', "{text}", "no column 'text' for the prompt"),
        ('{"id": 1, "body": "a"}', "no column", "names no column"),
        ('{"id": 1, "body": "a"}', "{text", "cannot be read"),
        ('{"id": "", "prompt": "a"}', None, "line 1: an id has"),
        ('{"prompt": "a"', None, "line 1: not JSON: .* at column 15"),
        ("[1]", None, "wanted an object"),
        ("", None, "has no question"),
    ],
)
def test_what_is_no_question_is_refused_before_anything_is_paid(
    tmp_path, content, template, message
):
    path = tmp_path / "q.jsonl"
    path.write_text(content)
    with pytest.raises(UsageError, match=message):
        QuestionFile(path, template=template).check()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('id,text\n1,"a\n2,b\n3,c\n', "line 2: not CSV: unexpected end of data"),
        ("id,text\n1,a\n2\n3,c\n", "line 3: 1 values for 2 columns"),
        ('id,text\n1,"a\nb"\n\n2,yes, please\n', "line 5: 3 values for 2 columns; .* in quotes"),
        ("id;text\n1;a\n", "separated by commas, got 'id;text'"),
        ("id,text\n", "has no question"),
        ("", "has no question"),
        ("\n\n", "has no question"),
    ],
)
def test_broken_csv_is_refused_with_its_line(tmp_path, content, message):
    path = tmp_path / "q.csv"
    path.write_text(content)
    with pytest.raises(UsageError, match=message):
        QuestionFile(path).check()


def test_another_encoding_is_told(tmp_path):
    path = tmp_path / "q.csv"
    path.write_bytes("id,text\n1,Was heißt das?\n".encode("latin-1"))
    with pytest.raises(UsageError, match="is not UTF-8"):
        QuestionFile(path).check()


def test_a_column_of_ids_that_was_named_must_be_there(tmp_path):
    path = tmp_path / "q.jsonl"
    path.write_text('{"text": "a"}\n{"text": "b"}')
    assert [question.id for question in QuestionFile(path)] == ["0", "1"]
    with pytest.raises(UsageError, match=r"line 1: no column 'ticket' for the id; there are text"):
        QuestionFile(path, id_column="ticket").check()


def test_files_that_cannot_be_are_refused(tmp_path):
    with pytest.raises(UsageError, match="ending in"):
        QuestionFile(tmp_path / "q.txt")
    with pytest.raises(UsageError, match="cannot be read"):
        QuestionFile(tmp_path / "none.csv").check()
    path = tmp_path / "q.csv"
    path.write_text("id,prompt\n1,a\n")
    with pytest.raises(UsageError, match="would replace the questions"):
        Job(QuestionFile(path), path, PLAN)
    with pytest.raises(UsageError, match="no folder"):
        Job(QuestionFile(path), tmp_path / "none" / "a.csv", PLAN)
    with pytest.raises(UsageError, match="not both"):
        Job(QuestionFile(path), tmp_path / "a.csv", PLAN, budget=Budget(9), mean_samples=3)
    ahead = PLAN.change(rule="ahead-by")
    with pytest.raises(UsageError, match="values the next sample"):
        Job(QuestionFile(path), tmp_path / "a.csv", ahead, budget=Budget(9))
    with pytest.raises(UsageError, match="'optimal' alone"):
        Job(QuestionFile(path), tmp_path / "a.csv", ahead, mean_samples=3)
    with pytest.raises(UsageError, match="concurrency"):
        Job(QuestionFile(path), tmp_path / "a.csv", PLAN, concurrency=0)
