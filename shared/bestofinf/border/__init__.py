"""The border: numbers and texts from outside are checked here once, before they are used.

Whatever providers, frameworks, scorers, files and stores report is foreign. A value that is not a
valid number becomes None, which means unknown and never 0. A text is cut to a maximum length before
it is searched, its control characters are escaped before it is shown on a terminal, and API keys in
it are hidden before it is stored.
"""

from bestofinf.border.files import (
    check_file,
    open_text,
    read_json,
    read_text,
)
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
    answer_fault,
    as_amount,
    as_count,
    as_finish_reason,
    as_finite,
    as_fraction,
    as_logprob,
    as_logprobs,
    as_price,
    loads,
)

__all__ = [
    "BROKEN_OFF",
    "CUT_OFF",
    "FILTERED",
    "HIDDEN",
    "LARGEST",
    "LONGEST_ERROR",
    "LONGEST_NAME",
    "answer_fault",
    "as_amount",
    "as_count",
    "as_finish_reason",
    "as_finite",
    "as_fraction",
    "as_logprob",
    "as_logprobs",
    "as_name",
    "as_price",
    "check_file",
    "error_text",
    "fresh_mark",
    "hide_secrets",
    "is_secret_name",
    "loads",
    "marked",
    "open_text",
    "printable",
    "read_json",
    "read_text",
    "remember_keys",
]
