"""Networks as ONNX files, which onnxruntime runs with equal results."""

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.exceptions import NotFittedError

import skmlc
from skmlc import EmbMLPClassifier, LaMPClassifier, Seq2SeqClassifier
from skmlc.graphs import HierarchyGraph
from skmlc.inputs import Bags, FeatureEncoder, ImageEncoder, Sequences
from tests.method_names import METHOD_NAMES

METHODS = [getattr(skmlc, name) for name in METHOD_NAMES]
NETWORKS = [Method for Method in METHODS if hasattr(Method, "partial_fit")]
EXPORTED = [Network for Network in NETWORKS if Network is not Seq2SeqClassifier]
N_NODES = 7

rng = np.random.default_rng(0)
Y = rng.integers(0, 2, (24, 3))
TABLE = rng.normal(size=(24, 4)).astype(np.float32)
BAGS = Bags([rng.normal(size=(n, 4)).astype(np.float32) for n in rng.integers(1, 6, 24)])
IMAGES = rng.random((24, 3, 16, 16), dtype=np.float32)
ROWS = sparse.random_array(
    (24, 12), density=0.2, format="csr", dtype=np.float32, random_state=0
)


@pytest.fixture
def run():
    """Return a function that runs a file as another program does, on some samples."""
    for package in ("onnx", "onnxscript"):
        pytest.importorskip(package, reason="needs the extra onnx")
    runtime = pytest.importorskip("onnxruntime", reason="needs the extra onnx")

    def run(path, **inputs):
        session = runtime.InferenceSession(path)
        assert [output.name for output in session.get_outputs()] == ["probabilities"]
        assert {entry.name for entry in session.get_inputs()} == inputs.keys()
        return session.run(None, inputs)[0]

    return run


def small(Network, **options):
    tiny = {"hidden_size": 4, "max_epochs": 2, "random_state": 0}
    return Network(**{**tiny, **options})


def padded_bags():
    """Return the bags with padding that is no number, and what is no padding."""
    instances = np.full((24, N_NODES, 4), np.nan, np.float32)
    is_instance = np.zeros((24, N_NODES), bool)
    for i, (start, stop) in enumerate(zip(BAGS.offsets[:-1], BAGS.offsets[1:])):
        instances[i, : stop - start] = BAGS.instances[start:stop]
        is_instance[i, : stop - start] = True
    return {"instances": instances, "is_instance": is_instance}


def padded_rows():
    indices = np.zeros((24, N_NODES), np.int64)
    values = np.zeros((24, N_NODES), np.float32)
    for i, (start, stop) in enumerate(zip(ROWS.indptr[:-1], ROWS.indptr[1:])):
        indices[i, : stop - start] = ROWS.indices[start:stop]
        values[i, : stop - start] = ROWS.data[start:stop]
    return {"indices": indices, "values": values}


KINDS = {
    "tables": (TABLE, None, lambda: {"X": TABLE}),
    "sparse": (ROWS, N_NODES, padded_rows),
    "bags": (BAGS, N_NODES, padded_bags),
    "images": (IMAGES, None, lambda: {"X": IMAGES}),
}


def check(model, kind, path, run):
    X, n_nodes, arrays = KINDS[kind]
    model.fit(X, Y)
    if kind == "tables" and model._input_kind == "bags":
        pytest.skip("reads the rows of a table as bags")
    model.to_onnx(path, n_nodes)
    expected = model.predict_proba(X)
    for some in (slice(None), slice(3, 4)):
        inputs = {name: array[some] for name, array in arrays().items()}
        np.testing.assert_allclose(run(path, **inputs), expected[some], atol=1e-5)


# Bags ask most of a head: several nodes, and padding.
@pytest.mark.parametrize("Network", EXPORTED)
def test_a_file_gives_the_probabilities_of_bags(Network, run, tmp_path):
    check(small(Network), "bags", tmp_path / "model.onnx", run)


@pytest.mark.parametrize("kind", ["tables", "sparse", "images"])
@pytest.mark.parametrize(
    "Network",
    [
        pytest.param(N, marks=() if N is LaMPClassifier else pytest.mark.slow)
        for N in EXPORTED
    ],
)
def test_a_file_gives_the_probabilities_of_every_kind_of_input(
    Network, kind, run, tmp_path
):
    options = {"encoder": ImageEncoder(size=16)} if kind == "images" else {}
    check(small(Network, **options), kind, tmp_path / "model.onnx", run)


@pytest.mark.parametrize(
    "encoder",
    [
        FeatureEncoder(nodes="features"),
        FeatureEncoder(encoding="periodic", allow_nan=True),
        FeatureEncoder(encoding=None, skip_encoding=None),
    ],
    ids=["features", "missing values", "as they are"],
)
def test_encodings_of_columns_are_in_the_file(encoder, run, tmp_path):
    X = TABLE.copy()
    if encoder.allow_nan:
        X[::5, 1] = np.nan
    model = small(LaMPClassifier, encoder=encoder).fit(X, Y)
    model.to_onnx(tmp_path / "model.onnx")
    given = run(tmp_path / "model.onnx", X=X)
    np.testing.assert_allclose(given, model.predict_proba(X), atol=1e-5)


