"""How a text is split into terms: words or characters, or n-grams of them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Annotated, Literal, TypeAlias

import msgspec

from podium.program.operations.operation import require

# No real term has this many words or characters; it limits the work for a text.
GRAM_MAX = 32

Text2Terms: TypeAlias = Callable[[str], Iterable[str]]
_Size: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=GRAM_MAX)]

# The patterns that are accepted in a plan: a sequence of character classes, of which only the last
# repeats, with word boundaries before and after. Nothing that repeats is itself repeated, so that
# the time for any text is proportional to its length.
_CLASS = r"(?:\\[wS]|\[(?:\\[wWdDsS'.-]|(?!--|&&|\|\||~~)[^\\\[\]])+\])"
_PATTERN = re.compile(
    rf"(?:\(\?u\))?(?P<begin>\\b)?(?:{_CLASS}){{0,7}}(?P<last>{_CLASS})"
    r"(?:\+|\{\d{1,2}(?:,\d{0,2})?\})?(?P<end>\\b)?"
)
_SPACES = re.compile(r"\s\s+")


class Analysis(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a text is processed, in this order.

    Attributes:
        is_lowered: whether letters become lower case.
        strip_accents: how accents are removed; `ascii` drops letters without an ASCII form.
        of: terms are words, characters, or characters within words padded with spaces.
        pattern: of a word.
        separator: of words, in place of the pattern; an empty one is any white space.
        is_stripped: whether white space around separated words is no part of them.
        stop_words: words that are ignored.
        shortest: the least number of words or characters in a term.
        longest: the greatest.
    """

    of: Literal["word", "char", "char_wb"] = "word"
    pattern: str = r"(?u)\b\w\w+\b"
    is_lowered: bool = True
    strip_accents: Literal["", "ascii", "unicode"] = ""
    stop_words: tuple[str, ...] = ()
    shortest: _Size = 1
    longest: _Size = 1
    separator: str | None = None
    is_stripped: bool = False

    def check(self) -> None:
        """Check that it can be used.

        Raises:
            BundleError: the pattern isn't known to be safe, or terms could be too long.
        """
        require(self.shortest <= self.longest, "the longest term is shorter than the shortest")
        if self.separator is not None:
            require(self.of == "word", "characters are separated")
        elif self.of == "word":
            require(is_safe(self.pattern), f"{self.pattern[:100]!r} isn't a known token pattern")

    def prepare(self) -> Text2Terms:
        """A function that returns a text's terms, as often as they occur."""
        clean, terms = self._cleaner(), self._splitter()
        return lambda text: terms(clean(text))

    def _cleaner(self) -> Callable[[str], str]:
        strip = {"": None, "ascii": _ascii, "unicode": _without_accents}[self.strip_accents]
        if strip is None:
            return str.lower if self.is_lowered else str
        return (lambda text: strip(text.lower())) if self.is_lowered else strip

    def _splitter(self) -> Text2Terms:
        shortest, longest = self.shortest, self.longest
        if self.of == "char":
            return lambda text: _characters(_SPACES.sub(" ", text), shortest, longest)
        if self.of == "char_wb":
            return lambda text: _within_words(text, shortest, longest)
        words, stop = self._words(), frozenset(self.stop_words)
        if longest == 1 and not stop:
            return words
        return lambda text: _words([w for w in words(text) if w not in stop], shortest, longest)

    def _words(self) -> Callable[[str], list[str]]:
        if self.separator is None:
            return re.compile(self.pattern).findall
        separator = self.separator or None
        if self.is_stripped:
            return lambda text: [word.strip() for word in text.split(separator)]
        return lambda text: text.split(separator)


def is_safe(pattern: str) -> bool:
    """Whether matching the pattern takes time proportional to the text, whatever the text is."""
    match = _PATTERN.fullmatch(pattern)
    if match is None:
        return False
    try:
        re.compile(pattern)
    except re.error:
        return False
    # A repeated class may backtrack character by character, looking for a word boundary. Word
    # boundaries end where \w does; after other classes it looks once from the beginning of each
    # word only.
    return not match["end"] or bool(match["begin"]) or match["last"] == r"\w"


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")


def _without_accents(text: str) -> str:
    if text.isascii():
        return text
    letters = unicodedata.normalize("NFKD", text)
    return "".join(c for c in letters if not unicodedata.combining(c))


def _words(words: list[str], shortest: int, longest: int) -> list[str]:
    return [
        " ".join(words[i : i + n]) if n > 1 else words[i]
        for n in range(shortest, min(longest, len(words)) + 1)
        for i in range(len(words) - n + 1)
    ]


def _characters(text: str, shortest: int, longest: int) -> list[str]:
    return [
        text[i : i + n]
        for n in range(shortest, min(longest, len(text)) + 1)
        for i in range(len(text) - n + 1)
    ]


def _within_words(text: str, shortest: int, longest: int) -> list[str]:
    """A word that is shorter than a term counts as one term, once."""
    terms = []
    for word in text.split():
        padded = f" {word} "
        terms += _characters(padded, shortest, longest)
        if shortest > len(padded):
            terms.append(padded)
    return terms
