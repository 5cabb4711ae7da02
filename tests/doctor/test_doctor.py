"""What a server can do, found out by asking it: true of servers of many kinds, and of sick ones."""

import asyncio
import json
import time

import pytest

from bestofinf import Ensemble
from bestofinf.cli import main
from bestofinf.doctor import examine
from bestofinf.ensemble import Endpoint
from support.backends import EchoBackend
from support.clinic import Clinic, Refused
from support.faults import HARMLESS, Fault, Faults, RateLimit


async def found(url, *, model=None, **settings):
    """Examine a server; return its report and the findings by name."""
    report = await examine(
        Endpoint(model or "unnamed", url=url), named=model is not None, **settings
    )
    return report, {finding.name: finding for finding in report.findings}


def verdicts(findings):
    return {name: finding.verdict for name, finding in findings.items()}


async def test_the_loopback_server_is_told_as_it_is(serve):
    server = serve(EchoBackend())
    report, findings = await found(server.url)
    assert report.model == "echo"
    assert verdicts(findings) == {
        "models": "yes",
        "server": "unknown",
        "chat": "yes",
        "stream": "yes",
        "n": "yes",
        "logprobs": "yes",
        "json_schema": "yes",
        "tools": "yes",
        "context": "unknown",
        "crowding": "yes",
        "leaving": "unknown",
    }
    assert "all three are the same text" in findings["n"].said
    assert report.facts.logprobs == "raw"
    assert report.facts.tokens == server.counts.completion_tokens < 300


async def test_a_server_like_llama_cpp_is_told_as_it_is():
    clinic = Clinic(
        kind="llama.cpp",
        several="one",
        tools=False,
        notices=("stream",),
        seconds_per_token=0.01,
        slots=3,
    )
    async with clinic as url:
        report, findings = await found(url)
    assert "llama.cpp; 3 slots; context 1024 tokens" in findings["server"].said
    assert findings["n"].verdict == "partly"
    assert "usage says 8" in findings["n"].said
    assert findings["logprobs"].details == {
        "kind": "raw",
        "on_request": {"post_sampling_probs": True},
    }
    assert findings["tools"].verdict == "no"
    assert "'It is warm.'" in findings["tools"].said
    assert "refused with 400 (exceed_context_size_error)" in findings["context"].said
    assert findings["leaving"].details == {"stream": True, "plain": False}
    assert report.to_json()["concurrency"] == 3
    assert "streaming=True" in report.members["langchain"]
    assert "context_window=1024" in report.members["llamaindex"]


async def test_a_server_like_vllm_is_told_as_it_is():
    clinic = Clinic(kind="vLLM", logprobs="processed", seconds_per_token=0.01)
    async with clinic as url:
        report, findings = await found(url)
    assert "vLLM; slots not told; context 1024 tokens; version 0.99" in findings["server"].said
    assert report.facts.logprobs == "processed"
    assert report.facts.counts_all
    assert findings["leaving"].details == {"stream": True, "plain": True}
    assert "streaming" not in report.members["langchain"]


async def test_what_a_server_cannot_do_is_told():
    clinic = Clinic(
        several=False, logprobs="none", schemas=False, tools="broken", streams=False, usage=False
    )
    async with clinic as url:
        report, findings = await found(url)
    for name, verdict, told in (
        ("chat", "yes", "no token counts"),
        ("stream", "no", "came in one piece"),
        ("n", "no", "3 replies were asked for, 1 came"),
        ("logprobs", "no", "none came"),
        ("json_schema", "no", "not enforced: '1, 2, 3"),
        ("tools", "partly", "no JSON object"),
    ):
        assert findings[name].verdict == verdict
        assert told in findings[name].said
    assert 'ask = "plain"' in report.members["toml"]
    assert "logprobs" not in "".join(report.members.values())


@pytest.mark.parametrize(
    ("logprobs", "verdict", "told"),
    [("some", "partly", "not for every token"), ("processed", "yes", "what is sampled from")],
)
async def test_the_kind_of_log_probabilities_is_told(logprobs, verdict, told):
    async with Clinic(logprobs=logprobs) as url:
        _, findings = await found(url)
    assert findings["logprobs"].verdict == verdict
    assert told in findings["logprobs"].said


async def test_what_is_too_long_may_be_cut_silently():
    async with Clinic(kind="vLLM", cuts=True) as url:
        _, findings = await found(url)
    assert findings["context"].verdict == "partly"
    assert "cut silently" in findings["context"].said


async def test_fields_that_a_server_refuses_are_renamed_or_left_out_from_then_on():
    def check(body):
        if "max_tokens" in body:
            raise Refused(400, "Use max_completion_tokens instead.", param="max_tokens")
        if "temperature" in body:
            raise Refused(400, "Only the default is supported.", param="temperature")

    clinic = Clinic(check=check)
    async with clinic as url:
        report, findings = await found(url)
    assert "max_tokens is called max_completion_tokens here" in findings["chat"].said
    assert "temperature is not taken here" in findings["chat"].said
    assert sum("temperature" in body for body in clinic.bodies) == 2
    assert 'rename = {max_tokens = "max_completion_tokens"}' in report.members["toml"]
    assert 'drop = ["temperature"]' in report.members["toml"]


