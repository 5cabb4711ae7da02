"""Several samples from one request."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

from bestofinf import SamplingError
from bestofinf.rules import AheadBy, FixedSamples
from langchain_bestofinf import AdaptiveEnsembleChat
from support.chat_members import Scripted, Tree, calling


class Several(Scripted):
    """Gives as many replies as it is asked for, at most `most` of them.

    Attributes:
        whole: Every reply reports the usage of the whole request, as OpenAI's client does.
    """

    most: int = 100
    whole: bool = True
    fail_first: int = 0

    def _made(self, kwargs: dict[str, Any]) -> ChatResult:
        if self.calls <= self.fail_first:
            raise ConnectionError("gone")
        n = min(kwargs.get("n", 1), self.most)
        read, written = self.tokens or (0, 0)
        generations = []
        for place in range(n):
            out = n * written if self.whole else written
            into = read if self.whole or place == 0 else 0
            usage = {"input_tokens": into, "output_tokens": out, "total_tokens": into + out}
            reply = self.replies[next(self._count) % len(self.replies)]
            message = AIMessage(reply) if isinstance(reply, str) else reply.model_copy()
            message.usage_metadata = usage
            generations.append(ChatGeneration(message=message))
        return ChatResult(generations=generations)

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        self._book["kwargs"].append(kwargs)
        return self._made(kwargs)

    async def _agenerate(self, messages, stop=None, run_manager=None, **kwargs):
        self._book["kwargs"].append(kwargs)
        await asyncio.sleep(self.seconds[0])
        return self._made(kwargs)


async def call(model, asynchronous, config=None):
    return await model.ainvoke("x", config) if asynchronous else model.invoke("x", config)


both = pytest.mark.parametrize("asynchronous", [False, True])


@both
@pytest.mark.parametrize("whole", [True, False])
async def test_one_request_serves_several_draws_and_is_counted_once(asynchronous, whole):
    member = Several(replies=["1", "2", "2", "2"], whole=whole)
    model = AdaptiveEnsembleChat([member], rule=FixedSamples(4), samples_per_request=4, usage="all")
    message = await call(model, asynchronous)
    trace = message.response_metadata["bestofinf"]
    assert member.calls == 1
    assert trace["votes"] == {"2": 3, "1": 1}
    assert message.usage_metadata == {"input_tokens": 5, "output_tokens": 12, "total_tokens": 17}
    assert trace["usage_by_member"]["scripted"] == {
        "input_tokens": 5,
        "output_tokens": 12,
        "cost": 0.0,
        "calls": 1,
    }


@both
async def test_what_a_request_brings_too_much_serves_later_draws(asynchronous):
    member = Several(replies=["1", "1", "2", "2", "2"])
    model = AdaptiveEnsembleChat(
        [member], rule=FixedSamples(5), samples_per_request=3, concurrency=1
    )
    trace = (await call(model, asynchronous)).response_metadata["bestofinf"]
    assert [sample["answer"] for sample in trace["samples"]] == ["1", "1", "2", "2", "2"]
    assert member.calls == 2


@both
async def test_a_provider_may_give_fewer_than_were_asked_for(asynchronous):
    member = Several(replies=["4"], most=2)
    model = AdaptiveEnsembleChat([member], rule=FixedSamples(5), samples_per_request=4)
    trace = (await call(model, asynchronous)).response_metadata["bestofinf"]
    assert trace["votes"] == {"4": 5}


@both
async def test_a_request_that_fails_is_tried_again_and_else_fails_all_its_draws(asynchronous):
    settings = {"rule": FixedSamples(2), "samples_per_request": 2, "longest_wait": 0.001}
    once = AdaptiveEnsembleChat([Several(replies=["4"], fail_first=1)], **settings)
    trace = (await call(once, asynchronous)).response_metadata["bestofinf"]
    assert (trace["n_samples"], trace["n_failed"]) == (2, 0)
    always = AdaptiveEnsembleChat([Several(replies=["4"], fail_first=99)], **settings)
    with pytest.raises(SamplingError, match="ConnectionError: gone"):
        await call(always, asynchronous)


async def test_a_cancelled_call_leaves_no_request_behind():
    tree = Tree()
    member = Several(replies=["4"], seconds=(30.0,))
    model = AdaptiveEnsembleChat([member], rule=AheadBy(2), samples_per_request=2)
    task = asyncio.create_task(model.ainvoke("x", {"callbacks": [tree]}))
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert tree.open == 0
    assert len(asyncio.all_tasks()) == 1


@both
async def test_bound_arguments_tools_and_schemas_go_with_the_request(asynchronous):
    class Sum(BaseModel):
        """A sum."""

        total: int

    member = Several(replies=[calling("Sum", total=4)])
    model = AdaptiveEnsembleChat(
        [member.bind(top_k=1)], rule=FixedSamples(2), samples_per_request=2
    ).with_structured_output(Sum)
    assert (await call(model, asynchronous)) == Sum(total=4)
    (kwargs,) = member.kwargs_seen
    assert kwargs["top_k"] == 1
    assert kwargs["n"] == 2
    assert kwargs["tools"]


def test_each_request_is_one_run_of_the_tree():
    tree = Tree()
    model = AdaptiveEnsembleChat(
        [Several(replies=["4"])], rule=FixedSamples(4), samples_per_request=2
    )
    model.invoke("x", {"callbacks": [tree]})
    (root,) = tree.roots
    assert [child.name for child in root.child_runs] == ["Several", "Several"]


def test_replies_that_a_member_asks_for_by_itself_are_told_as_lost():
    asking = ChatOpenAI(model="m", api_key="none", n=4)
    for model in (asking, ChatOpenAI(model="m", api_key="none").bind(n=4)):
        with pytest.warns(UserWarning, match="n=4 replies .* samples_per_request=4"):
            AdaptiveEnsembleChat([model])
    AdaptiveEnsembleChat([asking], samples_per_request=4)
    AdaptiveEnsembleChat([ChatOpenAI(model="m", api_key="none", n=1)])
