"""The loop: collect, status, label 30, advise --out, load in each framework, in ask and in run."""

from __future__ import annotations

import csv
import json
import threading
from importlib.util import find_spec

import pytest
from typer.testing import CliRunner

if not all(find_spec(name) for name in ("langchain_openai", "llama_index", "aiohttp")):
    pytest.skip("needs the extras of both adapters", allow_module_level=True)

from llama_index.llms.openai_like import OpenAILike

from bestofinf import Ensemble
from bestofinf.cli.app import app, main
from bestofinf.ensemble import read_config
from langchain_bestofinf import AdaptiveEnsembleChat
from langchain_bestofinf.collector import EvaluationCollector
from llamaindex_bestofinf import AdaptiveEnsembleLLM
from support.backends import FunctionBackend
from support.clients import chat_openai

QUESTIONS = {f"What is {n} + 7?": str(n + 7) for n in range(100, 130)}
LAST = "What is 500 + 7?"


@pytest.fixture
def server(serve, monkeypatch):
    """Start a server with a model that is right in four of five replies, and one in two of five."""
    asked: dict[tuple[str, str], int] = {}
    lock = threading.Lock()

    def reply(request):
        question = request.messages[-1]["content"]
        right = int(question.split()[2]) + 7
        with lock:
            turn = asked[request.model, question] = asked.get((request.model, question), -1) + 1
        wrong = (turn * 3 + right) % 5 >= (4 if request.model == "good" else 2)
        return f"The answer is {right + 1 + turn % 3 if wrong else right}."

    started = serve(FunctionBackend(reply, models=("good", "poor")))
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.setenv("OPENAI_BASE_URL", started.url)
    return started


def command(*arguments):
    result = CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def write_questions(path):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["id", "prompt"], *enumerate(QUESTIONS)])
    return path


def advised(store, folder):
    """Label 30 questions and return the file that is advised."""
    assert command("status", store, "--json")["questions"] == 30
    given = folder / "labels.jsonl"
    given.write_text(
        "".join(json.dumps({"prompt": q, "gold": g}) + "\n" for q, g in QUESTIONS.items())
    )
    assert command("label", store, "--file", given, "--json")["given"] == 30
    out = folder / "ensemble.toml"
    advice = command("advise", store, "--out", out, "--json")
    assert advice["labels"] == 30
    config = read_config(out)
    assert config.ensemble().weights == advice["weights"]
    assert config.ensemble().judged_on["questions"] == 30
    return out


def loads_everywhere(out, folder, **given):
    """Ask one question through whatever reads the file."""
    learned = read_config(out).ensemble().calibration
    name = max(read_config(out).ensemble().weights.items(), key=lambda pair: pair[1])[0]
    chat = AdaptiveEnsembleChat.load(out, members=given.get("chat"))
    message = chat.invoke(LAST)
    told = message.response_metadata["bestofinf"]
    assert told["answer"] == "507"
    assert told["calibrated"] == (learned is not None)
    assert name in chat.member_names
    llm = AdaptiveEnsembleLLM.load(out, members=given.get("llm"))
    assert llm.complete(LAST).additional_kwargs["bestofinf"]["answer"] == "507"
    assert llm.weight_by_member == chat.weight_by_member


def asks_on_the_command_line(out, folder):
    for arguments in ((LAST, out), (out, LAST), (LAST, "-m", out)):
        assert command("ask", *arguments, "--json")["answer"] == "507"
    questions = write_questions(folder / "again.csv")
    answers = folder / "answers.jsonl"
    report = command("run", questions, out, "--out", answers, "--json")
    assert report["questions"] == 30
    rows = [json.loads(line) for line in answers.read_text().splitlines()]
    assert (
        sum(row["answer"] == gold for row, gold in zip(rows, QUESTIONS.values(), strict=True)) > 25
    )


def test_members_by_url_from_the_command_line(server, tmp_path):
    questions = write_questions(tmp_path / "questions.csv")
    members = [f"{name}@{server.url}" for name in ("good", "poor")]
    out = tmp_path / "first.jsonl"
    command(
        "run",
        questions,
        "-m",
        members[0],
        "-m",
        members[1],
        "--rule",
        "fixed:n=16",
        "--out",
        out,
        "--json",
    )
    file = advised(f"{out}.db", tmp_path)
    assert read_config(file).members[members[0]].url == server.url
    loads_everywhere(file, tmp_path)
    asks_on_the_command_line(file, tmp_path)
    assert Ensemble.load(file).ask(LAST).told["answer"] == "507"


def collected(model, store):
    with EvaluationCollector(store) as collector:
        model.batch(list(QUESTIONS), {"callbacks": [collector], "max_concurrency": 8})


def test_members_as_texts_from_langchain(server, tmp_path):
    names = ["openai:good", "openai:poor"]
    model = AdaptiveEnsembleChat(members=names, rule="fixed:n=16")
    assert model.member_names == names  # named as given, here as on the command line
    collected(model, tmp_path / "a.db")
    file = advised(tmp_path / "a.db", tmp_path)
    assert read_config(file).members["openai:good"].model == "openai:good"
    llms = {
        "openai:good": OpenAILike(
            model="good", api_base=server.url, api_key="n", is_chat_model=True
        )
    }
    loads_everywhere(file, tmp_path, llm=llms)
    asks_on_the_command_line(file, tmp_path)


async def test_members_as_objects_are_given_by_the_program(server, tmp_path, capsys):
    async with chat_openai(server, "good") as good, chat_openai(server, "poor") as poor:
        model = AdaptiveEnsembleChat([good, poor], rule="fixed:n=16")
        collected(model, tmp_path / "a.db")
        file = advised(tmp_path / "a.db", tmp_path)
        like = OpenAILike(model="good", api_base=server.url, api_key="n", is_chat_model=True)
        loads_everywhere(file, tmp_path, chat={"good": good}, llm={"good": like})
    for arguments in (["ask", LAST, str(file)], ["ask", LAST, "-m", str(file)]):
        with pytest.raises(SystemExit):
            main(arguments)
        assert "no model for 'good': give it in the program" in " ".join(
            capsys.readouterr().err.split()
        )
