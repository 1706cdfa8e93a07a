"""Evidently's DataDriftPreset, in a process and an environment of its own.

Each line asks for a report; the answer is the seconds that it took, of the processor and of the clock, and
how many columns it calls drifted.
"""

import pickle
import sys
import time
from pathlib import Path

import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset


def main(folder: Path) -> None:
    with (folder / "rows.pickle").open("rb") as file:
        before, now = map(pd.DataFrame, pickle.load(file))
    for _ in sys.stdin:
        cpu, clock = time.process_time(), time.perf_counter()
        found = Report([DataDriftPreset()]).run(now, before).dict()
        took = time.process_time() - cpu, time.perf_counter() - clock
        print(*took, int(found["metrics"][0]["value"]["count"]), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
