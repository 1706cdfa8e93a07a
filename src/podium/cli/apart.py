"""Work in a process of its own, where its threads and its memory don't stay behind."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable


def apart(work: Callable[[], object]) -> None:
    """Do something in a child process, and leave with its exit code if it fails.

    A server forks its workers, which the threads of a fitted model's library don't stand: fitting
    and packing happen elsewhere. Where there is no fork, it is done here.

    Raises:
        SystemExit: it failed; what went wrong is printed already.
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
