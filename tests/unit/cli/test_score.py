"""`podium score`: every row answered or told of, the other columns as they were."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

import podium

Command = Callable[..., tuple[int, str, str]]
PROBABILITIES = ["probability_Adelie", "probability_Chinstrap", "probability_Gentoo"]
ADDED = ["prediction", *PROBABILITIES]


def cells_of(path: Path) -> list[list[str]]:
    """The cells of a CSV."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def frame_of(path: Path) -> pd.DataFrame:
    """The rows of any file that score writes."""
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    if path.suffix == ".ndjson":
        return pd.DataFrame([json.loads(line) for line in path.read_text("utf-8").splitlines()])
    return pd.read_csv(path, sep="\t" if path.suffix == ".tsv" else ",")


@pytest.fixture
def birds(penguins_rows: pd.DataFrame, here: Path) -> Path:
    """All penguins as a CSV in the current folder."""
    penguins_rows.to_csv("birds.csv", index=False)
    return Path("birds.csv")


@pytest.fixture
def answers(penguins: Path, penguins_rows: pd.DataFrame) -> podium.Outputs:
    """What the model says of all penguins."""
    return podium.load(penguins).predict(penguins_rows.drop(columns="species"))


def test_every_row_gets_its_prediction_and_its_probabilities(
    penguins: Path, birds: Path, answers: podium.Outputs, podium_run: Command
) -> None:
    code, out, err = podium_run("score", penguins, birds, "-o", "out.csv")

    scored = frame_of(Path("out.csv"))
    assert (code, out) == (0, "")
    assert "scored 344 rows" in err
    assert scored["prediction"].tolist() == answers.predictions.tolist()
    np.testing.assert_array_equal(scored[PROBABILITIES].to_numpy(), answers.probabilities)
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["birds.csv", "out.csv"]


def test_the_other_columns_stay_cell_by_cell_and_in_their_order(
    penguins: Path, birds: Path, podium_run: Command
) -> None:
    given = cells_of(birds)
    odd = ["007", " 1.50 ", "a,b", 'say "x"', "two\nlines", "=1+1", "", "é\u200d年", "NA", "1e3"]
    given = [[*row, odd[i % len(odd)] if i else "note"] for i, row in enumerate(given)]
    with birds.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(given)

    podium_run("score", penguins, birds, "-o", "out.csv")

    got = cells_of(Path("out.csv"))
    assert [row[: -len(ADDED)] for row in got] == given
    assert got[0][-len(ADDED) :] == ADDED


def test_duplicate_columns_stay_if_the_model_needs_neither(
    penguins: Path, birds: Path, podium_run: Command
) -> None:
    given = [[*row, "", ""] for row in cells_of(birds)]
    with birds.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(given)

    code, _, _ = podium_run("score", penguins, birds, "-o", "out.csv")

    assert code == 0
    assert [row[: -len(ADDED)] for row in cells_of(Path("out.csv"))] == given


