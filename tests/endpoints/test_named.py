"""Models by name, and the program that asks them without any adapter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from bestofinf.cli.app import main
from bestofinf.cli.models import named, plan_of
from bestofinf.ensemble import named as names
from bestofinf.ensemble.endpoint import Endpoint
from bestofinf.ensemble.named import named_model
from bestofinf.errors import MissingExtraError, UsageError
from bestofinf.records import Reading, Reply
from bestofinf.tiny.chat import TinyMember
from support.backends import EchoBackend, FunctionBackend, ScriptedBackend
from support.faults import Fault, Faults

URL = "http://127.0.0.1:8080/v1"


class Offered:
    """A model that an adapter offers."""

    def __init__(self, model, **options):
        self.model, self.options = model, options

    def send(self, body):
        return Reading(Reply("The answer is 7."), 3, 2)

    async def asend(self, body):
        return self.send(body)


def offers(name, **options):
    provider, _, model = name.partition(":")
    if provider == "missing":
        raise MissingExtraError("adapter", "extra", "the model")
    return Offered(model, **options) if provider == "provider" else None


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    points = [EntryPoint("test", f"{__name__}:offers", "bestofinf.models")]
    monkeypatch.setattr(EntryPoint, "load", lambda self: offers)
    monkeypatch.setattr(names, "entry_points", lambda group: points)


# -- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "model", "base_url", "url"),
    [
        ("openai:alpha", "alpha", URL, URL),
        ("alpha", "alpha", URL, URL),
        ("qwen3:8b", "qwen3:8b", URL, URL),
        ("org/model", "org/model", URL, URL),
        (f"alpha@{URL}", "alpha", None, URL),
        (f"qwen3:8b@{URL}", "qwen3:8b", "http://other", URL),
        (f"openai:alpha@{URL}", "alpha", None, URL),
    ],
)
def test_any_name_may_be_that_of_a_model_at_an_address(name, model, base_url, url):
    found = named_model(name, base_url=base_url, temperature=0.5)
    assert found == Endpoint(model, url=url, temperature=0.5)


def test_the_address_may_stand_in_the_environment(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", URL)
    assert named_model("alpha").url == URL
    assert named_model("alpha", base_url="http://other").url == "http://other"
    assert named_model("provider:alpha").options == {}


@pytest.mark.parametrize("name", ["openai:gpt-5-mini", "gpt-5-mini", "o3", "openai:alpha"])
def test_a_key_that_is_missing_is_one_line_that_says_what_to_set(name, capsys):
    assert ended("ask", "?", "-m", name) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert error.startswith("error: member")
    assert "set OPENAI_API_KEY" in error


def test_adapters_that_are_installed_offer_their_models():
    found = named_model("provider:alpha", temperature=0.5, base_url=URL)
    assert (found.model, found.options) == ("alpha", {"temperature": 0.5, "base_url": URL})


@pytest.mark.parametrize("name", ["nonsense", "nobody:nothing", "http:alpha", ""])
def test_a_name_that_nothing_knows_is_refused_with_the_ways_to_write_it(name):
    with pytest.raises(UsageError, match=r"openai:MODEL or MODEL@URL.*OPENAI_BASE_URL"):
        named_model(name)


def test_a_missing_adapter_is_told_unless_an_address_is_given():
    with pytest.raises(MissingExtraError):
        named_model("missing:alpha")
    assert named_model("missing:alpha", base_url=URL).model == "missing:alpha"


def test_an_adapter_without_its_framework_is_passed_over(monkeypatch):
    def load(self):
        raise MissingExtraError("framework", "extra", "the models")

    monkeypatch.setattr(EntryPoint, "load", load)
    with pytest.raises(UsageError, match="there is no model"):
        named_model("provider:alpha")


def test_kinds_of_ones_own_come_first():
    found = named_model("tiny:sum", base_url=URL, own={"tiny": TinyMember})
    assert (type(found), found.model) == (TinyMember, "sum")
    with pytest.raises(UsageError, match="must be one of sum"):
        named_model("tiny:huge", own={"tiny": TinyMember})


@pytest.mark.parametrize(
    ("text", "name", "weight"),
    [
        ("openai:alpha", "openai:alpha", 1.0),
        ("openai:alpha=0.5", "openai:alpha", 0.5),
        (f"alpha@{URL}=2", f"alpha@{URL}", 2.0),
        (f"alpha@{URL}?api-version=preview", f"alpha@{URL}?api-version=preview", 1.0),
    ],
)
def test_a_weight_may_follow_a_name(text, name, weight):
    (member,) = plan_of([text], base_url=URL, rule="fixed:n=1").members
    assert (member.name, member.weight) == (name, weight)
    assert named(text) == name


def test_weights_are_numbers_and_given_once(tmp_path):
    with pytest.raises(UsageError, match="the weight must be a number"):
        plan_of(["openai:alpha=heavy"], base_url=URL)
    file = tmp_path / "weights.json"
    file.write_text('{"weights": {"openai:alpha": 3}}')
    assert plan_of(["openai:alpha"], base_url=URL, weights=str(file)).members[0].weight == 3
    with pytest.raises(UsageError, match="weights are given twice"):
        plan_of(["openai:alpha=1"], base_url=URL, weights=str(file))


# -- the program ----------------------------------------------------------------------------------


def ended(*words):
    """Run the program and return its exit code."""
    with pytest.raises(SystemExit) as end:
        main(list(words))
    return end.value.code


def asked(capsys, *words):
    assert ended("ask", *words, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_ask_votes_and_tells_the_trace(serve, capsys):
    server = serve(ScriptedBackend([f"The answer is {n}." for n in (42, 41, 42, 42)]))
    told = asked(
        capsys, "6 * 7?", "-m", "alpha", "--base-url", server.url, "--rule", "ahead-by:votes=2",
        "--temperature", "0.5", "--concurrency", "1",
    )  # fmt: skip
    assert (told["reply"], told["answer"], told["n_samples"]) == ("The answer is 42.", "42", 4)
    assert told["usage_by_member"]["alpha"]["output_tokens"] == 16
    assert [s["member"] for s in told["samples"]] == ["alpha"] * 4
    assert {body["temperature"] for body in server.bodies} == {0.5}


def test_ask_prints_the_reply_and_the_votes(serve, capsys):
    server = serve(ScriptedBackend(["The answer is 42."], cycle=True))
    assert ended("ask", "6 * 7?", "-m", f"alpha@{server.url}") == 0
    told = capsys.readouterr().out
    assert told.startswith("The answer is 42.\n")
    assert "samples" in told


def test_members_of_all_kinds_vote_together(serve, capsys):
    server = serve(ScriptedBackend(["The answer is 7."], cycle=True))
    models = [f"alpha@{server.url}=1", "provider:beta=2", "tiny:sum=1"]
    told = asked(capsys, "What is 3 + 4?", *(w for m in models for w in ("-m", m)))
    assert told["answer"] == "7"
    assert set(told["usage_by_member"]) == {f"alpha@{server.url}", "provider:beta", "tiny:sum"}


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        (Faults.always(Fault.UNAUTHORIZED), "Incorrect API key provided"),
        (Faults.always(Fault.BAD_REQUEST), "maximum context length"),
    ],
)
def test_what_the_server_says_is_one_line(serve, capsys, faults, words):
    server = serve(EchoBackend(), faults=faults)
    assert ended("ask", "?", "-m", "openai:alpha", "--base-url", server.url) == 2
    assert words in " ".join(capsys.readouterr().err.split())


def test_a_server_that_is_down_is_one_line(capsys):
    assert ended("ask", "?", "-m", "alpha@http://127.0.0.1:9/v1") == 2
    assert "http://127.0.0.1:9" in capsys.readouterr().err


def test_run_asks_models_by_url_and_sends_seeds(serve, tmp_path, capsys):
    server = serve(FunctionBackend(lambda request: f"The answer is {len(request.last_user_text)}."))
    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"question": "one"}\n{"question": "three"}\n')
    options = ["--rule", "fixed:n=3", "--seed", "5", "--out", str(tmp_path / "out.jsonl")]
    assert ended("run", str(questions), "-m", f"alpha@{server.url}", *options, "--json") == 0
    assert json.loads(capsys.readouterr().out)["samples"] == 6
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["answer"] for row in rows] == ["3", "5"]
    assert sorted(body["seed"] for body in server.bodies) == [5, 5, 6, 6, 7, 7]


WITHOUT = """
import sys
for name in ("langchain_core", "llama_index", {hidden}):
    sys.modules[name] = None
