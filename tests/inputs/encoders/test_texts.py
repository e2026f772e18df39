"""Raw texts through a pretrained network: tokens, nodes, what is trained, and words."""

import copy
import pickle
import re
import sys
import textwrap
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import skmlc
from skmlc import EmbMLPClassifier, LaMPClassifier, MLGCNClassifier, load, save
from skmlc.base.explaining import weigh_nodes
from skmlc.base.validation import read_input
from skmlc.baselines.deepmiml import _best_subconcepts
from skmlc.inputs import TextEncoder, TextFeatures, Texts
from skmlc.inputs.encoders.language_models import TextTokenizer, load_language_model
from skmlc.training import frozen_features
from tests.inputs.containers.test_texts import FORMS
from tests.language_models import (
    TEXTS,
    Y,
    hidden_states,
    need_transformers,
    tiny_model,
    tiny_module,
    tiny_tokenizer,
)
from tests.method_names import METHOD_NAMES

transformers = need_transformers()
SMALL = {"hidden_size": 8, "max_epochs": 2, "batch_size": 4, "random_state": 0}


def fitted(Estimator=EmbMLPClassifier, **options):
    """Return a classifier of texts."""
    names = TextEncoder(tiny_model()).get_params()
    encoder = {name: options.pop(name) for name in list(options) if name in names}
    encoder = TextEncoder(encoder.pop("model", tiny_model()), **encoder)
    return Estimator(encoder=encoder, **{**SMALL, **options}).fit(TEXTS, Y)


def changed(model):
    """Return the names of the weights of the network that are not as they were given."""
    given = tiny_module().state_dict()
    trained = model.module_.encoder.backbone.state_dict()
    return {name for name in given if not torch.equal(given[name], trained[name])}


