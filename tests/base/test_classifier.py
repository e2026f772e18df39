"""Every shared hyper-parameter changes what it says it changes."""

import pickle
import time

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_multilabel_classification
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback

import skmlc.base.classifier
from skmlc import EmbMLPClassifier, LaMPClassifier
from skmlc.graphs import ConditionalProbabilityGraph, CooccurrenceGraph, HierarchyGraph
from skmlc.inputs import FeatureEncoder, TokenEncoder
from skmlc.metrics import get_metric
from skmlc.model_selection.threshold import tune_threshold
from skmlc.training.adamw import AdamW
from skmlc.training.schedules import WarmupCosine

SMALL = {"hidden_size": 8, "max_epochs": 4, "random_state": 0}


@pytest.fixture(scope="module")
def data():
    return make_multilabel_classification(120, 10, n_classes=5, n_labels=2, random_state=0)


def fit(data, **options):
    return EmbMLPClassifier(**{**SMALL, **options}).fit(*data)


def differ(data, **options):
    """Tell whether the options change the probabilities."""
    plain, changed = fit(data), fit(data, **options)
    return (
        np.abs(plain.predict_proba(data[0]) - changed.predict_proba(data[0])).max() > 1e-6
    )


class Recorder(Callback):
    """Keep the learning rate and the norm of the gradients of every step."""

    def initialize(self):
        self.rates_, self.norms_ = [], []
        return self

    def on_grad_computed(self, net, named_parameters, **kwargs):
        norms = [p.grad.norm() for _, p in named_parameters if p.grad is not None]
        self.rates_.append(net.optimizer_.param_groups[-1]["lr"])
        self.norms_.append(torch.stack(norms).norm().item())


def recorded(data, **options):
    model = fit(data, callbacks=[("recorder", Recorder())], **options)
    return dict(model.net_.callbacks_)["recorder"]


# Label graph --------------------------------------------------------------------------------


def lamp(data, label_graph, **options):
    return LaMPClassifier(label_graph, n_heads=2, **{**SMALL, **options}).fit(*data)


def test_label_graph_takes_names_matrices_and_builders(data):
    full, none = lamp(data, "full"), lamp(data, "none")
    assert (full.adjacency_ != 0).sum() == 5 * 4
    assert none.adjacency_.nnz == 0
    given = lamp(data, np.eye(5, k=1).tolist())
    np.testing.assert_array_equal(given.adjacency_, np.eye(5, k=1))
    assert given.label_graph_ is None
    built = lamp(data, "cooccurrence")
    expected = (data[1].T @ data[1] > 0) & ~np.eye(5, dtype=bool)
    np.testing.assert_array_equal(built.adjacency_.toarray() != 0, expected)
    assert isinstance(built.label_graph_, CooccurrenceGraph)


def test_builder_is_cloned_and_its_parameters_are_reached(data):
    builder = ConditionalProbabilityGraph(threshold=0.9)
    model = LaMPClassifier(builder, **SMALL).set_params(label_graph__threshold=0.0)
    model.fit(*data)
    assert not hasattr(builder, "adjacency_")
    assert model.label_graph_.threshold == 0.0
    assert (
        model.adjacency_.nnz
        > lamp(data, clone(builder).set_params(threshold=0.9)).adjacency_.nnz
    )


def test_self_loops_of_a_given_graph_are_dropped_and_the_matrix_is_left_alone(data):
    given = sparse.csr_array(np.ones((5, 5)))
    model = lamp(data, given)
    assert model.adjacency_.diagonal().sum() == 0
    assert given.nnz == 25


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (np.ones((4, 5)), r"label_graph must be of shape \(5, 5\).* got \(4, 5\)"),
        (np.full((5, 5), np.nan), "finite"),
        ("ring", "label_graph"),
    ],
)
def test_wrong_label_graphs_are_refused(data, graph, message):
    with pytest.raises(ValueError, match=message):
        lamp(data, graph)


