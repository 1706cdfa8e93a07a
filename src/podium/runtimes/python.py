"""Typed Python functions as models: `@podium.model`."""

from __future__ import annotations

import asyncio
import enum
import functools
import importlib
import importlib.util
import inspect
import math
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, overload

import msgspec
import numpy as np

from podium.errors import ModelError, SetupError, SignatureError
from podium.runtimes import hints as told
from podium.runtimes.hints import Parameter
from podium.runtimes.protocol import RuntimeFeatures
from podium.signature import Output, Signature
from podium.signature.infer import json_value
from podium.table import Array, Outputs, Table, plain_values

PROBABILITY_TOLERANCE = 1e-6


class FunctionModel:
    """A typed function behind the Runtime protocol; it can still be called as it was.

    Its parameters are the fields: one value each (`age: float`) makes a function of one row, lists
    or arrays (`age: list[float]`) one of a batch. A single parameter that is a dataclass, a msgspec
    struct or a TypedDict, or a list of such, takes rows as a whole. What it returns is the output.

    Raises:
        SignatureError: an annotation is missing or tells no field.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        description: str | None = None,
    ) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self.name = name or function.__name__
        doc = inspect.getdoc(function) or ""
        self.title = ""
        self.description = description if description is not None else doc.partition("\n\n")[0]
        hints = told.hints_of(function)
        returned = hints.pop("return", Any)
        self._takes = _Takes.of(function, hints)
        if self._takes.is_batch:
            returned = told.element_of(returned) or returned
        self._returns_row = told.is_row(returned)
        outputs = told.outputs_of(self.name, returned)
        self.is_async = inspect.iscoroutinefunction(function)
        self.features = RuntimeFeatures(is_async=self.is_async)
        self.signature = Signature(
            fields=tuple(one.field for one in self._takes.parameters),
            outputs=outputs,
            examples=_examples(self._takes.parameters),
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The function itself."""
        return self._function(*args, **kwargs)

    def predict(self, table: Table) -> Outputs:
        """The function's answers.

        Raises:
            ModelError: it raised, or answered something that its annotation doesn't allow.
        """
        if self.is_async:
            return _run_apart(lambda: self.predict_async(table))
        calls = self._takes.calls(table)
        if self._takes.is_batch:
            return self._outputs(self._asked(*calls[0]), table.n_rows)
        return self._outputs([self._asked(*call) for call in calls], table.n_rows)

    async def predict_async(self, table: Table) -> Outputs:
        """The same for a coroutine function: its rows are awaited together."""
        calls = self._takes.calls(table)
        try:
            answers = await asyncio.gather(*(self._function(*a, **k) for a, k in calls))
        except Exception as error:
            raise _failed(error) from error
        return self._outputs(answers[0] if self._takes.is_batch else answers, table.n_rows)

    def _asked(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        try:
            return self._function(*args, **kwargs)
        except Exception as error:
            raise _failed(error) from error

    def _outputs(self, answers: Any, n_rows: int) -> Outputs:
        try:
            rows = plain_values(answers) if isinstance(answers, np.ndarray) else list(answers)
        except TypeError as error:
            raise ModelError(f"the function answered {type(answers).__name__}, not rows") from error
        if len(rows) != n_rows:
            raise ModelError(f"the function answered {len(rows)} rows for {n_rows}")
        outputs = self.signature.outputs
        if self._returns_row:
            columns = [_predictions(one, [_part(row, one.name) for row in rows]) for one in outputs]
            several = np.empty((n_rows, len(outputs)), object)
            for i, column in enumerate(columns):
                several[:, i] = plain_values(column)
            return Outputs(several if len(outputs) > 1 else several[:, 0])
        if outputs[0].has_probabilities:
            return _most_probable(outputs[0], rows)
        return Outputs(_predictions(outputs[0], rows))


@overload
def model(function: Callable[..., Any], /) -> FunctionModel: ...


@overload
def model(
    *, name: str | None = None, description: str | None = None
) -> Callable[[Callable[..., Any]], FunctionModel]: ...


def model(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
) -> FunctionModel | Callable[[Callable[..., Any]], FunctionModel]:
    """Make a model of a typed function, plain or async, of one row or a batch.

    Args:
        name: of the model; the function's own when left out.
        description: what it does; the first paragraph of the docstring when left out.

    Raises:
        SignatureError: an annotation is missing or tells no field.
    """
    if function is not None:
        return FunctionModel(function)
    return lambda one: FunctionModel(one, name=name, description=description)


def load_function(path: str) -> FunctionModel:
    """The function model at `module:name`, or at `file.py:name`.

    The current folder is where modules are looked for first, as Python's own `-m` does. The name
    may be left out where the module has one model. Only functions made with `@podium.model` are
    taken: a bundle can't name any other callable.

    Raises:
        SetupError: there is none, or its module can't be imported.
    """
    place, _, name = path.partition(":")
    module = _module_of_file(Path(place)) if place.endswith(".py") else _module(place)
    found = {n: v for n, v in vars(module).items() if isinstance(v, FunctionModel)}
    if not name and len(found) == 1:
        return next(iter(found.values()))
    if name not in found:
        known = ", ".join(found) or "none: decorate one with @podium.model"
        raise SetupError(f"{place} has no model {name!r}", hint=f"models there: {known}")
    return found[name]


def import_path_of(function: FunctionModel) -> str:
    """Where a function model can be imported from: `module:name`.

    Raises:
        SetupError: it can't be: it is local, or was typed into a notebook.
    """
    wrapped = inspect.unwrap(function)
    module, name = wrapped.__module__, wrapped.__qualname__
    if "<locals>" in name or "." in name:
        raise SetupError(
            f"{name} is defined inside another function or class",
            hint="a model that is a function must be at the top of a module",
        )
    if module == "__main__":
        file = getattr(sys.modules["__main__"], "__file__", None)
        if file is None:
            raise SetupError(
                f"{name} lives in a notebook or a shell, where nothing can import it",
                hint="write it into a file, my_model.py, and import it from there",
            )
        module = Path(file).stem
    return f"{module}:{_global_name(function, name)}"


class _Takes(msgspec.Struct, frozen=True):
    """What a function takes: parameters, in rows or in a batch, spread or as one object."""

    parameters: tuple[Parameter, ...]
    is_batch: bool = False
    row: Any = None
    arrays: frozenset[str] = frozenset()

    @classmethod
    def of(cls, function: Callable[..., Any], hints: dict[str, Any]) -> _Takes:
        declared = list(inspect.signature(function).parameters.values())
        variadic = [p for p in declared if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        if variadic or not declared:
            raise SignatureError(
                f"{function.__qualname__} names no parameters",
                hint="name each field, with its type",
            )
        if len(declared) == 1:
            hint = hints.get(declared[0].name)
            element = told.element_of(hint)
            row = element if element is not None else hint
            if told.is_row(row):
                parameters = tuple(told.row_parameters(row))  # type: ignore[arg-type] # is_row says so
                return cls(parameters, is_batch=element is not None, row=row)
        empty = inspect.Parameter.empty
        given = {p.name: hints.get(p.name, empty) for p in declared}
        elements = {name: told.element_of(hint) for name, hint in given.items()}
        if any(one is not None for one in elements.values()):
            alone = next((name for name, one in elements.items() if one is None), None)
            if alone is not None:
                raise SignatureError(
                    f"parameter {alone!r} is one value, while others are lists",
                    hint="take one value of each, or a list of each",
                )
            parameters = tuple(told.parameter(n, one) for n, one in elements.items())
            arrays = frozenset(name for name, hint in given.items() if told.is_array(hint))
            return cls(parameters, is_batch=True, arrays=arrays)
        return cls(tuple(told.parameter(p.name, given[p.name], p.default) for p in declared))

    def calls(self, table: Table) -> list[tuple[list[Any], dict[str, Any]]]:
        """The arguments of each call: one a row, or one in all."""
        columns = {one.field.name: self._column(one, table) for one in self.parameters}
        if self.is_batch and self.row is None:
            return [([], columns)]
        names = list(columns)
        rows = [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        if self.row is None:
            return [([], row) for row in rows]
        made = [self.row(**row) for row in rows]
        return [([made], {})] if self.is_batch else [([one], {}) for one in made]

    def _column(self, one: Parameter, table: Table) -> Any:
        column = table.columns[one.field.name]
        if one.field.name in self.arrays:
            return column
        values = plain_values(column)
        if one.field.type == "integer":
            values = [None if v is None else int(v) for v in values]
        if one.default is not inspect.Parameter.empty:
            values = [one.default if v is None else v for v in values]
        make = one.make
        if make is not None:
            values = [v if v is None or isinstance(v, enum.Enum) else make(v) for v in values]
        return values


def _predictions(output: Output, rows: Sequence[Any]) -> Array:
    rows = [row.value if isinstance(row, enum.Enum) else row for row in rows]
    if output.task == "regression":
        for row in rows:
            is_number = isinstance(row, (int, float, np.number)) and not isinstance(row, bool)
            if not is_number or not math.isfinite(row):
                raise ModelError(f"the function answered {row!r}, not a finite number")
        kind = np.int64 if all(isinstance(row, int) for row in rows) else np.float64
        return np.array(rows, kind)
    if output.task == "classification":
        known = {(type(label), label) for label in output.classes}
        plain = [row.item() if isinstance(row, np.generic) else row for row in rows]
        for row in plain:
            if (type(row), row) not in known:
                raise ModelError("the function answered a label that its annotation doesn't name")
        rows = plain
    column = np.empty(len(rows), object)
    for i, row in enumerate(rows):
        column[i] = msgspec.to_builtins(row, enc_hook=_plain_number)
    return column


def _most_probable(output: Output, rows: Sequence[Any]) -> Outputs:
    try:
        probabilities = np.array([[row[label] for label in output.classes] for row in rows], float)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError("the function left out the probability of a class") from error
    if not (probabilities >= 0).all():
        raise ModelError("the function answered a probability below 0, or none")
    if np.abs(probabilities.sum(axis=1) - 1).max(initial=0) > PROBABILITY_TOLERANCE:
        raise ModelError("the function answered probabilities whose sum isn't 1")
    classes = np.empty(len(output.classes), object)
    classes[:] = output.classes
    return Outputs(classes[probabilities.argmax(axis=1)], probabilities)


def _plain_number(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise ModelError(f"the function answered a {type(value).__name__}, which JSON can't hold")


def _part(row: Any, name: str) -> Any:
    return row[name] if isinstance(row, dict) else getattr(row, name)


def _failed(error: Exception) -> ModelError:
    return (
        error
        if isinstance(error, ModelError)
        else ModelError(f"the function raised {type(error).__name__}")
    )


def _run_apart(work: Callable[[], Any]) -> Outputs:
    """Run a coroutine to its end, in a thread with a loop of its own: the caller's may be running."""
    result: list[Outputs] = []
    failure: list[BaseException] = []

    def target() -> None:
        try:
            result.append(asyncio.run(work()))
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            failure.append(error)

    thread = threading.Thread(target=target, name="podium-async-model")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return result[0]


def _examples(parameters: Sequence[Parameter]) -> tuple[dict[str, Any], ...]:
    """One row that the function takes: defaults, first categories, middles of ranges."""
    row = {one.field.name: _example(one) for one in parameters}
    return (row,)


def _example(one: Parameter) -> Any:
    field = one.field
    if one.default is not inspect.Parameter.empty and one.default is not None:
        default = one.default.value if isinstance(one.default, enum.Enum) else one.default
        return json_value(default, field.type)
    if field.categories:
        return field.categories[0].value
    low, high = field.bounds.minimum, field.bounds.maximum
    if field.type in ("float", "integer"):
        middle = _middle(low, high)
        return int(middle) if field.type == "integer" else middle
    if low is not None or high is not None:
        return low if low is not None else high
    values = {"boolean": True, "date": "2024-03-01", "datetime": "2024-03-01T12:00:00"}
    return values.get(field.type, "some text")


def _middle(low: Any, high: Any) -> float:
    if low is not None and high is not None:
        return float((low + high) / 2)
    return float(low if low is not None else high if high is not None else 1)


def _global_name(function: FunctionModel, default: str) -> str:
    module = sys.modules.get(function.__module__)
    for name, value in vars(module).items() if module else ():
        if value is function:
            return name
    return default


def _module(name: str) -> Any:
    here = str(Path.cwd())
    # It stays on the path: what the user's module imports later must be found, too.
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise SetupError(
                f"there is no module {name!r} here",
                hint=f"looked in {here} and in what is installed",
            ) from error
        raise SetupError(f"{name} can't be imported: {error}") from error
    except Exception as error:
        raise SetupError(f"{name} can't be imported: {type(error).__name__}: {error}") from error


def _module_of_file(file: Path) -> Any:
    if not file.is_file():
        raise SetupError(f"{file} isn't there")
    folder = str(file.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return _module(file.stem)
