"""Files that are damaged, or made to do harm, are refused with one kind of error."""

import functools
import json
import random
import struct
import sys
import time

import joblib
import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from scipy import sparse
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, SplineTransformer
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

import skmlc.persistence._file as file_module
from skmlc import load, save
from skmlc.exceptions import FileFormatError
from skmlc.persistence._file import read_file, write_file
from skmlc.persistence._tree import Record
from tests.input_forms import PLAIN, Y, make

TABLE = PLAIN["counts"]


class Mine:
    """A class of the user's."""

    def __init__(self, value=1):
        self.value = value

    def method(self):
        return self.value


def double(X):
    """A function of the user's."""
    return 2 * X


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.skmlc"


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """The bytes of a saved network, and what it predicts."""
    model = make("LaMPClassifier", n_steps=1).fit(TABLE, Y)
    path = tmp_path_factory.mktemp("model") / "a"
    save(model, path)
    return path.read_bytes(), model.predict_proba(TABLE)


# Raw files ----------------------------------------------------------------------------------


def raw_file(path, tree, about=None, **arrays):
    """Write a file as `write_file` does, of JSON that it would not write."""
    text = tree if isinstance(tree, bytes) else json.dumps(tree).encode()
    arrays = {**arrays, "tree": np.frombuffer(text, np.uint8)}
    about = {"format": 1, "kind": "model", "versions": {}, **(about or {})}
    codes = {"uint8": "U8", "float64": "F64", "int64": "I64", "bool": "BOOL"}
    hashed = [
        (n, codes[a.dtype.name], list(a.shape), a.reshape(-1).view(np.uint8))
        for n, a in arrays.items()
    ]
    about.setdefault("sha256", file_module._checksum(about, hashed))
    save_file(arrays, path, {"skmlc": json.dumps(about)})


def test_the_raw_files_of_these_tests_are_like_real_ones(path):
    raw_file(path, {"nodes": [["list", 1, "a"]], "root": [0]})
    assert read_file(path)[0] == [1, "a"]
    assert load(path) == [1, "a"]


LONG = [["tuple", "x"], *(["tuple", [i], [i]] for i in range(60))]
TREES = {
    "not JSON": b"{",
    "deep JSON": b"[" * 100_000,
    "no nodes": {},
    "nodes of a wrong type": {"nodes": 3, "root": None},
    "no root": {"nodes": []},
    "a node that is no list": {"nodes": ["x"], "root": [0]},
    "an empty node": {"nodes": [[]], "root": [0]},
    "an unknown kind": {"nodes": [["object", 1]], "root": [0]},
    "a cycle": {"nodes": [["list", [0]]], "root": [0]},
    "a later node": {"nodes": [["list", [1]], ["list"]], "root": [0]},
    "a negative node": {"nodes": [["list"], ["list", [-1]]], "root": [0]},
    "a node by a truth value": {"nodes": [["list"], ["list", [True]]], "root": [0]},
    "a value of a wrong type": {"nodes": [["list", {}]], "root": [0]},
    "a root of a wrong type": {"nodes": [], "root": {}},
    "nested nodes": {"nodes": [["list"], *(["list", [i]] for i in range(5000))], "root": [9]},
    "NaN": b'{"nodes": [], "root": NaN}',
    "a long number": b'{"nodes": [], "root": ' + b"1" * 5000 + b"}",
    "a key that is a list": {"nodes": [["list"], ["dict", [0], 1]], "root": [1]},
    "a key that takes forever": {"nodes": [*LONG, ["dict", [60], 1]], "root": [61]},
    "a member that takes forever": {"nodes": [*LONG, ["set", [60]]], "root": [61]},
    "keys that collide": {"nodes": [["dict", 2**61 - 1 << 70, 1]], "root": [0]},
    "a key without a value": {"nodes": [["dict", 1]], "root": [0]},
    "a missing array": {"nodes": [["array", "7", None, True]], "root": [0]},
    "axes that are none": {"nodes": [["tuple", 1, 0], ["array", "a", [0], True]], "root": [1]},
    "an array as objects": {"nodes": [["array", "a", None, True, "|O", None]], "root": [0]},
    "an unknown dtype": {"nodes": [["dtype", "i4,f8"]], "root": [0]},
    "a dtype of objects": {"nodes": [["scalar", "|O8", "00" * 8]], "root": [0]},
    "a number of a wrong length": {"nodes": [["scalar", "<f8", "00"]], "root": [0]},
    "a character that is none": {"nodes": [["scalar", "<U1", "ffffffff"]], "root": [0]},
    "a truth value of 2": {"nodes": [["array", "bits", None, True]], "root": [0]},
    "a tensor of 2 as a truth value": {
        "nodes": [["tensor", "bits", None, False, False, False]], "root": [0]
    },
    "objects of a huge shape": {
        "nodes": [["tuple", 10**9, 10**9], ["objects", [0], 1]], "root": [1]
    },
    "a device": {"nodes": [["torch.device", "x"]], "root": [0]},
    "a dtype of torch": {"nodes": [["torch.dtype", "torch.x"]], "root": [0]},
    "a range of strings": {"nodes": [["range", "a"]], "root": [0]},
    "a record without a type": {"nodes": [["record", 3, None]], "root": [0]},
    "a sparse matrix out of its shape": {
        "nodes": [["tuple", 3, 4], ["array", "a", None, True],
                  ["array", "indices", None, True], ["array", "indptr", None, True],
                  ["sparse", "csr_array", [0], [1], [2], [3]]],
        "root": [4],
    },
    "a sparse matrix of a huge shape": {
        "nodes": [["tuple", 10**15, 4], ["array", "a", None, True],
                  ["array", "indices", None, True], ["array", "indptr", None, True],
                  ["sparse", "csr_array", [0], [1], [2], [3]]],
        "root": [4],
    },
    "a list as a sparse matrix": {
        "nodes": [["list"], ["sparse", "csr_array", [0], [0], [0], [0]]], "root": [1]
    },
    "a range of a huge length as a shape": {
        "nodes": [["torch.Size", 10**9], ["torch.Size", "a"]], "root": [1]
    },
}  # fmt: skip


