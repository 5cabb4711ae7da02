"""The border: numbers and texts of others are checked here, once, before anything believes them.

What providers, frameworks, scorers, files and stores say of a reply is foreign. A number that cannot
be one becomes None, which means unknown and is never taken for 0. A text is cut before it is
searched, loses what would steer a terminal before it is shown on one, and the keys in it before it
is kept.
"""

from bestofinf.border.secrets import (
    HIDDEN,
    hide_secrets,
    is_secret_name,
    remember_keys,
)
from bestofinf.border.texts import (
    LONGEST_ERROR,
    LONGEST_NAME,
    as_name,
    error_text,
    fresh_mark,
    marked,
    printable,
)
from bestofinf.border.values import (
    BROKEN_OFF,
    CUT_OFF,
    FILTERED,
    LARGEST,
    as_amount,
    as_count,
    as_finish_reason,
    as_finite,
    as_fraction,
    as_logprob,
    as_logprobs,
)

__all__ = [
    "BROKEN_OFF",
    "CUT_OFF",
    "FILTERED",
    "HIDDEN",
    "LARGEST",
    "LONGEST_ERROR",
    "LONGEST_NAME",
    "as_amount",
    "as_count",
    "as_finish_reason",
    "as_finite",
    "as_fraction",
    "as_logprob",
    "as_logprobs",
    "as_name",
    "error_text",
    "fresh_mark",
    "hide_secrets",
    "is_secret_name",
    "marked",
    "printable",
    "remember_keys",
]
