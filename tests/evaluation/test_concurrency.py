"""Many processes and threads write one store at the same time."""

import subprocess
import sys
from collections import Counter

import pytest

from bestofinf.evaluation import EvaluationStore
from bestofinf.evaluation.recording.writer import Writer
from support.stored import record

# Half of the threads write directly, half through the background writer; all share questions.
PROGRAM = """
import sys
from concurrent.futures import ThreadPoolExecutor
from support.stored import record
from bestofinf.evaluation import EvaluationStore
from bestofinf.evaluation.recording.writer import Writer

url, process, threads, calls, size, patience = sys.argv[1], *map(int, sys.argv[2:])
store = EvaluationStore(url, timeout=patience)
writer = Writer(store, when_full="wait", capacity=200)

def made(thread):
    for call in range(calls):
        name = f"{process}-{thread}-{call}"
        answers = [f"{name}-{draw}" for draw in range(size)]
        yield record(name, *answers, question=f"q{call % 7}")

def direct(thread):
    batch = []
    for one in made(thread):
        batch.append(one)
        if len(batch) == 20:
            store.add(batch)
            batch.clear()
    store.add(batch)

def queued(thread):
    for one in made(thread):
        assert writer.put(one)

with ThreadPoolExecutor(threads) as pool:
    ways = [direct if thread % 2 else queued for thread in range(threads)]
    for written in [pool.submit(way, thread) for thread, way in enumerate(ways)]:
        written.result()
writer.close(patience)
"""
# SQLite lets a process wait for as long as others write: on a slow machine, for minutes.
PATIENCE = 900


def write_from_everywhere(url, processes, threads, samples, size=10):
    calls = samples // (processes * threads * size)
    numbers = [str(number) for number in (threads, calls, size, PATIENCE)]
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, url, str(process), *numbers],
            stderr=subprocess.PIPE,
            text=True,
        )
        for process in range(processes)
    ]
    for process in running:
        _, errors = process.communicate(timeout=2 * PATIENCE)
        assert process.returncode == 0, errors
    with EvaluationStore(url, readonly=True) as store:
        store.check()
        seen = Counter(
            answer for question in store.read() for answer in question.samples["gpt"].answers
        )
        wanted = {
            f"{p}-{t}-{c}-{d}"
            for p in range(processes)
            for t in range(threads)
            for c in range(calls)
            for d in range(size)
        }
        assert seen.keys() == wanted
        assert set(seen.values()) == {1}
        assert store.status().samples == len(wanted) == samples


def test_twenty_writers_lose_and_double_nothing(url):
    write_from_everywhere(url, processes=2, threads=10, samples=4_000)


@pytest.mark.soak
def test_twenty_processes_write_100_000_samples(url):
    write_from_everywhere(url, processes=20, threads=2, samples=100_000)


def test_threads_share_one_writer(sqlite_url):
    import threading

    with EvaluationStore(sqlite_url) as store:
        writer = Writer(store)
        threads = [
            threading.Thread(
                target=lambda name: [writer.put(record(f"{name}-{n}", "a")) for n in range(50)],
                args=(name,),
            )
            for name in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        writer.close()
        assert store.status().samples == 1_000
        assert writer.stats.written == 1_000
