"""From a user's settings to one call of an ensemble, for every adapter.

An adapter implements `Client`, inherits its settings from `fields.EnsembleFields`, which need
pydantic, and makes a `Call` of each question. Names are loaded when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bestofinf._extras import handed_on

if TYPE_CHECKING:
    from bestofinf.ensemble.acceptance import Acceptance
    from bestofinf.ensemble.asking import Ensemble
    from bestofinf.ensemble.call import Call, Result
    from bestofinf.ensemble.cancelling import cancelled_within, finished, may_be_cancelled
    from bestofinf.ensemble.chat import ChatClient, ChatModel
    from bestofinf.ensemble.citations import CitationAnswer, CitationTieBreaker
    from bestofinf.ensemble.client import Client, Flow, NoObjectError, Step, arun, run
    from bestofinf.ensemble.config import (
        Config,
        EnsembleConfig,
        MemberConfig,
        read_config,
    )
    from bestofinf.ensemble.config_writing import write_config
    from bestofinf.ensemble.endpoint import Endpoint
    from bestofinf.ensemble.fields import EnsembleFields
    from bestofinf.ensemble.groups import Failures, Learning, Otherwise
    from bestofinf.ensemble.identical import IdenticalSamplesWarning, warn_of_fixed
    from bestofinf.ensemble.loading import served_model
    from bestofinf.ensemble.loops import private_loop
    from bestofinf.ensemble.meaning import MeaningVote
    from bestofinf.ensemble.members import common_facts, read_members, written_member
    from bestofinf.ensemble.named import named_model
    from bestofinf.ensemble.plan import VotePlan
    from bestofinf.ensemble.progress import (
        Counted,
        Line,
        Observer,
        events,
        lines,
        pieces,
        progress_event,
    )
    from bestofinf.ensemble.providers import family, readable_blocks, shared_out
    from bestofinf.ensemble.sampler import Sampler
    from bestofinf.ensemble.settings import (
        CALL_SETTINGS,
        call_settings,
        changed_settings,
        one_line,
        plan_settings,
        resolve_call,
        split_settings,
    )
    from bestofinf.ensemble.state import Cached, EnsembleState
    from bestofinf.ensemble.streams import Item, Source, Stream, astream, stream
    from bestofinf.ensemble.tightening import tightened
    from bestofinf.ensemble.trace import (
        Trace,
        TraceDetail,
        failed_trace,
        outcome_facts,
        shown_trace,
    )
    from bestofinf.ensemble.unvotable import Unvotable
    from bestofinf.ensemble.watching import Watch, awatched, watched
    from bestofinf.records import Reading

__all__ = [
    "CALL_SETTINGS",
    "Acceptance",
    "Cached",
    "Call",
    "ChatClient",
    "ChatModel",
    "CitationAnswer",
    "CitationTieBreaker",
    "Client",
    "Config",
    "Counted",
    "Endpoint",
    "Ensemble",
    "EnsembleConfig",
    "EnsembleFields",
    "EnsembleState",
    "Failures",
    "Flow",
    "IdenticalSamplesWarning",
    "Item",
    "Learning",
    "Line",
    "MeaningVote",
    "MemberConfig",
    "NoObjectError",
    "Observer",
    "Otherwise",
    "Reading",
    "Result",
    "Sampler",
    "Source",
    "Step",
    "Stream",
    "Trace",
    "TraceDetail",
    "Unvotable",
    "VotePlan",
    "Watch",
    "arun",
    "astream",
    "awatched",
    "call_settings",
    "cancelled_within",
    "changed_settings",
    "common_facts",
    "events",
    "failed_trace",
    "family",
    "finished",
    "lines",
    "may_be_cancelled",
    "named_model",
    "one_line",
    "outcome_facts",
    "pieces",
    "plan_settings",
    "private_loop",
    "progress_event",
    "read_config",
    "read_members",
    "readable_blocks",
    "resolve_call",
    "run",
    "served_model",
    "shared_out",
    "shown_trace",
    "split_settings",
    "stream",
    "tightened",
    "warn_of_fixed",
    "watched",
    "write_config",
    "written_member",
]

__getattr__ = handed_on(
    __name__,
    {
        "acceptance": ("Acceptance",),
        "asking": ("Ensemble",),
        "call": ("Call", "Result"),
        "cancelling": ("cancelled_within", "finished", "may_be_cancelled"),
        "chat": ("ChatClient", "ChatModel"),
        "citations": ("CitationAnswer", "CitationTieBreaker"),
        "client": ("Client", "Flow", "NoObjectError", "Step", "arun", "run"),
        "config": ("Config", "EnsembleConfig", "MemberConfig", "read_config"),
        "config_writing": ("write_config",),
        "endpoint": ("Endpoint",),
        "fields": ("EnsembleFields",),
        "groups": ("Failures", "Learning", "Otherwise"),
        "identical": ("IdenticalSamplesWarning", "warn_of_fixed"),
        "loading": ("served_model",),
        "loops": ("private_loop",),
        "meaning": ("MeaningVote",),
        "members": ("common_facts", "read_members", "written_member"),
        "named": ("named_model",),
        "plan": ("VotePlan",),
        "progress": ("Counted", "Line", "Observer", "events", "lines", "pieces", "progress_event"),
        "providers": ("family", "readable_blocks", "shared_out"),
        "sampler": ("Sampler",),
        "settings": (
            "CALL_SETTINGS",
            "call_settings",
            "changed_settings",
            "one_line",
            "plan_settings",
            "resolve_call",
            "split_settings",
        ),
        "state": ("Cached", "EnsembleState"),
        "streams": ("Item", "Source", "Stream", "astream", "stream"),
        "tightening": ("tightened",),
        "trace": ("Trace", "TraceDetail", "failed_trace", "outcome_facts", "shown_trace"),
        "unvotable": ("Unvotable",),
        "watching": ("Watch", "awatched", "watched"),
        "bestofinf.records": ("Reading",),
    },
)


def __dir__() -> list[str]:
    return list(__all__)
