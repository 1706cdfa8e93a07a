"""Sizes of images: the same Debian below each, and what Flask, Django and Podium put on it.

    python -m bench.image --markdown docs/how-to/image.md --json images.json

Needs root, `debootstrap`, and a Debian whose Python has the version that runs this.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.documents import put, table_of
from sklearn.linear_model import LinearRegression

import podium
from podium.image import Recipe, write_image
from podium.image.layer import write_layer

ROOT = Path(__file__).parents[1]
CLASSIC = ROOT / "examples" / "classic"
RELEASE = "bookworm"
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
PACKAGES = f"usr/local/lib/python{VERSION}/dist-packages"
# What apt leaves behind; images that count leave it out.
LEFTOVERS = ("var/cache/apt", "var/lib/apt/lists", "var/log", "usr/share/doc", "usr/share/man")
# A well-known comparison of Ubuntu, of Flask and of Django on it gives these, in MB.
KNOWN = (("Ubuntu", 394), ("Flask on it", 398), ("Django on it", 428))
SCIKIT = ("scikit-learn", "joblib", "gunicorn")


@dataclass(frozen=True)
class Size:
    """What an image takes, in bytes; in `classic` the name that the classic example has for it."""

    name: str
    n_unpacked: int
    n_packed: int
    classic: str = ""


@dataclass(frozen=True)
class Peer:
    """Packages, and perhaps an app with its model, on Debian."""

    name: str
    requirements: Sequence[str]
    modules: str
    app: Path | None = None
    has_model: bool = False
    classic: str = ""


def requirements(app: Path) -> tuple[str, ...]:
    """What an app of the classic example asks for."""
    return tuple((app / "requirements.txt").read_text("utf-8").split())


FLASK_APP, DJANGO_APP = CLASSIC / "flask_app", CLASSIC / "django_project"
PEERS = (
    Peer("Debian + Flask", ("flask",), "flask"),
    Peer("Debian + Django", ("django",), "django"),
    Peer(
        "Debian + Flask, gunicorn, scikit-learn, joblib, the model",
        ("flask", *SCIKIT),
        "flask, gunicorn, sklearn, joblib",
        has_model=True,
    ),
    Peer(
        "Debian + Django, gunicorn, scikit-learn, joblib, the model",
        ("django", *SCIKIT),
        "django, gunicorn, sklearn, joblib",
        has_model=True,
    ),
    Peer(
        "Debian + the classic example's app in Flask",
        requirements(FLASK_APP),
        "flask, gunicorn, sklearn, pandas",
        FLASK_APP,
        has_model=True,
        classic="Flask",
    ),
    Peer(
        "Debian + the classic example's app in Django",
        requirements(DJANGO_APP),
        "django, gunicorn, sklearn, pandas",
        DJANGO_APP,
        has_model=True,
        classic="Django",
    ),
)


def debian(folder: Path) -> Path:
    """A Debian with Python and certificates, and nothing that only its making needed."""
    root = folder / "debian"
    include = "--include=python3,ca-certificates"
    subprocess.run(["debootstrap", "--variant=minbase", include, RELEASE, str(root)], check=True)
    return root


def cleaned(root: Path) -> Path:
    """The same, without caches, logs, and pages of documentation."""
    for name in LEFTOVERS:
        shutil.rmtree(root / name, ignore_errors=True)
        (root / name).mkdir(parents=True)
    if not (root / f"usr/bin/python{VERSION}").exists():
        raise SystemExit(f"this Debian has no Python {VERSION}: run it with its own version")
    return root


def measured(peer: Peer, root: Path, below: Size, models: Path, scratch: Path) -> Size:
    """Install a peer, know that its packages can be imported on Debian, and weigh its layer."""
    layer = scratch / "layer"
    target = layer / PACKAGES
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-cache-dir"]
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    subprocess.run([*command, "--target", target, *peer.requirements], check=True, env=environment)
    app = layer / "app"
    if peer.app is not None:
        shutil.copytree(peer.app, app, ignore=shutil.ignore_patterns("__pycache__"))
    if peer.has_model:
        app.mkdir(exist_ok=True)
        shutil.copy(models / "model.pkl", app)
    check(peer, root, target)
    blob = write_layer(layer, scratch / "layer.tar.gz")
    return Size(
        peer.name,
        below.n_unpacked + blob.n_unpacked_bytes,
        below.n_packed + blob.n_bytes,
        peer.classic,
    )


def check(peer: Peer, root: Path, packages: Path) -> None:
    """Know that what was installed can be imported on this Debian."""
    there = root / "opt" / "peer"
    shutil.copytree(packages, there, symlinks=True)
    try:
        subprocess.run(
            ["chroot", root, f"/usr/bin/python{VERSION}", "-B", "-c", f"import {peer.modules}"],
            check=True,
            env={"PYTHONPATH": "/opt/peer", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        )
    finally:
        shutil.rmtree(there)


def of_podium(models: Path, root: Path, scratch: Path) -> list[Size]:
    """Podium with the compiled model, on the same Debian and on the running Python alone."""
    recipes = {
        "Debian + Podium, the compiled model": Recipe(base=str(root)),
        "`podium image`: Podium, the compiled model": Recipe(),
    }
    if has_accounts():
        recipes |= {
            "Debian + Podium with accounts, the compiled model": Recipe(
                base=str(root), accounts=True
            ),
            "`podium image --accounts`": Recipe(accounts=True),
        }
    sizes = []
    for name, recipe in recipes.items():
        image = write_image([models / "houses.podium"], scratch / "image.oci.tar", recipe)
        classic = "Podium" if recipe == Recipe() else ""
        sizes.append(Size(name, image.n_unpacked_bytes, image.n_bytes, classic))
    return sizes


def has_accounts() -> bool:
    """Whether this Podium's packages can be had with accounts."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    return "\naccounts = [" in text


