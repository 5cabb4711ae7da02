"""What the documentation takes from the program when it is built."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

PLACE = "<!-- commands -->"
ROOT = Path(__file__).parents[1]
# A link to a program, which a reader of the folder follows.
EXAMPLE = r"\[`(examples/[\w./]+)`\]\((?:\.\./)+\1\)"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Return a page with the help of all commands and the code of programs where it asks for it.

    A link to a program of the folder ``examples`` that has a line to itself is replaced by the
    code, and one within a sentence by the name.
    """
    if PLACE in markdown:
        markdown = markdown.replace(PLACE, commands())
    markdown = re.sub(f"^{EXAMPLE}$", _code, markdown, flags=re.M)
    return re.sub(EXAMPLE, r"`\1`", markdown)


def _code(link: re.Match[str]) -> str:
    code = (ROOT / link[1]).read_text(encoding="utf-8")
    return f'```python title="{link[1]}"\n{code}```'


def commands() -> str:
    """Return the help of all commands as Markdown, without the title."""
    call = [
        sys.executable,
        "-m",
        "typer",
        "bestofinf.cli.app",
        "utils",
        "docs",
        "--name",
        "bestofinf",
    ]
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    return done.stdout.partition("\n")[2]
