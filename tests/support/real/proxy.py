"""LiteLLM's proxy in front of other servers, as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from support.real.server import START_SECONDS, fetched, free_port, interpreter


class LiteLLMProxy:
    """Runs the proxy while the context is open.

    Attributes:
        url: Base URL for clients, ending in ``/v1``.

    Args:
        folder: For its configuration and its log.
        models: For each name the deployments behind it, as ``litellm_params``.
    """

    def __init__(self, folder: Path, models: dict[str, list[dict[str, Any]]]) -> None:
        deployments = [
            {"model_name": name, "litellm_params": params}
            for name, several in models.items()
            for params in several
        ]
        config = {
            "model_list": deployments,
            "litellm_settings": {"num_retries": 0, "telemetry": False},
            "router_settings": {"num_retries": 0, "disable_cooldowns": True},
        }
        self._config = folder / "litellm.yaml"
        self._config.write_text(json.dumps(config))  # JSON is YAML
        self._log = folder / "litellm.log"
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}/v1"

    def __enter__(self) -> LiteLLMProxy:
        program = Path(interpreter()).with_name("litellm")
        command = [str(program), "--config", str(self._config), "--host", "127.0.0.1"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--port", str(self._port)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={
                    **os.environ,
                    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # it would fetch it
                    "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
                    "NO_PROXY": "127.0.0.1",
                },
            )
        end = time.monotonic() + START_SECONDS
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > end:
                self.__exit__(None, None, None)
                raise RuntimeError(f"the proxy did not start:\n{self._log.read_text()[-2000:]}")
            time.sleep(0.1)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def _ready(self) -> bool:
        try:
            fetched(f"{self.url.removesuffix('/v1')}/health/readiness", 5.0)
        except OSError:
            return False
        return True
