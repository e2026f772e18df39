import numpy as np
import pytest
from scipy import sparse
from sklearn.utils import Bunch

from skmlc.datasets import fetch_openml_multilabel, openml

X = np.array([[0.5, 1], [2, 0], [0, 3]])
LABELS = {"Class1": ["TRUE", "FALSE", "TRUE"], "Class2": ["FALSE", "FALSE", "TRUE"]}


class FakeOpenML:
    """Answers as fetch_openml does with as_frame=False and parser="liac-arff"."""

    def __init__(self, marked, labels=LABELS, is_sparse=False):
        self.marked, self.labels, self.is_sparse = marked, labels, is_sparse
        self.calls = []

    def __call__(self, name=None, **parameters):
        self.calls.append((name, parameters))
        targets = parameters["target_column"]
        targets = self.marked if targets == "default-target" else targets or []
        others = [column for column in ["x", "y", *self.labels] if column not in targets]
        codes = {name: np.array(words) == "TRUE" for name, words in self.labels.items()}
        columns = {"x": X[:, 0], "y": X[:, 1], **codes}
        data = np.stack([columns[name] for name in others], axis=1).astype(float)
        words = [np.array(self.labels[name], dtype=object) for name in targets]
        target = None
        if targets:
            target = words[0] if len(words) == 1 else np.stack(words, axis=1)
        return Bunch(
            data=sparse.csr_array(data) if self.is_sparse else data,
            target=target,
            feature_names=others,
            target_names=list(targets),
            categories={name: ["FALSE", "TRUE"] for name in others if name in self.labels},
            details={"id": "1"},
            DESCR="a description",
        )


def _replace(monkeypatch, *args, **kwargs):
    fake = FakeOpenML(*args, **kwargs)
    monkeypatch.setattr(openml, "fetch_openml", fake)
    return fake


def _check(bunch):
    np.testing.assert_array_equal(bunch.data, X)
    np.testing.assert_array_equal(bunch.target, [[1, 0], [0, 0], [1, 1]])
    assert bunch.target.dtype == np.int64
    assert bunch.target_names == ["Class1", "Class2"]
    assert bunch.feature_names == ["x", "y"]


def test_marked_targets_are_the_labels(monkeypatch):
    fake = _replace(monkeypatch, ["Class1", "Class2"])
    bunch = fetch_openml_multilabel("toy", version=4)
    _check(bunch)
    assert (bunch.DESCR, bunch.details) == ("a description", {"id": "1"})
    [(name, parameters)] = fake.calls
    assert (name, parameters["version"], parameters["data_id"]) == ("toy", 4, None)


@pytest.mark.parametrize("marked", [[], ["Class1"]])
def test_columns_of_true_and_false_are_the_labels_where_too_few_are_marked(
    monkeypatch, marked
):
    _replace(monkeypatch, marked)
    _check(fetch_openml_multilabel("toy"))


def test_the_labels_can_be_given(monkeypatch):
    _replace(monkeypatch, [])
    _check(fetch_openml_multilabel("toy", label_columns=["Class1", "Class2"]))
    bunch = fetch_openml_multilabel("toy", label_columns=["Class2"])
    np.testing.assert_array_equal(bunch.target, [[0], [0], [1]])


def test_id_cache_and_folder_are_handed_on(monkeypatch):
    fake = _replace(monkeypatch, ["Class1", "Class2"])
    fetch_openml_multilabel(data_id=7, cache=False, data_home="here")
    [(name, parameters)] = fake.calls
    assert name is None
    assert parameters["data_id"] == 7
    assert parameters["cache"] is False
    assert parameters["data_home"] == "here"


def test_sparse_data_stay_sparse(monkeypatch):
    _replace(monkeypatch, ["Class1", "Class2"], is_sparse=True)
    data = fetch_openml_multilabel("toy").data
    assert data.format == "csr"
    np.testing.assert_array_equal(data.toarray(), X)


@pytest.mark.parametrize("no, yes", [("0", "1"), ("false", "true"), ("no", "YES")])
def test_labels_may_be_written_otherwise(monkeypatch, no, yes):
    labels = {
        name: [yes if word == "TRUE" else no for word in words]
        for name, words in LABELS.items()
    }
    _replace(monkeypatch, ["Class1", "Class2"], labels)
    target = fetch_openml_multilabel("toy").target
    np.testing.assert_array_equal(target, [[1, 0], [0, 0], [1, 1]])


def test_labels_with_other_values_are_refused(monkeypatch):
    labels = {**LABELS, "Class2": ["red", "green", "blue"]}
    _replace(monkeypatch, ["Class1", "Class2"], labels)
    with pytest.raises(
        ValueError, match="label 'Class2' of 'toy' must have the values FALSE"
    ):
        fetch_openml_multilabel("toy")


def test_a_set_without_labels_is_refused(monkeypatch):
    _replace(monkeypatch, ["Class1"], {"Class1": LABELS["Class1"]})
    with pytest.raises(ValueError, match="label_columns must name the labels of 'toy'"):
        fetch_openml_multilabel("toy")
