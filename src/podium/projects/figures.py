"""Measurements that `podium new` shows: in one place, which a test compares with the docs."""

from __future__ import annotations

from dataclasses import dataclass

MEASURED_ON = "21 November 2026"
MACHINE = "two cores of an AMD EPYC"
SOURCE = "docs/benchmarks.md"
IMAGES_SOURCE = "docs/how-to/image.md"


@dataclass(frozen=True, slots=True)
class Figures:
    """One way to serve a forest of 100 trees, with one core for the server and 64 connections.

    Attributes:
        disk_mb: the installed size, without pip and setuptools.
        start_s: until the first correct response.
        requests: predictions a second, one row each.
        memory_mb: of one worker.
    """

    disk_mb: int
    start_s: float
    requests: float
    memory_mb: int


# Podium records every prediction here; Flask, as in tutorials, none.
PODIUM = Figures(disk_mb=119, start_s=0.31, requests=36_156, memory_mb=51)
TUTORIAL = Figures(disk_mb=343, start_s=1.52, requests=138, memory_mb=171)


@dataclass(frozen=True, slots=True)
class Image:
    """The size of an image with a model, on the same Debian.

    Attributes:
        ours_mb: with Podium, and the model compiled.
        smallest_mb: the same by `podium image`, without a Debian.
        theirs_mb: with the alternative framework, and scikit-learn.
    """

    ours_mb: int
    smallest_mb: int
    theirs_mb: int


PLAIN = Image(ours_mb=263, smallest_mb=152, theirs_mb=443)
WITH_ACCOUNTS = Image(ours_mb=334, smallest_mb=223, theirs_mb=475)
