"""The models by name: how each is made, trained and evaluated."""

import warnings
from typing import NamedTuple

import numpy as np
import torch
from measure import Clock
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from skmlc import EmbMLPClassifier, LaMPClassifier, Seq2SeqClassifier

from .data import as_tfidf, as_tokens
from .judge import JudgeEpochs, judge, judge_model

NODES = {"emb": 0, "fmp": 2}  # rounds of messages among the nodes of a sample
LABEL_GRAPHS = {"el": "none", "fc": "full", "pr": "cooccurrence"}
LAMPS = tuple(f"lamp-{nodes}-{graph}" for nodes in NODES for graph in LABEL_GRAPHS)
NETWORKS = ("lamp", *LAMPS, "emb-mlp", "seq2seq")
MODELS = (*NETWORKS, "logistic", "constant")

# As the authors trained: Adam at a constant rate, nothing against over-fitting but dropout.
PAPER = {
    "hidden_size": 512,
    "linear_skip": False,
    "input_dropout": 0.0,
    "dropout": 0.2,
    "max_epochs": 50,
    "batch_size": 32,
    "learning_rate": 2e-4,
    "optimizer": "adam",
    "net_params": {"optimizer__betas": (0.9, 0.98)},
    "weight_decay": 0.0,
    "lr_schedule": None,
    "max_grad_norm": None,
}
PAPER_DROPOUT = {"delicious": 0.1, "rcv1sub1": 0.1}
# What says nothing about the model that was trained.
NOT_RECORDED = {
    "allow_missing_labels", "callbacks", "checkpoint", "checkpoint_minutes", "compile",
    "device", "label_weight", "patience", "random_state", "threshold", "threshold_grid",
    "threshold_metric", "validation_fraction", "verbose", "warm_start",
}  # fmt: skip
MAX_LENGTH = 300  # words of a text, as the authors
C_VALUES = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300)


class Result(NamedTuple):
    """A trained model: what it scored, what training took, and its hyper-parameters."""

    choices: dict
    clock: Clock
    parameters: dict


def paper_settings(dataset, model):
    """Return the paper's setting of a network for a data set."""
    settings = PAPER | {"dropout": PAPER_DROPOUT.get(dataset, PAPER["dropout"])}
    if model == "seq2seq":
        del settings["linear_skip"]  # it never has one
    return settings


def make_network(name, settings, seed):
    """Make one of `NETWORKS`.

    Parameters
    ----------
    name : str
        ``"lamp"`` is `LaMPClassifier` as it comes, but for label masking, which the paper has
        not; ``"lamp-fmp-pr"`` and the like also say what messages are passed among a sample's
        nodes and among the labels.
    settings : dict
        Hyper-parameters other than the defaults.
    seed : int
        The random state.

    Returns
    -------
    estimator
        Not fitted.
    """
    common = {"random_state": seed, "verbose": True}
    if name == "emb-mlp":
        return EmbMLPClassifier(**common | settings)
    if name == "seq2seq":
        return Seq2SeqClassifier(**common | settings)
    variant = {}
    if name != "lamp":
        _, nodes, graph = name.split("-")
        variant = {"message_passing": NODES[nodes], "label_graph": LABEL_GRAPHS[graph]}
    return LaMPClassifier(**common | variant | settings)


def run_network(model, parts, *, choose_epoch=False, max_length=MAX_LENGTH):
    """Train a network and evaluate it.

    Parameters
    ----------
    model : estimator
        One of this package's.
    parts : Parts
        The data.
    choose_epoch : bool, default=False
        Whether each metric gets the epoch at which it is best on the validation part; else
        the weights after training are evaluated.
    max_length : int, default=300
        Texts are cut after this many words.

    Returns
    -------
    Result
        The clock has the seconds of training.
    """
    of_text = {"max_length": max_length} if parts.is_text else {}
    parts, clock = as_tokens(parts, max_length), Clock()
    judge_epochs = JudgeEpochs(model, parts, clock)
    if choose_epoch:
        model.set_params(callbacks=[judge_epochs])
    with clock:
        model.fit(*parts.train)
    choices = judge_epochs.choices_ if choose_epoch else judge_model(model, parts)
    parameters = {k: v for k, v in model.get_params().items() if k not in NOT_RECORDED}
    return Result(choices, clock, parameters | of_text)


def run_logistic(parts):
    """Train one-vs-rest logistic regression, on tf-idf vectors of texts.

    C grows until the ranking of the labels in the validation part (LRAP) gets worse twice in
    a row: with few samples there, measures that need a threshold are left to chance.

    Parameters
    ----------
    parts : Parts
        The data.

    Returns
    -------
    Result
        Of the best C; the clock has the seconds of training with it.
    """
    parts, best, best_value, n_worse = as_tfidf(parts), None, -np.inf, 0
    for C in C_VALUES:
        result = _train_logistic(parts, C)
        value = result.choices["LRAP"].valid
        print(
            f"logistic: C={C}, LRAP {value:.4f} in validation, {result.clock.wall:.0f} s",
            flush=True,
        )
        if value > best_value:
            best, best_value, n_worse = result, value, 0
        elif (n_worse := n_worse + 1) == 2:
            break
    return best


def _train_logistic(parts, C):
    """Train with one value of C."""
    model, clock = OneVsRestClassifier(LogisticRegression(C=C, max_iter=1000)), Clock()
    with clock, warnings.catch_warnings():
        # Labels without a sample in the training part get a probability of zero.
        warnings.filterwarnings("ignore", message="Label .* is present in all training")
        model.fit(*parts.train)
    return Result(judge_model(model, parts), clock, {"C": C})


def run_constant(parts):
    """Evaluate the labels' frequencies as the probabilities of every sample."""
    clock = Clock()
    with clock:
        frequency = np.asarray(parts.train.Y.mean(axis=0)).ravel()
    valid, test = ((Y, np.tile(frequency, (Y.shape[0], 1))) for _, Y in parts[1:])
    return Result(judge(valid, test), clock, {})


def gpu_memory():
    """Return the highest memory allocated on the GPU so far, in MB; None without one."""
    if not torch.cuda.is_initialized():
        return None
    return torch.cuda.max_memory_allocated() / 1e6
