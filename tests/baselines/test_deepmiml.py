"""DeepMIML against its layers written as loops, and what it must not depend on."""

import numpy as np
import pytest
import torch
from scipy import sparse
from scipy.special import expit, logit, softmax

from skmlc.baselines.deepmiml import DeepMIML, DeepMIMLClassifier, softmax_logits
from skmlc.datasets import load_digit_scenes
from skmlc.inputs import Bags
from skmlc.nn.nodes import Layout, Nodes
from skmlc.training.batches import read_batch

F, L, K, D = 4, 3, 5, 6
SIZES = (1, 1, 2, 3, 5, 5, 6, 8, 9)
RNG = np.random.default_rng(0)
FEATURES = [RNG.normal(size=(n, F)) for n in SIZES]

both = pytest.mark.parametrize("activation", ["sigmoid", "softmax"])


def make_head(activation="sigmoid"):
    torch.manual_seed(0)
    return DeepMIML(
        L, F, hidden_size=D, n_subconcepts=K, instance_activation=activation
    ).double()


def nodes_of(bags, padding=0.0):
    batch = read_batch(Bags(bags), np.arange(len(bags)), np.float64)
    values = batch.values.clone()
    if batch.layout.real is not None:
        values[~batch.layout.real] = padding
    return Nodes(values, batch.layout)


def subconcepts_by_loop(parameters, instance):
    """The scores (K, L) of the sub-concepts in one instance."""
    W, b, V, c = parameters
    hidden = [max(0.0, W[d] @ instance + b[d]) for d in range(len(W))]
    flat = [V[i] @ hidden + c[i] for i in range(len(V))]
    n_labels = L if len(flat) == K * L else 10
    return np.array([flat[i : i + n_labels] for i in range(0, len(flat), n_labels)])


def instance_by_loop(parameters, instance, activation):
    """The logits (L,) of one instance."""
    scores = subconcepts_by_loop(parameters, instance).max(axis=0)
    return logit(softmax(scores)) if activation == "softmax" else scores


def parameters_of(head):
    return [p.detach().double().numpy() for p in head.parameters()]


# The network --------------------------------------------------------------------------------


@both
def test_logits_are_those_of_a_loop(activation):
    head = make_head(activation)
    parameters, expected = parameters_of(head), []
    for bag in FEATURES:
        scores = [instance_by_loop(parameters, x, activation) for x in bag]
        expected.append(np.max(scores, axis=0))
    found = head(nodes_of(FEATURES)).detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-10)


@both
def test_gradients_are_those_of_differences(activation):
    head, nodes = make_head(activation), nodes_of(FEATURES[1:5])
    weights = dict(head.named_parameters())

    def logits(values, *parameters):
        named = dict(zip(weights, parameters, strict=True))
        inputs = (Nodes(values, nodes.layout),)
        return torch.func.functional_call(head, named, inputs)

    values = nodes.values.requires_grad_()
    assert torch.autograd.gradcheck(logits, (values, *weights.values()))


@both
def test_the_order_of_the_instances_does_not_matter(activation):
    head = make_head(activation)
    shuffled = [RNG.permutation(bag) for bag in FEATURES]
    first, second = head(nodes_of(FEATURES)), head(nodes_of(shuffled))
    torch.testing.assert_close(first, second, rtol=1e-12, atol=1e-12)


@both
def test_padding_and_the_rest_of_the_batch_do_not_matter(activation):
    head = make_head(activation)
    padded = nodes_of(FEATURES, padding=np.nan)
    assert padded.layout.real is not None
    alone = torch.cat([head(nodes_of([bag, bag]))[:1] for bag in FEATURES])
    torch.testing.assert_close(head(padded), alone, rtol=1e-12, atol=1e-12)
    alone = torch.cat([head.represent(nodes_of([bag, bag]))[:1] for bag in FEATURES])
    torch.testing.assert_close(head.represent(padded), alone, rtol=1e-12, atol=1e-12)


