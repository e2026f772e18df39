"""
Which labels listen to which?
=============================

In :class:`~skmlc.LaMPClassifier` and :class:`~skmlc.CTranClassifier` labels attend to each
other, and :class:`~skmlc.inspection.LabelAttentionDisplay` draws how much.  Is that the graph
that the labels were made with?  In these scenes of digits it is known: digits of a scene are
neighbors on the ring 0, 1, ..., 9, 0.
"""

import matplotlib.pyplot as plt
import numpy as np

from skmlc import CTranClassifier, LaMPClassifier
from skmlc.datasets import load_digit_scenes
from skmlc.inspection import LabelAttentionDisplay, LabelGraphDisplay
from skmlc.metrics import get_scorer

hard = {"faint": 1, "noise": 0.2}
train = load_digit_scenes(2000, **hard)
test = load_digit_scenes(500, subset="test", **hard)

# %%
# Three ways to be connected
# --------------------------
# The first LaMP has all edges and has to find out which are of use; the second has those of
# labels that often occur together.  C-Tran has all, and shares its attention between labels and
# digits.

training = {"hidden_size": 32, "max_epochs": 12, "learning_rate": 4e-3, "random_state": 0}
models = {
    "LaMP, all edges": LaMPClassifier("full", **training),
    "LaMP, graph": LaMPClassifier("conditional_probability", **training),
    "C-Tran": CTranClassifier(**training),
}
for name, model in models.items():
    model.fit(train.bags, train.target)
    print(f"{name:<16} mAP {get_scorer('mAP')(model, test.bags, test.target):.3f}")

# %%
# The mean over 500 test scenes
# -----------------------------

figure, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
displays = {}
for ax, (name, model) in zip(axes, models.items()):
    displays[name] = LabelAttentionDisplay.from_estimator(model, test.bags, ax=ax)
    ax.set_title(name)
plt.show()

# %%
# By distance on the ring
# -----------------------

distance = np.abs(np.subtract.outer(range(10), range(10)))
distance = np.minimum(distance, 10 - distance)
print("distance on the ring" + "".join(f"{d:7}" for d in range(6)))
for name, display in displays.items():
    means = [display.attention[distance == d].mean() for d in range(6)]
    print(f"{name:<20}" + "".join(f"{mean:7.3f}" for mean in means))

# %%
# The graph that the second LaMP was given, for comparison.

LabelGraphDisplay.from_estimator(models["LaMP, graph"])
plt.show()
