"""Vectors of labels from their names."""

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import CountVectorizer

from skmlc import MLGCNClassifier
from skmlc.graphs import NameVectors

NAMES = ["traffic_light", "trafficJam", "cat"]
Y = np.eye(3, dtype=int)


def lengths(texts):
    """Return how long texts are, and how many words they have."""
    return [[len(text), len(text.split())] for text in texts]


def test_a_function_reads_the_words_of_names_and_descriptions():
    vectors = NameVectors(lengths, descriptions={"cat": "a small animal", "dog": "barks"})
    vectors.fit(Y, label_names=NAMES)
    assert vectors.embedding_.tolist() == [[13, 2], [11, 2], [14, 3]]
    assert vectors.transform(["dog", "big_cow"]).tolist() == [[5, 1], [7, 2]]


def test_a_transformer_is_cloned_and_fitted_to_the_names():
    words = CountVectorizer()
    vectors = NameVectors(words).fit(Y, label_names=NAMES)
    assert not hasattr(words, "vocabulary_")
    # cat, jam, light, traffic
    assert vectors.embedding_.tolist() == [[0, 0, 1, 1], [0, 1, 0, 1], [1, 0, 0, 0]]


@pytest.mark.parametrize("embedding", [lengths, CountVectorizer(), NameVectors(lengths)])
def test_a_classifier_takes_what_reads_names(embedding):
    X = np.random.default_rng(0).normal(size=(3, 4))
    model = MLGCNClassifier(label_embedding=embedding, hidden_size=4, max_epochs=1)
    model.fit(X, pd.DataFrame(Y, columns=NAMES))
    given = getattr(embedding, "encoder", embedding)
    expected = NameVectors(given).fit(Y, label_names=NAMES).embedding_
    np.testing.assert_array_equal(model.label_embedding_, expected)
    with pytest.raises(ValueError, match="label_names must be given, or Y be a DataFrame"):
        model.fit(X, Y)


def test_an_encoder_must_give_one_row_per_name():
    with pytest.raises(ValueError, match=r"one row for each of 3 names; got .* \(2, 1\)"):
        NameVectors(lambda texts: [[1], [2]]).fit(Y, label_names=NAMES)
