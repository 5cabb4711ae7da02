"""Work that is cancelled at every await, once or in every turn of the loop: it ends, and is gone."""

import asyncio
import time
from collections import Counter
from contextlib import aclosing
from contextvars import copy_context

import pytest
from llama_index.core.llms import ChatMessage

from bestofinf.answers import EmbeddingAnswer, JudgeAnswer, UniversalSelfConsistency
from bestofinf.batches.batch import avote_batch
from bestofinf.batches.pool import Budget
from bestofinf.drivers import avote
from bestofinf.drivers.limits import MemberLimits
from bestofinf.ensemble.watching import awatched
from bestofinf.policy import FailurePolicy
from bestofinf.records import Member, Reply, Sample
from bestofinf.rules.budgets import FixedSamples
from bestofinf.scorers import FunctionScorer, TextJudge
from bestofinf.voting.engine import VotingEngine
from langchain_bestofinf import AdaptiveEnsemble, AdaptiveEnsembleChat, EvaluationCollector
from llamaindex_bestofinf import AdaptiveEnsembleLLM
from support.chat_members import Scripted, Tree
from support.levels import SECONDS, WAYS
from support.llm_members import ScriptedLLM
from support.slots import aheld

LONG = ["Once upon a time a king lived by the sea.", "A queen told long stories in the woods."]
TURNS = (0, 1, 2, 3, 4, 5, 6, 8, 10, 13, 17, 22, 28, 36, 46, 60)


class Busy(Exception):
    status_code = 429


class Book:
    """Counts what begins and what ends, and takes a few turns to end."""

    def __init__(self):
        self.begun = self.ended = 0
        self.tree = Tree()

    async def work(self, result="The answer is 4.", turns=3):
        self.begun += 1
        try:
            for _ in range(turns):
                await asyncio.sleep(0)
            return result
        finally:
            try:
                for _ in range(2):
                    await asyncio.sleep(0)
            finally:
                self.ended += 1


def votes(book, **settings):
    async def sample(draw):
        return await book.work(Sample("a"))

    return avote(VotingEngine(FixedSamples(5), **settings), sample, concurrency=3)


def votes_of_busy_members(book):
    """They pause between tries, and wait for slots."""
    limits = MemberLimits([Member(None, concurrency=2)])

    async def sample(draw):
        async with aheld(limits, 0):
            await book.work(turns=1)
            if draw.index % 2:
                raise Busy
            return Sample("a")

    policy = FailurePolicy(longest_wait=0.002)
    return avote(VotingEngine(FixedSamples(5)), sample, concurrency=4, policy=policy)


async def batch(book):
    async def sample(question, draw):
        return await book.work(Sample("a"))

    async def keep(arrivals):
        await book.work()

    async def questions():
        for number in range(5):
            await asyncio.sleep(0)
            yield number

    from bestofinf.ensemble.plan import VotePlan

    plan = VotePlan.make([Member(None)], rule="exhaustive", answer="text")
    found = avote_batch(questions(), sample, plan, budget=Budget(9), concurrency=3, keep=keep)
    async with aclosing(found) as results:
        async for _ in results:
            await asyncio.sleep(0)


def scored(book):
    async def score(prompt, reply):
        return await book.work(0.5)

    return FunctionScorer(score).ascore("q", Reply("a"))


def scored_in_a_thread(book):
    def score(prompt, reply):
        time.sleep(0.005)
        return 0.5

    return FunctionScorer(score).ascore("q", Reply("a"))


def judged(book):
    async def ask(question):
        return await book.work("score: 7")

    return TextJudge(ask=ask, judgements=3).ascore("q", Reply("a"))


def compared(book):
    async def ask(prompt):
        return await book.work("NO")

    return JudgeAnswer(ask).prepare("a", ("b", "c"))


def chosen(book):
    async def ask(prompt):
        return await book.work("2")

    samples = [Sample(None, Reply(text)) for text in LONG]
    return UniversalSelfConsistency(ask).select(samples)


def embedded(book):
    async def embed(texts):
        return await book.work([[1.0, 0.0] for _ in texts])

    async def ask(prompt):
        return await book.work("NO")

    return EmbeddingAnswer(embed, judge=JudgeAnswer(ask)).prepare("one", ("another",))


async def watched(book):
    async def work(watch):
        decision = await votes(book)
        watch("done")
        return decision

    async with aclosing(awatched(work, copy_context(), progress=True)) as items:
        async for _ in items:
            await asyncio.sleep(0)


class AskedChat(Scripted):
    """A chat model whose replies are work of a book."""

    book: object
    replies: object = ("The answer is 4.",)

    async def _agenerate(self, *given, **kwargs):
        await self.book.work()
        return await super()._agenerate(*given, **kwargs)


