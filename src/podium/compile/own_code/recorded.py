"""The base of what stands in for data while code is recorded."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, ClassVar, NoReturn, Protocol


class ExecutionPath(Protocol):
    """One path through a function of one value, while it is recorded: see `branches`."""

    @property
    def has_branched(self) -> bool:
        """Whether a condition was evaluated on it."""

    def __call__(self, value: Any) -> bool:
        """Whether the value is true on this path."""


current_path: ContextVar[ExecutionPath | None] = ContextVar("podium_execution_path", default=None)

_OF_OTHER_ROWS = frozenset(
    {
        *("median", "mode", "std", "var", "quantile", "rank", "describe", "value_counts", "unique"),
        *("nunique", "groupby", "shift", "diff", "pct_change", "rolling", "expanding", "ewm"),
        *("cumsum", "cumprod", "cummax", "cummin", "ffill", "bfill", "interpolate", "sort_values"),
        *("duplicated", "drop_duplicates", "corr", "all", "any", "head", "tail", "sample"),
    }
)


class Untraceable(AttributeError):
    """Why the code can't be recorded; an AttributeError, so that `hasattr` says no."""


class Recorded:
    """Stands in for data while code is recorded; what it doesn't know ends the recording."""

    noun = "value"
    # Set by `numpy_functions`, which knows all that can be recorded.
    of_ufunc: ClassVar[Callable[..., Any]]
    of_function: ClassVar[Callable[..., Any]]
    frame_of: ClassVar[Callable[..., Any]]
    text_methods_of: ClassVar[Callable[..., Any]]
    replacing: ClassVar[Callable[..., Any]]
    branched: ClassVar[Callable[..., Any]]
    tags_of: ClassVar[Callable[..., Any]]
    of_each_row: ClassVar[Callable[..., Any]]
    of_each_text: ClassVar[Callable[..., Any]]
    texts_by_number: ClassVar[Callable[..., Any]]

    def __getattr__(self, name: str) -> NoReturn:
        why = f"`.{name}` of a {self.noun} can't be recorded"
        if name in _OF_OTHER_ROWS:
            why += ": it depends on the other rows; compute it in the `fit` of a transformer"
        raise Untraceable(why)

    def __bool__(self) -> bool:
        path = current_path.get()
        if path is None:
            raise Untraceable("it branches on values; np.where chooses for all rows at once")
        return path(self)

    def __len__(self) -> int:
        raise Untraceable("it asks for the number of rows")

    def __iter__(self) -> Any:
        raise Untraceable("it loops over rows")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        return type(self).of_ufunc(ufunc, method, inputs, options)

    def __array_function__(self, function: Any, _types: Any, args: Any, options: Any) -> Any:
        return type(self).of_function(function, args, options)

    def _no_value(self, *_: Any, **__: Any) -> Any:
        raise Untraceable("it takes the values out of their column")

    __array__ = __float__ = __int__ = __index__ = __complex__ = __str__ = __format__ = _no_value
    __hash__ = None  # type: ignore[assignment]  # nobody may ask whether it is in a set


class Rows:
    """The number of rows, on which nothing may depend but the length of a new column.

    Attributes:
        source: returns recorded numbers of as many rows.
    """

    def __init__(self, source: Callable[[], Any]) -> None:
        self.source = source

    def _unknown(self, *_: Any) -> Any:
        raise Untraceable("it asks for the number of rows")

    __index__ = __int__ = __bool__ = __eq__ = __lt__ = __gt__ = __add__ = __mul__ = _unknown
    __len__ = __iter__ = __ge__ = __le__ = __ne__ = __sub__ = __truediv__ = _unknown
    __hash__ = None  # type: ignore[assignment]
