"""The last step before a call is written: take its answers, and remove what must not be stored.

It runs in the writer's thread, so that answer types and redaction do not slow down the application.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from bestofinf.answers.base import Answer
from bestofinf.border import error_text, hide_secrets
from bestofinf.evaluation.identity import answer_text
from bestofinf.evaluation.recording.privacy import Privacy
from bestofinf.evaluation.rows import CallRecord, SampleRow
from bestofinf.records import Reply


@dataclass(frozen=True, slots=True)
class Preparation:
    """Turns a call as reported into a call as stored.

    Attributes:
        answer: The answer type that reads replies.
        privacy: Says what may be stored.
    """

    answer: Answer
    privacy: Privacy

    def __call__(self, record: CallRecord) -> CallRecord:
        """Return the record as it is stored."""
        if record.unread:
            replies = dict(record.unread)
            samples = tuple(
                self._read(row, replies[row.draw]) if row.draw in replies else row
                for row in record.samples
            )
            call = record.call
            if call is not None and call.kind == "model" and len(samples) == 1:
                call = replace(call, answer=samples[0].answer)
            record = replace(record, samples=samples, call=call, unread=())
        return self.privacy.apply(record)

    def _read(self, row: SampleRow, reply: Reply) -> SampleRow:
        # Keys are hidden before the answer is taken, which may remove punctuation that identifies them.
        reply = replace(reply, text=hide_secrets(reply.text))
        try:
            return replace(row, answer=answer_text(self.answer.read(reply)[0]))
        except Exception as error:  # the user's own code: its error becomes the sample's
            return replace(row, error=error_text(error))
