"""Votes on what replies amount to: in the core, in both frameworks, and from recorded replies."""

import asyncio
import itertools
import random
import threading
import time

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import tool
from llama_index.core import SQLDatabase
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.query_engine import NLSQLTableQueryEngine
from pydantic import BaseModel
from sqlalchemy import create_engine

from bestofinf import Member, Reply, Sample, Usage, VotePlan, avote, vote
from bestofinf.answers import (
    AutoAnswer,
    ExecutedAnswer,
    FunctionAnswer,
    JsonAnswer,
    JudgeAnswer,
    RedFlags,
    SqlAnswer,
    ToolCallsAnswer,
)
from bestofinf.answers.base import Abstain
from bestofinf.answers.meaning import FreeReply, MeaningAnswer
from bestofinf.evaluation.equivalence import RecordedClasses
from bestofinf.rules import AheadBy, FixedSamples
from langchain_bestofinf import AdaptiveEnsembleChat
from llamaindex_bestofinf import AdaptiveEnsembleLLM
from support.chat_members import Scripted, calling
from support.llm_members import ScriptedLLM

RIGHT = "SELECT name FROM customers WHERE city = 'Oslo'"
SPELT = [
    RIGHT,
    "SELECT c.name FROM customers AS c WHERE c.city = 'Oslo'",
    "SELECT name AS n FROM customers WHERE city LIKE 'Oslo'",
]
WRONG = "SELECT name FROM customers"


def decided(answer, replies, rule="fixed", **settings):
    given = iter(replies)
    count = len(replies)
    plan = VotePlan.make(
        [Member(None, name="m")],
        rule=f"{rule}:n={count}" if rule == "fixed" else rule,
        answer=answer,
        concurrency=1,
        **settings,
    )
    bound = plan.answer.for_question("?")
    return vote(
        plan.engine(),
        lambda draw: Sample(None, Reply(next(given)), seconds=0.0),
        answer=bound,
        concurrency=1,
    )


def test_the_shortest_query_of_the_winning_result_is_handed_out(shop):
    decision = decided(SqlAnswer(shop), [SPELT[1], WRONG, SPELT[2], RIGHT, "no query here"])
    assert decision.winner.reply.text == RIGHT
    assert decision.answer.startswith("2 rows × 1 column #")
    assert list(decision.votes.values()) == [3, 1]
    assert decision.n_abstained == 1
    notes = [entry.outcome.note for entry in decision.trail]
    assert notes[-1] == "no query"
    assert all(note.startswith("ran ") for note in notes[:-1])


def test_an_empty_result_gives_way_to_another_with_as_many_votes(sqlite_shop):
    empty = "SELECT name FROM customers WHERE city = 'Bonn'"
    for replies in ([empty, WRONG], [WRONG, empty]):
        for seed in range(8):
            decision = decided(SqlAnswer(sqlite_shop), replies, seed=seed)
            assert decision.answer.startswith("4 rows")
            assert "gives way" in decision.reason
    assert decided(SqlAnswer(sqlite_shop), [empty, empty, WRONG]).answer.startswith("0 rows")


class Counted(ExecutedAnswer):
    """Counts what it carries out, and how much of it at a time."""

    def __init__(self, seconds=0.0, **settings):
        super().__init__(**settings)
        self.seconds, self.now, self.most, self.done = seconds, 0, 0, []
        self.lock = threading.Lock()

    def execute(self, program):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
            self.done.append(program)
        time.sleep(self.seconds)
        with self.lock:
            self.now -= 1
        if program == "none":
            return None
        if program == "bad":
            raise ValueError("it does not compile")
        if program == "unwilling":
            raise Abstain("too dear")
        if program == "list":
            return []
        return program[:1], Usage(cost=0.5)


@pytest.mark.parametrize("way", ["threads", "tasks"])
def test_one_text_is_carried_out_once_a_vote_and_few_at_a_time(way):
    answer = Counted(seconds=0.02, at_once=2)
    texts = ["a1", "a2", "a1", "a2", "a3", "a3", "a1", "b"]
    plan = VotePlan.make([Member(None, name="m")], rule="fixed:n=8", answer=answer, launch="eager")

    def votes(question):
        bound = plan.answer.for_question(question)
        if way == "threads":
            return vote(
                plan.engine(),
                lambda draw: Sample(None, Reply(texts[draw.index])),
                answer=bound,
            )

        async def sample(draw):
            return Sample(None, Reply(texts[draw.index]))

        return asyncio.run(avote(plan.engine(), sample, answer=bound))

    decision = votes("one")
    assert decision.votes == {"a": 7, "b": 1}
    assert sorted(answer.done) == ["a1", "a2", "a3", "b"]
    assert answer.most <= 2
    assert decision.usage.cost == pytest.approx(0.5 * 4)
    votes("another")  # what was carried out for one question is not taken for another
    assert len(answer.done) == 8


