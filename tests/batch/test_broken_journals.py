"""Whatever is raised where a journal is written: the job ends, says so, and goes on later."""

import asyncio
import json

import pytest

from bestofinf.batches import Job, Journal, LocalExecutor, QuestionFile, arun_job
from bestofinf.ensemble.plan import VotePlan
from bestofinf.errors import StoreError
from bestofinf.evaluation.store.leases import Lease
from bestofinf.evaluation.store.store import EvaluationStore
from bestofinf.records import Member, Reply, Sample, Usage

PLAN = VotePlan.make([Member("m", name="m")], rule="fixed:n=3", answer="text", retries=0)
N = 6


class Breaking(EvaluationStore):
    """A store that raises an error when it is added to for the n-th time, and every time after."""

    def __init__(self, path, error, after):
        super().__init__(path)
        self._error, self._left = error, after

    def add(self, records):
        self._left -= 1
        if self._left < 0:
            raise self._error
        super().add(records)


async def work(folder, store):
    asked = []

    async def ask(prompt, draw):
        asked.append((prompt, draw.index))
        return Sample(None, reply=Reply(prompt), usage=Usage(1, 1, 0.0, 1), tokens=1)

    (folder / "q.jsonl").write_text(
        "".join(json.dumps({"id": i, "prompt": f"p{i}"}) + "\n" for i in range(N))
    )
    with store:
        journal = Journal(store, "run", PLAN)
        job = Job(QuestionFile(folder / "q.jsonl"), folder / "out.jsonl", PLAN, concurrency=4)
        with journal.claimed({}):
            await arun_job(job, journal, LocalExecutor(ask, PLAN, journal))
    return asked


@pytest.mark.parametrize("after", [0, 2])
@pytest.mark.parametrize(
    "error",
    [OverflowError("x"), RecursionError("x"), MemoryError(), RuntimeError("x"), StoreError("x")],
    ids=lambda error: type(error).__name__,
)
async def test_a_job_whose_journal_breaks_ends_and_goes_on_later(tmp_path, error, after):
    path = tmp_path / "store.db"
    with pytest.raises(StoreError):
        async with asyncio.timeout(60):
            await work(tmp_path, Breaking(path, error, after))
    with EvaluationStore(path) as store:
        known = store.status().samples
    asked = await work(tmp_path, EvaluationStore(path))
    assert len(asked) == len(set(asked)) == 3 * N - known
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == N


@pytest.mark.parametrize("error", [OverflowError("x"), MemoryError(), KeyError("x")], ids=repr)
async def test_a_run_of_which_nobody_knows_whose_it_is_pays_for_nothing(
    tmp_path, monkeypatch, error
):
    monkeypatch.setattr(Lease, "doubtful", property(lambda lease: True))

    def broken(lease):
        raise error

    monkeypatch.setattr(Lease, "renew", broken)
    asked = []

    async def ask(prompt, draw):
        asked.append(prompt)

    (tmp_path / "q.jsonl").write_text('{"id": 1, "prompt": "p"}\n')
    with EvaluationStore(tmp_path / "store.db") as store:
        journal = Journal(store, "run", PLAN)
        job = Job(QuestionFile(tmp_path / "q.jsonl"), tmp_path / "out.jsonl", PLAN)
        with pytest.raises(StoreError, match="still ours"), journal.claimed({}):
            await arun_job(job, journal, LocalExecutor(ask, PLAN, journal))
    assert not asked
