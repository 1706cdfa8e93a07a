"""The files of a new project, rendered from templates."""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined

from podium.errors import SetupError
from podium.projects.advice import advice_for
from podium.projects.choices import Choices
from podium.projects.dataset import Dataset
from podium.projects.deployment import Deployment
from podium.projects.wheels import FOLDER, Wheel, checksums, requirements

# Mode of files with the project's secrets, which other users of this machine can't read.
SECRET = PurePosixPath(".env")
_SUFFIX = ".j2"
_TEMPLATES = "templates"


def _secret() -> str:
    return secrets.token_urlsafe(48)


def project_files(
    choices: Choices,
    dataset: Dataset,
    wheels: tuple[Wheel, ...],
    *,
    create_secret: Callable[[], str] = _secret,
) -> dict[PurePosixPath, str]:
    """The text files of a project by path, sorted.

    Args:
        wheels: of Podium; none if the index has it.
        create_secret: creates one of the secrets in `.env`.
    """
    shared = dict(_templates("parts"))
    environment = Environment(  # noqa: S701 - not HTML: names are quoted as each format needs it
        loader=DictLoader({f"parts/{name}.j2": text for name, text in shared.items()}),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"quoted": _quoted, "listed": _listed}
    context = _context(choices, dataset, wheels, create_secret)
    contents: dict[PurePosixPath, str] = {}
    for name, text in [*_templates("common"), *_templates(choices.app)]:
        content = environment.from_string(text).render(context)
        if content.strip():  # a template that these choices don't need renders as empty
            contents[_target(name)] = content
    if wheels:
        contents[PurePosixPath(FOLDER) / "SHA256SUMS"] = checksums(wheels)
    return dict(sorted(contents.items()))


def check_free(folder: Path) -> None:
    """Refuse a folder with a project in it, before anybody has answered questions about another.

    Raises:
        SetupError: there is one, or something that isn't a folder.
    """
    if folder.exists() and not folder.is_dir():
        raise SetupError(f"{folder} is a file", hint="choose another name, or --folder")
    if (folder / "train.py").exists():
        raise SetupError(
            f"{folder} has a project already", hint="choose another name, or another --folder"
        )


def write_project(
    folder: Path,
    contents: Mapping[PurePosixPath, str],
    dataset: Dataset,
    wheels: tuple[Wheel, ...],
) -> list[Path]:
    """Write the files of a project, its rows and its wheels; returns their paths below the folder.

    Raises:
        SetupError: a file already exists (nothing is written then), or can't be written.
    """
    data = PurePosixPath("data") / dataset.file_name
    built = {PurePosixPath(FOLDER) / one.name: one.content for one in wheels}
    all_paths = sorted([*contents, data, *built])
    existing = [path for path in all_paths if (folder / path).exists()]
    if existing:
        raise SetupError(
            f"{folder} has {', '.join(map(str, existing[:5]))}"
            f"{' and more' if len(existing) > 5 else ''} already",
            hint="nothing was written; choose another folder with --folder",
        )
    try:
        for path, content in contents.items():
            _write(folder / path, content, is_secret=path == SECRET)
        for path, archive in built.items():
            (folder / path).write_bytes(archive)  # the checksums have created the folder
        (folder / data).parent.mkdir(parents=True, exist_ok=True)
        if dataset.path is None:
            rows = files("podium.projects") / _TEMPLATES / dataset.file_name
            (folder / data).write_bytes(rows.read_bytes())
        else:
            shutil.copyfile(dataset.path, folder / data)
    except OSError as error:
        raise SetupError(
            f"{error.filename or folder} can't be written: {error.strerror}"
        ) from error
    return [folder / path for path in all_paths]


def _write(path: Path, content: str, *, is_secret: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600 if is_secret else 0o666, exist_ok=False)
    path.write_text(content, "utf-8", newline="\n")


def _templates(room: str) -> Iterator[tuple[str, str]]:
    """Names below a folder of templates, and their texts."""

    def walk(place: Traversable, at: str) -> Iterator[tuple[str, str]]:
        for one in sorted(place.iterdir(), key=lambda one: one.name):
            if one.is_dir():
                yield from walk(one, f"{at}{one.name}/")
            elif one.name.endswith(_SUFFIX):
                yield at + one.name.removesuffix(_SUFFIX), one.read_text("utf-8")

    yield from walk(files("podium.projects") / _TEMPLATES / room, "")


def _target(name: str) -> PurePosixPath:
    """The destination of a template. Packaging skips hidden files: `dot-env` becomes `.env`."""
    return PurePosixPath(re.sub(r"(^|/)dot-", r"\1.", name))


def _context(
    choices: Choices,
    dataset: Dataset,
    wheels: tuple[Wheel, ...],
    create_secret: Callable[[], str],
) -> dict[str, Any]:
    deployment = Deployment(choices)
    return {
        "project": choices,
        "data": dataset,
        "advice": advice_for(choices),
        "deployment": deployment,
        "secrets": {name: (create_secret(), about) for name, about in deployment.secrets.items()},
        "podium": lambda extras: requirements(wheels, tuple(extras)),
        "has_wheels": bool(wheels),
    }


def _quoted(text: str) -> str:
    """A text quoted for Python, JSON and YAML alike."""
    return json.dumps(text, ensure_ascii=False)


def _listed(names: tuple[str, ...]) -> str:
    """Names as a Python list: on one line if they fit, else one per line."""
    inside = ", ".join(map(_quoted, names))
    if len(inside) <= 80:  # a line of 100 with the variable's name
        return f"[{inside}]"
    return "[\n" + "".join(f"    {_quoted(name)},\n" for name in names) + "]"
