"""The label enhancer and its losses against Eq. 4-14 of GLEMIML, written as loops."""

import numpy as np
import pytest
import torch

from skmlc.nn.head_output import HeadOutput
from skmlc.nn.label_enhancement import (
    Enhanced,
    EnhancementLoss,
    LabelCorrelation,
    LabelEnhancer,
    distribution_loss,
    guided_loss,
    similarity_loss,
    threshold_loss,
)
from skmlc.nn.losses import LabelLoss
from skmlc.training.batches import Targets

N, L, K = 7, 4, 5
MIXED = pytest.mark.parametrize("with_unknown", [False, True])


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def make_batch(rng, with_unknown=False, n_samples=N):
    """Return logits, enhanced and described; labels, which are known, and weights."""
    output = [rng.normal(size=(n_samples, k)) for k in (L, L, K)]
    labels = rng.integers(0, 2, (n_samples, L))
    labels[-2:] = [[0], [1]]  # rows without positive and without negative labels
    known = np.ones((n_samples, L), dtype=bool)
    if with_unknown:
        known = rng.random((n_samples, L)) < 0.6
        known[0], known[1, :2] = False, [True, False]
    return output, np.where(known, labels, 0), known, rng.random(n_samples) + 0.5


def as_targets(labels, known, weight):
    """Return tensors, without `known` where all labels are."""
    known = None if known.all() else torch.tensor(known)
    return Targets(torch.tensor(labels, dtype=torch.float64), known, torch.tensor(weight))


def as_output(output):
    return Enhanced(*(torch.tensor(x, requires_grad=True) for x in output))


def as_head_output(output):
    """Return what a head with an enhancer gives in training."""
    logits, *extras = output
    return HeadOutput(logits, tuple(extras))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# Losses as loops ----------------------------------------------------------------------------


def distribution_with_loops(output, labels, known, weight, temperature=1.0):
    """Return Eq. 12 as it is meant: sum_j d_j log sum_u exp(s_u - s_j)."""
    logits, enhanced, _ = output
    total = 0.0
    for n in range(len(weight)):
        here = np.flatnonzero(known[n])
        shares = {j: np.exp(enhanced[n, j] / temperature) for j in here}
        for j in here:
            d = shares[j] / sum(shares.values())
            log = np.log(sum(np.exp(logits[n, u] - logits[n, j]) for u in here))
            total += weight[n] * d * log
    return total / len(weight)


def guided_with_loops(output, labels, known, weight, gamma_pos=0.0, gamma_neg=1.0):
    """Return Eq. 6, with the logarithm of what the enhancer says."""
    logits, enhanced, _ = output
    total = 0.0
    for n in range(len(weight)):
        entries = []
        for j in np.flatnonzero(known[n]):
            p, enhancer = sigmoid(logits[n, j]), sigmoid(enhanced[n, j])
            if labels[n, j]:
                entries.append(-((1 - p) ** gamma_pos) * np.log(enhancer))
            else:
                entries.append(-(p**gamma_neg) * np.log(1 - enhancer))
        total += weight[n] * (np.mean(entries) if entries else 0)
    return total / len(weight)


def cosine(a, b):
    norms = np.sqrt(a @ a) * np.sqrt(b @ b)
    return a @ b / norms if norms > 0 else 0.0


def similarity_with_loops(output, labels, known, weight, kind="pairs"):
    """Return the mean over pairs of (Z - A)^2, Eq. 7-8, or Eq. 9 as printed."""
    _, enhanced, described = output
    enhanced = np.where(known, enhanced, 0)
    squares, errors, n_pairs = 0.0, 0.0, 0
    for i in range(len(weight)):
        for j in range(i):
            z, a = cosine(described[i], described[j]), cosine(enhanced[i], enhanced[j])
            squares += weight[i] * weight[j] * (z - a) ** 2
            errors += weight[i] * weight[j] * (z - a)
            n_pairs += 1
    return (errors / len(weight)) ** 2 if kind == "sum" else squares / max(n_pairs, 1)


