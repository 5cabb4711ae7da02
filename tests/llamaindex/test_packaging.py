"""Each adapter stands alone, and a missing package is named."""

from __future__ import annotations

import subprocess
import sys

HIDE = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {hidden!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden())
"""


def run(hidden, code):
    return subprocess.run(
        [sys.executable, "-c", HIDE.format(hidden=hidden) + code], capture_output=True, text=True
    )


def test_it_works_without_langchain_pytest_and_the_weights_extra():
    code = """
from llama_index.core.llms import MockLLM
from llamaindex_bestofinf import *
print(AdaptiveEnsembleLLM([MockLLM()]).complete("The answer is 3."))
assert not [name for name in sys.modules if name.startswith(("langchain", "mip"))]
"""
    done = run({"langchain_core", "langchain", "mip", "pytest", "matplotlib"}, code)
    assert done.stdout == "The answer is 3.\n", done.stderr


def test_without_llama_index_the_extra_is_named():
    code = """
import llamaindex_bestofinf, bestofinf.testing
for load in (lambda: llamaindex_bestofinf.AdaptiveEnsembleLLM, lambda: bestofinf.testing.LLMConformance):
    try:
        load()
    except ImportError as error:
        print(type(error).__name__, "bestofinf[llamaindex]" in str(error))
"""
    done = run({"llama_index"}, code)
    assert done.stdout == "MissingExtraError True\n" * 2, done.stderr


def test_without_pytest_the_extra_of_the_kit_is_named():
    code = """
import bestofinf.testing
try:
    bestofinf.testing.IdentityLaw
except ImportError as error:
    print(error)
"""
    assert "bestofinf[test]" in run({"pytest", "_pytest"}, code).stdout
