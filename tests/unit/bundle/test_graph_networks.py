"""Networks of PyTorch and Keras, packed as ONNX graphs that answer as they do."""

from __future__ import annotations

import itertools
import os
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_wine

import podium
from podium.bundle.trust import file_digest
from podium.distribution import install_command
from podium.errors import MissingExtra, SetupError, UntrustedModel

pytestmark = pytest.mark.slow

os.environ.setdefault("KERAS_BACKEND", "torch")


@pytest.fixture(scope="module")
def wine():
    X, y = load_wine(return_X_y=True, as_frame=True)
    return X, y.map({0: "barolo", 1: "grignolino", 2: "barbera"})


@pytest.fixture
def net(wine):
    """A module in training, with layers that answer otherwise then."""
    import torch

    torch.manual_seed(0)
    layers = torch.nn
    module = layers.Sequential(
        layers.BatchNorm1d(13),
        layers.Linear(13, 8),
        layers.ReLU(),
        layers.Dropout(),
        layers.Linear(8, 3),
    )
    module(single(wine[0]))
    return module


def single(X):
    import torch

    return torch.tensor(X.to_numpy(np.float32))


def output_of(module, X):
    import torch

    module.eval()
    with torch.no_grad():
        return module(single(X)).numpy()


def test_a_module_in_training_is_packed_as_it_answers_and_stays_in_training(net, wine, tmp_path):
    import torch

    X, y = wine

    bundle = podium.pack(net, X, y, name="wine", path=tmp_path)

    assert net.training
    assert all(layer.training for layer in net)
    assert bundle.requires == ("onnx",)
    output = bundle.signature.output
    assert (output.task, output.classes) == ("classification", ("barbera", "barolo", "grignolino"))
    scores = output_of(net, X)
    outputs = bundle.predict(X)
    chosen = [output.classes[k] for k in scores.argmax(axis=1)]
    assert outputs.predictions.tolist() == chosen
    shares = torch.softmax(torch.tensor(scores), 1).numpy()
    np.testing.assert_allclose(outputs.probabilities, shares, rtol=1e-4, atol=1e-6)
    verified = bundle.compilation.graph.verified
    assert verified.n_rows == len(X)
    assert verified.difference <= verified.tolerance == 1e-5


def test_one_row_gets_the_same_prediction_as_in_a_batch(net, wine, tmp_path):
    X, y = wine
    bundle = podium.pack(net, X, y, name="wine", path=tmp_path)

    alone = [bundle.predict(X.iloc[[row]]).probabilities[0] for row in range(5)]

    np.testing.assert_allclose(alone, bundle.predict(X.iloc[:5]).probabilities, rtol=1e-5)


def test_a_module_of_one_number_is_a_regression(tmp_path):
    import torch

    X, y = load_diabetes(return_X_y=True, as_frame=True)
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(10, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))

    bundle = podium.pack(module, X, y, name="diabetes", path=tmp_path)

    assert bundle.signature.output.task == "regression"
    np.testing.assert_allclose(bundle.predict(X).predictions, output_of(module, X)[:, 0], rtol=1e-4)


def test_a_module_of_doubles_is_held_to_the_precision_of_doubles(tmp_path):
    import torch

    X, y = load_diabetes(return_X_y=True, as_frame=True)
    module = torch.nn.Linear(10, 1).double()

    bundle = podium.pack(module, X, y, name="diabetes", path=tmp_path)

    assert bundle.compilation.graph.verified.tolerance == 1e-9
    expected = module(torch.tensor(X.to_numpy())).detach().numpy()[:, 0]
    np.testing.assert_allclose(bundle.predict(X).predictions, expected, rtol=1e-9)


