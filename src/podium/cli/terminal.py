"""Output for a terminal: escaped text, numbers, bars and tables."""

from __future__ import annotations

import io
import math
import sys
import textwrap
import unicodedata
from typing import TYPE_CHECKING

from podium.signature.labels import label_text

if TYPE_CHECKING:  # `podium serve` does without: it takes 20 ms
    from rich.console import Console, RenderableType
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

# A terminal obeys control characters; these others change the direction of all following text.
_OBEYED = {"Cc", "Cs", "Zl", "Zp"}
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_EIGHTHS = " ▏▎▍▌▋▊▉"
BAR_WIDTH = 24
NAME_WIDTH = 12


def console(*, stderr: bool = False) -> Console:
    """A console that prints plain text, and never fails for a character outside its encoding."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)


def harmless(text: object) -> str:
    """A text without control characters, on one line.

    Joiners are kept: Persian and emoji need them.
    """
    return "".join(
        "\ufffd" if unicodedata.category(c) in _OBEYED or c in _TURNING else c
        for c in " ".join(str(text).split("\n"))
    )


def number(value: float) -> str:
    """A number with six significant digits, and no unnecessary zeros."""
    if isinstance(value, int) or not math.isfinite(value) or value == 0:
        return str(value).removesuffix(".0")
    if not 1e-4 <= abs(value) < 1e15:
        return f"{value:.6g}"
    decimals = max(0, 5 - math.floor(math.log10(abs(value))))
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def value_text(value: object) -> str:
    """A value for people: short, and without control characters."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return label_text(value)
    if isinstance(value, (int, float)):
        return number(value)
    return harmless(value)


def bar(share: float, to: Console) -> str:
    """A bar whose length is the share, 0 to 1, of `BAR_WIDTH`."""
    share = min(max(share, 0.0), 1.0)
    if not to.encoding.lower().startswith("utf"):
        return "#" * round(share * BAR_WIDTH)
    eighths = round(share * BAR_WIDTH * 8)
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8]).rstrip()


def shelf() -> Table:
    """A table without lines or headings: names on the left, their values beside."""
    from rich.table import Table

    return Table.grid(padding=(0, 2, 0, 0))


def indented(part: RenderableType) -> Padding:
    """A part of the output below its heading."""
    from rich.padding import Padding

    return Padding(part, (0, 0, 0, 2), expand=False)


def wrapped(name: str, text: str, to: Console) -> Text:
    """A name and its value, wrapped between words only: digests and paths stay whole."""
    from rich.text import Text

    begin = f"  {name:<{NAME_WIDTH}}"
    lines = textwrap.wrap(
        harmless(text),
        max(to.width, 40),
        initial_indent=begin,
        subsequent_indent=" " * len(begin),
        break_long_words=False,
        break_on_hyphens=False,
    )
    content = Text("\n".join(lines))
    content.stylize("dim", 0, len(begin))
    return content


def heading(text: str) -> Text:
    """The heading of a part."""
    from rich.text import Text

    return Text(text, style="bold")