@pytest.mark.parametrize("begin", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_is_written_as_it_was(
    delimiter: str,
    end: str,
    begin: bytes,
    penguins: Path,
    birds: Path,
    podium_run: Command,
) -> None:
    text = birds.read_text().replace(",", delimiter).replace("\n", end)
    birds.write_bytes(begin + text.encode())

    code, _, _ = podium_run("score", penguins, birds, "-o", "out.csv")

    lines = Path("out.csv").read_bytes().splitlines(keepends=True)
    given = birds.read_bytes().splitlines(keepends=True)
    assert code == 0
    assert lines[0] == given[0].rstrip() + (delimiter + delimiter.join(ADDED) + end).encode()
    assert lines[1].startswith(given[1].rstrip() + delimiter.encode())
    assert lines[-1].endswith(end.encode())


@pytest.mark.parametrize("to", ["csv", "tsv", "ndjson", "parquet", "csv.gz"])
@pytest.mark.parametrize("given", ["csv", "tsv", "ndjson", "parquet", "csv.gz"])
def test_any_format_is_read_and_any_is_written(
    given: str,
    to: str,
    penguins: Path,
    penguins_rows: pd.DataFrame,
    answers: podium.Outputs,
    here: Path,
    podium_run: Command,
) -> None:
    source, target = Path(f"birds.{given}"), Path(f"out.{to}")
    if given == "parquet":
        penguins_rows.to_parquet(source)
    elif given == "ndjson":
        penguins_rows.to_json(source, orient="records", lines=True)
    else:
        penguins_rows.to_csv(source, index=False, sep="\t" if given == "tsv" else ",")

    code, _, err = podium_run("score", penguins, source, "-o", target)

    scored = frame_of(target)
    assert code == 0, err
    assert scored.columns.tolist() == [*penguins_rows.columns, *ADDED]
    assert scored["species"].tolist() == penguins_rows["species"].tolist()
    assert scored["prediction"].tolist() == answers.predictions.tolist()
    np.testing.assert_allclose(scored[PROBABILITIES], answers.probabilities, rtol=1e-12)


def test_parquet_keeps_every_type_and_pandas_reads_its_index_again(
    diabetes: Path, diabetes_rows: pd.DataFrame, here: Path, podium_run: Command
) -> None:
    rows = diabetes_rows.head(50).set_index(pd.Index(range(100, 150), name="patient"))
    rows["small"] = np.arange(50, dtype=np.int8)
    rows["kind"] = pd.Categorical(["a", "b"] * 25)
    rows["when"] = pd.date_range("2024-03-01", periods=50, freq="h", tz="Europe/Paris")
    rows["list"] = [[1, 2]] * 50
    rows.to_parquet("in.parquet")

    code, _, err = podium_run("score", diabetes, "in.parquet", "-o", "out.parquet")

    given, got = parquet.read_table("in.parquet"), parquet.read_table("out.parquet")
    assert code == 0, err
    assert got.drop_columns("prediction").equals(given)
    assert got.schema.field("prediction").type == pa.float64()
    read = pd.read_parquet("out.parquet")
    pd.testing.assert_index_equal(read.index, rows.index)
    expected = podium.load(diabetes).predict(diabetes_rows.head(50)).predictions
    np.testing.assert_array_equal(read["prediction"], expected)


def test_times_and_lists_of_a_parquet_file_are_iso_and_json_in_a_csv(
    diabetes: Path, diabetes_rows: pd.DataFrame, here: Path, podium_run: Command
) -> None:
    rows = diabetes_rows.head(2).copy()
    rows["when"] = pd.to_datetime(["2024-03-01T12:00:00.000000001", None])
    rows["list"] = [[1, 2], None]
    rows["yes"] = [True, None]
    rows.to_parquet("in.parquet")

    podium_run("score", diabetes, "in.parquet", "-o", "out.csv")

    header, first, second = cells_of(Path("out.csv"))
    at = slice(header.index("when"), header.index("yes") + 1)
    assert first[at] == ["2024-03-01 12:00:00.000000001", "[1,2]", "true"]
    assert second[at] == ["", "", ""]


@pytest.mark.slow
def test_rows_of_a_parquet_file_beyond_one_chunk_stay_in_order(
    diabetes: Path, diabetes_rows: pd.DataFrame, here: Path, podium_run: Command
) -> None:
    rows = diabetes_rows.iloc[np.arange(150_000) % 442].reset_index(drop=True)
    rows["n"] = np.arange(len(rows))
    rows.to_parquet("in.parquet")

    podium_run("score", diabetes, "in.parquet", "-o", "out.parquet")

    read = pd.read_parquet("out.parquet")
    once = podium.load(diabetes).predict(diabetes_rows).predictions
    assert (read["n"] == np.arange(150_000)).all()
    np.testing.assert_allclose(read["prediction"], np.resize(once, 150_000), rtol=1e-12)
    assert parquet.ParquetFile("out.parquet").metadata.num_row_groups == 2


def test_columns_that_are_there_already_are_not_overwritten(
    penguins: Path, birds: Path, podium_run: Command
) -> None:
    podium_run("score", penguins, birds, "-o", "once.csv")

    code, _, err = podium_run("score", penguins, "once.csv", "-o", "twice.csv")
    assert code == 1
    assert "already has a column 'prediction'" in err
    assert "--prefix" in err
    assert not Path("twice.csv").exists()

    assert podium_run("score", penguins, "once.csv", "-o", "twice.csv", "--prefix", "b_")[0] == 0
    assert cells_of(Path("twice.csv"))[0][-4:] == [f"b_{name}" for name in ADDED]


def test_a_file_without_rows_gets_its_columns_all_the_same(
    penguins: Path, birds: Path, podium_run: Command
) -> None:
    birds.write_text(birds.read_text().splitlines()[0] + "\n")

    for out in ("out.csv", "out.parquet"):
        assert podium_run("score", penguins, birds, "-o", out)[0] == 0
        assert frame_of(Path(out)).columns.tolist()[-4:] == ADDED


def test_warnings_are_counted_field_by_field(
    penguins: Path, birds: Path, podium_run: Command
) -> None:
    birds.write_text(birds.read_text().replace(",3750.0,", ",9000.0,"))

    code, _, err = podium_run("score", penguins, birds, "-o", "out.csv")

    n = birds.read_text().count(",9000.0,")
    assert code == 0
    assert f"{n} warnings" in err
    assert f"body_mass_g: {n} values outside the range seen in training" in err


def test_an_existing_output_is_replaced_only_by_force(
    penguins: Path, birds: Path, podium_run: Command
) -> None:
    Path("out.csv").write_text("mine")

    code, _, err = podium_run("score", penguins, birds, "-o", "out.csv")
    assert code == 1
    assert "out.csv exists already" in err
    assert "--force" in err
    assert Path("out.csv").read_text() == "mine"

    assert podium_run("score", penguins, birds, "-o", "out.csv", "--force")[0] == 0
    assert len(cells_of(Path("out.csv"))) == 345


@pytest.mark.parametrize("out", ["birds.csv", "./birds.csv", "link.csv"])
def test_the_input_is_never_the_output(
    out: str, penguins: Path, birds: Path, podium_run: Command
) -> None:
    Path("link.csv").symlink_to("birds.csv")
    before = birds.read_bytes()

    code, _, err = podium_run("score", penguins, birds, "-o", out, "--force")

    assert code == 1
    assert "is the input file" in err
    assert birds.read_bytes() == before


def test_a_link_stays_a_link_and_a_mode_a_mode(
    penguins: Path, birds: Path, podium_run: Command
) -> None:
    Path("there").mkdir()
    Path("there/out.csv").write_text("old")
    Path("there/out.csv").chmod(0o640)
    Path("out.csv").symlink_to("there/out.csv")

    podium_run("score", penguins, birds, "-o", "out.csv", "--force")

    assert Path("out.csv").is_symlink()
    assert len(cells_of(Path("there/out.csv"))) == 345
    assert Path("there/out.csv").stat().st_mode & 0o777 == 0o640


def test_the_report_and_the_output_are_two_files(
    penguins: Path, birds: Path, podium_run: Command
) -> None:
    code, _, err = podium_run("score", penguins, birds, "-o", "out.csv", "--errors", "out.csv")

    assert code == 1
    assert "give two files" in err


@pytest.mark.parametrize(
    ("out", "says"),
    [
        ("out.xls", "is not of a supported format"),
        ("out", "is not of a supported format"),
        ("out.parquet.gz", "is not of a supported format"),
        ("nowhere/out.csv", "mkdir -p"),
        (".", "is a folder"),
    ],
)
def test_an_output_that_cannot_be_written_is_reported(
    out: str, says: str, penguins: Path, birds: Path, podium_run: Command
) -> None:
    code, _, err = podium_run("score", penguins, birds, "-o", out)

    assert code == 1
    assert says in err
    assert [path.name for path in Path.cwd().iterdir()] == ["birds.csv"]


@pytest.mark.parametrize(
    ("name", "content", "code", "says"),
    [
        ("no.csv", None, 1, "can't be read"),
        ("in.xls", b"PK", 1, "is not of a supported format"),
        ("in.csv", b"", 3, "is empty"),
        ("in.csv", b"\n1\n", 3, "begins with an empty line"),
        ("in.csv", b"island,year\nDream,2007\nBisco\xe9,2007\n", 3, "isn't UTF-8, somewhere"),
        ("in.csv", "island,year\nDream,2007\n".encode("utf-16"), 3, "iconv -f UTF-16 -t UTF-8"),
        ("in.csv", b'island,year\nDream,2007\nDream,"2007\nDream,2007\n', 3, "line 3 of in.csv"),
        ("in.csv.gz", gzip.compress(b"island,year\nDream,2007\n", mtime=0)[:-9], 3, "decompressed"),
        ("in.csv.gz", b"island,year\n", 3, "decompressed"),
        ("in.parquet", b"PAR1PAR1", 3, "can't be read as Parquet"),
        ("in.csv", b"island,island,year\n", 1, "two columns called 'island'"),
    ],
)
def test_an_input_that_cannot_be_read_is_reported_and_leaves_nothing(
    name: str,
    content: bytes | None,
    code: int,
    says: str,
    penguins: Path,
    here: Path,
    podium_run: Command,
) -> None:
    if content is not None:
        Path(name).write_bytes(content)

    got, _, err = podium_run("score", penguins, name, "-o", "out.csv")

    assert (got, says in err) == (code, True), err
    assert "Traceback" not in err
    assert {path.name for path in Path.cwd().iterdir()} <= {name}


def test_columns_that_the_model_needs_are_all_named_with_what_they_may_be_called(
    penguins: Path, here: Path, podium_run: Command
) -> None:
    Path("in.csv").write_text("Island ,bird\nDream,a\n")

    code, _, err = podium_run("score", penguins, "in.csv", "-o", "out.csv")

    assert code == 3
    assert "in.csv lacks 2 columns that the model needs: island, year" in err
    assert "'Island ' to 'island'" in err


def test_a_column_that_may_be_missing_is_missed_aloud(
    penguins: Path, here: Path, podium_run: Command
) -> None:
    Path("in.csv").write_text("island,year\nDream,2007\n")

    code, _, err = podium_run("score", penguins, "in.csv", "-o", "out.csv")

    assert code == 0
    assert "warning: in.csv has no column 'sex'" in err


def test_the_output_is_required(penguins: Path, birds: Path, podium_run: Command) -> None:
    code, _, err = podium_run("score", penguins, birds)

    assert code == 2
    assert "-o birds-scored.csv" in err


def test_ndjson_lines_may_differ_in_their_keys(
    penguins: Path, here: Path, podium_run: Command
) -> None:
    Path("in.ndjson").write_text(
        '{"island": "Dream", "year": 2007}\n\n{"year": 2008, "island": "Biscoe", "note": [1]}\n'
    )

    assert podium_run("score", penguins, "in.ndjson", "-o", "out.ndjson")[0] == 0
    assert podium_run("score", penguins, "in.ndjson", "-o", "out.csv")[0] == 0

    scored = frame_of(Path("out.ndjson"))
    assert scored.columns.tolist() == ["island", "year", "note", *ADDED]
    assert cells_of(Path("out.csv"))[2][:3] == ["Biscoe", "2008", "[1]"]


def test_a_trusted_pickle_scores(pickled: Path, here: Path, podium_run: Command) -> None:
    Path("in.csv").write_text("x\n3\n")
    digest = podium.load(pickled).options["sha256"]

    assert podium_run("score", pickled, "in.csv", "-o", "out.csv")[0] == 1
    assert (
        podium_run("score", pickled, "in.csv", "-o", "out.csv", "--trust", f"sha256:{digest}")[0]
        == 0
    )
    assert cells_of(Path("out.csv"))[1][0] == "3"


def test_a_csv_of_one_row_and_a_last_line_without_an_end_is_scored(
    penguins: Path, here: Path, podium_run: Command
) -> None:
    Path("in.csv").write_text("island,year\nDream,2007")

    podium_run("score", penguins, "in.csv", "-o", "out.csv")

    out = io.StringIO(Path("out.csv").read_text())
    assert len(list(csv.reader(out))) == 2
