"""Calls are voted on as the tools of the request have them."""

from llama_index.core.tools import FunctionTool

from llamaindex_bestofinf import AdaptiveEnsembleLLM
from llamaindex_bestofinf.testing.endpoints import called
from support.llm_members import ScriptedLLM, tool_call


def search(query: str, k: int = 3) -> str:
    """Search for something."""
    return query


TOOL = FunctionTool.from_defaults(search)


async def asked(*replies, **settings):
    llm = AdaptiveEnsembleLLM([ScriptedLLM(list(replies))], concurrency=1, **settings)
    found = await called(llm, "achat_with_tools", [TOOL], user_msg="q")
    return found.last, llm


async def test_calls_that_cannot_be_carried_out_do_not_win():
    for vain in (tool_call("missing"), tool_call("search"), tool_call("search", query=["a"])):
        response, llm = await asked(vain, vain, tool_call("search", query="a"), rule="fixed:n=3")
        calls = llm.get_tool_calls_from_response(response)
        assert [c.tool_kwargs for c in calls] == [{"query": "a"}]
        assert response.additional_kwargs["bestofinf"]["n_abstained"] == 2


async def test_free_text_does_not_part_votes_and_the_first_call_of_the_winner_is_made():
    queries = ("oslo weather", "the weather in oslo", "weather of oslo today")
    response, llm = await asked(*(tool_call("search", query=query) for query in queries))
    assert llm.get_tool_calls_from_response(response)[0].tool_kwargs == {"query": queries[0]}
    assert len(response.additional_kwargs["bestofinf"]["votes"]) == 1
