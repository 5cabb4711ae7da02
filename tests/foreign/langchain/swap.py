"""A pytest plugin: every chat model of the tests' own is put into an ensemble of it.

What a test may look at in its fake is handed on: its attributes, its name, its description. The
trace is left out, so that messages can be compared.
"""

import os
import threading

from pydantic._internal import _model_construction as models

MEMBERS = int(os.environ.get("FOREIGN_MEMBERS", "0"))
FAKES = "langchain_core.language_models.fake_chat_models"
# What stands on the ensemble as on the model: LangChain reads it there.
COMMON = (
    *("disable_streaming", "output_version", "callbacks", "tags", "metadata", "verbose"),
    *("profile", "name"),
)

making = threading.local()


def swap():
    from langchain_core.language_models import BaseChatModel

    from langchain_bestofinf import AdaptiveEnsembleChat

    class Swapped(AdaptiveEnsembleChat):
        def _member(self):
            return self.__dict__["members"][0]

        def __getattr__(self, name):
            try:
                return super().__getattr__(name)
            except AttributeError:
                if name.startswith("__") or "members" not in self.__dict__:
                    raise
                return getattr(self._member(), name)

        def __setattr__(self, name, value):
            if name.startswith("_") or name in type(self).model_fields:
                super().__setattr__(name, value)
            else:
                setattr(self._member(), name, value)

        @property
        def _llm_type(self):
            return self._member()._llm_type

        @property
        def _serialized(self):
            return self._member()._serialized

        @property
        def _identifying_params(self):
            return self._member()._identifying_params

        def get_name(self, *given, **named):
            return self._member().get_name(*given, **named)

        def _get_ls_params(self, stop=None, **given):
            given.pop("tools", None)
            return self._member()._get_ls_params(stop=stop, **given)

    Swapped.__name__ = Swapped.__qualname__ = "AdaptiveEnsembleChat"

    def is_fake(kind):
        if getattr(making, "on", False) or not issubclass(kind, BaseChatModel):
            return False
        module = kind.__module__
        ours = issubclass(kind, AdaptiveEnsembleChat)
        return not ours and (module == FAKES or "test" in module.split(".")[0])

    def made(kind, *given, **named):
        model = type.__call__(kind, *given, **named)
        if not is_fake(kind):
            return model
        making.on = True
        try:
            common = {n: getattr(model, n) for n in COMMON if n in model.model_fields_set}
            settings = {"rule": f"fixed:n={MEMBERS}", "trace": "off"}
            # What fails is to fail: the suites count requests.
            settings |= {"retries": 0, "breaker": 1, "cooldown": 0.0}
            return Swapped([model] * MEMBERS, sample_callbacks="none", **settings, **common)
        finally:
            making.on = False

    models.ModelMetaclass.__call__ = made


if MEMBERS:
    swap()
