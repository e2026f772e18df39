"""Encodings of numeric columns, against loops over their definitions, and within estimators."""

import math
import re
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from skmlc import (
    EmbMLPClassifier,
    GLEMIMLClassifier,
    GMMLICClassifier,
    LaMPClassifier,
)
from skmlc.inputs import Bags, FeatureEncoder, InstanceEncoder
from skmlc.inputs.encoders.columns import Periodic, PiecewiseLinear, Standardized
from skmlc.inputs.encoders.training_values import MOST_SAMPLES, lost_columns
from skmlc.training.batches import read_batch


@pytest.fixture
def columns():
    rng = np.random.default_rng(0)
    return np.column_stack(
        [rng.normal(size=40), rng.lognormal(sigma=3, size=40), rng.integers(0, 3, 40)]
    )


def encode(module, values):
    return module(torch.from_numpy(values)).detach().numpy()


def test_entries_are_how_far_a_value_is_into_each_interval(columns):
    module = PiecewiseLinear(columns, np.ones(40), n_bins=4)
    new = np.array([[0.3, 2.0, 1.0], [9.0, -5.0, 2.0]])
    entries = []
    for column, values in zip(columns.T, new.T):
        edges = sorted(set(np.sort(column)[[0, 9, 19, 29, 39]]))
        for low, high in pairwise(edges):
            training, given = (
                np.array([min(1, max(0, (x - low) / (high - low))) for x in part])
                for part in (column, values)
            )
            spread = max(training.std(), 0.05)
            entries.append((given - training.mean()) / spread)
    np.testing.assert_allclose(encode(module, new), np.column_stack(entries))
    assert module.n_outputs == len(entries) == 4 + 4 + 2


def test_neither_scale_nor_outliers_of_a_column_matter(columns):
    plain, scaled = (
        PiecewiseLinear(values, np.ones(40), 4) for values in (columns, 1e6 * columns - 7)
    )
    np.testing.assert_allclose(
        encode(plain, columns), encode(scaled, 1e6 * columns - 7), atol=1e-8
    )
    largest = columns.max(0, keepdims=True)
    np.testing.assert_allclose(encode(plain, largest), encode(plain, 1e9 * largest))


def test_a_constant_column_says_nothing():
    module = PiecewiseLinear(np.full((5, 2), 3.0), np.ones(5), 8)
    assert (encode(module, np.full((5, 2), 3.0)) == 0).all()


def test_waves_are_sines_and_cosines_of_the_standardized_value(columns):
    module = Periodic(columns, np.ones(40), n_frequencies=2, scale=0.5).double()
    frequencies = module.frequencies.detach().numpy()
    expected = []
    for j, column in enumerate(columns.T):
        z = (column - column.mean()) / column.std()
        waves = [2 * math.pi * c * z for c in frequencies[j]]
        expected += [z, *map(np.sin, waves), *map(np.cos, waves)]
    np.testing.assert_allclose(encode(module, columns), np.column_stack(expected))
    assert module.n_outputs == len(expected)


def test_values_are_standardized_and_clipped_at_five_deviations(columns):
    values = np.column_stack([columns, np.ones(40)])
    expected = (values - values.mean(0)) / np.where(values.std(0) > 0, values.std(0), 1)
    np.testing.assert_allclose(
        encode(Standardized(values, np.ones(40)), values), expected.clip(-5, 5)
    )
    assert (encode(Standardized(values, np.ones(40)), np.full((1, 4), 1e9)) == 5).all()


@pytest.mark.parametrize("encoding", ["standardized", "piecewise_linear", "periodic", None])
def test_entries_stand_with_the_column_they_come_from(columns, encoding):
    encoder = FeatureEncoder(skip_encoding=encoding, n_bins=4, n_frequencies=2)
    module = encoder.fit_columns(columns, np.arange(40), np.ones(40)).skip.double()
    before = encode(module, columns[:1])
    changed = columns[:1].copy()
    changed[0, 1] = np.median(columns[:, 1])
    differs = encode(module, changed)[0] != before[0]
    assert set(module.source[differs].tolist()) == {1}
    assert len(module.source) == module.n_outputs


def test_columns_are_those_of_the_training_rows_alone(columns):
    rows = np.arange(0, 40, 2)
    module = FeatureEncoder().fit_columns(columns, rows, np.ones(40)).skip
    np.testing.assert_array_equal(
        module.lower, PiecewiseLinear(columns[rows], np.ones(20), 8).lower
    )
    bags = Bags([columns[:10], columns[10:25], columns[25:]])
    of_bags = InstanceEncoder().fit_columns(bags, np.array([0, 2]), np.ones(3)).skip
    alone = PiecewiseLinear(np.r_[columns[:10], columns[25:]], np.ones(25), 8)
    np.testing.assert_array_equal(of_bags.lower, alone.lower)


