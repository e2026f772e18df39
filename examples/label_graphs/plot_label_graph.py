"""
Which parameters keep each other company?
=========================================

A label graph is built from labels alone, so it can be looked at before any training.  Here the
samples are the estimators of scikit-learn, and the labels of an estimator are the names of its
parameters: `max_depth`, `random_state`, `fit_intercept`.  Builders of :mod:`skmlc.graphs` turn
them into graphs, and `describe` says in words what came out.
"""

from inspect import signature

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch
from scipy.cluster.hierarchy import leaves_list, linkage
from sklearn.utils import all_estimators

from skmlc.graphs import ConditionalProbabilityGraph, CooccurrenceGraph, KNNLabelGraph

# %%
# The labels
# ----------
# One row per estimator, one column per parameter that at least a dozen of them have.

parameters = [
    pd.Series(1, index=list(signature(estimator).parameters))
    for _, estimator in all_estimators()
]
Y = pd.DataFrame(parameters).notna().astype(int)
Y = Y.loc[:, Y.sum() >= 12]
print(f"{len(Y)} estimators, {Y.shape[1]} labels")

# %%
# Together, and how often
# -----------------------
# An edge where two parameters occur together in at least eight estimators.  With a least
# count of one, most pairs would be connected.

print(CooccurrenceGraph().fit(Y).describe(top=0))
print(CooccurrenceGraph(min_count=8).fit(Y).describe(top=5))

# %%
# One implies the other
# ---------------------
# A label receives from those that are likely where it is: nearly every estimator that has a
# `max_depth` has a `random_state`, but few of those with a `random_state` have a `max_depth`.
# This graph is directed.

implied = ConditionalProbabilityGraph(threshold=0.8).fit(Y)
print(implied.describe(top=5))

# %%
# Alike
# -----
# Each label receives from the three whose columns are most alike, by cosine.

print(KNNLabelGraph(n_neighbors=3).fit(Y).describe(top=5))

# %%
# The graphs as matrices
# ----------------------
# Row i has a mark in column j where label i receives from label j.  The labels are in an order
# that brings similar ones together: those of neighbor searches, of kernels, of trees.  What
# many others imply, such as `random_state`, makes a column of the matrix in the middle.

order = leaves_list(linkage(Y.T.to_numpy(), method="average", metric="cosine"))
Y = Y.iloc[:, order]
builders = {
    "CooccurrenceGraph(min_count=8)": CooccurrenceGraph(min_count=8),
    "ConditionalProbabilityGraph(threshold=0.8)": ConditionalProbabilityGraph(0.8),
    "KNNLabelGraph(n_neighbors=3)": KNNLabelGraph(n_neighbors=3),
}
figure, axes = plt.subplots(1, 3, figsize=(14, 5.8), sharey=True, layout="constrained")
for ax, (title, builder) in zip(axes, builders.items()):
    adjacency = builder.fit(Y).adjacency_.toarray() > 0
    # One-way edges in another color than those that go both ways.
    kinds = np.where(adjacency & adjacency.T, 2, adjacency)
    ax.imshow(kinds, cmap=ListedColormap(["white", "C1", "C0"]))
    ax.set_title(title, fontsize="medium")
    ax.set_xticks(range(Y.shape[1]), Y.columns, rotation=90, fontsize=7)
    ax.set_yticks(range(Y.shape[1]), Y.columns, fontsize=7)
    ax.tick_params(length=0)
    ax.set_xlabel("source")
axes[0].set_ylabel("receiver")
axes[2].legend(
    handles=[Patch(color="C0", label="both ways"), Patch(color="C1", label="one way")],
    loc="lower left",
)
plt.show()
