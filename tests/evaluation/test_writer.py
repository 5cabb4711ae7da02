import logging
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace

import pytest

from bestofinf.errors import StoreError, UsageError
from bestofinf.evaluation import EvaluationStore, import_files
from bestofinf.evaluation.recording import rescue as rescue_module
from bestofinf.evaluation.recording import writer as writer_module
from bestofinf.evaluation.recording.writer import Writer
from support.hostile import NUMBERS
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
    deadline = time.monotonic() + 30
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
        deadline = time.monotonic() + 30
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


# -- whatever is raised ------------------------------------------------------------------------

RAISED = [
    *(
        OverflowError,
        RecursionError,
        MemoryError,
        RuntimeError,
        ValueError,
        SystemExit,
        GeneratorExit,
    ),
    *(KeyError, StopIteration, TypeError, UsageError),
]


class Broken(SlowStore):
    """A store that raises an error of one kind for some records, alone or in company."""

    def __init__(self, error, *, bad):
        super().__init__()
        self.error, self.bad = error, bad

    def add(self, records):
        if any(r.call.id in self.bad for r in records):
            raise self.error("odd")
        super().add(records)


def balanced(stats):
    return stats.entered == stats.written + stats.rejected + stats.lost + stats.pending


@pytest.mark.parametrize("error", RAISED)
@pytest.mark.parametrize("rescue", [True, False])
def test_whatever_a_store_raises_the_thread_lives_and_every_call_is_accounted_for(
    error, rescue, tmp_path
):
    store = Broken(error, bad={"c1", "c4", "c5"})
    writer = Writer(store, rescue=tmp_path / "rescued" if rescue else None)
    for n in range(8):
        writer.put(record(f"c{n}", "x"))
        assert balanced(writer.stats)
    with pytest.raises(StoreError, match="could not be stored"):
        writer.flush()
    thread = writer._thread
    assert thread is not None
    assert thread.is_alive()
    stats = writer.stats
    assert balanced(stats)
    assert stats.pending == stats.lost == 0
    assert stats.entered == 8
    if isinstance(error("odd"), Exception):
        assert stats.rejected == 3
    writer.put(record("c8", "x"))
    writer.flush()
    assert writer._thread is thread
    assert "c8" in store.written
    writer.close()
    assert balanced(writer.stats)
    if rescue:
        assert writer.stats.rescued == writer.stats.rejected
        with EvaluationStore(tmp_path / "again.db") as again:
            import_files(again, [tmp_path / "rescued"])
            assert again.status().calls == writer.stats.rescued


@pytest.mark.parametrize("error", RAISED)
def test_whatever_rescuing_raises_the_thread_lives_and_every_call_is_accounted_for(
    error, tmp_path, monkeypatch
):
    def broken(records, path):
        raise error("no")

    monkeypatch.setattr(rescue_module, "save_records", broken)
    store = Broken(OverflowError, bad={"c1", "c2"})
    writer = Writer(store, rescue=tmp_path / "rescued")
    for n in range(4):
        writer.put(record(f"c{n}", "x"))
    with pytest.raises(StoreError, match="could not be stored"):
        writer.flush()
    thread, stats = writer._thread, writer.stats
    assert thread.is_alive()
    assert balanced(stats)
    assert (stats.written, stats.rejected, stats.rescued, stats.pending) == (2, 2, 0, 0)
    writer.put(record("c4", "x"))
    writer.close()
    assert writer._thread is thread
    assert "c4" in store.written


@pytest.mark.parametrize("error", [*RAISED, KeyboardInterrupt])
def test_what_is_raised_in_whoever_waits_for_a_flush_loses_nothing(error, monkeypatch):
    store = SlowStore()
    store.gate.clear()
    writer = Writer(store)
    writer.put(record("c0", "x"))

    def broken(timeout=None):
        raise error("now")

    with monkeypatch.context() as patch:
        patch.setattr(writer._changed, "wait", broken)
        with pytest.raises(error):
            writer.flush()
    assert balanced(writer.stats)
    assert writer.stats.pending == 1
    writer.put(record("c1", "x"))
    store.gate.set()
    writer.flush()
    writer.close()
    assert sorted(store.written) == ["c0", "c1"]
    assert balanced(writer.stats)


@pytest.mark.parametrize("error", RAISED)
def test_whatever_preparing_raises_the_thread_lives(error):
    def prepare(one):
        if one.call.id == "odd":
            raise error("no")
        return one

    store = SlowStore()
    writer = Writer(store, prepare=prepare)
    for name in ("a", "odd", "b"):
        writer.put(record(name, "x"))
    with pytest.raises(StoreError):
        writer.flush()
    writer.put(record("c", "x"))
    writer.flush()
    assert balanced(writer.stats)
    assert writer.stats.rejected + writer.stats.written == 4
    assert store.written[-1] == "c"
    writer.close()


@pytest.mark.parametrize("value", [*NUMBERS, [1], {"a": 1}, object()])
@pytest.mark.parametrize("field", ["tokens", "cost", "answer", "text", "draw"])
def test_a_value_that_no_database_holds_is_refused_once_and_rescued(value, field, tmp_path):
    odd = record("odd", "x")
    odd = replace(odd, samples=(replace(odd.samples[0], **{field: value}),))
    with EvaluationStore(tmp_path / "answers.db") as store:
        writer = Writer(store, rescue=tmp_path / "rescued")
        writer.put(record("before", "x"))
        writer.put(odd)
        writer.put(record("after", "x"))
        with suppress(StoreError):
            writer.flush()
        stats = writer.stats
        assert balanced(stats)
        assert stats.retries == stats.pending == stats.lost == 0
        assert stats.rejected == stats.rescued or field == "draw"
        writer.close()
        if stats.rescued:
            import_files(store, [tmp_path / "rescued"])
        assert store.status().calls == 3 - (stats.rejected - stats.rescued)
        for question in store.read():  # what is bad reads as unknown
            for samples in question.samples.values():
                assert all(t is None or 0 <= t < 2**53 for t in samples.tokens)


def test_a_store_file_that_vanished_is_noticed_by_the_next_flush(tmp_path):
    path = tmp_path / "answers.db"
    with EvaluationStore(path) as store:
        writer = Writer(store)
        writer.put(record("a", "x"))
        writer.flush()
        for file in tmp_path.iterdir():
            file.unlink()
        writer.put(record("b", "x"))
        with pytest.raises(StoreError, match="was removed or replaced") as caught:
            writer.flush()
        assert caught.value.gone
        writer.flush()  # told once
        writer.close()
    with EvaluationStore(path, create=False) as again:
        assert list(again.calls(["a", "b"])) == ["b"]
