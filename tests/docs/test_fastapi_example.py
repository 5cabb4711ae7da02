"""The service of the recipe stops its vote when the client leaves."""

from __future__ import annotations

import asyncio
import runpy
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.outputs import ChatResult

from langchain_bestofinf import AdaptiveEnsembleChat

pytest.importorskip("fastapi")
APP = Path(__file__).parents[2] / "examples" / "fastapi_app.py"


class Endless(BaseChatModel):
    """Never answers; counts its requests and those that were cancelled."""

    begun: int = 0
    cancelled: int = 0
    asked: Any = None

    @property
    def _llm_type(self) -> str:
        return "endless"

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **_: Any) -> Any:
        raise AssertionError("the service asks with tasks")

    async def _agenerate(
        self, messages: Any, stop: Any = None, run_manager: Any = None, **_: Any
    ) -> ChatResult:
        self.begun += 1
        self.asked.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        raise AssertionError


async def test_a_client_that_leaves_cancels_the_vote_and_its_requests():
    app = runpy.run_path(str(APP))["app"]
    member = Endless(asked=asyncio.Event())
    app.state.model = AdaptiveEnsembleChat([member], deadline=60)

    async def receive():
        await member.asked.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        pass

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "method": "GET",
        "path": "/ask",
        "query_string": b"q=How+long%3F",
        "headers": [],
    }
    await asyncio.wait_for(app(scope, receive, send), timeout=30)
    assert member.begun == member.cancelled > 0
