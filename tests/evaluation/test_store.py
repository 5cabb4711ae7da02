import gc
import hashlib
import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bestofinf.answers import resolve_answer
from bestofinf.errors import StoreError, UsageError
from bestofinf.evaluation import EvaluationStore, Label
from bestofinf.evaluation.contested import lead_probability
from bestofinf.evaluation.rows import CallRecord, CallRow, QuestionRow, SampleRow
from bestofinf.evaluation.store import migrations
from support.stored import record


@pytest.fixture
def store(url):
    with EvaluationStore(url) as opened:
        yield opened


def test_what_is_added_is_read_back_in_order(store):
    store.add([record("c1", "42", None, "41"), record("c2", "7", question="q0")])
    evaluation_set = store.read()
    assert [q.id for q in evaluation_set] == ["q1", "q0"]
    assert evaluation_set.questions[0].samples["gpt"].answers == ("42", None, "41")
    status = store.status()
    assert (status.questions, status.calls, status.samples, status.abstentions) == (2, 2, 4, 1)


def test_what_comes_twice_is_stored_once(store):
    for _ in range(2):
        store.add([record("c1", "42", "41")])
    assert store.status().samples == 2


def test_a_sample_that_comes_late_is_added_to_its_call(store):
    store.add([record("c1", "42")])
    store.add([CallRecord(None, None, (SampleRow("c1", 1, "gpt", "43"),))])
    assert store.read().questions[0].samples["gpt"].answers == ("42", "43")


def test_records_that_the_database_refuses_change_nothing(store):
    store.add([record("c1", "42")])
    orphan = CallRecord(None, None, (SampleRow("nowhere", 0, "gpt", "43"),))
    with pytest.raises(StoreError, match="refused") as caught:
        store.add([record("c2", "1"), orphan])
    assert caught.value.permanent
    assert store.status().calls == 1


def test_failures_and_late_samples_are_stored_but_not_part_of_the_set(store):
    rows = (
        SampleRow("c1", 0, "gpt", "42"),
        SampleRow("c1", 1, "gpt", error="TimeoutError: 30 s"),
        SampleRow("c1", 2, "gpt", "43", counted=False),
    )
    store.add([CallRecord(QuestionRow("q"), CallRow("c1", "q", fixed=True), rows)])
    assert store.read().questions[0].samples["gpt"].answers == ("42",)
    assert store.read(uncounted=True).questions[0].samples["gpt"].answers == ("42", "43")
    assert store.status().failures == 1


def test_a_later_call_fills_in_the_prompt_but_never_changes_it(store):
    for prompt in (None, "first", "second"):
        store.add([CallRecord(QuestionRow("q", "hash" if prompt else None, prompt), None)])
    [(question, *_)] = store.records()
    assert (question.prompt, question.prompt_hash) == ("first", "hash")


def test_ids_that_no_database_can_index_are_refused_by_name(store):
    with pytest.raises(UsageError, match="1 to 500 characters, got 501"):
        store.add([record("c" * 501, "42")])


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text(st.characters(codec=None), min_size=1, max_size=30))
@pytest.mark.parametrize("backend", ["sqlite_url", "postgres_url"])
def test_every_string_comes_back_as_it_was(backend, request, text):
    with EvaluationStore(request.getfixturevalue(backend)) as store:
        store.add([record(f"c{text}", text, question=text, member=text)])
        [question] = [q for q in store.read() if q.id == text]
        assert dict(question.samples)[text].answers[0] == text
        assert store.find(f"c{text}") == text


# -- labels -----------------------------------------------------------------------------------


def test_a_label_is_given_by_question_by_call_and_by_the_hash_of_the_prompt(store):
    store.add([record("c1", "42")])
    store.add([CallRecord(QuestionRow("q2", "feed", None), None)])
    assert store.label("q1", "41") == "q1"
    assert store.label("c1", 42, source="me", at=5.0) == "q1"
    assert store.label("feed", "7") == "q2"
    assert [q.gold for q in store.read()] == ["42", "7"]
    said = store.labels("q1")
    assert [(row.answer, row.source, row.call_id) for row in said] == [
        ("41", "", None),
        ("42", "me", "c1"),
    ]
    assert said[1].at == 5.0


