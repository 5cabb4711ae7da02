"""Many questions at once over a server that fails: no vote lost, no false vote, nothing left."""

import asyncio
import gc
import math
from collections import Counter
from contextlib import AsyncExitStack

import pytest

from bestofinf.errors import SamplingError
from langchain_bestofinf import AdaptiveEnsembleChat
from llamaindex_bestofinf import AdaptiveEnsembleLLM
from support.clients import chat_openai, nothing_left_async, openai_like
from support.faults import Fault, Faults
from support.recorded import MadeBackend

FOR_GOOD = frozenset({Fault.QUOTA, Fault.UNAUTHORIZED})  # end a member; see test_members_down
RARE = frozenset({Fault.HANG, Fault.HUGE})  # slow for the test, not for the ensemble
KINDS = tuple(kind for kind in Fault if kind not in FOR_GOOD | RARE)
SETTINGS = {
    "answer": "boxed",
    "longest_wait": 0.05,
    "timeout": 60.0,
    "cooldown": 0.0,
    "seed": 0,
    "waiting": 0,
}


def faults(*, rare=1):
    """Return the faults: 30 % of the requests, every kind, two kinds a few times only."""
    at = {20 + 37 * i: kind for i in range(rare) for kind in [sorted(RARE, reverse=True)[i % 2]]}
    return Faults(0.3, KINDS, seed=3, retry_after=0.01, drip_seconds=0.05, at=at)


async def asked(ask, prompts, at_once=100):
    """Return what each prompt brought, a trace or an error, with so many under way at a time."""
    slots = asyncio.Semaphore(at_once)

    async def one(prompt):
        async with slots:
            try:
                return await ask(prompt)
            except SamplingError as error:
                return error

    return await asyncio.gather(*map(one, prompts))


def check_votes(results, server):
    """Every vote is a valid reply that the server served, and every such reply was used."""
    served = server.tally()
    hung = server.counts.faults.get(Fault.HANG, 0)
    timed_out = unused = cancelled = 0
    for question, told in zip(server.backend.questions, results, strict=True):
        if isinstance(told, SamplingError):
            assert told.causes, "an error without causes"
            continue
        seen = Counter(s["answer"] for s in told["samples"] if s["tokens"] or s["answer"])
        valid = served.get(question.id, Counter())
        counted = Counter(s["answer"] for s in told["samples"] if s["counted"] and s["answer"])
        assert counted == Counter(told["votes"]), "the trace contradicts the votes"
        answers = Counter({a: n for a, n in valid.items() if a is not None})
        del seen[None]
        assert seen <= answers, "a vote that was never served"
        unused += (answers - seen).total()
        timed_out += sum("TimeoutError" in (s["error"] or "") for s in told["samples"])
        if "left out" in told["reason"]:  # then the others' votes may suffice at once
            cancelled += told["n_cancelled"]
        if told["votes"]:
            assert told["votes"][told["answer"]] > 0
        used = sum(u["output_tokens"] for u in told["usage_by_member"].values())
        assert used == sum(s["tokens"] or 0 for s in told["samples"])
        assert told["n_samples"] + told["n_failed"] + told["n_cancelled"] == len(told["samples"])
    # On a machine that stands still for a while, a valid reply may come after its time-out.
    assert unused <= max(0, timed_out - hung) + cancelled, "a valid reply was lost"


def right(results, prompts, backend):
    return sum(
        not isinstance(told, SamplingError) and told["answer"] == backend.gold(prompt)
        for prompt, told in zip(prompts, results, strict=True)
    )


async def chat_model(stack, server, **settings):
    """Return what asks one long-lived ensemble of LangChain for the trace of a vote."""
    members = [
        await stack.enter_async_context(chat_openai(server, m)) for m in server.backend.models
    ]
    model = AdaptiveEnsembleChat(members, **{**SETTINGS, **settings})

    async def ask(prompt):
        return (await model.ainvoke(prompt)).response_metadata["bestofinf"]

    return ask


async def llm(stack, server, **settings):
    """Return what asks one long-lived ensemble of LlamaIndex for the trace of a vote."""
    members = [
        await stack.enter_async_context(openai_like(server, m)) for m in server.backend.models
    ]
    model = AdaptiveEnsembleLLM(members, **{**SETTINGS, **settings})

    async def ask(prompt):
        return (await model.acomplete(prompt)).additional_kwargs["bestofinf"]

    return ask


async def compare(serve, make, questions):
    """Run with and without faults; return the number of right answers of each."""
    scores = []
    for injected in (None, faults()):
        server = serve(MadeBackend(questions), faults=injected, record=False)
        prompts = list(server.backend.prompts)
        async with nothing_left_async(), AsyncExitStack() as stack:
            results = await asked(await make(stack, server), prompts)
        await server.idle()
        check_votes(results, server)
        counts = server.counts
        assert counts.broken == counts.refused == 0
        errors = sum(isinstance(told, SamplingError) for told in results)
        scores.append(right(results, prompts, server.backend))
        if injected is None:
            assert counts.faulted == errors == 0
        else:
            assert counts.faulted > 0.1 * counts.started
            assert set(counts.faults) >= {str(kind) for kind in KINDS if questions >= 60}
            assert errors <= 0.02 * questions
    clean, faulty = scores
    share = clean / questions
    # The two runs draw other samples; four standard errors of the difference.
    noise = 4 * math.sqrt(2 * share * (1 - share) / questions)
    assert abs(clean - faulty) / questions <= noise + 0.02
    return clean, faulty


async def test_langchain_loses_no_vote_under_faults(serve):
    await compare(serve, chat_model, 60)


async def test_llamaindex_loses_no_vote_under_faults(serve):
    await compare(serve, llm, 40)


def resident():
    """Return the memory of this process in bytes."""
    gc.collect()
    with open("/proc/self/status") as lines:
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


@pytest.mark.soak
@pytest.mark.parametrize("make", [chat_model, llm])
async def test_one_ensemble_loses_no_vote_and_no_memory_in_5000_questions(serve, make):
    backend = MadeBackend(1000)
    server = serve(backend, faults=faults(rare=8), record=False)
    after = []
    async with nothing_left_async(), AsyncExitStack() as stack:
        ask = await make(stack, server, timeout=20.0)
        for _ in range(5):
            results = await asked(ask, list(backend.prompts))
            await server.idle()
            check_votes(results, server)
            del results
            server.reset()
            after.append(resident())
    assert after[-1] <= 1.05 * after[0], [round(bytes_ / 2**20) for bytes_ in after]
