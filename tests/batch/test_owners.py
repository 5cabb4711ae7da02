"""One owner for every file and id: jobs that share a file, a store or a name, and names that look alike."""

import asyncio
import errno
import itertools
import json
import os
import subprocess
import sys
from dataclasses import asdict, replace

import pytest

from bestofinf.batches import Job, Journal, LocalExecutor, QuestionFile, arun_job
from bestofinf.batches.spool import Claim, Spool
from bestofinf.ensemble.plan import VotePlan
from bestofinf.errors import StoreError, UsageError
from bestofinf.evaluation.store.leases import Holder
from bestofinf.evaluation.store.store import EvaluationStore
from bestofinf.records import Member, Reply, Sample, Usage
from support.jobs import environment
from support.stored import calls_of_run

PLAN = VotePlan.make([Member("m", name="m")], rule="fixed:n=2", answer="text", retries=0)
MINE, OTHER = Claim("mine", "sqlite:///a.db"), Claim("other", "sqlite:///a.db")
ODD = ("a", "a#2", "a/b", "b", "/", "#", "#2", "a b", "%", "é")


async def work(folder, ask, *, out="out", store="store", run="run", ids=("q0", "q1", "q2")):
    """Do a job whose questions ask for their own ids; return the rows of its answers."""
    path = folder / f"{out}.jsonl"
    asked = folder / f"questions-{abs(hash(tuple(ids)))}.jsonl"
    if not asked.exists():  # the other job may be reading it
        rows = ({"id": i, "prompt": f"prompt {i}"} for i in ids)
        asked.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with EvaluationStore(folder / f"{store}.db") as opened:
        journal = Journal(opened, run, PLAN)
        job = Job(QuestionFile(asked), path, PLAN, cooldown=0.001)
        with journal.claimed({}):
            await arun_job(job, journal, LocalExecutor(ask, PLAN, journal))
    return [json.loads(line) for line in path.read_text().splitlines()]


def saying(word, go=None):
    """Return a model that says a word, once `go` is set."""

    async def ask(prompt, draw):
        if go is not None:
            await go.wait()
        return Sample(None, reply=Reply(word), usage=Usage(1, 1, 0.0, 1), tokens=1)

    return ask


SHARED = [c for n in range(4) for c in itertools.combinations(("out", "store", "run"), n)]


@pytest.mark.parametrize("shared", SHARED, ids="-".join)
async def test_of_two_jobs_that_share_anything_none_has_a_row_of_the_other(tmp_path, shared):
    go, begun = asyncio.Event(), set()

    async def one(name):
        own = {
            what: what if what in shared else f"{what}-{name}" for what in ("out", "store", "run")
        }

        async def ask(prompt, draw):
            begun.add(name)
            if len(begun) == 2:
                go.set()
            return await saying(name, go)(prompt, draw)

        try:
            return await work(tmp_path, ask, **own)
        finally:
            go.set()

    ended = await asyncio.gather(one("first"), one("second"), return_exceptions=True)
    refused = [error for error in ended if isinstance(error, Exception)]
    if "out" in shared or {"store", "run"} <= set(shared):
        [error] = refused
        assert isinstance(error, UsageError)
        assert f"process {os.getpid()}" in str(error)
    else:
        assert not refused
    for name, rows in zip(("first", "second"), ended, strict=True):
        if not isinstance(rows, Exception):
            assert [(row["id"], row["answer"]) for row in rows] == [
                (f"q{i}", name) for i in range(3)
            ]
    assert not list(tmp_path.glob("*.partial"))


