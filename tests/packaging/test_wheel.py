"""The built wheel: what is in it, and that it works where only one extra is installed."""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PYTHONS = ("3.11", "3.12", "3.13")

VOTE = """
from bestofinf import Sample, VotingEngine, parse_rule, vote
decision = vote(VotingEngine(parse_rule("balanced")), lambda draw: Sample("a"))
assert decision.answer == "a", decision
"""
MISSING = """
try:
    from {package} import {name}
    {name}
except ImportError as error:
    assert "bestofinf[{extra}]" in str(error), error
else:
    raise SystemExit("{extra} should be missing")
"""
LANGCHAIN = """
from langchain_bestofinf import AdaptiveEnsembleChat
from langchain_bestofinf.tiny import TinyChat
message = AdaptiveEnsembleChat(members=[TinyChat(model="sum", seed=1)]).invoke("What is 1 + 2 + 3?")
assert message.response_metadata["bestofinf"]["n_samples"]
"""
LLAMAINDEX = """
from llamaindex_bestofinf import AdaptiveEnsembleLLM
from llamaindex_bestofinf.tiny import TinyLLM
response = AdaptiveEnsembleLLM(members=[TinyLLM(model="sum", seed=1)]).complete("What is 1 + 2 + 3?")
assert response.additional_kwargs["bestofinf"]["n_samples"]
"""
WEIGHTS = """
from bestofinf import fit_weights, tiny
assert fit_weights(tiny.recorded(), "maxmargin", time_limit=20).correct
"""
NO_WEIGHTS = """
from bestofinf import MissingExtraError, fit_weights, tiny
try:
    fit_weights(tiny.recorded(), "maxmargin")
except MissingExtraError as error:
    assert "bestofinf[weights]" in str(error), error
else:
    raise SystemExit("mip should be missing")
"""

NO_LANGCHAIN = MISSING.format(
    package="langchain_bestofinf", name="AdaptiveEnsembleChat", extra="langchain"
)
NO_LLAMAINDEX = MISSING.format(
    package="llamaindex_bestofinf", name="AdaptiveEnsembleLLM", extra="llamaindex"
)
EXTRAS = {
    "": (VOTE, NO_LANGCHAIN, NO_LLAMAINDEX, NO_WEIGHTS),
    "langchain": (VOTE, LANGCHAIN, NO_LLAMAINDEX, NO_WEIGHTS),
    "llamaindex": (VOTE, LLAMAINDEX, NO_LANGCHAIN, NO_WEIGHTS),
    "weights": (VOTE, WEIGHTS, NO_LANGCHAIN, NO_LLAMAINDEX),
}


ALL = (
    "langchain",
    "llamaindex",
    "http",
    "serve",
    "weights",
    "math",
    "plots",
    "postgres",
    "frames",
    "logs",
)


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    build = ("-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
    run(sys.executable, *build, "--wheel-dir", folder, ROOT)
    return next(folder.glob("bestofinf-*.whl"))


def test_the_wheel_has_three_typed_packages_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    top = {name.split("/")[0] for name in names}
    packages = {"bestofinf", "langchain_bestofinf", "llamaindex_bestofinf"}
    assert {name for name in top if not name.endswith(".dist-info")} == packages
    assert {f"{package}/py.typed" for package in packages} <= set(names)
    assert "bestofinf/view/templates/export.html.j2" in names
    assert {f"bestofinf/tiny/data/{m}.npz" for m in ("sum", "mul", "clock")} <= set(names)
    (listed,) = (name for name in names if name.endswith(".dist-info/entry_points.txt"))
    offered = zipfile.ZipFile(wheel).read(listed).decode()
    assert "[bestofinf.models]\nlangchain = langchain_bestofinf.named:named_model" in offered
    assert wheel.stat().st_size < 3_000_000


@pytest.mark.soak
@pytest.mark.parametrize("version", PYTHONS)
@pytest.mark.parametrize("extra", EXTRAS, ids=lambda extra: extra or "none")
def test_each_extra_works_alone_on_each_python(wheel, extra, version, tmp_path):
    python = shutil.which(f"python{version}")
    if python is None:
        pytest.skip(f"no python{version} on this machine")
    run(python, "-m", "venv", tmp_path / "env")
    inside = tmp_path / "env" / "bin" / "python"
    run(inside, "-m", "pip", "install", "--quiet", f"{wheel}[{extra}]" if extra else str(wheel))
    for code in EXTRAS[extra]:
        run(inside, "-W", "error::DeprecationWarning:bestofinf", "-c", code, cwd=tmp_path)
    assert "balanced" in run(inside.with_name("bestofinf"), "ask", "--help", cwd=tmp_path)


@pytest.mark.soak
def test_the_lowest_allowed_versions_work_together(wheel, tmp_path):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = sum((extras[name] for name in ALL), project["dependencies"])
    lowest = []
    for requirement in map(Requirement, wanted):
        (bound,) = (part.version for part in requirement.specifier if part.operator == ">=")
        lowest.append(f"{requirement.name}=={bound}")
    (tmp_path / "lowest.txt").write_text("\n".join(lowest))
    run(sys.executable, "-m", "venv", tmp_path / "env")
    inside = tmp_path / "env" / "bin" / "python"
    lowest_only = ("--quiet", "--constraint", tmp_path / "lowest.txt")
    run(inside, "-m", "pip", "install", *lowest_only, f"{wheel}[{','.join(ALL)}]")
    for code in (VOTE, LANGCHAIN, LLAMAINDEX, WEIGHTS):
        run(inside, "-c", code, cwd=tmp_path)
    run(inside.with_name("bestofinf"), "run", "--help", cwd=tmp_path)
