"""Vectors of labels from their co-occurrence, and what a user may give as vectors."""

import pickle
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.base import BaseEstimator, clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmlc.graphs import CooccurrenceEmbedding, WordVectors
from skmlc.graphs.embeddings import label_vectors


@pytest.mark.filterwarnings("ignore:Y holds values between 0 and 1")
@parametrize_with_checks([CooccurrenceEmbedding(), CooccurrenceEmbedding(1, shift=0.5)])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def random_labels(n_samples=80, n_labels=7, missing=0.0, seed=0):
    """Return labels that share hidden causes, so that they occur together."""
    rng = np.random.default_rng(seed)
    causes = rng.normal(size=(n_samples, 3)) @ rng.normal(size=(3, n_labels))
    Y = (causes + rng.normal(size=causes.shape) > 1).astype(float)
    Y[rng.random(Y.shape) < missing] = np.nan
    return Y


def ppmi_in_loops(Y, weight, shift=0.0):
    """Log of P(i, j) / P(i) P(j); with unknown entries the mean of both conditionals."""
    n_labels = Y.shape[1]
    together, known, n_known = np.zeros((3, n_labels, n_labels))
    for row, w in zip(Y, weight):
        for i in range(n_labels):
            for j in range(n_labels):
                n_known[i, j] += w * (not np.isnan(row[j]))
                if row[i] == 1 and not np.isnan(row[j]):
                    known[i, j] += w
                    together[i, j] += w * row[j]
    probability = np.diag(together) / n_known[0]
    ppmi = np.zeros((n_labels, n_labels))
    for i in range(n_labels):
        for j in range(n_labels):
            if i == j and probability[i] > 0:
                ppmi[i, i] = max(0, -np.log(probability[i]) - shift)
            elif together[i, j] > 0:
                information = [
                    np.log(together[a, b] / known[a, b] / probability[b])
                    for a, b in ((i, j), (j, i))
                ]
                ppmi[i, j] = max(0, np.mean(information) - shift)
    return ppmi


@pytest.mark.parametrize("shift", [0.0, 0.5])
@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
def test_information_is_that_of_a_loop(shift, missing, weighted):
    Y = random_labels(missing=missing)
    Y[:, 0] = 0
    rng = np.random.default_rng(1)
    weight = rng.integers(0, 4, len(Y)).astype(float) if weighted else np.ones(len(Y))
    fitted = CooccurrenceEmbedding(shift=shift).fit(
        Y, sample_weight=weight if weighted else None
    )
    expected = ppmi_in_loops(Y, weight, shift)
    np.testing.assert_allclose(fitted.ppmi_.toarray(), expected, atol=1e-12)
    assert 0 < fitted.ppmi_.nnz < 49


def test_known_labels_have_the_textbook_formula():
    Y = random_labels()
    N, counts, together = len(Y), Y.sum(0), Y.T @ Y
    with np.errstate(divide="ignore"):
        expected = np.maximum(0, np.log(together * N / np.outer(counts, counts)))
    np.testing.assert_allclose(CooccurrenceEmbedding().fit(Y).ppmi_.toarray(), expected)


def test_all_components_give_the_information_back_where_they_can():
    # Two groups of labels that occur together make a matrix without negative eigenvalues.
    rng = np.random.default_rng(0)
    groups = rng.random((60, 2)) < 0.4
    Y = np.repeat(groups, 3, axis=1) & (rng.random((60, 6)) < 0.95)
    fitted = CooccurrenceEmbedding().fit(Y)
    ppmi = fitted.ppmi_.toarray()
    assert np.linalg.eigvalsh(ppmi).min() > 0
    np.testing.assert_allclose(fitted.embedding_ @ fitted.embedding_.T, ppmi, atol=1e-12)


@pytest.mark.parametrize("n_components", [1, 3, 7, 20])
def test_vectors_are_the_best_factors_of_their_size(n_components):
    fitted = CooccurrenceEmbedding(n_components).fit(random_labels())
    U, S, _ = np.linalg.svd(fitted.ppmi_.toarray())
    size = min(n_components, 7)
    assert fitted.embedding_.shape == (7, size)
    np.testing.assert_allclose(fitted.singular_values_, S[:size])
    np.testing.assert_allclose(
        np.abs(fitted.embedding_), np.abs(U * np.sqrt(S))[:, :size], atol=1e-9
    )
    largest = np.abs(fitted.embedding_).argmax(axis=0)
    assert (fitted.embedding_[largest, range(size)] > 0).all()


def test_many_labels_are_factored_as_well_as_few():
    Y = random_labels(n_samples=60, n_labels=1100)
    fitted = CooccurrenceEmbedding(8).fit(sparse.csr_array(Y))
    values, vectors = np.linalg.eigh(fitted.ppmi_.toarray())
    order = np.argsort(-np.abs(values))[:8]
    np.testing.assert_allclose(fitted.singular_values_, np.abs(values[order]))
    expected = np.abs(vectors * np.sqrt(np.abs(values)))[:, order]
    np.testing.assert_allclose(np.abs(fitted.embedding_), expected, atol=1e-6)
    again = CooccurrenceEmbedding(8).fit(Y)
    np.testing.assert_array_equal(again.embedding_, fitted.embedding_)


