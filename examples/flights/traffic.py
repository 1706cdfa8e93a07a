"""Asks a server for the arrival delays of a month's flights, and keeps what really happened.

    python traffic.py http://127.0.0.1:8000 6 truth-june.csv
    python traffic.py http://127.0.0.1:8000 6 truth-june.csv 4000    the first 4,000 flights alone

Each request holds the flights of one hour from one airport, as a dispatcher would send them. Its
key tells the server which requests belong together: in a canary they get the same version.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from urllib.request import Request, urlopen

from flights import FIELDS, TARGET, flights_of


def main(address: str, month: str, truths: str, n_flights: str | None = None) -> None:
    """Send the flights, and write the true delay of each beside the id of its record."""
    flights = flights_of(int(month))[: int(n_flights) if n_flights else None]
    n_requests = 0
    versions = set()
    with Path(truths).open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["id", "truth"])
        for key, group in flights.groupby(["month", "day", "hour", "origin"]):
            answer = ask(address, group[FIELDS].to_dict("records"), "-".join(map(str, key)))
            lines.writerows(zip(answer["ids"], group[TARGET], strict=True))
            versions.add(answer["version"])
            n_requests += 1
    print(
        f"{len(flights):,} flights in {n_requests:,} requests, by {' and '.join(sorted(versions))}"
    )


def ask(address: str, rows: list[dict[str, object]], key: str) -> dict:
    """The predictions for some flights."""
    request = Request(
        f"{address}/api/models/flights/predict",
        json.dumps(rows).encode(),
        {"Content-Type": "application/json", "Podium-Key": key},
    )
    with urlopen(request) as response:
        return json.load(response)


if __name__ == "__main__":
    main(*sys.argv[1:])
