"""The `podium` command, its subcommands, and its exit codes.

Exit codes:

    0  done
    1  Podium can't do what was asked: a setting, a file, a bundle, a model that isn't trusted
    2  the command line itself is wrong
    3  rows were refused: their cells don't fit the signature
    4  the model or the store of records failed
    5  a comparison found differences: drift, or records that their versions don't repeat
    130  stopped by the keyboard
"""

from __future__ import annotations

import difflib
import errno
import os
import sys
from importlib import import_module
from itertools import takewhile
from typing import Any, ClassVar

import click

from podium.errors import InputError, InvalidRows, ModelError, PodiumError, SetupError, StoreError

FAILED, MISUSED, REFUSED, BROKEN, DIFFERENT, STOPPED = 1, 2, 3, 4, 5, 130
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


class _Commands(click.Group):
    """Subcommands that are imported when they are called: `podium version` needs no numpy."""

    # Their summaries are here, too, so that `podium --help` imports none of them.
    SUMMARIES: ClassVar[dict[str, str]] = {
        "bench": "Measure how fast a model is served here, and what a plan needs.",
        "canary": "Let a version answer a share of the requests.",
        "compare": "Compare two versions on records whose truth is known.",
        "demo": "Train two models on real data, pack them, and serve them.",
        "deploy": "Serve models on every node of a Ray cluster.",
        "doctor": "Check whether this machine is fit to serve, and say what to do.",
        "drift": "Compare the rows of a file with the training data of a model.",
        "explain": "Show why a model predicts what it does for a row.",
        "feedback": "Add true outcomes from a file to records.",
        "group": "Create groups of users, and grant them permissions.",
        "image": "Build a container image that serves bundles.",
        "inspect": "Show the contents of a bundle.",
        "jobs": "Run the jobs that score files, beside a server that can't.",
        "manage": "Run a Django command on the accounts.",
        "monitor": "Compare what a served model sees with its training data.",
        "new": "Create a project around a model, after a few questions.",
        "pack": "Pack a model file and its data into a bundle.",
        "predict": "Predict one row.",
        "promote": "Make a version the champion of its model.",
        "records": "Back up, delete, check, repair, restore, export or query records.",
        "register": "Register a bundle as a version that can be promoted.",
        "replay": "Run recorded inputs through a version.",
        "retrain": "Train a model on its records and their ground truth.",
        "rollback": "Make the previous version the champion again.",
        "score": "Predict every row of a file.",
        "shadow": "Let a version predict beside the champion.",
        "serve": "Serve models: pages, an API and records.",
        "user": "Create user accounts, and restore access to them.",
        "version": "Print the versions of Podium and of its libraries.",
        "versions": "Show the versions of models and their aliases.",
    }
    # Several commands in one module.
    MODULES: ClassVar[dict[str, str]] = dict.fromkeys(
        ("promote", "register", "rollback"), "versions"
    ) | dict.fromkeys(("canary", "shadow"), "traffic")

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The names in alphabetical order."""
        return sorted(self.SUMMARIES)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command with this name, or None."""
        if cmd_name not in self.SUMMARIES:
            return None
        module = import_module(f"podium.cli.{self.MODULES.get(cmd_name, cmd_name)}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands and their summaries."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(self.SUMMARIES.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments name; the error for a near miss suggests the right one."""
        near = difflib.get_close_matches(args[0], self.SUMMARIES, n=1)
        if args[0] not in self.SUMMARIES and near:
            raise click.UsageError(f"No such command {args[0]!r}. Did you mean {near[0]!r}?", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
def podium() -> None:
    """From a fitted model to a page, an API and records.

    \b
    podium demo                  two models on real data, served here
    podium new                   a project around a model of your data
    podium pack model.joblib --data train.csv --target churned
    podium serve churn.podium
    podium doctor                whether this machine is fit for it
    """


def main(args: list[str] | None = None) -> None:
    """Run the command line, and exit with its exit code."""
    sys.exit(run(args))


def run(args: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    try:
        done: Any = podium.main(args, prog_name="podium", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        if isinstance(error, click.MissingParameter):
            _show_examples(error.ctx)
        return MISUSED
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        return STOPPED
    except BrokenPipeError:  # the reader of our output closed it, as `| head` does
        sys.stderr.close()
        return FAILED
    except OSError as error:
        if error.errno not in _NO_SPACE or error.filename is not None:
            raise
        # What is left in the buffer would fail once more when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        print_error(SetupError(f"the output can't be written: {error.strerror}"))
        return FAILED
    except PodiumError as error:
        print_error(error)
        return exit_code(error)
    return done if isinstance(done, int) else 0


def _show_examples(context: click.Context | None) -> None:
    """How a command that lacks an argument is called: the examples of its help."""
    text = "" if context is None else context.command.help or ""
    lines = [line.strip() for line in text.partition("\b\n")[2].splitlines()]
    examples = list(takewhile(bool, lines))
    if examples:
        click.echo("\n  ".join(["\nFor example:", *examples]), err=True)


def print_error(error: PodiumError) -> None:
    """Print an error and its hint on standard error."""
    if isinstance(error, InvalidRows) and len(error.cells) > 1:  # each says what is accepted
        click.secho(f"error: {error.n_cells} values are not accepted", fg="red", err=True)
        for cell in error.cells:
            click.echo(f"  {cell}", err=True)
        if error.n_cells > len(error.cells):
            click.echo(f"  and {error.n_cells - len(error.cells)} more", err=True)
        return
    click.secho(f"error: {error.message}", fg="red", err=True)
    if error.hint:
        click.echo(error.hint, err=True)


def exit_code(error: PodiumError) -> int:
    """The exit code for an error."""
    if isinstance(error, InputError):
        return REFUSED
    if isinstance(error, (ModelError, StoreError)):
        return BROKEN
    return FAILED
