"""Models of libraries that refuse the newest pandas, SciPy or scikit-learn, in an environment of their own.

    python -m bench.others [--only TEXT]

pip chooses the versions that these libraries accept. Their tests run there; then each case is fitted,
packed and served by a real server, which is asked through the page's form and through the API, and the
outputs are compared with the library's own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from bench.serve import places
from bench.serve.environment import podium_environment
from tests.conftest import OTHERS

LIBRARIES = ("lifelines", "ngboost", "pygam")
FOR_TESTS = (
    "hypothesis",
    "httpx",
    "pandas",
    "pytest",
    "pytest-timeout",
    "scikit-learn",
    "skops",
)


def main() -> int:
    """Install, test, serve; returns what the last failure returned."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", default="", help="only the cases whose names contain this text")
    options = parser.parse_args()
    there = podium_environment("others", (*LIBRARIES, *FOR_TESTS))
    print(
        *(f"{one} {there.version(one)}" for one in (*LIBRARIES, "pandas", "scipy", "scikit-learn")),
        sep=", ",
    )
    # Podium as it is installed there, and not the checkout's.
    tests = [str(places.ROOT / "tests" / name) for name in OTHERS]
    commands = [
        ["-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        ["-m", "bench.others.served", "--only", options.only],
    ]
    environment = {**os.environ, "PYTHONPATH": str(places.ROOT)}
    found = [
        subprocess.run(
            [there.python, *one], cwd=places.ROOT, env=environment, check=False
        ).returncode
        for one in (commands[1:] if options.only else commands)
    ]
    return max(found, key=abs)


if __name__ == "__main__":
    sys.exit(main())
