"""The description of a function and its parameters in a docstring, in Google's or numpy's style."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

TITLE_MAX = 60
_HEADINGS = re.compile(
    "args|arguments|parameters|attributes|returns|yields|raises|examples?|notes?|references|source|warn(s|ings)"
)
_OF_PARAMETERS = frozenset({"args", "arguments", "parameters", "attributes"})
_SECTION = re.compile(r"([A-Z][a-z]+):?")
# `age: in years`, `age (float): in years`, `age : float` and `age`
_NAMED = re.compile(r"(\w+)\s*(?:\([^)]*\))?\s*(?::\s*(.*))?")


def summary_of(one: object) -> tuple[str, str]:
    """A title and a description: the first line, if it is short, and the text after it."""
    lines = _lines(one)
    end = next((at for at in range(len(lines)) if _heading(lines, at)), len(lines))
    paragraphs = [" ".join(paragraph.split()) for paragraph in "\n".join(lines[:end]).split("\n\n")]
    paragraphs = [paragraph for paragraph in paragraphs if paragraph]
    title = ""
    if paragraphs and len(paragraphs[0]) <= TITLE_MAX:
        title = paragraphs.pop(0).removesuffix(".")
    return title, "\n\n".join(paragraphs)


def described_in(one: object) -> dict[str, str]:
    """The description of each parameter or attribute in the docstring."""
    lines = _lines(one)
    descriptions: dict[str, str] = {}
    for at in range(len(lines)):
        if _heading(lines, at) in _OF_PARAMETERS:
            descriptions |= dict(_entries(lines, at + 1))
    return descriptions


def _lines(one: object) -> list[str]:
    return inspect.cleandoc(one.__doc__ or "").splitlines()


def _heading(lines: list[str], at: int) -> str:
    """The section that begins in this line, in lower case; empty if none does."""
    match = _SECTION.fullmatch(lines[at].strip())
    if match is None or lines[at][:1].isspace():
        return ""
    is_underlined = at + 1 < len(lines) and bool(re.fullmatch(r"-{3,}", lines[at + 1].strip()))
    if not is_underlined and not lines[at].rstrip().endswith(":"):
        return ""
    name = match[1].lower()
    return name if _HEADINGS.fullmatch(name) else ""


def _entries(lines: list[str], at: int) -> Iterator[tuple[str, str]]:
    """Names and texts from this line to the end of the section."""
    is_numpy = at < len(lines) and lines[at].startswith("---")
    name, words = "", list[str]()
    margin = 0 if is_numpy else None
    for i in range(at + is_numpy, len(lines)):
        line = lines[i]
        indent = len(line) - len(line.lstrip())
        if _heading(lines, i) or (line.strip() and not is_numpy and not indent):
            break
        if not line.strip():
            continue
        margin = indent if margin is None else margin
        named = _NAMED.fullmatch(line.strip()) if indent <= margin else None
        if named is None:
            words.append(line.strip())
            continue
        if name:
            yield name, " ".join(words)
        name = named[1]
        words = [named[2]] if named[2] and not is_numpy else []
    if name:
        yield name, " ".join(words)
