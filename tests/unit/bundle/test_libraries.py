"""Which distributions bring a module."""

from __future__ import annotations

from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from podium.bundle.libraries import versions_of


@pytest.mark.slow
def test_a_module_is_found_as_the_standard_library_finds_it() -> None:
    expected = packages_distributions()
    modules = ("sklearn", "numpy", "yaml", "podium", "torch", "PIL", "no_such_module", "scipy")

    found = {module: sorted(versions_of([module])) for module in modules}

    assert found == {module: sorted(set(expected.get(module, ()))) for module in modules}


@pytest.mark.slow
def test_what_is_installed_meanwhile_is_found_and_what_is_removed_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    made = tmp_path / "ours-2.0.dist-info"
    found = [versions_of(["our_module"])]
    made.mkdir()
    (made / "METADATA").write_text("Metadata-Version: 2.1\nName: ours\nVersion: 2.0\n")
    (made / "RECORD").write_text("our_module/__init__.py,,\n")

    found.append(versions_of(["our_module"]))
    made.rename(tmp_path / "removed")
    found.append(versions_of(["our_module"]))

    assert found == [{}, {"ours": "2.0"}, {}]
