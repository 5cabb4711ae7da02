"""``bestofinf view``: a local page over recorded answers."""

from __future__ import annotations

import os
import signal
import sys
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from bestofinf._extras import require
from bestofinf.cli.opened import together
from bestofinf.errors import UsageError

if TYPE_CHECKING:
    from bestofinf.evaluation import EvaluationStore
    from bestofinf.view import Access


def view(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="STORE|PATH...", help="Stores, or files of recorded answers."),
    ],
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.", min=0, max=65535)] = 0,
    host: Annotated[
        str, typer.Option(help="Address to listen on; any but this machine's needs --token.")
    ] = "127.0.0.1",
    token: Annotated[
        str | None,
        typer.Option(
            help="A word that opens the page each time; else every link opens it once.",
            envvar="BESTOFINF_VIEW_TOKEN",
        ),
    ] = None,
    trusted_host: Annotated[
        list[str] | None, typer.Option(help="Another name by which browsers may call the page.")
    ] = None,
    keys: Annotated[
        bool, typer.Option("--keys/--no-keys", help="Whether keys label; buttons do in any case.")
    ] = True,
    browser: Annotated[
        bool | None,
        typer.Option("--browser/--no-browser", help="Open a browser; by default on a desktop."),
    ] = None,
) -> None:
    """Look at recorded answers in the browser: what was asked, how the votes went, what it cost.

    By default only this machine can open the page, and it loads nothing from elsewhere. Files are read into a
    temporary store, which is deleted when the program ends.

    Example: `bestofinf view answers.db`
    """
    uvicorn = require("uvicorn", extra="serve", purpose="bestofinf view")
    from bestofinf.view import Access, app, several

    local = host in ("127.0.0.1", "localhost", "::1")
    if not local and token is None:
        raise UsageError(f"--host {host} is open to other machines: give --token as well")
    if token is not None and len(token) < 16:
        raise UsageError(f"--token needs 16 characters or more, got {len(token)}")
    named = [] if local or host in ("0.0.0.0", "::") else [host]
    access = Access(token, [*named, *(trusted_host or [])])
    with _opened(paths) as stores:
        if len(stores) == 1:
            application = app(stores[0], access=access, keys=keys)
        else:
            application = several(stores, access=access, keys=keys)
        config = uvicorn.Config(
            application, host, port, log_level="warning", access_log=False, lifespan="off"
        )
        listening = config.bind_socket()
        listening.listen(128)  # before the link is printed: a browser may be quick
        address = f"http://{'[::1]' if host == '::1' else host}:{listening.getsockname()[1]}"
        opens = _on_a_desktop() if browser is None else browser
        _announce(address, access, opens)
        # uvicorn ends on a signal and raises it again; exiting then closes the stores opened here.
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run([listening])


@contextmanager
def _opened(paths: list[str]) -> Iterator[list[EvaluationStore]]:
    """Open stores, or read files into a temporary one."""
    from bestofinf.evaluation import EvaluationStore
    from bestofinf.evaluation.sources import is_store

    kinds = set(map(is_store, paths))
    if kinds == {True, False}:
        raise UsageError(
            "view shows either stores or files: add the files to a store with bestofinf import"
        )
    with ExitStack() as stack:
        if kinds == {False}:
            yield [stack.enter_context(together(paths))]
        else:
            yield [stack.enter_context(EvaluationStore(path, create=False)) for path in paths]


def _announce(address: str, access: Access, opens: bool) -> None:
    """Print the link, and a new one after each use; open a browser on a desktop."""
    console = Console(highlight=False, soft_wrap=True)
    link = f"{address}/?token={access.link()}"
    console.print(f"Open {link}", markup=False)
    if opens:
        webbrowser.open(link)
    if access.token is not None:
        return

    def print_next() -> None:
        while access.used.wait():
            access.used.clear()
            console.print(f"For another browser: {address}/?token={access.link()}", markup=False)

    threading.Thread(target=print_next, name="bestofinf-view-links", daemon=True).start()


def _on_a_desktop() -> bool:
    if not sys.stdout.isatty():
        return False
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
