"""What `podium doctor` finds about the settings, the models, and what is installed."""

from __future__ import annotations

import difflib
import os
import platform
from collections.abc import Iterator, Mapping
from importlib import import_module, metadata
from pathlib import Path
from typing import Literal, TypeAlias

import apsw
import msgspec

from podium.account_settings import Accounts
from podium.alert_settings import Alerts
from podium.app import open_configured_store, store_file
from podium.bundle import load
from podium.distribution import NAME, install_command, requirements_of
from podium.distribution import version as version_of_podium
from podium.errors import PodiumError
from podium.policy.bulk import is_local
from podium.records.open import without_password
from podium.settings import PREFIX, Settings, check_switches

State: TypeAlias = Literal["good", "warning", "bad"]
# How alike a variable must be to a setting to be taken for a misspelt one.
_ALIKE = 0.8
KERNELS = ("_forest", "_distances", "_products", "_shapley")


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """The result of one check.

    Attributes:
        name: of what was checked.
        state: `bad` if the server wouldn't start, or would lose something.
        text: what was found.
        advice: what to do about it; "" if nothing is to be done.
        versions: of what is installed, by name.
    """

    name: str
    state: State
    text: str
    advice: str = ""
    versions: dict[str, str] = {}


def setup_findings(settings: Settings) -> Iterator[Finding]:
    """What is wrong with settings that could be read, and with what they name."""
    try:
        check_switches(settings, has_people=False, is_local=is_local(settings))
    except PodiumError as error:
        yield Finding("settings", "bad", error.message, error.hint)
    else:
        yield Finding("settings", "good", "podium.toml, variables and options are valid")
    yield from _misspelt(os.environ)
    for name in settings.models:
        yield from _model(name, settings)
    if settings.records:
        yield _store(settings)


def _misspelt(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Variables that look like settings, but aren't any: they have no effect."""
    known = {f"{PREFIX}{one.name.upper()}" for one in msgspec.structs.fields(Settings)}
    for table, kind in (("ACCOUNTS", Accounts), ("ALERTS", Alerts)):
        fields = msgspec.structs.fields(kind)
        known |= {f"{PREFIX}{table}_{one.name.upper()}" for one in fields}
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=_ALIKE)
            if near:
                text = f"the variable {name} is no setting and has no effect"
                yield Finding("settings", "warning", text, f"did you mean {near[0]}?")


def _model(name: str, settings: Settings) -> Iterator[Finding]:
    """The bundles at a path; functions are imported by the server alone, as they run code."""
    path = Path(name)
    if ":" in name and not path.exists():
        return
    files = sorted(path.glob("*.podium")) if path.is_dir() else [path]
    if not files:
        text, advice = f"{name} has no bundles", "pack one: podium pack MODEL --data train.csv"
        yield Finding("models", "bad", text, advice)
    for file in files:
        try:
            bundle = load(file, trust=settings.trust)
        except (PodiumError, OSError) as error:
            text, hint = getattr(error, "message", str(error)), getattr(error, "hint", "")
            yield Finding("models", "bad", text, hint)
        else:
            text = f"{file} is {bundle.name}, version {bundle.version}"
            yield Finding("models", "good", text)


def _store(settings: Settings) -> Finding:
    """Whether records can be stored. A file is only read, and isn't made."""
    where = without_password(settings.store) or str(Path(settings.home) / "podium.db")
    try:
        file = store_file(settings)
        if file is None:
            return _database(settings, where)
        if not file.exists():
            return Finding("store", "good", f"{file} is made when the server starts")
        uri = f"{file.absolute().as_uri()}?mode=ro"
        flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        connection = apsw.Connection(uri, flags=flags)
        try:
            n_tables = connection.execute("select count(*) from sqlite_schema").get
        finally:
            connection.close()
    except PodiumError as error:
        return Finding("store", "bad", error.message, error.hint)
    except apsw.Error as error:
        advice = f"look at it with podium records check --home {settings.home}"
        return Finding("store", "bad", f"{where} can't be read: {error}", advice)
    size = file.stat().st_size
    return Finding("store", "good", f"{file} has {n_tables} tables and {size / 2**20:,.1f} MiB")


def _database(settings: Settings, where: str) -> Finding:
    """Whether a database takes a connection; tables are made by the server, at its start.

    Raises:
        PodiumError: its driver is missing, or a store of another package failed.
    """
    store = open_configured_store(settings)
    try:
        if engine := getattr(store, "engine", None):
            from sqlalchemy.exc import SQLAlchemyError

            try:
                engine.connect().close()
            except SQLAlchemyError as error:
                text = f"{where} can't be reached: {getattr(error, 'orig', None) or error}"
                advice = "check its address, its user and password, and that it runs"
                return Finding("store", "bad", " ".join(text.split()), advice)
        else:
            store.get("0" * 32)
    finally:
        store.close()
    return Finding("store", "good", f"{where} answers")


def installation_findings(settings: Settings) -> Iterator[Finding]:
    """What is installed, and whether it is what the settings need."""
    python = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    yield Finding("podium", "good", f"{version_of_podium()}, {python}")
    missing = [name for name in KERNELS if not _is_there(f"podium.program.{name}")]
    if missing:
        text = f"{len(missing)} of {len(KERNELS)} kernels in C are missing: {', '.join(missing)}"
        advice = (
            "predictions are right, and slower; install a C compiler (Debian: apt install "
            "build-essential python3-dev), then Podium again"
        )
        yield Finding("kernels", "warning", text, advice)
    else:
        yield Finding("kernels", "good", f"all {len(KERNELS)} kernels are compiled C")
    yield from _extras(settings)


def _extras(settings: Settings) -> Iterator[Finding]:
    whole: list[str] = []
    installed: dict[str, str] = {}
    needed = {"accounts"} if settings.accounts.enabled else set()
    for extra in metadata.metadata(NAME).get_all("Provides-Extra") or ():
        names = [one.partition(";")[0] for one in requirements_of((extra,))]
        versions = {_plain(one): _version(_plain(one)) for one in names}
        missing = [name for name, version in versions.items() if not version]
        if names and not missing:
            whole.append(extra)
            installed |= versions
        elif extra in needed:
            text = f"the extra {extra} is needed, and lacks {', '.join(missing)}"
            yield Finding("extras", "bad", text, install_command(extra))
    text = f"installed: {', '.join(sorted(whole))}" if whole else "none is installed"
    yield Finding("extras", "good", text, versions=dict(sorted(installed.items())))


def _plain(requirement: str) -> str:
    """The name of a distribution in a requirement."""
    end = next((i for i, c in enumerate(requirement) if c in "[<>=!~ ("), len(requirement))
    return requirement[:end]


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _is_there(module: str) -> bool:
    try:
        import_module(module)
    except ImportError:
        return False
    return True
