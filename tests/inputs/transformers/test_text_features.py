"""Features of texts, from a network that is not trained."""

import pickle

import numpy as np
import pytest
import torch
from joblib import Memory
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from skmlc import GMMLICClassifier, MLGCNClassifier, load, save
from skmlc.inputs import TextFeatures
from tests.inputs.containers.test_texts import FORMS
from tests.language_models import (
    TEXTS,
    Y,
    hidden_states,
    need_transformers,
    tiny_model,
    tiny_tokenizer,
)

transformers = need_transformers()


def test_features_are_those_of_the_network():
    features = TextFeatures(tiny_model(), batch_size=3).fit(TEXTS)
    states = [hidden_states(text) for text in TEXTS]
    expected = np.stack([s.mean(0) for s in states])
    np.testing.assert_allclose(features.transform(TEXTS), expected, atol=1e-5)
    assert features.get_feature_names_out()[-1] == "textfeatures15"
    features.set_params(pooling="max")
    expected = np.stack([s.max(0).values for s in states])
    np.testing.assert_allclose(features.transform(TEXTS), expected, atol=1e-5)
    frame = clone(features).set_output(transform="pandas").fit_transform(TEXTS)
    np.testing.assert_array_equal(frame.to_numpy(), features.transform(TEXTS))
    assert list(frame) == features.get_feature_names_out().tolist()
    bags = features.set_params(output="tokens").transform(TEXTS)
    assert not hasattr(features, "get_feature_names_out")
    for bag, state in zip(bags, states, strict=True):
        np.testing.assert_allclose(bag, state, atol=1e-5)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_of_texts_gives_the_same(form):
    features = TextFeatures(tiny_model()).fit(TEXTS)
    np.testing.assert_array_equal(
        features.transform(form(TEXTS)), features.transform(TEXTS)
    )


def test_texts_are_cut_and_layers_left_out():
    with pytest.warns(UserWarning, match="max_length=4"):
        features = TextFeatures(tiny_model(), max_length=4, layers=1).fit_transform(TEXTS)
    full = TextFeatures(tiny_model(), layers=1).fit_transform(["the cat", "bird sings"])
    np.testing.assert_allclose(features[[0, 3]], full, atol=1e-5)


def test_a_pipeline_with_memory_runs_the_network_once(tmp_path, monkeypatch, capsys):
    calls = []
    forward = transformers.BertModel.forward
    monkeypatch.setattr(
        transformers.BertModel, "forward",
        lambda self, **options: calls.append(1) or forward(self, **options),
    )  # fmt: skip
    classifier = GMMLICClassifier(hidden_size=8, max_epochs=1, random_state=0)
    for seen in (True, False):
        features = TextFeatures(tiny_model(), output="tokens", verbose=True)
        model = make_pipeline(features, classifier, memory=Memory(tmp_path, verbose=0))
        model.fit(TEXTS, Y)
        assert bool(calls) == seen
        calls.clear()
        assert ("TextFeatures: text 10/10" in capsys.readouterr().out) == seen
    assert model.predict(TEXTS).shape == (10, 3)


def test_what_is_fitted_comes_back(tmp_path):
    features = TextFeatures(tiny_model()).fit(TEXTS)
    expected = features.transform(TEXTS)
    save(features, tmp_path / "features")
    for same in (load(tmp_path / "features"), pickle.loads(pickle.dumps(features))):
        np.testing.assert_array_equal(same.transform(TEXTS), expected)
        np.testing.assert_array_equal(clone(same).fit(TEXTS).transform(TEXTS), expected)


def test_the_network_is_not_trained():
    features = TextFeatures(tiny_model()).fit(TEXTS)
    assert not any(p.requires_grad for p in features.network_.parameters())
    assert not features.network_.training
    assert torch.is_grad_enabled()


def test_names_of_labels_are_texts():
    import pandas as pd

    y = pd.DataFrame(Y, columns=["cat", "loud_dog", "bird"])
    model = MLGCNClassifier(
        label_embedding=TextFeatures(tiny_model()), hidden_size=8, max_epochs=1
    ).fit(np.eye(10), y)
    expected = [hidden_states(name).mean(0) for name in ("cat", "loud dog", "bird")]
    np.testing.assert_allclose(model.label_embedding_, np.stack(expected), atol=1e-5)
    assert model.add_labels(["joy"]).predict_proba(np.eye(10)).shape == (10, 4)


@pytest.mark.parametrize(
    "options, X, message",
    [
        ({}, [1, 2], "X must hold texts"),
        ({"output": "map"}, TEXTS, "'output' parameter of TextFeatures"),
        ({"model": (tiny_tokenizer, None)}, TEXTS, "got a tuple of"),
    ],
)
def test_what_cannot_be_is_refused(options, X, message):
    with pytest.raises((TypeError, ValueError), match=message):
        TextFeatures(**{"model": tiny_model(), **options}).fit(X)
