"""Sets of labels, nothing known: thresholds, joint decodings, chains and sequences."""

import numpy as np
from measure import Clock
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import ClassifierChain

from skmlc import Seq2SeqClassifier
from skmlc.metrics import get_metric

from .data import network_samples, table_samples
from .methods import choose_C, fit_quietly, make_network

DECODING_SETS = ("emotions", "yeast", "scene")
DECODING_COLUMNS = (
    ("dataset", "method"),
    ("subset_accuracy", "ebF1", "miF1", "fit_cpu_s", "predict_cpu_s"),
)
METRICS = {"subset_accuracy": "ACC", "ebF1": "ebF1", "miF1": "miF1"}
N_CHAINS = 5
# Thousands of passes: of sets with many labels, as many test rows as take minutes.
N_TEST_ROWS = {"bibtex": 200}


def decode(data, seed):
    """Fit, decode and score.

    Parameters
    ----------
    data : Data
        The data set.
    seed : int
        Of whatever the methods draw.

    Yields
    ------
    dict
        A row for each way of deciding.
    """
    rows = slice(N_TEST_ROWS.get(data.name))
    data = data._replace(X_test=data.X_test[rows], Y_test=data.Y_test[rows])
    for name, predict, fit_clock in _predictors(data, seed):
        with (clock := Clock()):
            labels = predict()
        row = {"dataset": data.name, "method": name, "seed": seed}
        for column, metric in METRICS.items():
            value = get_metric(metric).function(data.Y_test, labels)
            row[column] = round(float(value), 5)
        row |= {"fit_cpu_s": round(fit_clock.cpu, 2), "predict_cpu_s": round(clock.cpu, 2)}
        print(", ".join(map(str, row.values())), flush=True)
        yield row


def _predictors(data, seed):
    """Yield the name, what predicts the test part, and the seconds of the fit."""
    train, test = network_samples(data)
    lamp, clock = _fitted(make_network("lamp", seed), train, data.Y)
    for decoding in ("threshold", "joint", "expected_f1"):
        yield f"lamp, {decoding}", _predictor(lamp, test, decoding=decoding), clock
    tuned = make_network("lamp", seed, threshold="tuned")
    tuned, clock = _fitted(tuned, train, data.Y)
    yield "lamp, tuned threshold", _predictor(tuned, test), clock
    unmasked = make_network("lamp_unmasked", seed)
    unmasked, clock = _fitted(unmasked, train, data.Y)
    yield "lamp unmasked, threshold", _predictor(unmasked, test), clock
    sequences = Seq2SeqClassifier(random_state=seed)
    sequences, clock = _fitted(sequences, train, data.Y)
    yield "seq2seq", _predictor(sequences, test), clock
    chains, clock = _chains(data, seed)
    X = table_samples(data).test
    yield f"{N_CHAINS} chains", lambda: _mean_of(chains, X) >= 0.5, clock


def _fitted(model, X, Y):
    """Return the fitted model and the seconds of its fit."""
    with (clock := Clock()):
        model.fit(X, Y)
    return model, clock


def _predictor(model, X, **given):
    return lambda: model.predict(X, **given)


def _chains(data, seed):
    """Return chains in random orders, with C as for one-vs-rest, and the seconds."""
    X = table_samples(data).train
    C = choose_C("linear_untold", X, data.Y)
    chains = [
        ClassifierChain(
            LogisticRegression(C=C, max_iter=1000),
            order="random",
            random_state=N_CHAINS * seed + i,
        )
        for i in range(N_CHAINS)
    ]
    with (clock := Clock()):
        for chain in chains:
            fit_quietly(chain, X, data.Y)
    return chains, clock


def _mean_of(chains, X):
    """Return the mean of their probabilities."""
    return np.mean([chain.predict_proba(X) for chain in chains], axis=0)
