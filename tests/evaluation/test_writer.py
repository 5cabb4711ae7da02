import logging
import subprocess
import sys
import threading
import time

import pytest

from bestofinf.errors import StoreError, UsageError
from bestofinf.evaluation import EvaluationStore
from bestofinf.evaluation import writer as writer_module
from bestofinf.evaluation.writer import Writer
from support.stored import record


class SlowStore:
    """A store that takes its time, and fails when told to."""

    name = "slow store"

    def __init__(self, *, seconds=0.0):
        self.seconds = seconds
        self.gate = threading.Event()
        self.gate.set()
        self.failing = False
        self.written = []

    def add(self, records):
        self.gate.wait()
        time.sleep(self.seconds)
        if self.failing:
            raise StoreError("the server is gone")
        if any(r.call.id == "bad" for r in records):
            raise StoreError("refused", permanent=True)
        self.written += [r.call.id for r in records]


def test_flush_returns_when_all_is_written():
    store = SlowStore(seconds=0.01)
    writer = Writer(store)
    for n in range(5):
        assert writer.put(record(f"c{n}", "a"))
    writer.flush()
    assert store.written == [f"c{n}" for n in range(5)]
    assert writer.stats.pending == 0
    writer.close()


def test_a_full_queue_refuses_counts_and_says_so_once(caplog):
    store = SlowStore()
    store.gate.clear()
    writer = Writer(store, capacity=10)
    with caplog.at_level(logging.WARNING):
        taken = [writer.put(record(f"c{n}", "a")) for n in range(30)]
    assert taken == [True] * 10 + [False] * 20
    assert (writer.stats.pending, writer.stats.refused) == (10, 20)
    assert caplog.text.count("was refused") == 1
    store.gate.set()
    writer.close()
    assert len(store.written) == 10


def test_memory_is_bounded_by_bytes_too():
    store = SlowStore()
    store.gate.clear()
    writer = Writer(store, max_bytes=100_000)
    taken = sum(writer.put(record(f"c{n}", "x" * 10_000)) for n in range(100))
    assert 1 <= taken <= 5
    store.gate.set()
    writer.close()
    assert len(store.written) == taken


def test_a_record_larger_than_the_limit_enters_an_empty_queue():
    store = SlowStore()
    writer = Writer(store, max_bytes=100)
    assert writer.put(record("c", "x" * 10_000))
    writer.close()
    assert store.written == ["c"]


def test_waiting_callers_lose_nothing():
    store = SlowStore(seconds=0.001)
    writer = Writer(store, capacity=3, when_full="wait")
    assert all(writer.put(record(f"c{n}", "a")) for n in range(50))
    writer.close()
    assert len(store.written) == 50
    assert writer.stats.refused == 0


def test_a_record_that_is_refused_does_not_hold_up_the_others(caplog):
    store = SlowStore()
    store.gate.clear()
    writer = Writer(store)
    for name in ("a", "bad", "b"):
        writer.put(record(name, "x"))
    store.gate.set()
    with (
        caplog.at_level(logging.ERROR),
        pytest.raises(StoreError, match="1 calls could not be stored"),
    ):
        writer.flush()
    assert store.written == ["a", "b"]
    assert writer.stats.rejected == 1
    assert "could not be stored: refused" in caplog.text
    writer.flush()  # told once
    writer.close()


def test_a_record_that_cannot_be_prepared_is_counted():
    def prepare(one):
        if one.call.id == "odd":
            raise ValueError("no")
        return one

    store = SlowStore()
    writer = Writer(store, prepare=prepare)
    writer.put(record("odd", "x"))
    writer.put(record("even", "x"))
    with pytest.raises(StoreError, match="ValueError: no"):
        writer.flush()
    assert store.written == ["even"]
    writer.close()


def test_a_failing_store_is_tried_again_until_it_works():
    store = SlowStore()
    store.failing = True
    writer = Writer(store)
    writer.put(record("c", "x"))
    with pytest.raises(StoreError, match=r"still wait: the server is gone"):
        writer.flush(0.3)
    assert writer.stats.retries >= 1
    store.failing = False
    writer.flush(20)
    assert store.written == ["c"]
    assert writer.stats.written == 1
    writer.close()


def test_closing_while_the_store_fails_tells_what_is_lost():
    store = SlowStore()
    store.failing = True
    writer = Writer(store)
    writer.put(record("c", "x"))
    with pytest.raises(StoreError, match="not yet written"):
        writer.close(0.2)
    deadline = time.monotonic() + 10
    while writer.stats.lost == 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert writer.stats.lost == 1
    assert writer.put(record("d", "x")) is False


