"""The texts of labels."""

import pytest

from podium.signature.labels import cluster_label, shown_label


@pytest.mark.parametrize("number", [0, 11])
def test_people_see_the_number_of_a_cluster_alone(number):
    assert shown_label(cluster_label(number, 12)) == f"cluster {number}"


@pytest.mark.parametrize(
    "label", ["", "no cluster", "students", "cluster of 3", "cluster 1 of 3 kinds", "cluster 1"]
)
def test_other_labels_are_shown_as_they_are(label):
    assert shown_label(label) == label
