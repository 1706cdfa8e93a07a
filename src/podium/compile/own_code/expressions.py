"""Regular expressions in one's own code: what pandas makes of them, and what can be recorded.

Python's `re` looks for them where pandas keeps texts as objects. Where Arrow keeps them, pandas gives
most expressions to RE2, which differs from `re` in a few points; those are refused, or written in
another way.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from podium.compile.features import Input
from podium.compile.labels import label_of
from podium.compile.own_code.labels import Labels
from podium.compile.own_code.recorded import Untraceable
from podium.program.operations import ExtractText, MatchText, ReplaceMatches
from podium.program.operations.operation import Shapes
from podium.program.operations.texts.matches import REPLACEMENT, MatchName
from podium.program.operations.texts.patterns import Pattern, RefusedPattern

# Shorter texts than this aren't worth an expression.
_LONGEST_MIN = 200
# What RE2 understands otherwise than Python does.
_OTHERWISE = re.compile(r"\[\[?\^?\[?:|\{,")
# What Arrow looks for anew behind each match, as if the text began there.
_PLACES = re.compile(r"\^|\\[AbB]")
# The letters that RE2 takes for the same, besides the upper case of an ASCII letter.
_SAME = {"k": "\u212a", "s": "\u017f"}
_ODD = (
    *(
        "",
        "a",
        "Z",
        "7",
        "_",
        " ",
        "-",
        "\t",
        "\n",
        "a\n",
        "\x0b",
        "\x1f",
        "\x85",
        "\u00a0",
        "\u2028",
    ),
    *("\u0663", "\u00b2", "\u00e9", "\u00c9", "\u0130", "\u0131", "\u017f", "\u212a", "\u00df"),
    *("\u1e9e", "\U0001f600", "e\u0301", "\u4e2d"),
)


class Expression(NamedTuple):
    """A regular expression as Python's `re` takes it.

    Attributes:
        pattern: its text.
        ignores_case: of letters.
    """

    pattern: str
    ignores_case: bool = False


def expression_of(
    pat: Any, *, case: bool = True, flags: int = 0, by_arrow: bool = False
) -> Expression:
    """The expression that finds the same.

    Args:
        pat: a text or a compiled expression.
        by_arrow: whether RE2 looks for it, unless pandas knows that it differs from Python.

    Raises:
        Untraceable: it isn't accepted, or might find something else.
    """
    text, own_flags = (pat.pattern, pat.flags) if isinstance(pat, re.Pattern) else (pat, 0)
    if not isinstance(text, str):
        raise Untraceable(f"it looks for a {type(pat).__name__}, not for a regular expression")
    if (flags | own_flags) & ~(re.IGNORECASE | re.UNICODE):
        raise Untraceable("it looks for a regular expression with flags other than re.IGNORECASE")
    ignores_case = not case or bool((flags | own_flags) & re.IGNORECASE)
    if by_arrow and not flags:
        if _OTHERWISE.search(text):
            raise Untraceable(f"Arrow and Python understand {text!r} in different ways")
        if ignores_case:
            text, ignores_case = _both_cases(text), False
    check_pattern(text, ignores_case=ignores_case)
    return Expression(text, ignores_case)


def check_pattern(text: str, *, ignores_case: bool = False, how: str = "search") -> Pattern:
    """The expression as programs look for it.

    Raises:
        Untraceable: it isn't accepted.
    """
    try:
        found = Pattern(text, ignores_case=ignores_case, is_anchored=how != "search")
    except RefusedPattern as error:
        raise Untraceable(f"the regular expression {text!r} can't be recorded: {error}") from error
    if found.longest < _LONGEST_MIN:
        raise Untraceable(
            f"the regular expression {text!r} may take very long on texts of more than "
            f"{found.longest} characters; use fewer repeats, such as [^,]* in place of .*"
        )
    return found


def _both_cases(text: str) -> str:
    """An expression that finds letters in both cases, as RE2 does when it ignores the case."""
    if not text.isascii() or set(text) & set("[\\$") or "(?" in text:
        raise Untraceable(
            f"Arrow ignores the case of {text!r} in its own way; pass flags=re.IGNORECASE"
        )
    letters = (
        f"[{one.lower()}{one.upper()}{_SAME.get(one.lower(), '')}]" if one.isalpha() else one
        for one in text
    )
    return "".join(letters)


def matching(labels: Labels, how: MatchName, found: Expression, missing: float | None) -> MatchText:
    """The operation that looks for an expression.

    Raises:
        Untraceable: it counts what may be empty.
    """
    if how == "count":
        require_width(found)
    return MatchText(labels.texts, *found, how=how, missing=missing)


def extracting(labels: Labels, found: Expression, group: int, place: int | None) -> ExtractText:
    """The operation that takes a group of a match."""
    return ExtractText(labels.texts, *found, group=group, place=place)


def replacing(labels: Labels, found: Expression, by: Any) -> ReplaceMatches:
    """The operation that replaces matches.

    Raises:
        Untraceable: it replaces what may be empty, or by what isn't plain.
    """
    require_width(found)
    if not isinstance(by, str) or REPLACEMENT.fullmatch(by) is None:
        raise Untraceable(
            "it replaces parts of texts by something else than a text with \\1 to \\9"
        )
    return ReplaceMatches(labels.texts, *found, by=by)


def require_width(found: Expression) -> None:
    """Raise Untraceable if a match may be empty: libraries differ in where they see one."""
    if check_pattern(found.pattern, ignores_case=found.ignores_case).width == 0:
        raise Untraceable(f"the regular expression {found.pattern!r} also matches where nothing is")


def require_no_places(pat: Any) -> None:
    """Raise Untraceable if Arrow would count matches of an expression at other places, too."""
    text = pat.pattern if isinstance(pat, re.Pattern) else pat
    if _PLACES.search(str(text)):
        raise Untraceable(
            f"Arrow counts {text!r} in its own way; `.str.findall(...)` can be recorded"
        )


def require_same(
    labels: Labels, operation: MatchText | ExtractText | ReplaceMatches, real: Callable[[Any], Any]
) -> None:
    """Raise Untraceable unless this pandas finds the same in a few odd texts.

    Args:
        real: what the code does with `.str` of a column.
    """
    import pandas as pd

    field = labels.build.field(labels.column) if isinstance(labels.column, Input) else None
    plain = re.sub(r"\\.|[^\w ]", "", operation.pattern)[:50]
    some = [str(label) for label in (field.labels[:50] if field else ())]
    texts = [*some, *(f"{plain}{one}" for one in _ODD), *(f"{one}{plain}" for one in _ODD[:12])]
    dtype = "str" if labels.dtype_name == "category" else labels.dtype_name
    step = msgspec.structs.replace(operation, x=0).prepare(Shapes(0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for batch in _apart(dict.fromkeys(texts)):
            ours, theirs = step((), [batch]), real(pd.Series(batch, dtype=dtype).str)
            if _plain(ours) != _plain(theirs):
                raise Untraceable(
                    f"this pandas finds something else for {operation.pattern!r} than Python's `re` "
                    "does"
                )


def _apart(texts: Iterable[str]) -> Iterator[list[str]]:
    """Plain texts, and each odd one alone: one decides on what pandas does with the others."""
    plain: list[str] = []
    for text in texts:
        if text.isascii() and "\n" not in text:
            plain.append(text)
        else:
            yield [text]
    yield plain


def _plain(values: Any) -> Sequence[Any]:
    """Results as texts and numbers, and None."""
    found = values.tolist() if hasattr(values, "tolist") else list(values)
    flat = [one[0] if isinstance(one, list) else one for one in found]
    plain = map(label_of, flat)
    return [one if one is None or isinstance(one, str) else float(one) for one in plain]
