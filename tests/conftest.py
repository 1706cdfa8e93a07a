"""The house rules of every test, and the few fixtures that all rooms share."""

from __future__ import annotations

import csv
import gc
import os
import shutil
import socket
import sys
import threading
import weakref
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from podium.testing.databases import DatabaseServer

IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")

# OpenMP's threads spin while they wait for each other: where other processes use the cores too, one
# fit of a small gradient boosting was measured at 20 s instead of 2. Servers of tests inherit this.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Instead of 5 s, within which a page may not come while other processes use all cores.
for _step in ("connect", "read", "write", "pool"):
    setattr(httpx._config.DEFAULT_TIMEOUT_CONFIG, _step, 60.0)

# Each client would read the certificates of all authorities anew, which takes 25 ms of a processor.
httpx._transports.default.create_ssl_context = cache(httpx.create_ssl_context)

# In CI a skip fails, unless the end of its test's id stands here with the reason for which it may.
ALLOWED_SKIPS: dict[str, str] = {
    "test_a_full_disk_refuses_and_recovers": "where no user may mount a file system of their own",
    "test_a_version_is_registered_whole_or_not_at_all_on_a_full_disk": "likewise",
}

# A project with tests of its own, which its own command runs: `hosts/test_django.py` sees to it.
collect_ignore = ["hosts/django_project"]

# Tests of libraries that refuse the newest pandas and SciPy, which the others need: they run in an
# environment of their own (`make test-others`), and where somebody has these libraries.
OTHERS = {
    "unit/runtimes/test_bounds.py": "ngboost",
    "unit/runtimes/test_lifetimes.py": "lifelines",
}
collect_ignore += [path for path, library in OTHERS.items() if find_spec(library) is None]

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)

# What an app that is open does beside its requests, and what it leaves running if nobody closes it.
APP_THREADS = (
    "podium-commit",
    "podium-gates",
    "podium-retrain",
    "podium-ship",
    "podium-versions",
    "podium-watch",
)

# No deadline and no "too slow": both measure the machine, and each test has its time limit anyway.
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "ci", settings.get_profile("here"), derandomize=True, database=None, print_blob=True
)
settings.load_profile("ci" if IN_CI else "here")


def _forbid_skip(report: pytest.CollectReport | pytest.TestReport) -> None:
    if not IN_CI or not report.skipped or hasattr(report, "wasxfail"):
        return
    if any(report.nodeid.endswith(name) for name in ALLOWED_SKIPS):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    report.outcome = "failed"
    report.longrepr = f"{reason}\nIn CI a skip fails: see ALLOWED_SKIPS in tests/conftest.py."


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """The report of a test, failed where it skipped without leave."""
    report = yield
    _forbid_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The report of a module, failed where it skipped itself without leave."""
    report = yield
    _forbid_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """No garbage is looked for among what is imported and collected: it stays until the end.

    Several hundred thousand objects stay. To look through them again and again took a sixth of the
    time of `make quick`.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


def _app_threads() -> set[threading.Thread]:
    return {one for one in threading.enumerate() if one.name.startswith(APP_THREADS)}


class SharedThreads:
    """A plugin: the threads of fixtures that several modules share, and that outlive a module.

    No hook of this file, because those of a folder aren't called for fixtures of the session.
    """

    def __init__(self) -> None:
        self.threads: weakref.WeakSet[threading.Thread] = weakref.WeakSet()

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[object]
    ) -> Generator[None, object, object]:
        """What a fixture returns."""
        before = _app_threads()
        try:
            return (yield)
        finally:
            if fixturedef.scope in ("session", "package"):
                self.threads.update(_app_threads() - before)


def pytest_configure(config: pytest.Config) -> None:
    """Register what has to see every fixture."""
    config.pluginmanager.register(SharedThreads(), "shared-threads")


