"""Stores to files and back: nothing is lost, nothing is added."""

import itertools
import os
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bestofinf.errors import StoreError, UsageError
from bestofinf.evaluation import (
    EvaluationSet,
    EvaluationStore,
    Question,
    Samples,
    export_jsonl,
    export_parquet,
    from_frames,
    import_files,
    import_parquet,
    read,
    read_file,
    to_frames,
    write_file,
)
from bestofinf.evaluation.rows import (
    CallRecord,
    CallRow,
    LabelRow,
    Provenance,
    QuestionRow,
    SampleRow,
)
from bestofinf.evaluation.sources import sources_of
from support.stored import record

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("BESTOFINF_DATA", ROOT.parent / "shared" / "data")) / "boinf"

numbers = itertools.count()  # a store of its own for every example

anything = st.text(st.characters(codec=None), min_size=1, max_size=8)
number = st.floats(0, 1e6, allow_nan=False)


@st.composite
def columns(draw, adaptive):
    n = draw(st.integers(1, 5))
    several = st.lists(st.integers(0, adaptive), min_size=n, max_size=n).map(sorted)
    tokens = draw(st.lists(st.none() | st.integers(0, 2**40), min_size=n, max_size=n))
    scores = draw(st.lists(st.none() | number, min_size=n, max_size=n))
    calls = draw(several)
    return Samples(
        tuple(draw(st.lists(st.none() | anything, min_size=n, max_size=n))),
        tuple(tokens) if any(t is not None for t in tokens) else (),
        tuple(scores) if any(s is not None for s in scores) else (),
        tuple(calls) if any(calls) else (),
    )


@st.composite
def questions(draw):
    adaptive = draw(st.integers(0, 2))
    samples = draw(st.dictionaries(anything, columns(adaptive), max_size=3))
    used = sorted({n for s in samples.values() for n in s.calls if n})
    new = {old: place for place, old in enumerate(used, 1)}
    gold = draw(st.none() | anything)
    wrong = draw(st.lists(anything, max_size=2, unique=True))
    return Question(
        id=draw(anything),
        samples={
            name: Samples(s.answers, s.tokens, s.scores, tuple(new.get(n, 0) for n in s.calls))
            for name, s in samples.items()
        },
        gold=gold,
        dataset=draw(st.just("") | anything),
        prompt=draw(st.none() | anything),
        wrong=tuple(w for w in wrong if w != gold),
        stopped={n: draw(anything) for n in new.values()},
        last_message=draw(st.none() | anything),
        provenance=None if gold is None else draw(st.sampled_from([None, *get_args(Provenance)])),
        label_score=None if gold is None else draw(st.none() | st.floats(0, 1, exclude_min=True)),
    )


sets = st.lists(questions(), min_size=1, max_size=3, unique_by=lambda q: q.id).map(
    lambda found: EvaluationSet(tuple(found))
)
several = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@several
@given(sets)
def test_a_set_written_to_a_file_is_read_back(tmp_path, evaluation_set):
    write_file(evaluation_set, tmp_path / "set.jsonl")
    assert read_file(tmp_path / "set.jsonl") == evaluation_set


@several
@given(sets)
def test_a_set_imported_into_a_store_is_read_back(tmp_path, evaluation_set):
    number = next(numbers)
    write_file(evaluation_set, tmp_path / "set.jsonl")
    with EvaluationStore(tmp_path / f"{number}.db") as store:
        for _ in range(2):
            import_files(store, [tmp_path / "set.jsonl"])
        assert store.read() == as_imported(evaluation_set)


def as_imported(evaluation_set):
    """Return a set whose labels have come with a file."""
    questions = (
        q if q.gold is None else replace(q, provenance=q.provenance or "import")
        for q in evaluation_set
    )
    return replace(evaluation_set, questions=tuple(questions))


def row(kind, **known):
    """Return a strategy for rows of a kind with arbitrary values."""
    values = {
        str: anything,
        float: number,
        int: st.integers(0, 2**40),
        bool: st.booleans(),
    }
    names = {"str": str, "float": float, "int": int, "bool": bool}
    given_fields = {}
    for name, annotation in kind.__annotations__.items():
        if name in known:
            given_fields[name] = known[name]
        else:
            base = values[names[annotation.removesuffix(" | None")]]
            given_fields[name] = st.none() | base if annotation.endswith("None") else base
    return st.builds(kind, **given_fields)