async def test_refusals_of_single_fields_stay_with_their_probes():
    def check(body):
        for name in ("n", "logprobs", "response_format", "tools"):
            if name in body:
                raise Refused(422, f"{name} is not supported")

    async with Clinic(check=check) as url:
        report, findings = await found(url)
    for name, field in (
        ("n", "n"),
        ("logprobs", "logprobs"),
        ("json_schema", "response_format"),
        ("tools", "tools"),
    ):
        assert findings[name].verdict == "no"
        assert f"{field} is not supported" in findings[name].said
    assert report.chats
    assert findings["crowding"].verdict == "yes"


@pytest.mark.parametrize("fault", [f for f in Fault if f not in {Fault.HANG, *HARMLESS}])
async def test_every_fault_is_a_line_and_no_error(serve, fault):
    server = serve(EchoBackend(), faults=Faults.always(fault))
    report, findings = await found(server.url)
    chat = findings["chat"]
    if not report.chats:
        assert chat.verdict == "no"
        assert chat.said
        assert findings["tools"].said == "not asked: the server does not chat"
        assert report.members == {}
        assert server.counts.started <= 3
    assert len(findings) == 11
    assert all("\n" not in finding.said for finding in report.findings)


async def test_one_fault_spoils_one_probe(serve):
    server = serve(EchoBackend(), faults=Faults(at={2: Fault.TRUNCATED}))
    report, findings = await found(server.url)
    assert findings["n"].verdict == "unknown"
    assert "lost within the reply" in findings["n"].said
    others = {name: verdict for name, verdict in verdicts(findings).items() if name != "n"}
    assert "no" not in others.values()
    assert report.facts.several is None


async def test_a_server_that_does_not_answer_costs_no_more_than_the_time_given(serve):
    server = serve(EchoBackend(), faults=Faults(at={1: Fault.HANG, 2: Fault.HANG}))
    began = time.monotonic()
    _, findings = await found(server.url, seconds=3.0)
    assert time.monotonic() - began < 30
    assert findings["chat"].verdict == "yes"
    assert "nothing came within" in findings["stream"].said
    assert findings["tools"].said == "not asked: the time is over"


@pytest.mark.parametrize(
    ("faults", "told"),
    [
        (RateLimit(requests=12, seconds=3600), "refused (4 with 429), no Retry-After"),
        (
            Faults(at=dict.fromkeys((13, 14), Fault.RATE_LIMIT_RETRY_AFTER), retry_after=7),
            "8 at a time: 2 refused (2 with 429), Retry-After up to 7 s",
        ),
    ],
)
async def test_refusals_of_many_at_a_time_are_counted(serve, faults, told):
    server = serve(EchoBackend(), faults=faults)
    report, findings = await found(server.url)
    assert told in findings["crowding"].said
    refused = findings["crowding"].details["refused"]
    assert report.to_json()["concurrency"] == 8 - refused


def test_the_members_to_paste_work(serve, tmp_path):
    server = serve(EchoBackend())
    report, _ = asyncio.run(found(server.url, model="echo"))
    made = {}
    exec(compile(report.members["langchain"], "langchain", "exec"), made)
    assert made["chat"].invoke("Hi there").text == "You said: Hi there"
    made["model"].root_client.close()
    exec(compile(report.members["llamaindex"], "llamaindex", "exec"), made)
    assert made["llm"].complete("Hi there").text == "You said: Hi there"
    made["model"]._get_client().close()
    file = tmp_path / "ensemble.toml"
    file.write_text(report.members["toml"])
    result = Ensemble.load(file).ask("Hi there")
    assert result.reply.text == "You said: Hi there"
    assert result.reply.logprobs


@pytest.fixture
def program(capsys):
    """Run the command; return its exit status, stdout and stderr."""

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(["doctor", *arguments])
        told = capsys.readouterr()
        return ended.value.code, told.out, told.err

    return run


def test_the_command_prints_lines_members_and_json(serve, program):
    server = serve(EchoBackend())
    code, out, err = program("--base-url", server.url)
    assert code == 0, err
    assert "json_schema yes  enforced" in out
    for title in ("LangChain", "LlamaIndex", "ensemble.toml"):
        assert f"\n{title}\n" in out
    told = json.loads(program("--base-url", server.url, "--model", "echo", "--json")[1])
    assert told["model"] == "echo"
    assert {finding["name"] for finding in told["findings"]} >= {"chat", "leaving"}
    assert set(told["members"]) == {"langchain", "llamaindex", "toml"}


def test_the_command_says_what_is_wrong(serve, program, monkeypatch):
    code, out, _ = program("--base-url", "http://127.0.0.1:9/v1", "--model", "m")
    assert code == 1
    assert "chat        no" in out
    server = serve(EchoBackend(models=()))
    code, _, err = program("--base-url", server.url)
    assert code == 2
    assert "the server lists no model: name one, --model MODEL" in err
    code, _, err = program("--base-url", server.url, "--key", "sk-12345678")
    assert code == 2
    assert "env:NAME" in err
    assert "sk-12345678" not in err
    guarded = serve(EchoBackend(), api_key="open-sesame")
    monkeypatch.setenv("CLINIC_KEY", "open-sesame")
    code, out, err = program("--base-url", guarded.url, "--key", "env:CLINIC_KEY")
    assert code == 0, out + err
    assert "open-sesame" not in out
    assert 'os.environ["CLINIC_KEY"]' in out
