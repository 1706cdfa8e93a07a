"""Whatever users can name is named in the docs, and the docs name nothing else."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
import pytest
import yaml

import podium
from podium.cli.main import podium as command_line
from podium.settings import Settings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SETTINGS = {field.name: field for field in msgspec.structs.fields(Settings)}
ROW = re.compile(r"^\| `(\w+)` \|[^|]+\| ([^|]+) \|", re.MULTILINE)


def page(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def pages_of(nav: object) -> Iterator[str]:
    """The files that a navigation leads to, however deep."""
    if isinstance(nav, str):
        yield nav
    for part in nav.values() if isinstance(nav, dict) else nav if isinstance(nav, list) else []:
        yield from pages_of(part)


def commands() -> dict[str, click.Command]:
    context = click.Context(command_line)
    found = {
        name: command_line.get_command(context, name)
        for name in command_line.list_commands(context)
    }
    return {name: command for name, command in found.items() if command is not None}


def groups() -> set[str]:
    """Entry-point groups: those the code loads from, and those the package registers in."""
    trees = [ast.parse(path.read_text("utf-8")) for path in (ROOT / "src").rglob("*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    loaded = {
        f"podium.{call.args[0].value}"
        for call in calls
        if ast.unparse(call.func) in ("load", "plugins.load") and len(call.args) == 2
        if isinstance(call.args[0], ast.Constant)
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return loaded | {name for name in project.get("entry-points", {}) if name.startswith("podium.")}


def test_every_page_is_in_the_navigation() -> None:
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))

    pages = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))

    assert sorted(pages_of(config["nav"])) == pages


def test_every_decision_is_listed() -> None:
    decisions = {path.name for path in (DOCS / "decisions").glob("0*.md")}

    assert {name for name in decisions if f"({name})" not in page("decisions/index.md")} == set()


@pytest.mark.parametrize("name", podium.__all__)
def test_every_public_name_is_in_the_reference(name: str) -> None:
    assert re.search(rf"^::: podium\.(?:\w+\.)*{name}$", page("reference/python.md"), re.MULTILINE)


def test_the_settings_page_lists_the_settings_and_no_others() -> None:
    listed = [name for name, _ in ROW.findall(page("reference/settings.md"))]

    assert listed == list(SETTINGS)


def test_the_settings_page_gives_the_right_defaults() -> None:
    written = dict(ROW.findall(page("reference/settings.md")))

    wrong = {
        name: (text, SETTINGS[name].default)
        for name, text in written.items()
        if SETTINGS[name].default not in ("", ())
        and text != f"`{SETTINGS[name].default}`"
        and text != f"`{str(SETTINGS[name].default).lower()}`"
    }
    assert wrong == {}


@pytest.mark.parametrize("name", commands())
def test_every_command_and_option_is_in_the_reference(name: str) -> None:
    reference = page("reference/commands.md")

    section = reference.partition(f"\n## podium {name}\n")[2].partition("\n## ")[0]

    assert section, f"docs/reference/commands.md has no section for podium {name}"
    options = [one for one in commands()[name].params if isinstance(one, click.Option)]
    spellings = [spelling for one in options for spelling in [*one.opts, *one.secondary_opts]]
    assert [one for one in spellings if f"`{one}" not in section] == []


def test_every_entry_point_group_is_documented() -> None:
    text = "".join(path.read_text("utf-8") for path in DOCS.rglob("*.md"))

    assert {name for name in groups() if f"`{name}`" not in text} == set()
