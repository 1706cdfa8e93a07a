"""Errors of Podium reach other processes as they were raised."""

from __future__ import annotations

import importlib
import inspect
import pickle
import re
from pathlib import Path
from typing import Any

import pytest

import podium
from podium.errors import BadCell, PodiumError

# A value for each annotation of a constructor.
GIVEN: dict[str, Any] = {
    "str": "what happened",
    "int": 7,
    "float": 2.5,
    "int | None": 3,
    "Sequence[BadCell]": [BadCell(problem="is no number", row=4, field="age", value="old")],
}


def kinds(of: type[PodiumError]) -> list[type[PodiumError]]:
    return [of] + [one for sub in of.__subclasses__() for one in kinds(sub)]


def every_kind() -> list[type[PodiumError]]:
    """All classes of errors, also those that are defined elsewhere."""
    names = "|".join(kind.__name__ for kind in kinds(PodiumError))
    source = Path(podium.__file__).parents[1]
    for path in sorted(source.rglob("*.py")):
        if re.search(rf"^class \w+\(({names})\)", path.read_text("utf-8"), re.MULTILINE):
            importlib.import_module(".".join(path.relative_to(source).with_suffix("").parts))
    found = [one for one in kinds(PodiumError) if one.__module__.startswith("podium.")]
    return sorted(set(found), key=lambda one: one.__qualname__)


@pytest.mark.parametrize("kind", every_kind(), ids=lambda kind: kind.__qualname__)
def test_an_error_is_the_same_in_another_process(kind: type[PodiumError]):
    named = inspect.signature(kind).parameters.values()
    error = kind(**{one.name: GIVEN[one.annotation] for one in named})
    error.note = "added later"  # as some modules do

    there = pickle.loads(pickle.dumps(error))

    assert type(there) is kind
    assert (str(there), there.args, vars(there)) == (str(error), error.args, vars(error))


def test_errors_that_other_modules_define_are_among_them():
    assert {one.__module__ for one in every_kind()} >= {"podium.errors", "podium.outbox.keys"}
