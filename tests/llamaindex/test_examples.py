"""Examples that no recipe shows in full run, offline, and give the right answer."""

from __future__ import annotations

import asyncio
import inspect
import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"

EXPECTED = {
    "llamaindex_rag": ["41 metres", "Westerheversand was built"],
    "llamaindex_two_agents": ["ran handoff", "{'day': 'Monday'}", "The answer is 10 to 18."],
    "llamaindex_extraction": [
        "as a whole: number=4711 customer='Petersen' pieces=3",
        "field by field: number=4711 customer='Petersen' pieces=3",
        '{"number":4711,"customer":"Petersen","pieces":3}',
    ],
}


@pytest.mark.filterwarnings(
    "ignore::pydantic.warnings.PydanticDeprecatedSince20",
    "ignore::pydantic.warnings.PydanticDeprecatedSince211",
)
@pytest.mark.parametrize("name", EXPECTED)
def test_an_example_gives_the_right_answer(name, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    main = runpy.run_path(str(EXAMPLES / f"{name}.py"))["main"]
    if inspect.iscoroutinefunction(main):
        asyncio.run(main())
    else:
        main()
    printed = capsys.readouterr().out
    for text in EXPECTED[name]:
        assert text in printed
    sys.modules.pop("llamaindex_offline", None)
