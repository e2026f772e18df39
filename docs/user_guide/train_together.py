"""Train one model in all processes that torchrun starts."""

import os

from sklearn.datasets import make_multilabel_classification

import skmlc
from skmlc import LaMPClassifier
from skmlc.metrics import get_scorer

X, Y = make_multilabel_classification(2_000, n_classes=8, random_state=0)
model = LaMPClassifier(
    device="distributed", random_state=0, batch_size=64, max_epochs=5,
    early_stopping="mAP", threshold="tuned",
)  # fmt: skip
model.fit(X[:1_500], Y[:1_500])  # the same in all processes

if os.environ.get("RANK", "0") == "0":  # what one of them does for all
    skmlc.save(model, "model.skmlc")
    print(f"mAP {get_scorer('mAP')(model, X[1_500:], Y[1_500:]):.3f}")
