"""The loopback server as a process of its own, so that a benchmark does not share its time."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import httpx

from support.backends import Backend, EchoBackend
from support.faults import Fault, Faults, RateLimit
from support.recorded import MadeBackend, RecordedBackend
from support.request import Json
from support.server import LoopbackServer

_TESTS = Path(__file__).resolve().parents[1]


class ServerProcess:
    """Runs ``python -m support.server`` with these arguments while the context is open.

    Attributes:
        url: Base URL for clients, ending in ``/v1``.
    """

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments

    def __enter__(self) -> ServerProcess:
        paths = [str(_TESTS), str(_TESTS.parent / "shared"), os.environ.get("PYTHONPATH", "")]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.server", "--until-eof", *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        if not self.url:
            self.__exit__(None, None, None)
            raise RuntimeError("the server did not start; its error is above")
        self._client = httpx.Client(base_url=self.url.removesuffix("/v1"), trust_env=False)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if hasattr(self, "_client"):
            self._client.close()
        try:
            self._process.communicate(timeout=15)  # closes its input, which ends it
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            raise

    def counts(self) -> Json:
        """Return the server's counts by name."""
        counts: dict[str, Any] = self._client.get("/counts").json()
        return counts

    def tally(self) -> dict[str, Counter[str | None]]:
        """Return how often each answer was served to the end, by question; None: no answer."""
        tally = self._client.get("/tally").json()
        return {question: Counter(dict(answers)) for question, answers in tally.items()}

    def reset(self) -> None:
        """Clear the server's book and let its back end begin again."""
        self._client.post("/reset").raise_for_status()

    @property
    def pid(self) -> int:
        return self._process.pid


def main() -> None:
    """Serve until told to stop by SIGTERM, SIGINT or, if wanted, the end of standard input."""
    options = _parser().parse_args()
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    with LoopbackServer(
        _backend(options),
        seconds_per_token=options.seconds_per_token,
        latency=options.latency,
        faults=_faults(options),
        port=options.port,
        record=False,
    ) as server:
        sys.stdout.write(server.url + "\n")
        sys.stdout.flush()
        if options.until_eof:
            threading.Thread(target=_at_eof, args=(stop,), daemon=True).start()
        stop.wait()


def _at_eof(stop: threading.Event) -> None:
    with contextlib.suppress(ValueError):
        while sys.stdin.read(4096):
            pass
    stop.set()


def _backend(options: argparse.Namespace) -> Backend:
    if options.backend == "recorded":
        members = options.members.split(",") if options.members else None
        return RecordedBackend.from_data(options.dataset, members, seed=options.seed)
    if options.backend == "echo":
        return EchoBackend()
    return MadeBackend(options.questions, seed=options.seed)


def _faults(options: argparse.Namespace) -> Faults:
    if options.rate_limit is not None:
        requests, _, seconds = options.rate_limit.partition("/")
        return RateLimit(requests=int(requests), seconds=float(seconds))
    return Faults(options.fault_rate, options.fault_kinds or tuple(Fault), seed=options.seed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m support.server", description=main.__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--backend", choices=("made", "recorded", "echo"), default="made")
    parser.add_argument("--questions", type=int, default=100, help="of the made back end")
    parser.add_argument("--dataset", default="aime2024", help="of the recorded back end")
    parser.add_argument("--members", help="of the recorded back end, separated by commas")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds-per-token", type=float, default=0.0)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--fault-rate", type=float, default=0.0, help="share of faulty replies")
    parser.add_argument("--fault-kinds", type=Fault, nargs="*", help="all when left out")
    parser.add_argument("--rate-limit", help="instead of faults: REQUESTS/SECONDS, then refused")
    parser.add_argument("--until-eof", action="store_true", help="stop when standard input ends")
    return parser
