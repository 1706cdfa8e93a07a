"""Functions found by import path, and the import path of a function."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import podium
from podium.errors import SetupError, SignatureError
from podium.runtimes.python import FunctionModel, import_path_of, load_function
from podium.table import Table

PRICES = """
import podium
from os import system

@podium.model
def price(rooms: float) -> float:
    return 100 * rooms

@podium.model
async def rent(rooms: float) -> float:
    return 2 * rooms

def undecorated(rooms: float) -> float:
    return rooms
"""
ALONE = """
import podium

@podium.model
def only(rooms: float) -> float:
    return rooms

again = only
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder; what is imported from it is forgotten afterwards."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        del sys.modules[name]


def write(folder: Path, name: str, code: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(textwrap.dedent(code))
    return file


def answer(one: FunctionModel, rooms: float) -> float:
    (found,) = one.predict(Table.of({"rooms": [rooms]})).predictions.tolist()
    return found


def run(folder: Path, *command: str, given: str = "") -> str:
    """What a fresh Python prints in a folder."""
    result = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={"PYTHONPATH": str(Path(podium.__file__).parents[1])},
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_a_function_is_found_by_module_and_name(folder):
    write(folder, "prices.py", PRICES)

    assert answer(load_function("prices:price", folder), 3) == 300
    assert answer(load_function("prices:rent", folder), 3) == 6


def test_the_current_folder_is_searched_unless_another_is_named(folder, monkeypatch):
    write(folder, "prices.py", PRICES)
    monkeypatch.chdir(folder)

    assert answer(load_function("prices:price"), 3) == 300


def test_a_function_is_found_by_file_and_name(folder, monkeypatch):
    file = write(folder, "deep/prices.py", PRICES)
    monkeypatch.chdir(folder)

    one = load_function("deep/prices.py:price")

    assert answer(one, 3) == 300
    assert load_function(f"{file}:price") is one
    assert load_function("prices.py:price", folder / "deep") is one
    assert import_path_of(one) == "prices:price"


def test_a_file_inside_a_package_is_imported_as_part_of_it(folder):
    write(folder, "kiosk/__init__.py", "RATE = 7")
    write(folder, "kiosk/models/__init__.py", "")
    code = "import podium\nfrom .. import RATE\n@podium.model\ndef f(rooms: float) -> float:\n"
    write(folder, "kiosk/models/fees.py", f"{code}    return rooms * RATE\n")

    one = load_function("kiosk/models/fees.py:f", folder)

    assert answer(one, 2) == 14
    assert import_path_of(one) == "kiosk.models.fees:f"
    assert load_function("kiosk.models.fees:f", folder) is one


@pytest.mark.parametrize("path", ["alone", "alone.py", "alone:only", "alone:again"])
def test_the_name_may_be_left_out_where_there_is_one_model(folder, path):
    write(folder, "alone.py", ALONE)

    assert load_function(path, folder).name == "only"


@pytest.mark.parametrize(
    ("path", "message", "hint"),
    [
        ("prices:prise", "prices has no model called 'prise'", "models there: price, rent"),
        ("prices", "prices has several models", "choose one: price, rent"),
        ("prices:undecorated", "undecorated in prices isn't a model", "@podium.model"),
        ("prices:system", "system in prices isn't a model", "@podium.model"),
        ("empty", "empty has no model", "@podium.model"),
        ("empty:f", "empty has no model called 'f'", "there are none"),
        ("nowhere:f", "there is no module 'nowhere'", "looked in"),
        ("prices.deeper:f", "there is no module 'prices.deeper'", "looked in"),
        ("kiosk.nowhere:f", "there is no module 'kiosk.nowhere'", "looked in"),
        ("nowhere.py:f", "nowhere.py doesn't exist", ""),
        ("my-model.py:f", "a file called my-model.py can't be imported", "underscores"),
        ("my-model:f", "'my-model' can't be the name of a module", "module:function"),
        ("os:system", "os belongs to Python itself", "another name"),
        ("os.path:join", "os.path belongs to Python itself", ""),
        ("kiosk.__main__:f", "kiosk.__main__ belongs to Python itself", ""),
        ("prices:a.b", "has no function name", "module:function"),
        ("prices:", None, None),
        (":f", "has no function name", ""),
        ("", "has no function name", ""),
        ("..prices:f", "can't be the name of a module", ""),
        ("needy:f", "needy needs the module not_installed_here, which can't be", "install it"),
        ("broken:f", "broken can't be imported: SyntaxError", "where it fails"),
        ("raising:f", "raising can't be imported: ZeroDivisionError: division by zero", ""),
        ("leaving:f", "leaving can't be imported: SystemExit: 3", ""),
        ("leaving.inner:f", "leaving.inner can't be imported: SystemExit: 3", ""),
    ],
)
def test_a_path_that_leads_to_no_model_is_refused(folder, path, message, hint):
    write(folder, "prices.py", PRICES)
    write(folder, "empty.py", "")
    write(folder, "my-model.py", ALONE)
    write(folder, "kiosk/__init__.py", "")
    write(folder, "kiosk/__main__.py", "raise AssertionError('it ran')")
    write(folder, "needy.py", "import not_installed_here")
    write(folder, "broken.py", "def f(:\n")
    write(folder, "raising.py", "1 / 0")
    write(folder, "leaving.py", "raise SystemExit(3)")

    with pytest.raises(SetupError, match=message) as caught:
        load_function(path, folder)

    assert hint is None or hint in caught.value.hint


def test_a_signature_error_of_the_module_stays_one(folder):
    write(folder, "vague.py", "import podium\n@podium.model\ndef f(x): ...\n")

    with pytest.raises(SignatureError, match="parameter 'x' of f has no annotation"):
        load_function("vague:f", folder)


def test_the_cause_of_a_failed_import_is_kept(folder):
    write(folder, "raising.py", "1 / 0")

    with pytest.raises(SetupError) as caught:
        load_function("raising:f", folder)

    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_folder_that_isnt_there_is_refused(folder):
    with pytest.raises(SetupError, match=r"the folder .* doesn't exist"):
        load_function("prices:price", folder / "nowhere")


def test_two_files_of_one_name_arent_mixed_up(folder):
    write(folder, "one/prices.py", PRICES)
    write(folder, "two/prices.py", PRICES)
    load_function("one/prices.py:price", folder)

    with pytest.raises(SetupError, match=r"two.prices\.py can't be imported: another module is"):
        load_function("two/prices.py:price", folder)


def test_a_file_that_an_installed_library_hides_is_refused(folder):
    write(folder, "msgspec.py", ALONE)

    with pytest.raises(SetupError, match=r"msgspec.py can't be imported: another module"):
        load_function("msgspec:only", folder)


def test_the_folder_comes_first_during_the_import_and_last_afterwards(folder):
    code = "import sys\nfirst = sys.path[0]\n"
    write(folder, "prices.py", code + PRICES)
    before = list(sys.path)

    load_function("prices:price", folder)
    load_function("prices:rent", folder)

    assert sys.modules["prices"].first == str(folder.resolve())
    assert sys.path == [*before, str(folder.resolve())]


def test_a_folder_that_was_on_the_path_keeps_its_place(folder):
    write(folder, "prices.py", PRICES)
    sys.path.insert(1, str(folder.resolve()))
    before = list(sys.path)

    load_function("prices:price", folder)

    assert sys.path == before


def test_a_sibling_that_is_imported_only_when_called_is_found(folder):
    code = "import podium\n@podium.model\ndef f(rooms: float) -> float:\n"
    write(folder, "lazy.py", f"{code}    import sibling_of_lazy\n    return sibling_of_lazy.RATE\n")
    write(folder, "sibling_of_lazy.py", "RATE = 7.0")

    assert answer(load_function("lazy:f", folder), 1) == 7


def test_a_module_that_was_written_a_moment_ago_is_found(folder):
    with pytest.raises(SetupError, match="no module"):
        load_function("late:only", folder)
    before = folder.stat()
    write(folder, "late.py", ALONE)
    # The clock of many file systems is too coarse to tell that the folder changed.
    os.utime(folder, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert load_function("late:only", folder).name == "only"


def test_the_import_path_is_the_variable_that_holds_the_function(folder):
    code = """
        import podium
        from undecorated import price as _price

        def make():
            @podium.model
            def inner(x: float) -> float: ...
            return inner

        cost = podium.model(_price)
        made = make()
    """
    write(folder, "undecorated.py", "def price(rooms: float) -> float: ...")
    write(folder, "held.py", code)

    assert import_path_of(load_function("held:cost", folder)) == "held:cost"
    assert import_path_of(load_function("held:made", folder)) == "held:made"


def test_a_function_that_no_module_holds_has_no_import_path():
    @podium.model
    def local(x: float) -> float: ...

    class Holder:
        inner = local

    with pytest.raises(
        SetupError, match="local can't be imported: it isn't a name of a module"
    ) as caught:
        import_path_of(Holder.inner)

    assert "at the top of a module" in caught.value.hint


SCRIPT = (
    PRICES
    + """
if __name__ == "__main__":
    from podium.runtimes.python import import_path_of, load_function
    path = import_path_of(price)
    print(path, load_function(path) is price)
"""
)


@pytest.mark.slow
def test_a_script_that_runs_is_named_after_its_file_and_not_run_twice(folder):
    write(folder, "train.py", SCRIPT)

    assert run(folder, "train.py") == "train:price True"


@pytest.mark.slow
def test_a_script_elsewhere_is_named_too(folder):
    write(folder, "jobs/train.py", SCRIPT)

    assert run(folder, "jobs/train.py") == "train:price True"


@pytest.mark.slow
def test_a_module_that_runs_keeps_its_name(folder):
    write(folder, "kiosk/__init__.py", "")
    write(folder, "kiosk/train.py", SCRIPT)

    assert run(folder, "-m", "kiosk.train") == "kiosk.train:price True"


REFUSED = (
    PRICES
    + """
from podium.runtimes.python import import_path_of
try:
    import_path_of(price)
except podium.PodiumError as error:
    print(error.message)
"""
)


@pytest.mark.slow
def test_what_nobody_else_can_import_is_refused_with_a_hint(folder):
    write(folder, "my-train.py", REFUSED)
    write(folder, "code.py", REFUSED)
    write(folder, "kiosk/__main__.py", REFUSED)

    script = "price is defined in a script that can't be imported, where a server can't find it"
    assert run(folder, "my-train.py") == script
    assert run(folder, "code.py") == script
    assert run(folder, "-m", "kiosk") == script
    shell = "price is defined in a notebook or a shell, where a server can't find it"
    assert run(folder, "-", given=REFUSED) == shell
    assert run(folder, "-c", REFUSED) == shell
