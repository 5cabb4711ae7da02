import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "optscale.md"


def test_examples_of_the_page_run():
    namespace: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 3
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), namespace)
    assert namespace["score"].value == 0.97
    assert [r.family for r in namespace["results"]] == ["best of n", "majority of n", "scores"]
