"""A local page over an evaluation store: look at questions and votes, and label them.

`app` returns an ASGI application, which ``bestofinf view`` serves and which others may mount; it
needs the extra `serve`. `write_report` writes the same page as one file, `write_pictures` its
figures; they need the extra `plots`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bestofinf._extras import handed_on

if TYPE_CHECKING:
    from bestofinf.view.application import app, several
    from bestofinf.view.export import Exported, write_report
    from bestofinf.view.guard import Access
    from bestofinf.view.pictures import write_pictures
    from bestofinf.view.worked import Worked

__all__ = ["Access", "Exported", "Worked", "app", "several", "write_pictures", "write_report"]

_served = handed_on(
    __name__,
    {"application": ("app", "several"), "guard": ("Access",)},
    needs=("starlette", "serve"),
)
_written = handed_on(
    __name__,
    {
        "export": ("Exported", "write_report"),
        "pictures": ("write_pictures",),
        "worked": ("Worked",),
    },
)


def __getattr__(name: str) -> Any:
    return (_served if name in ("app", "several", "Access") else _written)(name)


def __dir__() -> list[str]:
    return list(__all__)