def test_a_label_of_an_unknown_question_is_an_error(store):
    with pytest.raises(UsageError, match="no question, call or prompt hash 'nowhere'"):
        store.label("nowhere", "42")


def test_none_takes_back_what_was_said(store):
    store.add([record("c1", "42")])
    store.label("q1", "42")
    store.verdict("q1", False, answer="41")
    store.label("q1", None)
    question = store.read().questions[0]
    assert question.gold is None
    assert question.wrong == ()
    assert len(store.labels("q1")) == 3


def test_thumbs_judge_the_answer_that_the_call_returned(store):
    store.add([record("c1", "42", "41", answer="42"), record("c2", "43", answer="43")])
    store.verdict("c1", False)
    assert store.read().questions[0].wrong == ("42",)
    store.verdict("c2", True)
    question = store.read().questions[0]
    assert (question.gold, question.wrong) == ("43", ("42",))
    store.verdict("c2", False)
    assert store.read().questions[0].gold is None


def test_a_verdict_without_an_answer_is_an_error(store):
    store.add([record("c1", "42")])
    with pytest.raises(UsageError, match="which answer of 'q1' is meant"):
        store.verdict("q1", True)


def test_many_labels_are_all_given_and_unknown_keys_told(store):
    store.add([record("c1", "42"), record("c2", "42", question="q2")])
    assert store.label_all([Label("q1", "1"), Label("?", "2"), Label("c2", "3")]) == ("?",)
    assert [q.gold for q in store.read()] == ["1", "3"]


def test_the_most_contested_question_is_to_be_labelled_first(store):
    store.add(
        [
            record("c1", "a", "a", "a", "a", question="agreed"),
            record("c2", "a", "b", "a", "b", question="even"),
            record("c3", "a", "b", question="even of two"),
            record("c4", None, None, question="no votes"),
            record("c5", "a", "b", question="known"),
            record("c6", "a", "a", "b", question="leaning"),
        ]
    )
    store.label("known", "a")
    contested = store.unlabelled()
    assert [c.id for c in contested] == ["even", "even of two", "leaning", "agreed", "no votes"]
    assert contested[0].lead == 0.5
    assert contested[3].votes == {"a": 4}
    assert [c.id for c in store.unlabelled(2)] == ["even", "even of two"]


def test_equivalent_answers_are_not_a_contest(store):
    store.add([record("c1", "1/2", "0.5", question="same"), record("c2", "a", "b", question="two")])
    contested = store.unlabelled(answer=resolve_answer("number"))
    assert {c.id: dict(c.votes) for c in contested}["same"] == {"0.5": 2}


def test_the_lead_is_the_beta_probability():
    assert lead_probability(3, 0) == pytest.approx(1 - 0.5**4)
    assert lead_probability(2, 1) == pytest.approx(1 - 5 / 16)


# -- deleting ---------------------------------------------------------------------------------


def test_a_deleted_question_is_gone_with_everything(store):
    store.add([record("c1", "42"), record("c2", "42", question="q2")])
    store.label("q1", "42")
    assert store.delete("c1") == "q1"
    status = store.status()
    assert (status.questions, status.calls, status.samples, status.labels) == (1, 1, 1, 0)
    with pytest.raises(UsageError):
        store.find("q1")


def test_nothing_of_a_deleted_question_is_left_in_the_files(tmp_path):
    with EvaluationStore(tmp_path / "answers.db") as store:
        secret = "very-private-answer-" * 20
        store.add([record("c1", *[secret] * 50), record("c2", "kept", question="q2")])
        store.delete("q1")
        store.add([record("c3", "kept", question="q3")])
        for file in tmp_path.iterdir():
            assert b"very-private-answer" not in file.read_bytes(), file
        store.check()


# -- opening ----------------------------------------------------------------------------------


def test_reading_makes_no_store(tmp_path):
    for options in ({"create": False}, {"readonly": True}):
        with pytest.raises(StoreError, match="there is no such store"):
            EvaluationStore(tmp_path / "none.db", **options)
    assert list(tmp_path.iterdir()) == []


