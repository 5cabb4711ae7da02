"""Blocking entry points as a program that is interrupted: each in turn, until it is.

``python -m support.interrupted URL [NAME ...]`` says ``go`` before each, and what has become of it.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

QUESTIONS = [f"question {number}" for number in range(300)]
SLOTS = 4
"""Most requests in flight."""


def entries(url: str) -> dict[str, Callable[[], object]]:
    """Return the entry points by name; left to themselves they go on for minutes."""
    import httpx
    from langchain_openai import ChatOpenAI
    from llama_index.core.llms import ChatMessage
    from llama_index.llms.openai_like import OpenAILike

    from bestofinf import Budget, Endpoint, Member, Reply, Sample, VotePlan, vote_batch
    from bestofinf.ensemble.asking import Ensemble
    from langchain_bestofinf import AdaptiveEnsemble, AdaptiveEnsembleChat
    from llamaindex_bestofinf import AdaptiveEnsembleLLM

    client = httpx.Client(trust_env=False, verify=False)
    asynchronous = httpx.AsyncClient(trust_env=False, verify=False)
    given: dict[str, Any] = {"model": "echo", "api_key": "none", "max_retries": 0}
    model = ChatOpenAI(
        base_url=url, http_client=client, http_async_client=asynchronous, timeout=None, **given
    )
    like = OpenAILike(
        api_base=url,
        http_client=client,
        async_http_client=asynchronous,
        is_chat_model=True,
        **given,
    )
    rule: dict[str, Any] = {"rule": "fixed:n=20", "concurrency": SLOTS, "answer": "text"}
    narrow = {**rule, "concurrency": 2}
    two: Any = {"max_concurrency": 2}
    four: Any = {"max_concurrency": SLOTS}
    chat = AdaptiveEnsembleChat([model], **rule)
    thorough = AdaptiveEnsembleChat([model], rule="exhaustive", answer="text")
    llm = AdaptiveEnsembleLLM([like], **rule)
    looped = AdaptiveEnsembleLLM([like], sync_strategy="loop", **rule)

    def again(call: Callable[[str], object]) -> Callable[[], object]:
        return lambda: [call(question) for question in QUESTIONS]

    def all_of(items: Callable[[], Iterator[Any]]) -> Callable[[], object]:
        return lambda: list(items())

    def first_of(items: Callable[[], Iterator[Any]]) -> Callable[[], object]:
        def call() -> None:
            for _ in items():
                raise KeyboardInterrupt  # left in the middle, as an interrupt leaves it

        return call

    def post(question: str, draw: Any) -> Sample:
        body = {"model": "echo", "messages": [{"role": "user", "content": question}]}
        reply = client.post(f"{url}/chat/completions", json=body, timeout=None).json()
        return Sample(None, Reply(reply["choices"][0]["message"]["content"]))

    plan = VotePlan.make([Member(None)], rule="exhaustive", answer="text")
    asked = Ensemble([Endpoint("echo", url=url)], **rule)
    return {
        "invoke": again(chat.invoke),
        "stream": again(lambda question: list(chat.stream(question))),
        "batch": lambda: AdaptiveEnsembleChat([model], **narrow).batch(QUESTIONS, two),
        "batch of chains": lambda: AdaptiveEnsemble([model], **narrow).batch(QUESTIONS, two),
        "batch under a budget": lambda: thorough.batch(QUESTIONS, four, budget=5000),
        "batch as completed": all_of(
            lambda: thorough.batch_as_completed(QUESTIONS, four, budget=5000)
        ),
        "batch as completed, left": first_of(
            lambda: AdaptiveEnsembleChat([model], **{**narrow, "rule": "fixed:n=2"})
            .batch_as_completed(QUESTIONS, two)
        ),
        "batch as completed under a budget, left": first_of(
            lambda: AdaptiveEnsembleChat([model], rule="exhaustive", answer="text", max_samples=2)
            .batch_as_completed(QUESTIONS[:12], four, budget=24)
        ),
        "vote_batch": all_of(
            lambda: vote_batch(QUESTIONS, post, plan, budget=Budget(5000), concurrency=SLOTS)
        ),
        "chat": again(lambda question: llm.chat([ChatMessage(question)])),
        "chat in the private loop": again(lambda question: looped.chat([ChatMessage(question)])),
        "stream_chat": again(lambda question: list(llm.stream_chat([ChatMessage(question)]))),
        "ask": again(asked.ask),
    }  # fmt: skip


def main() -> None:
    """Call the entry points in turn, each until it is interrupted."""
    url, *names = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # not so in a background job
    made = entries(url)
    for name in names or made:
        sys.stdout.write(f"go {name}\n")
        sys.stdout.flush()
        try:
            made[name]()
        except KeyboardInterrupt:
            sys.stdout.write("interrupted\n")
        else:
            sys.stdout.write("finished\n")
        sys.stdout.flush()
        sys.stdin.readline()  # the next is awaited


if __name__ == "__main__":
    main()
