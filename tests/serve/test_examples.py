"""The examples of the endpoint work, offline."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from importlib.metadata import metadata
from pathlib import Path

import httpx
import pytest

from bestofinf.ensemble import read_config
from bestofinf.errors import UsageError
from bestofinf.serve import Service, check, read_serving
from support.served import Endpoint

EXAMPLES = Path(__file__).parents[2] / "examples" / "serve"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.name)
def test_every_file_is_right(path):
    config = read_config(path)
    assert read_serving(config).workers == 1
    assert config.ensembles


def test_a_file_for_others_wants_its_variables(monkeypatch):
    for name in ("CLIENT_KEY", "OPENAI_API_KEY", "STORE_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UsageError, match="OPENAI_API_KEY"):
        Service(EXAMPLES / "ensemble.toml")


def composed():
    """Return the services of the compose file."""
    yaml = pytest.importorskip("yaml")
    return yaml.safe_load((EXAMPLES / "compose.yaml").read_text())["services"]


def test_the_compose_file_gives_what_the_configuration_wants(monkeypatch):
    endpoint, store = composed()["endpoint"], composed()["store"]
    for name, value in endpoint["environment"].items():
        monkeypatch.setenv(name, value)
    serving, models = check(EXAMPLES / "ensemble.toml")
    assert endpoint["ports"] == [f"{serving.port}:{serving.port}"]
    assert "./ensemble.toml:/etc/ensemble.toml:ro" in endpoint["volumes"]
    assert endpoint["environment"]["STORE_URL"].endswith(
        f"@store/{store['environment']['POSTGRES_DB']}"
    )
    assert int(endpoint["stop_grace_period"].removesuffix("s")) > serving.stop
    assert "careful" in models
    shell, option, script = shlex.split(endpoint["command"])
    assert (shell, option) == ("sh", "-c")
    extras = re.search(r"'bestofinf\[([\w,]+)\]'", script)[1].split(",")
    assert set(extras) <= set(metadata("bestofinf").get_all("Provides-Extra"))


@pytest.mark.soak
def test_the_command_of_the_compose_file_serves(tmp_path):
    endpoint = composed()["endpoint"]
    script = shlex.split(endpoint["command"])[2]
    command = shlex.split(script.partition("&& exec ")[2])
    assert command[0] == "bestofinf"
    command[command.index("/etc/ensemble.toml")] = str(EXAMPLES / "ensemble.toml")
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = str(found.getsockname()[1])
    given = dict.fromkeys(endpoint["environment"], "the-key-of-a-test")
    env = {**os.environ, **given, "STORE_URL": str(tmp_path / "a.db")}
    program = [sys.executable, "-c", "from bestofinf.cli import main; main()", *command[1:]]
    process = subprocess.Popen([*program, "--host", "127.0.0.1", "--port", port], env=env)
    try:
        url, end = f"http://127.0.0.1:{port}", time.monotonic() + 120
        while time.monotonic() < end and process.poll() is None:
            try:
                assert httpx.get(f"{url}/ready", trust_env=False).status_code == 200
                break
            except httpx.TransportError:
                time.sleep(0.1)
        assert httpx.get(f"{url}/v1/models", trust_env=False).status_code == 401
        headers = {"authorization": f"Bearer {given['CLIENT_KEY']}"}
        listed = httpx.get(f"{url}/v1/models", trust_env=False, headers=headers).json()
        assert [model["id"] for model in listed["data"]] == ["careful", "mini", "nano"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) in (0, -signal.SIGTERM)
    finally:
        process.kill()
        process.wait()


def test_the_clients_of_the_example_are_answered(tmp_path):
    pytest.importorskip("openai")
    with Endpoint(EXAMPLES / "tiny.toml", store=str(tmp_path / "a.db")) as made:
        done = subprocess.run(
            [sys.executable, str(EXAMPLES / "clients.py"), made.url],
            capture_output=True,
            text=True,
            env={**os.environ, "NO_PROXY": "127.0.0.1"},
        )
    assert done.returncode == 0, done.stderr
    # The models sample anew for each request, so now and then a vote elects a wrong sum.
    _, careful, votes, streamed, response, feedback = done.stdout.splitlines()
    assert re.search(r"votes \{'(\d+)'", votes)[1] in careful
    assert re.fullmatch(r"streamed: \S.*", streamed)
    assert re.fullmatch(r"as a response: \S.*", response)
    assert feedback == "feedback: 200"
