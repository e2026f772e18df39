"""The models of bags by name: how each is made and trained, and how it scores labels."""

import json
import warnings
from typing import NamedTuple

import numpy as np
from measure import Clock
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

import skmlc
from skmlc.inputs import BagPooling
from skmlc.metrics import label_ranking_average_precision

from .bag_data import TEST_SHARE, VALIDATION_SHARE, scaled, scaler_of
from .models import NOT_RECORDED
from .tables import as_json

# The same for every network. The validation part is the share of the bags that it gets.
TRAINING = {
    "batch_size": 64,
    "learning_rate": 1e-3,
    "early_stopping": "mAP",
    "validation_fraction": VALIDATION_SHARE / (1 - TEST_SHARE),
}
# At least 1,500 steps.
MAX_EPOCHS = {"miml_image": 69, "miml_text": 69, "miml_birds": 500}

# By distances between instances, and without a validation part.
BY_DISTANCE = {
    "mimlsvm": ("MIMLSVM", {}),
    "mimlnn": ("MIMLNN", {}),
    "mimlrbf": ("MIMLRBF", {}),
    "enmimlnn": ("EnMIMLNN", {}),
    "kisar": ("KISAR", {}),
    "mimlwel": ("MIMLWEL", {}),
    "mimlknn": ("MIMLkNN", {}),
}
NETWORKS = {
    "deepmiml": ("DeepMIMLClassifier", {}),
    "mi-flem": ("FLEMClassifier", {}),
    "glemiml": ("GLEMIMLClassifier", {}),
    "glemiml-a": ("GLEMIMLClassifier", {"n_layers": 1}),
    "glemiml-b": ("GLEMIMLClassifier", {"n_layers": 3}),
    "glemiml-c": ("GLEMIMLClassifier", {"interaction": None}),
    "glemiml-plain": ("GLEMIMLClassifier", {"rho": 1.0}),
}
WITH_SETTINGS = BY_DISTANCE | NETWORKS
STATISTICS = {
    "logistic-mean": ("mean",),
    "logistic-statistics": ("mean", "max", "min"),
}
C_VALUES = (0.001, 0.01, 0.1, 1, 10, 100)
# In the order of the tables.
BAG_MODELS = ("constant", *STATISTICS, *BY_DISTANCE, *NETWORKS)


class Run(NamedTuple):
    """What is to be trained on what: a row of results to be."""

    dataset: str
    model: str
    seed: int = 0  # of the split, too
    settings: dict = {}  # other than those above


class Outcome(NamedTuple):
    """The scores of the test part, what training took, and what was chosen."""

    scores: np.ndarray  # (n_test, n_labels), not below zero where a label is predicted
    clock: Clock
    device: str = "cpu"
    chosen: dict | None = None


def make_model(run):
    """Make a model that has settings.

    Parameters
    ----------
    run : Run
        Its model is one of `WITH_SETTINGS`.

    Returns
    -------
    estimator
        Not fitted.
    """
    name, variant = WITH_SETTINGS[run.model]
    if run.model in NETWORKS:
        variant = variant | TRAINING | {"max_epochs": MAX_EPOCHS[run.dataset]}
    model = getattr(skmlc, name)(**variant | run.settings)
    if run.model in NETWORKS and "patience" not in run.settings:
        model.set_params(patience=model.max_epochs)  # the whole schedule
    if "random_state" in model.get_params(deep=False):  # not all methods draw anything
        model.set_params(random_state=run.seed)
    return model


def parameters_of(run):
    """Return all that is known of a model before it is trained, as JSON stores it."""
    parameters = {}
    if run.model in WITH_SETTINGS:
        parameters = make_model(run).get_params(deep=False)
        left_out = {*NOT_RECORDED, "encoder", "n_jobs"} - run.settings.keys()
        parameters = {k: v for k, v in parameters.items() if k not in left_out}
    elif run.model in STATISTICS:
        parameters = {"C": C_VALUES, "statistics": STATISTICS[run.model]}
    if run.model != "constant":
        parameters["scaler"] = scaler_of(run.dataset, run.model in BY_DISTANCE)
    return json.loads(as_json(parameters))


def train(run, parts):
    """Train a model and score the test part, whose labels it never sees.

    Parameters
    ----------
    run : Run
        What to train.
    parts : Parts
        The data, not scaled.

    Returns
    -------
    Outcome
        The clock has the seconds of training, with those of the distances between the bags.
    """
    if run.model == "constant":
        return _score_constant(parts)
    parts = scaled(parts, scaler_of(run.dataset, run.model in BY_DISTANCE))
    if run.model in STATISTICS:
        return _train_logistic(parts, STATISTICS[run.model])
    X, Y = parts.train
    if run.model in NETWORKS:
        # They hold as many out themselves, stratified by label.
        X = [*parts.train.X, *parts.valid.X]
        Y = np.concatenate([parts.train.Y, parts.valid.Y])
    model = make_model(run)
    with (clock := Clock()):
        model.fit(X, Y)
    device = str(model.net_.device) if run.model in NETWORKS else "cpu"
    return Outcome(model.decision_function(parts.test.X), clock, device)


def _train_logistic(parts, statistics):
    """Train logistic regression with the C that ranks labels best in the validation part.

    Measures of the ranking of bags, such as mAP, are left to chance with so few.
    """
    pooling, best, best_value = BagPooling(statistics), None, -np.inf
    train, valid, test = (pooling.fit_transform(part.X) for part in parts)
    for C in C_VALUES:
        model = OneVsRestClassifier(LogisticRegression(C=C, max_iter=2000))
        with (clock := Clock()), warnings.catch_warnings():
            # Labels without a bag in the training part get a probability of zero.
            warnings.filterwarnings("ignore", message="Label .* is present in all training")
            model.fit(train, parts.train.Y)
        value = label_ranking_average_precision(parts.valid.Y, model.predict_proba(valid))
        if value > best_value:
            scores = model.predict_proba(test) - 0.5
            best, best_value = Outcome(scores, clock, chosen={"C": C}), value
    return best


def _score_constant(parts):
    """Score every bag by the frequencies of the labels."""
    with (clock := Clock()):
        frequency = parts.train.Y.mean(axis=0)
    return Outcome(np.tile(frequency - 0.5, (len(parts.test.X), 1)), clock)
