"""A service that streams a vote and then the answer. Runs offline.

Start it with ``uvicorn --app-dir examples fastapi_app:app``.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from langchain_bestofinf import AdaptiveEnsembleChat
from langchain_bestofinf.tiny import TinyChat

app = FastAPI()
app.state.model = AdaptiveEnsembleChat(members=[TinyChat(model="sum", seed=1)], deadline=60)


@app.get("/ask")
async def ask(q: str) -> StreamingResponse:
    return StreamingResponse(events(q), media_type="text/event-stream")


async def events(question: str) -> AsyncIterator[str]:
    """Tell the votes while they are counted, and the answer when they have decided."""
    async for event in app.state.model.astream_events(question):
        if event["event"] == "on_custom_event" and event["name"] == "bestofinf.sample":
            yield f"event: votes\ndata: {json.dumps(event['data']['votes'])}\n\n"
        elif event["event"] == "on_chat_model_stream" and event["data"]["chunk"].text:
            yield f"event: text\ndata: {json.dumps(event['data']['chunk'].text)}\n\n"


if __name__ == "__main__":  # one request, without a server
    from starlette.testclient import TestClient

    with TestClient(app) as client:
        print(client.get("/ask", params={"q": "What is 12 + 30 + 41?"}).text)
