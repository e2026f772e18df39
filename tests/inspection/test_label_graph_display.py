import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlc import MIMLWEL, LaMPClassifier
from skmlc.graphs import ConditionalProbabilityGraph, CooccurrenceGraph, KnowledgeGraph
from skmlc.inputs import Bags
from skmlc.inspection import LabelGraphDisplay
from skmlc.model_selection import ThresholdTuner

NAMES = ["boat", "sea", "harbor", "dog", "car"]
A = np.zeros((5, 5))
A[0, 1] = A[1, 0] = 0.5  # both ways
A[2, 0], A[0, 2] = 1.0, 0.25  # both, but not alike
A[4, 0] = 0.75
A[1, 1] = 9.0  # a loop


def places(display):
    return dict(zip(display.shown_.tolist(), np.asarray(display.nodes_.get_offsets())))


@pytest.mark.parametrize("layout", ["circular", "spring"])
def test_arrows_run_from_the_source_to_the_receiver(layout):
    display = LabelGraphDisplay.from_adjacency(A, label_names=NAMES, layout=layout)
    assert set(display.edges_) == {(0, 1), (2, 0), (0, 2), (4, 0)}
    at = places(display)
    for (receiver, source), arrow in display.edges_.items():
        start, end = arrow._posA_posB
        np.testing.assert_allclose(start, at[source])
        np.testing.assert_allclose(end, at[receiver])
        one_way = (receiver, source) != (0, 1)
        assert arrow.get_arrowstyle().arrow == ("-|>" if one_way else "-")


def test_arrows_are_explained_where_there_are_any():
    display = LabelGraphDisplay.from_adjacency(A)
    assert display.ax_.get_xlabel() == "arrows point to the label that receives"
    display = LabelGraphDisplay.from_adjacency(A + A.T)
    assert display.ax_.get_xlabel() == ""
    display = LabelGraphDisplay.from_adjacency(A + A.T, max_edges=1)
    assert display.ax_.get_xlabel() == "2 of 6 edges between them"


def test_heavier_edges_are_wider_and_darker():
    edges = LabelGraphDisplay.from_adjacency(A).edges_
    order = [(0, 2), (0, 1), (4, 0), (2, 0)]  # by weight
    assert list(edges) == order[::-1]
    for look in ("get_linewidth", "get_alpha"):
        values = [getattr(edges[edge], look)() for edge in order]
        assert np.all(np.diff(values) > 0)


def test_labels_without_an_edge_are_there_and_hollow():
    display = LabelGraphDisplay.from_adjacency(A, label_names=NAMES)
    assert [text.get_text() for text in display.texts_] == NAMES
    white = (display.nodes_.get_facecolor()[:, :3] == 1).all(axis=1)
    assert white.tolist() == [False, False, False, True, False]


def test_of_many_labels_the_most_connected_are_shown_and_of_edges_the_heaviest():
    rng = np.random.default_rng(0)
    adjacency = rng.random((60, 60))
    adjacency[7] = adjacency[:, 7] = 0.01
    adjacency[50] += 5
    display = LabelGraphDisplay.from_adjacency(adjacency, max_labels=42, max_edges=20)
    loops = np.diag(adjacency)
    strength = adjacency.sum(axis=0) + adjacency.sum(axis=1) - 2 * loops
    expected = np.sort(np.argsort(-strength)[:42])
    np.testing.assert_array_equal(display.shown_, expected)
    weights = np.sort([adjacency[edge] for edge in display.edges_])
    among = adjacency[np.ix_(expected, expected)][~np.eye(42, dtype=bool)]
    np.testing.assert_array_equal(weights, np.sort(among)[-20:])
    note = display.ax_.get_xlabel()
    assert "42 of 60 labels" in note
    assert f"20 of {42 * 41} edges" in note


@pytest.mark.parametrize("layout", ["circular", "spring"])
def test_forty_names_do_not_cover_each_other(layout):
    names = [f"a label {i}" for i in range(40)]
    ring = np.roll(np.eye(40), 1, axis=1)
    display = LabelGraphDisplay.from_adjacency(ring, label_names=names, layout=layout)
    display.figure_.canvas.draw()
    frame = display.figure_.bbox
    boxes = [text.get_window_extent() for text in display.texts_]
    assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 for box in boxes)
    assert all(frame.y0 <= box.y0 and box.y1 <= frame.y1 for box in boxes)
    at = display.ax_.transData.transform(display.nodes_.get_offsets())
    distance = np.linalg.norm(at[:, np.newaxis] - at, axis=-1)[~np.eye(40, dtype=bool)]
    height = display.texts_[0].get_fontsize() * display.figure_.dpi / 72
    assert distance.min() > height