@pytest.mark.parametrize("encoding", ["standardized", "piecewise_linear", "periodic"])
def test_a_weight_of_two_is_the_sample_twice(columns, encoding):
    encoder = FeatureEncoder(skip_encoding=encoding)
    weight = np.arange(40) % 3
    rows, repeated = np.flatnonzero(weight), np.repeat(columns, weight, axis=0)
    states = []
    for X, own, counts in (
        (columns, rows, weight.astype(float)),
        (repeated, np.arange(len(repeated)), np.ones(len(repeated))),
    ):
        torch.manual_seed(0)
        module = encoder.fit_columns(X, own, counts).skip
        states.append(encode(module, columns))
    np.testing.assert_allclose(*states, atol=1e-9)


def test_of_very_many_samples_some_are_read():
    X = np.arange(3.0 * MOST_SAMPLES)[:, None]
    module = FeatureEncoder().fit_columns(X, np.arange(len(X)), np.ones(len(X))).skip
    edges = np.linspace(0, len(X), 9)[:-1]
    np.testing.assert_allclose(module.lower, edges, atol=0.03 * len(X))


@pytest.mark.parametrize("encoding", ["auto", "piecewise_linear", "periodic"])
def test_a_node_per_feature_reads_the_entries_of_its_column(columns, encoding):
    encoder = FeatureEncoder("features", encoding=encoding, n_bins=4, n_frequencies=2)
    Y = np.random.default_rng(1).integers(0, 2, (40, 2))
    model = EmbMLPClassifier(
        encoder=encoder, hidden_size=3, max_epochs=1, random_state=0, precision="float64"
    ).fit(columns, Y)
    network = model.module_
    module = network.columns.nodes
    entries = module(torch.from_numpy(columns))
    weight, bias = network.encoder.weight, network.encoder.bias
    expected = torch.zeros(40, 3, 3, dtype=torch.float64) + bias
    place = [0, 0, 0]
    for entry, column in enumerate(module.source.tolist()):
        product = entries[:, entry, None] * weight[column, place[column]]
        expected[:, column] = expected[:, column] + product
        place[column] += 1
    np.testing.assert_allclose(
        model.transform(columns), expected.mean(1).detach().numpy(), atol=1e-12
    )


@pytest.mark.parametrize("encoding", ["auto", "periodic", "standardized", None])
@pytest.mark.parametrize("form", [np.asarray, lambda X: Bags(list(X[:, None]))])
def test_nodes_and_skip_read_what_each_is_told_to(columns, encoding, form):
    columns = columns / columns.std(0)
    make = FeatureEncoder if form is np.asarray else InstanceEncoder
    Y = np.random.default_rng(1).integers(0, 2, (40, 2))
    model = EmbMLPClassifier(
        encoder=make(encoding="periodic", skip_encoding=encoding), hidden_size=3,
        max_epochs=2, random_state=0,
    ).fit(form(columns), Y)  # fmt: skip
    network, values = model.module_, torch.from_numpy(columns).float()
    with torch.no_grad():
        nodes = network.encoder.linear(network.columns.nodes(values)).numpy()
        entries = network.columns.skip(values).numpy()
        less = model.decision_function(form(columns))
        network.skip.weight.add_(1)
        more = model.decision_function(form(columns))
    np.testing.assert_allclose(model.transform(form(columns)), nodes, atol=1e-5)
    np.testing.assert_allclose((more - less)[:, 0], entries.sum(1), atol=1e-4)
    assert network.columns.skip.n_outputs == network.skip.weight.shape[0]


def test_a_bent_dependency_is_learned_by_the_linear_part_alone():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2))
    Y = (np.abs(X) < 0.7).astype(int)
    options = {"hidden_size": 1, "n_layers": 0, "max_epochs": 30, "random_state": 0}
    scores = {}
    for encoding in ("standardized", "piecewise_linear"):
        model = EmbMLPClassifier(encoder=FeatureEncoder(skip_encoding=encoding), **options)
        labels = model.fit(X[:300], Y[:300]).predict(X[300:])
        scores[encoding] = (labels == Y[300:]).mean()
    assert scores["piecewise_linear"] > 0.9 > scores["standardized"] + 0.2


