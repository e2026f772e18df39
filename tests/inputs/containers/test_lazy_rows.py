"""Samples that are not in memory: what is read of them is right, in any order, and little."""

import pickle

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.model_selection import KFold, cross_val_predict
from skorch.callbacks import EpochScoring
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

from skmlc import EmbMLPClassifier, GMMLICClassifier, LaMPClassifier
from skmlc.inputs import Bags, FeatureEncoder, ImageEncoder, Images, LazyRows
from skmlc.inputs.fingerprint import fingerprint
from skmlc.model_selection import multilabel_train_test_split

rng = np.random.default_rng(0)
TABLE = rng.normal(size=(90, 5))
Y = (TABLE[:, :3] + rng.normal(size=(90, 3)) > 0).astype(int)
PICTURES = rng.integers(256, size=(24, 3, 8, 9), dtype=np.uint8)
SMALL = {"hidden_size": 8, "max_epochs": 2, "batch_size": 16, "random_state": 0}


class Stored:
    """As strict as a dataset of h5py: increasing indices, and no view of anything."""

    def __init__(self, values):
        self.values, self.shape, self.dtype = values, values.shape, values.dtype
        self.most_rows = 0

    def __getitem__(self, key):
        if isinstance(key, slice):
            assert 0 <= key.start < key.stop <= len(self.values)
        else:
            assert (np.diff(key) > 0).all()
            assert key[0] >= 0
        read = self.values[key].copy()
        self.most_rows = max(self.most_rows, len(read))
        return read


class Items(Dataset):
    """Pairs (x, y), or x alone."""

    def __init__(self, X, Y=None):
        self.X, self.Y, self.n_read = X, Y, 0

    def __len__(self):
        return len(self.X)

    def __getitem__(self, i):
        self.n_read += 1
        return self.X[i] if self.Y is None else (torch.tensor(self.X[i]), self.Y[i])


def in_hdf5(values, folder):
    h5py = pytest.importorskip("h5py", reason="needs h5py")
    with h5py.File(folder / "values.h5", "w") as file:
        chunks = (7, *values.shape[1:])
        file.create_dataset("X", data=values, chunks=chunks, compression="gzip")
    return h5py.File(folder / "values.h5")["X"]


def in_zarr(values, folder):
    zarr = pytest.importorskip("zarr", reason="needs zarr")
    chunks = (7, *values.shape[1:])
    kind = {"shape": values.shape, "dtype": values.dtype, "chunks": chunks}
    array = zarr.create_array(folder / "values.zarr", **kind)
    array[:] = values
    return array


def in_map(values, folder):
    np.save(folder / "values.npy", values)
    return LazyRows(np.load(folder / "values.npy", mmap_mode="r"))


STORES = {
    "stand-in": lambda values, folder: Stored(values),
    "hdf5": in_hdf5,
    "zarr": in_zarr,
    "memory map": in_map,
    "torch": lambda values, folder: Items(values),
    "torch subset": lambda values, folder: Subset(Items(values), range(len(values))),
}


@pytest.fixture(params=STORES)
def store(request, tmp_path):
    return lambda values: STORES[request.param](values, tmp_path)


# Reading ------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(90, 5), (90, 3, 2, 2)])
def test_any_rows_are_read_in_the_order_that_is_asked_for(store, shape):
    values = rng.normal(size=shape).astype(np.float32)
    X = LazyRows(store(values))
    assert (X.shape, X.ndim, X.dtype) == (values.shape, values.ndim, values.dtype)
    assert (X.size, X.nbytes) == (values.size, values.nbytes)
    mask = rng.random(90) < 0.3
    for key in (
        [3],
        [5, 2, 2, 80],
        [-1, 0],
        slice(None),
        slice(60, 4, -7),
        mask,
        [],
        [4, 5],
    ):
        np.testing.assert_array_equal(X.read(key), values[key])
        np.testing.assert_array_equal(X[key], values[key])
    part = X[::-2][[3, 1]]
    np.testing.assert_array_equal(part, values[::-2][[3, 1]])
    np.testing.assert_array_equal(X[mask, ...], values[mask])
    np.testing.assert_array_equal(X[-2], values[-2])
    assert part == LazyRows(values)[::-2][[3, 1]] != LazyRows(values)[:2]


