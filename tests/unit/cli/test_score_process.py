"""`podium score` as a process: pipes, signals, full disks, and memory that stays flat."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

pytestmark = pytest.mark.slow

Process = Callable[..., subprocess.CompletedProcess[bytes]]
MEMORY_MAX_KB = 30_000


def csv_of(rows: pd.DataFrame, n_rows: int, **more: object) -> bytes:
    """So many rows as a CSV, one of the given ones after the other."""
    taken = rows.iloc[np.arange(n_rows) % len(rows)]
    return taken.assign(**more).to_csv(index=False).encode()


def until(is_true: Callable[[], bool], seconds: float = 60) -> None:
    """Return as soon as it is true."""
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end, "it never was"
        time.sleep(0.01)


@pytest.fixture
def waiting(diabetes: Path, diabetes_rows: pd.DataFrame, here: Path) -> subprocess.Popen[bytes]:
    """A scoring that has begun its output, and waits for more rows."""
    command = [sys.executable, "-m", "podium", "score", str(diabetes), "-", "-o", "out.csv"]
    process = subprocess.Popen(
        [*command, "--force"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin is not None
    process.stdin.write(csv_of(diabetes_rows, 40_000))
    process.stdin.flush()
    until(lambda: any(path.stat().st_size > 1_000_000 for path in here.glob(".out.csv.*.part")))
    return process


def test_rows_go_through_a_pipe_as_csv(
    diabetes: Path, diabetes_rows: pd.DataFrame, podium_process: Process
) -> None:
    given = csv_of(diabetes_rows, 500, id=7)

    done = podium_process("score", diabetes, "-", "-o", "-", input=given)
    short = podium_process("score", diabetes, "-", input=given)

    lines, out = given.splitlines(), done.stdout.splitlines()
    assert done.returncode == 0
    assert out[0] == lines[0] + b",prediction"
    assert all(got.startswith(line + b",") for got, line in zip(out, lines, strict=True))
    assert b"scored 500 rows" in done.stderr
    assert short.stdout == done.stdout


def test_ndjson_through_a_pipe_stays_ndjson(
    diabetes: Path, diabetes_rows: pd.DataFrame, podium_process: Process
) -> None:
    given = diabetes_rows.head(3).to_json(orient="records", lines=True).encode()

    done = podium_process("score", diabetes, "-", input=given)

    assert done.returncode == 0
    assert done.stdout.count(b'"prediction":') == 3


def test_invalid_rows_of_a_pipe_are_reported_on_standard_error(
    diabetes: Path, diabetes_rows: pd.DataFrame, podium_process: Process
) -> None:
    given = csv_of(diabetes_rows, 3).replace(b"\n", b"\nx", 1)

    done = podium_process("score", diabetes, "-", input=given)

    assert done.returncode == 3
    assert b"line 2, age 'x" in done.stderr
    assert len(done.stdout.splitlines()) == 4


def test_parquet_in_a_pipe_is_refused_with_the_reason(
    diabetes: Path, podium_process: Process
) -> None:
    done = podium_process("score", diabetes, "-", input=b"PAR1....")

    assert done.returncode == 1
    assert b"Parquet can't be read from a pipe" in done.stderr


def test_a_reader_that_leaves_early_is_no_error_to_look_at(
    diabetes: Path, diabetes_rows: pd.DataFrame, here: Path
) -> None:
    Path("in.csv").write_bytes(csv_of(diabetes_rows, 60_000))
    command = [sys.executable, "-m", "podium", "score", str(diabetes), "in.csv", "-o", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None

        header = process.stdout.readline()
        process.stdout.close()

        assert header.endswith(b",prediction\n")
        assert process.stderr.read() == b""
        assert process.wait(60) == 1


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
)
def test_a_stopped_scoring_leaves_nothing_and_the_old_output_stays(
    number: signal.Signals, code: int, waiting: subprocess.Popen[bytes], here: Path
) -> None:
    Path("out.csv").write_text("old")

    waiting.send_signal(number)
    _, err = waiting.communicate(timeout=60)

    assert waiting.returncode == code
    assert b"Traceback" not in err
    assert [path.name for path in here.iterdir()] == ["out.csv"]
    assert Path("out.csv").read_text() == "old"


def test_a_scoring_that_is_let_finish_replaces_the_old_output(
    waiting: subprocess.Popen[bytes], here: Path
) -> None:
    Path("out.csv").write_text("old")

    _, err = waiting.communicate(timeout=60)

    assert waiting.returncode == 0
    assert b"scored 40,000 rows" in err
    assert [path.name for path in here.iterdir()] == ["out.csv"]
    assert len(Path("out.csv").read_bytes().splitlines()) == 40_001


@pytest.mark.parametrize("out", ["out.csv", "out.parquet", "out.ndjson"])
def test_a_full_disk_is_reported_and_nothing_is_left(
    out: str, diabetes: Path, diabetes_rows: pd.DataFrame, here: Path, podium_process: Process
) -> None:
    Path("in.csv").write_bytes(csv_of(diabetes_rows, 20_000))
    Path(out).write_text("old")

    done = podium_process(
        "score",
        diabetes,
        "in.csv",
        "-o",
        out,
        "--force",
        # No file may grow beyond 20 KB: the nearest thing to a full disk that needs no root.
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )

    assert done.returncode == 1
    assert b"can't be written: File too large" in done.stderr
    assert b"Traceback" not in done.stderr
    assert sorted(path.name for path in here.iterdir()) == ["in.csv", out]
    assert Path(out).read_text() == "old"


def test_a_full_disk_under_the_report_is_named(
    diabetes: Path, diabetes_rows: pd.DataFrame, here: Path, podium_process: Process
) -> None:
    Path("in.csv").write_bytes(csv_of(diabetes_rows.assign(bmi="x"), 20_000))

    done = podium_process(
        "score",
        diabetes,
        "in.csv",
        "-o",
        os.devnull,
        "--errors",
        "bad.csv",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )

    assert done.returncode == 1
    assert b"bad.csv can't be written: File too large" in done.stderr
    assert b"Traceback" not in done.stderr
    assert [path.name for path in here.iterdir()] == ["in.csv"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_standard_output_on_a_full_disk_is_an_error(
    diabetes: Path, diabetes_rows: pd.DataFrame, here: Path
) -> None:
    Path("in.csv").write_bytes(csv_of(diabetes_rows, 20_000))

    for arguments in (["score", str(diabetes), "in.csv", "-o", "-"], ["--help"]):
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                [sys.executable, "-m", "podium", *arguments],
                stdout=full,
                stderr=subprocess.PIPE,
                timeout=60,
                check=False,
            )
        assert done.returncode == 1
        assert done.stderr == b"error: the output can't be written: No space left on device\n"


def test_an_output_that_another_scoring_made_meanwhile_stays(
    diabetes: Path, diabetes_rows: pd.DataFrame, here: Path
) -> None:
    command = [sys.executable, "-m", "podium", "score", str(diabetes), "-", "-o", "out.csv"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(csv_of(diabetes_rows, 40_000))
        process.stdin.flush()
        until(lambda: any(here.glob(".out.csv.*.part")))
        Path("out.csv").write_text("of another")

        _, err = process.communicate(timeout=60)

    assert process.returncode == 1
    assert b"out.csv exists already" in err
    assert [path.name for path in here.iterdir()] == ["out.csv"]
    assert Path("out.csv").read_text() == "of another"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_device_is_written_as_it_is(
    diabetes: Path, diabetes_rows: pd.DataFrame, here: Path, podium_process: Process
) -> None:
    Path("in.csv").write_bytes(csv_of(diabetes_rows, 10))

    null = podium_process("score", diabetes, "in.csv", "-o", os.devnull)
    full = podium_process("score", diabetes, "in.csv", "-o", "/dev/full")

    assert null.returncode == 0
    assert full.returncode == 1
    assert b"/dev/full can't be written: No space left" in full.stderr


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells a process's peak")
@pytest.mark.parametrize(
    ("kind", "to"), [("csv", "csv"), ("parquet", "parquet"), ("csv", "parquet")]
)
def test_memory_stays_flat_however_large_the_file(
    kind: str, to: str, diabetes: Path, diabetes_rows: pd.DataFrame, here: Path
) -> None:
    # 1 KB a row. Parquet's memory has its final size only once several row groups were written.
    rows = diabetes_rows.assign(note=["x" * 1_000 + str(i) for i in range(442)])
    peaks = []
    for times in (150, 300) if kind == "csv" else (300, 500):  # 66 MB and more
        if kind == "csv":
            header, _, lines = rows.to_csv(index=False).partition("\n")
            Path("in.csv").write_text(f"{header}\n{lines * times}")
        else:
            table = pa.concat_tables([pa.Table.from_pandas(rows)] * times)
            whole = {"row_group_size": len(table), "use_dictionary": False, "compression": "none"}
            parquet.write_table(table, "in.parquet", **whole)
        peaks.append(peak_kb(diabetes, f"in.{kind}", f"out.{to}"))

    assert peaks[1] - peaks[0] < MEMORY_MAX_KB


def peak_kb(bundle: Path, given: str, out: str) -> int:
    """The most memory that a scoring takes."""
    code = (
        "from pathlib import Path\n"
        "from podium.cli.main import run\n"
        f"assert run(['score', {str(bundle)!r}, {given!r}, '-o', {out!r}, '--force']) == 0\n"
        # The peak of `getrusage` would be that of the test's own process, if that is higher.
        "print(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=90, check=True)
    return int(done.stdout)