def test_a_user_can_say_that_a_number_is_the_score_of_a_class(tmp_path):
    import torch

    X, y = load_diabetes(return_X_y=True, as_frame=True)
    module = torch.nn.Linear(10, 1)
    is_high = (y > 150).astype(int)
    said = {"outputs": [{"task": "classification", "classes": [0, 1], "has_probabilities": True}]}

    number = podium.pack(module, X, is_high, name="number", path=tmp_path)
    score = podium.pack(module, X, is_high, name="score", path=tmp_path, signature=said)

    assert number.signature.output.task == "regression"
    expected = 1 / (1 + np.exp(-output_of(module, X)[:, 0]))
    np.testing.assert_allclose(score.predict(X).probabilities[:, 1], expected, rtol=1e-4)
    assert set(score.predict(X).predictions.tolist()) <= {0, 1}


def network(kind):
    """A network whose class has this name; a function loads PyTorch when it is called."""
    import torch

    class Noisy(torch.nn.Module):
        def forward(self, rows):
            return rows[:, :1] + torch.rand(rows.shape[0], 1)

    class Branching(torch.nn.Module):
        def forward(self, rows):
            return rows[:, :1] if rows.sum() > 0 else rows[:, 1:2]

    class TwoAnswers(torch.nn.Module):
        def forward(self, rows):
            return rows[:, :1], rows[:, 1:2]

    class Mean(torch.nn.Module):
        def forward(self, rows):
            return rows.mean(dim=0)

    class Narrow(torch.nn.Linear):
        def __init__(self):
            super().__init__(7, 1)

    kinds = (Noisy, Branching, TwoAnswers, Mean, Narrow)
    return {one.__name__: one for one in kinds}[kind]()


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("Noisy", "as an ONNX graph the network predicts differently: by "),
        ("Branching", "the network can't be exported to ONNX: "),
        ("TwoAnswers", "the network returns tuple; it has to return one tensor"),
        ("Mean", "the network returned 13 rows for 178"),
        ("Narrow", "the network can't take rows of 13 numbers"),
    ],
)
def test_a_network_that_no_graph_can_answer_for_is_refused(kind, why, wine, tmp_path):
    X, _ = wine

    with pytest.raises(SetupError, match=why):
        podium.pack(network(kind), X, name="net", path=tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_column_of_texts_is_refused_before_anything_is_exported(net, tmp_path):
    X = pd.DataFrame({"plan": ["basic", "pro"] * 20, "age": range(40)})

    with pytest.raises(SetupError, match="'plan' is a category; the network takes numbers"):
        podium.pack(net, X, name="net", path=tmp_path)


def test_a_network_needs_its_rows(net, tmp_path):
    with pytest.raises(SetupError, match="X is missing"):
        podium.pack(net, name="net", path=tmp_path)


def test_without_what_exports_networks_the_extra_is_named(net, wine, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)

    with pytest.raises(MissingExtra) as raised:
        podium.pack(net, *wine, name="net", path=tmp_path)

    assert raised.value.hint == install_command("torch")


def keras_of(*layers):
    import keras

    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.layers.Input((13,)), *layers])


# Keras' own predict() warns of what numpy deprecates; packing a model doesn't.
of_keras = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@of_keras
def test_a_keras_model_of_probabilities_is_packed(wine, tmp_path):
    import keras

    X, y = wine
    Dense, Dropout = keras.layers.Dense, keras.layers.Dropout
    model = keras_of(Dense(8, "relu"), Dropout(0.5), Dense(3, "softmax"))

    bundle = podium.pack(model, X / X.max(), y, name="wine", path=tmp_path)

    assert bundle.card.model == "Keras model Sequential"
    expected = model.predict(X / X.max(), verbose=0)
    np.testing.assert_allclose(bundle.predict(X / X.max()).probabilities, expected, rtol=1e-4)


