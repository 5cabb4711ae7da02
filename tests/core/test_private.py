"""Private attributes of ensembles are read as pydantic reads them."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from pydantic import BaseModel, PrivateAttr

from bestofinf.ensemble.private import PrivateAttributes


class Quick(PrivateAttributes, BaseModel):
    field: int = 1

    _own: list[int] = PrivateAttr(default_factory=list)
    _none: Any = PrivateAttr(default=None)


def test_they_are_read_changed_and_copied():
    model = Quick()
    model._own.append(3)
    model._none = 5
    assert (model._own, model._none) == ([3], 5)
    for other in (
        model.model_copy(deep=True),
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),
    ):
        assert (other._own, other._none) == ([3], 5)
        assert other._own is not model._own
    assert model.model_copy()._own is model._own


@pytest.mark.parametrize("name", ["absent", "_absent", "__absent__", "_Quick__absent"])
def test_what_is_not_there_is_refused(name):
    with pytest.raises(AttributeError, match=name):
        getattr(Quick(), name)


@pytest.mark.parametrize("name", ["_own", "field", "__pydantic_private__"])
def test_nothing_is_there_before_the_model_is_made(name):
    with pytest.raises(AttributeError):
        getattr(object.__new__(Quick), name)