def test_what_cannot_be_carried_out_abstains_and_says_why():
    answer = Counted()
    for text, reason in {
        "none": "came to nothing",
        "bad": "could not be carried out: ValueError: it does not compile",
        "unwilling": "too dear",
        "list": "its outcome, a list, cannot be hashed",
    }.items():
        assert answer.read(Reply(text)) == (None, reason)


def test_what_does_not_end_abstains_at_its_limit():
    over = threading.Event()
    answer = ExecutedAnswer(lambda text: over.wait(60), timeout=0.1)
    start = time.monotonic()
    assert answer.read(Reply("x")) == (None, "took longer than 0.1 s")
    assert time.monotonic() - start < 6
    over.set()


async def test_the_loop_goes_on_while_a_query_runs(sqlite_shop):
    answer = SqlAnswer(sqlite_shop, timeout=0.5)
    endless = "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM r) SELECT max(x) FROM r"
    running = asyncio.ensure_future(answer.resolve(endless))
    turns = 0
    while not running.done():
        await asyncio.sleep(0.01)
        turns += 1
    assert turns > 1
    assert "longer than 0.5 s" in running.result().note


def test_a_vote_that_is_cancelled_leaves_no_query_behind(sqlite_shop):
    endless = "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM r) SELECT max(x) FROM r"

    async def leave():
        answer = SqlAnswer(sqlite_shop, timeout=0.3).for_question("?")
        waiting = asyncio.ensure_future(answer.resolve(endless))
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(leave())
    end = time.monotonic() + 20
    while any(thread.name == "bestofinf-run" for thread in threading.enumerate()):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_what_wraps_an_answer_type_carries_out_what_it_holds(sqlite_shop):
    sql = SqlAnswer(sqlite_shop)
    by_meaning = MeaningAnswer(sql, JudgeAnswer(lambda prompt: "NO"))
    assert by_meaning.executes
    assert by_meaning.read(Reply(RIGHT))[0] == sql.read(Reply(RIGHT))[0]
    empty = by_meaning.read(Reply("SELECT 1 WHERE 1 = 0"))[0]
    assert by_meaning.yields(empty)
    assert not by_meaning.yields(FreeReply(empty))


def test_flags_and_fields_carry_out_what_they_hold(sqlite_shop):
    sql = SqlAnswer(sqlite_shop)
    flagged = RedFlags(sql).for_question("?")
    assert flagged.executes
    assert flagged.read(Reply(RIGHT))[0] == sql.read(Reply(RIGHT))[0]
    fields = JsonAnswer(fields={"sql": sql}).for_question("?")
    texts = [f'{{"sql": "{query}", "why": "{n}"}}' for n, query in enumerate(SPELT)]
    assert len({fields.read(Reply(text))[0] for text in texts}) == 1
    decision = decided(JsonAnswer(fields={"sql": sql}), [*texts, f'{{"sql": "{WRONG}"}}'])
    assert decision.winner.reply.text in texts


def test_recorded_replies_are_carried_out_too(sqlite_shop):
    classes = RecordedClasses(SqlAnswer(sqlite_shop).for_question("Who lives in Oslo?"))
    placed = [classes.place(Reply(query))[0] for query in [*SPELT, WRONG]]
    assert placed[0] is not None
    assert placed[:3] == placed[:1] * 3
    assert placed[3] != placed[0]
    result = str(SqlAnswer(sqlite_shop).read(Reply(RIGHT))[0])
    assert classes.place(result)[0] == placed[0]  # a result that was recorded, and not the query


class Query(BaseModel):
    """A query."""

    sql: str


