"""`podium bench`: how fast a model is served on this machine, and what a plan needs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click
import msgspec

from podium.errors import SetupError

if TYPE_CHECKING:
    from podium.bundle import Bundle
    from podium.capacity.figures import Figures, Sizes

CONNECTIONS_MAX, WORKERS_MAX, ROWS_MAX = 1_000, 64, 100_000
# So many different bodies are sent in turn; fewer large ones.
N_BODIES, N_LARGE_BODIES = 16, 4
_ROWS = msgspec.json.Decoder(list[dict[str, Any]])
_ROW = msgspec.json.Decoder(dict[str, Any])


@click.command()
@click.argument("model", required=False)
@click.option("--connections", default="1,8,64", help="How many ask at the same time; 1,8,64.")
@click.option("--rows", default="1,100", help="How many rows a request has; 1,100.")
@click.option("--workers", default="1", help="Worker processes of the server; 1.")
@click.option("--rounds", default=3, type=click.IntRange(1, 100), help="How often; 3.")
@click.option(
    "--seconds", default=1.0, type=click.FloatRange(0.1, 600), help="How long each run takes; 1."
)
@click.option(
    "--file", type=click.Path(path_type=Path), help="Rows to send: a JSON array, or NDJSON."
)
@click.option("--no-records", is_flag=True, help="Measure a server that records nothing.")
@click.option("--url", default="", help="Measure this running server instead of a new one.")
@click.option(
    "--token", default="", envvar="PODIUM_TOKEN", help="A token for it; or set PODIUM_TOKEN."
)
@click.option("--trust", multiple=True, metavar="sha256:...", help="Allow this pickle to run code.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.option("--plan", default="", help="What so many predictions need: 2000/s, 300k/h, 5M/day.")
@click.option("--within", default=50.0, help="For --plan: the p99 that it may have, in ms; 50.")
@click.option("--from", "source", type=click.Path(path_type=Path), help="Figures measured earlier.")
def bench(
    model: str | None,
    connections: str,
    rows: str,
    workers: str,
    rounds: int,
    seconds: float,
    file: Path | None,
    *,
    no_records: bool,
    url: str,
    token: str,
    trust: tuple[str, ...],
    as_json: bool,
    plan: str,
    within: float,
    source: Path | None,
) -> None:
    """Measure how fast MODEL, a bundle, is served on this machine.

    \b
    podium bench churn.podium
    podium bench churn.podium --workers 1,2,4 --json > figures.json
    podium bench churn.podium --plan 2000/s --within 20
    podium bench --from figures.json --plan 5M/day
    podium bench churn --url https://models.example --rounds 1

    It starts servers on free ports, with home folders of their own that are removed afterwards, and asks
    them for example rows from another process. Nothing of your settings or records is used. A running
    server (--url) records what it is asked: those rows appear among its records.
    """
    from podium.capacity.figures import read_figures
    from podium.capacity.plan import rate_of
    from podium.cli.bench_table import print_figures, print_need
    from podium.cli.progress import stopping

    wanted = rate_of(plan) if plan else 0.0
    if (model is None) == (source is None):
        raise click.UsageError(
            "give either a MODEL to measure, or --from with figures that were measured earlier"
        )
    row_counts = _numbers("--rows", rows, ROWS_MAX)
    if source is not None:
        figures = read_figures(source)
    else:
        assert model is not None
        with stopping():
            figures = _measured(
                model,
                file,
                trust,
                is_recorded=not no_records,
                connections=_numbers("--connections", connections, CONNECTIONS_MAX),
                row_counts=row_counts,
                workers=() if url else _numbers("--workers", workers, WORKERS_MAX),
                n_rounds=rounds,
                seconds=seconds,
                url=_checked_url(url),
                token=token,
            )
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(figures)))
    elif source is None:
        print_figures(figures)
    if wanted:
        print_need(figures, wanted, p99_ms=within, n_rows=min(row_counts), to_stderr=as_json)


def _measured(
    model: str,
    file: Path | None,
    trust: Sequence[str],
    *,
    is_recorded: bool,
    connections: Sequence[int],
    row_counts: Sequence[int],
    workers: Sequence[int],
    n_rounds: int,
    seconds: float,
    url: str,
    token: str,
) -> Figures:
    """Measure a bundle on servers of our own, or a model of a running one."""
    from podium import __version__
    from podium.capacity import processes
    from podium.capacity.figures import Figures
    from podium.capacity.measure import Plan, Way, measure

    bundle = None if url and not Path(model).is_file() else _opened(model, trust)
    name = model if bundle is None else bundle.name
    samples = _samples(name, bundle, file, url, token)
    bodies = {n_rows: _bodies(samples, n_rows) for n_rows in row_counts}
    arguments = [] if bundle is None else [str(Path(model).resolve())]
    arguments += [f"--trust={one}" for one in trust] + ([] if is_recorded else ["--no-records"])
    plan = Plan(
        model=name,
        bodies=bodies,
        ways=[Way(one, n_rows) for n_rows in row_counts for one in connections],
        workers=workers,
        arguments=arguments,
        url=url,
        token=token,
        n_rounds=n_rounds,
        seconds=seconds,
    )
    done = measure(plan, _teller())
    return Figures(
        podium=__version__,
        model=name,
        version="" if bundle is None else bundle.version,
        machine=processes.machine(),
        is_recorded=None if url else is_recorded,
        seconds=plan.seconds,
        n_rounds=plan.n_rounds,
        others=done.others,
        servers=done.servers,
        cases=done.cases,
        sizes=None if bundle is None or not is_recorded else _sizes(bundle, samples),
    )


def _opened(model: str, trust: Sequence[str]) -> Bundle:
    from podium.bundle import load

    if not Path(model).exists() and not model.endswith(".podium"):
        raise SetupError(
            f"{model} doesn't exist",
            hint="give a bundle, such as churn.podium, or the name of a model with --url",
        )
    return load(Path(model), trust=tuple(trust))


def _samples(
    name: str, bundle: Bundle | None, file: Path | None, url: str, token: str
) -> list[dict[str, Any]]:
    """Rows to send: those of a file, of the training data, or made up.

    Raises:
        SetupError: there are none.
    """
    if file is not None:
        return _rows_of_file(file)
    if bundle is None:
        from podium.capacity.measure import described

        rows: list[dict[str, Any]] = described(url, name, token).get("examples", [])
        if not rows:
            raise SetupError(f"{url} knows no row of {name}", hint="give some: --file rows.json")
        return rows
    from podium.cli.example import example_row
    from podium.signature.infer import json_value

    signature = bundle.signature
    rows = [dict(one) for one in signature.examples]
    if bundle.background is not None:
        fields = {one.name: one for one in signature.fields}
        some = list(bundle.background.rows())[:N_BODIES]
        rows += [{name: json_value(v, fields[name]) for name, v in row.items()} for row in some]
    if not rows:
        click.echo("The bundle has no example rows: one is made up. --file gives yours.", err=True)
    return rows[:N_BODIES] or [dict(example_row(signature))]


def _rows_of_file(file: Path) -> list[dict[str, Any]]:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise SetupError(f"{file} can't be read: {error.strerror}") from error
    try:
        is_array = content.lstrip().startswith(b"[")
        rows = _ROWS.decode(content) if is_array else _ROW.decode_lines(content)
    except msgspec.DecodeError as error:
        raise SetupError(
            f"{file} has no rows: {error}",
            hint='write [{"age": 41, ...}, ...], or an object a line',
        ) from error
    if not rows:
        raise SetupError(f"{file} has no rows", hint="one is enough")
    return rows


def _bodies(samples: Sequence[dict[str, Any]], n_rows: int) -> list[str]:
    """JSON of so many rows, each body beginning with another row."""
    encode = msgspec.json.encode
    if n_rows == 1:
        return [encode(row).decode() for row in samples]
    repeated = [samples[at % len(samples)] for at in range(n_rows + N_LARGE_BODIES)]
    return [encode(repeated[at : at + n_rows]).decode() for at in range(N_LARGE_BODIES)]


def _sizes(bundle: Bundle, samples: Sequence[dict[str, Any]]) -> Sizes:
    from podium.capacity.sizes import N_TOGETHER, sizes_of

    alone = [one.encode() for one in _bodies(samples, 1)]
    return sizes_of(bundle, alone, _bodies(samples, N_TOGETHER)[0].encode())


def _teller() -> Callable[[str, int], None]:
    """What says on a terminal how far it is."""
    n_told = 0

    def tell(words: str, n_runs: int) -> None:
        nonlocal n_told
        n_told += 1
        if sys.stderr.isatty():
            click.echo(f"\r\033[K{n_told}/{n_runs}  {words}", err=True, nl=n_told == n_runs)

    return tell


def _numbers(option: str, text: str, most: int) -> tuple[int, ...]:
    """Different numbers in a list such as `1,8,64`.

    Raises:
        click.UsageError: one of them isn't from 1 to `most`.
    """
    parts = [one.strip() for one in text.split(",") if one.strip()]
    if not parts or not all(one.isascii() and one.isdigit() and len(one) < 10 for one in parts):
        raise click.UsageError(f"{option} is {text!r}, but has to be numbers: 1,8,64")
    found = tuple(dict.fromkeys(int(one) for one in parts))
    if not all(1 <= one <= most for one in found):
        raise click.UsageError(f"{option} is {text!r}, but has to be from 1 to {most:,}")
    return found


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise click.UsageError(f"--url is {url!r}, but has to be like http://127.0.0.1:8000")
    return url.rstrip("/")
