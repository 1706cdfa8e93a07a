"""Typed functions as models: `@podium.model`, and the only place where their code runs."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, overload

from podium.errors import ModelError, PodiumError, SetupError, SignatureError
from podium.outputs import Outputs
from podium.runtimes.functions.arguments import Call, arguments_of
from podium.runtimes.functions.docstrings import summary_of
from podium.runtimes.functions.examples import example_rows
from podium.runtimes.functions.hints import annotations_of, name_of
from podium.runtimes.functions.loops import EventLoop
from podium.runtimes.functions.modules import module_named, module_of_file
from podium.runtimes.functions.places import import_path_of
from podium.runtimes.functions.returned import return_type_of
from podium.runtimes.protocol import BatchPolicy, RuntimeFeatures
from podium.signature import Signature
from podium.table import Table

__all__ = ["FunctionModel", "import_path_of", "load_function", "model"]

# How many rows of an async function are awaited together: about as many connections as the pools of
# HTTP clients and databases have.
AWAITED_MAX = 100
# Requests that overlap. Each is a call of its own: in a shared call, a bad row would make the good
# ones repeat their upstream requests.
OVERLAPPING_MAX = 256


class FunctionModel:
    """A typed function as a model; it can still be called as a function.

    Its annotations define the signature: see `model`.

    Attributes:
        name: of the model.
        title: the first line of its docstring, if that is short.
        description: the text of the docstring before its first section.
        signature: the fields it takes and the outputs it answers.
        features: `is_async` for a coroutine function.

    Raises:
        SignatureError: an annotation is missing, or isn't supported.
    """

    __name__: str
    __qualname__: str
    __wrapped__: Callable[..., Any]

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        description: str | None = None,
    ) -> None:
        function = function.__wrapped__ if isinstance(function, FunctionModel) else function
        _require_function(function)
        functools.update_wrapper(self, function)
        self.name = name or function.__name__
        title, summary = summary_of(function)
        self.title = title
        self.description = summary if description is None else description
        hints = annotations_of(function)
        self._arguments = arguments_of(function, hints)
        self._return_type = return_type_of(
            function, hints.get("return", Any), is_batch=self._arguments.is_batch
        )
        self.signature = Signature(
            fields=tuple(one.field for one in self._arguments.parameters),
            outputs=self._return_type.outputs,
            examples=example_rows(self._arguments.parameters),
        )
        is_async = inspect.iscoroutinefunction(function)
        self.features = RuntimeFeatures(
            is_async=is_async,
            takes_rows=not self._arguments.is_batch,
            has_effects=True,
            batch=BatchPolicy(workers=OVERLAPPING_MAX) if is_async else BatchPolicy(),
        )
        self._loop = EventLoop()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function itself."""
        return self.__wrapped__(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<podium.model {self.__module__}:{self.__qualname__}>"

    def predict(self, table: Table) -> Outputs:
        """The function's predictions; a coroutine function runs on a loop of its own.

        Raises:
            ModelError: it raised, or its return value doesn't match the annotation.
        """
        with _running:
            calls = self._arguments.calls(table)
        return self._call_all(calls, table.n_rows)

    def predict_rows(self, rows: Sequence[Sequence[Any]]) -> Outputs:
        """The same for rows of plain cells, if the function is called once per row.

        Raises:
            ModelError: it raised, or its return value doesn't match the annotation.
        """
        with _running:
            calls = self._arguments.calls_of(rows)
        return self._call_all(calls, len(rows))

    async def predict_async(self, table: Table) -> Outputs:
        """The same, awaited on the caller's loop: the rows are awaited together.

        Raises:
            ModelError: it raised, or its return value doesn't match the annotation.
        """
        with _running:
            calls = self._arguments.calls(table)
        return await self._awaited(calls, table.n_rows)

    async def predict_rows_async(self, rows: Sequence[Sequence[Any]]) -> Outputs:
        """The same for rows of plain cells, if the function is called once per row.

        Raises:
            ModelError: it raised, or its return value doesn't match the annotation.
        """
        with _running:
            calls = self._arguments.calls_of(rows)
        return await self._awaited(calls, len(rows))

    def _call_all(self, calls: Sequence[Call], n_rows: int) -> Outputs:
        if self.features.is_async:
            return self._loop.run(lambda: self._awaited(calls, n_rows))
        with _running:
            returned = [self.__wrapped__(*args, **named) for args, named in calls]
        return self._outputs(returned, n_rows)

    async def _awaited(self, calls: Sequence[Call], n_rows: int) -> Outputs:
        if not self.features.is_async:
            return self._call_all(calls, n_rows)
        if len(calls) == 1:  # the server's case: it needs no task
            return self._outputs([await self._call(calls[0])], n_rows)
        turns = asyncio.Semaphore(AWAITED_MAX)

        async def answer(call: Call) -> Any:
            async with turns:
                return await self._call(call)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(answer(call)) for call in calls]
        except ExceptionGroup as errors:
            # The first one; the task group has cancelled the others.
            raise errors.exceptions[0] from errors.exceptions[0].__cause__
        return self._outputs([task.result() for task in tasks], n_rows)

    async def _call(self, call: Call) -> Any:
        args, named = call
        with _running:
            return await self.__wrapped__(*args, **named)

    def _outputs(self, results: list[Any], n_rows: int) -> Outputs:
        returned = results[0] if self._arguments.is_batch else results
        with _running:  # reading the attributes and items of a return value may run code, too
            return self._return_type.outputs_of(returned, n_rows)