HOLDS = """
import sys, time
from pathlib import Path
from bestofinf.batches.spool import Claim, Spool
spool = Spool(Path(sys.argv[1]), Claim("other", "sqlite:///a.db"))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_file_is_held_by_a_process_and_free_when_that_is_dead(tmp_path):
    path = tmp_path / "out.jsonl.partial"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as process:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(UsageError, match=f"out.jsonl .*'other' .*process {process.pid} on"):
            Spool(path, MINE)
        process.kill()
    Spool(path, MINE).close(remove=True)
    assert not path.exists()


@pytest.fixture
def held(tmp_path):
    """A file that another job holds, and its spool."""
    spool = Spool(tmp_path / "out.jsonl.partial", OTHER)
    spool.add(0, {"id": "q0"})
    yield tmp_path / "out.jsonl.partial", spool
    spool.close(remove=False)


def test_the_same_run_may_take_a_file_over_and_its_holder_writes_nothing_more(held):
    path, spool = held
    with pytest.raises(UsageError, match="another --out"):
        Spool(path, MINE, take_over=True)
    mine = Spool(path, OTHER, take_over=True)
    mine.add(0, {"id": "mine"})
    with pytest.raises(StoreError, match="changed by somebody else"):
        list(spool.rows())
    spool.close(remove=True)
    assert list(mine.rows()) == [{"id": "mine"}]
    mine.close(remove=True)


def test_the_lock_that_a_child_of_a_dead_process_has_left_is_void(held):
    path, _ = held
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    dead = replace(Holder.here(0.0), pid=gone.pid, born="long ago")
    said = {"run": "other", "store": "s", "process": asdict(dead)}
    path.write_text(json.dumps(said) + "\n")
    Spool(path, MINE).close(remove=True)


@pytest.mark.parametrize("change", [b"", b"{}\n", None])
def test_rows_that_are_not_what_was_written_are_told(held, change):
    path, spool = held
    if change is None:
        path.unlink()
    else:
        path.write_bytes(change)
    with pytest.raises(StoreError, match="the same command writes them"):
        list(spool.rows())


async def test_names_that_look_alike_are_told_apart_through_failures_and_resumes(tmp_path):
    broken = set()

    async def ask(prompt, draw):
        if prompt in broken:
            raise PermissionError("no access")
        return Sample(None, reply=Reply(f"says {prompt}"), usage=Usage(1, 1, 0.0, 1), tokens=1)

    # Every question fails once in some of the runs, which then go on, twice.
    for run in ODD:
        for turn in range(3):
            broken = {f"prompt {id_}" for id_ in ODD[turn :: 2 + turn]} if turn < 2 else set()
            rows = await work(tmp_path, ask, run=run, ids=ODD)
            assert [row["id"] for row in rows] == list(ODD)
            for row in rows:
                failed = f"prompt {row['id']}" in broken and row["answer"] is None
                assert failed or row["answer"] == f"says prompt {row['id']}"
    with EvaluationStore(tmp_path / "store.db") as store:
        for run in ODD:
            calls = calls_of_run(store, run)
            assert {name for name, _ in calls} == set(ODD)
            for (name, _), (call, samples) in calls.items():
                assert all(row.answer in (None, f"says prompt {name}") for row in samples)
                assert call.answer in (None, f"says prompt {name}")


async def test_an_id_of_ten_thousand_characters_is_refused_in_a_line(tmp_path):
    with pytest.raises(UsageError, match="1 to 400 characters") as caught:
        await work(tmp_path, saying("x"), ids=("q" * 10_000,))
    assert len(str(caught.value)) < 600


class FullDisk:
    """A file that has room for some more writes."""

    def __init__(self, file, room):
        self._file, self._room = file, room

    def __getattr__(self, name):
        return getattr(self._file, name)

    def write(self, data):
        self._room -= 1
        if self._room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._file.write(data)

    def close(self):
        self._file.close()
        if self._room < 0:  # what could not be written is tried once more
            raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("room", [1, 2, 3])
async def test_a_full_disk_is_named_and_nothing_is_paid_for_twice(tmp_path, monkeypatch, room):
    asked = []

    async def ask(prompt, draw):
        asked.append(prompt)
        return await saying("yes")(prompt, draw)

    claimed = Spool._claimed
    with monkeypatch.context() as patched:
        patched.setattr(Spool, "_claimed", lambda *given: FullDisk(claimed(*given), room))
        with pytest.raises(StoreError, match=r"partial cannot be written: No space left") as told:
            await work(tmp_path, ask)
    assert "the same command goes on" in str(told.value)
    before = len(asked)
    rows = await work(tmp_path, ask)
    assert [row["answer"] for row in rows] == ["yes"] * 3
    assert 0 < before <= len(asked) == 6
