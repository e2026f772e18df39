"""What each of the processes of tests/training/test_distributed.py does."""

import inspect
import pickle
import sys

import numpy as np
import torch
import torch.distributed as dist
from skorch.callbacks import Callback
from torch.utils.data import BatchSampler, RandomSampler

import skmlc
from skmlc.inputs import Bags, ImageEncoder, Images
from skmlc.inputs.encoders.backbones import ResNet
from skmlc.training.distributed import DistributedNet, PartOfBatches
from tests.method_names import METHOD_NAMES

NETWORKS = [name for name in METHOD_NAMES if name.endswith("Classifier")]
EXACT = {
    "hidden_size": 8, "dropout": 0.0, "input_dropout": 0.0, "precision": "float64",
    "batch_size": 16, "max_epochs": 3, "random_state": 0, "early_stopping": "mAP",
    "validation_fraction": 0.33, "threshold": "tuned", "label_weight": "balanced",
    "label_masking": False,
}  # fmt: skip
rng = np.random.default_rng(0)
# Of which 35 are trained on and 17 held out: of their last batches, of 3 and 1, the processes
# have 2 and 1, and 1 and nothing.
X = Bags([rng.normal(size=(n, 4)) for n in rng.integers(1, 6, 52)])
Y = (rng.random((52, 3)) < 0.4).astype(np.uint8)


class EndInTheLast(Callback):
    """Ends training after two epochs, in the last process alone."""

    def on_epoch_end(self, net, **kwargs):
        """End it."""
        if len(net.history) == 2 and dist.get_rank() == dist.get_world_size() - 1:
            raise KeyboardInterrupt


def make(name, **options):
    """Return an estimator whose result follows from its samples alone."""
    Method = getattr(skmlc, name)
    known = inspect.signature(Method).parameters
    options = {**EXACT, **options}
    return Method(**{key: value for key, value in options.items() if key in known})


def told(model):
    """Return what a fitted model is known by."""
    weights = [
        weight.double().numpy().ravel() for weight in model.module_.state_dict().values()
    ]
    losses = [(epoch["train_loss"], epoch.get("valid_loss", 0)) for epoch in model.history_]
    return {
        "weights": np.concatenate(weights), "losses": losses, "threshold": model.threshold_,
        "probabilities": model.predict_proba(X), "epochs": model.n_iter_,
    }  # fmt: skip


def orders():
    """Return this process's part of two epochs, though it has drawn other numbers before."""
    dist.init_process_group("gloo")
    torch.manual_seed(dist.get_rank())
    batches = BatchSampler(RandomSampler(range(13)), 4, False)
    return [list(PartOfBatches(batches, 13)) for _ in range(2)]


def watched(drifts):
    """Return `_share` of a net, which notes how far its weights are from those of the first."""
    share = DistributedNet._share

    def watch(net, tensors):
        weights = [*net.module_.parameters()]
        before = [weight.detach().clone() for weight in weights]
        share(net, tensors)
        pairs = zip(before, weights, strict=True)
        drifts.append(max(float((a - b).abs().max()) for a, b in pairs))

    return watch


def fit_images():
    """Train a backbone that is frozen at first."""
    images = Images(rng.integers(0, 256, (40, 3, 16, 16), dtype=np.uint8))
    encoder = ImageEncoder(ResNet((1, 1), width=4), frozen_epochs=1)
    make("MLGCNClassifier", encoder=encoder, device="distributed").fit(images, Y[:40])


def main(folder):
    """Fit everything, and write what came of it."""
    parts, drifts = orders(), []
    share, DistributedNet._share = DistributedNet._share, watched(drifts)
    fit_images()
    found = {name: told(make(name, device="distributed").fit(X, Y)) for name in NETWORKS}
    options = {"dropout": 0.3, "input_dropout": 0.2, "device": "distributed"}
    model = make("LaMPClassifier", **options).fit(X, Y)
    found["with dropout, then further"] = told(model.partial_fit(X, Y).fit(X, Y))
    # A process that ends early may have other best weights, and takes those of the first.
    DistributedNet._share = share
    ended = make("LaMPClassifier", device="distributed", callbacks=[EndInTheLast()])
    found["ended in one"] = told(ended.fit(X, Y))
    with open(f"{folder}/{dist.get_rank()}.pickle", "wb") as file:
        pickle.dump((parts, drifts, found), file)
    dist.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1])
