"""The moving average of the weights against one computed by hand."""

import numpy as np
import pytest
from skorch.callbacks import Callback

from skmlc import EmbMLPClassifier


class Recorder(Callback):
    """Keep a weight after every training step, and as validation and callbacks see it."""

    def on_train_begin(self, net, **kwargs):
        self.steps, self.validated, self.at_epoch_end = [], [], []

    def on_batch_end(self, net, training=False, **kwargs):
        kept = self.steps if training else self.validated
        kept.append(weight_of(net))

    def on_epoch_end(self, net, **kwargs):
        self.at_epoch_end.append(weight_of(net))


def weight_of(net):
    return net.module_.head.layers[0].weight.detach().clone().numpy()


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 5))
    return X, (X[:, :3] + rng.normal(size=(60, 3)) > 0).astype(int)


def fitted(data, recorder=None, **options):
    callbacks = None if recorder is None else [recorder]
    options = {"hidden_size": 4, "max_epochs": 4, "batch_size": 10, **options}
    options |= {"precision": "float64", "random_state": 0, "callbacks": callbacks}
    return EmbMLPClassifier(**options).fit(*data)


def averages(steps, decay):
    """Return the moving average after each step, which starts at the first weights."""
    result = [steps[0]]
    for t, weight in enumerate(steps[1:], start=2):
        share = min(decay, t / (t + 9))
        result.append(share * result[-1] + (1 - share) * weight)
    return result


@pytest.mark.parametrize("decay", [0.3, 0.9])
def test_the_last_weights_are_the_average(data, decay):
    recorder = Recorder()
    model = fitted(data, recorder, ema_decay=decay)
    recorder = dict(model.net_.callbacks_)["Recorder"]
    expected = averages(recorder.steps, decay)[-1]
    np.testing.assert_allclose(weight_of(model.net_), expected, rtol=1e-9)
    assert np.abs(expected - recorder.steps[-1]).max() > 1e-6


def test_validation_and_callbacks_see_the_average_and_training_does_not(data):
    options = {"early_stopping": "loss", "patience": 10}
    model = fitted(data, Recorder(), ema_decay=0.8, **options)
    recorder = dict(model.net_.callbacks_)["Recorder"]
    per_epoch = len(recorder.steps) // 4
    at_end = averages(recorder.steps, 0.8)[per_epoch - 1 :: per_epoch]
    np.testing.assert_allclose(recorder.at_epoch_end, at_end, rtol=1e-9)
    np.testing.assert_allclose(recorder.validated, at_end, rtol=1e-9)
    plain = fitted(data, Recorder(), **options)
    plain = dict(plain.net_.callbacks_)["Recorder"]
    np.testing.assert_allclose(recorder.steps, plain.steps, rtol=1e-9)


def test_callbacks_see_the_average_where_nothing_is_held_out(data):
    model = fitted(data, Recorder(), ema_decay=0.8)
    recorder = dict(model.net_.callbacks_)["Recorder"]
    per_epoch = len(recorder.steps) // 4
    at_end = averages(recorder.steps, 0.8)[per_epoch - 1 :: per_epoch]
    np.testing.assert_allclose(recorder.at_epoch_end, at_end, rtol=1e-9)


def test_without_memory_the_average_is_the_last_weights(data):
    X, _ = data
    np.testing.assert_allclose(
        fitted(data, ema_decay=0.0).predict_proba(X), fitted(data).predict_proba(X)
    )


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("n_channels", [1, 2, 3, 4, 5])
def test_images_of_any_number_of_channels_have_an_average(n_channels, precision):
    rng = np.random.default_rng(0)
    images, labels = rng.random((20, n_channels, 8, 10)), rng.integers(0, 2, (20, 3))
    options = {"hidden_size": 4, "max_epochs": 2, "batch_size": 8, "random_state": 0}
    options |= {"ema_decay": 0.5, "early_stopping": "loss", "precision": precision}
    model = EmbMLPClassifier(**options).fit(images, labels)
    encoder = model.module_.encoder
    plain = EmbMLPClassifier(**options | {"ema_decay": None}).fit(images, labels)
    assert np.abs(model.predict_proba(images) - plain.predict_proba(images)).max() > 0
    for name in ("mean", "std"):  # which are no weights
        np.testing.assert_array_equal(
            getattr(encoder, name), getattr(plain.module_.encoder, name)
        )


def test_an_interrupt_leaves_the_average_so_far(data):
    class Interrupt(Recorder):
        def on_batch_end(self, net, training=False, **kwargs):
            super().on_batch_end(net, training=training, **kwargs)
            if len(self.steps) == 9:
                raise KeyboardInterrupt

    model = fitted(data, Interrupt(), ema_decay=0.5)
    steps = dict(model.net_.callbacks_)["Interrupt"].steps
    found = weight_of(model.net_)
    np.testing.assert_allclose(found, averages(steps, 0.5)[-1], rtol=1e-9)
