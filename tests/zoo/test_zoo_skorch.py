"""Networks of skorch compile from a trace of their module, and are packed as they are where none is."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from bench.zoo.data import rows_of
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import podium
from podium.bundle.bundle import Bundle
from podium.errors import SetupError

pytestmark = [
    pytest.mark.slow,  # PyTorch takes seconds to load
    pytest.mark.filterwarnings("ignore:The given NumPy array is not writable"),
]


@cache
def wines() -> tuple[pd.DataFrame, np.ndarray]:
    X, y = rows_of("wine")
    return X.astype(np.float32), y.astype(np.int64)


def module_of(*middle: Any, n_in: int = 13, n_out: int = 3, width: int = 8) -> Any:
    import torch
    from torch import nn

    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(n_in, width), *middle, nn.Linear(width, n_out))


def net(kind: str, module: Any, **options: Any) -> Any:
    import skorch
    import torch

    torch.manual_seed(0)
    quiet = {"train_split": None, "verbose": 0, "max_epochs": 2, "lr": 0.01}
    return getattr(skorch, kind)(module, **quiet, **options)


def classifier(module: Any, **options: Any) -> Any:
    from torch import nn

    options = {"criterion": nn.CrossEntropyLoss} | options
    return net("NeuralNetClassifier", module, **options)


def check(model: Any, X: Any, y: Any, path: Any) -> Bundle:
    """Pack, and fail unless there is a program that predicts as the original does."""
    bundle = podium.pack(model, X, y, name="m", path=path, importance=False)

    assert bundle.is_compiled, bundle.compilation and bundle.compilation.why
    ours = bundle.predict(X)
    if ours.probabilities is None:
        theirs = np.asarray(model.predict(X)).reshape(ours.predictions.shape)
        np.testing.assert_allclose(ours.predictions, theirs, rtol=1e-4, atol=1e-4)
    else:
        np.testing.assert_allclose(ours.probabilities, model.predict_proba(X), atol=1e-5)
        np.testing.assert_array_equal(ours.predictions, model.predict(X))
    return bundle


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("ReLU", {}),
        ("Tanh", {}),
        ("Sigmoid", {}),
        ("SiLU", {}),
        ("GELU", {}),
        ("ELU", {"alpha": 0.5}),
        ("LeakyReLU", {"negative_slope": 0.2}),
        ("Dropout", {"p": 0.5}),
        ("Softmax", {"dim": -1}),
    ],
)
def test_a_network_behind_a_scaler_compiles_with_each_layer(name, options, tmp_path):
    from torch import nn

    X, y = wines()
    layer = getattr(nn, name)(**options)
    model = make_pipeline(StandardScaler(), classifier(module_of(nn.BatchNorm1d(8), layer)))

    bundle = check(model.fit(X.to_numpy(), y), X.to_numpy(), y, tmp_path)

    assert bundle.signature.output.has_probabilities


def test_a_class_of_the_script_compiles_with_the_functions_that_it_calls(tmp_path):
    import torch
    from torch import nn
    from torch.nn import functional as F

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(13, 8), nn.Linear(8, 3)
            self.scale = nn.Parameter(torch.linspace(0.5, 2.0, 8))

        def forward(self, X: Any) -> Any:
            hidden = torch.relu(self.first(X.float()))
            hidden = hidden + F.leaky_relu(hidden.tanh() * self.scale - 0.25)
            hidden = F.dropout(F.silu(hidden) / 2, 0.5, self.training)
            return torch.softmax(self.last(1 - hidden), dim=-1)

    X, y = wines()
    model = classifier(Net, criterion=nn.NLLLoss).fit(X.to_numpy() / 100, y)

    bundle = check(model, X.to_numpy() / 100, y, tmp_path)

    assert bundle.runtime_name == "program"


@pytest.mark.parametrize("criterion", ["BCEWithLogitsLoss", "BCELoss"])
def test_two_classes_of_one_number_part_at_the_threshold(criterion, tmp_path):
    from torch import nn

    X, y = wines()
    module = module_of(nn.ReLU(), n_out=1)
    module = nn.Sequential(module, nn.Sigmoid()) if criterion == "BCELoss" else module
    options = {"criterion": getattr(nn, criterion), "threshold": 0.4}
    model = make_pipeline(StandardScaler(), net("NeuralNetBinaryClassifier", module, **options))
    target = (y == 1).astype(np.float32)

    bundle = check(model.fit(X.to_numpy(), target), X.to_numpy(), target, tmp_path)

    assert bundle.signature.output.classes == (0, 1)


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_a_regression_takes_a_target_with_columns(n_outputs, tmp_path):
    from torch import nn

    X, _ = wines()
    targets = X.to_numpy()[:, :n_outputs]
    module = module_of(nn.Tanh(), n_in=11, n_out=n_outputs)
    model = make_pipeline(StandardScaler(), net("NeuralNetRegressor", module))
    rows = X.to_numpy()[:, 2:]

    bundle = check(model.fit(rows, targets), rows, targets, tmp_path)

    assert len(bundle.signature.outputs) == n_outputs


def test_a_scaled_target_is_scaled_back(tmp_path):
    from torch import nn

    X, _ = wines()
    target = X.to_numpy()[:, :1]
    inner = make_pipeline(
        StandardScaler(), net("NeuralNetRegressor", module_of(nn.ReLU(), n_out=1))
    )
    model = TransformedTargetRegressor(inner, transformer=StandardScaler())

    check(model.fit(X.to_numpy(), target), X.to_numpy(), target, tmp_path)


def test_a_frame_of_doubles_is_passed_in_the_precision_of_training(tmp_path):
    from torch import nn

    X, y = wines()
    doubles = X.astype(np.float64).assign(magnesium=X["magnesium"].astype(int))
    model = classifier(module_of(nn.ReLU())).fit(X.to_numpy(), y)

    packed = podium.pack(model, doubles, y, name="m", path=tmp_path, importance=False)
    original = podium.pack(
        model, doubles, y, name="o", path=tmp_path, compiles=False, importance=False
    )

    assert packed.is_compiled
    assert original.runtime_name == "pickle"
    assert packed.signature.names == tuple(X.columns)
    theirs = model.predict_proba(X.to_numpy())
    for bundle in (packed, original):
        np.testing.assert_allclose(bundle.predict(doubles).probabilities, theirs, atol=1e-5)


def test_what_no_trace_shows_is_packed_as_it_is_with_the_reason(tmp_path):
    from torch import nn

    X, y = wines()
    model = make_pipeline(StandardScaler(), classifier(module_of(nn.Softplus())))

    bundle = podium.pack(model.fit(X.to_numpy(), y), X.to_numpy(), y, name="m", path=tmp_path)

    assert bundle.runtime_name == "pickle"
    assert "its module calls softplus" in bundle.compilation.why
    np.testing.assert_array_equal(
        bundle.predict(X.to_numpy()).probabilities, model.predict_proba(X.to_numpy())
    )


def test_a_branch_on_values_is_named_where_a_class_of_the_script_has_it(tmp_path):
    from torch import nn

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.only = nn.Linear(13, 3)

        def forward(self, X: Any) -> Any:
            return self.only(X) if X.sum() > 0 else self.only(-X)

    X, y = wines()
    model = classifier(Net).fit(X.to_numpy(), y)

    with pytest.raises(SetupError, match="can't be saved") as found:
        podium.pack(model, X.to_numpy(), y, name="m", path=tmp_path)
    assert r"the forward() of Net can't be traced" in found.value.hint
