"""Pages of the documentation that are carried out: commands, files and linked programs in order."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from bestofinf import tiny
from support.backends import FunctionBackend
from support.reply import Served
from support.request import ChatRequest
from support.server import LoopbackServer

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
_FENCE = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```$", re.M | re.S)
_LINK = re.compile(r"^\[`examples/([\w./]+)`\]\(\.\./\.\./examples/\1\)$", re.M)
_TITLE = re.compile(r'title="([^"]+)"')
SERVER = re.compile(r"https?://[\w.:-]+(?:/openai)?/v1")
"""Addresses in commands and programs in whose place the loopback server stands."""


@dataclass(frozen=True)
class Block:
    """A part of a page: a command (``bash``), an output (``text``), a program or a file."""

    kind: str
    body: str
    title: str = ""


def blocks(page: str) -> list[Block]:
    """Return the fenced blocks and the linked programs of a page, in order."""
    found = [
        (m.start(), Block(m[1], m[3], title[1] if (title := _TITLE.search(m[2])) else ""))
        for m in _FENCE.finditer(page)
    ]
    found += [(m.start(), Block("example", "", m[1])) for m in _LINK.finditer(page)]
    return [block for _, block in sorted(found, key=lambda pair: pair[0])]


def outputs(page: str, folder: Path, url: str) -> Iterator[tuple[Block, str, str | None]]:
    """Carry out a page in a folder: each command and program, what it prints, and what it should.

    Blocks with a title are written as files; commands ask the server at `url`, wherever the page
    says that theirs is. A block of ``text`` right behind is what is to be printed.
    """
    todo = blocks(page)
    for place, block in enumerate(todo):
        after = todo[place + 1] if place + 1 < len(todo) else None
        wanted = after.body if after is not None and after.kind == "text" else None
        body = SERVER.sub(url, block.body)
        if block.title and block.kind not in ("example", "text"):
            (folder / block.title).write_text(body, encoding="utf-8")
        elif block.kind == "bash":
            yield block, _shell(body, folder), wanted
        elif block.kind == "example":
            yield block, _program(EXAMPLES / block.title), wanted


def _shell(commands: str, folder: Path) -> str:
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=folder,
        env={**os.environ, "PATH": path, "COLUMNS": "100", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _program(path: Path) -> str:
    printed = StringIO()
    known = set(sys.modules)
    sys.path.insert(0, str(path.parent))
    try:
        with redirect_stdout(printed):
            runpy.run_path(str(path), run_name="__main__")
    finally:
        sys.path.remove(str(path.parent))
        for name in set(sys.modules) - known:  # helpers of one example are not those of another
            if not hasattr(sys.modules[name], "__path__") and _is_in(sys.modules[name], path):
                del sys.modules[name]
    return printed.getvalue()


def _is_in(module: object, path: Path) -> bool:
    return str(getattr(module, "__file__", "")).startswith(str(path.parent))


def any_model() -> LoopbackServer:
    """Return a server on which every model is the tiny model that adds."""

    def reply(request: ChatRequest) -> list[Served]:
        question = tiny.question_of(request.messages)
        options = tiny.Options(n=request.n, max_tokens=request.max_tokens, seed=request.seed)
        return [
            Served(choice.text, tokens=choice.generated, finish_reason=choice.finish_reason)
            for choice in tiny.load("sum").complete(question, options).choices
        ]

    return LoopbackServer(FunctionBackend(reply, models=("qwen3-8b",), in_thread=True))