@st.composite
def stores(draw):
    """A list of records with everything that a store can hold."""
    records = []
    for q in draw(st.lists(anything, min_size=1, max_size=3, unique=True)):
        labels = [
            draw(row(LabelRow, id=st.uuids().map(str), question_id=st.just(q)))
            for _ in range(draw(st.integers(0, 2)))
        ]
        records.append(CallRecord(draw(row(QuestionRow, id=st.just(q))), None, (), tuple(labels)))
        for _ in range(draw(st.integers(0, 2))):
            call = draw(row(CallRow, id=st.uuids().map(str), question_id=st.just(q)))
            drawn = [
                draw(row(SampleRow, call_id=st.just(call.id), draw=st.just(n)))
                for n in range(draw(st.integers(0, 3)))
            ]
            records.append(CallRecord(None, call, tuple(drawn)))
    return records


def hashed(records):
    """PostgreSQL's column for hashes has 64 characters, as hashes have."""
    for one in records:
        if one.question is not None and one.question.prompt_hash is not None:
            object.__setattr__(one.question, "prompt_hash", "feed")
    return records


@several
@given(stores().map(hashed))
def test_a_store_exported_and_imported_is_the_same_store(tmp_path, records):
    number = next(numbers)
    with (
        EvaluationStore(tmp_path / f"{number}.db") as store,
        EvaluationStore(tmp_path / f"{number}-jsonl.db") as by_jsonl,
        EvaluationStore(tmp_path / f"{number}-frames.db") as by_frames,
    ):
        store.add(records)
        before = to_frames(store)
        export_jsonl(store, tmp_path / "all.jsonl")
        import_files(by_jsonl, [tmp_path / "all.jsonl"])
        assert to_frames(by_jsonl) == before
        from_frames(by_frames, before)
        assert to_frames(by_frames) == before
        assert read_file(tmp_path / "all.jsonl").questions == store.read().questions


@pytest.fixture
def filled(url):
    with EvaluationStore(url) as store:
        store.add(
            [
                record("c1", "42", None, "41", member="a", reason="fixed: 3 samples"),
                record("c2", "7", "8", question="q2", fixed=False, rule="ahead-by", seconds=1.5),
                CallRecord(None, None, (SampleRow("c2", 2, "b", error="TimeoutError"),)),
            ]
        )
        store.label("q1", "42", source="me")
        store.verdict("c2", False, answer="8")
        yield store


def test_every_export_is_imported_into_either_database(filled, tmp_path, sqlite_url):
    before = to_frames(filled)
    with EvaluationStore(tmp_path / "other.db") as other:
        export_jsonl(filled, tmp_path / "all.jsonl")
        import_files(other, [tmp_path / "all.jsonl"])
        assert to_frames(other) == before


def test_parquet_files_hold_everything(filled, tmp_path):
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    moved = export_parquet(filled, tmp_path / "frames")
    assert (moved.questions, moved.samples, moved.labels) == (2, 6, 2)
    with EvaluationStore(tmp_path / "other.db") as other:
        assert import_parquet(other, tmp_path / "frames") == moved
        assert to_frames(other) == to_frames(filled)


