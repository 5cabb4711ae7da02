"""The process that writes is killed at random moments."""

import random
import signal
import subprocess
import sys
import time

import pytest

from bestofinf.evaluation import EvaluationStore

# Says a number once every call up to it is flushed.
PROGRAM = """
import sys
from support.stored import record
from bestofinf.evaluation import EvaluationStore
from bestofinf.evaluation.recording.writer import Writer

url, first = sys.argv[1], int(sys.argv[2])
writer = Writer(EvaluationStore(url))
print("ready", flush=True)
for call in range(first, first + 1_000_000):
    writer.put(record(f"c{call}", "a", "b", "c", question=f"q{call % 5}"))
    if call % 7 == 0:
        writer.flush()
        print(call, flush=True)
"""


def killed_once(url, first, seconds, *, heard=False):
    """Write calls from `first` on until killed; return the last that was acknowledged.

    With `heard` it is killed after one was, however slow the machine is.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, url, str(first)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    said = process.stdout.readline() if heard else ""
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    said += process.communicate()[0]
    assert process.returncode == -signal.SIGKILL
    numbers = [int(line) for line in said.splitlines() if line.isdigit()]
    return numbers[-1] if numbers else first - 1


def kill_again_and_again(url, times, longest, seed=5):
    chance = random.Random(seed)
    ranges = []
    first = 0
    for number in range(times):
        heard = number == times - 1
        last = killed_once(url, first, chance.uniform(0, longest), heard=heard)
        ranges.append((first, last))
        with EvaluationStore(url) as store:
            store.check()
            held = set()
            for _, calls, samples, _ in store.records():
                whole = {call.id: 0 for call in calls}
                for sample in samples:
                    whole[sample.call_id] += 1
                assert set(whole.values()) <= {3}, "a call is stored whole or not at all"
                held |= whole.keys()
        for begin, end in ranges:
            assert {f"c{n}" for n in range(begin, end + 1)} <= held
        first = 1 + max((int(call[1:]) for call in held), default=-1)
    assert last >= begin, "nothing was ever acknowledged"


def test_what_was_acknowledged_survives_kill_9(url):
    kill_again_and_again(url, times=3, longest=0.2)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_what_was_acknowledged_survives_200_times_kill_9(url, seed):
    kill_again_and_again(url, times=20, longest=0.5, seed=seed)
