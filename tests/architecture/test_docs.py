"""Whatever users can name is named in the docs, and the docs name nothing else."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import msgspec
import pytest
import yaml

import podium
import podium.cli.main
from podium.account_settings import Accounts
from podium.alert_settings import Alerts
from podium.cli.main import podium as command_line
from podium.errors import BadCell
from podium.protocols import protocols_of, router_of
from podium.records.columns import NAMES
from podium.settings import Settings
from podium.web.problems import STATUSES

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


def refusals() -> set[tuple[str, str]]:
    """Status and code of every `Refusal(...)` that is written."""
    rooms = [ROOT / "src" / "podium" / name for name in ("policy", "web")]
    trees = [ast.parse(path.read_text("utf-8")) for room in rooms for path in room.rglob("*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {
        (ast.unparse(call.args[0]), str(ast.literal_eval(call.args[1])))
        for call in calls
        if ast.unparse(call.func) == "Refusal"
    }


def codes_of_cells() -> set[str]:
    """The codes that a refused or suspicious cell can have."""
    rooms = [ROOT / "src" / "podium" / name for name in ("signature", "flow")]
    trees = [ast.parse(path.read_text("utf-8")) for room in rooms for path in room.rglob("*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    given = [key.value for call in calls for key in call.keywords if key.arg == "code"]
    # The last argument of `Refusal(problem, code)` and `findings.warn(row, field, message, code)`.
    given += [
        call.args[-1] for call in calls if re.search(r"Refusal|\.warn$", ast.unparse(call.func))
    ]
    codes = {str(one.value) for one in given if isinstance(one, ast.Constant)}
    return codes | {BadCell.__struct_defaults__[-1]}


def groups() -> set[str]:
    """Entry-point groups: those the code loads from, and those the package registers in."""
    texts = [path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py")]
    trees = [ast.parse(text) for text in texts if "load(" in text]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    loaded = {
        f"podium.{call.args[0].value}"
        for call in calls
        if len(call.args) == 2 and isinstance(call.args[0], ast.Constant)
        if ast.unparse(call.func) in ("load", "plugins.load")
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return loaded | {name for name in project.get("entry-points", {}) if name.startswith("podium.")}


def test_every_column_of_a_record_is_described() -> None:
    text = page("how-to/sql.md")

    assert [name for name in NAMES if f"`{name}`" not in text] == []


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


def test_the_settings_page_lists_the_settings_of_accounts() -> None:
    table = page("reference/settings.md").partition("## Accounts")[2]
    listed = re.findall(r"^\| (\w+) \| (?!type)", table, re.MULTILINE)

    assert listed == [field.name for field in msgspec.structs.fields(Accounts)]


def test_the_settings_page_lists_the_settings_of_alerts() -> None:
    table = page("reference/settings.md").partition("## Alerts")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| (\w+) \| (?!type)", table, re.MULTILINE)

    assert listed == [field.name for field in msgspec.structs.fields(Alerts)]


def test_the_settings_page_gives_the_right_defaults() -> None:
    written = dict(ROW.findall(page("reference/settings.md")))

    wrong = {
        name: (text, SETTINGS[name].default)
        for name, text in written.items()
        if SETTINGS[name].default not in ("", (), None, Accounts(), Alerts(), msgspec.NODEFAULT)
        and text != f"`{SETTINGS[name].default}`"
        and text != f"`{str(SETTINGS[name].default).lower()}`"
        and text != ", ".join(f"`{one}`" for one in _several(SETTINGS[name].default))
    }
    assert wrong == {}


def _several(default: object) -> tuple[object, ...]:
    """The texts of a list."""
    return default if isinstance(default, tuple) else ()


@pytest.mark.parametrize("name", commands())
def test_every_command_and_option_is_in_the_reference(name: str) -> None:
    reference = page("reference/commands.md")

    section = reference.partition(f"\n## podium {name}\n")[2].partition("\n## ")[0]

    assert section, f"docs/reference/commands.md has no section for podium {name}"
    options = [one for one in commands()[name].params if isinstance(one, click.Option)]
    spellings = [spelling for one in options for spelling in [*one.opts, *one.secondary_opts]]
    assert [one for one in spellings if f"`{one}" not in section] == []


def test_the_routes_page_lists_the_routes_and_no_others() -> None:
    table = page("reference/http.md").partition("## Problems")[0]
    listed = re.findall(r"^\| (\w+) \| `([^`]+)` \|", table, re.MULTILINE)

    assert sorted(listed) == sorted(
        (m, route.pattern)
        for route in router_of(*protocols_of(Settings())).routes
        for m in route.methods
    )


def test_the_problems_page_lists_every_code_with_its_status() -> None:
    listed = re.findall(r"^\| (\d+) \| `(\w+)` \|", page("reference/http.md"), re.MULTILINE)
    known = {(str(status), kind.code) for kind, status in STATUSES.items()}

    assert known | refusals() | {("500", "internal")} == set(listed)


def test_the_problems_page_lists_every_code_of_a_cell() -> None:
    listed = re.findall(r"^\| `(\w+)` \|", page("reference/http.md"), re.MULTILINE)

    assert codes_of_cells() == set(listed)


def test_the_page_of_the_audit_log_lists_every_event() -> None:
    listed = set(re.findall(r"`(\w+)`", page("how-to/audit.md").split("Each entry")[0]))
    source = ROOT / "src" / "podium"
    texts = [path.read_text("utf-8") for path in source.rglob("*.py")]
    called = r'(?:\bwrite|\baudit|_factor)\(\s*"([a-z]+(?:_[a-z]+)*)"'
    written = {event for text in texts for event in re.findall(called, text)}

    assert {"login_failed", "second_factor_failed"} <= written
    assert written - listed == set()


def test_every_exit_code_is_documented() -> None:
    listed = re.findall(r"^\| (\d+) \|", page("reference/commands.md"), re.MULTILINE)

    assert listed == re.findall(
        r"^ +(\d+)  ", sys.modules["podium.cli.main"].__doc__ or "", re.MULTILINE
    )


def test_the_architecture_page_draws_every_room_and_no_others() -> None:
    package = ROOT / "src" / "podium"
    rooms = {path.name for path in package.iterdir() if path.suffix == ".py" or path.is_dir()}
    drawn = re.findall(r"^  (\w+(?:\.py|/)) ", page("architecture.md"), re.MULTILINE)

    own = {name for name in rooms if not name.startswith("_")}
    assert {name.rstrip("/") for name in drawn} == own


def test_every_entry_point_group_is_documented() -> None:
    text = "".join(path.read_text("utf-8") for path in DOCS.rglob("*.md"))

    assert {name for name in groups() if f"`{name}`" not in text} == set()


def test_every_estimator_that_compiles_is_named() -> None:
    from podium.compile.registry import FAMILIES

    told = page("compile.md")
    names = {name for some in FAMILIES.values() for name in some}
    families = [import_module(f"podium.compile.exporters.{name}") for name in names]
    known = {
        name.partition(".")[2]
        for family in families
        for kind in ("TRANSFORMERS", "MODELS")
        for name in getattr(family, kind, {})
    }

    assert {name for name in known if f"`{name}`" not in told} == set()
