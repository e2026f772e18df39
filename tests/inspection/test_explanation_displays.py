"""Displays of explanations: what is drawn is what was explained."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.utils import check_random_state

import skmlc
from skmlc.explanation import Explanation
from skmlc.inputs import Bags, Graphs, Images, Sequences
from skmlc.inspection import (
    ClassifierMapDisplay,
    InstanceLabelDisplay,
    IntermediatePredictionDisplay,
    LabelAttentionDisplay,
    LabelDistributionDisplay,
    NodeAttentionDisplay,
)

N, L = 10, 3
NAMES = ["sea", "sky", "sun"]
SMALL = {"hidden_size": 8, "max_epochs": 2, "random_state": 0}
rng = np.random.default_rng(0)
Y = pd.DataFrame(rng.integers(0, 2, (N, L)), columns=NAMES)
SIZES = np.array([2, 3, 1, 4, 2, 2, 3, 1, 2, 3])
BAGS = Bags([rng.normal(size=(n, 4)) for n in SIZES])
TOKENS = Sequences([rng.integers(0, 6, n) for n in SIZES], n_tokens=6)
PICTURES = Images(rng.integers(0, 256, (N, 3, 16, 24), dtype=np.uint8))
WORDS = np.array(["<unk>", "a", "boat", "cloud", "on", "the"])


@pytest.fixture(scope="module")
def lamp():
    return skmlc.LaMPClassifier(np.eye(L)[[1, 2, 0]], **SMALL).fit(TOKENS, Y)


@pytest.fixture(scope="module")
def deepmiml():
    return skmlc.DeepMIMLClassifier(**SMALL).fit(BAGS, Y)


@pytest.fixture(scope="module")
def flem():
    return skmlc.FLEMClassifier(**SMALL).fit(BAGS, Y)


@pytest.fixture(scope="module")
def ssgrl():
    return skmlc.SSGRLClassifier(**SMALL).fit(PICTURES, Y)


def names_at(axis):
    return [text.get_text() for text in axis.get_ticklabels()]


def drawn(image):
    return np.asarray(image.get_array())


def explanation(n_labels=3, n_nodes=2, kind="attention", **options):
    """Return an explanation of two samples whose numbers say where they are."""
    relevance = [np.arange(n_labels * n_nodes).reshape(n_labels, n_nodes) / 10.0] * 2
    given = {
        "relevance": relevance,
        "kind": kind,
        "probabilities": np.linspace(0, 1, 2 * n_labels).reshape(2, n_labels),
        "label_names": [f"label {i}" for i in range(n_labels)],
        "node_names": [[f"node {j}" for j in range(n_nodes)]] * 2,
        "node_kind": "instance",
    }
    return Explanation(**{**given, **options})


# Samples and estimators ---------------------------------------------------------------------


@pytest.mark.parametrize("display", [LabelAttentionDisplay, NodeAttentionDisplay])
def test_a_sample_that_is_not_there_is_refused(display, lamp):
    for sample in (N, -N - 1, 1.5):
        with pytest.raises(ValueError, match=f"from 0 to {N - 1}, the place of the sample"):
            display.from_estimator(lamp, TOKENS, sample=sample)


@pytest.mark.parametrize(
    "display", [LabelAttentionDisplay, NodeAttentionDisplay, InstanceLabelDisplay]
)
def test_an_estimator_that_does_not_explain_is_refused(display):
    with pytest.raises(TypeError, match=r"method explain, .* EmbMLPClassifier has none"):
        display.from_estimator(skmlc.EmbMLPClassifier(**SMALL).fit(TOKENS, Y), TOKENS)


# Label by label -----------------------------------------------------------------------------


def test_attention_among_labels_is_the_mean_of_the_last_step(lamp):
    among = lamp.explain(TOKENS).details.label_to_label
    display = LabelAttentionDisplay.from_estimator(lamp, TOKENS)
    np.testing.assert_array_equal(drawn(display.im_), display.attention)
    np.testing.assert_allclose(display.attention, among[-1].mean(axis=(0, 1)))
    assert names_at(display.ax_.xaxis) == names_at(display.ax_.yaxis) == NAMES
    assert display.attention[0, 2] == 0  # of no edge


def test_one_sample_step_and_head_can_be_chosen(lamp):
    among = lamp.explain(TOKENS).details.label_to_label
    display = LabelAttentionDisplay.from_estimator(lamp, TOKENS, sample=3, step=0, head=1)
    np.testing.assert_allclose(display.attention, among[0][3, 1], rtol=1e-5)
    last = LabelAttentionDisplay.from_explanation(lamp.explain(TOKENS), sample=-1)
    np.testing.assert_allclose(last.attention, among[-1][-1].mean(axis=0), rtol=1e-5)


def test_edges_are_drawn_where_they_are():
    edges = np.array([[0, 0, 1, 2], [0, 2, 1, 2]])  # who attends, and to whom
    weights = np.arange(2 * 4 * 4).reshape(2, 4, 4) / 32.0
    details = {"label_to_label": [weights], "edges": edges}
    given = explanation()
    given.details.update(details)
    display = LabelAttentionDisplay.from_explanation(given, sample=1, head=2)
    expected = np.zeros((3, 3))
    expected[0, 0], expected[0, 2], expected[1, 1], expected[2, 2] = weights[1, 2]
    np.testing.assert_array_equal(drawn(display.im_), expected)


def test_a_sparse_label_graph_is_drawn_as_the_same_dense_one(monkeypatch):
    n_labels = 40
    graph = sparse.diags_array(np.ones(n_labels - 1), offsets=1, format="csr")
    Y = np.random.default_rng(0).integers(0, 2, (N, n_labels))
    displays = []
    for is_sparse in (True, False):
        monkeypatch.setattr(skmlc.lamp, "use_edges", lambda *_, s=is_sparse: s)
        model = skmlc.LaMPClassifier(graph, **SMALL).fit(TOKENS, Y)
        explained = model.explain(TOKENS)
        assert (explained.details.edges is not None) == is_sparse
        displays.append(LabelAttentionDisplay.from_explanation(explained, max_labels=40))
    np.testing.assert_allclose(*(d.attention for d in displays), atol=1e-4)
    assert drawn(displays[0].im_).shape == (40, 40)


def test_of_many_labels_the_most_probable_are_drawn():
    details = {"label_to_label": [np.arange(2 * 2500.0).reshape(2, 1, 50, 50)]}
    given = explanation(50)
    given.details.update(details)
    given.probabilities[:] = 0.1
    given.probabilities[:, [7, 30]] = 0.9, 0.8
    display = LabelAttentionDisplay.from_explanation(given, max_labels=2)
    assert names_at(display.ax_.yaxis) == ["label 7", "label 30"]
    at = np.ix_([7, 30], [7, 30])
    np.testing.assert_array_equal(drawn(display.im_), display.attention[at])
    attended = LabelAttentionDisplay(display.attention, given.label_names).plot(
        max_labels=1
    )
    assert names_at(attended.ax_.yaxis) == ["label 49"]


def test_an_explanation_without_label_attention_is_refused(deepmiml):
    with pytest.raises(ValueError, match="how labels attend to each other"):
        LabelAttentionDisplay.from_estimator(deepmiml, BAGS)


# Nodes --------------------------------------------------------------------------------------


def test_words_are_drawn_with_their_relevance_and_names(lamp):
    explained = lamp.explain(TOKENS, feature_names=WORDS)
    display = NodeAttentionDisplay.from_estimator(
        lamp, TOKENS, sample=3, feature_names=WORDS
    )
    np.testing.assert_allclose(drawn(display.ims_[0]), explained.relevance[3], rtol=1e-5)
    assert names_at(display.ax_.xaxis) == WORDS[TOKENS[3]].tolist()
    expected = [f"{n}  {p:.2f}" for n, p in zip(NAMES, explained.probabilities[3])]
    assert names_at(display.ax_.yaxis) == expected
    assert display.ax_.get_xlabel() == "token"
    assert display.ims_[0].get_clim()[0] == 0


def test_one_step_and_head_of_the_nodes_can_be_chosen(lamp):
    steps = lamp.explain(TOKENS).details.label_to_node
    display = NodeAttentionDisplay.from_estimator(lamp, TOKENS, sample=3, step=0, head=2)
    np.testing.assert_allclose(drawn(display.ims_[0]), steps[0][3][2], rtol=1e-5)
    display = NodeAttentionDisplay.from_explanation(lamp.explain(TOKENS), sample=3, head=1)
    np.testing.assert_allclose(drawn(display.ims_[0]), steps[-1][3][1], rtol=1e-5)
    with pytest.raises(ValueError, match="step and head must be None"):
        NodeAttentionDisplay.from_explanation(explanation(), step=1)


def test_of_many_nodes_those_that_matter_most_are_drawn_in_their_order():
    relevance = [np.zeros((2, 60))] * 2
    relevance[0][0, 50], relevance[0][1, 8], relevance[0][0, 20] = -3, 2, 1
    names = [[f"w{j}" for j in range(60)]] * 2
    given = explanation(2, relevance=relevance, node_names=names, kind="contribution")
    display = NodeAttentionDisplay.from_explanation(given, max_nodes=3)
    assert names_at(display.ax_.xaxis) == ["w8", "w20", "w50"]
    np.testing.assert_array_equal(drawn(display.ims_[0]), [[0, 1, -3], [2, 0, 0]])
    assert display.ims_[0].get_clim() == (-3, 3)


def test_a_sample_without_nodes_cannot_be_drawn():
    with pytest.raises(
        ValueError, match="sample must have nodes to draw; sample 1 has none"
    ):
        NodeAttentionDisplay.from_explanation(explanation(n_nodes=0), sample=1)


def test_cells_are_drawn_over_the_photograph(ssgrl):
    explained = ssgrl.explain(PICTURES)
    display = NodeAttentionDisplay.from_estimator(ssgrl, PICTURES, sample=2, max_labels=2)
    most = np.sort(np.argsort(-explained.probabilities[2])[:2])
    assert len(display.axes_) == 2
    for ax, label in zip(display.axes_, most):
        photograph, cells = ax.get_images()
        np.testing.assert_array_equal(drawn(photograph), np.moveaxis(PICTURES[2], 0, 2))
        np.testing.assert_allclose(drawn(cells), explained.relevance[2, label], rtol=1e-5)
        assert [*photograph.get_extent()] == [*cells.get_extent()] == [0, 24, 16, 0]
        name = f"{NAMES[label]}  {explained.probabilities[2, label]:.2f}"
        assert ax.get_title() == name


@pytest.mark.parametrize("n_channels, n_drawn", [(1, 2), (6, 1)])
def test_gray_images_are_photographs_and_feature_maps_are_none(n_channels, n_drawn):
    X = rng.normal(size=(N, n_channels, 12, 12))
    model = skmlc.MLGCNClassifier(**SMALL).fit(Images(X), Y)
    display = NodeAttentionDisplay.from_estimator(model, Images(X), labels=["sky"])
    images = display.axes_[0].get_images()
    assert len(images) == n_drawn
    if n_channels == 1:
        picture = drawn(images[0])
        assert (picture.min(), picture.max()) == (0, 1)
        assert np.corrcoef(picture.ravel(), X[0, 0].ravel())[0, 1] > 0.999


@pytest.mark.parametrize("kind", ["table", "sparse", "bags", "graphs"])
def test_every_kind_of_nodes_is_drawn(kind):
    X = {
        "table": pd.DataFrame(rng.normal(size=(N, 4)), columns=list("abcd")),
        "sparse": sparse.csr_array(rng.integers(0, 2, (N, 4)).astype(float)),
        "bags": BAGS,
        "graphs": Graphs(list(BAGS), [np.array([[0], [n - 1]]) for n in SIZES]),
    }[kind]
    model = skmlc.GlobalPoolClassifier(**SMALL).fit(X, Y)
    explained = model.explain(X)
    display = NodeAttentionDisplay.from_estimator(model, X, sample=1)
    np.testing.assert_allclose(drawn(display.ims_[0]), explained.relevance[1], atol=1e-6)
    assert names_at(display.ax_.xaxis) == [str(name) for name in explained.node_names[1]]


# States -------------------------------------------------------------------------------------


def test_states_are_drawn_with_their_probabilities(lamp):
    states = lamp.explain(TOKENS).details.intermediate_probabilities
    display = IntermediatePredictionDisplay.from_estimator(lamp, TOKENS, sample=4)
    expected = np.column_stack([p[4] for p in states.values()])
    np.testing.assert_allclose(drawn(display.im_), expected, rtol=1e-5)
    assert names_at(display.ax_.xaxis) == ["1.1", "1.2", "2.1", "2.2"]
    assert names_at(display.ax_.yaxis) == NAMES
    assert [t.get_text() for t in display.texts_] == [f"{p:.2f}" for p in expected.ravel()]
    assert display.im_.get_clim() == (0, 1)


def test_known_labels_are_told(lamp):
    model = skmlc.LaMPClassifier(**SMALL, label_masking=True).fit(TOKENS, Y)
    known = np.full((N, L), np.nan)
    known[4, 1] = 1
    display = IntermediatePredictionDisplay.from_estimator(
        model, TOKENS, sample=4, known=known
    )
    expected = model.predict_proba(TOKENS, known=known)[4]
    np.testing.assert_allclose(drawn(display.im_)[:, -1], expected, rtol=1e-5)
    assert expected[1] == 1


def test_labels_that_were_probable_on_the_way_are_drawn_and_no_numbers_of_many():
    states = np.zeros((60, 4))
    states[50, 1], states[3, 3] = 0.9, 0.8
    names = [f"label {i}" for i in range(60)]
    display = IntermediatePredictionDisplay(states, list("abcd"), names).plot(max_labels=2)
    assert names_at(display.ax_.yaxis) == ["label 3", "label 50"]
    assert len(display.texts_) == 8
    assert display.plot(max_labels=60).texts_ == []
    with pytest.raises(ValueError, match="must have intermediate probabilities"):
        IntermediatePredictionDisplay.from_explanation(explanation())


# Maps of labels -----------------------------------------------------------------------------


def points(display):
    return np.concatenate([np.asarray(p.get_offsets()) for p in display.points_])


def test_the_map_keeps_the_distances_of_vectors_in_a_plane():
    vectors = rng.normal(size=(7, 2)) @ rng.normal(size=(2, 5))
    display = ClassifierMapDisplay.from_vectors(vectors, list("abcdefg"))
    found = points(display)
    for i in range(7):
        np.testing.assert_allclose(
            np.linalg.norm(found - found[i], axis=1),
            np.linalg.norm(vectors - vectors[i], axis=1),
        )
    assert sorted(t.get_text() for t in display.texts_) == list("abcdefg")
    for text in display.texts_:
        np.testing.assert_array_equal(text.xy, found["abcdefg".index(text.get_text())])
    shares = [float(name[name.index("(") + 1 : -2]) for name in display.axis_names]
    assert sum(shares) == pytest.approx(100, abs=1)


def test_groups_have_colors_and_a_legend():
    vectors, groups = rng.normal(size=(5, 4)), ["b", "a", "b", "a", "b"]
    display = ClassifierMapDisplay.from_vectors(vectors, groups=groups)
    legend = [t.get_text() for t in display.ax_.get_legend().get_texts()]
    assert legend == ["b", "a"]
    for group, name in zip(display.points_, legend):
        expected = display.places[np.array(groups) == name]
        np.testing.assert_array_equal(group.get_offsets(), expected)
    colors = {tuple(group.get_facecolor()[0]) for group in display.points_}
    assert len(colors) == 2


def test_tsne_brings_groups_together_and_leaves_the_random_state_alone():
    groups = np.repeat([0, 1, 2], 12)
    vectors = 9 * np.eye(3)[groups] + rng.normal(size=(36, 3))
    before = check_random_state(None).get_state()[1].tolist()
    display = ClassifierMapDisplay.from_vectors(vectors, method="tsne", groups=groups)
    assert check_random_state(None).get_state()[1].tolist() == before
    distance = np.linalg.norm(display.places[:, None] - display.places, axis=2)
    np.fill_diagonal(distance, np.inf)
    assert (groups[distance.argmin(axis=1)] == groups).all()
    again = ClassifierMapDisplay.from_vectors(vectors, method="tsne")
    np.testing.assert_array_equal(again.places, display.places)


@pytest.mark.parametrize("name, kind", [
    ("MLGCNClassifier", "bags"), ("GlobalPoolClassifier", "bags"), ("LaMPClassifier", "bags"),
    ("CTranClassifier", "bags"), ("SSGRLClassifier", "bags"),
])  # fmt: skip
def test_classifiers_of_each_method_are_mapped(name, kind):
    model = getattr(skmlc, name)(**SMALL).fit(BAGS, Y)
    assert model.label_classifiers_.shape[0] == L
    display = ClassifierMapDisplay.from_estimator(model)
    centered = model.label_classifiers_ - model.label_classifiers_.mean(axis=0)
    np.testing.assert_allclose(  # three points are in a plane
        points(display) @ points(display).T, centered @ centered.T, atol=1e-5
    )
    assert sorted(t.get_text() for t in display.texts_) == NAMES


@pytest.mark.parametrize("share", [False, True])
def test_classifiers_of_lamp_are_what_its_last_states_are_multiplied_with(share):
    model = skmlc.LaMPClassifier(
        **SMALL, share_label_embedding=share, linear_skip=False, precision="float64"
    ).fit(BAGS, Y)
    head, found = model.module_.head, []
    read_out = head.read_out
    head.read_out = lambda labels: found.append(labels) or read_out(labels)
    logits = model.decision_function(BAGS)
    states = np.concatenate([f.detach().numpy() for f in found])
    expected = np.einsum("nld,ld->nl", states, model.label_classifiers_)
    np.testing.assert_allclose(np.sort(expected, axis=0), np.sort(logits, axis=0))


def test_label_states_of_gmmlic_are_mapped_by_their_mean():
    model = skmlc.GMMLICClassifier(**SMALL).fit(BAGS, Y)
    states = model.label_states(BAGS)
    assert states.shape == (N, L, 8)
    alone = np.concatenate([model.label_states(BAGS[i : i + 1]) for i in range(N)])
    np.testing.assert_allclose(alone, states, atol=1e-5)
    assert np.abs(states - states[0]).max() > 1e-6  # they depend on the sample
    mean = states.mean(axis=0) - states.mean(axis=(0, 1))
    display = ClassifierMapDisplay.from_estimator(model, BAGS)
    np.testing.assert_allclose(
        points(display) @ points(display).T, mean @ mean.T, atol=1e-5
    )
    with pytest.raises(TypeError, match="has neither: pass X, for the states"):
        ClassifierMapDisplay.from_estimator(model)


def test_label_states_without_messages_are_the_same_for_all_samples():
    model = skmlc.GMMLICClassifier(**SMALL, matching_messages=False).fit(BAGS, Y)
    states = model.label_states(BAGS)
    assert states.shape == (N, L, 8)
    np.testing.assert_allclose(states, np.tile(states[:1], (N, 1, 1)), atol=1e-6)


def test_coefficients_of_scikit_learn_are_mapped():
    from sklearn.linear_model import RidgeClassifier

    model = RidgeClassifier().fit(rng.normal(size=(N, 4)), Y.to_numpy())
    display = ClassifierMapDisplay.from_estimator(model)
    assert len(points(display)) == L


def test_what_cannot_be_mapped_is_refused(lamp, deepmiml):
    with pytest.raises(TypeError, match=r"X must be None .* got it with a LaMPClassifier"):
        ClassifierMapDisplay.from_estimator(lamp, TOKENS)
    with pytest.raises(TypeError, match="DeepMIMLClassifier has neither: pass vectors"):
        ClassifierMapDisplay.from_estimator(deepmiml)
    with pytest.raises(ValueError, match="matrix of at least two rows"):
        ClassifierMapDisplay.from_vectors(np.ones((1, 3)))
    with pytest.raises(ValueError, match="method must be 'pca' or 'tsne'; got 'umap'"):
        ClassifierMapDisplay.from_vectors(np.eye(3), method="umap")
    with pytest.raises(ValueError, match="groups must have an entry for each of the 3 lab"):
        ClassifierMapDisplay.from_vectors(np.eye(3), groups=[1, 2])


def test_two_labels_and_vectors_of_one_number_are_mapped():
    for vectors in (np.eye(2), np.arange(3.0)[:, None]):
        for method in ("pca", "tsne") if len(vectors) > 2 else ("pca",):
            places = ClassifierMapDisplay.from_vectors(vectors, method=method).places
            assert places.shape == (len(vectors), 2)
            assert np.isfinite(places).all()


def test_names_on_a_crowded_map_do_not_cover_each_other():
    vectors = np.repeat(rng.normal(size=(4, 2)), 20, axis=0) + 0.01 * rng.normal(
        size=(80, 2)
    )
    names = [f"label {i}" for i in range(80)]
    display = ClassifierMapDisplay.from_vectors(vectors, names)
    assert len(points(display)) == 80
    display.figure_.canvas.draw()
    boxes = [t.get_window_extent() for t in display.texts_]
    assert 4 <= len(boxes) < 40
    pairs = [(a, b) for i, a in enumerate(boxes) for b in boxes[:i]]
    assert not any(a.overlaps(b) for a, b in pairs)
    named = ClassifierMapDisplay.from_vectors(vectors, names, labels=names[:9])
    assert [t.get_text() for t in named.texts_] == names[:9]


# Instances ----------------------------------------------------------------------------------


def test_instances_of_bags_are_drawn_with_dots_at_the_best(deepmiml):
    display = InstanceLabelDisplay.from_estimator(deepmiml, BAGS[:4], Y[:4])
    scores = deepmiml.instance_scores(BAGS[:4])
    np.testing.assert_allclose(drawn(display.im_), np.vstack(scores), rtol=1e-5)
    rows = names_at(display.ax_.yaxis)
    assert rows == ["0: 0", "1", "1: 0", "1", "2", "2: 0", "3: 0", "1", "2", "3"]
    assert names_at(display.ax_.xaxis) == NAMES
    expected, start = set(), 0
    for score, y in zip(scores, Y.to_numpy()):
        expected |= {(j, start + score[:, j].argmax()) for j in np.flatnonzero(y)}
        start += len(score)
    assert {tuple(dot) for dot in np.asarray(display.dots_.get_offsets())} == expected
    lines = sorted(line.get_ydata()[0] for line in display.ax_.lines)
    assert lines == [1.5, 4.5, 5.5]


def test_without_y_dots_are_where_a_label_is_predicted(deepmiml):
    display = InstanceLabelDisplay.from_estimator(deepmiml, BAGS)
    n_predicted = (deepmiml.predict_proba(BAGS) >= 0.5).sum()
    assert len(display.dots_.get_offsets()) == n_predicted


def test_bags_and_labels_are_chosen(deepmiml):
    explained = deepmiml.explain(BAGS)
    display = InstanceLabelDisplay.from_explanation(
        explained, sparse.csr_array(Y.to_numpy()), samples=[3, 0], labels=["sun"]
    )
    expected = np.concatenate([explained.relevance[3][2], explained.relevance[0][2]])
    np.testing.assert_array_equal(drawn(display.im_)[:, 0], expected)
    assert names_at(display.ax_.yaxis) == ["3: 0", "1", "2", "3", "0: 0", "1"]


def test_what_are_no_bags_is_refused(lamp, deepmiml):
    with pytest.raises(ValueError, match="nodes of the kind 'token': use NodeAttention"):
        InstanceLabelDisplay.from_estimator(lamp, TOKENS)
    with pytest.raises(ValueError, match=r"y must be of shape \(10, 3\)"):
        InstanceLabelDisplay.from_estimator(deepmiml, BAGS, Y[:4])


# Label distributions ------------------------------------------------------------------------


def test_distributions_are_drawn_with_dots_at_the_labels(flem):
    display = LabelDistributionDisplay.from_estimator(flem, BAGS, Y)
    np.testing.assert_allclose(drawn(display.im_), flem.label_distribution_, rtol=1e-5)
    np.testing.assert_allclose(display.distribution.sum(axis=1), 1, rtol=1e-5)
    dots = {tuple(dot) for dot in np.asarray(display.dots_.get_offsets())}
    assert dots == {(j, i) for i, j in zip(*Y.to_numpy().nonzero())}
    assert names_at(display.ax_.xaxis) == NAMES


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array, lambda y: y.tolist()])
def test_distributions_are_drawn_for_every_form_of_y(flem, form):
    y = form(Y.to_numpy())
    display = LabelDistributionDisplay.from_predictions(
        y, flem.label_distribution_, samples=[4, 1]
    )
    np.testing.assert_array_equal(display.y, Y.to_numpy()[[4, 1]])
    np.testing.assert_array_equal(drawn(display.im_), flem.label_distribution_[[4, 1]])
    assert names_at(display.ax_.xaxis) == ["0", "1", "2"]


def test_names_of_columns_and_unknown_labels_of_a_distribution():
    y = Y.astype(float)
    y.iloc[0, 0] = np.nan
    distribution = np.full((N, L), 1 / 3)
    display = LabelDistributionDisplay.from_predictions(y, distribution)
    assert names_at(display.ax_.xaxis) == NAMES
    assert (0, 0) not in {tuple(dot) for dot in np.asarray(display.dots_.get_offsets())}


def test_what_is_no_distribution_is_refused(lamp):
    with pytest.raises(TypeError, match=r"method enhance, .* LaMPClassifier has none"):
        LabelDistributionDisplay.from_estimator(lamp, TOKENS, Y)
    with pytest.raises(ValueError, match=r"of the shape of y, \(10, 3\); got \(10, 2\)"):
        LabelDistributionDisplay.from_predictions(Y, np.ones((N, 2)))
    with pytest.raises(ValueError, match="a name for each of the 3 labels; got 2"):
        LabelDistributionDisplay.from_predictions(
            Y, np.ones((N, L)), label_names=["a", "b"]
        )