def test_the_spring_layout_is_drawn_by_its_seed_and_puts_neighbors_together():
    blocks = np.kron(np.eye(2), np.ones((5, 5)))
    first, again, other = (
        places(LabelGraphDisplay.from_adjacency(blocks, layout="spring", random_state=seed))
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(list(first.values()), list(again.values()))
    assert not np.allclose(list(first.values()), list(other.values()))
    at = np.array(list(first.values()))
    distance = np.linalg.norm(at[:, np.newaxis] - at, axis=-1)
    assert distance[blocks == 1].mean() < 0.6 * distance[blocks == 0].mean()


def test_names_come_from_a_frame_a_builder_or_the_argument():
    frame = pd.DataFrame(A, columns=NAMES, index=NAMES)
    shuffled = frame.loc[NAMES[::-1]]
    for given in (frame, shuffled):
        display = LabelGraphDisplay(given)
        assert display.label_names == NAMES or given is shuffled
        order = [display.label_names.index(name) for name in NAMES]
        matrix = display.adjacency.toarray()[np.ix_(order, order)]
        np.testing.assert_array_equal(matrix, A - np.diag(np.diag(A)))
    assert LabelGraphDisplay(csr_array(A)).label_names == list("01234")
    graph = CooccurrenceGraph().fit([[1, 1], [0, 1]], label_names=["sun", "sky"])
    display = LabelGraphDisplay.from_estimator(graph)
    assert [text.get_text() for text in display.texts_] == ["sun", "sky"]
    display = LabelGraphDisplay.from_estimator(graph, label_names="ab")
    assert display.label_names == ["a", "b"]


def test_concepts_of_a_knowledge_graph_have_their_names():
    graph = KnowledgeGraph([("on", "cat", "rug")]).fit(
        [[1, 0], [0, 1]], label_names=["cat", "dog"]
    )
    assert LabelGraphDisplay.from_estimator(graph).label_names == ["cat", "dog", "rug"]


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 4))
    Y = pd.DataFrame((X[:, :3] > 0).astype(int), columns=NAMES[:3])
    return X, Y


WRAPPED = {
    "itself": lambda model: model,
    "pipeline": lambda model: make_pipeline(StandardScaler(), model),
    "search": lambda model: GridSearchCV(model, {"dropout": [0.1]}, cv=2),
    "tuner": lambda model: ThresholdTuner(model, cv=2),
    "search in a pipeline": lambda model: make_pipeline(
        StandardScaler(), GridSearchCV(model, {"dropout": [0.1]}, cv=2)
    ),
}


@pytest.mark.parametrize("wrap", WRAPPED.values(), ids=WRAPPED)
def test_the_graph_of_a_classifier_is_found_whatever_wraps_it(wrap, data):
    model = LaMPClassifier(
        label_graph=ConditionalProbabilityGraph(0.2), hidden_size=4, n_heads=2,
        max_epochs=1, random_state=0,
    )  # fmt: skip
    fitted = wrap(model).fit(*data)
    expected = ConditionalProbabilityGraph(0.2).fit(data[1]).adjacency_.toarray()
    display = LabelGraphDisplay.from_estimator(fitted)
    assert display.label_names == NAMES[:3]
    assert expected.any()
    np.testing.assert_allclose(display.adjacency.toarray() > 0, expected > 0)


def test_relations_of_bag_methods_are_drawn_too():
    rng = np.random.default_rng(0)
    bags = Bags([rng.normal(size=(2, 3)) for _ in range(20)])
    Y = rng.integers(0, 2, (20, 3))
    model = MIMLWEL().fit(bags, Y)
    display = LabelGraphDisplay.from_estimator(model)
    assert display.adjacency.shape == (3, 3)


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: LabelGraphDisplay(A[:2]), ValueError, r"must be square.*\(2, 5\)"),
        (lambda: LabelGraphDisplay(A, label_names="abcdef"), ValueError, "at most 5 names"),
        (lambda: LabelGraphDisplay(A).plot(layout="round"), ValueError, "got 'round'"),
        (lambda: LabelGraphDisplay(A).plot(max_labels=0), ValueError, "max_labels"),
        (
            lambda: LabelGraphDisplay.from_estimator(StandardScaler()),
            TypeError,
            "estimator must have adjacency_.*StandardScaler has none",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    ("names", "upright"), [(list("01234"), True), (["long"] * 5, False)]
)
def test_short_names_on_a_circle_stand_upright(names, upright):
    graph = np.roll(np.eye(5), 1, axis=1)
    display = LabelGraphDisplay(graph, label_names=names).plot()
    turns = {round(text.get_rotation()) for text in display.texts_}
    assert (turns == {0}) is upright
