"""Runs work in a child process, so that its threads and memory don't remain."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable


def apart(work: Callable[[], object]) -> None:
    """Run work in a child process, and exit with its exit code if it fails.

    A server forks its workers, which the threads of a fitted model's library don't survive: fitting
    and packing happen elsewhere. Without fork, it runs in this process.

    Raises:
        SystemExit: it failed; the error has been printed.
    """
    if not hasattr(os, "fork"):
        work()
        return
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if not pid:
        code = 1
        try:
            code = _code_of(work)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code:
        raise SystemExit(code)


def _code_of(work: Callable[[], object]) -> int:
    from podium.cli.main import STOPPED, exit_code, print_error
    from podium.errors import PodiumError

    try:
        work()
    except PodiumError as error:
        print_error(error)
        return exit_code(error)
    except KeyboardInterrupt:
        return STOPPED
    return 0
