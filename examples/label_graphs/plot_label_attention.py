"""
Which labels attend to which?
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
from skmlc.graphs import ConditionalProbabilityGraph
from skmlc.inspection import LabelAttentionDisplay, LabelGraphDisplay
from skmlc.metrics import get_scorer

hard = {"faint": 1, "noise": 0.2}
train = load_digit_scenes(1500, **hard)
test = load_digit_scenes(500, subset="test", **hard)

# %%
# Two networks
# ------------
# Both have all edges, and have to find out which are of use.  A label of LaMP attends to the
# digits first and to other labels afterwards; C-Tran shares its attention between all of them,
# so that its rows add up to less than one.

training = {"hidden_size": 32, "max_epochs": 12, "learning_rate": 4e-3, "random_state": 0}
models = {
    "LaMP": LaMPClassifier("full", **training),
    "C-Tran": CTranClassifier(**training),
}
for name, model in models.items():
    model.fit(train.bags, train.target)
    print(f"{name:<16} mAP {get_scorer('mAP')(model, test.bags, test.target):.3f}")

# %%
# The mean over 500 test scenes
# -----------------------------

figure, axes = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained")
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
# The distance says little about the attention: labels attend to all others about equally,
# in C-Tran a little more to the next ones on the ring.  A label can tell all others "I am
# here", and later layers decide what follows from that.  Attention shows where a network
# looked, and is no proof of what it learned; the graph that the scenes were made with is better
# found in the training labels:

graph = ConditionalProbabilityGraph(threshold=0.4).fit(train.target)
LabelGraphDisplay.from_estimator(graph)
plt.show()
