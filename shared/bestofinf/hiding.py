"""Keys in texts that others wrote, such as the errors of providers, are hidden."""

from __future__ import annotations

import re

HIDDEN = "[hidden]"

# Forms of keys that providers give out, and of headers that carry them.
_SECRETS = re.compile(
    r"""\b(?:sk|pk|rk|gsk|hf|xai|pplx|r8|nvapi|lsv2|ls__)[-_][A-Za-z0-9_\-]{16,}
    | \bAIza[A-Za-z0-9_\-]{30,} | \bA(?:KIA|SIA)[A-Z0-9]{16}\b
    | \bgh[pousr]_[A-Za-z0-9]{20,} | \bgithub_pat_[A-Za-z0-9_]{20,} | \bxox[abprs]-[A-Za-z0-9\-]{10,}
    | \beyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{5,}
    | (?i:\b(?:bearer|basic)\s+[A-Za-z0-9_\-.=+/]{16,})
    | (?i:\b(?:(?:x-)?api[-_ ]?key|authorization)["'\\]*\s*[:=]?\s*["'\\]*(?=\S*\d)[^\s"',}]{8,})""",
    re.VERBOSE,
)


def hide_secrets(text: str) -> str:
    """Return the text without what looks like a key or an authorization header.

    >>> hide_secrets("Incorrect API key provided: sk-proj-abcdefghijklmnop1234")
    'Incorrect API key provided: [hidden]'
    """
    return _SECRETS.sub(HIDDEN, text)