def test_a_database_without_a_store_is_an_error_when_reading(postgres_url):
    with pytest.raises(StoreError, match="holds no evaluation store"):
        EvaluationStore(postgres_url, create=False)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("mysql://u@h/d", "got 'mysql'"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("post gres://", "not a database URL"),
    ],
)
def test_addresses_that_are_no_store_are_refused(address, message):
    with pytest.raises(UsageError, match=message):
        EvaluationStore(address)


def test_a_readonly_store_is_not_written(url):
    EvaluationStore(url).close()
    with EvaluationStore(url, readonly=True) as store:
        with pytest.raises(StoreError, match="opened with readonly=True"):
            store.add([record("c1", "42")])
        assert store.status().samples == 0


def test_an_older_store_is_brought_up_to_date_and_a_newer_one_left_alone(url, monkeypatch):
    with EvaluationStore(url) as store:
        store.add([record("c1", "42")])

    def add_column(connection):
        connection.exec_driver_sql("ALTER TABLE bestofinf_calls ADD COLUMN mood TEXT")

    newest = 1 + len(migrations.STEPS)
    monkeypatch.setattr(migrations, "STEPS", (*migrations.STEPS, add_column))
    with EvaluationStore(url, readonly=True) as store:
        assert store.status().samples == 1
        with pytest.raises(StoreError), store._database.read() as connection:
            connection.exec_driver_sql("SELECT mood FROM bestofinf_calls")
    with EvaluationStore(url) as store:
        assert store.status().samples == 1
        with store._database.read() as connection:
            connection.exec_driver_sql("SELECT mood FROM bestofinf_calls")
    monkeypatch.undo()
    newer = f"version {newest + 1}, this bestofinf knows versions up to {newest}"
    with pytest.raises(StoreError, match=newer):
        EvaluationStore(url)


def test_a_step_that_fails_leaves_the_store_as_it_was(url, monkeypatch):
    EvaluationStore(url).close()

    def broken(connection):
        connection.exec_driver_sql("ALTER TABLE bestofinf_calls ADD COLUMN mood TEXT")
        connection.exec_driver_sql("ALTER TABLE no_such_table ADD COLUMN mood TEXT")

    monkeypatch.setattr(migrations, "STEPS", (*migrations.STEPS, broken))
    with pytest.raises(StoreError):
        EvaluationStore(url)
    monkeypatch.undo()
    with EvaluationStore(url) as store:
        assert store.status().calls == 0


def test_the_password_of_a_server_is_in_no_message(postgres_server):
    address = f"postgresql://postgres:hunter2@/nowhere?host={postgres_server.folder}"
    with pytest.raises(StoreError) as caught:
        EvaluationStore(address)
    assert "hunter2" not in str(caught.value)
    assert "no such database" in str(caught.value)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="lists no open files")
