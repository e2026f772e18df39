"""
One threshold for each metric
=============================

A classifier gives probabilities, and a threshold turns them into labels.  Which threshold is
best depends on the metric: where labels are hard to see, F1 scores require one far below 0.5,
since few guesses are right more often than not.  Here LaMP learns scenes of faint digits, and
its thresholds are tuned on scenes that were held out: one for all labels, and one per label.
"""

import matplotlib.pyplot as plt
import numpy as np

from skmlc import LaMPClassifier
from skmlc.datasets import load_digit_scenes
from skmlc.inspection import ThresholdDisplay
from skmlc.metrics import get_metric
from skmlc.model_selection import (
    ThresholdTuner,
    multilabel_train_test_split,
    tune_threshold,
)

# %%
# Common and rare digits
# ----------------------
# All digits are faint, and the noise is strong.  Of the scenes with a digit above 4 only one in
# six is kept, so that some labels are rare.


def load_scenes(subset):
    """Return bags and labels of scenes in which the digits above 4 are rare."""
    scenes = load_digit_scenes(5000, subset=subset, faint=1, noise=0.3, random_state=0)
    is_rare = scenes.target[:, 5:].any(axis=1)
    kept = np.flatnonzero(~is_rare | (np.arange(len(is_rare)) % 6 == 0))
    return scenes.bags[kept], scenes.target[kept]


X, Y = load_scenes("train")
X_train, X_valid, Y_train, Y_valid = multilabel_train_test_split(
    X, Y, test_size=0.25, random_state=0
)
X_test, Y_test = load_scenes("test")
print(f"{len(X_train)} scenes to train, {len(X_valid)} to tune, {len(X_test)} to test")
print("share of each label:", Y_train.mean(axis=0).round(2))

# %%
# Train once, tune for each metric
# --------------------------------
# Thresholds need the probabilities only, and these are computed once.  One threshold per label
# has more to fit to the few held-out scenes, and gains little or nothing on the test scenes.

lamp = LaMPClassifier(
    hidden_size=64,
    message_passing=1,
    max_epochs=8,
    batch_size=64,
    learning_rate=3e-3,
    random_state=0,
).fit(X_train, Y_train)
P_valid, P_test = lamp.predict_proba(X_valid), lamp.predict_proba(X_test)


def score(name, threshold):
    """Return a metric of the test scenes at a threshold."""
    return get_metric(name).function(Y_test, (P_test >= threshold).astype(int))


metrics = ["ebF1", "miF1", "maF1", "ACC", "HA"]
tuned = {name: tune_threshold(Y_valid, P_valid, name, grid="exact") for name in metrics}
per_label = {
    name: tune_threshold(Y_valid, P_valid, name, grid="exact", per_label=True)
    for name in metrics
}
print("test scenes      0.5   tuned   per label")
for name in metrics:
    scores = [score(name, t) for t in (0.5, tuned[name], per_label[name])]
    print(f"{name:<14}" + "".join(f"{s:8.3f}" for s in scores) + f"   at {tuned[name]:.2f}")

# %%
# The same within the estimator, and around it
# --------------------------------------------
# ``threshold="tuned"`` holds out a part by itself and sets `threshold_`.
# :class:`~skmlc.model_selection.ThresholdTuner` does it for any classifier, by cross-validation
# or, as here, for one that is fitted already.

tuner = ThresholdTuner(lamp, metric="maF1", per_label=True, grid="exact", cv="prefit")
tuner.fit(X_valid, Y_valid)
print(np.array_equal(tuner.threshold_, per_label["maF1"]))

# %%
# The curves
# ----------
# Scores of the test scenes against the threshold.  The one that was tuned for ebF1 is marked:
# it is near the top of all three F1 scores, while the share of scenes that are entirely right
# (ACC) requires a higher one.

metrics = ["ebF1", "miF1", "maF1", "ACC"]
ThresholdDisplay.from_predictions(Y_test, P_test, metrics=metrics, threshold=tuned["ebF1"])
plt.show()

# %%
# The tuner with a threshold for each label.  Ticks at the bottom are these thresholds; the
# dashed line is the score that they reach, which is not above that of one for all.

ThresholdDisplay.from_estimator(tuner, X_test, Y_test, metrics=["maF1"])
plt.show()