# Every method, every form ---------------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n in METHOD_NAMES if n.endswith("Classifier")])
def test_every_network_reads_raw_texts(name, tmp_path):
    options = SMALL if hasattr(getattr(skmlc, name)(), "hidden_size") else {"max_epochs": 2}
    model = getattr(skmlc, name)(encoder=TextEncoder(tiny_model()), **options)
    model.fit(pd.Series(TEXTS), Y)
    expected = model.predict_proba(TEXTS)
    assert expected.shape == (10, 3)
    # Neither order nor company matter.
    np.testing.assert_allclose(
        model.predict_proba(Texts(TEXTS)[[9, 2]]), expected[[9, 2]], atol=1e-5
    )
    save(model, tmp_path / "model")
    for same in (load(tmp_path / "model"), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(same.predict_proba(TEXTS), expected)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_of_texts_gives_the_same(form):
    model = fitted()
    expected = model.predict_proba(TEXTS)
    np.testing.assert_array_equal(model.predict_proba(form(TEXTS)), expected)
    again = EmbMLPClassifier(encoder=TextEncoder(tiny_model()), **SMALL)
    np.testing.assert_array_equal(again.fit(form(TEXTS), Y).predict_proba(TEXTS), expected)


@pytest.mark.parametrize("X", [np.ones((10, 3)), [[1, 2]] * 10, [1] * 10, [None] * 10])
def test_what_is_no_text_is_refused(X):
    for fit in (True, False):
        model = TextEncoder(tiny_model())
        model = EmbMLPClassifier(encoder=model, **SMALL) if fit else fitted()
        with pytest.raises(
            (TypeError, ValueError), match=r"X must (hold texts|be one column)"
        ):
            model.fit(X, Y) if fit else model.predict(X)


# Nodes ----------------------------------------------------------------------------------------


def test_nodes_are_the_hidden_states_of_the_tokens():
    module = TextEncoder(tiny_model()).make("texts", 22, None).eval()
    X = TextTokenizer.load(tiny_model())(Texts(TEXTS))
    from skmlc.training.batches import read_batch

    order = np.argsort(X.lengths, kind="stable")
    nodes = module(read_batch(X, order, np.float32)).per_sample()
    for i, found in zip(order, nodes, strict=True):
        np.testing.assert_allclose(found, hidden_states(TEXTS[i]), atol=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_pooled_nodes_are_one_per_text(pooling):
    model = fitted(MLGCNClassifier, pooling=pooling)
    encoder = model.module_.encoder.encoder
    states = [hidden_states(text) for text in TEXTS]
    pooled = [s.mean(0) if pooling == "mean" else s.max(0).values for s in states]
    with torch.no_grad():
        expected = encoder.linear(torch.stack(pooled)).relu()
    np.testing.assert_allclose(model.transform(TEXTS), expected, atol=1e-5)
    assert model.explain(TEXTS[:1]).node_names == [["sample"]]


def test_a_network_of_fewer_layers():
    module = TextEncoder(tiny_model(), layers=1).make("texts", 22, None)
    assert len(module.backbone.encoder.layer) == 1
    assert len(tiny_module().encoder.layer) == 2


def test_a_folder_is_read_as_what_was_saved_there(tmp_path):
    tiny_module().save_pretrained(tmp_path)
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=tiny_tokenizer())
    tokenizer.save_pretrained(tmp_path)
    for model in (tmp_path, str(tmp_path), (tokenizer, tiny_module())):
        np.testing.assert_array_equal(
            fitted(model=model).predict_proba(TEXTS), fitted().predict_proba(TEXTS)
        )
    # Neither says how long a text may be, but the settings of the network.
    with pytest.warns(UserWarning, match="1 of 1 texts have more than max_length=23"):
        fitted(model=tmp_path).predict(["dog " * 30])
    tokenizer.model_max_length = 20
    tokenizer.save_pretrained(tmp_path)
    with pytest.warns(UserWarning, match="1 of 1 texts have more than max_length=20"):
        fitted(model=tmp_path).predict(["dog " * 30])


@pytest.mark.parametrize("draws", [True, False])
def test_loading_prints_nothing_and_leaves_settings_as_they_were(draws, tmp_path, capfd):
    logging = transformers.utils.logging
    tiny_module().save_pretrained(tmp_path)
    capfd.readouterr()
    was_drawn, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    (logging.enable_progress_bar if draws else logging.disable_progress_bar)()
    try:
        load_language_model(tmp_path)
        with pytest.raises(ValueError, match="cannot be loaded"):
            load_language_model(tmp_path / "nothing")
        assert capfd.readouterr() == ("", "")
        assert logging.is_progress_bar_enabled() == draws
        assert logging.get_verbosity() == level
    finally:
        (logging.enable_progress_bar if was_drawn else logging.disable_progress_bar)()


class _Embedding(torch.nn.Module):
    """A network that is not of transformers."""

    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(22, 5)

    def forward(self, input_ids, attention_mask):
        return self.table(input_ids)


def test_any_module_is_a_network(tmp_path):
    model = fitted(model=(tiny_tokenizer(), _Embedding()), freeze=False)
    assert model.module_.encoder.n_features == 5
    with pytest.raises(TypeError, match=r"_Embedding, which is not among those"):
        save(model, tmp_path / "model")


# Training -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "freeze, parts",
    [
        (True, ()),
        (2, ("pooler",)),
        (1, ("encoder.layer.1", "pooler")),
        ("encoder.layer.0", ("encoder.layer.1", "pooler")),
        (0, ("encoder", "pooler")),
        (False, ("embeddings", "encoder", "pooler")),
    ],
)
def test_what_is_frozen_stays_as_it_was_given(freeze, parts):
    names = changed(fitted(freeze=freeze, learning_rate_factor=1.0))
    assert {part for part in parts if any(n.startswith(part) for n in names)} == set(
        parts
    ) - {
        "pooler"  # of which no node is made
    }
    assert all(name.startswith(parts) for name in names)


def test_frozen_features_are_computed_once_per_fit(monkeypatch):
    calls, forward = [], transformers.BertModel.forward

    def counted(self, input_ids, **options):
        calls.append(len(input_ids))
        return forward(self, input_ids, **options)

    monkeypatch.setattr(transformers.BertModel, "forward", counted)
    n_texts = []
    for epochs in (1, 5):
        calls.clear()
        fitted(max_epochs=epochs)
        n_texts.append(sum(calls))
    # One token to see how large a hidden state is, and a batch of four to choose the threads.
    assert n_texts == [15, 15]