def test_data_frames_are_taken_with_their_own_types(filled, tmp_path):
    pandas = pytest.importorskip("pandas", reason="needs pandas")
    frames = {name: pandas.DataFrame(table) for name, table in to_frames(filled).items()}
    with EvaluationStore(tmp_path / "other.db") as other:
        from_frames(other, frames)
        assert to_frames(other) == to_frames(filled)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda frames: frames.pop("labels"), "lack the table 'labels'"),
        (lambda frames: frames["samples"].pop("member"), "'samples' lacks the column 'member'"),
        (lambda frames: frames["samples"]["member"].__setitem__(0, None), "row 0: 'member' must"),
        (lambda frames: frames["calls"]["reason"].__setitem__(1, 3), "row 1: 'reason' must be str"),
    ],
)
def test_frames_that_are_not_a_store_are_refused(filled, spoil, message):
    frames = to_frames(filled)
    spoil(frames)
    with pytest.raises(UsageError, match=message):
        from_frames(filled, frames)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[1]", "line 2: wanted an object, got list"),
        ('{"id": 1}', "line 2: wanted the keys 'id' and 'samples'"),
        ('{"id": 1, "samples": {}, "record": 3}', "line 2: 'record' is not as exported"),
        (
            '{"id": 1, "samples": {}, "record": {"question": {"id": 3}, "calls": [], '
            '"samples": [], "labels": []}}',
            "'id' must be str, got 3",
        ),
        (
            '{"id": 1, "samples": {}, "record": {"question": {"id": "3"}, "calls": [], '
            '"samples": [{"call_id": "x", "draw": 0, "member": "m"}], "labels": []}}',
            "samples of an unknown call 'x'",
        ),
        ('{"id": 1, "samples": {"m": [["a", 1, 0.5, 1]]}}', "rule is not named in 'stopped'"),
        ('{"id": 1, "samples": {}, "stopped": {"x": "y"}}', "'stopped' must map numbers of calls"),
        ('{"id": 1, "samples": {}, "wrong": "x"}', "'wrong' must be a list, got str"),
    ],
)
def test_a_malformed_line_is_named_and_nothing_is_imported(tmp_path, line, message):
    path = tmp_path / "bad.jsonl"
    path.write_text('{"id": "good", "samples": {"m": [["a"]]}}\n' + line + "\n")
    with EvaluationStore(tmp_path / "answers.db") as store:
        with pytest.raises(UsageError, match=message) as caught:
            import_files(store, [path])
        assert "bad.jsonl, line 2" in str(caught.value)
        assert store.status().questions == 0


def test_an_export_that_fails_leaves_no_half_file(filled, tmp_path):
    with pytest.raises(UsageError, match="cannot be written"):
        export_jsonl(filled, tmp_path / "no" / "all.jsonl")
    assert not list(tmp_path.glob("**/*.part"))


# -- one way to read --------------------------------------------------------------------------


def test_files_and_stores_are_read_into_one_set(filled, url, tmp_path):
    path = tmp_path / "more.jsonl"
    path.write_text('{"id": "q1", "samples": {"b": [["43"]]}}\n')
    together = read([url, path])
    assert dict(together.questions[0].samples)["b"].answers == ("43",)
    assert together.questions[0].gold == "42"
    assert read(url) == filled.read()


def test_a_store_is_known_by_its_content_and_by_its_name(tmp_path):
    with EvaluationStore(tmp_path / "answers") as store:
        store.add([record("c1", "42")])
        store._database.empty_log()
        assert read(tmp_path / "answers") == store.read()
    with pytest.raises(StoreError, match="there is no such store"):
        read(tmp_path / "typo.db")
    with pytest.raises(UsageError, match="no such file or folder"):
        read(tmp_path / "typo.jsonl")
    with pytest.raises(UsageError, match="nothing to read"):
        read([])


def test_the_recorded_answers_are_the_same_from_files_and_from_a_store(tmp_path):
    paths = sorted(DATA.glob("aime2024_*.jsonl"))
    if not paths:
        pytest.skip(f"no recorded answers in {DATA}: set BESTOFINF_DATA")
    with EvaluationStore(tmp_path / "answers.db") as store:
        moved = import_files(store, paths)
        assert (moved.questions, moved.samples) == (30, 29_400)
        stored = store.read().questions
        # In a store a right answer also says where it came from.
        assert {q.provenance for q in stored} == {"import"}
        assert tuple(replace(q, provenance=None) for q in stored) == tuple(read(paths).questions)


def test_a_prompt_of_megabytes_does_not_hide_what_kind_of_file_it_is(tmp_path):
    path = tmp_path / "a.jsonl"
    long = Question("q", {"m": Samples(("4",))}, gold="4", prompt="word " * 500_000)
    write_file(EvaluationSet((long,)), path)
    assert sources_of([path]).own == [path]
    (question,) = read([path])
    assert question.prompt == long.prompt
