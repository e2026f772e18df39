"""Texts: what is taken for raw text, and what is refused."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest

from skmlc import MIMLSVM, EmbMLPClassifier, KnownLabelsClassifier
from skmlc.inputs import BagScaler, Texts
from skmlc.inputs.containers import as_container
from skmlc.inputs.containers.texts import TokenizedTexts

TEXTS = ["rain and wind", "", "sun"]
FORMS = {
    "tuple": tuple,
    "iterator": iter,
    "array": np.array,
    "object array": lambda texts: np.array(texts, dtype=object),
    "column of an array": lambda texts: np.array(texts, dtype=object)[:, None],
    "Series": pd.Series,
    "categories": lambda texts: pd.Series(texts, dtype="category"),
    "string Series": lambda texts: pd.Series(texts, dtype="string"),
    "frame": lambda texts: pd.DataFrame({"text": texts}),
    "polars Series": lambda texts: pytest.importorskip("polars").Series(texts),
    "polars frame": lambda texts: pytest.importorskip("polars").DataFrame({"text": texts}),
    "array of Arrow": lambda texts: pytest.importorskip("pyarrow").array(texts),
    "Texts": Texts,
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_of_texts_holds_the_same(form):
    X = Texts(form(TEXTS))
    assert Texts(TEXTS) == X
    assert [type(text) for text in X] == [str] * 3
    assert X.lengths.tolist() == [13, 0, 3]


def test_texts_are_values():
    X = Texts(TEXTS)
    for same in (pickle.loads(pickle.dumps(X)), copy.deepcopy(X), X[::-1][::-1]):
        assert same == X
        with pytest.raises(ValueError, match="read-only"):
            same.texts[0] = "snow"
    assert Texts(["a"]) != Texts(["b"])
    assert as_container(X) is X


@pytest.mark.parametrize(
    "texts, error, message",
    [
        ("rain", TypeError, "a list or a column of one str per sample; got str"),
        (5, TypeError, "got int"),
        ([], ValueError, "at least one text"),
        (["a", b"b"], TypeError, "sample 1 is of type bytes: decode it"),
        (
            ["a", None],
            TypeError,
            "sample 1 is of type NoneType: replace missing texts by ''",
        ),
        (["a", pd.NA], TypeError, "sample 1 is of type NAType: replace missing"),
        (pd.Series(["a", pd.NA], dtype="string"), TypeError, "replace missing texts by"),
        (pd.Series(["a", np.nan]), TypeError, "sample 1 is of type float: replace missing"),
        ([["a", "b"]], TypeError, "sample 0 is of type list"),
        (np.ones((2, 2)), ValueError, r"an array of shape \(2, 2\)"),
        (pd.DataFrame({"a": ["x"], "b": ["y"]}), ValueError, "a DataFrame of 2 columns"),
    ],
)
def test_what_is_no_text_is_refused(texts, error, message):
    with pytest.raises(error, match=message):
        Texts(texts)


def test_what_reads_no_texts_says_so():
    Y = np.eye(3, dtype=int)
    with pytest.raises(ValueError, match=r"encoder must name the network that reads Texts"):
        EmbMLPClassifier().fit(Texts(TEXTS), Y)
    with pytest.raises(TypeError, match=r"encoder=skmlc\.inputs\.TextEncoder\(model\)"):
        EmbMLPClassifier().fit(TEXTS, Y)
    with pytest.raises(TypeError, match="one matrix per sample; got Texts"):
        MIMLSVM().fit(Texts(TEXTS), Y)
    with pytest.raises(TypeError, match="one matrix per sample; got Texts"):
        BagScaler().fit(Texts(TEXTS))
    with pytest.raises(TypeError, match="a table of numbers; got Texts"):
        KnownLabelsClassifier(EmbMLPClassifier()).fit(Texts(TEXTS), Y)


def test_tokens_and_their_features_are_taken_together():
    tokens, offsets = np.arange(5), np.array([0, 2, 2, 5])
    X = TokenizedTexts.of(Texts(TEXTS), tokens, offsets, 9)
    X = X.with_features(np.arange(10.0).reshape(5, 2))
    taken = X[[2, 0]]
    assert type(taken) is TokenizedTexts
    assert taken.texts.tolist() == ["sun", "rain and wind"]
    np.testing.assert_array_equal(taken.tokens, [2, 3, 4, 0, 1])
    np.testing.assert_array_equal(taken.features[:, 0], [4, 6, 8, 0, 2])
    assert X[::-1][::-1] == X