def test_blocks_hold_all_rows_and_whole_chunks(monkeypatch):
    monkeypatch.setattr("skmlc.row_blocks.BLOCK_ENTRIES", 50)
    source = Stored(TABLE)
    assert [len(block) for block in LazyRows(source).blocks()] == [10] * 9
    source.chunks = (8, 5)
    blocks = list(LazyRows(source).blocks())
    assert [len(block) for block in blocks] == [16] * 5 + [10]
    np.testing.assert_array_equal(np.concatenate(blocks), TABLE)


def test_rows_are_read_in_ranges_only_where_they_are_dense():
    source, few = Stored(TABLE), [0, 40, 89]
    LazyRows(source).read(few)
    assert source.most_rows == len(few)
    LazyRows(source).read(slice(0, 90, 3))
    assert source.most_rows == 88


def test_pickles_of_views_hold_what_pickles_of_the_source_do(tmp_path):
    X = pickle.loads(pickle.dumps(in_map(TABLE, tmp_path)[10:20]))
    np.testing.assert_array_equal(X, TABLE[10:20])
    with pytest.raises(AttributeError, match="LazyRows cannot be changed"):
        X.rows = np.arange(3)


# Models -------------------------------------------------------------------------------------

MODELS = {
    "vectors": EmbMLPClassifier(**SMALL, early_stopping="loss"),
    "features": LaMPClassifier(**SMALL, encoder=FeatureEncoder(nodes="features")),
    "codes": EmbMLPClassifier(**SMALL, encoder=FeatureEncoder(categorical_features=[1])),
    "bags of one": GMMLICClassifier(**SMALL),
    "float64": EmbMLPClassifier(**SMALL, precision="float64"),
}


@pytest.mark.parametrize("name", MODELS)
def test_models_are_those_of_arrays_in_memory(store, name):
    model, values = MODELS[name], TABLE.round(1)
    X, same = store(values), model.fit(values, Y).predict_proba(values)
    np.testing.assert_array_equal(model.fit(X, Y).predict_proba(values), same)
    np.testing.assert_array_equal(model.predict_proba(X), same)
    np.testing.assert_array_equal(model.transform(X), model.transform(values))
    if name == "features":
        assert (
            model.explain(LazyRows(X)[:3]).node_names
            == model.explain(values[:3]).node_names
        )


def test_images_are_those_of_arrays_in_memory(store):
    last = np.ascontiguousarray(np.moveaxis(PICTURES, 1, -1))
    model = LaMPClassifier(**SMALL, encoder=ImageEncoder("tiny"))
    same = model.fit(PICTURES, Y[:24]).predict_proba(PICTURES)
    X = Images(store(last), channels="last")
    assert Images(PICTURES) == X
    assert repr(X) == repr(Images(PICTURES))
    np.testing.assert_array_equal(X[3], PICTURES[3])
    np.testing.assert_array_equal(model.fit(X, Y[:24]).predict_proba(X[4:]), same[4:])


@pytest.mark.parametrize("values", [PICTURES, PICTURES[:, 0].astype(float)])
def test_the_number_of_axes_says_what_a_sample_is(values, tmp_path):
    model = LaMPClassifier(**SMALL)
    same = model.fit(values, Y[:24]).predict_proba(values)
    X = in_map(values, tmp_path)
    np.testing.assert_array_equal(model.fit(X, Y[:24]).predict_proba(Stored(values)), same)


def test_models_of_sparse_tables_read_stored_ones(monkeypatch):
    monkeypatch.setattr("skmlc.row_blocks.BLOCK_ENTRIES", 50)
    values = np.maximum(TABLE, 0)
    model = LaMPClassifier(**SMALL).fit(sparse.csr_array(values), Y)
    same = model.predict_proba(values)
    np.testing.assert_array_equal(model.predict_proba(Stored(values)), same)


def test_missing_values_are_found_and_read_where_they_may_be():
    values = TABLE.copy()
    values[70, 2] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN in column 2"):
        EmbMLPClassifier(**SMALL).fit(Stored(values), Y)
    model = EmbMLPClassifier(**SMALL, encoder=FeatureEncoder(allow_nan=True))
    same = model.fit(values, Y).predict_proba(values)
    X = Stored(values)
    np.testing.assert_array_equal(model.fit(X, Y).predict_proba(X), same)


def test_no_more_than_a_block_or_a_batch_is_read_at_once(monkeypatch):
    monkeypatch.setattr("skmlc.row_blocks.BLOCK_ENTRIES", 50)
    monkeypatch.setattr("skmlc.training.linear_skip.ROWS_AT_ONCE", 8)
    monkeypatch.setattr("skmlc.inputs.encoders.training_values.MOST_SAMPLES", 12)
    X = Stored(TABLE)
    model = EmbMLPClassifier(**SMALL, early_stopping="loss").fit(X, Y)
    model.predict(X), model.transform(X)
    assert X.most_rows <= 4 * 16  # the densest range of a batch
    assert X.most_rows < 90


