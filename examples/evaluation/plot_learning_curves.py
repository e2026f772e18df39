"""
Learning curves and early stopping
==================================

When has a network learned enough?  With `early_stopping`, or with a threshold to tune, a part
of the training data is held out, and `history_` has the loss of both parts after each epoch.
:class:`~skmlc.inspection.LearningCurveDisplay` draws it.

The data are scikit-learn's handwritten digits with noise added, and the labels are properties
of a number: is it even, is it prime, does its digit have a loop?
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits

from skmlc import EmbMLPClassifier
from skmlc.inspection import LearningCurveDisplay
from skmlc.metrics import get_scorer
from skmlc.model_selection import multilabel_train_test_split

X, digit = load_digits(return_X_y=True)
X = X / 16 + np.random.default_rng(0).normal(scale=0.4, size=X.shape)
HAVE_LABEL = {
    "even": [0, 2, 4, 6, 8],
    "prime": [2, 3, 5, 7],
    "square": [0, 1, 4, 9],
    "multiple of 3": [0, 3, 6, 9],
    "has a loop": [0, 6, 8, 9],
}
Y = pd.DataFrame({name: np.isin(digit, d) for name, d in HAVE_LABEL.items()}).astype(int)
X_train, X_test, Y_train, Y_test = multilabel_train_test_split(
    X, Y, test_size=0.5, random_state=0
)

# %%
# Too long, and in time
# ---------------------
# The first network learns for 60 epochs.  The second stops when the loss of the held-out part
# has not become better for 8 epochs, and the third watches mAP instead; both go back to their
# best epoch.

training = {"learning_rate": 3e-3, "batch_size": 32, "random_state": 0}
models = {
    "60 epochs": EmbMLPClassifier(max_epochs=60, threshold="tuned", **training),
    "loss": EmbMLPClassifier(max_epochs=60, early_stopping="loss", patience=8, **training),
    "mAP": EmbMLPClassifier(max_epochs=60, early_stopping="mAP", patience=8, **training),
}
for name, model in models.items():
    model.fit(X_train, Y_train)
    mAP = get_scorer("mAP")(model, X_test, Y_test)
    print(f"{name:<10} {len(model.history_):3} epochs, test mAP {mAP:.3f}")

# %%
# The curves
# ----------
# The loss of the held-out part stops falling after a few epochs, while that of the training
# part falls on; mAP, on the scale at the right, rises for longer, and then goes up and down.

LearningCurveDisplay.from_estimator(models["mAP"])
plt.show()

# %%
# Both curves are rough, and both networks stop eight epochs after the same dent.  The network
# that trains longest has its best epoch later, and a better mAP on new digits: a patience of
# eight epochs is too little here.  Look at the curve before choosing `patience`.

figure, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
for ax, name in zip(axes, ("60 epochs", "loss")):
    LearningCurveDisplay.from_history(models[name].history_, ax=ax)
    ax.set_title(name, pad=40)
plt.show()
