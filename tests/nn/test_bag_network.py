"""The classifier of bags against its layers written as loops, and what follows from them."""

import numpy as np
import pytest
import torch
from torch import nn

from skmlc.nn.bag_network import BagNetwork
from skmlc.nn.instance_topology import InstanceTopology
from skmlc.nn.nodes import Group, Layout, Nodes

F, D, L = 4, 6, 3
SIZES = [1, 1, 2, 3, 5, 5, 6, 8, 9]
N_LAYERS = [1, 2, 3]


def make_network(n_layers=2, seed=0, interaction=None, **options):
    torch.manual_seed(seed)
    network = BagNetwork(
        L, F, hidden_size=D, n_layers=n_layers,
        topology=interaction and make_topology(interaction), **options,
    )  # fmt: skip
    return network.double()


def make_topology(interaction):
    return InstanceTopology(F, 5, size=2, interaction=interaction, bandwidth=1.0)


def make_bags(sizes=SIZES):
    rng = np.random.default_rng(0)
    return [rng.normal(size=(n, F)) - 1 for n in sizes]


def as_nodes(bags, padding=0.0):
    """Return a batch of bags in two groups, each padded to its longest bag."""
    half, groups, values, row = len(bags) // 2, [], [], 0
    for start, stop in [(0, half), (half, len(bags))]:
        lengths = np.array([len(bag) for bag in bags[start:stop]])
        mask = np.arange(lengths.max()) < lengths[:, None]  # (n, S)
        padded = np.full((*mask.shape, bags[0].shape[1]), padding)
        padded[mask] = np.concatenate(bags[start:stop])
        rows = slice(row, row + mask.size)
        row = rows.stop
        known = None if mask.all() else torch.tensor(mask)
        groups.append(Group(slice(start, stop), rows, *mask.shape, known))
        values.append(padded.reshape(-1, bags[0].shape[1]))
    return Nodes(torch.tensor(np.concatenate(values)), Layout(tuple(groups), len(bags)))


def alone(bag):
    """Return a batch of one bag, without padding."""
    return Nodes(torch.as_tensor(bag), Layout.regular(1, len(bag)))


def array(parameter):
    return parameter.detach().numpy()


def transform_with_loops(bag, network):
    """Return the transformed instances of a bag, one list of numbers each."""
    instances = []
    for x in bag:
        for layer in network.transform:
            if isinstance(layer, nn.Linear):
                x = [max(0, w @ x + b) for w, b in zip(*map(array, layer.parameters()))]
        instances.append(np.array(x))
    return instances


def parts_with_loops(bag, network):
    """Return the part (L, K) that each instance of a bag has in each logit."""
    instances = transform_with_loops(bag, network)
    of_mean, of_max = array(network.of_mean.weight), array(network.of_max.weight)
    parts = np.zeros((L, len(bag)))
    for s, x in enumerate(instances):
        for d in range(len(x)):
            parts[:, s] += of_mean[:, d] * x[d] / len(bag)
            if s == np.argmax([other[d] for other in instances]):
                parts[:, s] += of_max[:, d] * x[d]
    return parts


def topology_with_loops(bag, network):
    """Return what the graph of a bag adds to its logits (L,)."""
    first, _, second = network.of_topology
    variation = array(network.topology(alone(bag))[1][0])
    hidden = [max(0, w @ variation + b) for w, b in zip(*map(array, first.parameters()))]
    return array(second.weight) @ hidden


# Layers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_layers", N_LAYERS)
def test_logits_equal_loops(n_layers):
    network, bags = make_network(n_layers), make_bags()
    for logits, bag in zip(array(network(as_nodes(bags))), bags, strict=True):
        expected = parts_with_loops(bag, network).sum(axis=1) + array(network.of_mean.bias)
        np.testing.assert_allclose(logits, expected)


@pytest.mark.parametrize("n_layers", N_LAYERS)
def test_as_many_linear_layers_as_said(n_layers):
    network = make_network(n_layers)
    before = [m for m in network.transform if isinstance(m, nn.Linear)]
    sizes = [F, *[D] * (n_layers - 1)]
    assert [m.in_features for m in [*before, network.of_mean]] == sizes
    assert network.of_max.in_features == sizes[-1]


def test_one_layer_is_a_linear_classifier_of_mean_and_maximum():
    network, bags = make_network(n_layers=1), make_bags()
    pooled = np.array([np.concatenate([bag.mean(axis=0), bag.max(axis=0)]) for bag in bags])
    np.testing.assert_allclose(array(network.represent(as_nodes(bags))), pooled)
    weight = np.hstack([array(network.of_mean.weight), array(network.of_max.weight)])
    expected = pooled @ weight.T + array(network.of_mean.bias)
    np.testing.assert_allclose(array(network(as_nodes(bags))), expected)


@pytest.mark.parametrize("n_layers", N_LAYERS)
def test_a_bag_is_represented_by_mean_and_maximum_of_its_instances(n_layers):
    network, bags = make_network(n_layers), make_bags()
    for got, bag in zip(array(network.represent(as_nodes(bags))), bags, strict=True):
        instances = np.array(transform_with_loops(bag, network))
        expected = np.concatenate([instances.mean(axis=0), instances.max(axis=0)])
        np.testing.assert_allclose(got, expected)


