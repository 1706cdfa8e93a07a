"""`podium doctor`: what is wrong on this machine, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import msgspec
from rich.text import Text

from podium.cli.doctor_machine import machine_findings
from podium.cli.doctor_setup import Finding, installation_findings, setup_findings
from podium.cli.terminal import console, harmless, shelf
from podium.errors import SetupError
from podium.settings import Settings, read_settings

_MARKS = {"good": ("ok", "green"), "warning": ("warn", "yellow"), "bad": ("bad", "red")}
FAILED = 1


@click.command()
@click.argument("models", nargs=-1)
@click.option("--host", help="The address that the server is to listen at.")
@click.option("--port", type=int, help="The port that it is to listen at.")
@click.option("--home", help="The folder for records; ./podium-home by default.")
@click.option("--store", help="Where records are stored, as a URL like sqlite:///file.db.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings in TOML.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(
    models: tuple[str, ...],
    host: str | None,
    port: int | None,
    home: str | None,
    store: str | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """Check whether `podium serve` with the same options and MODELS would work here, and how well.

    Nothing is changed. The exit code is 1 if something is wrong, and 0 if there are only warnings.

    \b
    podium doctor
    podium doctor models/ --port 8080 --json
    """
    flags = {"host": host, "port": port, "home": home, "store": store, "models": models or None}
    findings = list(_findings(flags, config))
    is_well = all(one.state != "bad" for one in findings)
    if as_json:
        report = {"ok": is_well, "findings": findings}
        click.echo(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
    else:
        _print(findings)
    return 0 if is_well else FAILED


def _findings(flags: Mapping[str, object], config: Path | None) -> Iterator[Finding]:
    try:
        settings = read_settings(flags, file=config)
    except SetupError as error:
        yield Finding("settings", "bad", error.message, error.hint)
        settings = Settings()
    else:
        yield from setup_findings(settings)
    yield from machine_findings(settings)
    yield from installation_findings(settings)


def _print(findings: list[Finding]) -> None:
    out = console()
    lines = shelf()
    for one in findings:
        mark, color = _MARKS[one.state]
        words = Text(harmless(one.text))
        if one.advice:
            words = Text.assemble(words, "\n", (harmless(one.advice), "dim"))
        lines.add_row(Text(mark, color), one.name, words)
    out.print(lines)
    counts = {state: sum(one.state == state for one in findings) for state in _MARKS}
    wrong, doubtful = counts["bad"], counts["warning"]
    out.print()
    if wrong:
        out.print(f"{wrong} of {len(findings)} checks found something wrong.")
    elif doubtful:
        out.print(f"It works; {doubtful} of {len(findings)} checks have a warning.")
    else:
        out.print(f"All {len(findings)} checks are well.")