def test_a_store_that_is_forgotten_leaves_no_file_open(tmp_path):
    def opened():
        paths = [path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
        return [path.name for path in paths if path.parent == tmp_path]

    store = EvaluationStore(tmp_path / "store.db")
    store.add([record("c", "42")])
    assert "store.db" in opened()
    del store
    gc.collect()
    assert not opened()


@pytest.fixture
def old(tmp_path):
    """The recorded dump of a store as version 1 made it; it must never be made anew."""
    path = tmp_path / "old.db"
    raw = sqlite3.connect(path)
    raw.executescript((Path(__file__).parent / "assets" / "store-v1.sql").read_text())
    raw.close()
    return path


@pytest.mark.parametrize("readonly", [False, True])
def test_a_store_of_version_1_is_still_read(old, readonly):
    with EvaluationStore(old, readonly=readonly) as store:
        [(question, [call], samples, [label])] = store.records()
        assert store.read().questions[0].provenance is None
        assert store.find("call-1") == "q-1"
        with pytest.raises(UsageError):
            store.find("nothing")
        if not readonly:
            store.add([record("new", "42", question="new")])
    assert question == QuestionRow("q-1", "ab" * 32, "What is 2 + 3?", "sums", 1.5)
    assert (call.rule, call.answer, call.winner_member) == ("ahead-by|max-samples:n=64", "5", "gpt")
    assert samples[0] == SampleRow(
        "call-1", 0, "gpt", "5", "It is 5.", 4, 9, 0.25, 0.5, 0.75, 0.6, None, True
    )
    assert (samples[1].error, samples[1].counted) == ("TimeoutError", False)
    assert (label.answer, label.correct, label.source) == ("5", True, "Ada")


def test_calls_of_runs_are_told_by_their_columns_after_the_migration(old):
    raw = sqlite3.connect(old)
    for run in ("run", "run/a"):
        key = f"run:{hashlib.sha256(run.encode()).hexdigest()[:32]}"
        raw.execute("INSERT INTO bestofinf_meta VALUES (?, '{}')", (key,))
    calls = [
        # Failed and begun again; a name that looks so; two runs whose joined names look alike.
        *[
            ("run/a", "q-1", "error: no access"),
            ("run/a#2", "q-1", "ahead-by"),
            ("run/b", "q-1", "x"),
        ],
        *[("run/b#2", "q-1", "x"), ("run/a/1", "q-2", "x"), ("run/a/1#2", "q-2", "x")],
        *[("other/a", "q-1", "x"), ("run/#3", "q-1", "x"), ("run/%_é", "q-1", "x")],
    ]
    raw.execute("INSERT INTO bestofinf_questions VALUES (2, 'q-2', NULL, NULL, 'run/a', 1.0)")
    for call, question, reason in calls:
        raw.execute(
            "INSERT INTO bestofinf_calls (id, question_id, kind, fixed, rule, reason, started_at) "
            "VALUES (?, ?, 'ensemble', 0, '', ?, 1.0)",
            (call, question, reason),
        )
    raw.commit()
    raw.close()
    with EvaluationStore(old) as store:
        found = store.calls([call for call, _, _ in calls])
        assert {id_: (c.run, c.run_question, c.attempt) for id_, (c, _) in found.items()} == {
            "run/a": ("run", "a", 1),
            "run/a#2": ("run", "a", 2),
            "run/b": ("run", "b", 1),
            "run/b#2": ("run", "b#2", 1),
            "run/a/1": ("run/a", "1", 1),
            "run/a/1#2": ("run/a", "1#2", 1),
            "other/a": (None, None, None),
            "run/#3": ("run", "#3", 1),
            "run/%_é": ("run", "%_é", 1),
        }


# -- what version 2 keeps ---------------------------------------------------------------------


def test_labels_tell_how_their_question_was_chosen(store):
    store.add([record("c1", "42", answer="42"), record("c2", "7", question="q2", answer="7")])
    store.label("q1", "42", provenance="asked", score=0.25)
    store.verdict("c2", True)
    first, second = store.read()
    assert (first.provenance, first.label_score) == ("asked", 0.25)
    assert (second.provenance, second.label_score) == ("feedback", None)
    store.label("q1", "43")
    assert store.read().questions[0].provenance is None
    for wrong in ({"provenance": "guess"}, {"score": 0}, {"score": 1.5}, {"score": "1"}):
        with pytest.raises(UsageError):
            Label("q1", "42", **wrong)


def test_a_question_of_a_run_is_found_by_its_own_id(store):
    def of_run(call, question, run, name, attempt=1):
        return record(call, "5", question=question, run=run, run_question=name, attempt=attempt)

    store.add(
        [
            of_run("c1", "q1", "jobs", "row/7"),
            of_run("c2", "q2", "jobs", "row"),
            of_run("c3", "q3", "more", "row"),
            of_run("c4", "q2", "jobs", "row", 2),
        ]
    )
    assert [store.find(key) for key in ("row/7", "jobs/row/7", "jobs/row")] == ["q1", "q1", "q2"]
    with pytest.raises(UsageError, match="several runs"):
        store.find("row")
    store.verdict("jobs/row", False, answer="5")
    assert [row.call_id for row in store.labels("q2")] == ["c4"]


def test_what_the_user_said_last_and_log_probabilities_are_kept(store):
    sample = SampleRow(
        "c1", 0, "gpt", "42", logprob=-2.5, logprob_tokens=3, logprob_kind="processed"
    )
    asked = QuestionRow("q", last_message="How many?")
    store.add([CallRecord(asked, CallRow("c1", "q"), (sample,))])
    store.add([CallRecord(QuestionRow("q", last_message="Other?"), None)])
    [(question, _, [found], _)] = store.records()
    assert question.last_message == store.read().questions[0].last_message == "How many?"
    assert found == sample
