"""What calls share besides the ensemble, used by many threads or tasks at once: nothing gets lost."""

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.globals import set_llm_cache
from langchain_core.runnables import RunnableLambda

from bestofinf.drivers.health import Health
from bestofinf.evaluation import EvaluationStore
from bestofinf.policy import FailurePolicy
from bestofinf.records import Draw, Failure, Member, Sample
from langchain_bestofinf import AdaptiveEnsembleChat
from langchain_bestofinf import EvaluationCollector as ChatCollector
from langchain_bestofinf.scorers import RunnableScorer
from llamaindex_bestofinf import AdaptiveEnsembleLLM
from llamaindex_bestofinf import EvaluationCollector as LLMCollector
from support.chat_members import Scripted
from support.clients import nothing_left
from support.llm_members import ScriptedLLM

N = 3
RULE = f"fixed:n={N}"
TRACE = "bestofinf"


@dataclass(frozen=True)
class Crowd:
    """Many callers at once: threads, or tasks of one event loop."""

    kind: str
    callers: int
    calls: int

    def ask(self, model, questions, config=None):
        """Ask a model each question; return the traces."""
        if self.kind == "threads":
            with ThreadPoolExecutor(self.callers) as pool:
                return list(pool.map(lambda text: told(model, text, config), questions))

        async def main():
            return await asyncio.gather(*(atold(model, text, config) for text in questions))

        return asyncio.run(main())

    def each(self, work, awork):
        """Do the same work once for every call, with its number."""
        if self.kind == "threads":
            with ThreadPoolExecutor(self.callers) as pool:
                return list(pool.map(work, range(self.calls)))

        async def main():
            return await asyncio.gather(*map(awork, range(self.calls)))

        return asyncio.run(main())


def told(model, text, config):
    if isinstance(model, AdaptiveEnsembleChat):
        return model.invoke(text, config).response_metadata[TRACE]
    return model.complete(text).additional_kwargs[TRACE]


async def atold(model, text, config):
    if isinstance(model, AdaptiveEnsembleChat):
        return (await model.ainvoke(text, config)).response_metadata[TRACE]
    return (await model.acomplete(text)).additional_kwargs[TRACE]


SMALL = [Crowd("threads", 16, 48), Crowd("tasks", 1, 60)]
LARGE = [Crowd("threads", 200, 2000), Crowd("tasks", 1, 2000)]
CROWDS = [pytest.param(crowd, id=f"{crowd.kind}-small") for crowd in SMALL] + [
    pytest.param(crowd, id=f"{crowd.kind}-large", marks=pytest.mark.soak) for crowd in LARGE
]
crowds = pytest.mark.parametrize("crowd", CROWDS)


def said(messages, tools=()):
    last = messages[-1]
    return f"The answer is {getattr(last, 'text', None) or last.content}."


class Parrot(Scripted):
    """Says what it was asked."""

    replies: Any = ("",)

    def _begin(self, messages, kwargs):
        _, seconds = super()._begin(messages, kwargs)
        return said(messages), seconds


class Dead(Scripted):
    """Fails at once."""

    replies: Any = (ConnectionError("gone"),)


def chat(*members, **settings):
    return AdaptiveEnsembleChat(list(members) or [Parrot()], **{"rule": RULE, **settings})


def llm(*members, **settings):
    members = list(members) or [ScriptedLLM(said)]
    return AdaptiveEnsembleLLM(members, **{"rule": RULE, **settings})


def check(traces):
    for number, trace in enumerate(traces):
        assert trace["votes"] == {str(number): N}


@crowds
def test_collectors_that_share_a_store_record_every_call_and_sample(crowd, tmp_path):
    """Those of both frameworks, for one ensemble each, into one database."""
    url = f"sqlite:///{tmp_path}/store.db"
    chats, llms = chat(), llm()
    half = crowd.calls // 2
    with nothing_left():
        with ChatCollector(url, keep="all") as first, LLMCollector(url, keep="all") as second:
            check(crowd.ask(chats, map(str, range(half)), {"callbacks": [first]}))
            check(crowd.ask(llms, map(str, range(half))))
        for stats in (first.stats, second.stats):
            assert stats.written == half
            assert stats.open == stats.refused == stats.rejected == stats.lost == stats.errors == 0
        with EvaluationStore(url) as store:
            records = list(store.records())
            assert sum(len(calls) for _, calls, _, _ in records) == 2 * half
            answers = Counter()
            for question, _, samples, _ in records:
                assert len({sample.answer for sample in samples}) == 1, question
                answers.update(sample.answer for sample in samples)
    assert answers == {str(number): 2 * N for number in range(half)}


@crowds
def test_a_store_takes_calls_and_labels_from_all_sides(crowd, tmp_path):
    from support.stored import record

    store = EvaluationStore(f"sqlite:///{tmp_path}/store.db", timeout=120)

    def work(number):
        question = f"q{number % 7}"
        store.add([record(f"call {number}", "1", "2", question=question)])
        store.label(question, gold=str(number % 7))
        return store.find(question)

    async def awork(number):
        return await asyncio.to_thread(work, number)

    with store:
        assert len(set(crowd.each(work, awork))) == 7
        status = store.status()
        assert (status.calls, status.samples) == (crowd.calls, 2 * crowd.calls)
        assert {q.gold for q in store.read().questions} == set(map(str, range(7)))


