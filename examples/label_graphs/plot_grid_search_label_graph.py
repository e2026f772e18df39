"""
Searching over the label graph
==============================

How many edges should a label graph have?  That is a hyper-parameter like any other: a
builder's parameters are searched as ``label_graph__...``, and in every split the graph is
built again from the training labels alone.  Here `GridSearchCV` searches the threshold of a
:class:`~skmlc.graphs.ConditionalProbabilityGraph`.
"""

import matplotlib.pyplot as plt
from sklearn.model_selection import GridSearchCV

from skmlc import LaMPClassifier
from skmlc.datasets import load_digit_scenes
from skmlc.graphs import ConditionalProbabilityGraph
from skmlc.inspection import LabelGraphDisplay
from skmlc.metrics import scoring
from skmlc.model_selection import MultilabelStratifiedKFold

# %%
# Few scenes
# ----------
# With little data the labels can help each other.  The scenes are those of
# :ref:`sphx_glr_auto_examples_bags_plot_digit_scenes.py`: digits next to each other on the
# ring 0, 1, ..., 9, 0 share six scenes of ten, those two steps apart three, three steps apart
# one.  So a threshold of 0.9 leaves no edge, and 0.45, 0.2 and 0.05 connect each label with
# two, four and six others.

train = load_digit_scenes(400, subset="train", random_state=0)
thresholds, n_edges = [0.9, 0.45, 0.2, 0.05], []
for threshold in thresholds:
    graph = ConditionalProbabilityGraph(threshold).fit(train.target)
    n_edges.append(graph.adjacency_.nnz)
    print(f"threshold {threshold}: {n_edges[-1]} edges")

# %%
# The search
# ----------
# Two metrics are recorded, and the model that is best in mAP is fitted again on all scenes.

search = GridSearchCV(
    LaMPClassifier(
        ConditionalProbabilityGraph(),
        hidden_size=32,
        max_epochs=15,
        learning_rate=5e-3,
        random_state=0,
    ),
    {"label_graph__threshold": thresholds},
    scoring=scoring(["mAP", "miF1"]),
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
# The mean over the splits, and their spread.  Differences smaller than the spread mean little:
# take them as a hint, and repeat the splits before believing them.

figure, ax = plt.subplots(figsize=(5.6, 4.2), layout="constrained")
for name in ("mAP", "miF1"):
    mean, spread = (search.cv_results_[f"{part}_test_{name}"] for part in ("mean", "std"))
    ax.errorbar(n_edges, mean, spread, fmt="o-", capsize=4, label=name)
ax.set(xlabel="edges of the label graph", ylabel="score", xticks=n_edges)
ax.legend()
plt.show()

# %%
# Here the number of edges makes no difference that is larger than the spread: the search says
# that the graph does not matter much for these scenes.  The one that it chose:

LabelGraphDisplay.from_estimator(search)
plt.show()
