"""Which parts of a call are stored: hashes and answers, also questions or replies, or everything."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from bestofinf.border import HIDDEN, hide_secrets, is_secret_name
from bestofinf.errors import UsageError
from bestofinf.evaluation.identity import (
    Prompt,
    id_of_hash,
    last_user_message,
    prompt_hash,
    prompt_text,
)
from bestofinf.evaluation.rows import CallRecord, QuestionRow, SampleRow

logger = logging.getLogger(__name__)

Keep = Literal["answers", "questions", "replies", "all"]
"""``answers``: hashes, answers and counts. ``questions``: these and the last message of the user.
``replies``: instead of that message, the texts of replies and errors. ``all``: both, and whole prompts,
tags and metadata."""


@dataclass(frozen=True, slots=True)
class Privacy:
    """What is stored of a call.

    Attributes:
        keep: How much is stored; see `Keep`.
        redact: Applied to every text before it is stored: prompts, replies, answers, errors and
            values of metadata. If it raises, the call is not stored, and counted as rejected.
    """

    keep: Keep = "questions"
    redact: Callable[[str], str] | None = None

    def __post_init__(self) -> None:
        if self.keep not in get_args(Keep):
            raise UsageError(
                f"keep must be {', '.join(map(repr, get_args(Keep)))}, got {self.keep!r}"
            )
        if self.redact is not None and not callable(self.redact):
            raise UsageError(f"redact must be a function of a text, got {self.redact!r}")

    @property
    def replies(self) -> bool:
        """Whether texts of replies are stored."""
        return self.keep in ("replies", "all")

    @property
    def questions(self) -> bool:
        """Whether the last message of the user is stored."""
        return self.keep in ("questions", "all")

    @property
    def prompts(self) -> bool:
        """Whether prompts, tags and metadata are stored."""
        return self.keep == "all"

    def tell_of_questions(self, store: str) -> None:
        """Log a warning if no questions are stored, because nobody can label the calls then."""
        if not self.questions:
            logger.warning(
                "keep=%r keeps no question in %s, so no person can label what is collected: "
                'keep="questions" keeps the last message of the user',
                self.keep,
                store,
            )

    def question(
        self,
        prompt: Prompt | Callable[[], Prompt],
        *,
        tools: Sequence[Any] = (),
        id: str | None = None,
        dataset: str = "",
        now: float,
    ) -> QuestionRow:
        """Return the row of a question, with the part of its prompt that may be stored.

        Args:
            prompt: The prompt of the question, or a function that returns it.
            tools: Tools offered to the model; they are part of the question.
            id: The user's own id of the question; by default derived from the prompt.
            dataset: Name of the collection it comes from.
            now: The time in seconds since 1970.
        """
        prompt = prompt() if callable(prompt) else prompt
        text = prompt_text(prompt, tools)
        digest = prompt_hash(text)
        return QuestionRow(
            id or id_of_hash(digest),
            digest,
            text if self.prompts else None,
            dataset,
            now,
            last_user_message(prompt) if self.questions else None,
        )

    def details(self, details: Mapping[str, Any] | None) -> str | None:
        """Return tags and metadata as JSON; None if they may not be stored."""
        if not details or not self.prompts:
            return None
        return json.dumps(details, ensure_ascii=False, default=str)

    def cleaned(self, question: QuestionRow) -> QuestionRow:
        """Return the row of a question with its texts redacted and secrets hidden."""
        return replace(
            question,
            prompt=self.clean(question.prompt) if self.prompts else None,
            last_message=self.clean(question.last_message) if self.questions else None,
        )

    def apply(self, record: CallRecord) -> CallRecord:
        """Return the record as it may be stored."""
        question, call = record.question, record.call
        if question is not None:
            question = self.cleaned(question)
        if call is not None:
            call = replace(
                call,
                answer=self.clean(call.answer),
                details=self._details(call.details),
            )
        return replace(
            record,
            question=question,
            call=call,
            samples=tuple(self._sample(sample) for sample in record.samples),
        )

    def _sample(self, sample: SampleRow) -> SampleRow:
        if sample.error is None and sample.text is None:
            answer = self.clean(sample.answer)
            return sample if answer is sample.answer else replace(sample, answer=answer)
        error = sample.error
        if error is not None and not self.replies:
            # A provider's message may quote the prompt, so only the kind of the error is kept.
            error = error.partition(":")[0]
        return replace(
            sample,
            answer=self.clean(sample.answer),
            text=self.clean(sample.text) if self.replies else None,
            error=self.clean(error),
        )

    def _details(self, details: str | None) -> str | None:
        if details is None or not self.prompts:
            return None
        try:
            return json.dumps(self._clean_value(json.loads(details)), ensure_ascii=False)
        except RecursionError:  # nested too deeply to be searched for secrets
            return None

    def _clean_value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.clean(value)
        if isinstance(value, Mapping):
            return {
                name: HIDDEN if is_secret_name(name) else self._clean_value(part)
                for name, part in value.items()
            }
        if isinstance(value, Sequence):
            return [self._clean_value(part) for part in value]
        return value

    def clean(self, text: str | None) -> str | None:
        """Return a text redacted, with secrets hidden."""
        if text is None:
            return None
        if self.redact is not None:
            text = self.redact(text)
            if not isinstance(text, str):
                raise UsageError(f"redact must return text, got {type(text).__name__}")
        return hide_secrets(text)
