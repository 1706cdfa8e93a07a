"""shap's interventional TreeExplainer, in a process and an environment of its own.

A line names a case, the first and the last row; the answer is the seconds that explaining them took, of
the processor and of the clock. Base and contributions, added up, are written beside the models.
"""

import pickle
import sys
import time
from pathlib import Path

import numpy as np
import shap


def main(folder: Path) -> None:
    explainers = {}
    for line in sys.stdin:
        case, first, last = line.split()
        with (folder / f"{case}.pickle").open("rb") as file:
            model, background, rows = pickle.load(file)
        if case not in explainers:
            explainers[case] = shap.TreeExplainer(
                model, background, feature_perturbation="interventional"
            )
        some = rows[int(first) : int(last)]
        cpu, clock = time.process_time(), time.perf_counter()
        values = explainers[case].shap_values(some, check_additivity=False)
        took = time.process_time() - cpu, time.perf_counter() - clock
        base = np.ravel(explainers[case].expected_value)[-1]
        np.save(folder / f"{case}.npy", base + values.sum(axis=1))
        print(*took, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