def test_dropout_acts_in_training_only():
    head = DeepMIML(L, F, dropout=0.5)
    nodes = Nodes(torch.ones(200, F), Layout.regular(200, 1))
    assert len(head(nodes).unique(dim=0)) > 100
    assert len(head.eval()(nodes).unique(dim=0)) == 1


def test_softmax_logits_are_those_of_the_probabilities():
    scores = torch.from_numpy(RNG.normal(size=(50, L)) * 3)
    expected = logit(softmax(scores.numpy(), axis=1))
    np.testing.assert_allclose(softmax_logits(scores), expected, rtol=1e-9)


def test_softmax_logits_are_finite_where_probabilities_are_not():
    scores = torch.tensor([[200.0, 0, -300], [1e4, 1e4, 0], [-1e4, 0, 0], [0, 0, 0]])
    scores.requires_grad_()
    logits = softmax_logits(scores)
    half = -np.log(2.0)
    expected = [[200, -200, -500], [0, 0, half - 1e4], [half - 1e4, 0, 0], [half] * 3]
    np.testing.assert_allclose(logits.detach(), expected, rtol=1e-6, atol=1e-6)
    logits.sum().backward()
    assert scores.grad.isfinite().all()
    # The softmax keeps an instance from being certain of two labels.
    assert softmax_logits(torch.tensor([[50.0, 50.0, 0.0]])).max() < 1e-6


# The classifier -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scenes():
    return load_digit_scenes(60, random_state=0)


def fitted(scenes, **options):
    options = {"hidden_size": 8, "max_epochs": 2, "random_state": 0, **options}
    options = {"precision": "float64", **options}
    return DeepMIMLClassifier(**options).fit(scenes.bags, scenes.target)


@both
def test_scores_of_instances_are_those_of_a_loop_with_the_logits_as_maximum(
    scenes, activation
):
    model = fitted(scenes, instance_activation=activation)
    parameters = parameters_of(model.module_.head)
    scores = model.instance_scores(scenes.bags[:15])
    for bag, score in zip(scenes.bags[:15], scores, strict=True):
        expected = [instance_by_loop(parameters, x, activation) for x in bag]
        np.testing.assert_allclose(score, expected, rtol=1e-9)
    logits = model.decision_function(scenes.bags[:15])
    np.testing.assert_allclose([score.max(axis=0) for score in scores], logits)


def test_explain_gives_scores_and_the_best_subconcepts(scenes):
    model = fitted(scenes)
    parameters = parameters_of(model.module_.head)
    explained = model.explain(scenes.bags[:15])
    scores = model.instance_scores(scenes.bags[:15])
    for i, bag in enumerate(scenes.bags[:15]):
        np.testing.assert_array_equal(explained.relevance[i], scores[i].T)
        best = [subconcepts_by_loop(parameters, x).argmax(axis=0) for x in bag]
        np.testing.assert_array_equal(explained.details.subconcepts[i], np.transpose(best))
    probabilities = expit(model.decision_function(scenes.bags[:15]))
    np.testing.assert_allclose(explained.probabilities, probabilities)
    assert len(np.unique(np.concatenate(explained.details.subconcepts, axis=1))) > 3


def test_cells_of_feature_maps_are_instances(scenes):
    maps = RNG.random((60, 7, 3, 4))
    model = DeepMIMLClassifier(hidden_size=8, max_epochs=2, precision="float64")
    model.fit(maps, scenes.target)
    explained, scores = model.explain(maps[:5]), model.instance_scores(maps[:5])
    assert explained.relevance.shape == explained.details.subconcepts.shape == (5, 10, 3, 4)
    np.testing.assert_array_equal(scores[2][5], explained.relevance[2, :, 1, 1])
    logits = model.decision_function(maps[:5])
    np.testing.assert_allclose(explained.relevance.max(axis=(2, 3)), logits)
    expected = instance_by_loop(
        parameters_of(model.module_.head), maps[2, :, 1, 1], "sigmoid"
    )
    np.testing.assert_allclose(scores[2][5], expected)


