"""Ctrl-C at random moments: it costs what is in flight and no more, and ends what it falls into."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from support.interrupted import SLOTS, entries
from support.jobs import environment
from support.process import ServerProcess

pytest.importorskip("langchain_openai")

PROMISED = 2.0  # seconds until it has ended
LONG = 10 * PROMISED

# Programs hear Ctrl-C and the end of a terminal where the tests run in the background, too.
INTERRUPTED = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "signal.signal(signal.SIGHUP, signal.SIG_DFL); "
)


def interrupted(server, moments, *names, latency):
    """Interrupt every entry point at a moment; return the requests after it and the seconds."""
    program = [sys.executable, "-m", "support.interrupted", server.url, *names]
    found = {}
    with subprocess.Popen(
        program,
        env={**environment(), "OPENAI_API_KEY": "none"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            while line := process.stdout.readline():
                name = line.removeprefix("go ").strip()
                begun = server.counts()["started"]
                leaves = name.endswith(", left")
                while not leaves and server.counts()["started"] < begun + moments.randint(1, 9):
                    time.sleep(0.005)
                began = time.monotonic()
                if not leaves:
                    process.send_signal(signal.SIGINT)
                before = server.counts()["started"]
                outcome = process.stdout.readline()
                assert outcome == "interrupted\n", process.stderr.read()
                took = time.monotonic() - began
                if leaves:
                    before = server.counts()["started"]
                time.sleep(4 * latency)  # in which whoever still asks would ask
                found[name] = server.counts()["started"] - before, took
                process.stdin.write("\n")
                process.stdin.flush()
        finally:
            process.kill()
    return found


# A test for a few of them at a time: one for all takes minutes on a machine that does something else.
CALLS = (
    ("invoke", "stream", "ask"),
    ("batch", "batch of chains", "batch under a budget"),
    ("batch as completed", "batch as completed, left", "batch as completed under a budget, left"),
    ("vote_batch", "chat", "chat in the private loop", "stream_chat"),
)


def test_every_blocking_call_is_among_those_interrupted():
    assert {name for names in CALLS for name in names} == {*entries("http://127.0.0.1:9")}


@pytest.mark.parametrize("names", CALLS, ids=lambda names: names[0])
def test_an_interrupt_of_a_blocking_call_costs_what_is_in_flight_at_most(names):
    moments = random.Random(os.getpid())
    with ServerProcess("--backend", "echo", "--latency", "0.1") as server:
        found = interrupted(server, moments, *names, latency=0.1)
    assert len(found) == len(names)
    assert all(more <= SLOTS for more, _ in found.values()), found
    assert all(took < LONG for _, took in found.values()), found


@pytest.mark.parametrize(
    "names", [("batch", "batch under a budget"), ("vote_batch", "stream_chat")]
)
def test_so_it_is_where_the_server_does_not_answer(names):
    moments = random.Random(0)
    moments.randint = lambda low, high: 1  # more will never be in flight
    with ServerProcess("--backend", "echo", "--fault-rate", "1", "--fault-kinds", "hang") as server:
        found = interrupted(server, moments, *names, latency=0.1)
    assert len(found) == len(names)
    assert all(more <= SLOTS for more, _ in found.values()), found
    assert all(took < LONG for _, took in found.values()), found


def interrupted_program(server, arguments, requests, signals=(signal.SIGINT,)):
    """Interrupt a command after so many requests; return what it did, and the requests after it."""
    program = [sys.executable, "-c", f"{INTERRUPTED}from bestofinf.cli import main; main()"]
    program += arguments
    with subprocess.Popen(
        program, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while server.counts()["started"] < requests:
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.005)
        began = time.monotonic()
        for number in signals:
            process.send_signal(number)
            time.sleep(0.02)
        before = server.counts()["started"]
        _, error = process.communicate(timeout=60)
    assert time.monotonic() - began < LONG
    assert "Traceback" not in error, error
    return process.returncode, server.counts()["started"] - before


def test_an_interrupt_of_the_command_ask_costs_what_is_in_flight_at_most():
    with ServerProcess("--backend", "echo", "--latency", "0.1") as server:
        arguments = ["ask", "What?", "-m", "echo", "--base-url", server.url]
        arguments += ["--rule", "fixed:n=5000", "--concurrency", str(SLOTS), "--answer", "text"]
        code, more = interrupted_program(server, arguments, 10)
    assert code != 0
    assert more <= SLOTS


ENDS = [(signal.SIGINT,), (signal.SIGTERM,), (signal.SIGHUP, signal.SIGHUP)]  # shells tell it again


@pytest.mark.parametrize("faults", [[], ["--fault-rate", "1", "--fault-kinds", "rate_limit"]])
@pytest.mark.parametrize("signals", ENDS, ids=["interrupt", "termination", "closed terminal"])
def test_an_interrupt_of_the_command_run_waits_for_nobody_who_pauses(tmp_path, faults, signals):
    """Where members refuse, draws pause between tries for as long as it takes."""
    questions = tmp_path / "q.jsonl"
    questions.write_text("".join(f'{{"id": "q{i}", "prompt": "say {i}"}}\n' for i in range(200)))
    out = tmp_path / "a.jsonl"
    with ServerProcess("--backend", "echo", "--latency", "0.1", *faults) as server:
        arguments = ["run", str(questions), "-m", "echo", "--base-url", server.url, "--answer"]
        arguments += ["text", "--out", str(out), "--budget", "2000", "--concurrency", str(SLOTS)]
        code, more = interrupted_program(server, arguments, 5 if faults else 40, signals)
        served = server.counts()["finished"]
    assert code == 130
    assert more <= SLOTS
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert sum(row.get("n_samples") or 0 for row in rows) == served, "paid for, and lost"