@pytest.mark.parametrize("name", TREES)
def test_a_tree_that_is_none_is_refused(name, path):
    bits = np.array([0, 2], np.uint8).view(bool)
    arrays = {
        "a": np.ones(2),
        "indices": np.array([0, 9]),
        "indptr": np.array([0, 1, 2, 2]),
    }
    raw_file(path, TREES[name], bits=bits, **arrays)
    started = time.monotonic()
    with pytest.raises(FileFormatError) as error:
        read_file(path)
    assert time.monotonic() - started < 1
    assert len(str(error.value)) < 500


ABOUTS = {
    "a newer format": (
        {"format": 2},
        "format version 2, and this skmlc reads versions up to 1",
    ),
    "format 0": ({"format": 0}, "header lacks"),
    "a format that is a truth value": ({"format": True}, "header lacks"),
    "another kind": ({"kind": "checkpoint"}, "must be a model; it is a checkpoint"),
    "a kind of a wrong type": ({"kind": 3}, "header lacks"),
    "versions of a wrong type": ({"versions": {"a": 1}}, "header lacks"),
    "more than there should be": ({"more": 1}, "header lacks"),
    "another checksum": ({"sha256": "0" * 64}, "checksum does not match"),
}


@pytest.mark.parametrize("name", ABOUTS)
def test_a_wrong_header_is_said_so(name, path):
    about, message = ABOUTS[name]
    raw_file(path, {"nodes": [], "root": 1}, about)
    with pytest.raises(FileFormatError, match=message):
        load(path)


def test_other_files_are_named(path):
    joblib.dump([1], path)
    with pytest.raises(FileFormatError, match="a pickle or joblib file, which runs code"):
        load(path)
    joblib.dump([1], path, compress=3)
    with pytest.raises(FileFormatError, match="compressed joblib file"):
        load(path)
    torch.save([1], path)
    with pytest.raises(FileFormatError, match="a zip archive, such as"):
        load(path)
    save_file({"a": np.ones(2)}, path)
    with pytest.raises(FileFormatError, match="a safetensors file, but not one"):
        load(path)
    path.write_bytes(b"")
    with pytest.raises(FileFormatError, match="it is empty"):
        load(path)
    path.write_text("hello, world")
    with pytest.raises(FileFormatError, match="is damaged or cut short, or not a file"):
        load(path)


def test_a_header_that_declares_what_is_not_there_takes_no_memory(path):
    entry = {"dtype": "F64", "shape": [2**40, 2**40], "data_offsets": [0, 8]}
    for shape in ([2**40], [2**40, 2**40], [2**62, 0]):
        header = json.dumps({"a": {**entry, "shape": shape}}).encode()
        path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))
        with pytest.raises(FileFormatError):
            load(path)


# What a file may name -----------------------------------------------------------------------


def record_file(path, type_, state):
    write_file(path, Record(type_, state))


