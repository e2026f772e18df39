"""The methods that the user guide writes, as its page has them, do what the others must do."""

import ast
import doctest
import re
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.utils.estimator_checks import (
    check_sample_weight_equivalence_on_dense_data,
    check_sample_weight_equivalence_on_sparse_data,
)

import skmlc.base
from skmlc.base.classifier import BaseGraphClassifier
from skmlc.nn.head_output import HeadOutput
from skmlc.nn.nodes import Group, Layout, Nodes
from skmlc.training.batches import Targets
from tests import test_common as common

PAGE = Path(__file__).parents[1] / "docs" / "user_guide" / "write_a_method.rst"
DEFINITIONS = ast.Import | ast.ImportFrom | ast.ClassDef | ast.FunctionDef


def module_of(page):
    """Return a module of what a page defines; what it trains and shows is left to doctest."""
    module = types.ModuleType("skmlc_page_write_a_method")
    sys.modules[module.__name__] = module  # where pickle looks for classes
    for example in doctest.DocTestParser().get_examples(page.read_text(encoding="utf-8")):
        (statement,) = ast.parse(example.source).body
        if isinstance(statement, DEFINITIONS) or example.source.startswith("exact ="):
            exec(compile(example.source, str(page), "exec"), vars(module))
    return module


page = module_of(PAGE)

# The tests that the page writes: all of scikit-learn's checks, and the invariance of batches.
test_scikit_learn_checks = page.test_scikit_learn_checks
test_a_sample_does_not_see_its_batch = page.test_a_sample_does_not_see_its_batch


@pytest.fixture(scope="module")
def data():
    return common.make_multilabel_classification(
        120, 10, n_classes=5, n_labels=2, random_state=0
    )


@pytest.mark.parametrize(
    "check",
    [
        common.test_unknown_labels_are_left_out_of_loss_and_graph,
        common.test_labels_without_and_with_all_positives_and_empty_rows,
        common.test_inputs_are_not_modified,
        common.test_same_random_state_same_result_and_global_state_untouched,
        common.test_in_pipeline_search_and_cross_validation,
        common.test_transform_gives_named_columns_and_does_not_depend_on_the_batch,
    ],
)
def test_what_every_estimator_must_satisfy(check, data):
    check(page.LabelQueryClassifier, data)


@pytest.mark.parametrize(
    "name",
    [
        "LabelQueryClassifier",
        "CountingClassifier",
        "SmoothLaMPClassifier",
        "KnownLabelHeadClassifier",
    ],
)
def test_they_pickle_without_the_training_data(name):
    common.test_pickle_predicts_the_same_and_holds_no_training_data(getattr(page, name))


@pytest.mark.parametrize(
    "kind", ["sequences", "bags", "graphs", "sparse", "images", "feature maps"]
)
def test_every_kind_of_input(kind):
    common.test_every_kind_of_input_trains_and_is_sliced_by_scikit_learn(
        page.LabelQueryClassifier, kind
    )


def two_groups(hidden_size):
    """Return nodes of samples of 2, 3, 3 and 5 nodes, in two groups of which one is padded."""
    mask = torch.tensor([[True, True, False], [True, True, True]])
    five = torch.tensor([[True] * 3 + [False] * 2, [True] * 5])
    groups = (
        Group(slice(0, 2), slice(0, 6), 2, 3, mask),
        Group(slice(2, 4), slice(6, 16), 2, 5, five),
    )
    values = torch.randn(16, hidden_size, dtype=torch.float64)
    return Nodes(values, Layout(groups, 4)), [
        slice(0, 2),
        slice(3, 6),
        slice(6, 9),
        slice(11, 16),
    ]


def make_head(receives):
    torch.manual_seed(0)
    sizes = {"hidden_size": 4, "n_heads": 2, "n_layers": 2, "dropout": 0.0}
    return page.LabelQueries(receives, **sizes).double().eval()


@torch.no_grad()
def test_the_head_is_a_decoder_on_the_nodes_of_each_sample_alone():
    receives = torch.rand(3, 3) < 0.5
    receives.fill_diagonal_(True)
    head = make_head(receives)
    nodes, samples = two_groups(4)
    head.bias.copy_(torch.arange(3))
    for sample, logits in zip(samples, head(nodes), strict=True):
        labels = head.queries[None]
        for layer in head.layers:
            labels = layer(labels, head.norm(nodes.values[sample])[None], ~receives)
        for i in range(3):
            torch.testing.assert_close(logits[i], labels[0, i] @ head.weight[i] + i)


