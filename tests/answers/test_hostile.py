"""Replies made to hurt cost little and do nothing."""

import asyncio
import random
import resource
import sys
import time
from pathlib import Path

import pytest

from bestofinf.answers import (
    ANSWER_NAMES,
    AutoAnswer,
    FreeText,
    ReActAnswer,
    RedFlags,
    resolve_answer,
)
from bestofinf.answers.maths.client import shared_client
from bestofinf.records import Reply
from support.hostile import CALLS, HOSTILE, random_reply
from support.pace import keeps_pace

QUICK = 0.1
EXTRACT_SECONDS = 10 * QUICK  # for a busy machine
SYMBOLIC_SECONDS = 2.5  # two seconds of the worker, and what is spent here
KINDS = {
    **{name: resolve_answer(name) for name in ANSWER_NAMES},
    "react": ReActAnswer(),
    "red flags": RedFlags(AutoAnswer(), max_chars=10_000),
    "free text": FreeText(),
}


def extracted(kind, reply):
    """Return a vote and the CPU time it took, the least of three tries against noise."""
    seconds = []
    for _ in range(3):
        begun = time.process_time()
        value, note = kind.vote(reply)
        seconds.append(time.process_time() - begun)
        if seconds[-1] < QUICK:
            break
    return value, note, min(seconds)


@pytest.mark.parametrize("name", KINDS)
def test_hostile_replies_are_read_within_a_moment_and_abstain_or_vote_as_strings(name):
    kind = KINDS[name]
    for what, text in HOSTILE.items():
        value, note, seconds = extracted(kind, Reply(text=text))
        assert seconds < EXTRACT_SECONDS, what
        assert (value is None) == bool(note), what
        if value is not None:
            assert len(str(value).encode()) <= 210_000, what


@pytest.mark.parametrize("name", ["auto", "tool-calls"])
def test_hostile_tool_calls_are_read_within_a_moment(name):
    for what, reply in CALLS.items():
        assert extracted(KINDS[name], reply)[2] < EXTRACT_SECONDS, what


def test_hostile_answers_are_compared_within_two_seconds_and_equal_nothing():
    kind = resolve_answer("math")
    kind.same("1+x", "x+1")  # the worker is running
    for what, text in HOSTILE.items():
        value, _ = kind.vote(Reply(text=text))
        if value is None:
            continue
        own, child = time.process_time(), resource.getrusage(resource.RUSAGE_CHILDREN)
        assert not kind.same(value, r"\sqrt{987654321}"), what
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = time.process_time() - own + after.ru_utime - child.ru_utime
        assert spent < SYMBOLIC_SECONDS + 2.0, what  # an ended worker counts from its start


def test_nothing_in_a_reply_is_executed():
    marker = Path("/tmp/executed")
    before = marker.exists()
    for what in ("import", "import in a box", "import in an answer", "lambda"):
        for kind in KINDS.values():
            value, _ = kind.vote(Reply(text=HOSTILE[what]))
            if value is not None:
                kind.same(value, "1")
    assert marker.exists() == before


def test_memory_stays_bounded():
    kind = resolve_answer("math")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(3):
        for text in HOSTILE.values():
            kind.vote(Reply(text=text))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * (1 if sys.platform == "darwin" else 1024) < 200 * 1024**2


def check_random_replies(count, seed):
    rng = random.Random(seed)
    last = {}
    for place in range(count):
        reply = Reply(text=random_reply(rng))
        for name, kind in KINDS.items():
            value, note = kind.vote(reply)
            assert (value is None) == bool(note)
            if value is None:
                continue
            str(value).encode()
            assert kind.canonical(str(value)) == value, (name, reply.text)
            assert kind.same(value, value)
            if name in last and place % 10 == 0:
                assert kind.same(value, last[name]) == kind.same(last[name], value)
            last[name] = value


def test_random_replies_give_canonical_answers_or_reasons():
    check_random_replies(2_500, seed=0)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 11))
def test_a_hundred_thousand_random_replies_give_canonical_answers_or_reasons(seed):
    check_random_replies(10_000, seed)


GROWING = (
    *(
        "<think>",
        "</think>",
        "<",
        "<|",
        "[THINK",
        "Antwort a ",
        "答案是",
        "réponse ",
        "the answer is ",
    ),
    *(
        "因此1",
        "so, 1 ",
        "**1**",
        "$1",
        "A ",
        "B not A ",
        "1 000 ",
        "1,",
        "x²",
        "\\boxed{1},",
        "=1",
        "sqrt(",
    ),
)


@pytest.mark.parametrize("name", ["auto", "number", "choice", "math", "text"])
def test_reading_takes_time_in_proportion_to_the_length(name):
    kind = KINDS[name]

    for piece in GROWING:

        def read(size, piece=piece):
            kind.vote(Reply(text=piece * (size // len(piece))))

        assert keeps_pace(read, 8_000, step=2, notable=0.02), piece


def test_prepare_does_not_block_the_event_loop():
    kind = resolve_answer("math")

    async def run():
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                await asyncio.sleep(0.001)
                ticks += 1

        shared_client().close()  # starting the worker is the slowest thing there is
        ticker = asyncio.ensure_future(tick())
        await kind.prepare(r"\sqrt{12}", [r"2\sqrt{3}"])
        ticker.cancel()
        return ticks

    assert asyncio.run(run()) > 10
    assert kind.same(r"\sqrt{12}", r"2\sqrt{3}")
