"""``bestofinf run`` as users run it: as a process, against a server, and killed."""

import json
import random
import signal
import time

import pytest

from support import postgres
from support.jobs import Runs
from support.process import ServerProcess

SLOTS = 8


@pytest.fixture
def runs(tmp_path):
    with ServerProcess("--questions", "40", "--latency", "0.02") as server:
        yield Runs(tmp_path, server, 40)


def killed_and_resumed(runs, kills, *, total, options):
    """Kill a job at random so often, then let it end, and check the books of all concerned."""
    rng = random.Random(kills)
    options = ["--budget", str(total), "--concurrency", str(SLOTS), *options]
    killed = 0
    for _ in range(kills):
        killed += runs.kill_after(rng.randint(1, total // kills), *options)
    report = runs.finish(*options)
    rows, recorded = runs.answers(), runs.recorded()
    assert [row["id"] for row in rows] == [f"q{i}" for i in range(runs.n_questions)]
    assert all(row["answer"] is not None for row in rows if row["n_samples"] > row["n_abstained"])
    assert report["samples"] == total == sum(map(len, recorded.values()))
    # What was asked, and not recorded, was in flight at a kill.
    in_flight = runs.server.counts()["finished"] - total
    assert 0 <= in_flight <= killed * SLOTS
    served = runs.server.tally()
    for id_, answers in recorded.items():
        assert len(answers) <= sum(served[f"made/{id_[1:]}"].values())
    return killed


def test_a_job_killed_at_random_pays_for_nothing_twice_and_loses_nothing(runs):
    assert killed_and_resumed(runs, 2, total=160, options=[]) >= 1


@pytest.mark.soak
def test_a_job_killed_twenty_times_pays_for_nothing_twice_and_loses_nothing(tmp_path):
    with ServerProcess("--questions", "150", "--latency", "0.03") as server:
        runs = Runs(tmp_path, server, 150)
        assert killed_and_resumed(runs, 20, total=1500, options=[]) >= 15


def test_an_interrupt_writes_the_best_answers_so_far(runs):
    options = ["--budget", "2000", "--concurrency", "4", "--max-samples", "500"]
    with runs.start(*options) as process:
        while runs.server.counts()["finished"] < 40:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert "stopping: waiting for what is in flight" in error
    report = json.loads(out)
    assert report["stopped"]
    assert report["samples"] == sum(map(len, runs.recorded().values()))
    assert sum(row["n_samples"] for row in runs.answers()) == report["samples"] < 2000


def together(runs, *options):
    """Run a job in one process, and the same in another while the first stands still at work."""
    with runs.start(*options) as one:
        while not runs.server.counts()["started"]:
            assert one.poll() is None
            time.sleep(0.01)
        one.send_signal(signal.SIGSTOP)
        try:
            with runs.start(*options) as two:
                late = two.communicate(timeout=120)
        finally:
            one.send_signal(signal.SIGCONT)
        first = one.communicate(timeout=120)
    return (one.returncode, *first), (two.returncode, *late)


def paid_once(runs, *options):
    (worked, out, _), (refused, _, error) = together(runs, *options)
    assert (worked, refused) == (0, 2), error
    report = json.loads(out)
    assert report["samples"] == runs.server.counts()["finished"] == 160
    assert "being worked on by process" in " ".join(error.split())
    assert [row["id"] for row in runs.answers()] == [f"q{i}" for i in range(40)]
    assert not runs.out("answers").with_name("answers.jsonl.partial").exists()


def test_of_two_processes_one_works_and_one_is_refused(runs):
    paid_once(runs, "--budget", "160", "--concurrency", str(SLOTS))
    assert sum(map(len, runs.recorded().values())) == 160


@pytest.mark.soak
def test_so_it_is_with_a_store_that_machines_share(runs):
    reason = postgres.reason_not_to_run()
    if reason is not None:
        pytest.skip(reason)
    server = postgres.Server()
    try:
        store = ["--store", server.fresh_database()]
        paid_once(runs, "--budget", "160", "--concurrency", str(SLOTS), *store)
    finally:
        server.remove()


@pytest.mark.soak
def test_an_impatient_process_takes_over_and_the_earlier_one_ends(tmp_path):
    options = ["--budget", "700", "--max-samples", "500", "--concurrency"]
    with ServerProcess("--questions", "40", "--latency", "0.1") as server:
        runs = Runs(tmp_path, server, 40)
        with runs.start(*options, "1") as slow:
            while server.counts()["finished"] < 5:
                assert slow.poll() is None
                time.sleep(0.01)
            report = runs.finish(*options, "32", "--take-over")
            _, error = slow.communicate(timeout=60)
        assert slow.returncode == 2
        assert "was taken over" in " ".join(error.split())
        assert report["samples"] == 700 == sum(map(len, runs.recorded().values()))
        assert 0 <= server.counts()["finished"] - 700 <= 1  # in flight at the one that ended
