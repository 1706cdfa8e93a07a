"""A user's recipe: a plain function from rows with their truth to a fitted estimator."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

from podium.errors import PodiumError, SetupError
from podium.runtimes.functions.modules import module_named, module_of_file

METADATA = "records"


@dataclass(frozen=True)
class Function:
    """A recipe that was imported.

    Attributes:
        takes_data: its second parameter is the training data.
        takes_records: it has a parameter `records`: id, time, version and prediction of each row.
    """

    place: str
    call: Callable[..., Any]
    takes_data: bool
    takes_records: bool


def load_recipe(path: str) -> Function:
    """The function at `file.py:function` or `module:function`.

    Raises:
        SetupError: there is none, it can't be imported, or it takes no rows.
    """
    place, colon, name = path.rpartition(":")
    if not colon or not place or not name.isidentifier():
        raise SetupError(f"{path!r} names no recipe", hint="write file.py:function")
    try:
        module = (
            module_of_file(Path(place)) if place.endswith(".py") else module_named(place, Path())
        )
    except PodiumError:
        raise
    except (Exception, SystemExit) as error:
        raise SetupError(f"{place} can't be imported: {describe(error, place)}") from error
    function = vars(module).get(name)
    if not isinstance(function, FunctionType):
        functions = [n for n, one in vars(module).items() if isinstance(one, FunctionType)]
        raise SetupError(
            f"{place} has no function {name!r}", hint=f"it has: {', '.join(functions) or 'none'}"
        )
    return _inspect(path, function)


def _inspect(path: str, function: FunctionType) -> Function:
    parameters = inspect.signature(function).parameters.values()
    by_place = [
        one
        for one in parameters
        if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD) and one.name != METADATA
    ]
    has_records = any(
        one.name == METADATA and one.kind != one.POSITIONAL_ONLY for one in parameters
    )
    others = [one for one in by_place[2:] if one.default is one.empty] + [
        one
        for one in parameters
        if one.kind is one.KEYWORD_ONLY and one.name != METADATA and one.default is one.empty
    ]
    if not by_place or others:
        raise SetupError(
            f"{path} doesn't take the rows of a recipe",
            hint="write def train(rows), or def train(rows, data) for the training data that the "
            "model had; a parameter called records gets their ids and times",
        )
    return Function(path, function, len(by_place) > 1, has_records)


def call_recipe(recipe: Function, rows: Any, data: Any, records: Any) -> Any:
    """What the recipe returns.

    Raises:
        SetupError: it raised, or returned nothing.
        MemoryError: it needed more than it may.
    """
    arguments = [rows, data] if recipe.takes_data else [rows]
    named = {METADATA: records} if recipe.takes_records else {}
    try:
        model = recipe.call(*arguments, **named)
    except (MemoryError, PodiumError):
        raise
    except (Exception, SystemExit) as error:
        place = recipe.place.rpartition(":")[0]
        raise SetupError(f"{recipe.place} raised {describe(error, place)}") from error
    if model is None:
        raise SetupError(f"{recipe.place} returned nothing", hint="return the fitted estimator")
    return model


def describe(error: BaseException, place: str) -> str:
    """What was raised, and at which line of the recipe, in a line."""
    name = Path(place).name
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).name == name
    ]
    at = f" in line {lines[-1]}" if lines else ""
    text = " ".join(str(error).split())[:300]
    return f"{type(error).__name__}{at}: {text}" if text else f"{type(error).__name__}{at}"
