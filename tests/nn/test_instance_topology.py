"""The graph between the instances of a bag against Eq. 1-3 of GLEMIML, written as loops."""

from copy import deepcopy

import numpy as np
import pytest
import torch

from skmlc.nn.instance_topology import INTERACTIONS, InstanceTopology, mutual_neighbors
from skmlc.nn.nodes import Group, Layout, Nodes

F, P = 4, 3
SIZES = [1, 1, 2, 3, 5, 5, 6, 8, 9]


def make_topology(**options):
    torch.manual_seed(0)
    return InstanceTopology(F, 7, size=P, **options).double()


def make_bags(sizes=SIZES, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(n, F)) for n in sizes]


def as_nodes(bags, padding=0.0):
    """Return a batch of bags in two groups, each padded to its longest bag."""
    half, groups, values, row = len(bags) // 2, [], [], 0
    for start, stop in [(0, half), (half, len(bags))]:
        lengths = np.array([len(bag) for bag in bags[start:stop]])
        mask = np.arange(lengths.max()) < lengths[:, None]  # (n, S)
        padded = np.full((*mask.shape, F), padding)
        padded[mask] = np.concatenate(bags[start:stop])
        rows = slice(row, row + mask.size)
        row = rows.stop
        known = None if mask.all() else torch.tensor(mask)
        groups.append(Group(slice(start, stop), rows, *mask.shape, known))
        values.append(padded.reshape(-1, F))
    return Nodes(torch.tensor(np.concatenate(values)), Layout(tuple(groups), len(bags)))


def alone(bag):
    """Return a batch of one bag, without padding."""
    return Nodes(torch.as_tensor(bag), Layout.regular(1, len(bag)))


# Loops --------------------------------------------------------------------------------------


def project_with_loops(bag, topology):
    """Return the projected instances (K, P) of a bag, Eq. 1."""
    first, _, second = topology.project
    rows = []
    for instance in bag:
        hidden = first.weight.detach().numpy() @ instance + first.bias.detach().numpy()
        hidden = [h if h > 0 else 0.01 * h for h in hidden]
        rows.append(second.weight.detach().numpy() @ hidden + second.bias.detach().numpy())
    return np.array(rows)


def squares_with_loops(s):
    """Return the squared distances (K, K) of instances (K, P)."""
    return np.array([[np.sum((a - b) ** 2) for b in s] for a in s])


def neighbors_with_loops(distances, n_neighbors):
    """Return which instances are among the nearest of each other."""
    size = len(distances)
    nearest = []
    for i in range(size):
        others = sorted((j for j in range(size) if j != i), key=lambda j: distances[i][j])
        nearest.append(others[:n_neighbors])
    edges = np.zeros((size, size), dtype=bool)
    for i in range(size):
        for j in nearest[i]:
            edges[i, j] = i in nearest[j]
    return edges


def similarities_with_loops(s, n_neighbors, width):
    """Return a (K, K), Eq. 2."""
    squares, a = squares_with_loops(s), np.zeros((len(s), len(s)))
    for k, m in np.argwhere(neighbors_with_loops(squares, n_neighbors)):
        a[k, m] = np.exp(-squares[k, m] / (2 * width))
    return a


def variation_with_loops(s, a, interaction):
    """Return what Eq. 3 says of instances (K, P) with similarities (K, K)."""
    size = len(s)
    laplacian = -a
    for k in range(size):
        laplacian[k, k] = sum(a[k])
    if interaction == "filter":
        filtered = np.zeros(P)
        for k in range(size):
            filtered += abs(sum(laplacian[k, m] * s[m] for m in range(size)))
        return filtered / size
    total = np.zeros((P, P))
    for k in range(size):
        for m in range(size):
            total += laplacian[k, m] * np.outer(s[k], s[m])
    return total.ravel() / size


def mean_square_of_edges(projected, n_neighbors):
    """Return the mean squared length of the edges of all bags."""
    lengths = []
    for s in projected:
        squares = squares_with_loops(s)
        lengths += list(squares[neighbors_with_loops(squares, n_neighbors)])
    return np.mean(lengths)


# Mutual neighbors ---------------------------------------------------------------------------


def random_distances(n_bags, size, seed=0):
    points = np.random.default_rng(seed).normal(size=(n_bags, size, 2))
    return np.array([squares_with_loops(p) for p in points])


