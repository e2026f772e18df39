"""
Which parameters occur together?
=========================================

A label graph is built from labels alone, so it can be looked at before any training.  Here the
samples are the estimators of scikit-learn, and the labels of an estimator are the names of its
parameters: `max_depth`, `random_state`, `fit_intercept`.  Builders of :mod:`skmlc.graphs` turn
them into graphs, and `describe` says in words what came out.
"""

from inspect import signature

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.utils import all_estimators

from skmlc.graphs import ConditionalProbabilityGraph, CooccurrenceGraph, KNNLabelGraph
from skmlc.inspection import LabelGraphDisplay

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

alike = KNNLabelGraph(n_neighbors=3).fit(Y)
print(alike.describe(top=5))

# %%
# The graphs
# ----------
# An arrow points to the label that receives; a line without a head goes both ways.  First the
# graph of what implies what: `random_state`, which follows from many others, is in the middle.

figure, ax = plt.subplots(figsize=(9, 8), layout="constrained")
LabelGraphDisplay.from_estimator(implied, label_names=Y.columns, layout="spring", ax=ax)
plt.show()

# %%
# Then the graph of what is alike: parameters of neighbor searches, of kernels and of trees are
# near each other.

figure, ax = plt.subplots(figsize=(9, 8), layout="constrained")
LabelGraphDisplay.from_estimator(alike, label_names=Y.columns, layout="spring", ax=ax)
plt.show()
