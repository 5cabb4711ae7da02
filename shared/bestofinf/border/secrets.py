"""Redact API keys in text from outside, such as providers' error messages.

Three ways lead to a key: its own form (``sk-...``), the name before it (``api_key=``), and, for the
keys of the members' own clients, the key itself. Searching takes time in proportion to the length
of the text, whatever the text: every repeat is bounded, possessive, or the last of its alternative.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

HIDDEN = "[hidden]"

_SHORTEST_KEY = 8  # of a client; what is shorter, or has no digit and is short, stands for no key
_WORDLIKE = 16
_MOST_KEYS = 1_000
_DEPTH = 3  # of models within models, such as a model with tools bound to it
_WINDOW = 1 << 16  # characters searched in one go, as other threads stand still meanwhile
_LONGEST_SIGN = 16

# Between a name and its value: quotes of several layers of JSON, a sign, the b of Python's bytes.
_QUOTES = r"""["'\\]{0,16}+"""
_IS = rf"""{_QUOTES}\s{{0,8}}+[:=,]\s{{0,8}}+(?:b(?=["']))?{_QUOTES}"""
_TO = rf"""{_QUOTES}\s{{0,8}}+[:=,]?\s{{0,8}}+(?:b(?=["']))?{_QUOTES}"""
_VALUE = r"""[^\s"'\\&,;<>(){}\[\]]"""
_WITH_DIGIT = r"""(?=[^\s"'\\&,;<>(){}\[\]\d]{0,200}+\d)"""

# Each alternative begins with one of the signs below, and has the key as its only group.
_SECRETS = re.compile(
    rf"""
    # What providers give out.
      \b((?:sk|pk|rk|gsk|csk|hf|xai|pplx|r8|nvapi|lsv2|ls__|glpat|tgp)[-_][A-Za-z0-9_\-]{{16,}})
    | \b((?:fw|pa|jina|key)[-_](?=[A-Za-z_\-]{{0,40}}+\d)[A-Za-z0-9_\-]{{16,}})
    | \b(AIza[A-Za-z0-9_\-]{{30,}} | A(?:KIA|SIA)[A-Z0-9]{{16}}\b | ya29\.[A-Za-z0-9_\-.]{{16,}})
    | \b(gh[pousr]_[A-Za-z0-9]{{20,}} | github_pat_[A-Za-z0-9_]{{20,}})
    | \b(xox[abprs]-[A-Za-z0-9\-]{{10,}} | dapi[0-9a-f]{{32}})
    | (?<![A-Za-z0-9_\-])(eyJ[A-Za-z0-9_\-]{{10,}}+\.[A-Za-z0-9_\-]{{10,}}+\.[A-Za-z0-9_\-]{{5,}})
    | -----BEGIN[ ][A-Z ]{{0,30}}PRIVATE[ ]KEY-----([^-]{{1,9999}})
    # Who logs in, within an address: user:password@host, or a long word before the host.
    | ://([^\s/@:"']{{0,99}}+:[^\s/"']{{1,199}}(?=@) | [A-Za-z0-9]{{16,199}}+(?=@))
    # What stands after a name.
    | (?i:\b(?:bearer|basic)\s{{1,8}}+([A-Za-z0-9_\-.=+/~]{{16,}})
    | authorization{_TO}((?:bearer|basic|token|digest|api-?key)\s{{1,8}}+{_VALUE}{{8,}}
        | {_WITH_DIGIT}{_VALUE}{{8,}})
    | (?<=api)key{_TO}{_WITH_DIGIT}({_VALUE}{{8,}}) | (?<=api[-_ ])key{_TO}{_WITH_DIGIT}({_VALUE}{{8,}})
    | passw(?:or)?d{_IS}(?:(?<=[="'\\])|{_WITH_DIGIT})({_VALUE}{{3,}})
    | (?:pwd=|passphrase{_IS}){_QUOTES}({_VALUE}{{3,}})
    | cookie{_IS}([^\s=;"']{{1,80}}=[^\r\n"'\\]+)
    | secret[-_ ]?(?:access[-_ ]?)?key{_IS}({_VALUE}{{8,}})
    | (?:(?<=account)|(?<=access)|(?<=account[-_])|(?<=access[-_])|(?<=private[-_]))key{_IS}({_VALUE}{{8,}})
    | (?:(?<=client[-_])|(?<=client))secret{_IS}({_VALUE}{{8,}}) | signature{_IS}({_VALUE}{{8,}})
    | (?<=[a-z_-])token{_IS}({_VALUE}{{16,}}) | (?:token|secret){_IS}{_WITH_DIGIT}({_VALUE}{{12,}})
    | [?&](?:key|token|sig|auth|secret|code|sessionid|sid)=({_VALUE}{{4,}}))""",
    re.VERBOSE,
)
_DASHED = ("sk", "pk", "rk", "ck", "gsk", "hf", "r8", "fw", "pa", "xai", "tgp")
_SIGNS = re.compile(
    "|".join(
        [
            *(prefix + dash for prefix in _DASHED for dash in "-_"),
            *("pplx", "nvapi", "lsv2", "ls__", "glpat", "jina", "aiza", "akia", "asia", "dapi"),
            *("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "xox", "eyj", r"ya29\."),
            *(
                "-----begin",
                "://",
                "bearer",
                "basic",
                "authorization",
                "key",
                "passw",
                "passphrase",
            ),
            *("pwd=", "cookie", "secret", "signature", "token", r"\?", "&"),
        ]
    ).encode()
)

_SECRET_NAMES = re.compile(
    r"api.?key|authorization|bearer|cookie|credential|headers?$|passw|secret|(?:^|[_-])token$", re.I
)

_known: dict[str, None] = {}


def hide_secrets(text: str) -> str:
    """Return the text without what looks like a key or an authorization header.

    >>> hide_secrets("Incorrect API key provided: sk-proj-abcdefghijklmnop1234")
    'Incorrect API key provided: [hidden]'
    """
    for key in tuple(_known):
        if key in text:
            text = text.replace(key, HIDDEN)
    shown, done = [], 0
    for place in _signs(text):
        found = _SECRETS.match(text, place) if place >= done else None
        if found is not None and found.lastindex is not None:
            begin, end = found.span(found.lastindex)
            shown += [text[done:begin], HIDDEN]
            done = end
    return "".join([*shown, text[done:]]) if done else text


def _signs(text: str) -> Iterator[int]:
    """Yield the places where a key may be near: looking for these first is many times quicker."""
    small = text.encode("ascii", "replace").lower()
    for begin in range(0, len(small), _WINDOW):
        for sign in _SIGNS.finditer(small, begin, begin + _WINDOW + _LONGEST_SIGN):
            yield sign.start()


def is_secret_name(name: str) -> bool:
    """Return whether what has this name is not to be shown: a key, a password, headers."""
    return _SECRET_NAMES.search(name) is not None


def remember_keys(client: object) -> None:
    """Remember the keys that a client holds, so that `hide_secrets` knows them wherever they stand.

    Looked for are secret values of pydantic, texts under secret names, and secret headers, in the
    client's own attributes and in those of the models that it wraps. The thousand keys that were
    given last are known.
    """
    for key in _keys_of(client, _DEPTH):
        key = key.rpartition(" ")[2]  # the scheme of an authorization header is no secret
        if len(key) >= _WORDLIKE or (len(key) >= _SHORTEST_KEY and any(map(str.isdigit, key))):
            _known.pop(key, None)
            _known[key] = None
    while len(_known) > _MOST_KEYS:
        _known.pop(next(iter(_known)), None)


def _keys_of(value: object, depth: int) -> Iterable[str]:
    held = value if isinstance(value, Mapping) else getattr(value, "__dict__", None)
    if not isinstance(held, Mapping):
        return
    for name, part in list(held.items()):
        if hasattr(type(part), "get_secret_value"):
            yield str(part.get_secret_value())
        elif isinstance(part, str) and is_secret_name(str(name)):
            yield part
        elif isinstance(part, Mapping) and is_secret_name(str(name)):
            yield from _keys_of(part, 0)
        elif depth and hasattr(type(part), "model_fields"):
            yield from _keys_of(part, depth - 1)