from bestofinf.cli import main
main(sys.argv[1:])
"""


def program(*words, hidden="", **variables):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OPENAI_")}
    return subprocess.run(
        [sys.executable, "-c", WITHOUT.format(hidden=hidden), *words],
        capture_output=True,
        text=True,
        env=environment | variables,
    )


def test_the_program_asks_without_any_adapter(serve):
    server = serve(ScriptedBackend(["The answer is 42."], cycle=True))
    done = program("ask", "6 * 7?", "-m", "alpha", OPENAI_BASE_URL=server.url)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("The answer is 42.")


def test_tiny_models_need_no_package_at_all():
    done = program("ask", "What is 12 + 30 + 41?", "-m", "tiny:sum", hidden='"aiohttp"')
    assert done.returncode == 0, done.stderr
    assert "samples, " in done.stdout


def test_a_missing_package_is_one_line_that_says_what_to_install():
    done = program("ask", "?", "-m", "alpha", OPENAI_BASE_URL=URL, hidden='"aiohttp"')
    assert done.returncode == 2
    assert "pip install 'bestofinf[http]'" in " ".join(done.stderr.split())
    done = program("ask", "?", "-m", "anthropic:claude-haiku-4-5")
    assert done.returncode == 2
    assert "pip install 'bestofinf[langchain]'" in " ".join(done.stderr.split())