def test_a_child_is_never_more_probable_than_its_parent_where_asked(data):
    edges = [(0, 1), (1, 2)]
    free = lamp(data, HierarchyGraph(edges)).predict_proba(data[0])
    bound = lamp(data, HierarchyGraph(edges, consistent="min")).predict_proba(data[0])
    assert (free[:, 1] > free[:, 0]).any()
    assert (bound[:, 1] <= bound[:, 0]).all()
    assert (bound[:, 2] <= bound[:, 1]).all()


# Network and loss ---------------------------------------------------------------------------


def test_encoder_is_chosen_by_the_kind_of_x_or_given(data):
    assert differ(data, encoder=FeatureEncoder(nodes="features"))
    with pytest.raises(ValueError, match="encoder must fit the kind of X, 'vectors'"):
        fit(data, encoder=TokenEncoder())


def test_linear_skip_adds_a_linear_model(data):
    without, with_skip = fit(data, linear_skip=False), fit(data)
    assert without.module_.skip is None
    n_entries = with_skip.module_.columns.skip.n_outputs
    assert with_skip.module_.skip.weight.shape == (n_entries, 5)
    untrained = fit(data, max_epochs=1, learning_rate=1e-12)
    prior = (data[1].sum(0) + 1) / (len(data[1]) + 2)
    bias = untrained.module_.skip.bias.detach().numpy()
    np.testing.assert_allclose(1 / (1 + np.exp(-bias)), prior, rtol=1e-4)


@pytest.mark.parametrize("name", ["input_dropout", "dropout"])
def test_dropout_acts_in_training_only(data, name):
    assert differ(data, **{name: 0.5})
    model = fit(data, **{name: 0.5})
    np.testing.assert_array_equal(
        model.predict_proba(data[0]), model.predict_proba(data[0])
    )


def test_loss_may_be_a_function(data):
    def squared(logits, labels):
        return (logits.sigmoid() - labels) ** 2

    model = fit(data, loss=squared)
    P = model.predict_proba(data[0])
    assert differ(data, loss=squared)
    assert abs(model.history_[-1, "train_loss"] - ((P - data[1]) ** 2).mean()) < 0.05


def test_label_weight_raises_what_it_weighs(data):
    plain = fit(data).predict_proba(data[0]).mean(0)
    first = (
        fit(data, label_weight=[40, 1, 1, 1, 1], max_epochs=20)
        .predict_proba(data[0])
        .mean(0)
    )
    assert first[0] > plain[0] + 0.1
    balanced = (
        fit(data, label_weight="balanced", max_epochs=20).predict_proba(data[0]).mean(0)
    )
    assert abs(balanced - 0.5).mean() < abs(plain - 0.5).mean()
    with pytest.raises(ValueError, match=r"label_weight must be .* shape \(5,\)"):
        fit(data, label_weight=[1, 2])


# Optimization -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 7},
        {"learning_rate": 0.1},
        {"optimizer": "sgd"},
        {"optimizer": torch.optim.RMSprop},
        {"weight_decay": 10.0},
        {"lr_schedule": None},
        {"max_grad_norm": 1e-3},
        {"net_params": {"optimizer__betas": (0.1, 0.1)}},
        {"random_state": 1},
        {"hidden_size": 9},
    ],
    ids=lambda options: next(iter(options)),
)
def test_options_change_the_training(data, options):
    assert differ(data, **options)


def test_max_epochs_is_the_number_of_epochs(data):
    model = fit(data, max_epochs=3)
    assert model.n_iter_ == len(model.history_) == 3


def test_optimizer_names_stand_for_classes(data):
    optimizers = {
        "adamw": AdamW,  # PyTorch's, in fewer calls
        "adam": torch.optim.Adam,
        "sgd": torch.optim.SGD,
    }
    for name, cls in optimizers.items():
        assert type(fit(data, optimizer=name, max_epochs=1).net_.optimizer_) is cls


