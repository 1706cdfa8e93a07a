"""Part 3, what recording costs: off, normal (committed before the answer), full (on the disk).

And what accounts cost: each request then brings a token, and is recorded as its owner's.
"""

from __future__ import annotations

from dataclasses import replace

from bench.serve import machine
from bench.serve.options import Options
from bench.serve.peers.catalog import PODIUM, UNRECORDED, Contender
from bench.serve.predictions import WARM_S, add_load
from bench.serve.rounds import Part
from bench.serve.server import NotServing
from bench.serve.trial import trial

NAME = "recording"
MODEL = "a"
CONNECTIONS = (64, 16, 1)
# How long a load goes on without a pause, so that moving records to the store can't be put off, and
# how often it is told how many were answered.
LASTING_S, SLICE_S = 60, 10
# Makes the accounts' tables, somebody who may predict, and their token.
TOKEN = """
from django.contrib.auth import get_user_model
from django.core.management import call_command
call_command("migrate", verbosity=0)
from podium.hosts.django.tokens import make_token
user = get_user_model().objects.create_superuser("bench")
print(make_token(user, "bench")[1])
"""
WAYS = [
    replace(UNRECORDED, name="none", title="no records"),
    *(
        replace(
            PODIUM,
            name=durability,
            title=f'durability = "{durability}"',
            variables={"PODIUM_DURABILITY": durability},
        )
        for durability in ("off", "normal", "full")
    ),
    replace(
        PODIUM,
        name="accounts",
        title="normal, --accounts and a token",
        command=f"{PODIUM.command} --accounts",
        token=("{bin}/podium", "manage", "--home", "{home}", "shell", "-c", TOKEN),
    ),
]


def measure(options: Options) -> Part:
    """Run the part: the same server, recording in each way, in rounds."""
    part = Part(NAME, titles={way.name: way.title for way in WAYS})
    part.about["commands"] = {way.name: way.shown for way in WAYS}
    noise = machine.Noise()
    for _ in range(options.rounds):
        for way in WAYS:
            noise.sample()
            if way.name not in part.problems:
                _measure_one(way, part, options)
    if not options.is_quick:
        _measure_lasting(part)
    part.note(options, noise)
    return part


def _measure_lasting(part: Part) -> None:
    """What is answered while the shipper has to keep up."""
    way = next(one for one in WAYS if one.name == "normal")
    print(f"  {way.name}, lasting", end="", flush=True)
    try:
        with trial(way, MODEL) as one:
            for until_s in range(SLICE_S, LASTING_S + 1, SLICE_S):
                found = one.load(CONNECTIONS[0], SLICE_S, is_checked=until_s == SLICE_S)
                part.add(way.name, ("lasting", f"{until_s} s", "per_s"), found.per_s)
                print(f"  {until_s} s: {found.per_s:,.0f}/s", end="", flush=True)
    except NotServing as error:
        print(f"  {error}", end="")
    print(flush=True)


def _measure_one(way: Contender, part: Part, options: Options) -> None:
    print(f"  {way.name:22}", end="", flush=True)
    try:
        with trial(way, MODEL) as one:
            one.load(CONNECTIONS[0], WARM_S)
            for connections in options.some(CONNECTIONS):
                found = one.load(connections, options.seconds)
                add_load(part, way.name, (MODEL, str(connections)), found)
                print(f"  {connections}: {found.per_s:,.0f}/s", end="", flush=True)
    except NotServing as error:
        part.problems[way.name] = str(error)
        print(f"  {error}", end="")
    print(flush=True)
