"""The seam: one flow a sample and a call, carried out in threads and in tasks alike."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import aclosing, closing
from contextvars import ContextVar, copy_context
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestofinf import Member, Reply, SamplingError, Usage, VotePlan
from bestofinf.drivers.limits import MemberLimits
from bestofinf.ensemble.acceptance import Acceptance
from bestofinf.ensemble.call import Call, Result
from bestofinf.ensemble.client import NoObjectError, Step, apart, arun, run
from bestofinf.ensemble.sampler import Sampler
from bestofinf.ensemble.state import EnsembleState
from bestofinf.ensemble.streams import Item, Source, astream, stream
from bestofinf.ensemble.unvotable import Unvotable
from bestofinf.errors import NoConsensusError
from bestofinf.records import Draw, Reading
from bestofinf.scorers import FunctionScorer

WAYS = ("threads", "tasks")
LONG = "Once upon a time there was a {}, who lived by the sea and told long stories to all."
marked: ContextVar[int | None] = ContextVar("marked", default=None)


class Scripted:
    """A client whose members say what stands in their scripts, one reply after the other.

    A text is said, an exception raised, a function of the request called, and a `Reading` given
    as it is; the last entry is repeated.
    """

    def __init__(self, **scripts: Any) -> None:
        self.scripts = {name: list(script) for name, script in scripts.items()}
        self.requests: list[tuple[str, Any, int | None]] = []
        self.in_flight = self.most = 0
        self._lock = threading.Lock()

    def request(self, question: Any, member: Member[Any], draw: Draw | None) -> Any:
        assert marked.get() is None, "the context of another request"
        marked.set(draw.index if draw else -1)
        self.requests.append((member.name, question, draw.index if draw else None))
        return question

    def _next(self, member: Member[Any], request: Any) -> Any:
        script = self.scripts[member.name]
        with self._lock:
            said = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(said, type | BaseException):
            raise said
        return said(request) if callable(said) else said

    def _enter(self, by: int) -> None:
        with self._lock:
            self.in_flight += by
            self.most = max(self.most, self.in_flight)

    def send(self, member: Member[Any], request: Any) -> Any:
        self._enter(1)
        try:
            time.sleep(0.002)
            return self._next(member, request)
        finally:
            self._enter(-1)

    async def asend(self, member: Member[Any], request: Any) -> Any:
        self._enter(1)
        try:
            await asyncio.sleep(0.002)
            return self._next(member, request)
        finally:
            self._enter(-1)

    def read(self, member: Member[Any], output: Any) -> Reading:
        return output if isinstance(output, Reading) else Reading(Reply(output), 10, 5)

    def choice(self, prompt: str) -> Any:
        return ("choose", prompt)

    def text(self, question: Any) -> str:
        return f"asked: {question}"


def call(
    client: Scripted,
    *,
    members: Any = (),
    acceptance: Any = None,
    more: Any = None,
    **settings: Any,
) -> Call:
    members = members or [Member(None, name=name) for name in client.scripts if name != "higher"]
    settings = {"concurrency": 1, "retries": 0, **settings}
    plan = VotePlan.make(members, **settings)
    state = EnsembleState(plan.members)
    return Call(client, "6 x 7?", plan, acceptance or Acceptance(), state, **(more or {}))


def result_of(made: Call, way: str) -> Result:
    return made.run() if way == "threads" else asyncio.run(made.arun())


def sample_of(flow: Any, way: str) -> Any:
    own = copy_context()
    return own.run(run, flow) if way == "threads" else own.run(asyncio.run, arun(flow))


@pytest.mark.parametrize("way", WAYS)
def test_a_call_votes(way):
    client = Scripted(m=["The answer is 42.", "The answer is 41.", "The answer is 42."])
    result = result_of(call(client, rule="ahead-by:votes=2"), way)
    assert result.reply.text == "The answer is 42."
    assert result.told["answer"] == "42"
    assert result.told["votes"] == {"42": 3, "41": 1}
    assert len(result.samples) == result.told["n_samples"] == 4
    assert result.decision is not None


@given(st.lists(st.sampled_from(["The answer is 1.", "The answer is 2.", "..."]), min_size=1))
def test_threads_and_tasks_come_to_the_same_decision(script):
    told = []
    for way in WAYS:
        client = Scripted(m=script)
        client.send = client._next
        result = result_of(call(client, rule="ahead-by:votes=2", max_samples=6), way)
        told.append({**result.told, "seconds": 0, "samples": len(result.samples)})
    assert told[0] == told[1]


@pytest.mark.parametrize("way", WAYS)
def test_the_best_score_wins_and_the_scorer_gets_the_question_as_text(way):
    prompts = []

    def score(prompt: str, reply: Reply) -> float:
        prompts.append(prompt)
        return 0.9 if "42" in reply.text else 0.2

    client = Scripted(m=["The answer is 41.", "The answer is 42.", "The answer is 41."])
    made = call(
        client,
        rule="fixed:n=3",
        selector="best-score",
        more={"scorer": FunctionScorer(score)},
    )
    result = result_of(made, way)
    assert result.told["answer"] == "42"
    assert [line["score"] for line in result.told["samples"]] == [0.2, 0.9, 0.2]
    assert set(prompts) == {"asked: 6 x 7?"}


@pytest.mark.parametrize("way", WAYS)
def test_a_decision_that_is_not_accepted_is_escalated(way):
    client = Scripted(m=["The answer is 41.", "The answer is 42."], higher=["The answer is 7."])
    acceptance = Acceptance(0.99, Member(None, name="higher", price=(1.0, 2.0)))
    result = result_of(call(client, rule="fixed:n=4", acceptance=acceptance), way)
    assert result.reply.text == "The answer is 7."
    assert result.told["escalated"] is True
    assert result.told["usage_by_member"]["higher"]["cost"] == 20.0
    assert len(result.samples) == 5
    assert client.requests[-1] == ("higher", "6 x 7?", None)


@pytest.mark.parametrize("way", WAYS)
def test_without_a_model_to_escalate_to_the_error_is_raised(way):
    client = Scripted(m=["The answer is 41.", "The answer is 42."])
    with pytest.raises(NoConsensusError, match="confidence"):
        result_of(call(client, rule="fixed:n=4", acceptance=Acceptance(0.99)), way)


@pytest.mark.parametrize("way", WAYS)
def test_a_vote_that_fails_is_escalated_too(way):
    client = Scripted(m=[ValueError("no")], higher=["The answer is 7."])
    acceptance = Acceptance(0.0, Member(None, name="higher"))
    result = result_of(call(client, acceptance=acceptance), way)
    assert result.reply.text == "The answer is 7."
    assert result.decision is None


@pytest.mark.parametrize("way", WAYS)
def test_a_member_chooses_among_replies_that_cannot_be_voted_on(way):
    client = Scripted(m=[*(LONG.format(w) for w in ("king", "queen", "fisher")), "2"])
    acceptance = Acceptance(unvotable=Unvotable("choose"))
    result = result_of(call(client, acceptance=acceptance, abstain_limit=3), way)
    assert result.reply.text == LONG.format("queen")
    name, question, place = client.requests[-1]
    assert (name, question[0], place) == ("m", "choose", None)
    assert "asked: 6 x 7?" in question[1]
    assert len(result.samples) == 4


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("error", [StopIteration, StopIteration(3), RuntimeError("no"), KeyError])
def test_whatever_a_member_raises_is_a_failure_and_no_result(way, error):
    client = Scripted(m=[error, "The answer is 1."])
    result = result_of(call(client, rule="fixed:n=2"), way)
    assert result.told["n_failed"] == 1
    assert result.told["answer"] == "1"


@pytest.mark.parametrize("way", WAYS)
def test_limits_hold_and_slots_are_given_back_after_errors(way):
    client = Scripted(m=[ValueError("no"), "The answer is 1."])
    made = call(
        client,
        members=[Member(None, name="m", concurrency=2)],
        rule="fixed:n=12",
        concurrency=8,
        breaker=20,
    )
    result = result_of(made, way)
    assert result.told["n_samples"] == 12
    assert client.most == 2


def test_a_cancelled_draw_gives_its_slot_back():
    async def main() -> None:
        limits = MemberLimits([Member(None, name="m", concurrency=1)])
        stopped = asyncio.Event()

        class Hanging(Scripted):
            async def asend(self, member: Any, request: Any) -> Any:
                stopped.set()
                await asyncio.sleep(60)

        members = [Member(None, name="m", concurrency=1)]
        sampler = Sampler(Hanging(m=["1"]), "?", members, limits)
        task = asyncio.create_task(arun(sampler.draw(Draw(0, 0))))
        await stopped.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(10):
            sampler = Sampler(Scripted(m=["1"]), "?", members, limits)
            assert (await arun(sampler.draw(Draw(1, 0)))).reply.text == "1"

    asyncio.run(main())


class Several(Scripted):
    """Brings as many replies to a request as the script says."""

    def read(self, member: Member[Any], output: Any) -> Reading:
        return Reading(Reply(output), 10, 5)


@pytest.mark.parametrize("way", WAYS)
def test_a_request_may_bring_several_samples_or_fewer_than_asked_for(way):
    one, two = "The answer is 1.", "The answer is 2."
    client = Several(m=[[one, two], [one], [one, one, one]])
    made = call(client, rule="fixed:n=6", concurrency=6, more={"per_request": 3})
    result = result_of(made, way)
    assert result.told["votes"] == {"1": 5, "2": 1}
    assert len(client.requests) == 3
    assert result.told["usage_by_member"]["m"]["calls"] == 3


@pytest.mark.parametrize("way", WAYS)
def test_a_shared_request_that_fails_fails_its_draws_and_the_next_begins_anew(way):
    client = Several(m=[ValueError("no"), ["The answer is 1."] * 2])
    made = call(client, rule="fixed:n=2", concurrency=2, more={"per_request": 2})
    result = result_of(made, way)
    assert result.told["answer"] == "1"
    assert result.told["n_failed"] in (1, 2)  # the second may come when the first is over


@pytest.mark.parametrize(
    ("reading", "usage", "tokens"),
    [
        (Reading(Reply("1"), 10, 5), Usage(10, 5, 20.0, 1), 5),
        (Reading(Reply("1")), Usage(0, 0, 0.0, 1), None),
        (Reading(Reply("1"), 10, 5, calls=3), Usage(10, 5, 20.0, 3), 5),
        (Reading(Reply("1"), 10, 5, cost=7.0), Usage(10, 5, 7.0, 1), 5),
        (Reading(Reply("1"), 10, 5, cached=True), Usage(), 5),
    ],
)
@pytest.mark.parametrize("way", WAYS)
def test_a_reading_is_charged_as_it_says_or_at_the_members_price(way, reading, usage, tokens):
    members = [Member(None, name="m", price=(1.0, 2.0))]
    sampler = Sampler(Scripted(m=[reading]), "?", members, MemberLimits(members))
    sample = sample_of(sampler.draw(Draw(0, 0)), way)
    assert (sample.usage, sample.tokens) == (usage, tokens)


@pytest.mark.parametrize("way", WAYS)
def test_a_reply_without_an_object_says_nothing_about_its_members_health(way):
    for error, out in ((NoObjectError("no object"), False), (ValueError("no"), True)):
        client = Scripted(m=[error], n=["The answer is 1."])
        made = call(client, rule="fixed:n=6", breaker=3, max_samples=20)
        made.state = EnsembleState(made.plan.members, breaker=1)
        result_of(made, way)
        assert (0 in made.state.health.left_out()) is out


@pytest.mark.parametrize("way", WAYS)
def test_members_that_cannot_be_asked_are_left_out(way):
    client = Scripted(m=["The answer is 1."], n=["The answer is 2."])
    result_of(call(client, rule="fixed:n=4", more={"incapable": {0}}), way)
    assert {name for name, *_ in client.requests} == {"n"}


@pytest.mark.parametrize("way", WAYS)
def test_every_observer_is_told_every_outcome(way):
    seen: list[list[int]] = [[], []]
    observers = [lambda _, draw, __, places=places: places.append(draw.index) for places in seen]
    client = Scripted(m=["The answer is 1."])
    result_of(call(client, rule="fixed:n=3", more={"observers": observers}), way)
    assert seen == [[0, 1, 2], [0, 1, 2]]


def test_other_weights_share_health_and_limits():
    state = EnsembleState([Member(None, name="m")], {"m": 1})
    other = state.weighing({"m": 2})
    assert (other.health, other.limits) == (state.health, state.limits)
    assert (state.weights, other.weights) == ({"m": 1}, {"m": 2})


# -- the runners ------------------------------------------------------------------------------


def step(done: Any) -> Step:
    async def later() -> Any:
        return now()

    def now() -> Any:
        if isinstance(done, BaseException):
            raise done
        return done

    return Step(now, later)


@pytest.mark.parametrize("way", WAYS)
@given(values=st.lists(st.integers() | st.just(None), max_size=5))
def test_a_flow_is_sent_what_its_steps_bring(way, values):
    def flow() -> Any:
        found = []
        for value in values:
            done = yield step(value)
            found.append(done)
        return found

    assert sample_of(flow(), way) == values


@pytest.mark.parametrize("way", WAYS)
def test_a_flow_may_catch_what_a_step_raises(way):
    def flow() -> Any:
        try:
            yield step(ValueError("no"))
        except ValueError:
            return (yield step("mended"))

    assert sample_of(flow(), way) == "mended"


@pytest.mark.parametrize("way", WAYS)
def test_a_flow_cleans_up_after_what_it_does_not_catch(way):
    cleaned = []

    def flow() -> Any:
        try:
            yield step(SamplingError("no"))
        finally:
            cleaned.append(True)

    with pytest.raises(SamplingError, match="no"):
        sample_of(flow(), way)
    assert cleaned == [True]


@pytest.mark.parametrize("way", WAYS)
def test_a_stop_iteration_never_ends_a_flow_as_if_it_were_its_result(way):
    def flow() -> Any:
        yield step(StopIteration("a result?"))
        return "the result"

    with pytest.raises(RuntimeError, match="StopIteration"):
        sample_of(flow(), way)


@pytest.mark.parametrize("way", WAYS)
def test_a_flow_apart_leaves_the_context_alone(way):
    def inner() -> Any:
        marked.set(3)
        return (yield step("done"))

    def flow() -> Any:
        found = yield apart(inner)
        return found, marked.get()

    assert sample_of(flow(), way) == ("done", None)


def both_streams(made, most):
    """Return the first items of a stream in blocking code and in an event loop."""

    async def taken():
        found = []
        async with aclosing(astream(made())) as items:
            async for item in items:
                found.append(item)
                if len(found) == most:
                    break
        return found

    with closing(stream(made())) as items:
        at_once = [*islice(items, most)]
    return at_once, asyncio.run(taken())


async def _given(value):
    return value


def told(value):
    return Step(lambda: value, lambda: _given(value))


@pytest.mark.parametrize("most", [1, 2, 3, 5])
def test_a_stream_that_is_left_early_still_ends_its_work(most):
    ended = []

    def made():
        try:
            for number in range(3):
                yield Item((yield told(number)))
        finally:
            ended.append((yield told("ended")))

    first, second = both_streams(made, most)
    assert first == second == [0, 1, 2][:most]
    assert ended == ["ended", "ended"]


@pytest.mark.parametrize("error", [ValueError("no"), StopIteration("no"), KeyboardInterrupt()])
def test_an_error_of_a_step_is_raised_in_the_stream(error):
    def fail():
        raise error

    def made():
        try:
            yield Item(1)
            yield Step(fail, fail)
        except BaseException as raised:
            yield Item(type(raised))

    with closing(stream(made())) as items:
        found = [*items]
    wanted = RuntimeError if isinstance(error, StopIteration) else type(error)
    assert found == [1, wanted]


def test_a_source_is_begun_in_one_form_and_closed_in_it():
    closed = []

    def numbers():
        try:
            yield from (1, 2, 3)
        finally:
            closed.append("blocking")

    async def anumbers():
        try:
            for number in (1, 2, 3):
                yield number
        finally:
            closed.append("asynchronous")

    def made():
        source = Source(numbers, anumbers)
        try:
            while (number := (yield source.next())) is not None:
                yield Item(number)
        finally:
            yield source.close()

    assert both_streams(made, 2) == ([1, 2], [1, 2])
    assert closed == ["blocking", "asynchronous"]
