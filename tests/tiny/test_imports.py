"""What importing costs, and what it says when an extra is missing."""

import subprocess
import sys

import pytest


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_importing_the_library_loads_neither_the_models_nor_torch():
    done = run(
        "import sys, bestofinf; print([m for m in sys.modules if 'tiny' in m or m == 'torch'])"
    )
    assert done.stdout.strip() == "[]"


def test_importing_the_models_loads_no_weights_and_no_framework():
    code = (
        "import sys; from pathlib import Path\n"
        "read, reads = Path.read_bytes, []\n"
        "Path.read_bytes = lambda self: (reads.append(self.name), read(self))[1]\n"
        "from bestofinf import tiny\n"
        "heavy = {'torch', 'langchain_core', 'llama_index', 'scipy'} & sys.modules.keys()\n"
        "assert (reads, heavy) == ([], set()), (reads, heavy)\n"
        "tiny.load('sum')\n"
        "assert reads == ['sum.npz'], reads\n"
    )
    done = run(code)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("package", "module", "extra"),
    [
        ("langchain_core", "langchain_bestofinf.tiny", "langchain"),
        ("llama_index", "llamaindex_bestofinf.tiny", "llamaindex"),
    ],
)
def test_a_missing_extra_is_named(package, module, extra):
    done = run(f"import sys; sys.modules[{package!r}] = None\nimport {module}")
    assert "MissingExtraError" in done.stderr
    assert f"pip install 'bestofinf[{extra}]'" in done.stderr