@torch.no_grad()
def test_a_label_hears_its_neighbors_only():
    nodes, _ = two_groups(4)
    receives = torch.tensor(
        [[True, True, False], [False, True, False], [False, False, True]]
    )
    head = make_head(receives)
    before = head(nodes)
    head.queries[1] += 1.0
    changed = (head(nodes) - before).abs().amax(0) > 1e-6
    assert changed.tolist() == [True, True, False]


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_the_label_graph_says_who_hears_whom(form, data):
    graph = np.zeros((5, 5))
    graph[0, 3] = 2.0
    X, Y = data
    model = page.LabelQueryClassifier(form(graph), hidden_size=4, max_epochs=1).fit(X, Y)
    receives = ~model.module_.head.blocked.numpy()
    np.testing.assert_array_equal(receives, np.eye(5, dtype=bool) | (graph > 0))


def test_training_begins_at_the_frequencies_of_the_labels(data):
    X, Y = data
    options = {"linear_skip": False, "learning_rate": 1e-9, "max_epochs": 1}
    model = page.LabelQueryClassifier(hidden_size=4, **options).fit(X, Y)
    bias = model.module_.head.bias.detach()
    np.testing.assert_allclose(torch.sigmoid(bias).numpy(), Y.mean(0), atol=0.01)


def test_hidden_size_must_be_a_multiple_of_n_heads(data):
    with pytest.raises(ValueError, match="multiple of n_heads; got 6 and 4"):
        page.LabelQueryClassifier(hidden_size=6).fit(*data)


def test_the_counting_loss_is_that_of_a_loop():
    output = HeadOutput(torch.zeros(3, 2), extras=torch.tensor([0.5, 3.0, 1.0]))
    labels = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    known = torch.tensor([[True, True], [True, True], [True, False]])
    weight = torch.tensor([1.0, 2.0, 0.0])
    targets = Targets(labels, None, weight)
    loss = page.counting_loss(lambda *_: 10.0, 0.5, output, targets)
    assert loss == pytest.approx(10 + 0.5 * (0.5**2 + 2 * 1.0**2) / 3)
    partly = Targets(labels, known, torch.tensor([1.0, 1.0, 1.0]))
    loss = page.counting_loss(lambda *_: 10.0, 0.5, output, partly)
    assert loss == pytest.approx(10 + 0.5 * (0.5**2 + 1.0**2) / 3)


@pytest.mark.parametrize(
    "check",
    [
        check_sample_weight_equivalence_on_dense_data,
        check_sample_weight_equivalence_on_sparse_data,
    ],
)
def test_the_counting_loss_heeds_weights(check):
    exact = {"precision": "float64", "batch_size": 512, "max_epochs": 10}
    exact["input_dropout"] = 0
    check("CountingClassifier", page.CountingClassifier(hidden_size=4, **exact))


def test_the_number_of_labels_is_learned_if_it_counts(data):
    X, Y = data
    options = {
        "hidden_size": 16,
        "max_epochs": 20,
        "learning_rate": 0.01,
        "random_state": 0,
    }
    errors = []
    for count_loss in (0.1, 0.0):
        model = page.CountingClassifier(count_loss=count_loss, **options).fit(X, Y)
        counts = model._predict_outputs(X, lambda output: output.extras[:, None])[:, 0]
        errors.append(np.mean((counts - Y.sum(1)) ** 2))
    assert errors[0] < Y.sum(1).var() < errors[1]


def test_smoothing_moves_labels_towards_one_half():
    logits, labels = torch.tensor([[0.3, -2.0]]), torch.tensor([[1.0, 0.0]])
    yes, no = -torch.sigmoid(logits).log(), -torch.sigmoid(-logits).log()
    expected = torch.tensor([[0.9, 0.1]]) * yes + torch.tensor([[0.1, 0.9]]) * no
    torch.testing.assert_close(page.smooth_loss(logits, labels, 0.2), expected)


# The table of hooks, which the page shows ---------------------------------------------------

HOOKS = re.findall(r"``(_\w+)", skmlc.base.__doc__)


def overridden(cls):
    """Return the names of the base's own that a method, or a mixin of its own, overrides."""
    ours = [c for c in cls.__mro__ if c.__module__.startswith("skmlc")]
    base = [c for c in ours if c in BaseGraphClassifier.__mro__]
    names = {name for c in base for name in vars(c)}
    return names & {name for c in ours if c not in base for name in vars(c)}


@pytest.mark.parametrize(
    "Estimator",
    [E for E in common.ESTIMATORS if issubclass(E, BaseGraphClassifier)],
    ids=lambda E: E.__name__,
)
def test_the_table_of_hooks_has_all_that_a_method_overrides(Estimator):
    scikit_learns = ("__", "_abc", "_sklearn", "_validate_params", "_parameter_constraints")
    private = {name for name in overridden(Estimator) if name.startswith("_")}
    hooks = {name for name in private if not name.startswith(scikit_learns)}
    assert "_make_head" in hooks
    assert hooks <= set(HOOKS)


def test_all_hooks_of_the_table_are_of_the_base():
    assert len(HOOKS) == len(set(HOOKS)) > 10
    assert [name for name in HOOKS if not hasattr(BaseGraphClassifier, name)] == []