def threshold_with_loops(output, labels, known, weight):
    """Return Eq. 10; samples without labels of either kind count zero."""
    enhanced, total = output[1], 0.0
    for n in range(len(weight)):
        positive = [d for d, y, k in zip(enhanced[n], labels[n], known[n]) if k and y]
        negative = [d for d, y, k in zip(enhanced[n], labels[n], known[n]) if k and not y]
        if positive and negative:
            total += weight[n] * max(max(negative) - min(positive), 0)
    return total / len(weight)


# Each loss ----------------------------------------------------------------------------------


@MIXED
@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_distribution_loss_equals_loops(rng, with_unknown, temperature):
    output, *targets = make_batch(rng, with_unknown)
    logits, enhanced, _ = as_output(output)
    loss = distribution_loss(logits, enhanced, as_targets(*targets), temperature)
    expected = distribution_with_loops(output, *targets, temperature)
    assert loss.item() == pytest.approx(expected)


def test_distribution_loss_is_that_of_torch(rng):
    output, labels, known, _ = make_batch(rng)
    logits, enhanced, _ = as_output(output)
    loss = distribution_loss(logits, enhanced, as_targets(labels, known, np.ones(N)))
    expected = torch.nn.CrossEntropyLoss()(logits, enhanced.softmax(1))
    torch.testing.assert_close(loss, expected)


@MIXED
def test_a_shift_of_all_numbers_does_not_change_the_distribution_loss(rng, with_unknown):
    output, *targets = make_batch(rng, with_unknown)
    logits, enhanced, _ = as_output(output)
    loss = distribution_loss(logits - 1e5, enhanced - 1e5, as_targets(*targets))
    expected = distribution_loss(logits, enhanced, as_targets(*targets))
    torch.testing.assert_close(loss, expected)


def test_a_high_temperature_makes_the_distribution_even(rng):
    output, *targets = make_batch(rng)
    logits, enhanced, _ = as_output(output)
    loss = distribution_loss(logits, enhanced, as_targets(*targets), temperature=1e9)
    even = distribution_loss(logits, torch.zeros_like(enhanced), as_targets(*targets))
    torch.testing.assert_close(loss, even)


@MIXED
def test_distribution_loss_teaches_the_first_only(rng, with_unknown):
    output, labels, known, weight = make_batch(rng, with_unknown)
    logits, enhanced, _ = as_output(output)
    distribution_loss(logits, enhanced, as_targets(labels, known, weight)).backward()
    assert enhanced.grad is None
    assert logits.grad.isfinite().all()
    assert not logits.grad[~torch.tensor(known)].any()


@MIXED
@pytest.mark.parametrize("gammas", [(0, 1), (0, 0), (2, 0.5), (1, 3)])
def test_guided_loss_equals_loops(rng, with_unknown, gammas):
    output, *targets = make_batch(rng, with_unknown)
    loss = guided_loss(as_output(output), as_targets(*targets), *gammas)
    assert loss.item() == pytest.approx(guided_with_loops(output, *targets, *gammas))


def test_guided_loss_without_gammas_is_binary_cross_entropy(rng):
    output, labels, known, _ = make_batch(rng)
    output, targets = as_output(output), as_targets(labels, known, np.ones(N))
    expected = torch.nn.BCEWithLogitsLoss()(output.enhanced, targets.labels)
    torch.testing.assert_close(guided_loss(output, targets, 0, 0), expected)


@MIXED
@pytest.mark.parametrize("kind", ["pairs", "sum"])
def test_similarity_loss_equals_loops(rng, with_unknown, kind):
    output, *targets = make_batch(rng, with_unknown)
    loss = similarity_loss(as_output(output), as_targets(*targets), kind)
    assert loss.item() == pytest.approx(similarity_with_loops(output, *targets, kind))


