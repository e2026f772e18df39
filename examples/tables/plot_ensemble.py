"""
A network and a forest together
===============================

A network and a random forest make different mistakes, so the mean of their probabilities is
often better than either.  :class:`~skmlc.ensemble.SoftVotingClassifier` takes it for label
matrices.  The data are scikit-learn's handwritten digits with noise added, and the labels are
properties of a number: is it even, is it prime, does its digit have a loop?
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier

from skmlc import EmbMLPClassifier
from skmlc.ensemble import SoftVotingClassifier
from skmlc.inspection import label_report
from skmlc.metrics import get_scorer
from skmlc.model_selection import multilabel_train_test_split

HAVE_LABEL = {
    "even": [0, 2, 4, 6, 8],
    "prime": [2, 3, 5, 7],
    "square": [0, 1, 4, 9],
    "multiple of 3": [0, 3, 6, 9],
    "has a loop": [0, 6, 8, 9],
    "perfect": [6],
}
X, digit = load_digits(return_X_y=True)
X = X / 16 + np.random.default_rng(0).normal(scale=0.4, size=X.shape)
Y = pd.DataFrame({name: np.isin(digit, d) for name, d in HAVE_LABEL.items()}).astype(int)
X_train, X_test, Y_train, Y_test = multilabel_train_test_split(
    X, Y, test_size=0.5, random_state=0
)

# %%
# Two members and their mean
# --------------------------
# An ensemble of the forest alone gives its probabilities as one array, where the forest itself
# has a list of arrays.

network = ("network", EmbMLPClassifier(max_epochs=20, random_state=0))
forest = ("forest", RandomForestClassifier(200, min_samples_leaf=2, random_state=0))
models = {
    "both": SoftVotingClassifier([network, forest]),
    "network": SoftVotingClassifier([network]),
    "forest": SoftVotingClassifier([forest]),
}
metrics = ["mAP", "LRAP", "miF1", "maF1", "ACC"]
print(f"{'':<10}" + "".join(f"{metric:>7}" for metric in metrics))
for name, model in models.items():
    model.fit(X_train, Y_train)
    scores = [get_scorer(metric)(model, X_test, Y_test) for metric in metrics]
    print(f"{name:<10}" + "".join(f"{score:7.3f}" for score in scores))

# %%
# The network is the better one here, in all metrics; the forest improves the ranking of its
# probabilities a little, and its predicted labels hardly at all. Before using an ensemble,
# check whether the gain is worth the second model.
#
# Label by label
# --------------

average_precision = pd.DataFrame(
    {
        name: label_report(Y_test, y_proba=model.predict_proba(X_test)).average_precision
        for name, model in models.items()
    }
)
ax = average_precision.loc[Y.columns].plot.barh(figsize=(6, 4.5), width=0.75)
ax.set(xlim=(0.8, 1), xlabel="average precision")
ax.invert_yaxis()
ax.legend(loc="lower right")
plt.tight_layout()
plt.show()
