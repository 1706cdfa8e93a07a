"""Models in files of other systems, loaded by the library that wrote them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from podium.bundle.pickles import load_pickle
from podium.bundle.skops_file import load_skops
from podium.bundle.trust import Kind, sniff
from podium.errors import SetupError
from podium.packing.boosters import catboost_loss
from podium.packing.weights import is_weights, network_of
from podium.plugins import needs

CATBOOST_CLASSES = ("Logloss", "CrossEntropy", "MultiClass", "MultiClassOneVsAll")
# Signatures of the boosters' own formats, which contain no code.
_LIGHTGBM, _CATBOOST = b"tree\nversion=", b"CBM1"
_XGBOOST_JSON, _XGBOOST_UBJ = b'{"learner"', b"{L\x00\x00\x00\x00\x00\x00\x00\x07learner"
# In an MLflow folder: the supported flavours, and where each names its file.
MLFLOW_FILES = {
    "sklearn": "pickled_model",
    "onnx": "data",
    "xgboost": "data",
    "lightgbm": "data",
    "catboost": "data",
}


def load_model_file(path: Path, trust: Collection[str], code: str | None = None) -> Any:
    """The model in a file or an MLflow folder: an estimator, a network, or the bytes of a graph.

    Args:
        trust: SHA-256 digests, in hex, of the files that may be unpickled, or whose code may run.
        code: creates the network whose weights the file contains, `module:Class`.

    Raises:
        UntrustedModel: it is a pickle or needs code, and its digest isn't among them.
        MissingExtra: the library that wrote it isn't installed.
        SetupError: it can't be read, or its kind can't be packed.
    """
    if path.is_dir():
        return load_model_file(mlflow_file(path), trust, code)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SetupError(f"{path} can't be read: {error.strerror}") from error
    load_booster = _booster(content)
    if load_booster is not None:
        return load_booster(path)
    if is_weights(content):
        return network_of(path, code, trust)
    if code is not None:
        raise SetupError(f"{path} isn't a safetensors file, so it takes no code")
    kind = sniff(content)
    if kind == "skops":
        return load_skops(content)
    if kind in ("pickle", "joblib"):
        return load_pickle(content, str(path), trust)
    if kind == "onnx":
        return content
    raise _refusal(path, kind)


def _booster(content: bytes) -> Callable[[Path], Any] | None:
    """The loader of a booster's own format; None for other files."""
    if content.startswith(_CATBOOST):
        return _catboost
    if content.replace(b"\r\n", b"\n").startswith(_LIGHTGBM):
        return _lightgbm
    return _xgboost if content.startswith((_XGBOOST_JSON, _XGBOOST_UBJ)) else None


def _refusal(path: Path, kind: Kind) -> SetupError:
    """Why a file of this kind can't be packed."""
    if kind == "bundle":
        return SetupError(f"{path} is packed already", hint=f"podium serve {path}")
    if kind in ("torch", "keras"):
        return SetupError(
            f"{path} is a {kind} file, which contains code or a pickle beside its weights",
            hint="load it in Python and pack the network: podium.pack(network, X, y, name=...)",
        )
    looks = "isn't a model file" if kind in ("unknown", "empty", "zip") else f"is a {kind} file"
    return SetupError(
        f"{path} {looks}, judging by its content",
        hint="pack a joblib, pickle, skops, ONNX or safetensors file, one of XGBoost, LightGBM or "
        "CatBoost, or an MLflow folder",
    )


def mlflow_file(folder: Path) -> Path:
    """The model's file in an MLflow folder, as its `MLmodel` names it.

    Raises:
        MissingExtra: PyYAML isn't installed.
        SetupError: it isn't such a folder, or its model has an unsupported flavour.
    """
    described = folder / "MLmodel"
    if not described.is_file():
        raise SetupError(f"the folder {folder} has no MLmodel", hint="give a model file")
    with needs("mlflow"):
        import yaml
    try:
        flavours = yaml.safe_load(described.read_text("utf-8"))["flavors"]
        supported = [name for name in MLFLOW_FILES if name in flavours]
        name = str(flavours[supported[0]][MLFLOW_FILES[supported[0]]]) if supported else ""
    except (yaml.YAMLError, UnicodeDecodeError, TypeError, KeyError) as error:
        raise SetupError(f"{described} can't be read: {error}") from error
    if not supported:
        raise SetupError(
            f"{described} has no supported flavour: {', '.join(map(str, flavours))[:200]}",
            hint=f"known: {', '.join(MLFLOW_FILES)}",
        )
    file = (folder / name).resolve()
    if not file.is_relative_to(folder.resolve()):
        raise SetupError(f"{described} refers to a file outside its folder: {name[:200]}")
    return file


def _xgboost(path: Path) -> Any:
    with needs("xgboost"):
        import xgboost
    try:
        return xgboost.Booster(model_file=str(path))
    except (xgboost.core.XGBoostError, ValueError, KeyError, TypeError) as error:
        raise SetupError(f"XGBoost can't load {path}: {str(error)[:300]}") from error


def _lightgbm(path: Path) -> Any:
    with needs("lightgbm"):
        import lightgbm
    try:
        return lightgbm.Booster(model_file=str(path))
    except lightgbm.basic.LightGBMError as error:
        raise SetupError(f"LightGBM can't load {path}: {str(error)[:300]}") from error


def _catboost(path: Path) -> Any:
    with needs("catboost"):
        import catboost
    try:
        model = catboost.CatBoost().load_model(str(path))
        is_classifier = catboost_loss(model).partition(":")[0] in CATBOOST_CLASSES
        kind = catboost.CatBoostClassifier if is_classifier else catboost.CatBoostRegressor
        return kind().load_model(str(path))
    except catboost.CatBoostError as error:
        raise SetupError(f"CatBoost can't load {path}: {str(error)[:300]}") from error