def test_cross_validation_reads_no_part_as_a_whole(monkeypatch):
    monkeypatch.setattr("skmlc.row_blocks.BLOCK_ENTRIES", 50)
    monkeypatch.setattr("skmlc.training.linear_skip.ROWS_AT_ONCE", 8)
    monkeypatch.setattr("skmlc.inputs.encoders.training_values.MOST_SAMPLES", 12)
    X, cv = Stored(TABLE), KFold(2, shuffle=True, random_state=0)
    options = {"cv": cv, "method": "predict_proba"}
    model = EmbMLPClassifier(
        **SMALL, callbacks=[EpochScoring("accuracy", use_caching=False)]
    )
    got = cross_val_predict(
        model.set_params(early_stopping="loss"), LazyRows(X), Y, **options
    )
    np.testing.assert_array_equal(got, cross_val_predict(model, TABLE, Y, **options))
    assert X.most_rows <= 4 * 16


def test_a_fit_is_known_again_by_what_is_stored(tmp_path):
    X = fingerprint(LazyRows(Stored(TABLE)))
    assert X == fingerprint(LazyRows(TABLE.copy())) != fingerprint(LazyRows(TABLE + 1))
    assert fingerprint(LazyRows(TABLE)[::-1]) != X
    pictures = fingerprint(Images(Stored(PICTURES)))
    assert pictures == fingerprint(Images(Stored(PICTURES)))
    assert pictures != fingerprint(Images(Stored(PICTURES // 2)))


@pytest.mark.parametrize(
    "values, message",
    [
        (np.where(np.eye(90, 5), np.inf, TABLE), "contains infinity"),
        (TABLE * 1e200, r"at most 3\.4e\+38"),
        (TABLE.astype(str), "real numbers; got dtype <U"),
        (TABLE.astype(complex), "real numbers; got dtype complex"),
        (TABLE[:, :4], "X has 4 features, but EmbMLPClassifier is expecting 5"),
        (TABLE[:0], r"0 sample\(s\)"),
        (PICTURES, "X must be of the kind seen in fit, 'vectors'; got 'images'"),
    ],
)
def test_what_cannot_be_read_is_refused_as_in_memory(values, message):
    model = EmbMLPClassifier(**SMALL).fit(TABLE, Y)
    with pytest.raises(ValueError, match=message):
        model.predict(Stored(values))


def test_sources_that_give_something_else_are_named():
    class Wrong(Stored):
        def __getitem__(self, key):
            return super().__getitem__(key)[:, 0]

    with pytest.raises(ValueError, match=r"shape \(90, 5\); Wrong gave \(90,\)"):
        EmbMLPClassifier(**SMALL).fit(Wrong(TABLE), Y)

    class Hidden(Stored):
        def __getitem__(self, key):
            return np.ma.masked_less(super().__getitem__(key), 0)

    with pytest.raises(ValueError, match="X must not hide entries behind a mask"):
        EmbMLPClassifier(**SMALL).fit(Hidden(TABLE), Y)
    with pytest.raises(TypeError, match=r"source must be an array, .*; got list"):
        LazyRows([[1, 2]])
    with pytest.raises(ValueError, match=r"at least two axes; got shape \(3,\)"):
        LazyRows(np.zeros(3))


def test_arrays_in_memory_are_taken_as_such():
    model = EmbMLPClassifier(**SMALL).fit(torch.tensor(TABLE), Y)
    np.testing.assert_array_equal(model.predict(TABLE), model.predict(torch.tensor(TABLE)))
    assert isinstance(Bags(torch.zeros(2, 3, 4)), Bags)


# Data sets of torch -------------------------------------------------------------------------


def test_a_data_set_brings_its_labels():
    model = EmbMLPClassifier(**SMALL)
    same = model.fit(TABLE, Y).predict_proba(TABLE)
    pairs = TensorDataset(torch.tensor(TABLE), torch.tensor(Y))
    for given in (pairs, Items(TABLE, Y), Subset(pairs, range(90)), LazyRows(pairs)):
        np.testing.assert_array_equal(model.fit(given).predict_proba(given), same)
        model.partial_fit(given).fit(given, None)
    reverse = range(89, -1, -1)
    np.testing.assert_allclose(
        model.predict_proba(Subset(pairs, reverse)), same[reverse], rtol=1e-5
    )
    model.fit(pairs, 1 - Y)  # labels that are given count
    np.testing.assert_array_equal(
        model.predict_proba(pairs), model.fit(TABLE, 1 - Y).predict_proba(TABLE)
    )


def test_labels_of_a_data_set_are_read_once_and_sliced():
    data = Items(TABLE, Y)
    X = LazyRows(data)
    data.n_read = 0
    np.testing.assert_array_equal(X[5:2:-1].read_targets(), Y[5:2:-1])
    assert data.n_read == 3
    assert LazyRows(Items(TABLE, Y[:, 0])).read_targets().shape == (90,)
    with pytest.raises(ValueError, match=r"samples are not pairs \(x, y\)"):
        LazyRows(TABLE).read_targets()


def test_what_a_data_set_varies_is_read_anew_in_each_epoch():
    class Varied(Items):
        def __getitem__(self, i):
            return super().__getitem__(i)[0] + self.n_read, self.Y[i]

    data = Varied(TABLE.astype(np.float32), Y)
    EmbMLPClassifier(**{**SMALL, "max_epochs": 1}).fit(data)
    once = data.n_read
    data.n_read = 0
    EmbMLPClassifier(**{**SMALL, "max_epochs": 4}).fit(data)
    assert data.n_read - once == 3 * 90


class Stream(IterableDataset):
    def __iter__(self):
        return iter(TABLE)


@pytest.mark.parametrize(
    "data, error, message",
    [
        (Stream(), TypeError, "X must be a data set of torch with a length.*got Stream"),
        (Items(TABLE[:0]), ValueError, "at least one sample; got an empty data set"),
        (TensorDataset(*[torch.zeros(4, 2)] * 3), TypeError, "item 0 is a tuple of 3"),
        (Items([{"x": 1}]), TypeError, "x of item 0 is dict"),
        (Items([np.ones(2), np.ones(3)]), ValueError, r"item 1 of \(3,\) and float64"),
        (Items([np.ones(2), np.ones(2, int)]), ValueError, r"item 1 of \(2,\) and int64"),
        (
            Items(TABLE, [[0]] * 3 + [[0, 1]] * 87),
            ValueError,
            r"item 3 \(2,\): .*Binarizer",
        ),
        (Items(TABLE), ValueError, "requires y to be passed"),
        (DataLoader(Items(TABLE)), TypeError, "DataLoader of torch: pass its data set, "),
    ],
)
def test_other_data_sets_are_refused_with_what_to_pass(data, error, message):
    with pytest.raises(error, match=message):
        EmbMLPClassifier(**SMALL).fit(data)


def test_train_and_test_parts_are_not_read(store):
    parts = multilabel_train_test_split(store(TABLE), Y, random_state=0)
    expected = multilabel_train_test_split(TABLE, Y, random_state=0)
    assert all(isinstance(X, LazyRows) for X in parts[:2])
    for found, values in zip(parts, expected, strict=True):
        np.testing.assert_array_equal(np.asarray(found), values)


def test_labels_in_a_file_are_split_too(tmp_path):
    *_, Y_train, Y_test = multilabel_train_test_split(TABLE, Stored(Y), random_state=0)
    *_, train, test = multilabel_train_test_split(TABLE, Y, random_state=0)
    np.testing.assert_array_equal(np.asarray(Y_train), train)
    np.testing.assert_array_equal(np.asarray(Y_test), test)


def test_items_of_all_types_of_tensors_are_read():
    X, targets = torch.tensor(TABLE.round()), torch.tensor(Y)
    for kind in (torch.bfloat16, torch.float16, torch.float64):
        tensors = X.to(kind).requires_grad_(), targets.to(torch.bfloat16)
        found = LazyRows(TensorDataset(*tensors))
        np.testing.assert_array_equal(np.asarray(found), TABLE.round())
        np.testing.assert_array_equal(found.read_targets(), Y)


def test_an_array_of_unknown_length_is_refused_with_what_to_do():
    X = Stored(TABLE)
    X.shape = (np.nan, 5)
    with pytest.raises(ValueError, match=r"known number of rows.*compute_chunk_sizes"):
        EmbMLPClassifier(**SMALL).fit(X, Y)


def test_pictures_of_pillow_in_a_data_set_are_refused_with_what_to_do():
    picture = pytest.importorskip("PIL.Image").new("RGB", (4, 4))
    with pytest.raises(TypeError, match="image of Pillow: give the data set a transform"):
        EmbMLPClassifier(**SMALL).fit(Items([picture] * 4), Y[:4])
