"""How a process lets others come first."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

# Linux divides the processor between groups of processes first, where it makes such: niceness alone
# says nothing to those of other groups, and a process in a group of its own may take half of the
# server's core.
_GROUP = Path("/proc/self/autogroup")


def let_others_first(niceness: int) -> None:
    """Lower the priority of this process, and of its group, where it has one to itself."""
    with suppress(OSError, AttributeError):
        os.nice(niceness)
    if os.name == "posix" and os.getsid(0) == os.getpid():
        with suppress(OSError):
            _GROUP.write_text(str(niceness), "ascii")
