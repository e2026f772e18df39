"""TokenSequencer: texts to sequences, by hand and against CountVectorizer."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import (
    check_estimator,
    check_param_validation,
    check_parameters_default_constructible,
)

from skmlc.inputs import Sequences, TokenSequencer

TEXTS = ["the cat sat on the mat", "A dog, a cat!", "", "The dog sat."]


def tokens_of(X):
    """Return the tokens of each sample as lists."""
    return [sequence.tolist() for sequence in X]


def test_numbers_by_frequency_then_alphabet():
    sequencer = TokenSequencer()
    X = sequencer.fit_transform(TEXTS)
    # the: 3; a, cat, dog, sat: 2; mat, on: 1
    names = ["<unk>", "the", "a", "cat", "dog", "sat", "mat", "on"]
    assert sequencer.get_feature_names_out().tolist() == names
    assert sequencer.vocabulary_ == {name: i for i, name in enumerate(names)}
    assert tokens_of(X) == [[1, 3, 5, 7, 1, 6], [2, 4, 2, 3], [], [1, 4, 5]]
    assert X.n_tokens == 8


def test_other_tokens_are_unknown():
    sequencer = TokenSequencer().fit(TEXTS)
    X = sequencer.transform(["the bird sat", "birds"])
    assert tokens_of(X) == [[1, 0, 5], [0]]
    assert X.n_tokens == 8


def test_without_an_unknown_token_other_tokens_are_left_out():
    sequencer = TokenSequencer(unknown_token=None).fit(TEXTS)
    assert sequencer.get_feature_names_out()[0] == "the"
    X = sequencer.transform(["the bird sat", "birds", "a bird"])
    assert tokens_of(X) == [[0, 4], [], [1]]


def test_the_unknown_token_has_the_name_given():
    sequencer = TokenSequencer(unknown_token="?").fit(TEXTS)
    assert sequencer.vocabulary_["?"] == 0


def test_words_that_a_tokenizer_marks_as_unknown_are():
    sequencer = TokenSequencer(tokenizer=str.split)
    X = sequencer.fit_transform(["<unk> a <unk>", "b a"])
    assert sequencer.get_feature_names_out().tolist() == ["<unk>", "a", "b"]
    assert tokens_of(X) == [[0, 1, 0], [2, 1]]


def test_max_features_keeps_the_most_frequent():
    sequencer = TokenSequencer(max_features=3)
    X = sequencer.fit_transform(TEXTS)
    assert sequencer.get_feature_names_out().tolist() == ["<unk>", "the", "a", "cat"]
    assert tokens_of(X) == [[1, 3, 0, 0, 1, 0], [2, 0, 2, 3], [], [1, 0, 0]]


@pytest.mark.parametrize("min_df", [2, 0.5])
def test_min_df_counts_texts_rather_than_tokens(min_df):
    sequencer = TokenSequencer(min_df=min_df).fit(TEXTS)
    # "a" is twice in one text only.
    names = ["<unk>", "the", "cat", "dog", "sat"]
    assert sequencer.get_feature_names_out().tolist() == names


def test_min_df_of_one_is_a_number_and_of_one_point_zero_a_share():
    texts = ["a b", "a"]
    assert len(TokenSequencer(min_df=1).fit(texts).vocabulary_) == 3
    assert len(TokenSequencer(min_df=1.0).fit(texts).vocabulary_) == 2


def test_max_length_cuts_texts_in_fit_and_transform():
    sequencer = TokenSequencer(max_length=2)
    X = sequencer.fit_transform(["a b c", "c"])
    assert sequencer.get_feature_names_out().tolist() == ["<unk>", "a", "b", "c"]
    assert tokens_of(X) == [[1, 2], [3]]
    assert tokens_of(sequencer.transform(["c c c c"])) == [[3, 3]]
    assert "c" not in TokenSequencer(max_length=2).fit(["a b c"]).vocabulary_


def test_lower_case_is_an_option():
    assert "The" in TokenSequencer(lowercase=False).fit(TEXTS).vocabulary_
    assert "The" not in TokenSequencer(lowercase=True).fit(TEXTS).vocabulary_


def test_token_pattern_and_tokenizer():
    pattern = TokenSequencer(token_pattern=r"[a-z]{3}").fit(["one two three"])
    assert set(pattern.vocabulary_) == {"<unk>", "one", "two", "thr"}
    characters = TokenSequencer(tokenizer=list).fit_transform(["AB", "a"])
    assert tokens_of(characters) == [[1, 2], [1]]


@pytest.mark.parametrize("max_features, min_df", [(None, 1), (6, 1), (None, 2), (5, 0.4)])
def test_counts_agree_with_count_vectorizer(max_features, min_df):
    rng = np.random.default_rng(0)
    words = np.array([f"w{i}" for i in range(20)])
    texts = [" ".join(words[rng.geometric(0.2, size=12) % 20]) for _ in range(10)]
    sequencer = TokenSequencer(min_df=min_df, unknown_token=None)
    sequencer.set_params(max_features=max_features)
    X = sequencer.fit_transform(texts)
    # CountVectorizer breaks ties of frequency otherwise, so it gets the vocabulary.
    names = sequencer.get_feature_names_out()
    counts = CountVectorizer(vocabulary=names).transform(texts).toarray()
    ours = [np.bincount(tokens, minlength=len(names)) for tokens in X]
    np.testing.assert_array_equal(ours, counts)
    kept = CountVectorizer(min_df=min_df).fit(texts).get_feature_names_out()
    assert set(names) <= set(kept)
    assert len(names) == min(len(kept), max_features or 20)
    assert (np.diff(counts.sum(axis=0)) <= 0).all()


def test_fit_transform_is_fit_then_transform():
    sequencer = TokenSequencer(max_features=4, max_length=3)
    assert sequencer.fit_transform(TEXTS) == clone(sequencer).fit(TEXTS).transform(TEXTS)


def test_inverse_transform_gives_the_words_back():
    sequencer = TokenSequencer(max_features=2).fit(TEXTS)
    words = sequencer.inverse_transform(sequencer.transform(TEXTS[1:]))
    assert [sample.tolist() for sample in words] == [
        ["a", "<unk>", "a", "<unk>"],
        [],
        ["the", "<unk>", "<unk>"],
    ]
    assert sequencer.inverse_transform(Sequences([[1]])[:0]) == []
    with pytest.raises(ValueError, match=r"tokens below 3.*got 3"):
        sequencer.inverse_transform([[0, 3]])


@pytest.mark.parametrize(
    "form",
    [
        tuple,
        iter,
        np.array,
        pd.Series,
        lambda texts: np.array(texts, dtype=object)[:, None],
        lambda texts: pd.DataFrame({"text": texts}),
    ],
)
def test_columns_of_texts_agree_with_lists(form):
    expected = TokenSequencer().fit_transform(TEXTS)
    assert TokenSequencer().fit_transform(form(TEXTS)) == expected


@pytest.mark.parametrize(
    "texts, error, message",
    [
        ("a text", TypeError, "iterable of strings.*got str"),
        (5, TypeError, "iterable of strings.*got int"),
        (["a", np.nan], TypeError, "text 1 is of type float: nan"),
        (["a", None], TypeError, "text 1 is of type NoneType"),
        (["a", b"b"], TypeError, "text 1 is of type bytes"),
        ([["a", "b"]], TypeError, "text 0 is of type list"),
        (pd.Series(["a", None, "b"]), TypeError, "text 1"),
        (pd.DataFrame({"a": ["x"], "b": ["y"]}), ValueError, r"one column.*\(1, 2\)"),
        ([], ValueError, "No token is left"),
        (["", "!"], ValueError, "No token is left"),
    ],
)
def test_bad_texts_are_refused(texts, error, message):
    with pytest.raises(error, match=message):
        TokenSequencer().fit(texts)


def test_transform_of_texts_without_tokens():
    sequencer = TokenSequencer().fit(TEXTS)
    assert tokens_of(sequencer.transform(["", "?"])) == [[], []]
    assert len(sequencer.transform([])) == 0


def test_transform_needs_fit():
    with pytest.raises(NotFittedError):
        TokenSequencer().transform(TEXTS)


def test_a_pickle_gives_the_same_sequences():
    sequencer = TokenSequencer().fit(TEXTS)
    assert pickle.loads(pickle.dumps(sequencer)).transform(TEXTS) == (
        sequencer.transform(TEXTS)
    )


class KnowsWord(ClassifierMixin, BaseEstimator):
    """Predicts whether a sample holds token 1, and wants sequences."""

    def fit(self, X, y):
        assert type(X) is Sequences
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.array([1 in tokens for tokens in X])


def test_it_works_and_is_searched_in_a_pipeline():
    texts = ["spam spam ham", "ham", "spam spam", "eggs"] * 6
    y = ["spam" in text for text in texts]
    search = GridSearchCV(
        make_pipeline(TokenSequencer(), KnowsWord()),
        {"tokensequencer__max_length": [1, None], "tokensequencer__lowercase": [True]},
        cv=3,
    )
    assert search.fit(texts, y).best_score_ == 1


def test_it_is_a_well_behaved_estimator():
    check_parameters_default_constructible("TokenSequencer", TokenSequencer())
    check_param_validation("TokenSequencer", TokenSequencer())
    with pytest.warns(SkipTestWarning):  # scikit-learn has no checks for texts
        check_estimator(TokenSequencer())
