"""The last step before a call is written: take its answers, and drop what may not be stored.

It runs in the writer's thread, so that neither answer types nor redaction slow an application.
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
        answer: How answers are taken from replies.
        privacy: What may be stored.
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
        # Before it is taken apart: a key without its punctuation would not be known as one.
        reply = replace(reply, text=hide_secrets(reply.text))
        try:
            return replace(row, answer=answer_text(self.answer.read(reply)[0]))
        except Exception as error:  # the user's own code: its failure is the sample's
            return replace(row, error=error_text(error))