def test_frozen_features_give_what_the_network_gives(monkeypatch):
    expected = fitted(LaMPClassifier, early_stopping="loss", threshold="tuned")
    monkeypatch.setattr(frozen_features, "MEMORY_SHARE", 0)
    found = fitted(LaMPClassifier, early_stopping="loss", threshold="tuned")
    np.testing.assert_allclose(
        found.predict_proba(TEXTS), expected.predict_proba(TEXTS), atol=1e-5
    )


def rates(**options):
    """Return the learning rate of each weight, relative to that of the head."""
    net = fitted(MLGCNClassifier, **options).net_
    names = {id(p): name for name, p in net.module_.named_parameters()}
    return {
        names[id(p)].removeprefix("encoder.encoder.backbone."): group["initial_lr"] / net.lr
        for group in net.optimizer_.param_groups
        for p in group["params"]
    }


def test_the_network_learns_at_its_own_rate():
    found = rates(freeze=False, learning_rate_factor=0.25)
    weights = dict(tiny_module().named_parameters())
    assert {found[name] for name in weights} == {0.25}
    assert found["head.label_classifiers.first.weight"] == 1


def test_lower_layers_learn_more_slowly():
    found = rates(freeze=False, learning_rate_factor=1.0, layer_decay=0.5)
    weights = {n: found[n] for n, _ in tiny_module().named_parameters()}
    for part, rate in {
        "embeddings": 0.25, "encoder.layer.0": 0.5, "encoder.layer.1": 1, "pooler": 1,
    }.items():  # fmt: skip
        assert {r for n, r in weights.items() if n.startswith(part)} == {rate}


def test_gradient_checkpointing_changes_nothing_but_the_memory():
    options = {"freeze": False, "learning_rate_factor": 0.1}
    expected = fitted(**options).predict_proba(TEXTS)
    model = fitted(gradient_checkpointing=True, **options)
    assert model.module_.encoder.backbone.encoder.layer[0].gradient_checkpointing
    assert pickle.loads(pickle.dumps(model)).partial_fit(TEXTS, Y).n_iter_ == 3
    np.testing.assert_allclose(model.predict_proba(TEXTS), expected, atol=1e-6)


@pytest.mark.parametrize("precision", ["bfloat16", "float64"])
@pytest.mark.parametrize("freeze", [True, False])
def test_other_precisions_are_near(precision, freeze):
    expected = fitted(freeze=freeze).predict_proba(TEXTS)
    model = fitted(freeze=freeze, precision=precision)
    np.testing.assert_allclose(model.predict_proba(TEXTS), expected, atol=0.02)


def test_training_goes_on():
    model = fitted(warm_start=True, freeze=False)
    before = changed(model)
    assert changed(model.fit(TEXTS, Y)) == before
    assert model.partial_fit(TEXTS[:4], Y[:4]).n_iter_ == 5


def test_parameters_are_searched():
    model = EmbMLPClassifier(encoder=TextEncoder(tiny_model()), **SMALL)
    grid = {"encoder__layers": [1, 2], "encoder__pooling": [None, "mean"]}
    search = GridSearchCV(model, grid, cv=2)
    assert search.fit(TEXTS, Y).best_estimator_.predict(TEXTS).shape == (10, 3)
    assert clone(model).encoder.layers is None


# Long texts, errors ---------------------------------------------------------------------------


