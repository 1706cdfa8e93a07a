"""Models of outliers and clusters: labels with words, scores, and what they gave in training."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import (
    DBSCAN,
    AgglomerativeClustering,
    Birch,
    BisectingKMeans,
    KMeans,
    MeanShift,
    MiniBatchKMeans,
)
from sklearn.covariance import EllipticEnvelope
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDOneClassSVM
from sklearn.manifold import TSNE
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity, LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM

import podium
from podium.errors import SetupError, SignatureError
from podium.signature import Output

SEED = {"random_state": 0}
OUTLIERS = [
    IsolationForest(n_estimators=10, **SEED),
    LocalOutlierFactor(novelty=True),
    OneClassSVM(nu=0.1),
    EllipticEnvelope(**SEED),
    make_pipeline(StandardScaler(), IsolationForest(n_estimators=10, contamination=0.1, **SEED)),
]
CLUSTERS = [
    KMeans(3, n_init=1, **SEED),
    MiniBatchKMeans(3, n_init=1, **SEED),
    BisectingKMeans(3, **SEED),
    MeanShift(bandwidth=3.0),
    make_pipeline(StandardScaler(), KMeans(3, n_init=1, **SEED)),
    GridSearchCV(KMeans(n_init=1, **SEED), {"n_clusters": [3]}, cv=2),
]
MIXTURES = [
    GaussianMixture(3, **SEED),
    BayesianGaussianMixture(n_components=3, **SEED),
    make_pipeline(StandardScaler(), GaussianMixture(3, covariance_type="diag", **SEED)),
]


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Three heaps of 40 rows."""
    noise = np.random.default_rng(0)
    heaps = [noise.normal(centre, 1.0, (40, 2)) for centre in (-6.0, 0.0, 7.0)]
    return pd.DataFrame(np.concatenate(heaps), columns=["a", "b"])


def packed(model, rows, **options) -> podium.Bundle:
    return podium.pack(model.fit(rows), rows, name="t", **options)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


# LocalOutlierFactor asks itself with an array about what it was fitted on as a frame.
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("compiles", [True, False])
@pytest.mark.parametrize("model", OUTLIERS, ids=str)
def test_an_outlier_has_a_word_and_its_score(rows, model, compiles):
    bundle = packed(model, rows, compiles=compiles)
    asked = pd.concat([rows, pd.DataFrame({"a": [40.0], "b": [-40.0]})], ignore_index=True)

    outputs = bundle.predict(asked)

    output = bundle.signature.output
    assert bundle.is_compiled is compiles
    assert (output.task, output.classes) == ("anomaly", (-1, 1))
    assert (output.word_for(-1), output.word_for(1)) == ("outlier", "normal")
    assert outputs.predictions.tolist() == model.predict(asked).tolist()
    assert outputs.scores == pytest.approx(model.decision_function(asked), rel=1e-9, abs=1e-12)
    assert output.word_for(outputs.predictions[-1]) == "outlier"


@pytest.mark.slow
@pytest.mark.parametrize("compiles", [True, False])
@pytest.mark.parametrize("model", CLUSTERS, ids=str)
def test_a_cluster_has_its_size_and_the_distance_to_its_centre(rows, model, compiles):
    bundle = packed(model, rows, compiles=compiles)
    output, counts = bundle.signature.output, bundle.baseline.outputs["prediction"]

    outputs = bundle.predict(rows)

    assert bundle.is_compiled is compiles
    assert output.words == ("cluster 0 of 3", "cluster 1 of 3", "cluster 2 of 3")
    assert dict(zip(counts.labels, counts.counts, strict=True)) == {"0": 40, "1": 40, "2": 40}
    assert outputs.predictions.tolist() == model.predict(rows).tolist()
    if hasattr(model, "transform"):
        assert outputs.scores == pytest.approx(model.transform(rows).min(axis=1), rel=1e-7)
        assert outputs.distances == pytest.approx(model.transform(rows), rel=1e-7)
    own = outputs.distances[np.arange(len(rows)), outputs.predictions]
    assert outputs.scores == pytest.approx(own, rel=1e-12)
    assert bundle.baseline.scores.n_rows == len(rows)


@pytest.mark.slow
@pytest.mark.parametrize("compiles", [True, False])
@pytest.mark.parametrize("model", MIXTURES, ids=str)
def test_a_mixture_scores_by_the_likelihood(rows, model, compiles):
    bundle = packed(model, rows, compiles=compiles)
    asked = pd.concat([rows, rows * 50], ignore_index=True)

    outputs = bundle.predict(asked)

    assert bundle.is_compiled is compiles
    assert bundle.signature.output.score == "log_likelihood"
    assert outputs.predictions.tolist() == model.predict(asked).tolist()
    assert outputs.scores == pytest.approx(model.score_samples(asked), rel=1e-9)


