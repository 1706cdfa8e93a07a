"""The weights of a network from a safetensors file, loaded into the class that its code defines."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from podium.bundle.trust import file_digest
from podium.errors import PodiumError, SetupError, UntrustedModel
from podium.plugins import needs
from podium.runtimes.functions.modules import module_of_file


def is_weights(content: bytes) -> bool:
    """Whether this is a safetensors file: the length of a JSON object, then the object."""
    length = int.from_bytes(content[:8], "little")
    return content[8:9] == b"{" and length + 8 <= len(content)


def network_of(weights: Path, code: str | None, trust: Collection[str]) -> Any:
    """The network whose weights are in a file.

    Args:
        code: `module:Class` or `folder/file.py:Class`: creates the network without arguments.
        trust: SHA-256 digests, in hex, of the code files that may run.

    Raises:
        UntrustedModel: the digest of the code's file isn't among them.
        MissingExtra: PyTorch or safetensors isn't installed.
        SetupError: there is no such code, or the weights don't match its network.
    """
    if code is None:
        raise SetupError(
            f"{weights} has the weights of a network, but not its class of it",
            hint="pass the class of the network: --code net.py:Net (in Python: code='net.py:Net')",
        )
    place, _, name = code.rpartition(":")
    if not place or not name.isidentifier():
        raise SetupError(
            f"code {code!r} has no class name", hint="write module:Class or file.py:Class"
        )
    file = _file_of(place)
    _require_trust(file, trust)
    with needs("torch"):
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    network = _instance_of(file, name)
    try:
        network.load_state_dict(load_file(weights))
    except (SafetensorError, RuntimeError, AttributeError) as error:
        raise SetupError(
            f"the weights in {weights} aren't those of {code}: {str(error)[:500]}"
        ) from error
    return network.eval()


def _file_of(place: str) -> Path:
    """The file with a module's code, found without running any."""
    if place.endswith(".py"):
        file = Path(place)
    else:
        paths, spec = [str(Path.cwd()), *sys.path], None
        name = ""
        for part in place.split("."):
            name = f"{name}.{part}".lstrip(".")
            spec = PathFinder.find_spec(name, paths)
            paths = list(spec.submodule_search_locations or []) if spec is not None else []
        if spec is None or not spec.origin or not spec.origin.endswith(".py"):
            raise SetupError(
                f"there is no module {place!r} with code in Python",
                hint="looked in the current folder and in the installed packages",
            )
        file = Path(spec.origin)
    if not file.is_file():
        raise SetupError(f"the file {file} doesn't exist")
    return file


def _require_trust(file: Path, trust: Collection[str]) -> None:
    digest = file_digest(file)
    if digest in trust:
        return
    raise UntrustedModel(
        f"{file} is code: it runs when the network is created, with all of your permissions. "
        f"Its digest is sha256:{digest}",
        digest=digest,
        hint=f"if you wrote it, or trust its author, allow exactly this file: --trust sha256:{digest} "
        f'(in Python: trust="sha256:{digest}")',
    )


def _instance_of(file: Path, name: str) -> Any:
    with _running(file):
        module = module_of_file(file)
    factory = getattr(module, name, None)
    if not callable(factory):
        raise SetupError(f"{file} has no class {name!r}")
    with _running(file):
        return factory()


@contextmanager
def _running(file: Path) -> Iterator[None]:
    """Run a user's code; exceptions are reported as its fault."""
    try:
        yield
    except PodiumError:
        raise
    except Exception as error:
        raise SetupError(
            f"the code in {file} failed: {type(error).__name__}: {str(error)[:300]}",
            hint="the network is created without arguments: for a class that takes some, write a function",
        ) from error