def test_schedules_change_the_learning_rate_as_they_say(data):
    options = {
        "learning_rate": 0.1,
        "max_epochs": 10,
        "batch_size": 12,
    }  # 10 steps an epoch
    cosine = recorded(data, lr_schedule="cosine", **options).rates_
    np.testing.assert_allclose(cosine, [0.1 * WarmupCosine(100)(i) for i in range(100)])
    assert max(cosine) == pytest.approx(0.1)
    assert cosine[9] == pytest.approx(0.1)
    assert cosine[-1] < 1e-3
    step = recorded(data, lr_schedule="step", **options).rates_
    np.testing.assert_allclose(step, [0.1] * 40 + [0.01] * 40 + [0.001] * 20)
    by_hand = recorded(data, lr_schedule=(2, 7), **options).rates_
    np.testing.assert_allclose(by_hand, [0.1] * 20 + [0.01] * 50 + [0.001] * 30)
    whole = recorded(data, lr_schedule="cosine_restart", **options).rates_
    assert whole == cosine  # no backbone is frozen
    constant = recorded(data, lr_schedule=None, **options).rates_
    assert set(constant) == {0.1}
    stuck = recorded(
        data, lr_schedule="plateau", weight_decay=0.0, **{**options, "learning_rate": 1e-12}
    )
    assert set(stuck.rates_) <= {1e-12, 1e-13}


def test_gradients_are_clipped_to_max_grad_norm(data):
    free = recorded(data, max_grad_norm=None).norms_
    clipped = recorded(data, max_grad_norm=min(free) / 10).norms_
    np.testing.assert_allclose(clipped, min(free) / 10, rtol=1e-3)


# Early stopping and thresholds --------------------------------------------------------------


def test_early_stopping_keeps_the_best_weights_and_stops_after_patience(data):
    options = {"early_stopping": "loss", "learning_rate": 0.1, "max_epochs": 100}
    model = fit(data, patience=3, **options)
    losses = model.history_[:, "valid_loss"]
    assert model.n_iter_ == int(np.argmin(losses)) + 1 + 3 < 100
    longer = fit(data, patience=6, **options)
    assert longer.n_iter_ > model.n_iter_
    stopped = fit(
        data, **{**options, "max_epochs": int(np.argmin(losses)) + 1, "lr_schedule": None}
    )
    again = fit(data, patience=3, lr_schedule=None, **options)
    if np.argmin(again.history_[:, "valid_loss"]) + 1 == stopped.n_iter_:
        np.testing.assert_array_equal(
            again.predict_proba(data[0]), stopped.predict_proba(data[0])
        )


def test_early_stopping_by_a_metric_watches_that_metric(data):
    X, Y = data
    model = EmbMLPClassifier(**SMALL, early_stopping="miF1", validation_fraction=0.25)
    split = {}

    class Keep(Callback):
        def on_train_begin(self, net, **kwargs):
            split["valid"] = net.train_split(None)[1]

    model.set_params(callbacks=[Keep()], max_epochs=1, lr_schedule=None).fit(X, Y)
    rows = split["valid"].rows
    assert len(rows) == 30
    expected = f1_score(Y[rows], model.predict(X[rows]), average="micro")
    assert model.history_[-1, "valid_score"] == pytest.approx(expected)
    with pytest.raises(ValueError, match="miG1"):
        EmbMLPClassifier(early_stopping="miG1").fit(X, Y)


def test_validation_fraction_is_the_part_held_out(data):
    model = fit(data, early_stopping="loss", validation_fraction=0.25, batch_size=200)
    assert model.history_[-1, "batches", 0, "train_batch_size"] == 90


def test_threshold_decides_what_is_predicted(data):
    X = data[0]
    model = fit(data, threshold=0.3)
    np.testing.assert_array_equal(model.predict(X), model.predict_proba(X) >= 0.3)
    per_label = [0.1, 0.2, 0.3, 0.4, 0.5]
    model = fit(data, threshold=per_label)
    np.testing.assert_array_equal(model.predict(X), model.predict_proba(X) >= per_label)
    with pytest.raises(ValueError, match=r"threshold must be .* shape \(5,\)"):
        fit(data, threshold=[0.1, 0.2])