@pytest.mark.parametrize("n_neighbors", [1, 2, 3, 5, 6, 20])
def test_neighbors_equal_loops(n_neighbors):
    distances = random_distances(4, 7)
    edges = mutual_neighbors(torch.tensor(distances), n_neighbors)
    for got, expected in zip(edges.numpy(), distances, strict=True):
        np.testing.assert_array_equal(got, neighbors_with_loops(expected, n_neighbors))


def test_neighbors_are_symmetric_and_without_self_loops_even_with_ties():
    edges = mutual_neighbors(torch.zeros(1, 6, 6), 2)
    assert torch.equal(edges, edges.transpose(1, 2))
    assert not edges.diagonal(dim1=1, dim2=2).any()
    assert (edges.sum(-1) <= 2).all()


def test_as_many_neighbors_as_others_link_all():
    edges = mutual_neighbors(torch.tensor(random_distances(2, 5)), 4)
    assert torch.equal(edges, ~torch.eye(5, dtype=torch.bool).expand(2, 5, 5))


def test_one_instance_has_no_neighbor():
    assert not mutual_neighbors(torch.zeros(3, 1, 1), 4).any()


def test_nearest_of_whom_one_is_nearer_to_another_is_no_neighbor():
    points = torch.tensor([[0.0], [2.0], [3.0]])  # that of 0 is 2, that of 2 is 3
    edges = mutual_neighbors((points - points.T).abs()[None], 1)[0]
    assert edges.nonzero().tolist() == [[1, 2], [2, 1]]


# Eq. 1-3 ------------------------------------------------------------------------------------


@pytest.mark.parametrize("interaction", INTERACTIONS)
@pytest.mark.parametrize("n_neighbors", [1, 3, 20])
@pytest.mark.parametrize("bandwidth", ["mean", 0.05, 2.0])
def test_variation_equals_loops(interaction, n_neighbors, bandwidth):
    topology = make_topology(
        interaction=interaction, n_neighbors=n_neighbors, bandwidth=bandwidth
    )
    bags = make_bags()
    projected, variation = topology(as_nodes(bags))
    expected = [project_with_loops(bag, topology) for bag in bags]
    for got, s in zip(split(projected), expected, strict=True):
        np.testing.assert_allclose(got, s)
    width = bandwidth
    if bandwidth == "mean":
        width = mean_square_of_edges(expected, n_neighbors)
    assert variation.shape == (len(bags), topology.out_size)
    for got, s in zip(variation.detach().numpy(), expected, strict=True):
        a = similarities_with_loops(s, n_neighbors, width)
        np.testing.assert_allclose(
            got, variation_with_loops(s, a, interaction), rtol=1e-8, atol=1e-14
        )


def split(nodes):
    """Return the instances (K, P) of each bag, without padding."""
    values = [values.transpose(1, 2) for _, values in nodes.groups()]  # (n, P, S)
    return [bag.T for bag in nodes.layout.per_sample(values)]


@pytest.mark.parametrize("n_neighbors", [1, 4])
def test_trace_is_the_weighted_length_of_the_edges(n_neighbors):
    topology = make_topology(n_neighbors=n_neighbors, bandwidth=0.3)
    bags = make_bags()
    energies = topology(as_nodes(bags))[1].view(-1, P, P).detach().numpy()
    for bag, energy in zip(bags, energies, strict=True):
        s = project_with_loops(bag, topology)
        squares, a = squares_with_loops(s), similarities_with_loops(s, n_neighbors, 0.3)
        np.testing.assert_allclose(np.trace(energy) * len(bag), (a * squares).sum() / 2)
        np.testing.assert_allclose(energy, energy.T, atol=1e-15)
        assert np.linalg.eigvalsh(energy).min() > -1e-12  # G has no negative eigenvalue


def test_without_interaction_instances_are_projected_only():
    topology, bags = make_topology(interaction=None), make_bags()
    projected, variation = topology(as_nodes(bags))
    assert variation is None
    assert topology.out_size == 0
    for got, bag in zip(split(projected), bags, strict=True):
        np.testing.assert_allclose(got, project_with_loops(bag, topology))


@pytest.mark.parametrize("interaction", INTERACTIONS)
def test_order_of_the_instances_does_not_matter(interaction):
    topology, bags = make_topology(interaction=interaction), make_bags()
    rng = np.random.default_rng(1)
    shuffled = [rng.permutation(bag) for bag in bags]
    torch.testing.assert_close(topology(as_nodes(bags))[1], topology(as_nodes(shuffled))[1])


