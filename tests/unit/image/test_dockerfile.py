"""What Docker and Podman build an image from."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from podium.bundle import Bundle, load
from podium.errors import SetupError
from podium.image import Recipe, build_image
from podium.image.dockerfile import write_context
from podium.image.recipe import tag_of
from podium.packing.pack import pack


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("bundle")
    rows = np.arange(24.0).reshape(12, 2)
    model = LinearRegression().fit(rows, rows[:, 0])
    path = folder / "line.podium"
    pack(model, rows, rows[:, 0], name="line", path=path, version="1.0+local")
    return load(path)


@pytest.fixture(scope="module")
def context(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("context")
    write_context(folder, [bundle], Recipe(open=True))
    return folder


@pytest.mark.slow
def test_what_a_dockerfile_copies_is_beside_it(context: Path) -> None:
    lines = (context / "Dockerfile").read_text("utf-8").splitlines()

    copied = [line.split()[-2] for line in lines if line.startswith("COPY")]

    assert copied == ["packages/", "models/", "home/"]
    assert all((context / name).is_dir() for name in copied)
    assert (context / "models/app/models/line.podium").is_file()
    assert (context / "packages/app/packages/podium/cli/serve.py").is_file()


@pytest.mark.slow
def test_a_dockerfile_runs_the_server_as_an_unprivileged_user(context: Path) -> None:
    lines = (context / "Dockerfile").read_text("utf-8").splitlines()

    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert lines[0] == f"FROM python:{version}-slim"
    assert {"USER 10001:10001", 'ENTRYPOINT ["podium", "serve"]', "EXPOSE 8000/tcp"} <= set(lines)
    assert {'ENV PODIUM_OPEN="true"', "VOLUME /var/lib/podium"} <= set(lines)
    assert any("HEALTHCHECK" in line and "/readyz" in line for line in lines)


@pytest.mark.slow
def test_the_records_folder_belongs_to_the_server(context: Path) -> None:
    text = (context / "Dockerfile").read_text("utf-8")

    assert "COPY --chown=10001:10001 home/ /var/lib/podium/" in text
    assert not (context / "models/var/lib/podium").exists()


@pytest.mark.slow
def test_a_builder_that_fails_is_reported_with_a_workaround(bundle: Bundle) -> None:
    assert bundle.path is not None

    with pytest.raises(SetupError, match="can't build the image") as caught:
        build_image([bundle.path], Recipe(), str(shutil.which("false")))

    assert "-o" in caught.value.hint


def test_a_tag_holds_only_what_a_tag_may(bundle: Bundle) -> None:
    assert tag_of([bundle], Recipe()) == "line:1.0-local"
    assert tag_of([bundle], Recipe(tag="mine:2")) == "mine:2"
