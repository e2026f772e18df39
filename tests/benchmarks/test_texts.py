"""The benchmark of raw texts: its methods, and which labels it scores."""

import importlib

import numpy as np
import pandas as pd
import pytest

from skmlc.inputs import TextFeatures
from tests.language_models import WORDS, need_transformers, tiny_model

need_transformers()
rng = np.random.default_rng(0)
X = [" ".join(rng.choice(WORDS[:15], 5)) for _ in range(40)]
Y = pd.DataFrame({name: [int(name in x.split()) for x in X] for name in WORDS[2:10]})


@pytest.fixture(scope="module")
def script():
    return importlib.import_module("texts")


@pytest.mark.parametrize(
    "name", ["tfidf", "mean", "tfidf-mean", "mlgcn", "emb_mlp_tuned", "names"]
)
def test_every_method_is_scored(script, name):
    settings = {"C": 1} if "tfidf" in name or name == "mean" else {"max_epochs": 1}
    method = script.make_method(name, tiny_model(), 0, settings=settings)
    scores = script.score(Y.to_numpy(), method.fit(X, Y).predict_proba(X))
    assert scores["n_labels"] == (2 if name == "names" else 8)
    assert 0 < scores["mAP"] <= 1


def test_a_network_that_remembers_gives_the_same(script):
    tokenizer, module = tiny_model()
    features = TextFeatures((tokenizer, module)).fit(X)
    again = TextFeatures((tokenizer, script.Remembering(module))).fit(X)
    for _ in range(2):
        np.testing.assert_allclose(again.transform(X), features.transform(X), atol=1e-5)


def test_labels_that_are_not_seen_are_every_fourth(script):
    model = script.AddedByName(tiny_model(), 0).fit(X, Y).model_
    unseen = ["barks", "hate"]
    assert model.label_names_.tolist()[-2:] == unseen == list(Y.columns[3::4])
    perfect = Y[unseen].to_numpy(dtype=float)
    assert script.score(Y.to_numpy(), perfect)["mAP"] == 1


def test_parameters_of_the_command_take_the_place_of_those_chosen(script):
    settings = script.read_settings(["C=3", "solver='liblinear'"])
    assert settings == {"C": 3, "solver": "liblinear"}
    method = script.make_method("tfidf", tiny_model(), 0, settings={"C": 3})
    assert method[-1].estimator.C == 3
    method = script.make_method("lamp_tuned", tiny_model(), 0, max_length=7)
    assert (method.max_epochs, method.encoder.max_length) == (3, 7)


def test_texts_are_cut_where_the_network_stops_to_read(script):
    transformers = need_transformers()
    tokenizer, module = tiny_model()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    texts = np.array(["the  dog barks", "cat"], dtype=object)
    cut = script.cut(texts, (tokenizer, module), 4)  # two tokens, and one before and after
    assert cut.tolist() == ["the  dog", "cat"]
