"""A third adapter, written as docs/adapters.md says, passes the contract."""

from __future__ import annotations

import ast
import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "adapters.md"
BLOCKS = re.findall(r"^```python[^\n]*\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
ADAPTER, TESTS = BLOCKS

exec(compile(ADAPTER, str(PAGE), "exec"))
exec(compile(TESTS, str(PAGE), "exec"))


def test_its_client_and_its_ensemble_are_short():
    lines = {
        node.name: len(ast.unparse(node).splitlines())
        for node in ast.parse(ADAPTER).body
        if isinstance(node, ast.ClassDef)
    }
    assert lines["MyClient"] <= 35
    assert lines["MyClient"] + lines["MyEnsemble"] <= 60
