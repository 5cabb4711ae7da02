"""A pytest plugin: every LLM that a test makes is put into an ensemble of it.

What a test may look at in its LLM is handed on, and what it sets there is set on the members.
"""

import copy
import os
import sys

from pydantic._internal import _model_construction as models

MEMBERS = int(os.environ.get("FOREIGN_MEMBERS", "0"))
TESTS = os.path.join("llama-index-core", "tests")


def wrap():
    from llama_index.core.llms.llm import LLM
    from llama_index.core.llms.structured_llm import StructuredLLM

    from bestofinf import Member
    from llamaindex_bestofinf import AdaptiveEnsembleLLM

    class Wrapped(AdaptiveEnsembleLLM):
        @classmethod
        def class_name(cls):
            return "Wrapped"

        def __getattr__(self, name):
            try:
                return super().__getattr__(name)
            except AttributeError:
                if name.startswith("__") or self.__pydantic_private__ is None:
                    raise
                return getattr(self._members[0].model, name)

        def __setattr__(self, name, value):
            own = type(self).model_fields.keys() | type(self).__private_attributes__.keys()
            if name in own or name.startswith("__"):
                super().__setattr__(name, value)
            else:
                for member in self._members:
                    setattr(member.model, name, value)

    def made(kind, *given, **named):
        model = type.__call__(kind, *given, **named)
        if not isinstance(model, LLM) or isinstance(model, AdaptiveEnsembleLLM | StructuredLLM):
            return model
        file = sys._getframe(1).f_code.co_filename
        if TESTS not in file or "mock_utils" in file:
            return model
        heard = model.callback_manager
        own = {"callback_manager": heard} if heard.handlers else {}
        # What fails is to fail: the tests count requests.
        own |= {"retries": 0, "breaker": 1, "cooldown": 0.0}
        copies = [model, *(copy.deepcopy(model) for _ in range(MEMBERS - 1))]
        members = [Member(one, name=f"m{place}") for place, one in enumerate(copies)]
        return Wrapped(members, rule=f"fixed:n={MEMBERS}", **own)

    models.ModelMetaclass.__call__ = made


if MEMBERS:
    wrap()
