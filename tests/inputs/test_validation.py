"""Small tables, which the slower checks are spared, are judged as those checks judge them."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from skmlc import MIMLSVM, EmbMLPClassifier, KnownLabelsClassifier
from skmlc.inputs import FeatureEncoder, validation

rng = np.random.default_rng(0)
X = rng.normal(size=(20, 3))
Y = np.add.outer(np.arange(20), np.arange(2)) % 2


def with_one(value, dtype=float):
    changed = X[:4].astype(dtype)
    changed[2, 1] = value
    return changed


def unordered():
    matrix = sparse.csr_array(X[:4])
    matrix.indices[:3], matrix.data[:3] = matrix.indices[:3][::-1], matrix.data[:3][::-1]
    matrix.data[4] = 0
    return matrix


GIVEN = {
    "doubles": X[:4],
    "singles": X[:4].astype(np.float32),
    "halves": X[:4].astype(np.float16),
    "foreign": X[:4].astype(">f8"),
    "integers": X[:4].astype(int),
    "one row": X[:1],
    "by column": np.asfortranarray(X[:4]),
    "masked": np.ma.masked_array(X[:4], mask=X[:4] > 0),
    "frame": pd.DataFrame(X[:4]),
    "list": X[:4].tolist(),
    "strings": X[:4].astype(str),
    "CSR": sparse.csr_array(X[:4]),
    "matrix": sparse.csr_matrix(X[:4]),
    "CSC": sparse.csc_array(X[:4]),
    "unordered": unordered(),
    "empty CSR": sparse.csr_array((4, 3)),
    "no rows": X[:0],
    "sparse without rows": sparse.csr_array((0, 3)),
    "one axis": X[0],
    "other width": X[:4, :2],
    "other sparse width": sparse.csr_array(X[:4, :2]),
    "NaN": with_one(np.nan),
    "infinity": with_one(-np.inf),
    "sparse NaN": sparse.csr_array(with_one(np.nan)),
    "too large": with_one(-1e300),
    "too large for CSR": sparse.csr_array(with_one(1e300)),
    "largest": with_one(-np.finfo(np.float32).max, np.float32),
}


def outcome(call):
    """Return what a call gives: a value and its warnings, or an error."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = call()
        except (TypeError, ValueError) as error:
            result = repr(error)
    return result, [str(warning.message) for warning in caught]


@pytest.mark.parametrize("fitted_on", [X, sparse.csr_array(X), pd.DataFrame(X)],
                         ids=["array", "sparse", "frame"])  # fmt: skip
def test_small_tables_are_judged_as_the_slower_checks_do(fitted_on, monkeypatch):
    if isinstance(fitted_on, pd.DataFrame):
        fitted_on.columns = list("abc")
    model = EmbMLPClassifier(max_epochs=1, hidden_size=4, random_state=0)
    model.fit(fitted_on, Y)
    for name, given in GIVEN.items():
        results = []
        for most in (validation.FEW_NUMBERS, -1):
            monkeypatch.setattr(validation, "FEW_NUMBERS", most)
            results.append(outcome(lambda given=given: model.predict_proba(given)))
        (quick, warned), (slow, warned_too) = results
        assert warned == warned_too, name
        assert isinstance(quick, str) == isinstance(slow, str), name
        np.testing.assert_array_equal(quick, slow, err_msg=name)
        monkeypatch.undo()


@pytest.mark.parametrize("value, word", [(np.inf, "infinity"), (np.nan, "NaN")])
@pytest.mark.parametrize(
    "form, column",
    [
        (np.asarray, "2"),
        (lambda X: X.astype(np.float16), "2"),
        (lambda X: pd.DataFrame(X, columns=list("abc")), "'c'"),
        (lambda X: pd.DataFrame(X, columns=list("abc")).astype("Sparse[float]"), "'c'"),
        (sparse.csr_array, "2"),
        (sparse.csc_matrix, "2"),
    ],
)
@pytest.mark.parametrize(
    "make",
    [
        lambda: EmbMLPClassifier(max_epochs=1),
        lambda: KnownLabelsClassifier(LogisticRegression()),
        MIMLSVM,
    ],
    ids=["network", "known labels", "bags"],
)
def test_what_is_not_finite_is_named_by_its_column(make, form, column, value, word):
    given = form(np.where(np.arange(X.size).reshape(X.shape) == 5, value, 0.5))
    if make is MIMLSVM and sparse.issparse(given):
        pytest.skip("bags are dense")
    with pytest.raises(ValueError, match=f"X contains {word} in column {column}: "):
        make().fit(given, Y)


def test_infinity_is_named_where_missing_values_are_read():
    given = X.copy()
    given[0, 0], given[3, 2] = np.nan, -np.inf
    forest = KnownLabelsClassifier(RandomForestClassifier(2))
    for model in (EmbMLPClassifier(encoder=FeatureEncoder(allow_nan=True)), forest):
        with pytest.raises(ValueError, match="X contains infinity in column 2: "):
            model.fit(given, Y)
    with pytest.raises(ValueError, match="P contains infinity in column 2: "):
        validation.as_bags(np.where(given == given, given, 0), "P")


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_the_first_of_several_columns_is_named(make):
    X = np.ones((5, 4))
    X[1, 3], X[4, 1], X[2, 2] = np.inf, np.inf, np.nan
    with pytest.raises(ValueError, match="X contains infinity in column 1"):
        EmbMLPClassifier(max_epochs=1).fit(make(X), np.eye(5, 2))
