"""Calls by gRPC a second: model A on Podium, with records and without, and on MLServer, side by side.

One row a call, another in each, with typed contents: by default over 16
connections, which each wait for their answer. Servers have a core, and the load has another; they are
loaded in turns. Beside calls a second there is the processor time of a call, which hardly depends on
what else the machine does: a client in Python can't send more than some thousand calls a second, so fast
servers look alike.

    python -m bench.grpc [--seconds 2] [--rounds 5] [--only podium,mlserver]
"""

from __future__ import annotations

import argparse
import asyncio
import math
import statistics
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import grpc
from bench.serve import machine
from bench.serve.environment import NotInstalled
from bench.serve.peers.catalog import CONTENDERS, PODIUM, UNRECORDED, Contender
from bench.serve.trial import Trial, trial

from podium.hosts.grpc.schema import SERVICE, messages

METHOD = f"/{SERVICE}/ModelInfer"
N_BODIES = 500
MLSERVER = next(one for one in CONTENDERS if one.name == "mlserver")
SERVERS = (
    *(
        replace(one, command=f"{one.command} --grpc-port {{port_2}}")
        for one in (PODIUM, UNRECORDED)
    ),
    MLSERVER,
)


def bodies_of(found: Trial) -> list[bytes]:
    """Requests of one row each."""
    name = found.model.name if found.contender is not MLSERVER else "model"
    made = []
    for row in found.model.rows()[:N_BODIES]:
        message = messages()["ModelInferRequest"](model_name=name)
        message.parameters["content_type"].string_param = "pd"
        for field, cell in row.items():
            one = message.inputs.add(name=field, datatype="FP64", shape=[1, 1])
            one.contents.fp64_contents.append(cell)
        made.append(message.SerializeToString())
    return made


def prediction_of(answer: bytes) -> float:
    message = messages()["ModelInferResponse"].FromString(answer)
    value: float = message.outputs[0].contents.fp64_contents[0]
    return value


def is_right(answer: bytes, expected: float) -> bool:
    return math.isclose(prediction_of(answer), expected, rel_tol=1e-6, abs_tol=1e-6)


async def load(found: Trial, bodies: list[bytes], connections: int, seconds: float) -> int:
    """The number of calls that were answered within so many seconds; each tenth is compared."""
    loop = asyncio.get_running_loop()
    address, expected = f"127.0.0.1:{found.port_2}", found.model.answers

    async def one(first: int) -> int:
        options = [("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.insecure_channel(address, options) as channel:
            call: Any = channel.unary_unary(METHOD)
            at, n_answered = first, 0
            await call(bodies[at], wait_for_ready=True)
            until_s = loop.time() + seconds
            while loop.time() < until_s:
                at = (at + 1) % len(bodies)
                answer = await call(bodies[at])
                n_answered += 1
                assert n_answered % 10 or is_right(answer, expected[at]), found.contender.name
            return n_answered

    each = len(bodies) // connections
    return sum(await asyncio.gather(*(one(number * each) for number in range(connections))))


def wanted_of(names: str) -> list[Contender]:
    return [one for one in SERVERS if not names or one.name in names.split(",")]


def report(contender: Contender, runs: list[tuple[float, float]], peer_per_s: float) -> str:
    per_s, cpu_us = (sorted(column) for column in zip(*runs, strict=True))
    middle = statistics.median(per_s)
    beside = f", {middle / peer_per_s:.1f} times MLServer's" if peer_per_s else ""
    return (
        f"{contender.title:24} {middle:7.0f} calls/s ({per_s[0]:.0f} to {per_s[-1]:.0f}){beside}; "
        f"{statistics.median(cpu_us):.0f} us of a processor a call"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--only", default="", help="names of servers, separated by commas")
    options = parser.parse_args()
    machine.adopt_orphans()
    machine.pin_self()
    noise = machine.Noise()
    runs: dict[str, list[tuple[float, float]]] = defaultdict(list)
    with ExitStack() as stack:
        trials = []
        for contender in wanted_of(options.only):
            try:
                trials.append(stack.enter_context(trial(contender, "a")))
            except NotInstalled as error:
                print(f"{contender.title}: not installed: {error}")
        bodies = {one.contender.name: bodies_of(one) for one in trials}
        for _ in range(options.rounds):
            noise.sample()
            for one in trials:
                name, before_s = one.contender.name, machine.cpu_s()
                n_answered = asyncio.run(
                    load(one, bodies[name], options.connections, options.seconds)
                )
                cpu_us = (machine.cpu_s() - before_s) / n_answered * 1e6
                runs[name].append((n_answered / options.seconds, cpu_us))
    peer_per_s = (
        statistics.median(per_s for per_s, _ in runs[MLSERVER.name]) if MLSERVER.name in runs else 0
    )
    print(f"{machine.description()}; {noise}")
    for one in trials:
        print(report(one.contender, runs[one.contender.name], peer_per_s))


if __name__ == "__main__":
    main()
