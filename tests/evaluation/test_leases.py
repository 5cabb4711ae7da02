"""Leases: one process at a time has one, and a dead one does not keep it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace

import pytest
from sqlalchemy import insert

from bestofinf.errors import StoreError, UsageError
from bestofinf.evaluation.store.database import Database
from bestofinf.evaluation.store.leases import Holder, Lease
from bestofinf.evaluation.store.schema import meta
from bestofinf.evaluation.store.store import EvaluationStore
from support.jobs import environment

HOLDING = """
import sys, time
from bestofinf.evaluation.store.store import EvaluationStore
EvaluationStore(sys.argv[1]).lease("x", "the thing").take()
print("taken", flush=True)
time.sleep(600)
"""


@pytest.fixture
def database(url):
    EvaluationStore(url).close()
    database = Database(url, create=False, readonly=False, timeout=30)
    yield database
    database.close()


def lease(database, name="x", **options):
    return Lease(database, name, "the thing", **options)


def held_by(database, holder):
    """Write the note of another holder."""
    other = lease(database)
    with database.write() as connection:
        now = other._now(connection)
        found = replace(holder, since=now + holder.since, renewed=now + holder.renewed)
        other._write(connection, found, new=True)


ELSEWHERE = Holder("other", 1234, "99", "far.example", "far.example/boot/1", -3000.0, -2.0)


def test_one_of_many_gets_it_and_the_others_are_told_who_has_it(url):
    stores = [EvaluationStore(url) for _ in range(6)]
    leases = [store.lease("x", "the thing") for store in stores]
    start = threading.Barrier(len(leases))
    refused = []

    def take(one):
        start.wait()
        try:
            one.take()
        except UsageError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=take, args=(one,)) for one in leases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == len(leases) - 1
    assert (
        f"the thing in {stores[0].name} is being worked on by process {os.getpid()}" in refused[0]
    )
    for one in leases:
        one.give_back()
    again = stores[0].lease("x", "the thing")
    again.take()
    again.give_back()
    for store in stores:
        store.close()


def test_things_of_other_names_are_free(database):
    one, two = lease(database), lease(database, "y")
    one.take()
    two.take()
    one.give_back()
    two.give_back()


def test_given_back_it_is_free_and_may_be_given_back_again(database):
    one, two = lease(database), lease(database)
    one.take()
    one.give_back()
    two.take()
    one.give_back()
    two.renew()
    two.check()
    two.give_back()


def test_one_that_lives_elsewhere_keeps_it_and_the_message_says_what_to_do(database):
    held_by(database, ELSEWHERE)
    with pytest.raises(
        UsageError,
        match=r"process 1234 on far.example since 20\d\d-.*2 s ago.*58 s.*--run NAME.*--take-over",
    ):
        lease(database).take()


def test_without_a_sign_of_life_it_is_free_after_a_while(database):
    held_by(database, replace(ELSEWHERE, renewed=-61.0))
    one = lease(database)
    one.take()
    one.check()
    one.give_back()


def test_renewed_it_stays_taken(database):
    one = lease(database, beat=0.02, stale=3.0)
    one.take()
    before = one._confirmed
    while one._confirmed < before + 0.1:
        time.sleep(0.01)
    assert not one.doubtful
    with pytest.raises(UsageError):
        lease(database, stale=3.0).take()
    one.give_back()


def test_one_that_was_killed_on_this_machine_frees_it_at_once(url):
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, url], env=environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "taken\n"
        with EvaluationStore(url) as store:
            with pytest.raises(UsageError, match=f"process {process.pid} on"):
                store.lease("x", "the thing").take()
            process.send_signal(signal.SIGKILL)
            process.wait()
            one = store.lease("x", "the thing")
            one.take()
            one.give_back()


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="tells processes apart by /proc")
def test_a_process_is_dead_when_its_number_is_another_ones_or_nobody_has_fetched_its_end():
    mine = Holder.here(0.0)
    assert not mine.dead
    assert replace(mine, born="1").dead
    assert not replace(mine, born="1", place="elsewhere").dead
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        status = f"/proc/{process.pid}/stat"
        with open(status) as file:
            born = file.read().rpartition(")")[2].split()[19]
        child = replace(mine, pid=process.pid, born=born)
        assert not child.dead
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert child.dead
    assert child.dead


def until_lost(one):
    """Check a lease until its own thread has seen that another has it."""
    for _ in range(600):
        one.check()
        time.sleep(0.05)


def test_taken_over_the_earlier_holder_notices_and_takes_nothing_away(database):
    one, two = lease(database, beat=0.05), lease(database, beat=0.05)
    one.take()
    two.take(take_over=True)
    with pytest.raises(
        StoreError, match=f"the thing in .* was taken over by process {os.getpid()}"
    ):
        until_lost(one)
    one.give_back()
    two.renew()
    two.check()
    two.give_back()


def test_one_that_was_asleep_while_another_began_and_ended_notices(database):
    one, two = lease(database, beat=60.0, stale=0.0), lease(database, beat=60.0)
    one.take()
    assert one.doubtful
    with database.write() as connection:
        found = one._read(connection)
        one._write(connection, replace(found, renewed=found.renewed - 100))
    two.take()
    two.give_back()
    one.renew()
    with pytest.raises(StoreError, match="was taken over, and has ended"):
        one.check()
    one.give_back()


def test_a_database_that_is_away_for_a_moment_costs_nothing(database, monkeypatch):
    one = lease(database, beat=0.02)
    one.take()
    tried = threading.Event()

    def away():
        tried.set()
        raise StoreError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(database, "write", away)
        assert tried.wait(10)
    before = one._confirmed
    while one._confirmed == before:
        time.sleep(0.01)
    one.check()
    one.give_back()


@pytest.mark.parametrize(
    "error", [OverflowError, MemoryError, RuntimeError, KeyError, SystemExit, GeneratorExit]
)
def test_whatever_is_raised_while_it_is_renewed_it_is_renewed_again(
    database, monkeypatch, error, caplog
):
    one = lease(database, beat=0.02)
    one.take()
    tried = threading.Semaphore(0)

    def broken():
        tried.release()
        raise error("odd")

    with monkeypatch.context() as patch:
        patch.setattr(database, "write", broken)
        for _ in range(3):
            assert tried.acquire(timeout=30)
    assert one._thread.is_alive()
    before = one._confirmed
    while one._confirmed == before:
        time.sleep(0.01)
    one.check()
    assert "could not be renewed" in caplog.text
    one.give_back()
    after = lease(database)
    after.take()
    after.give_back()


@pytest.mark.parametrize("error", [StoreError, OverflowError, MemoryError, KeyError])
def test_what_is_raised_while_it_is_given_back_hides_no_result(database, monkeypatch, error):
    one = lease(database, stale=0.05)
    one.take()

    def broken():
        raise error("odd")

    with monkeypatch.context() as patch:
        patch.setattr(database, "write", broken)
        one.give_back()
    assert not one._thread.is_alive()
    time.sleep(0.1)
    after = lease(database, stale=0.05)
    after.take()  # it is free by itself in a while
    after.give_back()


def test_the_note_is_plain_json(database):
    one = lease(database)
    one.take()
    with database.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT value FROM bestofinf_meta WHERE key LIKE 'lease:%%'"
            if not database.is_sqlite
            else "SELECT value FROM bestofinf_meta WHERE key LIKE 'lease:%'"
        ).all()
    (found,) = [json.loads(value) for (value,) in rows]
    assert found == asdict(Holder(**found))
    assert abs(found["since"] - time.time()) < 60
    one.give_back()


def test_a_lease_renewed_by_a_clock_that_was_set_back_is_free(database):
    held_by(database, replace(ELSEWHERE, renewed=365 * 86_400.0))
    mine = lease(database)
    mine.take()
    mine.give_back()


@pytest.mark.parametrize(
    "note",
    [
        *("", "[]", "5", "null", '{"owner": 5}', "[" * 100_000, "9" * 6_000),
        *(
            json.dumps(asdict(ELSEWHERE) | wrong)
            for wrong in (
                *({"renewed": value} for value in ("x", None, 1e300, float("nan"), True, [1])),
                *({"since": value} for value in ("x", None, -1e300, float("inf"))),
                *({"pid": value} for value in ("x", None, -1, 10**30, 1.5)),
                *({"owner": None}, {"place": 5}, {"further": 1}),
            )
        ),
    ],
)
def test_a_note_that_says_nothing_holds_nothing(database, note):
    mine = lease(database)
    with database.write() as connection:
        connection.execute(insert(meta).values(key=mine._key, value=note))
    mine.take()
    mine.give_back()
