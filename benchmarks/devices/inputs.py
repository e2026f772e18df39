"""Small samples of every kind of input, and the networks that read them."""

import inspect

import numpy as np
from scipy import sparse

import skmlc
from skmlc.inputs import Bags, FeatureEncoder, Graphs, ImageEncoder, Images, Sequences
from skmlc.inputs.encoders.backbones import ResNet

__all__ = ["KINDS", "METHODS", "make", "make_inputs"]

METHODS = [
    name
    for name in skmlc.__all__
    if name.endswith("Classifier") and name != "KnownLabelsClassifier"
]
KINDS = (
    "vectors", "features", "sparse", "sequences", "bags", "boxes", "graphs", "images",
    "feature maps",
)  # fmt: skip
ENCODERS = {
    "features": FeatureEncoder(nodes="features"),
    "images": ImageEncoder(ResNet((1, 1), width=4)),
}
# Nothing is left to chance but the initial weights and the order of the samples, which come
# from the CPU, so that all devices train alike.
EXACT = {"dropout": 0.0, "input_dropout": 0.0, "random_state": 0}
SMALL = {"hidden_size": 16, "batch_size": 16, "max_epochs": 2, "learning_rate": 0.01}


def make_inputs(n_samples, n_labels=6, seed=0):
    """Return samples of every kind by name, and labels (n_samples, n_labels)."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 9, n_samples)
    bags = [rng.normal(size=(n, 5)) for n in sizes]
    boxes = [np.sort(rng.random((n, 4)), axis=1) for n in sizes]
    table = rng.normal(size=(n_samples, 8))
    X = {
        "vectors": table,
        "features": table,
        "sparse": sparse.random(n_samples, 40, 0.2, "csr", random_state=seed),
        "sequences": Sequences([rng.integers(0, 30, n) for n in sizes], n_tokens=30),
        "bags": Bags(bags),
        "boxes": Bags(bags, boxes=boxes),
        "graphs": Graphs(bags, [np.array([[0], [n - 1]]) for n in sizes]),
        "images": Images(rng.integers(0, 256, (n_samples, 3, 16, 16), dtype=np.uint8)),
        "feature maps": rng.random((n_samples, 8, 2, 3)),
    }
    Y = (rng.random((n_samples, n_labels)) < 0.4).astype(np.uint8)
    return X, Y


def make(name, kind, **options):
    """Return a small estimator for a kind of input; None if it does not read that."""
    Method = getattr(skmlc, name)
    if kind == "features" and Method._rows_are_bags:
        return None
    known = inspect.signature(Method).parameters
    options = {"encoder": ENCODERS.get(kind, "auto"), **SMALL, **EXACT, **options}
    return Method(**{key: value for key, value in options.items() if key in known})