@pytest.mark.parametrize("metric", ["miF1", "HA"])
@pytest.mark.parametrize("grid", ["lamp", "exact", [0.2, 0.35, 0.7]], ids=str)
@pytest.mark.parametrize("threshold", ["tuned", "tuned_per_label"])
def test_tuned_thresholds_are_the_best_on_the_part_held_out(
    data, metric, grid, threshold, monkeypatch
):
    seen = {}

    def spy(Y, P, *args, **kwargs):
        seen["Y"], seen["P"] = Y, P
        return tune_threshold(Y, P, *args, **kwargs)

    monkeypatch.setattr(skmlc.base.classifier, "tune_threshold", spy)
    model = fit(data, threshold=threshold, threshold_metric=metric, threshold_grid=grid)
    assert len(seen["Y"]) == 12
    assert np.shape(model.threshold_) == (() if threshold == "tuned" else (5,))
    function = get_metric(metric).function
    best = function(seen["Y"], seen["P"] >= model.threshold_)
    candidates = np.unique(seen["P"]) if grid == "exact" else [0.05, 0.2, 0.35, 0.5, 0.7]
    if isinstance(grid, list):
        assert np.isclose(np.ravel(model.threshold_)[:, None], grid).any(axis=1).all()
        candidates = grid
    assert all(best >= function(seen["Y"], seen["P"] >= t) - 1e-12 for t in candidates)


def test_top_k_are_the_most_probable(data):
    model = fit(data)
    indices, probabilities = model.predict_top_k(data[0], k=2)
    P = model.predict_proba(data[0])
    np.testing.assert_array_equal(probabilities, np.sort(P, axis=1)[:, :-3:-1])
    np.testing.assert_array_equal(np.take_along_axis(P, indices, 1), probabilities)
    for k in (0, 6, 1.5):
        with pytest.raises(ValueError, match="k must be an integer from 1 to 5"):
            model.predict_top_k(data[0], k=k)


# How training runs --------------------------------------------------------------------------


def test_warm_start_goes_on_where_training_stopped(data):
    model = fit(data, warm_start=True)
    before = model.history_[-1, "train_loss"]
    graph = model.adjacency_
    model.set_params(max_epochs=2).fit(*data)
    assert model.n_iter_ == 6
    assert model.adjacency_ is graph
    assert model.history_[-1, "train_loss"] < before
    assert fit(data).fit(*data).n_iter_ == 4
    with pytest.raises(ValueError, match="5 labels of the first fit; got 4"):
        model.fit(data[0], data[1][:, :4])


def test_partial_fit_trains_one_epoch_at_a_time_and_keeps_the_graph(data):
    X, Y = data
    model = LaMPClassifier("cooccurrence", **SMALL)
    model.partial_fit(X[:20], Y[:20])
    graph = model.adjacency_.toarray()
    losses = []
    for _ in range(5):
        model.partial_fit(X, Y)
        losses.append(model.history_[-1, "train_loss"])
    assert model.n_iter_ == 6
    assert losses[-1] < losses[0]
    np.testing.assert_array_equal(model.adjacency_.toarray(), graph)


def test_partial_fit_knows_classes_beforehand(data):
    X, Y = data
    y = Y[:, 0] + Y[:, 1]
    first = np.flatnonzero(y < 2)[:20]
    model = EmbMLPClassifier(**SMALL).partial_fit(X[first], y[first], classes=[0, 1, 2])
    assert model.partial_fit(X, y).predict_proba(X).shape == (len(X), 3)
    with pytest.raises(ValueError, match="not announced"):
        EmbMLPClassifier(**SMALL).partial_fit(X, y, classes=[0, 1])


def test_partial_fit_is_repeatable(data):
    def trained():
        model = EmbMLPClassifier(**SMALL)
        for _ in range(3):
            model.partial_fit(*data)
        return model.predict_proba(data[0])

    np.testing.assert_array_equal(trained(), trained())


class InterruptAt(Callback):
    def __init__(self, epoch, when):
        self.epoch, self.when = epoch, when

    def _interrupt(self, net):
        if len(net.history) == self.epoch:
            raise KeyboardInterrupt

    def on_batch_end(self, net, training=False, **kwargs):
        if self.when == "batch":
            self._interrupt(net)

    def on_epoch_end(self, net, **kwargs):
        if self.when == "epoch":
            self._interrupt(net)