@crowds
def test_a_cache_gives_each_call_its_own_samples(crowd):
    """Callers of the same question may miss together; once all is kept, nobody asks again."""
    member = Parrot()
    model = chat(member)
    questions = [str(number % 10) for number in range(crowd.calls)]
    set_llm_cache(InMemoryCache())
    try:
        for trace, text in zip(crowd.ask(model, questions), questions, strict=True):
            assert trace["votes"] == {text: N}
        asked = member.calls
        assert 10 * N <= asked <= N * crowd.calls
        for trace, text in zip(crowd.ask(model, questions), questions, strict=True):
            assert trace["votes"] == {text: N}
            assert [usage["calls"] for usage in trace["usage_by_member"].values()] == [0]
        assert member.calls == asked
    finally:
        set_llm_cache(None)


@crowds
def test_a_scorer_books_to_each_call_its_own_cost(crowd):
    """The scorer is a model: what it costs is counted in its caller's context alone."""
    judge = Scripted(replies=["score: 0.5"], tokens=(11, 1))
    chain = RunnableLambda(lambda given: given["output"]) | judge
    scorer = RunnableScorer(chain, policy=FailurePolicy())  # thousands at once take their time
    for trace in crowd.ask(chat(scorer=scorer), map(str, range(crowd.calls))):
        assert [sample["score"] for sample in trace["samples"]] == [0.5] * N
        (usage,) = trace["usage_by_member"].values()
        assert usage["input_tokens"] == N * (5 + 11)
        assert usage["output_tokens"] == N * (3 + 1)
    assert judge.calls == N * crowd.calls


@crowds
@pytest.mark.parametrize("kind", ["chat", "llm"])
def test_a_dead_member_is_left_out_by_all_callers(crowd, kind):
    breaker = 4
    settings = {"breaker": breaker, "retries": 0, "cooldown": 3600.0, "concurrency": 2}
    if kind == "chat":
        dead: Any = Dead(model_name="dead")
        model: Any = chat(Parrot(model_name="well"), dead, **settings)
    else:
        dead = ScriptedLLM([ConnectionError("gone")], model="dead")
        model = llm(ScriptedLLM(said, model="well"), dead, **settings)

    def asked():
        return dead.calls if kind == "chat" else dead.counts["started"]

    for number, trace in enumerate(crowd.ask(model, map(str, range(crowd.calls)))):
        assert trace["votes"] == {str(number): N}
    # Each vote begun before it was left out may ask it until its own breaker, not once after.
    at_once = crowd.callers if crowd.kind == "threads" else crowd.calls
    assert breaker <= asked() <= breaker * (at_once + 1)
    before = asked()
    for trace in crowd.ask(model, map(str, range(crowd.calls))):
        assert "left out: dead" in trace["reason"]
        assert trace["n_failed"] == 0
    assert asked() == before


@crowds
@pytest.mark.parametrize("kind", ["chat", "llm"])
def test_a_members_limit_holds_for_all_callers_together(crowd, kind):
    seen = []
    if kind == "chat":
        chats = Parrot(seconds=(0.001,))
        check(crowd.ask(chat(Member(chats, concurrency=5)), map(str, range(crowd.calls))))
        seen.append(chats.most_in_flight)
    else:

        def say(messages, tools):
            seen.append(llms.in_flight)
            return said(messages)

        llms = ScriptedLLM(say, seconds=0.001)
        check(crowd.ask(llm(Member(llms, concurrency=5)), map(str, range(crowd.calls))))
    assert max(seen) == 5


@crowds
def test_answers_that_a_process_compares_are_compared_for_all_callers(crowd):
    """Half of the members write the same number in another way."""
    pytest.importorskip("math_verify")

    class Fraction(Scripted):
        replies: Any = ("",)

        def _begin(self, messages, kwargs):
            _, seconds = super()._begin(messages, kwargs)
            return rf"\boxed{{\frac{{{2 * int(messages[-1].text) + 1}}}{{2}}}}", seconds

    class Decimal(Scripted):
        replies: Any = ("",)

        def _begin(self, messages, kwargs):
            _, seconds = super()._begin(messages, kwargs)
            return rf"\boxed{{{messages[-1].text}.5}}", seconds

    model = chat(Fraction(model_name="a"), Decimal(model_name="b"), answer="math")
    traces = crowd.ask(model, [str(number % 20) for number in range(crowd.calls)])
    assert all(list(trace["votes"].values()) == [N] for trace in traces)


@crowds
def test_health_counts_what_all_callers_record(crowd):
    health = Health(3, breaker=crowd.calls * 10 + 1)
    failed = Failure(ConnectionError("gone"))

    def work(number):
        for index in range(20):
            health.record(Draw(index, number % 2), failed)
            health.left_out()
        health.record(Draw(0, 2), Sample("a", tokens=4))

    async def awork(number):
        await asyncio.to_thread(work, number)

    crowd.each(work, awork)
    assert health.left_out() == frozenset()
    assert health.usual()[2].samples == crowd.calls
    for number in range(2):
        health.record(Draw(0, number), failed)
    assert health.left_out() == {0, 1}
