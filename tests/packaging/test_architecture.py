"""The arrows of the house: who may import whom."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import bestofinf
from bestofinf import answers, evaluation, weights

ROOT = Path(__file__).parents[2]
CORE = ROOT / "shared" / "bestofinf"
ADAPTERS = ("langchain_bestofinf", "llamaindex_bestofinf")

# The parts from the ground up: a part imports only itself and parts that stand before it.
PARTS = (
    "errors",
    "policy",
    "border",
    "_arrays",
    "_concurrency",
    "_extras",
    "records",
    "answers",
    "optscale",
    "rules",
    "scorers",
    "voting",
    "evaluation",
    "tiny",
    "drivers",
    "weights",
    "replay",
    "calibration",
    "advice",
    "report",
    "view",
    "wire",
    "ensemble",
    "doctor",
    "batches",
    "testing",
    "serve",
    "cli",
)
LEARNING = ("weights", "replay", "calibration", "advice", "report")
ENGINE = ("answers", "optscale", "rules", "scorers", "voting", "drivers")
# Arrows that the order would allow and the design does not.
NEVER = {
    *(("serve", part) for part in (*LEARNING, *ENGINE, "batches", "border", "tiny", "testing")),
    *(("doctor", part) for part in (*LEARNING, *ENGINE, "evaluation", "records", "tiny")),
    # The command line takes public names from `bestofinf`, as any program does.
    *(("cli", part) for part in ("_concurrency", "records", "optscale", "voting", "drivers")),
    *(("testing", part) for part in (*LEARNING, "border", "records", "rules", "voting", "drivers")),
    *((part, "tiny") for part in (*ENGINE, *LEARNING, "ensemble", "batches", "view")),
    ("border", "errors"),
    ("advice", "voting"),
    ("optscale", "records"),
    ("rules", "answers"),
    ("scorers", "answers"),
    ("scorers", "rules"),
    ("weights", "drivers"),
    ("replay", "drivers"),
    ("calibration", "drivers"),
    *(("wire", p) for p in ("answers", "rules", "scorers", "voting", "drivers", "evaluation")),
    *(("ensemble", part) for part in (*LEARNING, "view")),
    *(("batches", part) for part in (*LEARNING, "view")),
    *(("view", part) for part in ("rules", "scorers", "voting", "drivers")),
    ("wire", "view"),
}
# The one accepted exception, imported when used: `AdaptiveEnsembleChat.fit`.
LATE = {("ensemble/settings.py", "weights")}
# What an adapter may import of the core.
SEAM = {
    "bestofinf",
    "answers",
    "batches",
    "border",
    "ensemble",
    "errors",
    "evaluation",
    "records",
    "scorers",
    "tiny",
    "_extras",
}
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


def named(path):
    """Yield every text that may be the path of a module of this project."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and text.split(".")[0] in ("bestofinf", *ADAPTERS):
            yield text


def files(folder):
    return sorted(folder.rglob("*.py"))


def part_of(path):
    return path.relative_to(CORE).parts[0].removesuffix(".py")


def parts_imported(path):
    """Return the parts of the core that a file names, in its imports or as texts."""
    names = [*imports(path), *(name for name in named(path) if "." in name)]
    return {name.split(".")[1] for name in names if name.startswith("bestofinf.")} & set(PARTS)


@pytest.mark.parametrize(
    "path",
    [p for p in files(CORE) if part_of(p) != "__init__"],
    ids=lambda p: str(p.relative_to(CORE)),
)
def test_a_part_of_the_core_imports_only_parts_that_stand_before_it(path):
    part, where = part_of(path), path.relative_to(CORE).as_posix()
    assert part in PARTS, f"{part} has no place in the house yet"
    for other in parts_imported(path) - {part}:
        if (where, other) in LATE:
            continue
        assert PARTS.index(other) < PARTS.index(part), f"{where} imports {other}, which is above it"
        assert (part, other) not in NEVER, f"{where} imports {other}, which {part} never does"


def test_no_two_modules_import_each_other():
    arrows = {}
    for folder in (CORE, *(ROOT / name for name in ADAPTERS)):
        for path in files(folder):
            if path.name != "__init__.py":
                at_the_top = [
                    node.module
                    for node in ast.parse(path.read_text(encoding="utf-8")).body
                    if isinstance(node, ast.ImportFrom) and node.module
                ]
                module = ".".join(path.relative_to(folder.parent).with_suffix("").parts)
                arrows[module] = set(at_the_top)
    done, trail = set(), []

    def visit(module):
        assert module not in trail, f"circle: {' -> '.join([*trail, module])}"
        if module in done:
            return
        trail.append(module)
        for other in sorted(arrows.get(module, set()) & arrows.keys()):
            visit(other)
        trail.pop()
        done.add(module)

    for module in arrows:
        visit(module)


