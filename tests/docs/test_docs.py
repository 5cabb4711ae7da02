"""The documentation: every code block runs, and the site builds."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_examples import CodeExample, EvalExample, find_examples

ROOT = Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"]


EXAMPLES = list(find_examples(*PAGES))


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_every_code_block_runs_and_prints_what_it_says(
    example: CodeExample, eval_example: EvalExample, tmp_path, monkeypatch
):
    settings = example.prefix_settings()
    if settings.get("test") == "skip":
        pytest.skip(settings.get("because", "needs what is not here"))
    monkeypatch.chdir(tmp_path)
    try:
        eval_example.run_print_check(example)
    except Exception as error:  # its traceback through the page would confuse the test runner
        raise AssertionError(f"{example}: {type(error).__name__}: {error}") from None


def test_the_site_builds_without_a_warning(tmp_path):
    mkdocs = shutil.which("mkdocs", path=str(Path(sys.executable).parent))
    assert mkdocs, "mkdocs is not installed"
    built = subprocess.run(
        [mkdocs, "build", "--strict", "--quiet", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    assert (tmp_path / "index.html").exists()