INSTANCES = [
    "os:_wrap_close", "subprocess:Popen", "builtins:object", "pathlib:Path", "tests:Mine",
    "skmlc.persistence.models:load", "skmlc.persistence._file:os.system", "skmlc:lamp",
    "skmlc.lamp:torch.nn.Linear", "skmlc.lamp:nn", "sklearn.datasets:fetch_openml",
    "sklearn.externals.array_api_compat:os", "sklearn.utils._testing:MinimalClassifier",
    "torch.nn.modules.module:torch", "skmlc.persistence._build:Builder", "builtins:type",
    "torch.nn.modules.linear:Linear.__init__", "skmlc.datasets.loaders:Path", "no", ":", "a:",
    "skorch.callbacks.training:Checkpoint", "skmlc.training.batches:BatchDataset", "x" * 10_000,
    "skmlc.no.module:X", "antigravity:X", "torch.utils.data.dataloader:DataLoader",
]  # fmt: skip


@pytest.mark.parametrize("name", INSTANCES, ids=lambda name: name[:50])
def test_an_object_of_another_class_is_not_made(name, path):
    record_file(path, name, {"a": 1})
    with pytest.raises(FileFormatError) as error:
        load(path)
    assert len(str(error.value)) < 1000


FUNCTIONS = [
    "builtins:eval", "builtins:exec", "builtins:open", "builtins:getattr", "os:system",
    "skmlc.persistence.models:load", "skmlc.persistence._file:write_file", "numpy:load",
    "numpy:fromfile", "torch:load", "skmlc.datasets.files:open_text", "sklearn.utils:shuffle",
    "skmlc.persistence._file:os.replace", "skmlc.nn.losses:torch.load", "subprocess:run",
    "skmlc.inputs.containers.image_files:read_file", "sklearn.datasets:load_files",
    "sklearn.metrics:get_scorer.x", "torch.nn.functional:torch.load",
]  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_function_is_found_that_does_more_than_compute(name, path):
    for tree in (
        Record("function", name),
        Record("partial", [Record("function", name), [], {}]),
    ):
        write_file(path, tree)
        with pytest.raises(FileFormatError):
            load(path)