@pytest.mark.parametrize("interaction", INTERACTIONS)
def test_moving_all_projected_instances_changes_nothing(interaction):
    topology, nodes = make_topology(interaction=interaction), as_nodes(make_bags())
    before = topology(nodes)[1]
    with torch.no_grad():
        topology.project[-1].bias += 2
    torch.testing.assert_close(topology(nodes)[1], before)


@pytest.mark.parametrize("interaction", INTERACTIONS)
@pytest.mark.parametrize("bandwidth", ["mean", 1.0])
def test_one_instance_does_not_vary(interaction, bandwidth):
    topology = make_topology(interaction=interaction, bandwidth=bandwidth)
    assert not topology(as_nodes(make_bags([1, 1, 1])))[1].any()
    mixed = topology(as_nodes(make_bags()))[1]
    assert not mixed[:2].any()
    assert mixed[2:].abs().amax(1).gt(0).all()


@pytest.mark.parametrize("bandwidth", ["mean", 1.0])
def test_equal_instances_do_not_vary(bandwidth):
    topology = make_topology(bandwidth=bandwidth)
    variation = topology(as_nodes([np.ones((n, F)) for n in (2, 3, 3, 5)]))[1]
    torch.testing.assert_close(variation, torch.zeros_like(variation), atol=1e-12, rtol=0)


# Batches ------------------------------------------------------------------------------------


@pytest.mark.parametrize("interaction", INTERACTIONS)
def test_with_a_fixed_bandwidth_bags_do_not_see_each_other(interaction):
    topology = make_topology(interaction=interaction, bandwidth=0.5)
    bags = make_bags()
    together = topology(as_nodes(bags))[1]
    each = torch.cat([topology(alone(bag))[1] for bag in bags])
    torch.testing.assert_close(together, each)


def batches_of_bags():
    """Return three batches, the second of which has no edges."""
    return [make_bags(seed=1), make_bags([1, 1]), make_bags([3, 6], seed=2)]


@pytest.mark.parametrize("training", [False, True])
def test_the_mean_bandwidth_is_averaged_over_the_batches_of_training(training):
    topology = make_topology(n_neighbors=2)
    widths = []
    for bags in batches_of_bags():
        topology(as_nodes(bags))
        projected = [project_with_loops(bag, topology) for bag in bags if len(bag) > 1]
        widths += [mean_square_of_edges(projected, 2)] if projected else []
    expected = 0.9 * widths[0] + 0.1 * widths[1]
    bags = make_bags([2, 4, 5], seed=3)
    if training:
        projected = [project_with_loops(bag, topology) for bag in bags]
        expected = 0.9 * expected + 0.1 * mean_square_of_edges(projected, 2)
    fixed = make_topology(n_neighbors=2, bandwidth=expected)
    for _ in range(1 if training else 2):  # in evaluation nothing is averaged
        variation = topology.train(training)(as_nodes(bags))[1]
        torch.testing.assert_close(variation, fixed(as_nodes(bags))[1])


def test_in_evaluation_bags_do_not_see_each_other():
    topology, bags = make_topology(), make_bags()
    topology(as_nodes(make_bags(seed=1)))
    topology.eval()
    each = torch.cat([topology(alone(bag))[1] for bag in bags])
    torch.testing.assert_close(topology(as_nodes(bags))[1], each)


@pytest.mark.parametrize("sizes", [None, [1, 1]])
def test_without_an_edge_seen_the_mean_bandwidth_is_one(sizes):
    topology, nodes = make_topology(), as_nodes(make_bags())
    if sizes:
        topology(as_nodes(make_bags(sizes)))
    expected = make_topology(bandwidth=1.0)(nodes)[1]
    torch.testing.assert_close(topology.eval()(nodes)[1], expected)


def test_a_further_batch_does_not_disturb_the_backward_pass():
    topology, bags = make_topology(), make_bags()
    expected = gradients(topology, as_nodes(bags))
    values = as_nodes(bags).values.requires_grad_()
    variation = topology(Nodes(values, as_nodes(bags).layout))[1]
    topology(as_nodes(make_bags(seed=1)))
    weigh(variation).backward()
    torch.testing.assert_close(values.grad, expected["values"])


