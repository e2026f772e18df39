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


@pytest.mark.parametrize("name", ["tfidf", "mean", "mlgcn", "emb_mlp_tuned", "names"])
def test_every_method_is_scored(script, name):
    method = script.make_methods(tiny_model(), 0)[name]
    if hasattr(method, "max_epochs"):
        method.set_params(max_epochs=1)
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