def test_the_core_knows_no_framework():
    for path in files(CORE):
        if part_of(path) == "testing":
            continue
        for name in [*imports(path), *named(path)]:
            assert not name.startswith(FRAMEWORKS), f"{path} imports {name}"


def test_only_one_file_knows_the_http_client():
    def knows(path):
        tree = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        texts = (node.value for node in tree if isinstance(node, ast.Constant))
        return "aiohttp" in {*texts, *(name.split(".")[0] for name in imports(path))}

    assert [path for path in files(CORE) if knows(path)] == [CORE / "ensemble/openai_http.py"]


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


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_adapters_use_the_seam_of_the_core(adapter):
    for path in files(ROOT / adapter):
        for name in imports(path):
            if name.startswith("bestofinf."):
                part = name.split(".")[1]
                known = part in SEAM or part in dir(bestofinf)
                assert known, f"{path.name} imports {name}"


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_an_adapter_needs_few_modules_of_the_core_and_drives_no_vote(adapter):
    modules = set()
    for path in files(ROOT / adapter):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bestofinf"):
                modules.add(node.module)
                driving = {"VotingEngine", "vote", "avote", "Health"}
                assert not driving & {alias.name for alias in node.names}, path.name
    assert len(modules) <= 12, sorted(modules)


def test_the_plan_in_contributing_is_the_folder_listing():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    plan = text.partition("```\nshared/bestofinf/")[2].partition("langchain_bestofinf/")[0]
    told = {word for line in plan.splitlines()[1:] for word in line[2:].partition("  ")[0].split()}
    public = {
        path.stem
        for path in CORE.iterdir()
        if not path.name.startswith("_")
        and (path.suffix == ".py" or (path / "__init__.py").exists())
    }
    assert told == public


def test_no_module_has_more_than_400_lines():
    for folder in (CORE, *(ROOT / name for name in ADAPTERS)):
        for path in files(folder):
            lines = path.read_text(encoding="utf-8").count("\n")
            assert lines <= 400, f"{path} has {lines} lines: split it along a seam"


def test_nothing_imports_the_folder_shared():
    for path in files(ROOT):
        if any(part.startswith(".venv") for part in path.parts):
            continue
        for name in imports(path):
            assert name.split(".")[0] != "shared", f"{path} imports {name}"


def test_type_checkers_can_read_what_a_package_exports():
    for folder in (CORE, *(ROOT / name for name in ADAPTERS)):
        for path in folder.rglob("__init__.py"):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                    assert isinstance(ast.literal_eval(node.value), list), path


@pytest.mark.parametrize("package", [bestofinf, answers, evaluation, weights])
def test_every_public_name_is_there_and_typed(package):
    tree = ast.parse(Path(package.__file__).read_text(encoding="utf-8"))
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert set(package.__all__) <= imported
    for name in package.__all__:
        assert getattr(package, name) is not None
    assert set(package.__all__) <= set(dir(package))


HEAVY = {
    *("numpy", "scipy", "sqlalchemy", "mip", "sympy", "aiohttp", "matplotlib", "pandas", "torch"),
    *("math_verify", "starlette", "tenacity", "typer", "rich", "unittest", "langchain_core"),
    "llama_index",
}


@pytest.mark.parametrize(
    ("framework", "own"),
    [
        ("bestofinf", "bestofinf"),
        ("langchain_core.language_models.chat_models", "langchain_bestofinf.chat"),
        ("llama_index.core.llms.llm", "llamaindex_bestofinf.llm"),
    ],
)
def test_importing_a_package_loads_nothing_heavy_that_its_framework_does_not(framework, own):
    code = (
        "import importlib, json, sys; found = [];\n"
        f"for name in ('sys', {framework!r}, {own!r}):\n"
        " importlib.import_module(name); found.append(sorted({m.partition('.')[0] for m in sys.modules}))\n"
        "print(json.dumps(found))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    nothing, bare, whole = map(set, json.loads(told.stdout))
    assert own.partition(".")[0] in whole
    assert not HEAVY & (whole - (nothing if framework == own else bare))


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = bestofinf.Nonsense
