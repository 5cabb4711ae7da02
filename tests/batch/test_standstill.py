"""When a job gives up: by time without progress, or at once where waiting is in vain."""

import asyncio
import math

import pytest

from bestofinf.batches.batch import avote_batch
from bestofinf.batches.breaker import CircuitBreaker
from bestofinf.batches.pool import Budget
from bestofinf.batches.standstill import Standstill
from bestofinf.drivers.health import Health
from bestofinf.ensemble.plan import VotePlan
from bestofinf.records import Draw, Failure, Member, Sample
from support.refusals import Clock, Refused
from support.virtual import VirtualLoop, run_virtually


def test_time_alone_is_no_standstill():
    clock = Clock()
    standstill = Standstill(60, clock=clock)
    clock.now = 1e6
    assert standstill.left == math.inf
    standstill.failed(asyncio.CancelledError())
    assert standstill.left == math.inf


@pytest.mark.parametrize(
    ("error", "before", "after"),
    [
        (ConnectionRefusedError(), 6.0, 60.0),
        (Refused(500), 6.0, 60.0),
        (Refused(429), 60.0, 60.0),
        (Refused(503), 60.0, 60.0),
        (Refused(400), math.inf, math.inf),
    ],
)
def test_the_patience_is_less_before_anything_has_come_but_for_busy_members(error, before, after):
    clock = Clock()
    standstill = Standstill(60, clock=clock)
    standstill.failed(error)
    assert standstill.left == pytest.approx(before)
    clock.now = 100.0
    standstill.came()
    clock.now = 130.0
    standstill.failed(error)
    assert standstill.left == pytest.approx(after - 30)
    standstill.came()
    assert standstill.left == math.inf


def test_the_error_tells_the_latest_trouble():
    async def main():
        standstill = Standstill(60, clock=asyncio.get_running_loop().time)
        standstill.came()
        standstill.failed(Refused(500))
        standstill.failed(ConnectionRefusedError("nobody there"))
        return await standstill.reached()

    error, seconds = run_virtually(main())
    assert 60 <= seconds < 66
    assert str(error).startswith("no reply for 6")
    assert "ConnectionRefusedError: nobody there" in str(error)
    assert isinstance(error.causes[0], ConnectionRefusedError)


# -- waiting for members that nobody could stand in for ---------------------------------------


def patient(loop, members=1, **settings):
    health = Health(members, clock=loop.time, **settings)
    made = [Member("m", name=str(i)) for i in range(members)]
    return CircuitBreaker(health, made, patient=True)


def test_a_patient_circuit_tries_one_draw_at_a_time_until_a_member_is_back():
    loop = VirtualLoop()
    circuit, sent = patient(loop, breaker=2, cooldown=10), []

    async def ask(draw):
        sent.append(loop.time())
        await asyncio.sleep(1.0)
        if loop.time() < 35:
            return Failure(ConnectionError("down"))
        return Sample("a")

    async def main():
        first = [await circuit.outcome(Draw(0, 0), ask, f"first {n}") for n in range(2)]
        rest = await asyncio.gather(
            *(circuit.outcome(Draw(0, 0), ask, f"question {n}") for n in range(20))
        )
        return first, rest

    first, rest = loop.run_until_complete(main())
    loop.close()
    assert all(isinstance(outcome, Failure) for outcome in first)
    # At 0 and 1, then one at a time after each cooldown; when that has come back, all the others.
    assert len(sent) == 22
    before = [moment for moment in sent if moment < 35]
    assert before == pytest.approx([0, 1, 12, 23, 34])
    assert sum(isinstance(outcome, Failure) for outcome in rest) == 2


def test_a_patient_circuit_spares_a_member_that_others_can_stand_in_for():
    loop = VirtualLoop()
    circuit = patient(loop, 2, breaker=1, cooldown=10)

    async def fail(draw):
        return Failure(ConnectionError("down"))

    async def main():
        await circuit.outcome(Draw(0, 0), fail, "q")
        return await circuit.outcome(Draw(0, 0), fail, "r")

    refused = loop.run_until_complete(main())
    assert refused.fatal
    assert loop.time() == 0
    loop.close()


def test_a_circuit_knows_what_no_waiting_mends():
    loop = VirtualLoop()
    circuit = patient(loop, 2)
    health = circuit._health
    health.record(Draw(0, 0), Failure(Refused(401), fatal=True))
    assert not circuit.is_hopeless
    health.record(Draw(0, 1), Failure(Refused(401), fatal=True))
    assert circuit.is_hopeless
    assert circuit.back_in == 30
    health.record(Draw(0, 1), Sample("a"))
    assert not circuit.is_hopeless
    assert circuit.back_in == 0
    loop.close()


# -- a batch that is stopped ------------------------------------------------------------------


PLAN = VotePlan.make([Member("m")], rule="exhaustive", answer="text")


async def stopped(sample, *, after, questions=range(20), **options):
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.call_later(after, stop.set)
    batch = avote_batch(
        questions, sample, PLAN, budget=Budget(400), concurrency=4, stop=stop, **options
    )
    return [result async for result in batch]


def test_a_batch_that_is_stopped_waits_for_what_is_in_flight():
    async def sample(question, draw):
        await asyncio.sleep(3.0)
        return Sample("a")

    found, seconds = run_virtually(stopped(sample, after=10.0))
    assert seconds == 12.0
    assert sum(result.decision.n_samples for result in found if result.decision) == 16


@pytest.mark.parametrize("patience", [0.0, 1e6])
@pytest.mark.parametrize(
    "error", [Refused(500), Refused(429), Refused(503, 25), Refused(503, 9999)]
)
def test_a_batch_that_is_stopped_does_not_wait_for_draws_that_pause(error, patience):
    async def sample(question, draw):
        await asyncio.sleep(1.0)
        if draw.index or question:
            raise error
        return Sample("a")

    _, seconds = run_virtually(stopped(sample, after=10.0, patience=patience))
    assert seconds <= 11.0


def test_a_batch_that_is_stopped_does_not_wait_for_members_that_are_down():
    async def sample(question, draw):
        await asyncio.sleep(1.0)
        return Failure(ConnectionError("down"))

    async def main():
        circuit = patient(asyncio.get_running_loop(), breaker=1, cooldown=1000)
        return await stopped(sample, after=10.0, circuit=circuit)

    _, seconds = run_virtually(main())
    assert seconds <= 11.0


def test_a_batch_that_is_stopped_does_not_wait_for_its_questions():
    async def questions():
        yield 1
        await asyncio.sleep(3600)
        yield 2

    async def sample(question, draw):
        return Sample("a")

    async def main():
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(5.0, stop.set)
        plan = PLAN.change(rule="fixed:n=2")
        return [r async for r in avote_batch(questions(), sample, plan, stop=stop)]

    found, seconds = run_virtually(main())
    assert seconds == 5.0
    assert [result.question for result in found] == [1]


def test_with_patience_a_draw_is_sent_again_as_long_as_the_only_member_is_busy():
    async def sample(question, draw):
        await asyncio.sleep(1.0)
        if asyncio.get_running_loop().time() < 200:
            raise Refused(429)
        return Sample("a")

    async def main():
        plan = PLAN.change(rule="fixed:n=1", retries=0)
        return [r async for r in avote_batch([1], sample, plan, patience=1000.0)]

    (result,), seconds = run_virtually(main())
    assert result.decision.n_failed == 0
    assert 200 <= seconds < 240