class AskedLLM(ScriptedLLM):
    book: object = None

    async def achat(self, *given, **kwargs):
        await self.book.work()
        return await super().achat(*given, **kwargs)

    async def acomplete(self, *given, **kwargs):
        await self.book.work()
        return await super().acomplete(*given, **kwargs)


RULE = {"rule": "fixed:n=3", "concurrency": 2}


def chat(book, **settings):
    return AdaptiveEnsembleChat([AskedChat(book=book)], **{**RULE, **settings})


def config(book):
    return {"callbacks": [book.tree]}


def invoked(book):
    return chat(book).ainvoke("q", config(book))


def invoked_with_several_samples_a_request(book):
    return chat(book, samples_per_request=2).ainvoke("q", config(book))


def invoked_for_a_choice(book):
    model = AdaptiveEnsembleChat(
        [AskedChat(book=book, replies=LONG)], rule="fixed:n=3", on_unvotable="choose"
    )
    return model.ainvoke("q", config(book))


def invoked_as_a_chain(book):
    return AdaptiveEnsemble([AskedChat(book=book)], **RULE).ainvoke("q", config(book))


def invoked_within_another(book):
    return AdaptiveEnsembleChat([chat(book)], **RULE).ainvoke("q", config(book))


async def streamed(book):
    async for _ in chat(book).astream("q", config(book)):
        await asyncio.sleep(0)


def batched(book):
    model = chat(book, rule="exhaustive", answer="text")
    return model.abatch(["q", "r", "s"], config(book), budget=6)


def batched_each_by_itself(book):
    return chat(book).abatch(["q", "r"], config(book))


def llm(book, **settings):
    return AdaptiveEnsembleLLM([AskedLLM("The answer is 4.", book=book)], **{**RULE, **settings})


def chatted(book):
    return llm(book).achat([ChatMessage("q")])


def completed(book):
    return llm(book).acomplete("q")


async def chatted_in_pieces(book):
    async for _ in await llm(book, stream_progress=True).astream_chat([ChatMessage("q")]):
        await asyncio.sleep(0)


KINDS = [
    votes,
    votes_of_busy_members,
    batch,
    scored,
    scored_in_a_thread,
    judged,
    compared,
    chosen,
    embedded,
    watched,
    invoked,
    invoked_with_several_samples_a_request,
    invoked_for_a_choice,
    invoked_as_a_chain,
    invoked_within_another,
    streamed,
    batched,
    batched_each_by_itself,
    chatted,
    completed,
    chatted_in_pieces,
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
async def test_whatever_is_cancelled_ends_and_leaves_nothing(kind, way):
    loop = asyncio.get_running_loop()
    complaints = []
    loop.set_exception_handler(lambda loop, context: complaints.append(context))
    outcomes = Counter()
    for turns in TURNS:
        book, began = Book(), time.monotonic()
        async with asyncio.timeout(SECONDS):
            outcomes[await WAYS[way](lambda: _started(kind, book), turns)] += 1  # noqa: B023
        assert time.monotonic() - began < SECONDS
        # A generator that is left unclosed is closed in a task of its own.
        left = asyncio.all_tasks() - {asyncio.current_task()}
        if left:
            _, left = await asyncio.wait(left, timeout=SECONDS)
        assert not left, f"after {turns} turns"
        assert book.begun == book.ended
        assert book.tree.open == 0
    assert not complaints
    assert outcomes[True] >= 2, "it was hardly ever cancelled"


async def _started(kind, book):
    return await kind(book)


async def test_waiting_for_what_ends_slowly_takes_no_time_of_the_processor(monkeypatch):
    """Cancelled by anyio in every turn of the loop, a task that waits would keep it turning."""
    waits = []
    wait = asyncio.wait

    async def counted(*given, **kwargs):
        waits.append(given)
        return await wait(*given, **kwargs)

    async def sample(draw):
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.3)

    monkeypatch.setattr(asyncio, "wait", counted)
    engine = VotingEngine(FixedSamples(3))
    assert await WAYS["an anyio scope"](lambda: avote(engine, sample), 5)
    assert len(waits) < 10


async def test_a_collector_keeps_what_came_before_a_cancellation(tmp_path):
    url = f"sqlite:///{tmp_path}/calls.db"
    with EvaluationCollector(url) as collector:
        for turns in (5, 20, 60):
            book = Book()
            given = {"callbacks": [collector, book.tree]}
            await WAYS["an anyio scope"](lambda: chat(book).ainvoke("q", given), turns)  # noqa: B023
        await chat(Book()).ainvoke("q", {"callbacks": [collector]})
        collector.flush()
        stats = collector.stats
    assert stats.open == 0
    assert stats.lost == stats.rejected == 0
    assert stats.written >= 1
