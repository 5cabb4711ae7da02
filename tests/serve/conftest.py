from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from contextlib import ExitStack, suppress

import httpx
import pytest

pytest.importorskip("starlette")
pytest.importorskip("prometheus_client")

from support.served import PROGRAM, Endpoint, written


@pytest.fixture
def endpoint(tmp_path, serve):
    """Start endpoints over a loopback server of members; they stop with the test."""
    with ExitStack() as running:

        def start(backend, *, server=None, given=None, faults=None, **file):
            members = server or serve(backend, faults=faults)
            path = written(tmp_path / "ensemble.toml", members.url, **file)
            found = running.enter_context(Endpoint(path, **(given or {})))
            found.members = members
            found.path = path
            return found

        yield start


def end_all(group: int) -> None:
    """Kill a program and its processes."""
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


@pytest.fixture
def program(tmp_path):
    """Start ``bestofinf serve`` over a server of members; it is killed with the test."""
    with ExitStack() as running:

        def start(server, **file):
            with socket.create_server(("127.0.0.1", 0)) as found:
                port = found.getsockname()[1]
            path = written(tmp_path / "ensemble.toml", server.url, **file)
            command = [*PROGRAM, str(path), "--port", str(port)]
            log = running.enter_context((tmp_path / "log.txt").open("w"))
            process = subprocess.Popen(
                command, stdout=log, stderr=log, env=os.environ, start_new_session=True
            )
            running.callback(process.wait)
            running.callback(end_all, process.pid)
            process.url = f"http://127.0.0.1:{port}/v1"
            process.file = path
            process.log = tmp_path / "log.txt"
            end = time.monotonic() + 60
            while time.monotonic() < end and process.poll() is None:
                try:
                    httpx.get(f"http://127.0.0.1:{port}/ready", trust_env=False)
                    return process
                except httpx.TransportError:
                    time.sleep(0.05)
            raise AssertionError(process.log.read_text())

        yield start