def test_no_module_is_imported_of_another_package(path):
    record_file(path, "antigravity:x", {})
    with pytest.raises(FileFormatError):
        load(path)
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize(
    "type_, state",
    [
        ("skmlc.lamp:LaMPClassifier", [1]),
        ("skmlc.lamp:LaMPClassifier", {1: 2}),
        ("skmlc.lamp:LaMPClassifier", {"predict": 3}),
        ("skmlc.lamp:LaMPClassifier", {"__class__": 3}),
        ("skmlc.lamp:LaMPClassifier", {"module_": 3}),
        ("torch.nn.modules.linear:Linear", {}),
        ("torch.nn.modules.linear:Linear", {
            "training": True, "_parameters": {"weight": 3}, "_buffers": {}, "_modules": {},
            "_non_persistent_buffers_set": set(), "attributes": {}}),
        ("torch.nn.modules.linear:Linear", {
            "training": True, "_parameters": {}, "_buffers": {}, "_modules": {},
            "_non_persistent_buffers_set": set(), "attributes": {"forward": 3}}),
        ("skmlc.training.net:Net", {"module": 3}),
        ("skmlc.inputs.containers.bags:Bags", {
            "instances": np.ones((3, 2)), "offsets": np.array([0, 9]), "boxes": None}),
        ("skmlc.inputs.containers.graphs:Graphs", {
            "instances": np.ones((2, 1)), "offsets": np.array([0, 2]), "boxes": None,
            "edges": np.array([[0], [2]]), "edge_offsets": np.array([0, 1]),
            "edge_weights": None}),
        ("skmlc.inputs.containers.graphs:Graphs", {
            "instances": np.ones((2, 1)), "offsets": np.array([0, 2]), "boxes": None,
            "edges": np.array([[0], [1]]), "edge_offsets": np.array([0, 1]),
            "edge_weights": np.array([-1.0])}),
        ("random state", {"bit_generator": "MT19937", "has_gauss": 0, "gauss": 0.0,
                          "state": {"key": np.zeros(624, np.uint32), "pos": 10**6}}),
        ("random generator", {"bit_generator": "seed"}),
        ("partial", [3, [], {}]),
        ("default dict", [3, {}]),
        ("sklearn.utils._bunch:Bunch", {"entries": {}, "attributes": {"keys": 3}}),
        ("tree", {}),
        ("class", 3), ("class", "tree"), ("function", None), ("function", "skmlc.nn.losses:no"),
        ("KDTree", {"data": np.ones((2, 2)), "leaf_size": 2**40, "metric": "euclidean",
                    "options": {}, "weight": None}),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)  # fmt: skip
def test_objects_with_wrong_attributes_are_refused(type_, state, path):
    record_file(path, type_, state)
    with pytest.raises(FileFormatError):
        load(path)


# Trees of scikit-learn ----------------------------------------------------------------------


def changed(tree, change, kind):
    """Call `change` with the state of each record of a kind."""
    seen = set()

    def walk(x):
        if id(x) in seen:
            return
        seen.add(id(x))
        if isinstance(x, Record):
            if x.type == kind:
                change(x.state)
            walk(x.state)
        if isinstance(x, dict):
            list(map(walk, x.values()))
        if isinstance(x, np.ndarray) and x.dtype == object:
            list(map(walk, x.ravel()))
        if isinstance(x, (list, tuple)):
            list(map(walk, x))

    walk(tree)
    return tree


def set_entry(name, value, where=0):
    def change(state):
        state["nodes"][name][where] = value

    return change


def set_value(name, value):
    return lambda state: state.__setitem__(name, value)


FOREST = "sklearn.ensemble._forest:RandomForestClassifier"
ATTACKS = [
    *[(DecisionTreeClassifier(), "tree", change) for change in (
        set_entry("left_child", 10**6), set_entry("left_child", 0), set_entry("left_child", -5),
        set_entry("right_child", 0), set_entry("right_child", -1), set_entry("feature", 6),
        set_entry("feature", -3), set_entry("feature", 2**40), set_entry("right_child", 1, -1),
        set_value("n_features", 99), set_value("n_outputs", 7), set_value("n_outputs", 0),
        set_value("values", np.zeros((1, 1, 1))), set_value("n_classes", np.array([10**6])),
    )],
    (RandomForestClassifier(2), "tree", set_value("n_features", 99)),
    (RandomForestClassifier(2), FOREST, set_value("n_features_in_", 2)),
    (GradientBoostingClassifier(n_estimators=2), "tree", set_entry("feature", 99)),
    *[(HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=3), "tree of histograms", c)
      for c in (
        set_entry("left", 10**6), set_entry("right", 0), set_entry("feature_idx", 6),
        set_entry("feature_idx", -1), set_entry("is_categorical", 1),
        set_value("raw_left_cat_bitsets", np.zeros((1, 1), np.uint32)),
    )],
    *[(SVC(), "sklearn.svm._classes:SVC", change) for change in (
        set_value("_n_support", np.array([10**6, 1, 1], np.int32)),
        set_value("_dual_coef_", np.ones((2, 1))), set_value("_intercept_", np.ones(1)),
        set_value("support_vectors_", np.ones((1, 6))),
    )],
    *[(SplineTransformer(), "spline", change) for change in (
        set_value("coefficients", np.ones((2, 7))), set_value("degree", 100),
        set_value("degree", -1), set_value("axis", 2), set_value("knots", np.zeros(11)),
        set_value("knots", np.full(11, np.nan)), set_value("knots", "x"),
    )],
]  # fmt: skip


def halved(name):
    """Return a change that leaves out the entries of one half of a sparse matrix."""

    def change(state):
        matrix = state[name].copy()
        matrix[:, : matrix.shape[1] // 2] = 0
        matrix.eliminate_zeros()
        state[name] = matrix

    return change


@pytest.mark.parametrize(
    "change",
    [
        halved("_dual_coef_"),
        set_value("_sparse", False),
        set_value("_effective_probability", True),
    ],
    ids=["fewer", "dense", "probabilities"],
)
def test_sparse_support_vectors_that_do_not_fit_are_refused(change, path):
    save(SVC().fit(sparse.csr_array(TABLE), Y[:, 0]), path)
    tree, versions = read_file(path)
    write_file(path, changed(tree, change, "sklearn.svm._classes:SVC"), versions=versions)
    with pytest.raises(FileFormatError):
        load(path)


@pytest.mark.parametrize("model, kind, change", ATTACKS)
def test_compiled_parts_that_lead_out_of_their_arrays_are_refused(
    model, kind, change, path
):
    save(model.fit(TABLE, Y.sum(axis=1) % 3), path)
    tree, versions = read_file(path)
    write_file(path, changed(tree, change, kind), versions=versions)
    with pytest.raises(FileFormatError):
        load(path)


# Damage -------------------------------------------------------------------------------------


def with_a_right_checksum(data):
    """Return a file whose checksum was made right again, or as it is if that cannot be."""
    try:
        length = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8 : 8 + length])
        about = json.loads(header["__metadata__"]["skmlc"])
        start = 8 + length
        parts = [
            (
                n,
                e["dtype"],
                e["shape"],
                data[slice(*(start + o for o in e["data_offsets"]))],
            )
            for n, e in header.items()
            if n != "__metadata__"
        ]
        about["sha256"] = file_module._checksum(about, parts)
        header["__metadata__"]["skmlc"] = json.dumps(about)
        text = json.dumps(header).encode()
    except (ValueError, TypeError, KeyError, AttributeError):
        return data
    return struct.pack("<Q", len(text)) + text + data[start:]