def test_thousands_of_labels_take_memory_for_their_pairs_only():
    Y = sparse.random(1000, 5000, density=4e-4, random_state=0, format="csr")
    Y.data[:] = 1
    tracemalloc.start()
    fitted = CooccurrenceEmbedding(4).fit(Y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert fitted.embedding_.shape == (5000, 4)
    assert peak < 8 * 5000**2 / 20


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_order_of_the_labels_does_not_matter(missing):
    Y = random_labels(missing=missing)
    order = np.array([3, 0, 5, 6, 1, 4, 2])
    fitted = CooccurrenceEmbedding(4).fit(Y).embedding_
    permuted = CooccurrenceEmbedding(4).fit(Y[:, order]).embedding_
    signs = np.sign((permuted * fitted[order]).sum(axis=0))
    np.testing.assert_allclose(permuted * signs, fitted[order], atol=1e-9)


@pytest.mark.parametrize(
    "convert",
    [sparse.csr_matrix, sparse.csc_array, pd.DataFrame, lambda Y: Y.astype(np.float32)],
)
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_every_form_of_the_labels_gives_the_same_vectors(convert, missing):
    Y = random_labels(missing=missing)
    expected = CooccurrenceEmbedding().fit(Y).embedding_
    found = CooccurrenceEmbedding().fit(convert(Y)).embedding_
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_weight_is_a_number_of_repetitions():
    Y = random_labels()
    weight = np.random.default_rng(1).integers(0, 4, len(Y))
    weighted = CooccurrenceEmbedding().fit(Y, sample_weight=weight)
    repeated = CooccurrenceEmbedding().fit(np.repeat(Y, weight, axis=0))
    np.testing.assert_allclose(weighted.embedding_, repeated.embedding_, atol=1e-9)
    plain = CooccurrenceEmbedding().fit(Y)
    assert np.abs(plain.embedding_ - weighted.embedding_).max() > 0.1
    scaled = CooccurrenceEmbedding().fit(Y, sample_weight=np.full(len(Y), 0.1))
    np.testing.assert_allclose(scaled.embedding_, plain.embedding_, atol=1e-9)


def test_labels_that_tell_nothing_have_vectors_of_zeros():
    Y = random_labels()
    Y[:, 0], Y[:, 1] = 0, 1
    fitted = CooccurrenceEmbedding().fit(Y, sample_weight=np.full(len(Y), 0.1))
    assert (fitted.embedding_[:2] == 0).all()
    assert fitted.embedding_[2:].any(axis=1).all()
    assert (CooccurrenceEmbedding(2).fit(np.zeros((3, 4))).embedding_ == 0).all()


def test_labels_that_always_occur_together_have_one_vector():
    Y = random_labels()
    Y[:, 1] = Y[:, 0]
    embedding = CooccurrenceEmbedding().fit(Y).embedding_
    np.testing.assert_allclose(embedding[0], embedding[1], atol=1e-9)
    assert np.abs(embedding[0] - embedding[2]).max() > 0.1


def test_names_come_from_the_argument_or_the_columns():
    Y = pd.DataFrame([[1, 1], [0, 1]], columns=["sea", "sky"])
    assert CooccurrenceEmbedding().fit(Y).label_names_ == ["sea", "sky"]
    assert CooccurrenceEmbedding().fit(Y, label_names="ab").label_names_ == ["a", "b"]


def test_a_builder_is_cloned_and_pickled():
    fitted = CooccurrenceEmbedding(2, shift=0.1).fit(random_labels())
    assert clone(fitted).get_params() == {"n_components": 2, "shift": 0.1}
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.embedding_, fitted.embedding_)


@pytest.mark.parametrize(
    "params, Y, kwargs, message",
    [
        ({"n_components": 0}, np.ones((2, 2)), {}, "n_components"),
        ({"shift": -1}, np.ones((2, 2)), {}, "shift"),
        ({}, np.ones(3), {}, "MultiLabelBinarizer"),
        ({}, [[1, -1]], {}, "Negative values in data passed to CooccurrenceEmbedding"),
        ({}, np.ones((2, 2)), {"label_names": ["a"]}, "label_names must hold 2 names"),
        ({}, np.ones((2, 2)), {"sample_weight": [1, -1]}, "sample_weight"),
    ],
)
def test_wrong_arguments_are_refused(params, Y, kwargs, message):
    with pytest.raises(ValueError, match=message):
        CooccurrenceEmbedding(**params).fit(Y, **kwargs)


# What a user may give -------------------------------------------------------------------

VECTORS = np.random.default_rng(0).normal(size=(7, 4))
NAMES = ["cat", "dog", "cow", "car", "bus", "sea", "sky"]


def vectors_of(label_embedding, Y=None, names=NAMES, sample_weight=None):
    Y = random_labels() if Y is None else Y
    return label_vectors(label_embedding, Y, label_names=names, sample_weight=sample_weight)


