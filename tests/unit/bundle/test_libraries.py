"""Which distributions bring a module."""

from __future__ import annotations

from importlib.metadata import packages_distributions

from podium.bundle.libraries import versions_of


def test_a_module_is_found_as_the_standard_library_finds_it() -> None:
    expected = packages_distributions()
    modules = ("sklearn", "numpy", "yaml", "podium", "torch", "PIL", "no_such_module", "scipy")

    found = {module: sorted(versions_of([module])) for module in modules}

    assert found == {module: sorted(set(expected.get(module, ()))) for module in modules}