def mutated(data, rng):
    """Return a file that was damaged somehow."""
    data = bytearray(data)
    kind = rng.randrange(5)
    length = struct.unpack("<Q", data[:8])[0]
    if kind == 0:  # cut
        return bytes(data[: rng.randrange(len(data))])
    if kind == 1:  # a part is there twice, or not
        a, b = sorted(rng.randrange(len(data)) for _ in range(2))
        return bytes(data[:a] + (data[a:b] * rng.choice([0, 2])) + data[b:])
    # Bits of the header, of the tree, or anywhere.
    at = data.find(b'{"nodes"')
    start, end = [(0, 8 + length), (at, len(data)), (0, len(data))][kind - 2]
    for _ in range(rng.choice([1, 1, 3])):
        place = rng.randrange(start, end)
        data[place] = rng.choice(
            [data[place] ^ (1 << rng.randrange(8)), rng.choice(b'0129[]",{')]
        )
    return bytes(data)


@pytest.mark.parametrize("repaired", [False, True])
def test_damaged_files_are_refused_or_give_the_same(repaired, content, path):
    data, expected = content
    rng, refused = random.Random(0), 0
    for _ in range(300):
        damaged = mutated(data, rng)
        path.write_bytes(with_a_right_checksum(damaged) if repaired else damaged)
        try:
            model = load(path)
        except FileFormatError:
            refused += 1
            continue
        if not repaired:
            np.testing.assert_array_equal(model.predict_proba(TABLE), expected)
    assert refused > (100 if repaired else 250)


# What is of the user's ----------------------------------------------------------------------

NAME = f"{__name__}.double"


def test_a_function_of_ones_own_is_refused_when_it_is_saved(path):
    model = make_pipeline(FunctionTransformer(double), make("LaMPClassifier"))
    message = (
        rf"Pipeline.steps\[0\]\[1\].func is the function {NAME}, .*trusted=\['{NAME}'\]"
    )
    with pytest.raises(TypeError, match=message):
        save(model, path)
    assert not path.exists()


@pytest.mark.parametrize("function", [lambda X: X, functools.partial(lambda X: X)])
def test_a_function_without_a_name_is_refused(function, path):
    with pytest.raises(TypeError, match="cannot be found again by its name; define it"):
        save(FunctionTransformer(function), path)
    with pytest.raises(TypeError, match="cannot be found again by its name"):
        save(FunctionTransformer(function), path, trusted=[f"{__name__}.<lambda>"])


def test_what_is_trusted_by_name_is_saved_and_loaded(path):
    model = make_pipeline(FunctionTransformer(double), make("LaMPClassifier")).fit(TABLE, Y)
    save(model, path, trusted=[double])
    with pytest.raises(
        FileFormatError, match=rf"only if you trust it: pass trusted=\['{NAME}'"
    ):
        load(path)
    loaded = load(path, trusted=[NAME])
    np.testing.assert_array_equal(loaded.predict_proba(TABLE), model.predict_proba(TABLE))


def test_a_class_of_ones_own_is_made_without_its_init(path):
    save(Mine(3), path, trusted=[Mine])
    loaded = load(path, trusted=[Mine])
    assert type(loaded) is Mine
    assert loaded.method() == 3
    with pytest.raises(FileFormatError, match="Mine"):
        load(path, trusted=["tests.persistence.other.Mine"])


def test_trusted_is_a_list(path):
    with pytest.raises(TypeError, match=r"write \['a.B'\]"):
        save(1, path, trusted="a.B")
    with pytest.raises(TypeError, match=r"write \['a.B'\]"):
        load(path, trusted="a.B")


def test_hooks_and_replaced_methods_are_refused(path):
    linear = torch.nn.Linear(2, 2)
    linear.register_forward_hook(lambda *args: None)
    with pytest.raises(TypeError, match="has hooks"):
        save(linear, path)
    model = make("LaMPClassifier")
    model.predict = len
    with pytest.raises(TypeError, match="predict has taken the place of a method"):
        save(model, path)


def test_what_contains_itself_and_classes_are_refused(path):
    model = make("LaMPClassifier")
    model.encoder = model
    with pytest.raises(TypeError, match="contains itself"):
        save(model, path)
    with pytest.raises(TypeError, match="must be an instance, not a class"):
        save(type(model), path)
