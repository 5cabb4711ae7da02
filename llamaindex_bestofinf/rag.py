"""The LLMs of a RAG pipeline: a vote for the steps where it helps, one request for the others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from llama_index.core.llms.llm import LLM

from bestofinf.answers import ScoreAnswer
from bestofinf.records import Member, Usage
from llamaindex_bestofinf.answers import StepAnswer
from llamaindex_bestofinf.llm import AdaptiveEnsembleLLM
from llamaindex_bestofinf.members import Clients, checked_llm
from llamaindex_bestofinf.messages import tokens_of
from llamaindex_bestofinf.scorers import besides


class RagEnsemble:
    """Gives each part of a RAG pipeline the LLM that it needs.

    ```python
    rag = RagEnsemble([OpenAI("gpt-5-mini"), Anthropic(...)], plain=OpenAI("gpt-5-nano"))
    Settings.llm = rag.plain
    engine = index.as_query_engine(llm=rag.answers)
    selector = LLMSingleSelector.from_defaults(llm=rag.answers)
    evaluator = FaithfulnessEvaluator(llm=rag.scores)
    ```

    Attributes:
        answers: The ensemble, for response synthesizers, selectors, routers, rerankers, agents, yes
            or no, and structured output.
        plain: An LLM that sends one request, for condensing questions, titles, keywords, summaries
            and making questions. Such texts are all different, so a vote on them has no winner.
        scores: The ensemble with a vote on the score or verdict alone, for evaluators
            (faithfulness, relevancy, correctness, guideline, pairwise). The text is that of a
            winning reply, with its reasons. Evaluators ask about many answers at a time, and nobody
            waits for one of them, so it is ``thrifty`` unless `launch` or `waiting` is given.

    Args:
        members: Members as for `AdaptiveEnsembleLLM`, or such an ensemble.
        plain: Any LLM; None takes the member with the largest weight, the first of equals.
        judge: A cheap LLM that decides whether two wordings of an answer mean the same if their
            words do not show it: one short request for each new wording beside others.
        judge_price: Its price for one input token and one output token.
        score_rule: Stopping rule of `scores`. The default is ``fast``, because evaluators ask about
            every answer.
        settings: Settings for `AdaptiveEnsembleLLM`.

    Raises:
        UsageError: If a setting is out of its range, or a model is not an LLM.
    """

    def __init__(
        self,
        members: Any,
        /,
        *,
        plain: LLM | None = None,
        judge: LLM | None = None,
        judge_price: tuple[float, float] = (0.0, 0.0),
        score_rule: Any = "fast",
        **settings: Any,
    ) -> None:
        if judge is not None:
            settings["answer"] = StepAnswer(judge=asked(judge, judge_price))
        if not isinstance(members, AdaptiveEnsembleLLM):
            self.answers = AdaptiveEnsembleLLM(members=members, **settings)
        else:
            self.answers = members.with_settings(**settings) if settings else members
        heaviest = max(self.answers.plan().members, key=lambda member: member.weight)
        self.plain = heaviest.model if plain is None else checked_llm(plain, "plain")
        given = self.answers.model_fields_set & {"launch", "waiting"}
        launching: dict[str, Any] = {} if given else {"launch": "thrifty"}
        self.scores = self.answers.with_settings(answer=ScoreAnswer(), rule=score_rule, **launching)

    def __repr__(self) -> str:
        return f"RagEnsemble({self.answers!r})"


def asked(
    judge: LLM, price: tuple[float, float] = (0.0, 0.0)
) -> Callable[[str], Awaitable[tuple[str, Usage]]]:
    """Return a function that asks an LLM in any event loop, and tells what that has cost."""
    member = Member(checked_llm(judge, "judge"), price=price)
    clients = Clients([member])

    async def ask(prompt: str) -> tuple[str, Usage]:
        with besides():
            response = await clients.here(0).acomplete(prompt)
        written, read = tokens_of(response)
        return response.text, member.charge(read, written)

    return ask
