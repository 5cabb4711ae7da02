"""The arrows of the house: who may import whom."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import bestofinf

ROOT = Path(__file__).parents[2]
CORE = ROOT / "shared" / "bestofinf"
ADAPTERS = ("langchain_bestofinf", "llamaindex_bestofinf")

# A module imports from its own floor or from floors below.
FLOORS = [
    {"errors", "_extras", "_display", "hiding", "waiting"},
    {"records"},
    {"tally", "tallies", "answers"},
    {"rules", "schedule", "scores", "selectors"},
    {"ballot"},
    {"engine"},
    {"policy", "drivers", "scorers", "trace", "health", "circuit", "slots", "alike", "prices"},
    {"plan", "pool", "consensus", "unvotable"},
    {"evaluation", "batch", "tiny", "calibration"},
    {"weights", "replay", "job"},
    {"advice", "testing", "settings"},
    {"report"},
    {"cli"},
]
FLOOR_OF = {part: floor for floor, parts in enumerate(FLOORS) for part in parts}
FRAMEWORKS = ("langchain", "llama_index", "langgraph", "openai")


def imports(path):
    """Yield every absolute module name that a file imports at any depth."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
            for alias in node.names:
                yield f"{node.module}.{alias.name}"


def files(folder):
    return sorted(folder.rglob("*.py"))


def part_of(path):
    return path.relative_to(CORE).parts[0].removesuffix(".py")


@pytest.mark.parametrize(
    "path", [p for p in files(CORE) if part_of(p) != "__init__"], ids=lambda p: p.stem
)
def test_the_core_imports_only_from_its_floor_and_below(path):
    part = part_of(path)
    assert part in FLOOR_OF, f"{part} has no place in the house yet"
    for name in imports(path):
        if not name.startswith("bestofinf."):
            continue
        other = name.split(".")[1]
        if other in FLOOR_OF and other != part:
            assert FLOOR_OF[other] < FLOOR_OF[part] or (
                FLOOR_OF[other] == FLOOR_OF[part] and other not in ("cli",)
            ), f"{path.name} imports {name}, which stands above it"


def test_floors_have_no_cycles():
    arrows = {}
    for path in files(CORE):
        part = part_of(path)
        if part == "__init__":
            continue
        for name in imports(path):
            if name.startswith("bestofinf.") and name.split(".")[1] in FLOOR_OF:
                arrows.setdefault(part, set()).add(name.split(".")[1])
    seen, path_so_far = set(), []

    def visit(part):
        assert part not in path_so_far, f"cycle: {' -> '.join([*path_so_far, part])}"
        if part in seen:
            return
        path_so_far.append(part)
        for other in arrows.get(part, set()) - {part}:
            visit(other)
        path_so_far.pop()
        seen.add(part)

    for part in arrows:
        visit(part)


def test_the_core_knows_no_framework():
    for path in files(CORE):
        if part_of(path) in ("cli", "testing"):
            continue
        for name in imports(path):
            assert not name.startswith(FRAMEWORKS), f"{path} imports {name}"


def test_only_weights_imports_mip():
    for folder in (CORE, *(ROOT / name for name in ADAPTERS)):
        for path in files(folder):
            uses = any(name == "mip" or name.startswith("mip.") for name in imports(path))
            assert not uses or path.is_relative_to(CORE / "weights"), path


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_adapters_use_public_names_of_the_core_and_do_not_know_each_other(adapter):
    other = ADAPTERS[1 - ADAPTERS.index(adapter)]
    for path in files(ROOT / adapter):
        for name in imports(path):
            assert not name.startswith(other), f"{path.name} imports {name}"
            if name.startswith("bestofinf.") and name != "bestofinf._extras.require":
                private = [p for p in name.split(".") if p.startswith("_") and p != "_extras"]
                assert not private, f"{path.name} imports {name}"


def test_nothing_imports_the_folder_shared():
    for path in files(ROOT):
        if ".venv" in path.parts:
            continue
        for name in imports(path):
            assert name.split(".")[0] != "shared", f"{path} imports {name}"


def test_every_public_name_is_there_and_typed():
    tree = ast.parse((CORE / "__init__.py").read_text(encoding="utf-8"))
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    typed = {
        alias.name
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == set(bestofinf.__all__)
    for name in bestofinf.__all__:
        assert getattr(bestofinf, name) is not None
    assert set(bestofinf.__all__) < set(dir(bestofinf))


def test_importing_the_package_loads_nothing_heavy():
    heavy = (
        "scipy",
        "numpy",
        "sqlalchemy",
        "mip",
        "matplotlib",
        "langchain_core",
        "torch",
        "typer",
    )
    code = f"import sys, bestofinf; print([m for m in {heavy} if m in sys.modules])"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "[]"


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = bestofinf.Nonsense