@of_keras
def test_a_keras_model_of_one_probability_tells_two_classes(wine, tmp_path):
    import keras

    X, y = wine
    model = keras_of(keras.layers.Dense(1, "sigmoid"))

    bundle = podium.pack(model, X / X.max(), y == "barolo", name="wine", path=tmp_path)

    assert bundle.signature.output.classes == (False, True)
    second = bundle.predict(X / X.max()).probabilities[:, 1]
    np.testing.assert_allclose(second, model.predict(X / X.max(), verbose=0)[:, 0], rtol=1e-4)


NUMBERS = itertools.count()
CODE = """
import torch


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(13, 3)

    def forward(self, rows):
        return self.layer(rows)


class Picky(Net):
    def __init__(self, width):
        super().__init__()


something = 3
"""


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A file of weights, and beside it code under a name that no other test imports."""
    import torch
    from safetensors.torch import save_file

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    code = tmp_path / f"net_{next(NUMBERS)}.py"
    code.write_text(CODE)
    torch.manual_seed(0)
    layer = torch.nn.Linear(13, 3)
    save_file(
        {f"layer.{name}": value for name, value in layer.state_dict().items()}, "net.safetensors"
    )
    return layer, code


def test_weights_are_put_into_a_class_whose_file_is_trusted(weights, wine):
    import torch

    layer, code = weights
    X, y = wine
    trust = f"sha256:{file_digest(code)}"

    for place in (code.name, code.stem):
        bundle = podium.pack("net.safetensors", X, y, name="net", code=f"{place}:Net", trust=trust)
        shares = torch.softmax(layer(single(X)), 1).detach().numpy()
        np.testing.assert_allclose(bundle.predict(X).probabilities, shares, rtol=1e-4, atol=1e-6)
        assert bundle.requires == ("onnx",)


def test_code_that_nobody_trusts_never_runs(weights, wine):
    _, code = weights
    code.write_text("raise AssertionError('it ran')")

    with pytest.raises(UntrustedModel) as raised:
        podium.pack("net.safetensors", *wine, name="net", code=f"{code.stem}:Net")

    assert raised.value.digest == file_digest(code)
    assert f"--trust sha256:{raised.value.digest}" in raised.value.hint
    assert code.stem not in sys.modules


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (None, "has the weights of a network, but not its class"),
        ("{}", "has no class name"),
        ("nowhere_at_all:Net", "there is no module 'nowhere_at_all'"),
        ("nowhere.py:Net", "nowhere.py doesn't exist"),
        ("{}:Missing", "has no class 'Missing'"),
        ("{}:something", "has no class 'something'"),
        ("{}:Picky", "failed: TypeError"),
    ],
)
def test_code_that_makes_no_network_is_refused(code, why, weights, wine):
    _, file = weights
    trust = f"sha256:{file_digest(file)}"

    with pytest.raises(SetupError, match=why):
        podium.pack(
            "net.safetensors",
            *wine,
            name="net",
            code=None if code is None else code.format(file.stem),
            trust=trust,
        )


def test_weights_of_another_network_are_refused(weights, wine):
    import torch
    from safetensors.torch import save_file

    _, code = weights
    save_file({"layer.weight": torch.zeros(3, 5)}, "net.safetensors")

    with pytest.raises(SetupError, match="aren't those of"):
        podium.pack(
            "net.safetensors",
            *wine,
            name="net",
            code=f"{code.name}:Net",
            trust=f"sha256:{file_digest(code)}",
        )


def test_code_is_refused_where_nothing_asks_for_it(tmp_path):
    (tmp_path / "model.joblib").write_bytes(b"\x80\x04N.")

    with pytest.raises(SetupError, match="takes no code"):
        podium.pack(tmp_path / "model.joblib", name="net", code="net:Net")


def test_a_checkpoint_is_refused_with_a_way_out(net, wine, tmp_path):
    import torch

    torch.save(net.state_dict(), tmp_path / "net.pt")

    with pytest.raises(SetupError, match="is a torch file") as raised:
        podium.pack(tmp_path / "net.pt", *wine, name="net")

    assert "podium.pack(network, X, y" in raised.value.hint