def test_long_texts_are_cut_with_one_warning():
    with pytest.warns(
        UserWarning, match=r"2 of 10 texts .* max_length=6 .* out 13% of all"
    ):
        model = fitted(max_length=6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        expected = model.predict_proba(["dog sleeps and barks"])
    with pytest.warns(UserWarning, match="1 of 1 texts"):
        found = model.predict_proba([TEXTS[9]])
    np.testing.assert_array_equal(found, expected)
    assert tiny_tokenizer().truncation is None
    with pytest.warns(UserWarning, match="max_length=24"):  # the network's positions
        fitted().predict(["dog " * 30])


@pytest.mark.parametrize("freeze", [True, False])
def test_the_rest_of_a_text_follows_in_windows(freeze):
    options = {"max_length": 4, "long_texts": "windows", "freeze": freeze}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fitted(**options)
    # Two words at a time, each time between [CLS] and [SEP].
    parts = ["dog sleeps", "and barks", "and sleeps"]
    expected = torch.cat([hidden_states(part) for part in parts])
    features = TextFeatures(
        tiny_model(), output="tokens", max_length=4, long_texts="windows"
    )
    for i, bag in enumerate(features.fit_transform(TEXTS)):
        assert (len(bag) == len(expected)) == (i in (1, 9))
    np.testing.assert_allclose(bag, expected, atol=1e-5)
    # Beside others, which have fewer windows.
    whole = model.predict_proba(TEXTS)
    np.testing.assert_allclose(model.predict_proba(TEXTS[9:]), whole[9:], atol=1e-5)
    assert bool(changed(model)) != freeze


def test_windows_of_padding_are_not_read(monkeypatch):
    features = TextFeatures(tiny_model(), max_length=4, long_texts="windows").fit(TEXTS)
    calls, forward = [], transformers.BertModel.forward

    def counted(self, input_ids, **options):
        calls.append(len(input_ids))
        return forward(self, input_ids, **options)

    monkeypatch.setattr(transformers.BertModel, "forward", counted)
    features.transform(["dog", TEXTS[9]])
    assert calls == [1 + 3]


def test_words_of_windows():
    model = fitted(LaMPClassifier, max_length=4, long_texts="windows")
    names = model.explain(["loudly the cat barks", "dog"]).node_names
    assert names[0] == [
        "[CLS]", "loudly", "[SEP]", "[CLS]", "the", "cat", "[SEP]", "[CLS]", "barks", "[SEP]"
    ]  # fmt: skip
    assert names[1] == ["[CLS]", "dog", "[SEP]"]


def test_padding_and_limits_of_a_tokenizer_are_not_those_of_the_encoder():
    tokenizer = copy.deepcopy(tiny_tokenizer())
    tokenizer.enable_padding(length=12)
    tokenizer.enable_truncation(5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fitted(model=(tokenizer, tiny_module()))
    expected = fitted().predict_proba(TEXTS)
    np.testing.assert_array_equal(model.predict_proba(TEXTS), expected)
    # But where no other limit is known.
    with pytest.warns(UserWarning, match="max_length=5"):
        fitted(model=(tokenizer, _Embedding()))


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"model": "no/such folder"}, ValueError, "'no/such folder' cannot be loaded"),
        ({"model": (1, 2, 3)}, TypeError, "got a tuple of int, int, int"),
        ({"model": ("words", tiny_module)}, TypeError, "got a tuple of str, "),
        ({"model": 3}, ValueError, "'model' parameter of TextEncoder must be"),
        ({"max_length": 25}, ValueError, "max_length must be at most 24"),
        ({"layers": 3}, ValueError, "layers must be at most 2"),
        ({"freeze": 3}, ValueError, "freeze must be at most 2"),
        ({"freeze": "layer4"}, ValueError, "the name of a part of the backbone"),
        ({"input_dropout": 0.1}, ValueError, "input_dropout must be 0 for texts"),
        (
            {"model": (tiny_tokenizer, _Embedding()), "freeze": 1},
            TypeError,
            "a fast tokenizer, of the package tokenizers; got",
        ),
    ],
)
def test_what_cannot_be_is_refused(options, error, message, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(error, match=message):
        fitted(**options)


def test_a_module_without_layers_says_so():
    for options in ({"freeze": 1}, {"layers": 1}, {"freeze": False, "layer_decay": 0.5}):
        with pytest.raises(ValueError, match=r"need a model with a list of layers"):
            fitted(model=(tiny_tokenizer(), _Embedding()), **options)
    with pytest.raises(ValueError, match="needs a module of transformers"):
        fitted(model=(tiny_tokenizer(), _Embedding()), gradient_checkpointing=True)
    with pytest.raises(ValueError, match="must take input_ids and attention_mask"):
        fitted(model=(tiny_tokenizer(), torch.nn.Linear(2, 2)))


def test_without_transformers_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ImportError, match=r"pip install skmlc\[text\]"):
        fitted(model="folder")


