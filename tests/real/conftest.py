"""A real model behind llama.cpp's server, and LiteLLM's proxy before it; skipped where missing."""

import pytest

from support.real.proxy import LiteLLMProxy
from support.real.server import LlamaServer, missing


@pytest.fixture(scope="session")
def llama(tmp_path_factory):
    """Return the server that tests share."""
    if reason := missing():
        pytest.skip(reason)
    with LlamaServer(tmp_path_factory.mktemp("llama") / "server.log") as server:
        yield server


@pytest.fixture
def own_llama(tmp_path):
    """Return a server of two slots that may be killed."""
    if reason := missing():
        pytest.skip(reason)
    with LlamaServer(tmp_path / "server.log", slots=2) as server:
        yield server


@pytest.fixture(scope="session")
def proxy(llama, tmp_path_factory):
    """Return a proxy: ``smol`` behind it, ``limited`` and ``tight`` to few requests a minute, and sick models."""
    if reason := missing("litellm", "fastapi"):
        pytest.skip(reason)
    real = {"model": "openai/smollm2", "api_base": llama.url, "api_key": "none"}
    nobody = {"model": "openai/smollm2", "api_base": "http://127.0.0.1:9/v1", "api_key": "none"}
    models = {
        "smol": [real],
        "limited": [{**real, "rpm": 20}],
        "tight": [{**real, "rpm": 3}],
        "gone": [nobody],
        "half": [real, nobody],
        "mock": [{"model": "openai/mock", "api_key": "none", "mock_response": "positive"}],
    }
    with LiteLLMProxy(tmp_path_factory.mktemp("litellm"), models) as running:
        yield running
