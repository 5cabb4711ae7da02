"""Thoughts in the text of members never vote, and are handed out with the answer."""

import asyncio

import pytest
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda

from bestofinf.answers import resolve_answer
from bestofinf.errors import UsageError
from bestofinf.records import Reply
from langchain_bestofinf import AdaptiveEnsemble, AdaptiveEnsembleChat
from support.chat_members import Scripted
from support.thinkers import SAID, five_replies


async def asked(model, how):
    match how:
        case "invoke":
            return await asyncio.to_thread(model.invoke, "Which?")
        case "ainvoke":
            return await model.ainvoke("Which?")
        case "stream":
            chunks = await asyncio.to_thread(lambda: list(model.stream("Which?")))
        case "astream":
            chunks = [chunk async for chunk in model.astream("Which?")]
    return sum(chunks[1:], chunks[0])


@pytest.mark.parametrize("answer", SAID)
@pytest.mark.parametrize("how", ["invoke", "ainvoke", "stream", "astream"])
async def test_what_most_replies_answer_wins_and_not_what_all_of_them_thought_of(how, answer):
    replies = five_replies(answer)
    model = AdaptiveEnsembleChat(
        [Scripted(replies=replies)], answer=answer, rule="fixed:n=5", concurrency=1
    )
    message = await asked(model, how)
    told = message.response_metadata["bestofinf"]
    expected, _ = resolve_answer(answer).vote(Reply(text=SAID[answer][1]))
    assert told["answer"] == expected
    assert sorted(told["votes"].values()) == [1, 4]
    assert message.text == replies[0]


@pytest.mark.parametrize("how", ["invoke", "ainvoke", "stream", "astream"])
async def test_thoughts_are_stripped_from_what_is_handed_out_where_that_is_asked_for(how):
    said = AIMessage([{"type": "text", "text": "<think>A?</think>B"}, {"type": "x", "y": 1}])
    for reply in ("<think>A?</think>\n\nB", said):
        model = AdaptiveEnsembleChat([Scripted(replies=[reply])], strip_thoughts=True)
        assert (await asked(model, how)).text == "B"
    runnable = RunnableLambda(lambda _: "<plan>A?</plan>B")
    for strip, shown in ((False, "<plan>A?</plan>B"), (True, "B")):
        chain = AdaptiveEnsemble(runnable, thoughts=["plan"], strip_thoughts=strip)
        assert await chain.ainvoke("Which?") == shown


async def test_tags_of_the_users_own_are_thoughts():
    replies = ["<plan>The answer is A.</plan>B", "<plan>The answer is A.</plan>C"]
    for thoughts, votes in (((), {"A"}), (("plan",), {"B", "C"})):
        model = AdaptiveEnsembleChat(
            [Scripted(replies=[f"{r} " for r in replies])],
            answer="choice",
            rule="fixed:n=2",
            thoughts=thoughts,
            concurrency=1,
        )
        told = (await model.ainvoke("Which?")).response_metadata["bestofinf"]
        assert set(told["votes"]) <= votes
    with pytest.raises(UsageError, match="name of a tag"):
        AdaptiveEnsembleChat([Scripted(replies=["x"])], thoughts=["<plan>"])


async def test_replies_that_end_within_a_thought_abstain():
    model = AdaptiveEnsembleChat(
        [Scripted(replies=["<think>So the answer is A."])], answer="choice"
    )
    told = (await model.ainvoke("Which?")).response_metadata["bestofinf"]
    assert (told["answer"], told["n_abstained"]) == (None, told["n_samples"])
