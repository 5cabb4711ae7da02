"""An ensemble asked by openai-python: whole, as a stream, with tools, and by feedback.

Start ``make serve`` in another terminal, then ``python examples/serve/clients.py``.
"""

from __future__ import annotations

import sys

import httpx
from openai import OpenAI

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000/v1"
QUESTION = [{"role": "user", "content": "What is 12 + 30 + 41?"}]


def main() -> None:
    client = OpenAI(base_url=URL, api_key="none")
    print("models:", ", ".join(model.id for model in client.models.list()))

    found = client.chat.completions.create(model="careful", messages=QUESTION)
    vote = found.model_extra["bestofinf"]
    print(found.choices[0].message.content.splitlines()[-1])
    print(
        f"{vote['n_samples']} samples, votes {vote['votes']}, confidence {vote['confidence']:.2f}"
    )

    stream = client.chat.completions.create(model="quick", messages=QUESTION, stream=True)
    said = "".join(c.choices[0].delta.content or "" for c in stream if c.choices)
    print("streamed:", said.splitlines()[-1])

    response = client.responses.create(model="quick", input=QUESTION[0]["content"])
    print("as a response:", response.output_text.splitlines()[-1])

    told = httpx.post(f"{URL}/feedback", json={"id": found.id, "correct": True}, trust_env=False)
    print("feedback:", told.status_code)


if __name__ == "__main__":
    main()
