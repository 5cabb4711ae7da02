"""How probable a reply was reaches the trace and the store from every kind of member."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from bestofinf import Endpoint, Ensemble, Member, UsageError
from bestofinf.evaluation import EvaluationStore
from bestofinf.records import Reply, Sample, ToolCall
from bestofinf.records.likelihood import likelihood
from support.backends import FunctionBackend
from support.clients import chat_openai, openai_like
from support.reply import Served
from support.server import LoopbackServer

PIECES, LOGPROBS, END = ("Pa", "ris"), (-0.5, -0.25), ("<|im_end|>", -0.125)


async def endpoint(server: LoopbackServer, member: dict[str, Any], stack: AsyncExitStack) -> Any:
    model = Endpoint("alpha", url=server.url, stream=False)
    return Ensemble([Member(model, **member)], rule="fixed:n=2", answer="text")


async def streamed(server: LoopbackServer, member: dict[str, Any], stack: AsyncExitStack) -> Any:
    return Ensemble(
        [{"model": "alpha", "url": server.url, **member}], rule="fixed:n=2", answer="text"
    )


async def langchain(server: LoopbackServer, member: dict[str, Any], stack: AsyncExitStack) -> Any:
    pytest.importorskip("langchain_openai")
    from langchain_bestofinf import AdaptiveEnsembleChat

    model = await stack.enter_async_context(chat_openai(server, "alpha"))
    return AdaptiveEnsembleChat([Member(model, **member)], rule="fixed:n=2", answer="text")


async def llamaindex(server: LoopbackServer, member: dict[str, Any], stack: AsyncExitStack) -> Any:
    pytest.importorskip("llama_index.llms.openai_like")
    from llamaindex_bestofinf import AdaptiveEnsembleLLM

    model = await stack.enter_async_context(openai_like(server, "alpha"))
    return AdaptiveEnsembleLLM([Member(model, **member)], rule="fixed:n=2", answer="text")


async def asked(ensemble: Any) -> list[dict[str, Any]]:
    """Return the samples of a trace, whatever the face."""
    if isinstance(ensemble, Ensemble):
        return list((await ensemble.aask("Capital of France?")).told["samples"])
    if hasattr(ensemble, "ainvoke"):
        message = await ensemble.ainvoke("Capital of France?")
        return list(message.response_metadata["bestofinf"]["samples"])
    from llama_index.core.llms import ChatMessage

    response = await ensemble.achat([ChatMessage("Capital of France?")])
    return list(response.additional_kwargs["bestofinf"]["samples"])


def samples_of(face: Callable[..., Any], served: Served, **member: Any) -> list[dict[str, Any]]:
    async def main() -> list[dict[str, Any]]:
        async with AsyncExitStack() as stack:
            return await asked(await face(server, {"name": "m", **member}, stack))

    with LoopbackServer(FunctionBackend(lambda request: served)) as server:
        found = asyncio.run(main())
        wanted = [bool(body.get("logprobs")) for body in server.bodies]
    assert wanted == [member.get("logprobs") is not None] * 2
    return found


faces = pytest.mark.parametrize("face", [endpoint, streamed, langchain, llamaindex])


def reply(**changes: Any) -> Served:
    return Served(
        **{"text": "Paris", "pieces": PIECES, "logprobs": LOGPROBS, "end": END, **changes}
    )


@faces
def test_a_member_is_told_to_ask_and_its_setting_says_what_comes(face: Any) -> None:
    for line in samples_of(face, reply(), logprobs="processed"):
        assert line["logprob"] == pytest.approx(-0.875)
        assert (line["logprob_tokens"], line["logprob_kind"]) == (3, "processed")
        assert line["said"] == likelihood(-1, 1, None, "Paris").said  # type: ignore[union-attr]


@faces
def test_without_the_end_they_are_raw_whatever_the_setting_says(face: Any) -> None:
    for line in samples_of(face, reply(end=None), logprobs="processed"):
        assert (line["logprob_tokens"], line["logprob_kind"]) == (2, "raw")


@faces
def test_behind_hidden_thoughts_they_say_nothing_about_the_reply(face: Any) -> None:
    for line in samples_of(face, reply(tokens=90), logprobs="processed"):
        assert (line["logprob_kind"], line["said"]) == ("partial", None)


@faces
def test_nothing_is_asked_for_by_itself(face: Any) -> None:
    assert all("logprob" not in line for line in samples_of(face, reply()))


def test_the_tokens_of_several_replies_are_not_those_of_one() -> None:
    async def main() -> list[dict[str, Any]]:
        ensemble = Ensemble(
            Member(Endpoint("alpha", url=server.url), logprobs="raw"),
            rule="fixed:n=4",
            answer="text",
        )
        return await asked(ensemble)

    with LoopbackServer(FunctionBackend(lambda request: reply())) as server:
        assert {line["logprob_kind"] for line in asyncio.run(main())} == {"raw"}


def test_another_kind_is_refused() -> None:
    with pytest.raises(UsageError, match="logprobs of a member must be one of raw, processed"):
        Member(None, logprobs="all")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Reply("A"), Reply("A"), True),
        (Reply("A"), Reply("a"), False),
        (Reply("A"), Reply("A", finish_reason="length"), False),
        (Reply(tool_calls=(ToolCall("f", {"x": 1}),)), Reply(tool_calls=(ToolCall("f", {"x": 2}),)), False),
        (Reply(tool_calls=(ToolCall("f", {"x": 1}, "1"),)), Reply(tool_calls=(ToolCall("f", {"x": 1}),)), True),
        (Reply(parsed={"x": 1}), Reply(parsed={"x": 2}), False),
    ],
)  # fmt: skip
def test_replies_are_told_apart_by_what_they_say(one: Reply, other: Reply, same: bool) -> None:
    from dataclasses import replace

    first, second = (replace(r, logprobs=(-1.0, -2.0)).likelihood for r in (one, other))
    assert first is not None
    assert second is not None
    assert (first.said == second.said) is same
    assert first.probability == pytest.approx(math.exp(-3))
    assert first.mean == -1.5


def test_a_sample_has_the_likelihood_of_its_reply_and_keeps_it_without() -> None:
    from dataclasses import replace

    sample = Sample("a", reply=Reply("a", logprobs=(-1.0,), logprob_kind="raw"))
    assert sample.likelihood == likelihood(-1.0, 1, "raw", "a")
    assert replace(sample, reply=None).likelihood == sample.likelihood
    assert (
        Sample("a", reply=Reply("a", logprobs=(-1.0,), logprob_kind="partial")).likelihood is None
    )


def test_a_store_keeps_and_hands_on_how_probable_replies_were(tmp_path: Any) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    with LoopbackServer(FunctionBackend(lambda request: reply())) as server:
        member = {"model": "alpha", "url": server.url, "logprobs": "processed"}
        ensemble = Ensemble([member], rule="fixed:n=2", answer="text")
        decision = ensemble.ask("Capital of France?")
    from bestofinf.evaluation import Recorder

    recorder = Recorder(url)
    recorder.call("c1", prompt="Capital of France?")
    recorder.trace("c1", decision.told)
    recorder.close()
    with EvaluationStore(url) as store:
        (question,) = store.read()
    (samples,) = question.samples.values()
    assert samples.likelihoods == (likelihood(-0.875, 3, "processed", "Paris"),) * 2