@overload
def model(
    function: Callable[..., Any],
    /,
    *,
    name: str | None = None,
    description: str | None = None,
) -> FunctionModel: ...


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
    """Turn a typed function into a model: `@podium.model`, or `@podium.model(name="churn")`.

    Parameters are the fields. Single values (`age: float`) define a function that is called once
    per row; lists or arrays (`age: list[float]`, `age: NDArray[np.float64]`) one that is called
    once per batch. A single parameter that is a dataclass, a TypedDict or a msgspec.Struct receives
    a whole row, a list of them all the rows. The function may be `async`.

    | annotation | field |
    |---|---|
    | `float`, `int`, `bool`, `str` | a number, an integer, true or false, a text |
    | `datetime.date`, `datetime.datetime` | a date, a date and time |
    | `Literal["basic", "pro"]`, an `Enum` | a category; of an Enum the function gets the member |
    | `X | None` | may be missing |
    | `age: int = 40` | may be missing, and is 40 then |
    | `Annotated[int, podium.Range(0, 120)]` | only values from 0 to 120 |
    | `Annotated[int, "age in years"]` | with a description |
    | `Annotated[int, podium.Field(name="", unit="years")]` | with any attribute of a field |
    | `Annotated[float, podium.Field(name="bill length")]` | with this name, whatever the parameter's name |
    | `Annotated[int, msgspec.Meta(ge=0, title="Age", examples=[41])]` | the same |

    | what it returns | model |
    |---|---|
    | `float`, `int` | regression |
    | `bool`, `Literal[...]`, an `Enum` | classification |
    | `dict[Literal[...], float]` | classification with probabilities |
    | a dataclass, a TypedDict, a msgspec.Struct | several outputs |
    | anything else that JSON can represent | a value |

    Args:
        name: of the model; the function's name by default.
        description: what it does; the text of the docstring by default.

    Raises:
        SignatureError: an annotation is missing, or isn't supported.
    """
    if function is None:
        return lambda one: FunctionModel(one, name=name, description=description)
    return FunctionModel(function, name=name, description=description)