def classic_model(folder: Path) -> None:
    """The model of the classic example, as a pickle and as a bundle."""
    sys.path.append(str(CLASSIC))
    example = importlib.import_module("train")
    example.train(folder)
    rows, columns = example.houses(), list(example.COLUMNS)
    model = LinearRegression().fit(rows[columns], rows["price"])
    podium.pack(model, rows[columns], rows["price"], name="houses", path=folder)


def rows_of(sizes: Sequence[Size]) -> list[list[str]]:
    """The table: sizes in MB, and what they are of Flask's with the model."""
    flask = next(one for one in sizes if "Flask, gunicorn" in one.name)
    rows = [
        [
            one.name,
            f"{one.n_unpacked / 1e6:,.0f} MB",
            f"{one.n_packed / 1e6:,.0f} MB",
            f"{one.n_unpacked / flask.n_unpacked:.0%}",
        ]
        for one in sizes
    ]
    return rows + [[f"a well-known comparison: {name}", f"{mb} MB", "", ""] for name, mb in KNOWN]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--base", type=Path, help="a Debian that is there; it loses its caches")
    parser.add_argument("--markdown", type=Path, help="a page with a place for the table")
    parser.add_argument("--json", type=Path, help="a file for the sizes that the example reads")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        root = cleaned(options.base or debian(folder))
        classic_model(folder)
        blob = write_layer(root, folder / "debian.tar.gz", preserves_rights=True)
        below = Size("Debian with Python", blob.n_unpacked_bytes, blob.n_bytes)
        sizes = [below]
        for peer in PEERS:
            with tempfile.TemporaryDirectory() as scratch:
                sizes.append(measured(peer, root, below, folder, Path(scratch)))
            print(sizes[-1], flush=True)
        sizes += of_podium(folder, root, folder)
    table = table_of(["", "on disk", "compressed", "of Flask with the model"], rows_of(sizes))
    print(table)
    if options.markdown:
        put(options.markdown, "image", table)
    if options.json:
        known = {one.classic: one.n_unpacked for one in sizes if one.classic}
        options.json.write_text(json.dumps(known) + "\n", "utf-8")


if __name__ == "__main__":
    main()
