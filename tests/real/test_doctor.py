"""``bestofinf doctor`` on llama.cpp and on LiteLLM's proxy: what it prints is true of each."""

import pytest

from bestofinf.doctor import examine
from bestofinf.ensemble import Endpoint

pytestmark = pytest.mark.soak


async def found(url, model):
    report = await examine(Endpoint(model, url=url))
    return report, {finding.name: finding for finding in report.findings}


async def test_llama_cpp(llama):
    before = llama.generated()
    report, findings = await found(llama.url, "smollm2")
    assert report.seconds < 60
    assert llama.generated() - before < 700
    assert report.facts.software == "llama.cpp"
    assert (report.facts.slots, report.facts.context) == (8, 1024)
    assert findings["n"].details["completion_tokens"] == 8  # of three replies of 8 tokens
    assert report.facts.logprobs == "raw"
    assert report.facts.on_request == {"post_sampling_probs": True}
    assert report.facts.schemas is True
    assert report.facts.tools is False
    assert findings["context"].details["code"] == "exceed_context_size_error"
    assert findings["crowding"].details["refused"] == 0
    assert report.facts.frees == {"stream": True, "plain": False}
    assert "streaming=True" in report.members["langchain"]
    assert 'logprobs = "raw"' in report.members["toml"]


async def test_llama_cpp_serves_whatever_name_it_is_asked_for(llama):
    report, findings = await found(llama.url, "nobody-knows")
    assert findings["models"].verdict == "partly"
    assert report.chats


async def test_litellm(proxy):
    report, findings = await found(proxy.url, "smol")
    assert report.seconds < 60
    assert report.facts.software == "LiteLLM"
    assert set(report.facts.models) >= {"smol", "limited", "gone"}
    assert report.facts.logprobs == "raw"
    assert report.facts.schemas is True
    assert report.facts.tools is False
    assert findings["leaving"].verdict == "unknown"


async def test_litellm_with_a_rate_limit(proxy):
    report, findings = await found(proxy.url, "tight")  # 3 a minute
    crowding = findings["crowding"]
    assert 1 <= crowding.details["refused"] <= 8  # a new minute may begin meanwhile
    assert crowding.details["statuses"] == {"429": crowding.details["refused"]}
    assert "no Retry-After" in crowding.said
    assert report.to_json()["concurrency"] < 8


async def test_a_model_that_nobody_serves(proxy):
    report, findings = await found(proxy.url, "gone")
    assert findings["chat"].verdict == "no"
    assert report.members == {}
