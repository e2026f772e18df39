"""What a label graph says of itself."""

import numpy as np
import pytest

from skmlc.graphs import CooccurrenceGraph, HierarchyGraph


def test_description_holds_what_the_graph_is():
    Y = [[1, 1, 0, 0, 0], [1, 1, 0, 0, 1], [0, 1, 1, 0, 0]]
    names = ["boat", "sea", "sun", "snow", "rain"]
    graph = CooccurrenceGraph(weighted=True).fit(Y, label_names=names)
    description = graph.describe(top=2)
    # boat-sea twice; boat-rain, sea-rain and sea-sun once: each in both directions.
    assert description.n_labels == description.n_nodes == 5
    assert description.n_edges == 8
    assert description.density == 8 / 20
    assert description.isolated == ("snow",)
    assert description.n_receivers == 4
    assert description.receivers == (("sea", 3), ("boat", 2))
    assert description.strongest == (("boat", "sea", 2, 2), ("sea", "boat", 2, 2))
    assert str(description).splitlines() == [
        "CooccurrenceGraph: 5 labels, 8 edges (density 0.4)",
        "1 of 5 labels are isolated: snow",
        "4 of 5 labels receive; most: sea (3), boat (2)",
        "Strongest edges, receiver <- source:",
        "  boat <- sea  weight 2, samples 2",
        "  sea <- boat  weight 2, samples 2",
    ]


def test_description_tells_a_receiver_from_a_source():
    graph = HierarchyGraph([(0, 1), (0, 2)], direction="down").fit(np.ones((1, 4)))
    description = graph.describe()
    assert description.isolated == ("3",)  # label 0 sends, so it is not
    assert description.n_receivers == 2
    assert [edge[:2] for edge in description.strongest] == [("1", "0"), ("2", "0")]
    assert "weight 1" in str(description)
    assert "weight 1," not in str(description)  # it is its own support


@pytest.mark.parametrize("n_labels, warns", [(3, False), (4, False), (5, True)])
def test_description_warns_when_most_labels_are_isolated(n_labels, warns):
    Y = np.zeros((1, n_labels))
    Y[0, :2] = 1
    text = str(CooccurrenceGraph().fit(Y).describe())
    assert ("More than half of the labels are isolated" in text) == warns
    assert ("lower min_count" in text) == warns


@pytest.mark.parametrize("top", [0, 1, 3, 100])
def test_description_shows_as_much_as_asked_for(top):
    Y = np.zeros((1, 9))
    Y[0, :4] = 1  # 12 edges, 4 receivers, 5 isolated labels
    description = CooccurrenceGraph().fit(Y).describe(top)
    assert len(description.strongest) == min(top, 12)
    assert len(description.receivers) == min(top, 4)
    assert len(description.isolated) == 5
    assert str(description).count("<-") == min(top, 12) + (top > 0)
    assert ("and 2 more" in str(description)) == (top == 3)


def test_description_needs_a_fitted_graph_and_a_count():
    with pytest.raises(ValueError, match="not fitted"):
        CooccurrenceGraph().describe()
    with pytest.raises(ValueError, match="top"):
        CooccurrenceGraph().fit([[1, 1]]).describe(top=-1)