def load_function(path: str, search: Path | None = None) -> FunctionModel:
    """The function at `module:name` or `folder/file.py:name`, made with `@podium.model`.

    It returns nothing else, so that a stranger's bundle can't name any other callable. Importing
    the module runs it, though, and its folder stays at the end of `sys.path`: see
    `podium.runtimes.functions.modules`.

    Args:
        path: the function's name may be left out if the module contains one model.
        search: the folder in which modules and files are searched for; by default the current one.

    Raises:
        SetupError: there is no such module or function, it isn't a model, or the import failed.
        SignatureError: an annotation of a model in that module describes no field.
    """
    place, name = _split(path)
    folder = Path.cwd() if search is None else search
    with _importing(place):
        if place.endswith(".py"):
            module = module_of_file(folder / place)
        else:
            module = module_named(place, folder)
    models = {n: one for n, one in vars(module).items() if isinstance(one, FunctionModel)}
    if not name:
        return _only(models, place)
    if name not in models:
        raise _unknown(name, models, module, place)
    return models[name]


def _require_function(function: Any) -> None:
    if isinstance(function, type) or not callable(function) or not hasattr(function, "__name__"):
        raise SignatureError(
            f"{function!r} isn't a function",
            hint='write @podium.model, or @podium.model(name="...") above a function',
        )
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise SignatureError(
            f"{name_of(function)} is a generator", hint="return the values, as a list for a batch"
        )


def _split(path: str) -> tuple[str, str]:
    """The module or file, and the name, which may be empty."""
    place, colon, name = path.rpartition(":")
    if not colon or name.endswith(".py"):  # C:\\models\\churn.py has a colon, too
        place, name = path, ""
    if not place or (name and not name.isidentifier()):
        raise SetupError(
            f"{path!r} has no function name", hint="write module:function, or file.py:function"
        )
    return place, name


def _only(models: dict[str, FunctionModel], place: str) -> FunctionModel:
    different = {id(one): one for one in models.values()}
    if len(different) == 1:
        return next(iter(different.values()))
    if not models:
        raise SetupError(f"{place} has no model", hint="write @podium.model above a function")
    raise SetupError(f"{place} has several models", hint=f"choose one: {', '.join(models)}")


def _unknown(
    name: str, models: dict[str, FunctionModel], module: ModuleType, place: str
) -> SetupError:
    if name in vars(module):
        return SetupError(
            f"{name} in {place} isn't a model", hint="write @podium.model above the function"
        )
    hint = f"models there: {', '.join(models)}" if models else "there are none: write @podium.model"
    return SetupError(f"{place} has no model called {name!r}", hint=hint)


class _Running:
    """Run a model's own code in this block: its exceptions become a ModelError.

    The message contains the exception and nothing of the row.
    """

    __slots__ = ()

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None or isinstance(error, ModelError):
            return
        if isinstance(error, asyncio.CancelledError):
            if _is_cancelled():
                return
            # Re-raised as it is, it would look as if the caller had disconnected.
            raise ModelError("the function cancelled itself") from error
        # A model that calls exit() ends its own call, not the server.
        if isinstance(error, (Exception, SystemExit)):
            raise ModelError(f"the function raised {type(error).__name__}") from error


# It has no state, so one is enough: entering the block is part of the cost of every row.
_running = _Running()


def _is_cancelled() -> bool:
    """Whether the current task is being cancelled by its caller."""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no loop runs in this thread
        return False
    return task is not None and task.cancelling() > 0


@contextmanager
def _importing(place: str) -> Iterator[None]:
    """Import a user's module in this block: its exceptions become a SetupError."""
    try:
        yield
    except PodiumError:
        raise
    except ModuleNotFoundError as error:
        raise SetupError(
            f"{place} needs the module {error.name}, which can't be imported",
            hint="install it, or put its file into the same folder",
        ) from error
    except (Exception, SystemExit) as error:
        raise SetupError(
            f"{place} can't be imported: {type(error).__name__}: {error}",
            hint="run it on its own to see where it fails",
        ) from error
