"""What a vote costs the endpoint's processor beside the bare member through the same server.

``python -m benchmarks.serving``. The member is an echo in a process of its own; the endpoint is
``bestofinf serve`` without a store. Told is the processor time of its process for one request: of
the member under its own name, and of votes of a fixed number of samples, each on another question.
A line through the latter gives the cost of a sample, and of a vote beside its samples. A sample has
a request to the member in it; what aiohttp alone takes for one is told beside. Rounds alternate;
the least of each counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.common import connect_support

connect_support()

import httpx  # noqa: E402

from support.process import ServerProcess  # noqa: E402

SAMPLES = (2, 3, 5, 9)
_LINE = "A line of a long conversation, as agents send it with every request.\n"


def processor(pid: int) -> float:
    """Return the seconds of the processor that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def file_for(url: str) -> str:
    """Return a configuration with a vote of each size."""
    text = f'[members.alpha]\nurl = "{url}"\nmodel = "alpha"\n'
    for n in SAMPLES:
        text += f'[ensembles.votes-{n}]\nmembers = ["alpha"]\nrule = "fixed:n={n}"\n'
        text += "abstain_limit = 50\n"
    return text


async def load(url: str, model: str, requests: int, at_a_time: int, before: str = "") -> None:
    """Send so many requests, each with a text before its question."""
    import aiohttp

    connector = aiohttp.TCPConnector(limit=at_a_time)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def one(n: int) -> None:
            question = f"{time.monotonic_ns()}: The answer is {n % 7}."
            messages = [
                *([{"role": "system", "content": before}] if before else []),
                {"role": "user", "content": question},
            ]
            body = {"model": model, "messages": messages}
            async with session.post(f"{url}/chat/completions", json=body) as response:
                await response.read()
                response.raise_for_status()

        await asyncio.gather(*(one(n) for n in range(requests)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--at-a-time", type=int, default=32)
    parser.add_argument("--prompt", type=int, default=0, help="characters before the question")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", help="file for the figures")
    options = parser.parse_args()
    requests, rounds = (200, 2) if options.quick else (options.requests, options.rounds)
    prompt = (_LINE * (options.prompt // len(_LINE) + 1))[: options.prompt]
    with ServerProcess("--backend", "echo") as member, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ensemble.toml"
        path.write_text(file_for(member.url))
        with socket.create_server(("127.0.0.1", 0)) as found:
            port = found.getsockname()[1]
        program = "from bestofinf.cli import main; main()"
        command = [sys.executable, "-c", program, "serve", str(path), "--port", str(port)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        url = f"http://127.0.0.1:{port}/v1"
        try:
            wait(url)
            names = ("alpha", *(f"votes-{n}" for n in SAMPLES))
            least = dict.fromkeys((*names, "aiohttp"), float("inf"))
            for name in names:
                asyncio.run(load(url, name, 50, options.at_a_time))
            for _ in range(rounds):
                for name in names:
                    before = processor(process.pid)
                    asyncio.run(load(url, name, requests, options.at_a_time, prompt))
                    spent = 1000 * (processor(process.pid) - before) / requests
                    least[name] = min(least[name], spent)
                before = time.process_time()
                asyncio.run(load(member.url, "alpha", requests, options.at_a_time, prompt))
                spent = 1000 * (time.process_time() - before) / requests
                least["aiohttp"] = min(least["aiohttp"], spent)
        finally:
            process.terminate()
            process.wait()
    sample = (least[f"votes-{SAMPLES[-1]}"] - least[f"votes-{SAMPLES[0]}"]) / (
        SAMPLES[-1] - SAMPLES[0]
    )
    bare = least["alpha"]
    one = least[f"votes-{SAMPLES[0]}"] - (SAMPLES[0] - 1) * sample
    for name, spent in least.items():
        print(f"{name:10} {spent:6.2f} ms a request")
    print(
        f"a further sample {sample:.2f} ms, {sample - least['aiohttp']:.2f} ms beside its request; "
        f"a vote of one sample {one - bare:.2f} ms over the bare member; load {os.getloadavg()[0]:.1f}"
    )
    if options.json:
        figures = {**least, "sample": sample, "vote_over_bare": one - bare}
        Path(options.json).write_text(json.dumps(figures))


def wait(url: str) -> None:
    """Wait until the endpoint answers."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            httpx.get(f"{url}/models", trust_env=False)
            return
        except httpx.TransportError:
            time.sleep(0.1)
    raise TimeoutError("the endpoint did not start")


if __name__ == "__main__":
    main()