def test_what_a_store_that_does_not_answer_holds_is_rescued(tmp_path):
    store = SlowStore()
    store.gate.clear()
    writer = Writer(store, rescue=tmp_path / "rescued")
    writer.put(record("c0", "x"))
    while not writer._holding:
        time.sleep(0.01)
    writer.put(record("c1", "x"))
    with pytest.raises(StoreError, match="not yet written"):
        writer.close(0.2)
    saved = "".join(path.read_text() for path in (tmp_path / "rescued").iterdir())
    assert '"id": "c0"' in saved
    assert '"id": "c1"' in saved
    assert writer.stats.lost == 0
    store.gate.set()


def test_a_writer_without_work_ends_its_thread_and_starts_another(monkeypatch):
    monkeypatch.setattr(writer_module, "_IDLE", 0.01)
    store = SlowStore()
    writer = Writer(store)
    for n in range(3):
        writer.put(record(f"c{n}", "x"))
        writer.flush()
        deadline = time.monotonic() + 5
        while writer._thread is not None and time.monotonic() < deadline:
            time.sleep(0.005)
        assert writer._thread is None
    assert store.written == ["c0", "c1", "c2"]
    writer.close()


def test_a_program_that_is_ending_writes_without_a_thread(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    store = SlowStore()
    writer = Writer(store)
    writer.put(record("c0", "x"))
    writer.close()
    assert store.written == ["c0"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"capacity": 0}, "capacity must be at least 1, got 0"),
        ({"max_bytes": -1}, "max_bytes must be at least 1, got -1"),
        ({"when_full": "explode"}, "'refuse' or 'wait', got 'explode'"),
    ],
)
def test_settings_out_of_range_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        Writer(SlowStore(), **options)


# -- the end of the program -------------------------------------------------------------------

AT_EXIT = """
import sys
from bestofinf.evaluation import Recorder
recorder = Recorder(sys.argv[1])
for n in range(500):
    recorder.call(f"c{n}", prompt="?")
    recorder.sample(f"c{n}", 0, member="m", answer="5")
    if n:
        recorder.end(f"c{n}")
"""


@pytest.mark.parametrize("end", ["", "raise RuntimeError('bug')"])
def test_the_end_of_the_program_writes_what_waits_and_calls_still_open(sqlite_url, end):
    subprocess.run([sys.executable, "-c", AT_EXIT + end, sqlite_url], capture_output=True)
    with EvaluationStore(sqlite_url) as store:
        assert store.status().samples == 500


FORK = """
import os, sys
from bestofinf.evaluation import Recorder

recorder = Recorder(sys.argv[1])

def ask(name):
    recorder.call(name, prompt="?")
    recorder.sample(name, 0, member="m", answer="5")
    recorder.end(name)

for n in range(50):
    ask(f"parent-{n}")
children = []
for child in range(3):
    pid = os.fork()
    if pid == 0:
        for n in range(50):
            ask(f"child-{child}-{n}")
        recorder.close()
        os._exit(0)
    children.append(pid)
for n in range(50, 100):
    ask(f"parent-{n}")
assert all(os.waitpid(pid, 0)[1] == 0 for pid in children)
recorder.close()
assert recorder.stats.written == 100, recorder.stats
"""


def test_forked_children_write_their_own_calls_and_nobody_elses(url):
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORK, url], check=True)
    with EvaluationStore(url) as store:
        assert store.status().samples == 250
        store.check()


POOL = """
import multiprocessing, sys
from bestofinf.evaluation import Recorder

def work(url, name, method):
    recorder = Recorder(url)
    recorder.call(name, prompt="?")
    recorder.sample(name, 0, member="m", answer="5")
    recorder.end(name)

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[2])
    for name in ("a", "b"):
        process = context.Process(target=work, args=(sys.argv[1], name, sys.argv[2]))
        process.start()
        process.join()
        assert process.exitcode == 0
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_children_of_multiprocessing_write_before_they_end(sqlite_url, tmp_path, method):
    program = tmp_path / "pool.py"
    program.write_text(POOL)
    subprocess.run([sys.executable, "-W", "ignore", program, sqlite_url, method], check=True)
    with EvaluationStore(sqlite_url) as store:
        assert store.status().samples == 2