def test_no_vectors_stay_none():
    assert vectors_of(None) == (None, None)


@pytest.mark.parametrize("convert", [np.asarray, np.ndarray.tolist, pd.DataFrame])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_an_array_becomes_one_of_float64(convert, make):
    vectors, builder = vectors_of(convert(VECTORS), make(random_labels()), names=None)
    np.testing.assert_array_equal(vectors, VECTORS)
    assert vectors.dtype == np.float64
    assert builder is None
    assert vectors_of(VECTORS.astype(np.float32))[0].dtype == np.float64


def test_the_given_array_is_copied():
    vectors, _ = vectors_of(VECTORS)
    assert not np.shares_memory(vectors, VECTORS)


def test_a_mapping_is_read_in_the_order_of_the_labels():
    mapping = {"unused": [0.0]} | dict(reversed(list(zip(NAMES, VECTORS))))
    vectors, builder = vectors_of(mapping, names=np.array(NAMES, dtype=object))
    np.testing.assert_array_equal(vectors, VECTORS)
    assert builder is None


def test_a_builder_is_fitted_on_the_labels_as_a_clone():
    Y, given = random_labels(), CooccurrenceEmbedding(3)
    weight = np.random.default_rng(1).random(len(Y))
    vectors, builder = vectors_of(given, Y, sample_weight=weight)
    assert not hasattr(given, "embedding_")
    assert builder.label_names_ == NAMES
    expected = CooccurrenceEmbedding(3).fit(Y, sample_weight=weight).embedding_
    np.testing.assert_array_equal(vectors, expected)


def test_word_vectors_are_looked_up_by_the_given_names(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("".join(f"{name} {i} 1\n" for i, name in enumerate(NAMES)))
    vectors, builder = vectors_of(WordVectors(path))
    np.testing.assert_array_equal(vectors[:, 0], range(7))
    assert builder.missing_words_ == {}


class TooFew(BaseEstimator):
    """A builder that forgets a label."""

    def fit(self, Y, y=None, *, label_names=None, sample_weight=None):
        self.embedding_ = np.ones((Y.shape[1] - 1, 2))
        return self


@pytest.mark.parametrize(
    "label_embedding, names, message",
    [
        (VECTORS[:6], NAMES, r"label_embedding must be of shape \(7, n_dim.* got \(6, 4\)"),
        (VECTORS[:, 0], NAMES, r"label_embedding must be of shape \(7, n_dim.* got \(7,\)"),
        (VECTORS[None], NAMES, r"label_embedding must be .* got \(1, 7, 4\)"),
        (VECTORS[:, :0], NAMES, r"label_embedding must be .* got \(7, 0\)"),
        (VECTORS * np.nan, NAMES, "label_embedding contains NaN"),
        (TooFew(), NAMES, r"label_embedding must be .* got \(6, 2\)"),
        (
            {name: [1] for name in NAMES},
            None,
            "label_embedding is a mapping .* have no names",
        ),
        ({"dog": [1]}, NAMES, r"it lacks 6 labels \(cat, cow, car, bus, sea, sky\)"),
        ({name: [1] for name in NAMES[1:]}, NAMES, r"it lacks 1 label \(cat\)"),
        (
            {name: [1] for name in NAMES} | {"sky": [1, 2]},
            NAMES,
            r"vectors of one size; got shapes \(1,\) of 'sea' and \(2,\) of 'sky'",
        ),
    ],
)
def test_wrong_vectors_are_refused(label_embedding, names, message):
    with pytest.raises(ValueError, match=message):
        vectors_of(label_embedding, names=names)


def test_of_many_missing_labels_the_first_are_named():
    names = [f"label{i}" for i in range(30)]
    with pytest.raises(ValueError, match=r"30 labels \(label0, .*, label19 and 10 more\)"):
        vectors_of({}, np.ones((1, 30)), names)


def test_vectors_of_a_frame_are_matched_to_the_labels_by_its_index():
    frame = pd.DataFrame(VECTORS, index=NAMES).sample(frac=1, random_state=0)
    assert list(frame.index) != NAMES
    np.testing.assert_array_equal(vectors_of(frame)[0], VECTORS)
    with pytest.raises(ValueError, match=r"label_embedding .* it lacks 1 label"):
        vectors_of(frame[1:])


@pytest.mark.parametrize(
    "form",
    [
        lambda E: torch.nn.Parameter(torch.tensor(E)),
        lambda E: torch.tensor(E).bfloat16(),
        lambda E: E.astype(object),
        lambda E: dict(zip("abc", torch.tensor(E, requires_grad=True), strict=True)),
    ],
)
def test_every_form_of_vectors_gives_the_same(form):
    E = np.array([[1.0, 2], [0, 1], [3, 0]])
    options = {"label_names": list("abc"), "sample_weight": None}
    vectors, _ = label_vectors(form(E), np.eye(3, dtype=int), **options)
    np.testing.assert_array_equal(vectors, E)
    with pytest.raises(ValueError, match=r"label_embedding must hold numbers.*dtype <U"):
        label_vectors(E.astype(str), np.eye(3, dtype=int), **options)
