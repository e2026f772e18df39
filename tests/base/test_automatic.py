"""What "auto" stands for."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from skmlc import EmbMLPClassifier, LaMPClassifier
from skmlc.base.automatic import choose_input_dropout, choose_n_epochs
from skmlc.inputs import Bags, Sequences


@pytest.mark.parametrize(
    ("n_batches", "kind", "masks_labels", "expected"),
    [(1, "bags", False, 60), (9, "images", False, 56), (10, "vectors", False, 50),
     (41, "graphs", False, 13), (42, "vectors", False, 12), (1000, "vectors", False, 12),
     (10, "sparse", False, 50), (84, "sparse", False, 6), (1000, "sequences", False, 6),
     (16, "vectors", True, 60), (20, "sparse", True, 50), (84, "vectors", True, 12),
     (84, "sparse", True, 12), (1000, "sparse", True, 6)],
)  # fmt: skip
def test_small_sets_are_gone_through_until_the_steps_are_made(
    n_batches, kind, masks_labels, expected
):
    options = {"kind": kind, "masks_labels": masks_labels}
    assert choose_n_epochs("auto", n_batches, **options) == expected
    assert choose_n_epochs(7, n_batches, **options) == 7


@pytest.mark.parametrize(
    ("kind", "n_columns", "expected"),
    [
        ("vectors", 32, 0.3),
        ("vectors", 31, 0.0),
        ("bags", 32, 0.0),
        ("graphs", 40, 0.0),
        ("sparse", 3, 0.2),
        ("sequences", 500, 0.0),
        ("images", 500, 0.0),
    ],
)
def test_inputs_are_left_out_where_there_are_many(kind, n_columns, expected):
    assert choose_input_dropout("auto", kind, n_columns) == expected
    assert choose_input_dropout(0.7, kind, n_columns) == 0.7


@pytest.fixture
def labels():
    return np.random.default_rng(0).integers(0, 2, (60, 3))


def test_an_estimator_trains_as_long_as_its_own_batches_say(labels):
    X = np.random.default_rng(1).normal(size=(60, 2))
    options = {"hidden_size": 2, "batch_size": 2, "random_state": 0}
    assert EmbMLPClassifier(**options).fit(X, labels).n_iter_ == 17  # of 30 batches
    assert LaMPClassifier(**options, n_heads=1).fit(X, labels).n_iter_ == 17
    masked = LaMPClassifier(**options, n_heads=1, label_masking=True)
    assert masked.fit(X, labels).n_iter_ == 34
    stopped = EmbMLPClassifier(**options, validation_fraction=0.5, threshold="tuned")
    assert stopped.fit(X, labels).n_iter_ == 34  # of the 15 that are left to train on
    longer = EmbMLPClassifier(**options, max_epochs=18).fit(X, labels)
    assert longer.n_iter_ == 18


def test_a_warm_start_trains_as_long_again(labels):
    X = np.random.default_rng(1).normal(size=(60, 2))
    model = EmbMLPClassifier(hidden_size=2, batch_size=2, warm_start=True, random_state=0)
    model.fit(X, labels)
    assert model.fit(X[:30], labels[:30]).n_iter_ == 17 + 34


@pytest.mark.parametrize(
    ("Estimator", "make", "expected"),
    [
        (EmbMLPClassifier, lambda X: X, 0.3),
        (EmbMLPClassifier, lambda X: X[:, :31], 0.0),
        (EmbMLPClassifier, csr_array, 0.2),
        (EmbMLPClassifier, lambda X: Bags(list(X[:, None])), 0.0),
        (EmbMLPClassifier, lambda X: Sequences([[1, 2]] * len(X)), 0.0),
    ],
)
def test_the_network_leaves_out_what_auto_says(Estimator, make, expected, labels):
    X = make(np.random.default_rng(1).normal(size=(60, 40)))
    model = Estimator(max_epochs=1, random_state=0).fit(X, labels)
    assert model.module_.input_dropout.p == expected