def test_a_column_is_left_out_as_a_whole_of_nodes_and_skip_alike(columns):
    Y = np.random.default_rng(1).integers(0, 2, (40, 2))
    model = EmbMLPClassifier(
        input_dropout=0.5, hidden_size=3, max_epochs=1, random_state=0
    ).fit(columns, Y)
    network = model.module_.train()
    batch = read_batch(columns, np.arange(40), np.float32)
    nodes, skip = (part.values for part in network.read(batch))
    kept = nodes / network.columns.nodes(batch.values)
    assert set(kept.unique().tolist()) == {0, 2}
    entries = network.columns.skip(batch.values) * kept[:, network.columns.skip.source]
    np.testing.assert_allclose(skip, entries)


def test_sparse_tables_have_no_encoding_and_bags_as_they_are_one_of_the_skip_alone():
    rng = np.random.default_rng(0)
    Y = rng.integers(0, 2, (12, 2))
    bags = Bags([rng.normal(size=(3, 4)) for _ in range(12)])
    model = GLEMIMLClassifier(max_epochs=1, random_state=0).fit(bags, Y)
    values = torch.randn(5, 4)
    assert model.module_.columns.nodes(values) is values
    assert model.module_.columns.skip(values).shape == (5, 32)
    model = GMMLICClassifier(max_epochs=1, random_state=0).fit(bags, Y)
    assert model.module_.columns is None  # it has no linear skip
    with pytest.raises(ValueError, match="encoding must be 'auto' or None for a method"):
        GMMLICClassifier(encoder=InstanceEncoder(encoding="periodic")).fit(bags, Y)
    model = LaMPClassifier(max_epochs=1).fit(csr_array(np.eye(12)), Y)
    assert model.module_.columns is None


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"encoding": "ple"}, "encoding"),
        ({"skip_encoding": "ple"}, "skip_encoding"),
        ({"n_bins": 0}, "n_bins"),
        ({"nodes": 1}, "nodes"),
    ],
)
def test_wrong_options_are_named_before_training(options, named):
    with pytest.raises(ValueError, match=f"The '{named}' parameter of FeatureEncoder"):
        LaMPClassifier(encoder=FeatureEncoder(**options)).fit(np.eye(4), np.eye(4))


# What the type of the network leaves of columns -------------------------------------------


@pytest.mark.parametrize(
    ("column", "lost"),
    [
        (lambda z: z, False),
        (lambda z: 1e30 * z, False),
        (lambda z: 1e-30 * z, False),
        (lambda z: z + 1e5, False),
        (lambda z: z + 1e8, True),  # neighbors in float32 are 8 apart
        (lambda z: (60 * z).astype(np.int64) + 1_700_000_000, True),
        (lambda z: 1e-60 * z, True),
        (lambda z: 1e-310 * z, True),
        (lambda z: 0 * z + 1e300, False),  # constant
        (lambda z: np.where(z > 0, np.nan, z + 1e8), True),
        (lambda z: np.full_like(z, np.nan), False),
        (lambda z: (z + 1e8).astype(np.float32), False),  # has lost them before
    ],
)
def test_columns_that_rounding_changes_by_a_twentieth_of_their_spread(column, lost):
    values = column(np.random.default_rng(0).normal(size=200))[:, None]
    assert lost_columns(values, np.float32).tolist() == [lost]
    assert not lost_columns(values, np.float64).any()


@pytest.mark.parametrize("Network", [EmbMLPClassifier, GMMLICClassifier, GLEMIMLClassifier])
@pytest.mark.parametrize("change", [lambda z: z + 1e9, lambda z: z * 1e-60])
def test_what_float32_does_not_tell_apart_is_said_and_is_no_reason_to_diverge(
    Network, change
):
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(40, 3)), rng.integers(0, 2, (40, 2))
    X[:, 1] = change(X[:, 1])
    model = Network(hidden_size=8, max_epochs=2, random_state=0)
    # In so many digits that they can be told apart.
    values = f"column 1, with values from {X[:, 1].min():.15g} to"
    with pytest.warns(UserWarning, match=f"float32 tells few apart: {re.escape(values)}"):
        model.fit(X, Y)
    assert np.isfinite(model.predict_proba(X)).all()


def test_float64_tells_apart_what_float32_does_not():
    X = np.random.default_rng(0).normal(size=(200, 3))
    Y = (X[:, :2] > 0).astype(int)
    options = {"hidden_size": 8, "max_epochs": 10, "random_state": 0}
    model = EmbMLPClassifier(precision="float64", **options).fit(X + 1e9, Y)
    plain = EmbMLPClassifier(precision="float64", **options).fit(X, Y)
    np.testing.assert_allclose(
        model.predict_proba(X + 1e9), plain.predict_proba(X), atol=1e-4
    )
