"""What a new project finds in a file of rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from podium.errors import SetupError
from podium.projects.dataset import columns_of, dataset_of, demo_dataset


def rows_in(folder: Path, *lines: str, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def test_the_demo_is_344_penguins_of_three_species() -> None:
    found = demo_dataset()

    assert found.target == "species"
    assert found.classes
    assert found.categories == ("island", "sex")
    assert "body_mass_g" in found.numbers


def test_numbers_categories_and_other_columns_are_distinguished(tmp_path: Path) -> None:
    texts = [f"he said that number {n} was not for him at all" for n in range(30)]
    lines = [f"{n},{n / 7},{'ab'[n % 2]},{texts[n]},true,{n % 3}" for n in range(30)]
    path = rows_in(tmp_path, "id,weight,kind,story,ok,stars", *lines)

    found = dataset_of(path, "stars")

    assert found.numbers == ("weight", "ok")
    assert found.categories == ("kind",)
    assert found.left_out == ("id", "story")


def test_a_text_that_is_different_in_every_row_is_a_name_of_it(tmp_path: Path) -> None:
    path = rows_in(tmp_path, "who,age,y", "a-1,3,1.5", "a-2,4,2.5", "a-3,5,0.5")

    assert dataset_of(path, "y").left_out == ("who",)


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        (["yes", "no", "no"], True),
        (["true", "false", "true"], True),
        (["1", "2", "3"], True),
        (["1.5", "2.5", "3.5"], False),
        ([str(number) for number in range(21)], False),
    ],
)
def test_a_target_of_a_few_values_is_one_of_classes(
    tmp_path: Path, values: list[str], classes: bool
) -> None:
    path = rows_in(tmp_path, "x,y", *(f"{n}.5,{value}" for n, value in enumerate(values)))

    assert dataset_of(path, "y").classes is classes


def test_missing_truth_values_are_a_category(tmp_path: Path) -> None:
    path = rows_in(tmp_path, "x,known,y", "1.5,true,1.5", "2.5,,2.5", "1.5,false,3.5", "2,true,4")

    assert dataset_of(path, "y").categories == ("known",)


def test_the_separator_is_the_files_own(tmp_path: Path) -> None:
    path = rows_in(tmp_path, "x;y", "1.5;2.5", "2.5;3.5")

    assert (dataset_of(path, "y").separator, dataset_of(path, "y").decimal) == (";", ".")
    assert columns_of(path) == ("x", "y")


def test_decimal_commas_are_the_files_own(tmp_path: Path) -> None:
    path = rows_in(tmp_path, "x;y", "1,5;2,5", "2;3,5", "1;")

    dataset = dataset_of(path, "y")

    assert (dataset.decimal, dataset.numbers, dataset.classes) == (",", ("x",), False)


def test_a_files_name_becomes_one_that_needs_no_quotes(tmp_path: Path) -> None:
    path = rows_in(tmp_path, "x,y", "1,2.5", "2,3.5", name="my rows (new).csv")

    assert dataset_of(path, "y").file_name == "my-rows-new-.csv"


@pytest.mark.parametrize(
    ("lines", "target", "said"),
    [
        (["x,y", "1,2", "2,3"], "z", "no column 'z'"),
        (["x,y", "1,2", "2,2"], "y", "only one value"),
        (["x,y", "1,2024-01-01", "2,2024-01-02"], "y", "'y'"),
        (["who,y", "ada,1", "bob,2"], "y", "no column that a model can learn from"),
        (["y", "1", "2"], "y", "no columns"),
        (["x,y"], "y", "no rows"),
    ],
)
def test_data_without_anything_to_learn_is_refused(
    tmp_path: Path, lines: list[str], target: str, said: str
) -> None:
    path = rows_in(tmp_path, *lines)

    with pytest.raises(SetupError, match=said) as told:
        dataset_of(path, target)

    assert told.value.hint


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="doesn't exist"):
        dataset_of(tmp_path / "none.csv", "y")


@pytest.mark.parametrize(
    ("cells", "form"),
    [
        (["2024-02-28", "2024-02-29", "2024-03-01"], "ISO8601"),
        (["2024-02-28 10:00", "2024-02-28 11:30", "2024-02-29 12:00"], "ISO8601"),
        (["1.2.2024", "29.2.2024", "31.12.2024"], "%d.%m.%Y"),
        (["2024-02-28", "2024-02-30", "2024-03-01"], None),  # no such day
        (["2024-02-28", "", "2024-03-01"], None),
        (["1/2/2024", "2/1/2024", "3/4/2024"], None),  # of which month?
        (["2024-02-28", "soon", "2024-03-01"], None),
    ],
)
def test_dates_are_recognized_where_every_cell_is_one(
    tmp_path: Path, cells: list[str], form: str | None
) -> None:
    path = tmp_path / "rows.csv"
    lines = [f"{cell},{i},{i * 0.5}" for i, cell in enumerate(cells * 4)]
    path.write_text("\n".join(["day,x,y", *lines]))

    found = dataset_of(path, "y")

    assert found.dates == ({} if form is None else {"day": form})
    assert ("day" in found.categories) is (form is None)
