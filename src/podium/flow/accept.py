"""The Accept header: which of the available formats a client prefers."""

from __future__ import annotations


def quality(accept: str, media: str) -> float:
    """The quality value that an Accept header gives a media type: 0 (not acceptable) to 1.

    Args:
        accept: the header; an empty one accepts everything.
        media: as in `text/html`.

    Source: RFC 9110, section 12.5.1; the most specific range that matches decides.
    """
    if not accept.strip():
        return 1.0
    wanted = dict(_range(part) for part in accept.split(",") if part.strip())
    for fitting in (media, f"{media.partition('/')[0]}/*", "*/*"):
        if fitting in wanted:
            return wanted[fitting]
    return 0.0


def prefers_page(accept: str) -> bool:
    """Whether a client wants a page rather than JSON: it names HTML, as browsers do.

    Those that accept anything are programs.
    """
    html = quality(accept, "text/html") if "text/html" in accept.lower() else 0.0
    return html > 0 and html >= quality(accept, "application/json")


def _range(part: str) -> tuple[str, float]:
    media, *parameters = (one.strip().lower() for one in part.split(";"))
    said = next((one[2:] for one in parameters if one.startswith("q=")), "1")
    try:
        weight = float(said)
    except ValueError:
        weight = 0.0
    return media, weight if 0 <= weight <= 1 else 0.0
