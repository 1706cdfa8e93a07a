"""The files of the pages, and what the style promises: small, of its own, readable."""

from __future__ import annotations

import gzip
import re
from importlib import resources

import pytest

from podium.testing import Client
from podium.web import render, static

FILES = resources.files("podium.web") / "static"
STYLE = (FILES / "podium.css").read_text("utf-8")
SCRIPT = (FILES / "podium.js").read_text("utf-8")
FORM_STYLE, FORM_SCRIPT = ((FILES / f"form.{kind}").read_text("utf-8") for kind in ("css", "js"))
# Of all pages together, without what draws charts.
SCRIPTS_MAX = 40_000


@pytest.mark.parametrize(
    ("name", "media"),
    [
        ("podium.css", "text/css; charset=utf-8"),
        ("podium.js", "text/javascript; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ],
)
def test_a_file_is_found_under_the_hash_of_its_content(client: Client, name, media):
    hashed = static.hashed(name)

    reply = client.get(f"/static/{hashed}")

    assert re.fullmatch(r"[a-z]+\.[0-9a-f]{10}\.[a-z]+", hashed)
    assert (reply.status, reply.media) == (200, media)
    assert reply.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert reply.body == (resources.files("podium.web") / "static" / name).read_bytes()


@pytest.mark.parametrize(
    "file",
    [
        "podium.css",
        "podium.0000000000.css",
        "..%2frender.py",
        "%2e%2e%2fstatic.py",
        "__init__.py",
        "..",
        "C:%5Cwindows",
        "podium.css%00",
    ],
)
def test_no_other_name_leads_to_a_file(client: Client, file):
    reply = client.get(f"/static/{file}")

    assert reply.status in (400, 404)
    assert b"def serve" not in reply.body


def test_the_icon_that_every_browser_asks_for_is_there(client: Client):
    reply = client.get("/favicon.ico")

    assert (reply.status, reply.media) == (200, "image/svg+xml")


def test_the_styles_and_the_scripts_stay_small():
    scripts = [
        one for one in FILES.iterdir() if one.name.endswith(".js") and one.name != "uplot.js"
    ]

    assert len(STYLE.encode()) < 22_000
    assert len(gzip.compress(STYLE.encode())) < 6_000
    assert len(FORM_STYLE.encode()) < 7_000
    assert len(SCRIPT.encode()) < 3_000
    assert len(FORM_SCRIPT.encode()) < 11_000
    assert sum(len(one.read_bytes()) for one in scripts) < SCRIPTS_MAX


def test_the_styles_and_the_scripts_ask_nobody_for_anything():
    for text in (STYLE, FORM_STYLE, SCRIPT, FORM_SCRIPT):
        assert not re.search(r"https?:|//[a-z]|@import|url\(|import ", text)
    # What if: the address is in the page, below the host's own prefix.
    assert re.findall(r"fetch\([^,]*", SCRIPT + FORM_SCRIPT) == ["fetch(whatIf.dataset.whatif"]


def test_the_scripts_make_no_markup():
    for text in (SCRIPT, FORM_SCRIPT):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", text)


def test_templates_escape_by_themselves():
    environment = render.environment()

    assert environment is render.environment()
    assert environment.autoescape is True
    sources = [
        environment.loader.get_source(environment, n)[0] for n in environment.list_templates()
    ]
    assert [
        one for one in sources if re.search(r"\|\s*safe\b|autoescape\s+false|Markup", one)
    ] == []


def luminance(color: str) -> float:
    """Source: WCAG 2.2, relative luminance."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def palette(theme: str) -> dict[str, str]:
    """The colours of a theme, by their names."""
    pairs = re.findall(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", STYLE)
    return {name: colours[theme == "dark"] for name, *colours in pairs}


def test_every_colour_has_a_light_and_a_dark_side():
    single = re.findall(r"--([\w-]+): #", STYLE)

    assert single == ["ground"]  # of paper
    assert len(palette("dark")) == 14


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("text", "behind"),
    [
        ("ink", "ground"),
        ("ink", "sheet"),
        ("soft", "ground"),
        ("soft", "sheet"),
        ("accent", "ground"),
        ("accent", "sheet"),
        ("accent-ink", "accent"),
        ("wrong", "wrong-tint"),
        ("wrong", "sheet"),
        ("warn", "warn-tint"),
        ("warn", "sheet"),
        ("ink", "tint"),
    ],
)
def test_texts_can_be_read(theme, text, behind):
    colours = palette(theme)

    assert contrast(colours[text], colours[behind]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("part", "behind"),
    [("edge", "sheet"), ("edge", "ground"), ("accent", "tint"), ("bar", "tint"), ("bar", "ground")],
)
def test_edges_and_pictures_can_be_seen(theme, part, behind):
    colours = palette(theme)

    assert contrast(colours[part], colours[behind]) >= 3