@pytest.mark.parametrize("when", ["batch", "epoch"])
@pytest.mark.parametrize(
    "options", [{}, {"early_stopping": "loss"}, {"threshold": "tuned"}], ids=str
)
def test_a_keyboard_interrupt_leaves_a_usable_model(data, when, options):
    model = fit(data, callbacks=[InterruptAt(2, when)], max_epochs=50, **options)
    assert model.n_iter_ == 2
    assert np.isfinite(model.predict_proba(data[0])).all()
    pickle.loads(pickle.dumps(model)).predict(data[0])


def test_a_loss_that_is_no_number_is_a_clear_error(data):
    def nan(logits, labels):
        return logits * torch.nan

    with pytest.raises(
        ValueError, match="training loss became nan in epoch 1; lower learning_rate"
    ):
        fit(data, loss=nan)


def test_verbose_prints_one_line_per_epoch(data, capsys):
    fit(data)
    assert capsys.readouterr().out == ""
    fit(data, verbose=True, early_stopping="ebF1", patience=10)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    for word in (
        "EmbMLPClassifier: epoch 4/4",
        "train_loss",
        "valid_loss",
        "valid_score",
        "left",
    ):
        assert word in lines[-1]


def test_precision_sets_the_floating_point_type(data):
    for precision, dtype in [("float32", torch.float32), ("float64", torch.float64)]:
        model = fit(data, precision=precision)
        assert {p.dtype for p in model.module_.parameters()} == {dtype}
        assert model.predict_proba(data[0]).dtype == str(dtype).removeprefix("torch.")
    half = fit(data, precision="bfloat16")
    assert np.isfinite(half.predict_proba(data[0])).all()
    assert differ(data, precision="bfloat16")


def test_compile_compiles_the_network(data, monkeypatch):
    compiled = []
    monkeypatch.setattr(
        torch.nn.Module, "compile", lambda self, **kw: compiled.append(self)
    )
    model = fit(data, compile=True)
    assert compiled == [model.module_]
    fit(data)
    assert len(compiled) == 1


def test_device_is_where_the_module_is(data):
    assert next(fit(data, device="cpu").module_.parameters()).device.type == "cpu"
    auto = next(fit(data).module_.parameters()).device.type
    assert auto == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_model_fitted_on_cuda_is_loaded_on_a_cpu(data, monkeypatch):
    model = lamp(data, "cooccurrence", device="cuda")
    expected = model.predict_proba(data[0])
    pickled = pickle.dumps(model)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.warns(match="cuda"):
        loaded = pickle.loads(pickled)
    assert next(loaded.module_.parameters()).device.type == "cpu"
    np.testing.assert_allclose(loaded.predict_proba(data[0]), expected, atol=1e-5)


def test_sample_weights_of_zero_leave_samples_out(data):
    X, Y = data
    exact = {
        "precision": "float64",
        "input_dropout": 0.0,
        "dropout": 0.0,
        "batch_size": 200,
    }
    weight = np.arange(len(X)) % 2
    weighted = EmbMLPClassifier(**SMALL, **exact).fit(X, Y, sample_weight=weight)
    half = EmbMLPClassifier(**SMALL, **exact).fit(X[1::2], Y[1::2])
    np.testing.assert_allclose(weighted.predict_proba(X), half.predict_proba(X), rtol=1e-9)


def test_scikit_learn_callbacks_see_every_epoch(data):
    callback = pytest.importorskip("sklearn.callback", reason="needs scikit-learn 1.9")
    monitor = callback.ScoringMonitor(scoring="f1_micro")
    model = EmbMLPClassifier(**SMALL).set_callbacks(monitor).fit(*data)
    log = monitor.get_logs()
    log = log[0] if isinstance(log, list) else log
    scores = log.data_as_pandas["f1_micro"].dropna()
    assert len(scores) >= 4
    assert len(pickle.dumps(model)) < 500_000


def test_bad_parameters_are_named_before_training(data):
    for name, value in [
        ("max_epochs", 0), ("batch_size", 1.5), ("learning_rate", -1), ("optimizer", "lion"),
        ("lr_schedule", "warm"), ("threshold", 2.0),
        ("precision", "float16"), ("max_grad_norm", 0), ("dropout", 1.0),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=f"{name!r} parameter of EmbMLPClassifier"):
            fit(data, **{name: value})


