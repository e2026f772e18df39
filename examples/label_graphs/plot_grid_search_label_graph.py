"""
Searching over the label graph
==============================

How many edges should a label graph have?  That is a hyper-parameter like any other: a
builder's parameters are searched as ``label_graph__...``, and in every split the graph is
built again from the training labels alone.  Here `GridSearchCV` searches the threshold of a
:class:`~skmlc.graphs.ConditionalProbabilityGraph` for a model that is given some of the labels
and predicts the others: that is where a label graph matters.
"""

import matplotlib.pyplot as plt
from sklearn.model_selection import GridSearchCV

from skmlc import LaMPClassifier
from skmlc.datasets import load_digit_scenes
from skmlc.graphs import ConditionalProbabilityGraph
from skmlc.inspection import LabelGraphDisplay
from skmlc.metrics import get_scorer
from skmlc.model_selection import MultilabelStratifiedKFold

# %%
# Scenes that are hard to read
# ----------------------------
# All digits of these scenes are faint and noisy.  Digits next to each other on the ring
# 0, 1, ..., 9, 0 share six scenes of ten, those two steps apart three, three steps apart one.
# So a threshold of 0.9 leaves no edge, and 0.45, 0.2 and 0.05 connect each label with two, four
# and six others.

hard = {"faint": 1, "noise": 0.3, "random_state": 0}
train = load_digit_scenes(600, subset="train", **hard)
thresholds, n_edges = [0.9, 0.45, 0.2, 0.05], []
for threshold in thresholds:
    graph = ConditionalProbabilityGraph(threshold).fit(train.target)
    n_edges.append(graph.adjacency_.nnz)
    print(f"threshold {threshold}: {n_edges[-1]} edges")

# %%
# The search
# ----------
# `known` of a scorer is the share of the labels that the model is given; it is scored on the
# others.  The graph that is best with half of them known is fitted again on all scenes.

search = GridSearchCV(
    LaMPClassifier(
        ConditionalProbabilityGraph(),
        label_masking=True,
        hidden_size=32,
        max_epochs=15,
        learning_rate=5e-3,
        random_state=0,
    ),
    {"label_graph__threshold": thresholds},
    scoring={f"{share:.0%} known": get_scorer("mAP", known=share) for share in (0, 0.5)},
    refit="50% known",
    cv=MultilabelStratifiedKFold(2, shuffle=True, random_state=0),
    n_jobs=2,
)
search.fit(train.bags, train.target)
print(search.best_params_)

# %%
# The best one on new scenes
# --------------------------

test = load_digit_scenes(1000, subset="test", **hard)
print(f"test mAP, half known {search.score(test.bags, test.target):.3f}")
print(search.best_estimator_.label_graph_.describe(top=3))

# %%
# The results
# -----------
# The mean over the splits, and their spread.  Differences smaller than the spread mean little:
# take them as a hint, and repeat the splits before believing them.

figure, ax = plt.subplots(figsize=(5.6, 4.2), layout="constrained")
for name in search.scoring:
    mean, spread = (search.cv_results_[f"{part}_test_{name}"] for part in ("mean", "std"))
    ax.errorbar(n_edges, mean, spread, fmt="o-", capsize=4, label=name)
ax.set(xlabel="edges of the label graph", ylabel="mAP", xticks=n_edges)
ax.legend()
plt.show()

# %%
# The graph that it chose is the ring with which the scenes were made.

LabelGraphDisplay.from_estimator(search)
plt.show()
