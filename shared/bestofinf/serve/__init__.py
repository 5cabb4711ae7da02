"""An endpoint in OpenAI's form, where every ensemble of a configuration file is a model name.

It has no voting logic: a request becomes the body of an `Ensemble`'s call, and the result becomes a
chat completion. It needs the extra ``serve``. Names are imported when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bestofinf._extras import handed_on

if TYPE_CHECKING:
    from bestofinf.serve.app import Service, check
    from bestofinf.serve.config import Serving, read_serving
    from bestofinf.serve.server import run

__all__ = ["Service", "Serving", "check", "read_serving", "run"]

__getattr__ = handed_on(
    __name__,
    {"app": ("Service", "check"), "config": ("Serving", "read_serving"), "server": ("run",)},
    needs=("starlette", "serve"),
)


def __dir__() -> list[str]:
    return list(__all__)
