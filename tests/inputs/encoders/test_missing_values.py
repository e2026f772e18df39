"""Missing values of dense columns, against scikit-learn's SimpleImputer and by hand."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import StandardScaler

from skmlc import EmbMLPClassifier
from skmlc.inputs import FeatureEncoder
from skmlc.inputs.encoders.columns import PiecewiseLinear

N = 40
rng = np.random.default_rng(0)
Y = rng.integers(0, 2, (N, 2))
X = rng.integers(0, 9, (N, 3)).astype(float)
X[rng.random(N) < 0.3, 0] = np.nan
X[5:9, 2] = np.nan
ENCODINGS = ["standardized", "piecewise_linear", "periodic", None]


def make(encoder=None, **options):
    options = {"hidden_size": 3, "max_epochs": 2, "random_state": 0, **options}
    return EmbMLPClassifier(encoder=encoder or FeatureEncoder(allow_nan=True), **options)


def columns_of(encoding, X=X, weight=None, rows=None, **options):
    """Return the module that encodes columns for nodes."""
    encoder = FeatureEncoder(encoding=encoding, allow_nan=True, **options)
    weight = np.ones(len(X)) if weight is None else weight
    rows = np.arange(len(X)) if rows is None else rows
    return encoder.fit_columns(X, rows, weight).nodes.double()


def encode(module, X):
    return module(torch.from_numpy(X)).detach().numpy()


# What is read -------------------------------------------------------------------------------


def test_unchanged_columns_hold_their_means_and_say_what_is_missing():
    expected = SimpleImputer(add_indicator=True).fit_transform(X)
    np.testing.assert_allclose(encode(columns_of(None), X), expected)
    assert columns_of(None).source.tolist() == [0, 1, 2, 0, 2]


def test_standardized_columns_hold_zeros_and_say_what_is_missing():
    expected = np.c_[
        np.nan_to_num(StandardScaler().fit_transform(X)), np.isnan(X[:, [0, 2]])
    ]
    np.testing.assert_allclose(encode(columns_of("standardized"), X), expected)


@pytest.mark.parametrize("encoding", ENCODINGS[:3])
def test_all_entries_of_what_is_missing_are_zero(encoding):
    module = columns_of(encoding)
    entries, source = encode(module, X)[:, :-2], module.source[:-2]
    assert (entries[np.isnan(X)[:, source]] == 0).all()
    assert (entries[~np.isnan(X)[:, source]] != 0).mean() > 0.9


def test_columns_are_those_of_what_is_not_missing():
    weight = rng.integers(1, 4, N).astype(float)
    entries = encode(columns_of("piecewise_linear", weight=weight), X)[:, :-2]
    start = 0
    for j in range(3):
        seen = ~np.isnan(X[:, j])
        alone = PiecewiseLinear(X[seen, j : j + 1], weight[seen], 8)
        stop = start + alone.n_outputs
        np.testing.assert_allclose(
            entries[seen, start:stop], encode(alone, X[seen, j : j + 1])
        )
        start = stop
    assert start == entries.shape[1]


def test_only_columns_with_missing_values_in_training_rows_have_an_indicator():
    rows = np.r_[:5, 9:N]
    module = columns_of("standardized", rows=rows)
    assert module.missing.tolist() == [0]
    new = np.full((1, 3), np.nan)
    np.testing.assert_array_equal(encode(module, new), [[0, 0, 0, 1]])


def test_one_missing_value_among_very_many_samples_is_found():
    many = np.zeros((20_000, 2))
    many[[7, 19_998], [0, 1]] = np.nan
    assert columns_of("standardized", many).missing.tolist() == [0, 1]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_column_that_is_missing_as_a_whole_says_nothing(encoding):
    given = np.c_[X[:, :2], np.full(N, np.nan)]
    module = columns_of(encoding, given)
    entries = encode(module, given)
    of_last = entries[:, module.source == 2]
    np.testing.assert_array_equal(of_last[:, :-1], 0)
    np.testing.assert_array_equal(of_last[:, -1], 1)


def test_a_missing_category_has_an_entry_of_its_own_and_no_other():
    colors = pd.Categorical(["red", None, "blue", "red", None] * 8)
    frame = pd.DataFrame({"color": colors, "x": np.arange(N)})
    model = make().fit(frame, Y)
    values = torch.from_numpy(model._categories.encode(frame).to_numpy(dtype=np.float64))
    entries = model.module_.columns.nodes.double()(values).numpy()[:, 1:]
    expected = pd.get_dummies(pd.Series(colors), dummy_na=True)
    np.testing.assert_array_equal(entries, expected)
    with pytest.raises(ValueError, match="contains NaN in column 'color'"):
        make(FeatureEncoder()).fit(frame, Y)


@pytest.mark.parametrize("nodes", ["vector", "features"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_training_and_prediction_stay_finite(nodes, encoding):
    encoder = FeatureEncoder(
        nodes, encoding=encoding, skip_encoding=encoding, allow_nan=True
    )
    model = make(encoder, input_dropout=0.2).fit(X, Y)
    assert np.isfinite(model.predict_proba(X)).all()
    assert np.isfinite(model.transform(np.full((2, 3), np.nan))).all()
    for parameter in model.module_.parameters():
        assert parameter.isfinite().all()


def test_a_node_per_column_knows_what_is_missing():
    model = make(FeatureEncoder("features", allow_nan=True), precision="float64").fit(X, Y)
    encoder, entries = model.module_.encoder, encode(model.module_.columns.nodes, X)
    weight, bias, vectors = (
        part.detach().numpy() for part in (encoder.weight, encoder.bias, encoder.embedding)
    )
    expected = entries[:, :3, None] * weight[:, 0] + bias
    expected[:, 0] += np.isnan(X[:, :1]) * vectors[0]
    expected[:, 2] += np.isnan(X[:, 2:]) * vectors[1]
    np.testing.assert_allclose(model.transform(X), expected.mean(1))


def test_that_a_value_is_missing_is_learned():
    given = np.random.default_rng(1).normal(size=(400, 3))
    labels = np.random.default_rng(2).integers(0, 2, (400, 2))
    given[:, :2][labels == 1] = np.nan
    model = make(max_epochs=30).fit(given[:300], labels[:300])
    assert (model.predict(given[300:]) == labels[300:]).all()


def test_without_missing_values_nothing_changes():
    full = np.nan_to_num(X)
    expected = make(FeatureEncoder()).fit(full, Y).predict_proba(full)
    np.testing.assert_array_equal(make().fit(full, Y).predict_proba(full), expected)


# Forms --------------------------------------------------------------------------------------

LISTS = [[None if np.isnan(x) else x for x in row] for row in X.tolist()]
AS_NA = [[pd.NA if x is None else x for x in row] for row in LISTS]
FORMS = {
    "float32": X.astype(np.float32),
    "float16": X.astype(np.float16),
    "lists": X.tolist(),
    "lists with None": LISTS,
    "objects with None": np.array(LISTS, dtype=object),
    "DataFrame": pd.DataFrame(X),
    "None in a frame": pd.DataFrame(np.array(LISTS, dtype=object)),
    "NA in a frame": pd.DataFrame(np.array(AS_NA, dtype=object)),
    "NA in one column": pd.DataFrame(X).assign(**{"0": [row[0] for row in AS_NA]})[
        ["0", 1, 2]
    ].set_axis([0, 1, 2], axis=1),
    "nullable": pd.DataFrame(X).astype("Int64"),
    "nullable floats": pd.DataFrame(X).astype({0: "Float32", 2: "Int8"}),
    "decimals": pd.DataFrame(X).map(
        lambda x: None if np.isnan(x) else Decimal(int(x))
    ).astype(object),
    "sparse columns": pd.DataFrame(X).astype(pd.SparseDtype(float, np.nan)),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_of_missing_values_gives_the_same(form):
    expected = make().fit(X, Y).predict_proba(X)
    before = form.copy()
    np.testing.assert_array_equal(make().fit(form, Y).predict_proba(form), expected)
    pd.testing.assert_frame_equal(pd.DataFrame(form), pd.DataFrame(before))


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_of_missing_values_is_refused_by_default(form):
    message = r"X contains NaN in column 0: replace .*, or .*FeatureEncoder\(allow_nan=True"
    with pytest.raises(ValueError, match=message):
        make(FeatureEncoder()).fit(form, Y)
    with pytest.raises(ValueError, match=message):
        make(FeatureEncoder()).fit(np.nan_to_num(X), Y).predict(form)


def test_frames_of_polars_and_memory_maps_give_the_same(tmp_path):
    pl = pytest.importorskip("polars")
    expected = make().fit(X, Y).predict_proba(X)
    frame = pl.DataFrame(X, schema=list("abc"))
    nulls = frame.fill_nan(None)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    for form in (frame, nulls, nulls.cast(pl.Int8), nulls.cast(pl.Decimal(9, 2)), mapped):
        np.testing.assert_array_equal(make().fit(form, Y).predict_proba(form), expected)


def test_missing_true_and_false_are_numbers():
    flags = pd.DataFrame({"a": [True, False, None, True] * 10}).astype("boolean")
    expected = make().fit(flags.to_numpy(dtype=float, na_value=np.nan), Y)
    model = make().fit(flags, Y)
    torch.testing.assert_close(model.module_.state_dict(), expected.module_.state_dict())


# What is refused ----------------------------------------------------------------------------


def with_value(value):
    given = X.copy()
    given[3, 1] = value
    return given


@pytest.mark.parametrize(
    "given, message",
    [
        (with_value(np.inf), "contains infinity"),
        (with_value(1e39), "at most 3.4e.38, the largest of float32; got 1e.39"),
        (with_value(-1e39), "at most 3.4e.38, the largest of float32; got -1e.39"),
        (sparse.csr_array(X), "contains NaN"),
        ([X[:3], X[3:]] * 20, "encoder must fit the kind of X|must be finite"),
    ],
)
def test_what_is_not_missing_but_wrong_is_refused_as_ever(given, message):
    with pytest.raises(ValueError, match=message):
        make().fit(given, Y)
    if not isinstance(given, list):
        with pytest.raises(ValueError, match=message):
            make().fit(X, Y).predict(given)


def test_a_model_of_sparse_matrices_takes_no_missing_values():
    model = make().fit(sparse.csr_array(np.nan_to_num(X)), Y)
    for given in (X, sparse.csr_array(X)):
        with pytest.raises(ValueError, match="contains NaN"):
            model.predict(given)


def test_the_tag_says_whether_values_may_be_missing():
    for allow_nan in (False, True):
        tags = make(FeatureEncoder(allow_nan=allow_nan)).__sklearn_tags__()
        assert tags.input_tags.allow_nan is allow_nan
    assert EmbMLPClassifier().__sklearn_tags__().input_tags.allow_nan is False