def test_a_cluster_of_several_centres_counts_the_nearest(rows):
    model = Birch(n_clusters=3, threshold=1.5)

    outputs = packed(model, rows).predict(rows)

    assert outputs.scores == pytest.approx(model.transform(rows).min(axis=1), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("compiles", [True, False])
def test_a_cluster_of_several_centres_is_as_far_as_the_nearest_of_them(rows, compiles):
    # Five clusters of 1 to 20 centres: groups of any size are compared in pairs.
    model = Birch(n_clusters=5, threshold=0.4)

    bundle = packed(model, rows, compiles=compiles)

    outputs = bundle.predict(rows)
    assert bundle.is_compiled is compiles
    far, labels = model.transform(rows), model.subcluster_labels_
    sizes = np.bincount(labels)
    assert len(set(sizes)) > 2, sizes
    expected = np.column_stack([far[:, labels == label].min(axis=1) for label in range(5)])
    assert outputs.distances == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_more_than_a_hundred_clusters_have_their_distances_on_request():
    # So many that their least is found in pairs.
    rows = np.arange(606.0).reshape(-1, 1) // 2 * 10
    model = KMeans(303, n_init=1, **SEED)

    few = packed(model, rows).predict(rows)
    bundle = packed(model, rows, distances=True)
    all_of_them = bundle.predict(rows)
    none = packed(KMeans(3, n_init=1, **SEED), rows, distances=False).predict(rows)

    assert bundle.is_compiled
    assert few.distances is none.distances is None
    assert all_of_them.distances.shape == (606, 303)
    assert all_of_them.scores.tolist() == all_of_them.distances.min(axis=1).tolist()
    assert all_of_them.scores == pytest.approx(few.scores, abs=1e-9)


def test_a_model_without_centres_has_no_distances(rows):
    with pytest.raises(SetupError, match="no distances to clusters") as caught:
        packed(GaussianMixture(3, **SEED), rows, distances=True)

    assert "KMeans" in caught.value.hint
    with pytest.raises(SignatureError, match="no clusters"):
        Output(task="clustering", has_distances=True)


def test_a_linear_detector_of_outliers_scores(rows):
    model = SGDOneClassSVM(nu=0.3, **SEED)

    outputs = packed(model, rows).predict(rows)

    assert outputs.scores == pytest.approx(model.decision_function(rows))


@pytest.mark.slow
def test_texts_are_as_far_from_a_centre_as_their_terms():
    texts = pd.Series(["red wine", "dry red wine", "cold beer", "a cold beer", "white wine"] * 6)
    model = make_pipeline(TfidfVectorizer(), KMeans(2, n_init=1, **SEED))

    for compiles in (True, False):
        outputs = packed(model, texts, compiles=compiles).predict(texts)

        assert outputs.distances == pytest.approx(model.transform(texts), abs=1e-7)
        assert outputs.scores == pytest.approx(model.transform(texts).min(axis=1), abs=1e-7)


def test_every_one_of_many_clusters_has_its_size():
    rows = np.arange(400.0).reshape(-1, 1) // 4 * 10

    bundle = packed(KMeans(100, n_init=1, **SEED), rows)

    assert len(bundle.signature.output.words) == 100
    counts = bundle.baseline.outputs["prediction"]
    assert (sum(counts.counts), counts.n_other) == (400, 0)


class Backwards(IsolationForest):
    """A detector of one's own, whose scores are the higher, the odder a row is."""

    def decision_function(self, X):
        return -super().decision_function(X)

    def predict(self, X):
        return np.where(self.decision_function(X) > 0, -1, 1)


@pytest.mark.slow
def test_scores_that_count_the_other_way_are_none(rows):
    bundle = packed(Backwards(n_estimators=10, **SEED), rows, trust=())

    assert bundle.signature.output.words == ("outlier", "normal")
    assert bundle.signature.output.score == ""


def test_words_can_be_corrected(rows):
    said = {"outputs": [{"words": ["students", "families", "pensioners"]}]}

    bundle = packed(KMeans(3, n_init=1, **SEED), rows, signature=said)

    assert bundle.signature.output.word_for(1) == "families"
    with pytest.raises(SignatureError, match="3 classes"):
        packed(KMeans(3, **SEED), rows, signature={"outputs": [{"words": ["a", "b"]}]})
    with pytest.raises(SignatureError, match="odd"):
        Output(task="anomaly", classes=(-1, 1), words=("odd", "odd"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "model",
    [DBSCAN(), AgglomerativeClustering(), TSNE(perplexity=5), KernelDensity(), PCA(),
     StandardScaler(), make_pipeline(StandardScaler(), PCA()),
     make_pipeline(StandardScaler(), DBSCAN())],
    ids=str,
)  # fmt: skip
def test_a_model_that_cannot_predict_new_rows_is_refused_with_a_function_to_pack(rows, model):
    with pytest.raises(SetupError, match="has no predict") as caught:
        packed(model, rows)

    before, _, code = caught.value.hint.partition("@podium.model\n")
    assert "pack a function" in before
    compile(code.partition("\n\n")[0], "hint", "exec")


def test_a_detector_for_its_training_rows_only_is_refused_with_how_to_fit_it(rows):
    with pytest.raises(SetupError) as caught:
        packed(LocalOutlierFactor(), rows)

    assert "novelty=True" in caught.value.hint
