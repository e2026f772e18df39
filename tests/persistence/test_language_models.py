"""Networks of text in saved models: they come back as they were, and nothing else does."""

import json

import numpy as np
import pytest
import torch

from skmlc import EmbMLPClassifier, load, save
from skmlc.exceptions import FileFormatError
from skmlc.inputs import TextEncoder, TextFeatures
from skmlc.persistence import _transformers
from skmlc.persistence._arrays import Malformed
from tests.language_models import need_transformers, tiny_model, tiny_module, tiny_tokenizer

transformers = need_transformers()
SIZES = {
    "vocab_size": 22, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 32, "max_position_embeddings": 24, "embedding_size": 16,
}  # fmt: skip
OF_DISTILBERT = {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32}
TEXTS = ["the cat", "a dog barks loudly", ""]


def module_of(model_type):
    """Return a tiny network of a type, with random weights and settings that are not usual."""
    sizes = {**SIZES, **(OF_DISTILBERT if model_type == "distilbert" else {})}
    config = transformers.AutoConfig.for_model(model_type, **sizes, layer_norm_eps=1e-3)
    return transformers.AutoModel.from_config(config).eval()


@pytest.mark.parametrize("model_type", _transformers.MODEL_TYPES)
def test_every_type_of_network_comes_back(model_type, tmp_path):
    module = module_of(model_type)
    features = TextFeatures((tiny_tokenizer(), module)).fit(TEXTS)
    save(features, tmp_path / "features")
    loaded = load(tmp_path / "features")
    with pytest.warns(UserWarning, match=r"1 of 4 texts have more than max_length=2[24]"):
        expected = features.transform([*TEXTS, "the cat " * 20])
    with pytest.warns(UserWarning, match="1 of 4 texts"):
        found = loaded.transform([*TEXTS, "the cat " * 20])
    np.testing.assert_array_equal(found, expected)
    own, back = features.network_.backbone, loaded.network_.backbone
    assert type(back) is type(own)
    assert {n: p.requires_grad for n, p in back.named_parameters()} == dict.fromkeys(
        dict(own.named_parameters()), False
    )
    assert not any(tensor.is_meta for tensor in (*back.parameters(), *back.buffers()))


def test_a_loaded_network_is_trained_on(tmp_path):
    encoder = TextEncoder(tiny_model(), freeze=0, layers=1, learning_rate_factor=1.0)
    model = EmbMLPClassifier(encoder=encoder, hidden_size=8, max_epochs=1, random_state=0)
    Y = np.eye(3, dtype=int)
    model.fit(TEXTS, Y)
    save(model, tmp_path / "model", include_optimizer=True)
    loaded = load(tmp_path / "model").partial_fit(TEXTS, Y)
    np.testing.assert_allclose(
        loaded.predict_proba(TEXTS),
        model.partial_fit(TEXTS, Y).predict_proba(TEXTS),
        rtol=1e-6,
    )


def test_other_networks_are_refused(tmp_path):
    config = transformers.GPT2Config(vocab_size=22, n_embd=16, n_layer=1, n_head=2)
    features = TextFeatures((tiny_tokenizer(), transformers.GPT2Model(config))).fit(TEXTS)
    with pytest.raises(TypeError, match=r"GPT2Model, which is not among those"):
        save(features, tmp_path / "features")


def described(**changes):
    """Return what a file holds of a network, with other settings."""
    state = dict(_transformers.describe_pretrained(tiny_module())[1])
    settings = changes.pop("settings", {})
    return {
        **state,
        "config": json.dumps({**json.loads(state["config"]), **settings}),
        **changes,
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"class": "AutoModel"},
        {"class": "BertTokenizer"},
        {"class": "pipeline"},
        {"class": "__loader__"},
        {"settings": {"model_type": "gpt2"}},
        {"settings": {"num_hidden_layers": 10**9}},
        {"settings": {"num_hidden_layers": 3}},
        {"settings": {"hidden_size": 32}},
        {"settings": {"vocab_size": 10**12}},
        {"parameters": {}},
        {"buffers": {}},
        {"buffers": {"embeddings.position_ids": 3, "embeddings.token_type_ids": 4}},
        {"config": "[]"},
    ],
)
def test_damaged_networks_are_refused(changes):
    # `load` turns all of these into its own.
    with pytest.raises((Malformed, AttributeError, RuntimeError, ValueError)):
        _transformers.build_language_model(described(**changes))


def test_settings_that_fetch_code_are_left_out():
    settings = {
        "attn_implementation": "some/kernel", "_attn_implementation": "some/kernel",
        "auto_map": {"AutoModel": "code.Model"}, "quantization_config": {"load_in_4bit": True},
    }  # fmt: skip
    model = _transformers.build_language_model(described(settings=settings))
    assert model.config._attn_implementation in ("sdpa", "eager")
    ids = torch.tensor([[2, 4, 5, 3]])
    with torch.no_grad():
        expected = tiny_module()(input_ids=ids).last_hidden_state
        assert torch.equal(model(input_ids=ids).last_hidden_state, expected)


def test_a_tokenizer_is_data():
    name, text = _transformers.describe_pretrained(tiny_tokenizer())
    assert name == "tokenizer"
    assert _transformers.build_tokenizer(text).to_str() == text
    for damaged in (text[:-9], 3, "{}"):
        with pytest.raises(Exception):  # noqa: B017, PT011
            _transformers.build_tokenizer(damaged)


def test_without_transformers_loading_says_what_to_install(tmp_path, monkeypatch):
    import sys

    save(TextFeatures(tiny_model()).fit(TEXTS), tmp_path / "features")
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(FileFormatError, match=r"must be installed: skmlc\[text\]"):
        load(tmp_path / "features")