def test_transform_is_the_maximum_of_the_first_layers_output(scenes):
    model = fitted(scenes)
    W, b, _, _ = parameters_of(model.module_.head)
    expected = [np.maximum(bag @ W.T + b, 0).max(axis=0) for bag in scenes.bags]
    np.testing.assert_allclose(model.transform(scenes.bags), expected, rtol=1e-9)


@pytest.mark.parametrize("activation, max_epochs", [("sigmoid", 20), ("softmax", 8)])
def test_labels_are_found_in_the_instances_that_show_them(activation, max_epochs):
    train = load_digit_scenes(400, faint=0.0, random_state=0)
    test = load_digit_scenes(100, subset="test", faint=0.0, random_state=0)
    model = DeepMIMLClassifier(
        hidden_size=32,
        instance_activation=activation,
        max_epochs=max_epochs,
        learning_rate=0.02,
        random_state=0,
    ).fit(train.bags, train.target)
    assert (model.predict(test.bags) == test.target).mean() > 0.87
    best = np.concatenate(model.instance_scores(test.bags)).argmax(axis=1)
    assert (best == test.digit_labels).mean() > 0.7


def test_instances_are_read_as_they_are_and_other_inputs_encoded(scenes):
    model = fitted(scenes)
    assert model.module_.head.first.weight.shape == (8, 64)
    assert not list(model.module_.encoder.parameters())
    table = scenes.images.reshape(60, -1)[:, ::50]  # of 32 features
    model = DeepMIMLClassifier(hidden_size=8, max_epochs=1).fit(table, scenes.target)
    assert model.module_.head.first.weight.shape == (8, 32)
    assert [len(x) for x in model.instance_scores(table[:2])] == [1, 1]
    model.fit(sparse.csr_matrix(table), scenes.target)
    assert model.module_.head.first.weight.shape == (8, 8)
    assert [len(x) for x in model.instance_scores(sparse.eye(2, 32, format="csr"))] == [
        1,
        1,
    ]


@pytest.mark.parametrize("hidden_size, n_subconcepts", [(8, 20), (5, 20), (8, 3)])
def test_sizes_are_those_of_the_layers(scenes, hidden_size, n_subconcepts):
    head = fitted(scenes, hidden_size=hidden_size, n_subconcepts=n_subconcepts).module_.head
    assert head.subconcepts.weight.shape == (n_subconcepts * 10, hidden_size)


@pytest.mark.parametrize(
    "option", [{"instance_activation": "softmax"}, {"dropout": 0.5}], ids=str
)
def test_a_parameter_changes_the_training(scenes, option):
    plain = fitted(scenes).decision_function(scenes.bags)
    model = fitted(scenes, **option)
    assert np.abs(plain - model.decision_function(scenes.bags)).max() > 1e-3
    again = model.decision_function(scenes.bags)
    np.testing.assert_array_equal(again, model.decision_function(scenes.bags))


def test_a_single_label_has_no_softmax(scenes):
    model = DeepMIMLClassifier(instance_activation="softmax")
    for y in (scenes.target[:, 0], sparse.csr_array(scenes.target[:, :1])):
        with pytest.raises(ValueError, match="must be 'sigmoid' for a single label"):
            model.fit(scenes.bags, y)
    assert not hasattr(model, "net_")


def test_training_starts_at_the_frequencies_of_the_labels(scenes):
    start = {"max_epochs": 1, "learning_rate": 1e-12}
    bias = fitted(scenes, **start).module_.head.subconcepts.bias.detach().numpy()
    frequency = (scenes.target.sum(axis=0) + 1) / 62
    np.testing.assert_allclose(bias, np.tile(logit(frequency), 20), atol=1e-9)
    model = DeepMIMLClassifier(hidden_size=8, precision="float64", **start)
    model.fit(scenes.bags, np.arange(60) % 4 // 2 + (np.arange(60) % 4 == 3))
    bias = model.module_.head.subconcepts.bias.detach().numpy()
    expected = np.log(np.array([31, 16, 16]) / 62)
    np.testing.assert_allclose(bias, np.tile(expected, 20), atol=1e-9)
