"""Record the set: ``python -m support.real.record FILE`` in ``tests/``, a quarter of an hour.

Every question is asked with both prompts, 32 replies each, by the server's default way of sampling.
The server gives the model's own log-probabilities (``raw``) of the 40 most probable tokens, which
are all that can be sampled; those that were sampled from (``processed``) follow from them by the
cuts and the temperature of the request. ``--check`` compares them with what the server says itself
when it is asked for ``post_sampling_probs``.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import sys
import tempfile
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from support.real.questions import KINDS, PROMPTS, Asked, fingerprint, messages, questions
from support.real.server import SLOTS, LlamaServer

REPLIES = 32
SAMPLING = {"temperature": 0.8, "top_k": 40, "top_p": 0.95, "min_p": 0.05, "max_tokens": 12}
_DIGITS = 3

Row = dict[str, Any]


def processed(top: Sequence[float], place: int) -> float:
    """Return the log-probability with which a token is sampled.

    llama.cpp cuts the ``top_k`` tokens to the fewest whose probabilities sum to ``top_p``, then
    those below ``min_p`` of the greatest, and only then divides by the temperature.

    Args:
        top: The model's log-probabilities of the ``top_k`` most probable tokens, falling.
        place: Which of them was sampled.
    """
    whole = math.fsum(map(math.exp, top))
    kept, mass = 0, 0.0
    while kept < len(top) and mass < SAMPLING["top_p"] * whole:
        mass += math.exp(top[kept])
        kept += 1
    lowest = top[0] + math.log(SAMPLING["min_p"])
    kept = max(1, sum(value >= lowest for value in top[:kept]))
    sharp = [(value - top[0]) / SAMPLING["temperature"] for value in top[:kept]]
    # A token at the very edge of a cut may fall on its other side by rounding.
    chosen = (top[place] - top[0]) / SAMPLING["temperature"]
    return chosen - math.log(math.fsum(map(math.exp, sharp)))


def read(choice: Row) -> tuple[str, str, tuple[int, ...], list[float], list[float]]:
    """Return text, finish reason, token ids, raw and processed log-probabilities of a choice."""
    ids, raw, cut = [], [], []
    for token in choice["logprobs"]["content"]:
        top = [other["logprob"] for other in token["top_logprobs"]]
        place = [other["id"] for other in token["top_logprobs"]].index(token["id"])
        ids.append(token["id"])
        raw.append(round(token["logprob"], _DIGITS))
        cut.append(round(min(0.0, processed(top, place)), _DIGITS))
    return choice["message"]["content"], choice["finish_reason"], tuple(ids), raw, cut


def ask(client: httpx.Client, asked: Asked, prompt: str, round_: int, **more: Any) -> list[Row]:
    """Return the choices of one request."""
    body = {
        "messages": messages(asked, prompt),
        "n": SLOTS,
        "seed": zlib.crc32(f"{asked.id}/{prompt}/{round_}".encode()) >> 1,
        "logprobs": True,
        "top_logprobs": SAMPLING["top_k"],
        **SAMPLING,
        **more,
    }
    answer = client.post("/v1/chat/completions", json=body).raise_for_status().json()
    return sorted(answer["choices"], key=lambda choice: choice["index"])


def record(client: httpx.Client, asked: Asked, prompt: str) -> Row:
    """Return the replies to one question: what they are, and in which order they were drawn."""
    places: dict[Any, int] = {}
    replies, drawn = [], []
    for round_ in range(REPLIES // SLOTS):
        for choice in ask(client, asked, prompt, round_):
            text, reason, ids, raw, cut = read(choice)
            place = places.setdefault((ids, reason, *raw), len(places))
            if place == len(replies):
                replies.append([text, reason, raw, cut])
            drawn.append(place)
    return {"replies": replies, "drawn": drawn}


def check(client: httpx.Client) -> tuple[int, float]:
    """Return the tokens compared and the largest difference of their probabilities."""
    compared, largest = 0, 0.0
    for asked in questions()[::4]:
        for prompt in PROMPTS:
            ask(client, asked, prompt, 0, n=1)  # a prompt read anew gives slightly other numbers
            ours = ask(client, asked, prompt, 0, n=1)[0]
            theirs = ask(client, asked, prompt, 0, n=1, post_sampling_probs=True)[0]
            if ours["message"] != theirs["message"]:
                continue
            probabilities = [token["prob"] for token in theirs["logprobs"]["content"]]
            for value, theirs_ in zip(read(ours)[4], probabilities, strict=True):
                compared += 1
                largest = max(largest, abs(math.exp(value) - theirs_))
    return compared, largest


def main() -> None:
    """Record the set, or check how its probabilities are computed."""
    parser = argparse.ArgumentParser(prog="python -m support.real.record", description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", help="ends in .jsonl.gz")
    parser.add_argument("--check", action="store_true", help="compare, and record nothing")
    options = parser.parse_args()
    if (options.file is None) != options.check:
        parser.error("name a file, or --check")
    with (
        tempfile.TemporaryDirectory() as folder,
        LlamaServer(Path(folder) / "server.log") as server,
        httpx.Client(base_url=server.root_url, timeout=600, trust_env=False) as client,
    ):
        if options.check:
            compared, largest = check(client)
            sys.stderr.write(f"{compared} tokens compared; largest difference {largest:.2g}\n")
            return
        facts = server.get("/props")
        head = {"questions": fingerprint(), "replies": REPLIES, "sampling": SAMPLING}
        head |= {"model": facts["model_path"].rpartition("/")[2], "prompts": PROMPTS}
        rows = [json.dumps(head)]
        began = time.monotonic()
        found: dict[str, Row] = {asked.id: {} for asked in questions()}
        for kind in KINDS:
            for prompt in PROMPTS:
                for asked in questions():
                    if asked.kind == kind:
                        found[asked.id][prompt] = record(client, asked, prompt)
                sys.stderr.write(f"{kind} {prompt}: {time.monotonic() - began:.0f} s\n")
        for asked in questions():
            told = {"id": asked.id, "text": asked.text, "gold": asked.gold}
            told |= {"choices": asked.choices, **found[asked.id]}
            rows.append(json.dumps(told, ensure_ascii=False, separators=(",", ":")))
    text = "\n".join(rows) + "\n"
    options.file.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


if __name__ == "__main__":
    main()