def test_dropout_is_in_training_only():
    network, nodes = make_network(dropout=0.5), as_nodes(make_bags())
    assert (network(nodes) - network(nodes)).abs().max() > 1e-3
    network.eval()
    assert torch.equal(network(nodes), network(nodes))
    torch.testing.assert_close(network(nodes), make_network(dropout=0.0)(nodes))


def test_dropout_is_of_transformed_instances():
    network, nodes = make_network(dropout=0.5), as_nodes(make_bags())
    dropped = network.instances(nodes).values
    kept = dropped != 0
    whole = network.eval().instances(nodes).values
    torch.testing.assert_close(dropped[kept], 2 * whole[kept])
    assert 0.3 < kept[whole > 0].double().mean() < 0.7


# Parts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_layers", N_LAYERS)
def test_parts_equal_loops(n_layers):
    network, bags = make_network(n_layers), make_bags()
    nodes = as_nodes(bags, padding=1e3)
    parts = nodes.layout.per_sample(network.contributions(nodes))
    for part, bag in zip(parts, bags, strict=True):
        np.testing.assert_allclose(part, parts_with_loops(bag, network), atol=1e-15)


@pytest.mark.parametrize("interaction", [None, "energy", "filter"])
def test_parts_bias_and_topology_sum_to_the_logits(interaction):
    network, bags = make_network(interaction=interaction), make_bags()
    nodes = as_nodes(bags)
    parts = nodes.layout.per_sample(network.contributions(nodes))
    for logits, part, bag in zip(array(network(nodes)), parts, bags, strict=True):
        expected = part.sum(axis=1) + array(network.of_mean.bias)
        if interaction:
            expected = expected + topology_with_loops(bag, network)
        np.testing.assert_allclose(logits, expected)


# Topology -----------------------------------------------------------------------------------


@pytest.mark.parametrize("interaction", ["energy", "filter"])
def test_topology_changes_the_logits(interaction):
    plain, network = make_network(), make_network(interaction=interaction)
    network.load_state_dict(plain.state_dict(), strict=False)
    nodes = as_nodes(make_bags())
    change = network(nodes) - plain(nodes)
    # Bags of one instance have no graph: they differ by a constant.
    torch.testing.assert_close(change[0], change[1])
    assert (change[2:] - change[0]).abs().amax(1).gt(1e-6).all()


def test_topology_tells_bags_apart_that_have_the_same_mean_and_maximum():
    near = np.array([[0.0], [1.0], [2.0], [3.0]])
    apart = np.array([[0.0], [0.0], [3.0], [3.0]])
    torch.manual_seed(0)
    topology = InstanceTopology(1, 5, size=2, n_neighbors=1, bandwidth=1.0)
    network = BagNetwork(L, 1, hidden_size=D, n_layers=1, topology=topology).double()
    nodes = as_nodes([near, apart])
    pooled = network.represent(nodes)
    torch.testing.assert_close(pooled[0], pooled[1])
    logits = network(nodes)
    assert (logits[0] - logits[1]).abs().max() > 1e-6


# Invariances --------------------------------------------------------------------------------


@pytest.mark.parametrize("n_layers", N_LAYERS)
@pytest.mark.parametrize("interaction", [None, "energy"])
def test_order_of_the_instances_does_not_matter(n_layers, interaction):
    network, bags = make_network(n_layers, interaction=interaction), make_bags()
    rng = np.random.default_rng(1)
    shuffled = [rng.permutation(bag) for bag in bags]
    torch.testing.assert_close(network(as_nodes(bags)), network(as_nodes(shuffled)))


@pytest.mark.parametrize("n_layers", N_LAYERS)
@pytest.mark.parametrize("interaction", [None, "energy"])
def test_padding_changes_neither_logits_nor_gradients(n_layers, interaction):
    network, bags = make_network(n_layers, interaction=interaction), make_bags()
    results = []
    for padding in (0.0, 1e3):
        network.zero_grad()
        logits = network(as_nodes(bags, padding))
        logits.square().sum().backward()
        results.append([logits.detach(), *[p.grad.clone() for p in network.parameters()]])
    torch.testing.assert_close(*results)


@pytest.mark.parametrize("n_layers", N_LAYERS)
@pytest.mark.parametrize("interaction", [None, "energy"])
def test_bags_do_not_see_each_other(n_layers, interaction):
    network, bags = make_network(n_layers, interaction=interaction), make_bags()
    each = torch.cat([network(alone(bag)) for bag in bags])
    torch.testing.assert_close(network(as_nodes(bags)), each)


@pytest.mark.parametrize("n_layers", N_LAYERS)
@pytest.mark.parametrize("interaction", [None, "energy"])
def test_every_parameter_gets_a_gradient(n_layers, interaction):
    network = make_network(n_layers, interaction=interaction)
    network(as_nodes(make_bags())).square().sum().backward()
    for name, p in network.named_parameters():
        # The graph is the same wherever all projected instances are moved together.
        if name != "topology.project.2.bias":
            assert p.grad.abs().max() > 1e-9, name


@pytest.mark.parametrize("interaction", [None, "energy"])
def test_bfloat16_autocast_is_near_float32(interaction):
    network = make_network(interaction=interaction).float()
    nodes = as_nodes(make_bags())
    nodes = Nodes(nodes.values.float(), nodes.layout)
    with torch.autocast("cpu", torch.bfloat16):
        low = network(nodes)
    torch.testing.assert_close(low.float(), network(nodes), atol=0.05, rtol=0.05)
