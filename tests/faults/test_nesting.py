"""An ensemble that asks itself by way of a tool is stopped; ensembles within ensembles are not."""

import asyncio
import threading
import time

import pytest
from llama_index.core.llms import ChatMessage

from bestofinf.batches.batch import avote_batch
from bestofinf.batches.blocking import vote_batch
from bestofinf.drivers import avote, vote
from bestofinf.drivers.nesting import DEEPEST, NestingError
from bestofinf.ensemble.plan import VotePlan
from bestofinf.errors import UsageError
from bestofinf.records import Member, Sample
from bestofinf.rules.budgets import FixedSamples
from bestofinf.voting.engine import VotingEngine
from langchain_bestofinf import AdaptiveEnsembleChat
from llamaindex_bestofinf import AdaptiveEnsembleLLM
from support.chat_members import Scripted
from support.llm_members import ScriptedLLM

MOST = 200
"""Requests that are sent before all draws have noticed, on a slow machine, of 3^8 = 6,561."""


def engine():
    return VotingEngine(FixedSamples(3))


PLAN = VotePlan.make([Member(None)], rule="fixed:n=3", answer="text")


def in_threads(book):
    def sample(draw):
        book.append(draw)
        return vote(engine(), sample).winner

    return vote(engine(), sample)


def in_tasks(book):
    async def sample(draw):
        book.append(draw)
        await asyncio.sleep(0)
        return (await avote(engine(), sample)).winner

    return asyncio.run(avote(engine(), sample))


def in_tasks_that_wait_in_threads(book):
    async def sample(draw):
        book.append(draw)
        return (await asyncio.to_thread(vote, engine(), blocking)).winner

    def blocking(draw):
        return asyncio.run(sample(draw))

    return asyncio.run(avote(engine(), sample))


def in_a_batch(book):
    async def sample(question, draw):
        book.append(draw)
        found = [r async for r in avote_batch([question], sample, PLAN, concurrency=3)]
        return found[0].decision.winner

    async def main():
        return [result async for result in avote_batch(["q"], sample, PLAN, concurrency=3)]

    return asyncio.run(main())


def in_a_blocking_batch(book):
    def sample(question, draw):
        book.append(draw)
        return next(vote_batch([question], sample, PLAN, concurrency=3)).decision.winner

    return list(vote_batch(["q"], sample, PLAN, concurrency=3))


class AsksItself(Scripted):
    """A chat model that asks the ensemble, as an agent with the ensemble as a tool does."""

    replies: object = ("4",)
    ensemble: object = None
    book: object = None

    def _generate(self, *given, **kwargs):
        self.book.append(1)
        return self._result(self.ensemble[0].invoke("q"))

    async def _agenerate(self, *given, **kwargs):
        self.book.append(1)
        return self._result(await self.ensemble[0].ainvoke("q"))


def chat_asking_itself(book, **settings):
    ensemble = []
    member = Member(AsksItself(ensemble=ensemble, book=book), name="m", **settings)
    ensemble.append(AdaptiveEnsembleChat([member], rule="fixed:n=3"))
    return ensemble[0]


def by_invoke(book):
    return chat_asking_itself(book).invoke("q")


def by_ainvoke(book):
    return asyncio.run(chat_asking_itself(book).ainvoke("q"))


def with_a_single_slot(book):
    return chat_asking_itself(book, concurrency=1).invoke("q")


class AsksItselfLLM(ScriptedLLM):
    ensemble: object = None
    book: object = None

    def chat(self, messages, **kwargs):
        self.book.append(1)
        return self.ensemble[0].chat(messages)

    async def achat(self, messages, **kwargs):
        self.book.append(1)
        return await self.ensemble[0].achat(messages)


def llm_asking_itself(book):
    ensemble = []
    ensemble.append(
        AdaptiveEnsembleLLM([AsksItselfLLM("4", ensemble=ensemble, book=book)], rule="fixed:n=3")
    )
    return ensemble[0]


def by_chat(book):
    return llm_asking_itself(book).chat([ChatMessage("q")])


def by_achat(book):
    return asyncio.run(llm_asking_itself(book).achat([ChatMessage("q")]))


KINDS = [
    in_threads,
    in_tasks,
    in_tasks_that_wait_in_threads,
    in_a_batch,
    in_a_blocking_batch,
    by_invoke,
    by_ainvoke,
    with_a_single_slot,
    by_chat,
    by_achat,
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_ensemble_that_asks_itself_is_stopped(kind):
    before, book = set(threading.enumerate()), []
    with pytest.raises(NestingError, match="votes are nested 8 deep") as caught:
        kind(book)
    assert isinstance(caught.value, UsageError)
    assert DEEPEST <= len(book) <= MOST
    end = time.monotonic() + 20
    # The loop of blocking calls stays.
    while len(set(threading.enumerate()) - before) > 1 and time.monotonic() < end:
        time.sleep(0.01)
    left = {thread.name for thread in set(threading.enumerate()) - before}
    assert len(left) <= 1, left


@pytest.mark.parametrize("deep", [1, 2, 3, 7])
@pytest.mark.parametrize("way", ["blocking", "tasks"])
def test_ensembles_within_ensembles_vote(deep, way):
    model = AdaptiveEnsembleChat([Scripted(replies=["4"])], rule="fixed:n=2")
    for _ in range(deep):
        model = AdaptiveEnsembleChat([model], rule="fixed:n=1")
    message = model.invoke("q") if way == "blocking" else asyncio.run(model.ainvoke("q"))
    assert message.text == "4"


def test_votes_one_after_the_other_do_not_stand_within_one_another():
    async def main():
        for _ in range(3 * DEEPEST):
            await avote(engine(), once)

    async def once(draw):
        return Sample("a")

    asyncio.run(main())
    for _ in range(3 * DEEPEST):
        vote(engine(), lambda draw: Sample("a"))
