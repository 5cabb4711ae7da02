"""What the adapters export: lists, lazy imports, guides and `dir` say the same."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FRAMEWORKS = {"langchain_bestofinf": "langchain_core", "llamaindex_bestofinf": "llama_index"}
ELSEWHERE = {"IdenticalSamplesWarning", "NoObjectError"}  # the core's, handed on

if not all(find_spec(name) for name in FRAMEWORKS.values()):
    pytest.skip("needs the extras of both adapters", allow_module_level=True)


@pytest.fixture(params=FRAMEWORKS)
def package(request):
    return import_module(request.param)


def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def defined(path):
    """Return the public classes and functions that a module defines."""
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return {n.name for n in tree(path).body if isinstance(n, kinds) and not n.name.startswith("_")}


def homes(package):
    """Return the module of each public name, as the package writes it."""
    return {name: home for home, names in package._MODULES.items() for name in names}


def test_the_list_is_that_of_the_lazy_imports_and_of_the_types(package):
    guarded = next(n for n in tree(Path(package.__file__)).body if isinstance(n, ast.If))
    typed = {
        alias.name
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == set(package.__all__) == homes(package).keys()
    assert package.__all__ == sorted(package.__all__)


def test_dir_and_a_star_import_give_the_list(package):
    assert dir(package) == package.__all__
    names: dict[str, object] = {}
    exec(f"from {package.__name__} import *", names)
    assert names.keys() - {"__builtins__"} == set(package.__all__)


def test_every_name_is_there_where_it_is_said_to_be(package):
    for name, home in homes(package).items():
        value = getattr(package, name)
        if home == "bestofinf.ensemble":
            assert value.__module__.startswith(f"{home}.")
        else:
            assert value.__module__ == f"{package.__name__}.{home}"
        assert value.__doc__


def test_what_the_documentation_names_is_exported(package):
    folder = Path(package.__file__).parent
    public = set().union(*(defined(path) for path in folder.glob("*.py")))
    for page in [*(ROOT / "docs").glob("*.md"), ROOT / "README.md"]:
        text = page.read_text(encoding="utf-8")
        code = " ".join(re.findall(r"```.*?```|`[^`\n]+`", text, re.S))
        imported = re.findall(rf"from {package.__name__}[\w.]* import (.+)", code)
        for name in {name.strip() for line in imported for name in line.split(",")}:
            assert name in package.__all__, f"{page.name} imports {name}"
        for name in public & set(re.findall(r"\b[A-Z]\w+", code)) - ELSEWHERE:
            other = name in import_module("bestofinf").__all__  # such as Question
            assert other or name in package.__all__, f"{page.name} speaks of {name}"


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_importing_an_adapter_loads_no_framework(name):
    code = f"import sys, {name}; print({FRAMEWORKS[name]!r} in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_name_that_does_not_exist_is_an_attribute_error(package):
    with pytest.raises(AttributeError, match="has no attribute 'Nonsense'"):
        _ = package.Nonsense


def test_each_adapter_has_its_tiny_model():
    from langchain_bestofinf import TinyChat
    from llamaindex_bestofinf import TinyLLM

    question = "What is 12 + 30 + 41?"
    assert TinyChat(model="sum", seed=1).invoke(question).text == (
        TinyLLM(model="sum", seed=1).complete(question).text
    )