@pytest.fixture(scope="module", autouse=True)
def _closed_apps(pytestconfig: pytest.Config) -> Iterator[None]:
    """Each module closes its apps: their threads would run beside the tests of all later ones."""
    shared = pytestconfig.pluginmanager.get_plugin("shared-threads")
    before = _app_threads()
    yield
    left = _app_threads() - before - set(shared.threads)
    for thread in left:
        thread.join(timeout=10)
    names = sorted(one.name for one in left if one.is_alive())
    assert not names, f"an App was left open: its threads {names} still run; call App.close()"


@pytest.fixture(autouse=True)
def _usual_csv_limit() -> None:
    """The longest cell that Python's csv module reads: scipy raises it where it reads an ARFF file."""
    csv.field_size_limit(131_072)


@pytest.fixture
def free_port() -> int:
    """A port of 127.0.0.1 at which nothing listens now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="session")
def postgresql() -> Iterator[DatabaseServer]:
    """A private PostgreSQL; each test takes a database of its own: `new_database()`."""
    yield from _running("PostgresServer")


@pytest.fixture(scope="session")
def mariadb() -> Iterator[DatabaseServer]:
    """A private MariaDB."""
    yield from _running("MariaServer")


@pytest.fixture(scope="session")
def mongodb() -> Iterator[DatabaseServer]:
    """A private server that speaks MongoDB's protocol."""
    yield from _running("MongoServer")


@pytest.fixture(scope="session")
def valkey() -> Iterator[DatabaseServer]:
    """A private Valkey."""
    yield from _running("ValkeyServer")


@pytest.fixture(scope="session")
def elasticsearch() -> Iterator[DatabaseServer]:
    """A private server that speaks Elasticsearch's protocol."""
    yield from _running("NoidaServer")


@pytest.fixture(scope="session")
def opensearch() -> Iterator[DatabaseServer]:
    """A private server that speaks OpenSearch's protocol."""
    yield from _running("OsmemServer")


@pytest.fixture(scope="session")
def dynalite() -> Iterator[DatabaseServer]:
    """A private server that speaks DynamoDB's protocol."""
    yield from _running("DynaliteServer")


@pytest.fixture(scope="session")
def moto() -> Iterator[DatabaseServer]:
    """Another one, which differs in what it checks."""
    yield from _running("MotoServer")


def _running(kind: str) -> Iterator[DatabaseServer]:
    # Not above: it imports the contracts, whose asserts tests/contract/conftest.py rewrites first.
    from podium.testing import databases

    with ExitStack() as stack:
        try:
            server = stack.enter_context(getattr(databases, kind)())
        except databases.NoServer as error:
            pytest.skip(str(error))
        yield server


@pytest.fixture(scope="session")
def clients_python() -> Path:
    """A Python that has the clients of other serving systems; no process of ours imports them."""
    folder = Path(sys.prefix) / "podium" / "clients"
    if not (folder / "installed").is_file():
        pytest.skip("the clients of other systems aren't installed: sh scripts/clients.sh")
    return folder / "bin" / "python"


@pytest.fixture(scope="session")
def typescript() -> Path:
    """The folder with openapi-typescript and TypeScript's compiler, for Node.js."""
    folder = Path(sys.prefix) / "podium" / "typescript"
    if not (folder / "installed").is_file() or shutil.which("node") is None:
        pytest.skip("openapi-typescript isn't installed: sh scripts/clients.sh, with Node.js")
    return folder / "node_modules"


@pytest.fixture(scope="session")
def chromium_path() -> Path:
    """The system's Chromium, for Playwright's `executable_path`."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("no Chromium or Chrome is installed; Debian: sudo apt install chromium")
    return Path(found)


@pytest.fixture(scope="module")
def browser(chromium_path: Path) -> Iterator[Browser]:
    """A Chromium of its own."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=60_000)  # instead of 5 s: see httpx above

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=chromium_path,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
            timeout=120_000,  # 30 s, the default, were too few on a machine that is busy
        )
        yield launched
        launched.close()