def test_structured_output_of_langchain_votes_on_rows(shop):
    said = [calling("Query", sql=query) for query in [WRONG, *SPELT]]
    model = AdaptiveEnsembleChat(
        [Scripted(replies=said)],
        rule=FixedSamples(4),
        concurrency=1,
        answer=SqlAnswer(shop),
    )
    assert model.with_structured_output(Query).invoke("Who lives in Oslo?") == Query(sql=RIGHT)


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
async def test_an_agents_query_is_elected_by_its_rows_and_run_once(shop, way):
    ran = []

    @tool
    def run_sql(query: str) -> str:
        """Run a query."""
        ran.append(query)
        return "Ada, Dee"

    turn = itertools.count()

    class Asker(Scripted):
        def _begin(self, messages, kwargs):
            super()._begin(messages, kwargs)
            if isinstance(messages[-1], ToolMessage):
                return AIMessage("The answer is 2."), 0.0
            return calling("run_sql", query=[WRONG, *SPELT][next(turn) % 4]), 0.0

    model = AdaptiveEnsembleChat(
        [Asker(replies=["unused"])],
        rule=FixedSamples(4),
        concurrency=1,
        answer=AutoAnswer(calls=ToolCallsAnswer(by={"query": SqlAnswer(shop)})),
    )
    agent = create_agent(model, [run_sql])
    asked = {"messages": [("user", "Who lives in Oslo?")]}
    await agent.ainvoke(asked) if way == "ainvoke" else agent.invoke(asked)
    assert ran == [RIGHT]


def test_the_query_engine_of_llamaindex_votes_on_rows(shop):
    said = itertools.cycle([f"SELECT: {WRONG}", *SPELT])

    def say(messages, tools):
        if "SQLResult:" in messages[-1].content and "Ada" in messages[-1].content:
            return "Ada and Dee."
        return next(said).removeprefix("SELECT: ")

    llm = AdaptiveEnsembleLLM(
        [ScriptedLLM(say)], rule=AheadBy(2), concurrency=1, answer=SqlAnswer(shop)
    )
    database = create_engine(shop.replace("postgresql:", "postgresql+psycopg:"))
    engine = NLSQLTableQueryEngine(
        SQLDatabase(database),
        tables=["customers"],
        llm=llm,
        synthesize_response=False,
        embed_model=MockEmbedding(embed_dim=2),
    )
    response = engine.query("Who lives in Oslo?")
    database.dispose()
    assert response.metadata["result"] == [("Ada",), ("Dee",)]


QUESTIONS = [
    "SELECT count(*) FROM customers",
    "SELECT max(name) FROM customers",
    "SELECT count(DISTINCT city) FROM customers",
    "SELECT name FROM customers WHERE city = 'Rome'",
    "SELECT sum(amount) FROM orders",
    "SELECT avg(amount) FROM orders",
    "SELECT count(paid) FROM orders",
    "SELECT min(paid) FROM orders",
    "SELECT customer_id FROM orders WHERE amount > 15",
    "SELECT sum(price * quantity) FROM items",
    "SELECT count(DISTINCT product) FROM items",
    "SELECT product FROM items WHERE quantity > 100",
]


def reply(query, chance, number):
    """Return a right query in 55 of 100 replies, else one of twelve others; none spelt as another."""
    if chance.random() < 0.55:
        return f"SELECT * FROM ({query}) AS t{number}"
    return f"SELECT {chance.randrange(12)} - 100 AS t{number}"


def test_votes_on_rows_are_right_where_votes_on_text_are_not(sqlite_shop):
    chance = random.Random(7)
    right = {"rows": 0, "text": 0}
    samples = votes = 0
    sql = SqlAnswer(sqlite_shop, timeout=30)
    for query in QUESTIONS * 8:
        votes += 1
        said = [reply(query, chance, n) for n in range(64)]
        truth = sql.read(Reply(query))[0]
        for kind, answer in (("rows", sql), ("text", FunctionAnswer(str))):
            plan = VotePlan.make(
                [Member(None, name="m")], rule="fast", answer=answer, waiting=0, concurrency=1
            )
            decision = vote(
                plan.engine(),
                lambda draw, said=said: Sample(None, Reply(said[draw.index]), tokens=30),
                answer=plan.answer.for_question(query),
                concurrency=1,
            )
            right[kind] += sql.read(Reply(decision.winner.reply.text))[0] == truth
            samples += decision.n_samples if kind == "rows" else 0
    assert right["rows"] >= 0.95 * votes
    assert right["text"] <= 0.75 * votes  # a reply at random is right in 55 of 100
    assert samples <= 8.5 * votes