def test_a_model_of_texts_is_not_exported(tmp_path):
    pytest.importorskip("onnxscript")
    with pytest.raises(ValueError, match="was fitted on texts"):
        fitted().to_onnx(tmp_path / "model.onnx")


# Words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["LaMPClassifier", "MLGCNClassifier", "SSGRLClassifier", "DeepMIMLClassifier"]
)
def test_explanations_are_of_words_and_not_of_their_pieces(name):
    model = fitted(getattr(skmlc, name))
    text = "Loudly the catly Barks!"
    explained = model.explain([text, ""])
    assert explained.node_kind == "word"
    # "loud", "##ly", "the", "cat", "##ly", "barks", "!", which is unknown.
    words = ["[CLS]", "Loudly", "the", "catly", "Barks", "!", "[SEP]"]
    assert explained.node_names == [words, ["[CLS]", "[SEP]"]]
    relevance = explained.relevance[0]
    assert relevance.shape == (3, 7)
    logits = np.log(explained.probabilities) - np.log1p(-explained.probabilities)
    if explained.kind == "attention":
        np.testing.assert_allclose(relevance.sum(1), 1, rtol=1e-5)
    elif explained.kind == "contribution":
        np.testing.assert_allclose(
            relevance.sum(1) + explained.rest[0], logits[0], rtol=1e-3
        )
    else:
        np.testing.assert_allclose(
            relevance.max(1) + explained.rest[0], logits[0], rtol=1e-3
        )
        scores = model.instance_scores([text])[0].T  # of tokens
        weighs = {"subconcepts": _best_subconcepts}
        subconcepts = weigh_nodes(model, read_input(model, [text]), weighs)[1][
            "subconcepts"
        ][0]
        for word, tokens in enumerate(([0], [1, 2], [3], [4, 5], [6], [7], [8])):
            best = scores[:, tokens].max(1)
            np.testing.assert_allclose(relevance[:, word], best, rtol=1e-5)
            of_best = subconcepts[:, tokens][range(3), scores[:, tokens].argmax(1)]
            np.testing.assert_array_equal(
                explained.details.subconcepts[0][:, word], of_best
            )
    if name == "LaMPClassifier":
        last = explained.details.label_to_node[-1][0]  # (H, L, W)
        np.testing.assert_allclose(last.mean(0), relevance, rtol=1e-5)


def test_the_network_given_is_not_changed():
    before = copy.deepcopy(tiny_module().state_dict())
    fitted(freeze=1, layers=2, learning_rate_factor=1.0, gradient_checkpointing=True)
    assert not tiny_module().encoder.layer[0].gradient_checkpointing
    assert all(p.requires_grad for p in tiny_module().parameters())
    for name, weight in tiny_module().state_dict().items():
        assert torch.equal(weight, before[name])


def test_the_first_program_of_the_guide_runs(tmp_path, monkeypatch, capsys):
    guide = Path(skmlc.__file__).parents[1] / "docs" / "user_guide" / "texts.rst"
    block = guide.read_text(encoding="utf-8").split(".. code-block:: python\n")[1]
    program = textwrap.dedent(re.split(r"\n(?=\S)", block)[0])
    assert len(program.strip().splitlines()) < 30
    monkeypatch.chdir(tmp_path)
    table = pd.DataFrame(Y, columns=["cat", "dog", "bird"]).assign(text=TEXTS)
    pd.concat([table] * 4).replace("", "the").to_csv("messages.csv", index=False)
    tiny_module().save_pretrained("network")
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=tiny_tokenizer())
    tokenizer.save_pretrained("network")
    program = program.replace("sentence-transformers/all-MiniLM-L6-v2", "network")
    exec(compile(program, str(guide), "exec"), {})
    assert "relevance" in capsys.readouterr().out
