"""Names that are written from right to left, in sentences that aren't."""

from __future__ import annotations

from unicodedata import bidirectional

_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN", "RLE", "RLO", "RLI"})
_BEGIN, _END = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"


def bare(text: str) -> str:
    """A text without the marks of `isolated`, for terminals."""
    return text.replace(_BEGIN, "").replace(_END, "")


def isolated(name: str) -> str:
    """A name for a sentence, in which it reorders nothing: numbers and signs beside it stay there.

    Names that are written from left to right need nothing for that.
    """
    if not any(bidirectional(c) in _RIGHT_TO_LEFT for c in name):
        return name
    return f"{_BEGIN}{name}{_END}"