def test_a_frozen_backbone_is_in_the_file_once_for_head_and_linear_skip(run, tmp_path):
    encoder = ImageEncoder("tiny", freeze="all")
    model = small(LaMPClassifier, encoder=encoder).fit(IMAGES, Y)
    assert model.module_.skip is not None
    model.to_onnx(tmp_path / "model.onnx")
    given = run(tmp_path / "model.onnx", X=IMAGES)
    np.testing.assert_allclose(given, model.predict_proba(IMAGES), atol=1e-5)
    n_weights = sum(p.numel() for p in model.module_.parameters())
    assert (tmp_path / "model.onnx").stat().st_size < 1.5 * 4 * n_weights


@pytest.mark.parametrize("y", [Y[:, 0], Y.sum(1)], ids=["binary", "multiclass"])
def test_targets_of_one_dimension(y, run, tmp_path):
    model = small(EmbMLPClassifier, precision="float64").fit(TABLE, y)
    model.to_onnx(tmp_path / "model.onnx")
    given = run(tmp_path / "model.onnx", X=TABLE.astype(np.float64))
    np.testing.assert_allclose(given, model.predict_proba(TABLE), atol=1e-12)


def test_exporting_leaves_model_and_global_states_alone(run, tmp_path):
    model = small(LaMPClassifier).fit(BAGS, Y)
    expected, state = model.predict_proba(BAGS), torch.get_rng_state()
    model.to_onnx(tmp_path / "model.onnx", N_NODES)
    torch.testing.assert_close(torch.get_rng_state(), state)
    assert torch.is_grad_enabled()
    np.testing.assert_array_equal(model.predict_proba(BAGS), expected)
    model.partial_fit(BAGS, Y)
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.onnx"]


# What cannot be exported ------------------------------------------------------------------


@pytest.fixture
def _installed(monkeypatch):
    """Go on as if the packages were there, to errors that come before they are needed."""
    from skmlc.base import exporting

    monkeypatch.setattr(exporting, "_check_packages", lambda: None)


TOKENS = Sequences([[1, 2], [0], [2, 1, 0]] * 8)
CODES = rng.integers(0, 3, (24, 2))
REFUSED = {
    "decoding": (small(Seq2SeqClassifier), TABLE, None, "one after the other"),
    "sequences": (small(EmbMLPClassifier), TOKENS, None, "fitted on sequences"),
    "categories": (
        small(EmbMLPClassifier, encoder=FeatureEncoder(categorical_features=[0])),
        CODES,
        None,
        "columns of categories",
    ),
    "hierarchy": (
        small(LaMPClassifier, label_graph=HierarchyGraph([(0, 1)], consistent="min")),
        TABLE,
        None,
        "consistent with a hierarchy",
    ),
    "no n_nodes": (small(EmbMLPClassifier), BAGS, None, "n_nodes must be the number"),
    "n_nodes of a table": (small(EmbMLPClassifier), TABLE, 3, "n_nodes must be None"),
    "n_nodes": (small(EmbMLPClassifier), BAGS, 1, "integer of at least 2; got 1"),
}


@pytest.mark.usefixtures("_installed")
@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_exported_is_a_clear_error_and_no_file(case, tmp_path):
    model, X, n_nodes, message = REFUSED[case]
    path = tmp_path / "model.onnx"
    path.write_text("earlier")
    model.fit(X, Y)
    with pytest.raises(ValueError, match=message):
        model.to_onnx(path, n_nodes)
    assert path.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_what_pytorch_cannot_export_is_a_clear_error(run, tmp_path):
    n_labels = 320  # with few edges: attention goes along them
    labels = rng.integers(0, 2, (24, n_labels))
    graph = sparse.diags_array(np.ones(n_labels - 1), offsets=1).tocsr()
    model = small(LaMPClassifier, label_graph=graph).fit(TABLE, labels)
    with pytest.raises(ValueError, match="cannot be exported as it was fitted"):
        model.to_onnx(tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_a_missing_package_is_named(monkeypatch, tmp_path):
    model = small(EmbMLPClassifier).fit(TABLE, Y)
    monkeypatch.setattr("skmlc.base.exporting.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"package onnx: .* skmlc\[onnx\]"):
        model.to_onnx(tmp_path / "model.onnx")


def test_an_unfitted_model_cannot_be_exported(tmp_path):
    with pytest.raises(NotFittedError):
        EmbMLPClassifier().to_onnx(tmp_path / "model.onnx")