@pytest.mark.parametrize("interaction", INTERACTIONS)
@pytest.mark.parametrize("bandwidth", ["mean", 0.5])
def test_what_padding_holds_does_not_matter(interaction, bandwidth):
    topology = make_topology(interaction=interaction, bandwidth=bandwidth)
    bags = make_bags()
    clean = gradients(topology, as_nodes(bags))
    torch.testing.assert_close(gradients(topology, as_nodes(bags, 1e3)), clean)
    dirty = gradients(topology, as_nodes(bags, np.nan))
    for name in ("variation", "values"):
        torch.testing.assert_close(dirty[name], clean[name])


def weigh(variation):
    """Return a sum in which no two entries count the same."""
    return (variation * torch.arange(variation.numel()).view_as(variation)).sum()


def gradients(topology, nodes):
    """Return the variation, and the gradients of instances and parameters."""
    topology = deepcopy(topology)
    values = nodes.values.clone().requires_grad_()
    variation = topology(Nodes(values, nodes.layout))[1]
    weigh(variation).backward()
    found = {name: p.grad for name, p in topology.named_parameters()}
    return found | {"variation": variation.detach(), "values": values.grad}


# Gradients ----------------------------------------------------------------------------------


@pytest.mark.parametrize("interaction", INTERACTIONS)
def test_gradients_pass_through_weights_and_instances(interaction):
    topology = make_topology(interaction=interaction, n_neighbors=2, bandwidth=0.5)
    nodes = as_nodes(make_bags([1, 3, 4]))

    def variation(values):
        return topology(Nodes(values, nodes.layout))[1]

    assert torch.autograd.gradcheck(variation, (nodes.values.requires_grad_(),))


def test_the_gradient_of_two_instances_is_that_by_hand():
    # In one dimension W of two instances is exp(-d^2 / 2w) d^2 / 2, d their distance.
    topology = InstanceTopology(1, 1, size=1, bandwidth=0.7).double()
    topology.project = torch.nn.Identity()
    values = torch.tensor([[0.2], [1.5]], dtype=torch.float64, requires_grad=True)
    topology(Nodes(values, Layout.regular(1, 2)))[1].sum().backward()
    d, w = -1.3, 0.7
    slope = np.exp(-(d**2) / (2 * w)) * (d - d**3 / (2 * w))
    np.testing.assert_allclose(values.grad.ravel(), [slope, -slope])


@pytest.mark.parametrize("interaction", INTERACTIONS)
def test_the_mean_bandwidth_is_held_constant_by_the_gradient(interaction):
    topology, bags = make_topology(interaction=interaction), make_bags()
    projected = [project_with_loops(bag, topology) for bag in bags]
    fixed = deepcopy(topology)
    fixed.bandwidth = mean_square_of_edges(projected, topology.n_neighbors)
    torch.testing.assert_close(
        gradients(topology, as_nodes(bags)), gradients(fixed, as_nodes(bags))
    )


@pytest.mark.parametrize("interaction", INTERACTIONS)
def test_gradients_are_finite_where_nothing_varies(interaction):
    bags = [np.ones((n, F)) for n in (1, 1, 2, 4)]
    found = gradients(make_topology(interaction=interaction), as_nodes(bags))
    assert all(g.isfinite().all() for g in found.values())


@pytest.mark.parametrize("interaction", INTERACTIONS)
@pytest.mark.parametrize("bandwidth", ["mean", 1.0])
def test_bfloat16_autocast_is_near_float32(interaction, bandwidth):
    # All are linked: which of two neighbors is nearer, bfloat16 cannot always tell.
    topology = make_topology(interaction=interaction, bandwidth=bandwidth, n_neighbors=8)
    nodes = as_nodes(make_bags())
    nodes = Nodes(nodes.values.float(), nodes.layout)
    with torch.autocast("cpu", torch.bfloat16):
        low = deepcopy(topology.float())(nodes)[1].float()
    high = topology(nodes)[1]
    assert (low - high).norm() < 0.03 * high.norm()


def test_instances_far_from_zero_are_told_apart_in_float32():
    topology, nodes = make_topology(interaction="filter"), as_nodes(make_bags())
    expected = topology(nodes)[1]
    with torch.no_grad():
        topology.project[-1].bias += 100
    low = topology.float()(Nodes(nodes.values.float(), nodes.layout))[1]
    assert (low - expected).norm() < 1e-2 * expected.norm()
