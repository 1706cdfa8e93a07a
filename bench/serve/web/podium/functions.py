import os

import aiohttp

import podium

UPSTREAM = os.environ["UPSTREAM"]
sessions: list[aiohttp.ClientSession] = []


@podium.model
def hello(name: str) -> str:
    """Greets somebody."""
    return f"Hello, {name}!"


@podium.model
async def remote(number: int) -> float:
    """Asks another service."""
    if not sessions:
        sessions.append(aiohttp.ClientSession())
    async with sessions[0].get(f"{UPSTREAM}/{number}") as response:
        return float((await response.json())["value"])
