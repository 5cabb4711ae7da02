"""The same job on a Ray cluster of this machine."""

import os
import socket
import subprocess
import sys
from importlib.util import find_spec

import pytest

from bestofinf.errors import UsageError
from support.jobs import Runs, environment
from support.process import ServerProcess

if find_spec("ray") is None:
    pytest.skip("ray is not installed", allow_module_level=True)

KILLING = """
import asyncio, os, signal, sys
from pathlib import Path
from bestofinf.cli.run import Members
from bestofinf.batches import Job, QuestionFile, arun_job
from bestofinf.batches.on_ray import RayExecutor
from bestofinf.batches.pool import Budget
from support.jobs import Noted

url, questions, out, store, pids = sys.argv[1:]
members = Members(
    ("openai:alpha",), None, "exhaustive", "auto", 64, None, url, 7, 2, None, store, "killed",
    "answers", {},
)
plan, _, journal = members()
job = Job(QuestionFile(Path(questions)), Path(out), plan, budget=Budget(160), concurrency=8)
killed = []

def show(progress):
    if progress.spent >= 40 * (len(killed) + 1) and len(killed) < 2:
        left = sorted(set(map(int, os.listdir(pids))) - set(killed))
        killed.append(left[0])
        os.kill(left[0], signal.SIGKILL)

async def main():
    crew = RayExecutor(Noted(members, Path(pids)), workers=2, concurrency=8)
    report = await arun_job(job, journal, crew, progress=show)
    assert len(killed) == 2 and report.samples == 160, (killed, report)
    assert len(os.listdir(pids)) == 4, os.listdir(pids)

asyncio.run(main())
"""


@pytest.fixture
def runs(tmp_path):
    with ServerProcess("--questions", "25", "--latency", "0.02") as server:
        yield Runs(tmp_path, server, 25)


def test_two_workers_bring_the_same_answers_as_one_machine(runs):
    options = ["--budget", "130", "--seed", "7", "--concurrency", "8", "--run", "run"]
    here = runs.finish(*options, name="here")
    there = runs.finish(*options, "--ray", "local", "--workers", "2", name="there")
    assert runs.out("here").read_text() == runs.out("there").read_text()
    assert here["samples"] == there["samples"] == 130
    assert runs.server.counts()["finished"] == 260


def test_a_cluster_that_does_not_answer_is_told_at_once(runs):
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with runs.start("--budget", "130", "--ray", address) as process:
            _, error = process.communicate(timeout=120)
    assert process.returncode == 2
    assert f"no Ray cluster at '{address}'" in error
    assert runs.server.counts()["finished"] == 0


def test_machines_cannot_share_a_file(monkeypatch):
    import ray

    from bestofinf.batches.on_ray import RayExecutor

    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    monkeypatch.setattr(ray, "nodes", lambda: [{"Alive": True}, {"Alive": True}, {"Alive": False}])
    with pytest.raises(UsageError, match=r"on 2 machines cannot share a file: .*PostgreSQL"):
        RayExecutor(None, file_store=True)


def test_a_killed_worker_loses_nothing(runs, tmp_path):
    (tmp_path / "pids").mkdir()
    out = runs.out("killed")
    done = subprocess.run(
        [
            sys.executable, "-c", KILLING, runs.server.url, str(runs.questions), str(out),
            f"{out}.db", str(tmp_path / "pids"),
        ],
        env=environment(), capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    rows, recorded = runs.answers("killed"), runs.recorded("killed")
    assert len(rows) == 25
    assert sum(map(len, recorded.values())) == 160
    assert sum(row["n_samples"] for row in rows) == 160
    # Only what a worker had in flight when it died was asked again.
    assert 0 <= runs.server.counts()["finished"] - 160 <= 2 * 8


@pytest.mark.soak
def test_workers_share_a_store_in_postgresql(runs):
    from support.postgres import Server, reason_not_to_run

    reason = reason_not_to_run()
    if reason:
        pytest.skip(reason)
    postgres = Server()
    try:
        store = ["--store", postgres.fresh_database(), "--budget", "130", "--seed", "7"]
        report = runs.finish(*store, "--ray", "local")
        again = runs.finish(*store, "--ray", "local")
        assert (report["samples"], again["restored"], again["samples"]) == (130, 130, 130)
        assert os.path.exists(runs.out("answers"))
    finally:
        postgres.remove()
