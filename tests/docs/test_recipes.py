"""The recipes: every command and every linked program runs and prints what the page says."""

from __future__ import annotations

import doctest
import re

import pytest

from support.pages import EXAMPLES, ROOT, any_model, outputs

RECIPES = sorted((ROOT / "docs" / "recipes").glob("*.md"))
# Modules that others import, and what needs a cluster or a running endpoint.
HELPERS = {"simulated.py", "llamaindex_offline.py", "ray_vllm.py"}
CHECKER = doctest.OutputChecker()


@pytest.fixture(scope="module")
def url():
    with any_model() as server:
        yield server.url


# LlamaIndex's workflows read deprecated attributes of pydantic's.
@pytest.mark.filterwarnings(
    "ignore::pydantic.warnings.PydanticDeprecatedSince20",
    "ignore::pydantic.warnings.PydanticDeprecatedSince211",
)
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_prints_what_it_says(recipe, url, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = recipe.read_text(encoding="utf-8")
    needs = re.search("<!-- needs: (.+) -->", page)
    for package in needs[1].split() if needs else ():
        pytest.importorskip(package)
    for block, printed, wanted in outputs(page, tmp_path, url):
        if wanted is not None:
            same = CHECKER.check_output(
                wanted, printed, doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
            )
            assert same, f"{block.title or block.body}\nprinted\n{printed}"


def test_every_recipe_fits_a_page_and_stands_in_the_index_and_the_navigation():
    index = (ROOT / "docs" / "recipes" / "index.md").read_text(encoding="utf-8")
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for recipe in RECIPES:
        assert f"recipes/{recipe.name}" in navigation
        if recipe.name != "index.md":
            assert f"({recipe.name})" in index
            assert len(recipe.read_text(encoding="utf-8").splitlines()) <= 80, recipe.name


def test_every_example_is_shown_by_a_recipe():
    text = "".join(recipe.read_text(encoding="utf-8") for recipe in RECIPES)
    shown = set(re.findall(r"\.\./\.\./examples/([\w./]+)", text))
    assert {path.name for path in EXAMPLES.glob("*.py")} - HELPERS <= shown
    assert all((EXAMPLES / name).exists() for name in shown)
