"""The LangChain adapter on the oldest minor version of langchain-core that the package allows."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
BESIDE = ("langchain", "langgraph", "langchain-openai", "langchain-anthropic", "langchain-tests")


@pytest.mark.soak
def test_the_adapter_and_langchains_own_tests_pass_on_the_oldest_core(tmp_path: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (core,) = map(Requirement, project["optional-dependencies"]["langchain"])
    (oldest,) = (part.version for part in core.specifier if part.operator == ">=")
    # An environment that sees what is installed here, with other versions before it.
    run(sys.executable, "-m", "venv", tmp_path)
    inside = sysconfig.get_path("purelib", vars={"base": str(tmp_path), "platbase": str(tmp_path)})
    (Path(inside) / "project.pth").write_text(sysconfig.get_path("purelib"))
    python = tmp_path / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", f"{core.name}=={oldest}.*", *BESIDE)
    told = run(python, "-c", "from langchain_core.version import VERSION; print(VERSION)")
    assert told.startswith(f"{oldest}."), told
    run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", "tests/langchain")


def run(*command: object) -> str:
    done = subprocess.run(
        list(map(str, command)),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "shared"), str(ROOT)])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout.strip()
