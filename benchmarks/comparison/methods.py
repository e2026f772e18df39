"""The methods by name: how each is made, and where it is left out."""

import warnings
from importlib import import_module
from importlib.util import find_spec

import numpy as np
from completion.data import STATISTICS
from completion.methods import choose_C
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skmlc import CTranClassifier, EmbMLPClassifier, LaMPClassifier
from skmlc.ensemble import SoftVotingClassifier
from skmlc.inputs import BagPooling, Bags

from .mlknn import MLkNN
from .text_peers import LabelTree, LinearSVMs

NETWORKS = {"emb_mlp": EmbMLPClassifier, "lamp": LaMPClassifier, "ctran": CTranClassifier}
# The means of what two of the others say.
BLENDS = {"lamp_forest": ("lamp", "forest"), "logreg_forest": ("logreg", "forest")}
OURS = (*NETWORKS, "recipe", *BLENDS)
PEERS = ("logreg", "forest", "extra_trees", "chains", "mlp", "mlknn", "hgb", "boomer",
         "libmultilabel", "napkinxc")  # fmt: skip
METHODS = (*OURS, *PEERS)
SINGLE = (*NETWORKS, *PEERS)
N_MEMBERS, N_CHAINS = 5, 5
C_VALUES = (0.001, 0.01, 0.1, 1, 10, 100)
FORESTS = {"forest": RandomForestClassifier, "extra_trees": ExtraTreesClassifier}
TREES = {"n_estimators": 300}
# With more labels than this, C-Tran takes hours; and every leaf holds a number for each label,
# so that the fully grown trees of one forest would take up to 40 GB.
MANY_LABELS = 300
TREES_OF_MANY_LABELS = {"min_samples_leaf": 5}
# Packages that not everyone has, by method; the last two are for sparse text.
PACKAGES = {"boomer": "mlrl.boosting", "libmultilabel": "libmultilabel.linear",
            "napkinxc": "napkinxc"}  # fmt: skip
TEXT_PEERS = {"libmultilabel": LinearSVMs, "napkinxc": LabelTree}
# Beyond this many rows x columns x labels boosting takes longer than all the others together.
MOST_FOR_HGB = 6e7


def why_not(method, X, n_labels):
    """Return why a method is left out of a data set, or None.

    Parameters
    ----------
    method : str
        One of `METHODS`.
    X : ndarray or CSR
        The table to fit on.
    n_labels : int
        The number of labels.

    Returns
    -------
    str or None
        None where it is not left out.
    """
    n_rows, n_columns = X.shape
    if method == "ctran" and n_labels > MANY_LABELS:
        return f"{n_labels} labels are too many"
    if method == "hgb" and n_rows * n_columns * n_labels > MOST_FOR_HGB:
        return f"{n_rows} rows x {n_columns} columns x {n_labels} labels are too many"
    if method in TEXT_PEERS and not sparse.issparse(X):
        return "it is for sparse text"
    if method in PACKAGES and not is_installed(PACKAGES[method]):
        return f"{PACKAGES[method]} is not installed"
    return None


def is_installed(package):
    """Return whether a package, and the one that it is a part of, can be found."""
    parts = package.split(".")
    names = (".".join(parts[: n + 1]) for n in range(len(parts)))
    return all(find_spec(name) is not None for name in names)


def fit_model(method, X, Y, seed):
    """Make one of `METHODS` that is no mean of others, and fit it.

    Parameters
    ----------
    method : str
        Its name.
    X : ndarray, CSR or Bags
        As networks read it for those of `NETWORKS` and the recipe, else a table.
    Y : ndarray of shape (n_samples, n_labels)
        Labels.
    seed : int
        Of whatever the method draws.

    Returns
    -------
    estimator
        What was chosen of its settings was chosen in a part of these rows.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Label .* is present in all training")
        warnings.simplefilter("ignore", ConvergenceWarning)
        return _make(method, X, Y, seed).fit(X, Y)


def _make(method, X, Y, seed):
    if method in NETWORKS:
        return NETWORKS[method](random_state=seed)
    if method == "recipe":
        return make_recipe(isinstance(X, Bags), Y.shape[1], seed)
    if method in FORESTS:
        return make_forest(method, Y.shape[1], seed)
    if method in ("logreg", "chains"):
        logistic = LogisticRegression(
            C=choose_C("linear_untold", X, Y, C_VALUES), max_iter=1000
        )
        is_chain = method == "chains"
        return _make_chains(logistic, seed) if is_chain else OneVsRestClassifier(logistic)
    if method == "mlp":
        return MLPClassifier(alpha=0.1, random_state=seed)
    if method == "mlknn":
        return MLkNN()
    if method == "boomer":
        return _make_boomer(seed)
    if method in TEXT_PEERS:
        seeded = {"random_state": seed} if method == "napkinxc" else {}
        return TEXT_PEERS[method](**seeded)
    boosting = HistGradientBoostingClassifier(random_state=seed)
    return make_pipeline(
        FunctionTransformer(_as_dense, accept_sparse=True), OneVsRestClassifier(boosting)
    )


def make_recipe(reads_bags, n_labels, seed):
    """Make the recipe: five networks averaged, then with two forests, 2 : 1 : 1."""
    networks = [
        (f"network{i}", EmbMLPClassifier(random_state=N_MEMBERS * seed + i))
        for i in range(N_MEMBERS)
    ]
    forests = [(name, make_forest(name, n_labels, seed)) for name in FORESTS]
    if reads_bags:
        forests = [(n, make_pipeline(BagPooling(STATISTICS), f)) for n, f in forests]
    weights = [2 / N_MEMBERS] * N_MEMBERS + [1] * len(forests)
    return SoftVotingClassifier(networks + forests, weights=weights)


def make_forest(name, n_labels, seed):
    """Make one of `FORESTS`."""
    bounds = TREES_OF_MANY_LABELS if n_labels > MANY_LABELS else {}
    return FORESTS[name](**TREES, **bounds, random_state=seed)


def _make_chains(logistic, seed):
    """Make chains in random orders, whose probabilities are averaged."""
    chains = [
        ClassifierChain(logistic, order="random", random_state=N_CHAINS * seed + i)
        for i in range(N_CHAINS)
    ]
    members = [(f"chain{i}", chain) for i, chain in enumerate(chains)]
    return VaryingLabels(SoftVotingClassifier(members))


def _make_boomer(seed):
    """Make BOOMER as it comes, which takes seeds from 1."""
    return import_module("mlrl.boosting").BoomerClassifier(random_state=seed + 1)


def _as_dense(X):
    return X.toarray() if sparse.issparse(X) else X


class VaryingLabels(ClassifierMixin, BaseEstimator):
    """Labels that all training rows have, or none, are predicted as 1 or 0.

    Logistic regression refuses them.

    Parameters
    ----------
    estimator : estimator
        A classifier of the other labels.
    """

    def __init__(self, estimator):
        self.estimator = estimator

    def fit(self, X, Y):
        """Fit a clone to the labels that vary."""
        self.first_ = Y[0].astype(float)
        self.varies_ = np.ptp(Y, axis=0) > 0
        self.estimator_ = clone(self.estimator).fit(X, Y[:, self.varies_])
        return self

    def predict_proba(self, X):
        """Return the probabilities of labels, of shape (n_samples, n_labels)."""
        proba = self.estimator_.predict_proba(X)
        answer = np.tile(self.first_, (len(proba), 1))
        answer[:, self.varies_] = proba
        return answer