@pytest.mark.parametrize(
    "options",
    [
        {"threshold": "tuned", "threshold_metric": "miG1"},
        {"threshold": "tuned_per_label", "threshold_metric": "miG1"},
        {"early_stopping": "miG1"},
    ],
    ids=str,
)
def test_an_unknown_metric_is_named_before_training(data, options):
    class Fail(Callback):
        def on_train_begin(self, net, **kwargs):
            raise AssertionError("training has begun")

    with pytest.raises(ValueError, match="miG1"):
        fit(data, callbacks=[Fail()], **options)


def test_one_dimensional_targets_stop_early_and_tune_their_threshold(data):
    X, Y = data
    binary = fit(
        (X, Y[:, 0]), threshold="tuned", threshold_metric="miF1", early_stopping="miF1"
    )
    assert isinstance(binary.threshold_, float)
    expected = binary.predict_proba(X)[:, 1] >= binary.threshold_
    np.testing.assert_array_equal(binary.predict(X), expected)
    y = Y[:, 0] + Y[:, 1]
    multiclass = fit((X, y), early_stopping="miF1", max_epochs=3)
    assert 0 <= multiclass.history_[-1, "valid_score"] <= 1
    with pytest.raises(ValueError, match="threshold='tuned' needs labels"):
        fit((X, y), threshold="tuned")


@pytest.mark.slow
def test_a_search_in_two_processes_is_not_slowed_by_too_many_threads():
    X, Y = make_multilabel_classification(2000, 50, n_classes=20, random_state=0)
    model = LaMPClassifier(hidden_size=64, max_epochs=6, random_state=0)

    def seconds(n_jobs):
        search = GridSearchCV(
            model, {"n_heads": [2, 4]}, cv=2, scoring="f1_micro", n_jobs=n_jobs
        )
        start = time.monotonic()
        search.fit(X, Y)
        return time.monotonic() - start

    seconds(2)  # starts the processes, which then stay
    assert seconds(2) < 2 * seconds(1)


def test_partial_fit_after_fit_goes_on_learning(data):
    model = fit(data)
    before = model.predict_proba(data[0])
    model.partial_fit(*data)
    assert np.abs(model.predict_proba(data[0]) - before).max() > 1e-4


@pytest.mark.parametrize("schedule", ["step", "cosine"])
def test_a_warm_start_begins_its_schedule_anew(data, schedule):
    model = fit(data, lr_schedule=schedule, warm_start=True, max_epochs=3)
    rates = [group["lr"] for group in model.net_.optimizer_.param_groups]
    model.partial_fit(*data)
    model.fit(*data)
    assert [g["lr"] for g in model.net_.optimizer_.param_groups] == pytest.approx(rates)


def test_a_warm_start_takes_a_new_batch_size(data):
    model = fit(data, batch_size=8, warm_start=True)
    model.set_params(batch_size=len(data[0])).fit(*data)
    assert len(model.history_[-1, "batches"]) == 1
    rate = model.net_.optimizer_.param_groups[-1]["lr"]
    assert rate < 0.5 * model.learning_rate  # the schedule counts the batches there are


def test_weights_count_in_batches_of_one(data):
    X, Y = data
    weight = np.where(np.arange(len(X)) < 5, 1000.0, 1.0)
    plain = fit(data, batch_size=1)
    weighted = clone(plain).fit(X, Y, sample_weight=weight)
    assert np.abs(plain.predict_proba(X) - weighted.predict_proba(X)).max() > 1e-3


def test_other_columns_of_y_than_in_the_first_fit_are_refused():
    X = np.random.default_rng(0).normal(size=(20, 3))
    Y = pd.DataFrame(np.arange(40).reshape(20, 2) % 3 == 0, columns=["a", "b"]).astype(int)
    model = LaMPClassifier(hidden_size=8, n_heads=2, max_epochs=1).partial_fit(X, Y)
    model.partial_fit(X, Y.to_numpy()).partial_fit(X, Y)
    with pytest.raises(
        ValueError, match=r"columns of the first fit, \['a', 'b'\]; got \['b'"
    ):
        model.partial_fit(X, Y[["b", "a"]])
