"""
Searching over the label graph
==============================

How many edges should a label graph have?  That is a hyper-parameter as any other: a builder's
parameters are searched as ``label_graph__...``, and in every split the graph is built anew from
the training labels alone.  Here `GridSearchCV` searches the threshold of a
:class:`~skmlc.graphs.ConditionalProbabilityGraph` together with the number of attention heads.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GridSearchCV

from skmlc import LaMPClassifier
from skmlc.datasets import load_digit_scenes
from skmlc.graphs import ConditionalProbabilityGraph
from skmlc.metrics import get_scorer
from skmlc.model_selection import MultilabelStratifiedKFold

# %%
# Few scenes
# ----------
# With little data the labels have something to tell each other.  The scenes are those of
# :ref:`sphx_glr_auto_examples_bags_plot_digit_scenes.py`: digits beside each other on the ring
# 0, 1, ..., 9, 0 share six scenes of ten, those two steps apart three, three steps apart one.
# So a threshold of 0.9 leaves no edge, and 0.45, 0.2 and 0.05 connect each label with two, four
# and six others.

train = load_digit_scenes(400, subset="train", random_state=0)
thresholds, heads = [0.9, 0.45, 0.2, 0.05], [1, 2, 4]
for threshold in thresholds:
    graph = ConditionalProbabilityGraph(threshold).fit(train.target)
    print(f"threshold {threshold}: {graph.adjacency_.nnz} edges")

# %%
# The search
# ----------
# Two metrics are recorded, and the model that is best in mAP is fitted again on all scenes.

search = GridSearchCV(
    LaMPClassifier(
        ConditionalProbabilityGraph(),
        hidden_size=32,
        learning_rate=5e-3,
        random_state=0,
    ),
    {"label_graph__threshold": thresholds, "n_heads": heads},
    scoring={name: get_scorer(name) for name in ("mAP", "miF1")},
    refit="mAP",
    cv=MultilabelStratifiedKFold(2, shuffle=True, random_state=0),
    n_jobs=2,
)
search.fit(train.bags, train.target)
print(search.best_params_)

# %%
# The best one on new scenes
# --------------------------

test = load_digit_scenes(1000, subset="test", random_state=0)
print(f"test mAP {search.score(test.bags, test.target):.3f}")
print(search.best_estimator_.label_graph_.describe(top=3))

# %%
# The results
# -----------
# The mean over the splits, and how far the splits lie from it.  Differences smaller than that
# mean little: take them for a hint, and repeat the split before believing them.

shape = len(thresholds), len(heads)
figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
for ax, name in zip(axes, ("mAP", "miF1")):
    mean = search.cv_results_[f"mean_test_{name}"].reshape(shape)
    spread = search.cv_results_[f"std_test_{name}"].reshape(shape)
    image = ax.imshow(mean, cmap="viridis", aspect="auto")
    middle = (mean.min() + mean.max()) / 2
    for (row, column), value in np.ndenumerate(mean):
        text = f"{value:.3f}\n± {spread[row, column]:.3f}"
        color = "white" if value < middle else "black"
        ax.text(column, row, text, ha="center", va="center", color=color)
    ax.set_xticks(range(len(heads)), heads)
    ax.set_yticks(range(len(thresholds)), thresholds)
    ax.set(xlabel="n_heads", ylabel="label_graph__threshold", title=name)
    figure.colorbar(image, ax=ax)
plt.show()
