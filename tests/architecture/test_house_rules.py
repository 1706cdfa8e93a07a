"""The rules of the tests themselves: what skips here fails in CI, and the machine is left alone."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
RULES = ROOT / "tests" / "conftest.py"

SKIPS = """
import pytest

@pytest.mark.skip(reason="too wet today")
def test_that_is_marked(): ...

def test_that_skips_itself():
    pytest.skip("no browser")

@pytest.mark.xfail(reason="known", strict=True)
def test_that_is_known_to_fail():
    assert False

def test_that_passes(): ...
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A small suite of its own, under our rules."""
    for name in ("CI", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    pytester.makeconftest(RULES.read_text("utf-8"))
    return pytester


def test_outside_ci_a_skip_stays_a_skip(suite: pytest.Pytester) -> None:
    suite.makepyfile(SKIPS)

    result = suite.runpytest_subprocess()

    result.assert_outcomes(passed=1, skipped=2, xfailed=1)


def test_in_ci_a_skip_fails_and_names_its_reason(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    suite.makepyfile(SKIPS)

    result = suite.runpytest_subprocess()

    result.assert_outcomes(passed=1, failed=1, errors=1, xfailed=1)
    result.stdout.fnmatch_lines(["*too wet today", "*ALLOWED_SKIPS*"])


def test_in_ci_a_skip_fails_in_a_run_of_several_processes_too(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    suite.makepyfile(SKIPS)
    suite.makepyfile(test_not_here='import pytest\npytest.skip("no", allow_module_level=True)')

    result = suite.runpytest_subprocess("-n2", "--continue-on-collection-errors")

    result.assert_outcomes(passed=1, failed=1, errors=2, xfailed=1)


def test_in_ci_a_module_that_skips_itself_fails(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    suite.makepyfile('import pytest\npytest.skip("not here", allow_module_level=True)')

    result = suite.runpytest_subprocess()

    result.assert_outcomes(errors=1)


def test_in_ci_an_allowed_skip_stays_a_skip(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    leave = 'ALLOWED_SKIPS["::test_that_skips_itself"] = "no browser there"'
    suite.makeconftest(f"{RULES.read_text('utf-8')}\n{leave}")
    suite.makepyfile(SKIPS)

    result = suite.runpytest_subprocess()

    result.assert_outcomes(passed=1, errors=1, skipped=1, xfailed=1)


def test_in_ci_hypothesis_draws_the_same_examples_every_time(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    suite.makepyfile(
        "from hypothesis import settings\n"
        "def test_profile():\n"
        "    assert settings.default.derandomize and settings.default.deadline is None"
    )

    result = suite.runpytest_subprocess()

    result.assert_outcomes(passed=1)


def test_a_free_port_can_be_listened_at(free_port: int) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", free_port))


@pytest.mark.parametrize(
    "script", sorted((ROOT / "scripts").glob("*.sh")), ids=lambda one: one.name
)
def test_no_script_touches_what_runs_on_the_machine(script: Path) -> None:
    lines = [line for line in script.read_text("utf-8").splitlines() if not line.startswith("#")]
    commands = re.findall(r"[\w./-]+", " ".join(lines))

    assert not {"systemctl", "service", "policy-rc.d", "update-rc.d", "pkill", "killall"} & {
        command.rpartition("/")[2] for command in commands
    }
    for line in lines:
        assert "apt-get install" not in line or {"--no-upgrade", "--no-remove"} <= set(line.split())