def test_errors_of_both_signs_cancel_only_as_printed():
    # Of three pairs the first has Z - A = 1, the second -1, the third 0.
    enhanced = [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]
    described = [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    output = Enhanced(None, torch.tensor(enhanced), torch.tensor(described))
    targets = Targets(torch.zeros(3, 2), None, torch.ones(3))
    assert similarity_loss(output, targets, "sum").item() == 0
    assert similarity_loss(output, targets, "pairs").item() == pytest.approx(2 / 3)


@pytest.mark.parametrize("kind", ["pairs", "sum"])
def test_one_sample_is_like_no_other(rng, kind):
    output = as_output([rng.normal(size=(1, k)) for k in (L, L, K)])
    targets = Targets(torch.zeros(1, L), None, torch.ones(1))
    loss = similarity_loss(output, targets, kind)
    loss.backward()
    assert loss.item() == 0
    assert not output.enhanced.grad.any()


def test_length_of_vectors_does_not_matter_for_similarity(rng):
    output, *targets = make_batch(rng)
    scale = np.arange(1, N + 1)[:, None]
    scaled = [output[0], output[1] * scale, output[2] / scale]
    losses = [similarity_loss(as_output(o), as_targets(*targets)) for o in (output, scaled)]
    torch.testing.assert_close(*losses)


@MIXED
def test_threshold_loss_equals_loops(rng, with_unknown):
    output, *targets = make_batch(rng, with_unknown)
    expected = threshold_with_loops(output, *targets)
    assert expected > 0
    loss = threshold_loss(as_output(output), as_targets(*targets))
    assert loss.item() == pytest.approx(expected)


@pytest.mark.parametrize(
    "labels, known, expected",
    [
        ([1, 1, 1, 1], None, 0.0),
        ([0, 0, 0, 0], None, 0.0),
        ([0, 1, 0, 1], None, 4.0),  # the fourth is 4 below the third
        ([0, 1, 0, 1], [1, 1, 0, 1], 2.0),
        ([0, 1, 0, 0], [0, 1, 0, 1], 0.0),
        ([0, 1, 0, 1], [0, 1, 0, 1], 0.0),
        ([0, 0, 0, 0], [0, 0, 0, 0], 0.0),
    ],
)
def test_threshold_loss_of_one_sample(labels, known, expected):
    enhanced = torch.tensor([[1.0, 2.0, 3.0, -1.0]], requires_grad=True)
    known = known and torch.tensor([known]).bool()
    targets = Targets(torch.tensor([labels]).float(), known, torch.ones(1))
    loss = threshold_loss(Enhanced(None, enhanced, None), targets)
    loss.backward()
    assert loss.item() == expected
    assert enhanced.grad.abs().sum().item() == (2.0 if expected else 0.0)


@MIXED
@pytest.mark.parametrize("loss", [guided_loss, similarity_loss, threshold_loss])
def test_gradients_of_the_enhancer_are_those_of_finite_differences(rng, with_unknown, loss):
    output, labels, known, weight = make_batch(rng, with_unknown)
    targets = as_targets(labels, known, weight)
    logits, enhanced, described = as_output(output)
    if with_unknown:  # a row of zeros has no direction
        targets.known[0, 0] = True

    def of_enhanced(enhanced):
        return loss(Enhanced(logits.detach(), enhanced, described), targets)

    assert torch.autograd.gradcheck(of_enhanced, (enhanced,))


@pytest.mark.parametrize("loss", [guided_loss, similarity_loss, threshold_loss])
def test_unknown_labels_have_no_gradient(rng, loss):
    output, labels, known, weight = make_batch(rng, with_unknown=True)
    output = as_output(output)
    loss(output, as_targets(labels, known, weight)).backward()
    gradient = output.enhanced.grad
    assert gradient.isfinite().all()
    assert gradient.any()
    assert not gradient[~torch.tensor(known)].any()


# All together -------------------------------------------------------------------------------


def count_terms(*weights):
    return list(zip(weights, [guided_loss, similarity_loss, threshold_loss], strict=True))


@MIXED
@pytest.mark.parametrize("rho, temperature", [(0.0, 1.0), (0.9, 2.0), (1.0, 1.0)])
@pytest.mark.parametrize("betas", [(0.0, 0.0, 0.0), (0.8, 0.1, 0.1), (0.2, 0.3, 0.5)])
def test_the_loss_is_the_weighted_sum_of_its_parts(
    rng, with_unknown, rho, temperature, betas
):
    output, *targets = make_batch(rng, with_unknown)
    loss = EnhancementLoss(
        LabelLoss(), rho=rho, temperature=temperature, terms=count_terms(*betas)
    )
    # Eq. 13, of the classifier, is Eq. 6 without gammas, of the enhancer.
    of_classifier = [output[0], output[0], None]
    expected = rho * guided_with_loops(of_classifier, *targets, 0, 0)
    expected += (1 - rho) * distribution_with_loops(output, *targets, temperature)
    expected += betas[0] * guided_with_loops(output, *targets)
    expected += betas[1] * similarity_with_loops(output, *targets)
    expected += betas[2] * threshold_with_loops(output, *targets)
    result = loss(as_head_output(as_output(output)), as_targets(*targets)).item()
    assert result == pytest.approx(expected, rel=1e-12)  # float64 stays


def make_loss(rho=0.5, terms=()):
    return EnhancementLoss(LabelLoss(), rho=rho, temperature=1.0, terms=list(terms))


@MIXED
@pytest.mark.parametrize("rho", [0.0, 0.5, 1.0])
def test_the_classifiers_loss_does_not_teach_the_enhancer(rng, with_unknown, rho):
    output, *targets = make_batch(rng, with_unknown)
    output = as_output(output)
    make_loss(rho)(as_head_output(output), as_targets(*targets)).backward()
    assert output.logits.grad.any()
    assert output.enhanced.grad is None
    assert output.described.grad is None


@MIXED
def test_the_enhancers_terms_do_not_teach_the_classifier(rng, with_unknown):
    output, *targets = make_batch(rng, with_unknown)
    without, together = as_output(output), as_output(output)
    make_loss()(as_head_output(without), as_targets(*targets)).backward()
    terms = count_terms(1.0, 1.0, 1.0)
    make_loss(terms=terms)(as_head_output(together), as_targets(*targets)).backward()
    assert torch.equal(together.logits.grad, without.logits.grad)
    assert together.enhanced.grad.any()
    assert together.described.grad is None


def test_bfloat16_outputs_are_cast_before_the_loss(rng):
    output, labels, known, weight = make_batch(rng)
    targets = Targets(*(torch.tensor(x).float() for x in (labels, known, weight)))
    targets = Targets(targets.labels, None, targets.sample_weight)
    seen = []

    def term(output, targets):
        seen.extend(x.dtype for x in output)
        return sum(t(output, targets) for _, t in count_terms(1, 1, 1))

    low = [torch.tensor(x).bfloat16() for x in output]
    loss = make_loss(terms=[(1.0, term)])(as_head_output(low), targets)
    high = as_head_output([x.float() for x in low])
    expected = make_loss(terms=[(1.0, term)])(high, targets)
    assert set(seen) == {torch.float32}
    assert loss.dtype == torch.float32
    assert torch.equal(loss, expected)


def test_logits_alone_have_the_loss_of_the_labels(rng):
    output, *targets = make_batch(rng, with_unknown=True)
    targets = as_targets(*targets)
    loss = make_loss(rho=0.1, terms=count_terms(1, 1, 1))
    logits = torch.tensor(output[0])
    assert torch.equal(loss(logits, targets), LabelLoss()(logits, targets))


def test_float32_logits_of_any_size_have_a_finite_loss_and_gradient():
    values = torch.tensor([[1e4, -1e4, 1e4, -1e4]]).repeat(4, 1)
    values[1] *= -1
    output = Enhanced(*(values.clone().requires_grad_() for _ in range(3)))
    labels = torch.tensor([[1.0, 0.0, 0.0, 1.0]]).repeat(4, 1)
    known = torch.tensor([[True] * 4, [True, False] * 2, [False] * 4, [True] * 4])
    loss = make_loss(terms=count_terms(1, 1, 1))
    value = loss(as_head_output(output), Targets(labels * known, known, torch.ones(4)))
    value.backward()
    assert value.isfinite()
    assert output.logits.grad.isfinite().all()
    assert output.enhanced.grad.isfinite().all()


# The enhancer -------------------------------------------------------------------------------

IN_SIZES = (3, 6)


def make_enhancer(fusion, in_sizes=IN_SIZES):
    """Return an enhancer whose batch norms are not those at the start."""
    torch.manual_seed(0)
    enhancer = LabelEnhancer(L, in_sizes, 8, fusion=fusion).double()
    for name, tensor in enhancer.state_dict().items():
        if ".norm." in name and tensor.is_floating_point():
            tensor.copy_(torch.rand_like(tensor) + 0.5)
    return enhancer


def make_features(rng, n_samples=N, in_sizes=IN_SIZES):
    features = [rng.normal(size=(n_samples, size)) for size in in_sizes]
    return features, rng.integers(0, 2, (n_samples, L)).astype(float)


def enhance(enhancer, features, labels):
    return enhancer([torch.tensor(x) for x in features], torch.tensor(labels))


def linear_with_loops(layer, x):
    weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    return np.array([[w @ row + b for w, b in zip(weight, bias)] for row in x])


def block_with_loops(block, x, training):
    """Return BN(LeakyReLU(linear)) and a linear image of it, added."""
    x = linear_with_loops(block.first, x)
    x = np.where(x > 0, x, 0.01 * x)
    state = {name: t.numpy() for name, t in block.norm.state_dict().items()}
    for d in range(x.shape[1]):
        mean, variance = state["running_mean"][d], state["running_var"][d]
        if training:
            mean, variance = x[:, d].mean(), x[:, d].var()
        unit = (x[:, d] - mean) / np.sqrt(variance + 1e-5)
        x[:, d] = state["weight"][d] * unit + state["bias"][d]
    return x + linear_with_loops(block.second, x)


def enhance_with_loops(enhancer, features, labels, fusion, training):
    """Return Eq. 4."""
    blocks = [*enhancer.of_features, enhancer.of_labels]
    parts = [block_with_loops(b, x, training) for b, x in zip(blocks, [*features, labels])]
    fused = np.sum(parts, axis=0) if fusion == "sum" else np.concatenate(parts, axis=1)
    return block_with_loops(enhancer.decode, fused, training)


def test_blocks_start_with_weights_that_keep_the_scale_and_no_bias():
    torch.manual_seed(0)
    enhancer = LabelEnhancer(300, [200], 400)
    for name, parameter in enhancer.named_parameters():
        if name.endswith(".bias"):
            assert not parameter.any()
        elif parameter.ndim == 2:
            expected = (2 / parameter.shape[1]) ** 0.5  # He et al. 2015
            assert parameter.std().item() == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("fusion", ["sum", "concatenate"])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("n_samples, in_sizes", [(N, (3,)), (N, IN_SIZES), (2, IN_SIZES)])
def test_enhancer_equals_loops(rng, fusion, training, n_samples, in_sizes):
    enhancer = make_enhancer(fusion, in_sizes).train(training)
    features, labels = make_features(rng, n_samples, in_sizes)
    expected = enhance_with_loops(enhancer, features, labels, fusion, training)
    result = enhance(enhancer, features, labels)
    np.testing.assert_allclose(result.detach().numpy(), expected, rtol=1e-9)


@pytest.mark.parametrize("fusion", ["sum", "concatenate"])
def test_a_batch_of_one_is_normalized_by_what_was_seen(rng, fusion):
    enhancer = make_enhancer(fusion)
    before = {name: t.clone() for name, t in enhancer.state_dict().items()}
    features, labels = make_features(rng, n_samples=1)
    result = enhance(enhancer.train(), features, labels)
    result.square().sum().backward()
    assert all(p.grad.isfinite().all() for p in enhancer.parameters())
    torch.testing.assert_close(dict(enhancer.state_dict()), before)
    expected = enhance_with_loops(enhancer, features, labels, fusion, training=False)
    np.testing.assert_allclose(result.detach().numpy(), expected, rtol=1e-9)


def test_every_parameter_of_the_enhancer_gets_a_gradient(rng):
    enhancer = make_enhancer("sum").eval()
    enhance(enhancer, *make_features(rng)).square().sum().backward()
    assert all(p.grad.abs().max() > 0 for p in enhancer.parameters())


@pytest.mark.parametrize("n_samples", [1, N])
def test_bfloat16_autocast_is_near_float32(rng, n_samples):
    enhancer = make_enhancer("sum").float().eval()
    features, labels = make_features(rng, n_samples)
    features = [x.astype(np.float32) for x in features]
    with torch.autocast("cpu", torch.bfloat16):
        low = enhance(enhancer.train(n_samples == 1), features, labels.astype(np.float32))
    high = enhance(enhancer, features, labels.astype(np.float32))
    torch.testing.assert_close(low.float(), high, atol=0.1, rtol=0.05)


# Correlation of labels ----------------------------------------------------------------------


def make_correlation(*batches, n_neighbors=2, weight=0.5):
    """Return what has seen batches in training."""
    correlation = LabelCorrelation(batches[0].shape[1], n_neighbors, weight).double()
    for batch in batches:
        correlation(torch.as_tensor(batch))
    return correlation.eval()


def cosines_with_loops(enhanced):
    return np.array([[cosine(a, b) for b in enhanced.T] for a in enhanced.T])


def graph_with_loops(cosines, n_neighbors):
    """Return the cosines of mutual nearest labels, each row divided by its sum."""
    n_labels, nearest = len(cosines), []
    for i in range(n_labels):
        others = [j for j in range(n_labels) if j != i]
        nearest.append(sorted(others, key=lambda j: -cosines[i, j])[:n_neighbors])
    graph = np.zeros((n_labels, n_labels))
    for i in range(n_labels):
        for j in nearest[i]:
            if i in nearest[j] and cosines[i, j] > 0:
                graph[i, j] = cosines[i, j]
        graph[i] /= graph[i].sum() or 1.0
    return graph


@pytest.mark.parametrize("n_neighbors", [1, 2, 3, 5, 20])
@pytest.mark.parametrize("shift", [-0.5, 0.0, 1.0])
@pytest.mark.parametrize("n_batches", [1, 4])
def test_graph_of_the_labels_equals_loops(rng, n_neighbors, shift, n_batches):
    batches = [rng.normal(size=(5, 6)) + shift for _ in range(n_batches)]
    average = np.zeros((6, 6))
    for batch in batches:
        average = 0.9 * average + 0.1 * cosines_with_loops(batch)
    graph = make_correlation(*batches, n_neighbors=n_neighbors).graph().numpy()
    np.testing.assert_allclose(graph, graph_with_loops(average, n_neighbors))
    sums = graph.sum(axis=1)
    assert np.all(np.isclose(sums, 1) | (sums == 0))
    assert (graph >= 0).all()
    assert not graph.diagonal().any()


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("weight", [0.0, 0.5, 2.0])
def test_labels_receive_from_their_neighbors(rng, training, weight):
    seen, enhanced = rng.normal(size=(2, N, L)) + 1
    correlation = make_correlation(seen, weight=weight).train(training)
    average = 0.1 * cosines_with_loops(seen)
    if training:  # the batch counts at once
        average = 0.9 * average + 0.1 * cosines_with_loops(enhanced)
    graph, expected = graph_with_loops(average, 2), enhanced.copy()
    for n in range(N):
        for i in range(L):
            expected[n, i] += weight * sum(graph[i, j] * enhanced[n, j] for j in range(L))
    np.testing.assert_allclose(correlation(torch.tensor(enhanced)), expected)


def test_before_training_no_labels_are_correlated(rng):
    enhanced = torch.tensor(rng.normal(size=(N, L)))
    correlation = LabelCorrelation(L, 2, 0.5).double().eval()
    assert not correlation.graph().any()
    assert torch.equal(correlation(enhanced), enhanced)


def test_in_evaluation_samples_do_not_see_each_other(rng):
    correlation = make_correlation(rng.normal(size=(N, L)))
    enhanced, graph = torch.tensor(rng.normal(size=(N, L))), correlation.graph()
    each = torch.cat([correlation(sample[None]) for sample in enhanced])
    torch.testing.assert_close(correlation(enhanced), each)
    assert torch.equal(correlation.graph(), graph)


def test_labels_that_are_opposite_or_zero_are_not_correlated():
    enhanced = torch.tensor([[1.0, -1.0, 0.0], [2.0, -2.0, 0.0]])
    assert not make_correlation(enhanced.double()).graph().any()


@pytest.mark.parametrize("n_labels", [1, 2])
def test_correlation_of_few_labels(n_labels):
    graph = make_correlation(np.ones((4, n_labels)), n_neighbors=3).graph()
    torch.testing.assert_close(graph, torch.ones_like(graph) - torch.eye(n_labels))


def test_scale_of_a_label_does_not_change_the_graph(rng):
    enhanced = rng.normal(size=(5, 6))
    scaled = enhanced * np.arange(1, 7)
    torch.testing.assert_close(
        make_correlation(scaled).graph(), make_correlation(enhanced).graph()
    )


def test_permuting_the_labels_permutes_their_correlation(rng):
    enhanced, order = rng.normal(size=(8, 6)), rng.permutation(6)
    correlation = make_correlation(enhanced)
    permuted = make_correlation(enhanced[:, order])
    torch.testing.assert_close(permuted.graph(), correlation.graph()[order][:, order])
    enhanced = torch.tensor(enhanced)
    torch.testing.assert_close(
        permuted(enhanced[:, order]), correlation(enhanced)[:, order]
    )


def test_no_gradient_passes_through_the_graph(rng):
    enhanced = torch.tensor(rng.normal(size=(N, L)), requires_grad=True)
    correlation = LabelCorrelation(L, 2, 0.5).double()
    first = correlation(enhanced)
    graph = correlation.graph()
    assert not graph.requires_grad
    correlation(enhanced * 2 + 1)  # a further batch does not disturb the backward pass
    first.sum().backward()
    # The sum is linear in what is enhanced where the graph is constant.
    torch.testing.assert_close(enhanced.grad, (1 + 0.5 * graph.sum(0)).expand(N, L))


def test_the_graph_is_learned_under_bfloat16_autocast(rng):
    enhanced = torch.tensor(rng.normal(size=(32, L)) + 1, dtype=torch.float32)
    low, high = LabelCorrelation(L, 2, 0.5), LabelCorrelation(L, 2, 0.5)
    with torch.autocast("cpu", torch.bfloat16):
        result = low(enhanced.bfloat16())
    torch.testing.assert_close(result.float(), high(enhanced), atol=0.05, rtol=0.05)
    assert low.cosines.dtype == torch.float32
    torch.testing.assert_close(low.graph(), high.graph(), atol=0.02, rtol=0)
