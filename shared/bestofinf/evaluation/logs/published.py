"""Rows as papers publish their outputs: ``idx``, ``gt``, and ``pred`` or ``code``.

ToRA, Qwen2.5-Math, simpleRL and projects based on them write such files: `pred` has the extracted
answers and `code` the whole replies, one for each sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bestofinf.evaluation.logs.contents import as_list, as_text, question_text
from bestofinf.evaluation.logs.head import Head
from bestofinf.evaluation.logs.protocol import DOCUMENTED, Found, LeftOut, LogReader, LogSample

_IDS = ("idx", "unique_id", "id")
_GOLD = ("gt", "gt_ans", "answer")


def _knows(head: Head) -> bool:
    return bool(head.keys & {"gt", "gt_ans"}) and bool(head.keys & {"pred", "code"})


def _read(head: Head) -> Iterator[Found]:
    member = head.path.parent.name or head.path.stem
    for number, (_, row) in enumerate(head.rows()):
        answers, texts = _several(row.get("pred")), _several(row.get("code"))
        if not answers and not texts:
            yield LeftOut("neither 'pred' nor 'code'")
            continue
        answers = answers if len(answers) == len(texts) or not texts else []
        grades = as_list(row.get("score"))
        for place in range(max(len(answers), len(texts))):
            answer = as_text(answers[place]) if answers else None
            text = as_text(texts[place]) if texts else None
            grade = grades[place] if len(grades) > place else None
            yield LogSample(
                question=_first(row, _IDS) or str(number),
                text=text,
                answer=answer,
                member=member,
                dataset=head.path.stem,
                gold=_first(row, _GOLD),
                prompt=question_text(row),
                finish_reason=_reason(row, place),
                grade=grade if isinstance(grade, bool) else None,
                graded=answer,
                place=place,
            )


def _several(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [] if value is None else [value]


def _first(row: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((text for name in names if (text := as_text(row.get(name))) is not None), None)


def _reason(row: Mapping[str, Any], place: int) -> str | None:
    reasons = as_list(row.get("finish_reason"))
    found = reasons[place] if len(reasons) > place else row.get("finish_reason")
    return found if isinstance(found, str) else None


READER = LogReader(
    "published",
    "rows of papers: idx, gt, and pred or code (ToRA, Qwen2.5-Math, simpleRL)",
    _knows,
    _read,
    "`--n_sampling 8` with a temperature above 0",
    DOCUMENTED,
)
