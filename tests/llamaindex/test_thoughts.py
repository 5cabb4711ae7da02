"""Thoughts in the text of members never vote, and are handed out with the answer."""

import pytest

from bestofinf.answers import resolve_answer
from bestofinf.records import Reply
from llamaindex_bestofinf import AdaptiveEnsembleLLM
from llamaindex_bestofinf.testing.endpoints import asked, called, text_of
from support.llm_members import ScriptedLLM
from support.thinkers import SAID, five_replies

ENDPOINTS = ["chat", "achat", "stream_chat", "astream_chat", "complete", "stream_complete"]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_thoughts_are_stripped_from_what_is_handed_out_where_that_is_asked_for(endpoint):
    llm = AdaptiveEnsembleLLM(
        [ScriptedLLM("<plan>A?</plan><think>C?</think>\n\nB")], thoughts=["plan"]
    )
    for given, shown in (
        (llm, "<plan>A?</plan><think>C?</think>\n\nB"),
        (llm.with_settings(strip_thoughts=True), "B"),
    ):
        found = await called(given, endpoint, asked(endpoint, "Which?"))
        assert text_of(found.last) == shown
        assert found.last.additional_kwargs["bestofinf"]["answer"] == "B"


@pytest.mark.parametrize("answer", SAID)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_what_most_replies_answer_wins_and_not_what_all_of_them_thought_of(endpoint, answer):
    replies = five_replies(answer)
    llm = AdaptiveEnsembleLLM(
        [ScriptedLLM(replies)], answer=answer, rule="fixed:n=5", concurrency=1
    )
    response = (await called(llm, endpoint, asked(endpoint, "Which?"))).last
    told = response.additional_kwargs["bestofinf"]
    expected, _ = resolve_answer(answer).vote(Reply(text=SAID[answer][1]))
    assert told["answer"] == expected
    assert sorted(told["votes"].values()) == [1, 4]
    assert text_of(response) == replies[0]
