"""The documentation: every code block runs, the site builds, and the reference is complete."""

import shutil
import subprocess
import sys
import zlib
from contextlib import nullcontext
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
import typer
from pytest_examples import CodeExample, EvalExample, find_examples

from bestofinf.cli.app import app
from support.pages import SERVER, any_model

ROOT = Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"]
PUBLIC = (
    "bestofinf",
    "bestofinf.advice",
    "bestofinf.answers",
    "bestofinf.batches",
    "bestofinf.calibration",
    "bestofinf.ensemble",
    "bestofinf.evaluation",
    "bestofinf.replay",
    "bestofinf.report",
    "bestofinf.rules",
    "bestofinf.scorers",
    "bestofinf.serve",
    "bestofinf.testing",
    "bestofinf.tiny",
    "bestofinf.view",
    "bestofinf.weights",
    "bestofinf.wire",
    "langchain_bestofinf",
    "llamaindex_bestofinf",
)

EXAMPLES = list(find_examples(*PAGES))


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_every_code_block_runs_and_prints_what_it_says(
    example: CodeExample, eval_example: EvalExample, tmp_path, monkeypatch
):
    settings = example.prefix_settings()
    if settings.get("test") == "skip":
        pytest.skip(settings.get("because", "needs what is not here"))
    for package in settings.get("needs", "").split():
        if not _is_there(package):
            pytest.skip(f"{package} is not installed")
    monkeypatch.chdir(tmp_path)
    try:
        with any_model() if "server" in settings else nullcontext() as server:
            if server is not None:  # keys of the block are made up, as is its address
                monkeypatch.setenv(settings["server"].upper(), "none")
                example = replace(example, source=SERVER.sub(server.url, example.source))
            names = eval_example.run_print_check(example)
            for name, test in names.items():  # as pytest would
                if name.startswith("test_"):
                    test()
    except Exception as error:  # its traceback through the page would confuse the test runner
        raise AssertionError(f"{example}: {type(error).__name__}: {error}") from None


def _is_there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # of the package around it
        return False


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return the folder of the built site; any warning fails."""
    mkdocs = shutil.which("mkdocs", path=str(Path(sys.executable).parent))
    assert mkdocs, "mkdocs is not installed"
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [mkdocs, "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    return folder


def test_the_site_builds_without_a_warning(site):
    assert (site / "index.html").exists()
    assert not (site / "hooks.py").exists()


def test_the_site_leaves_no_public_name_undocumented(site):
    head, data = (site / "objects.inv").read_bytes().split(b"zlib.\n", 1)
    assert head.startswith(b"# Sphinx inventory")
    documented = {line.split(" py:")[0] for line in zlib.decompress(data).decode().splitlines()}
    missing, n_names = [], 0
    for package in PUBLIC:
        exported = import_module(package)
        for name in exported.__all__:
            n_names += 1
            home = getattr(getattr(exported, name), "__module__", package)
            if not documented & {f"{package}.{name}", f"{home}.{name}"}:
                missing.append(f"{package}.{name}")
    assert n_names > 200
    assert not missing


def test_the_site_explains_every_command_and_option_that_the_program_has(site):
    page = (site / "reference" / "commands" / "index.html").read_text(encoding="utf-8")
    program = typer.main.get_command(app)
    assert len(program.commands) > 10
    for name, command in program.commands.items():
        assert f">bestofinf {name}<" in page
        for option in (o for p in command.params for o in p.opts if o.startswith("--")):
            assert option in page, f"{name} {option}"
