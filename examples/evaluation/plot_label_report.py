"""
How well is each label predicted?
=================================

A mean over labels hides which of them a model has learned.
:func:`~skmlc.inspection.label_report` makes a table with a row per label, and
:class:`~skmlc.inspection.LabelReportDisplay` draws one of its columns against the frequency of
the labels.  The data are real: descriptions of parameters in the docstrings of scikit-learn,
whose labels are the types that a parameter may have.
"""

import re
from inspect import getdoc

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.utils import all_estimators

from skmlc import EmbMLPClassifier
from skmlc.inspection import LabelReportDisplay, label_report
from skmlc.model_selection import multilabel_train_test_split

# %%
# Descriptions and types
# ----------------------
# In a docstring a parameter is a line "name : type" with its description below.

PARAMETER = re.compile(r"^\w+ : (.+)\n((?: {4}.*\n|\n)+)", re.MULTILINE)
TYPES = ["array", "bool", "callable", "dict", "float", "int", "None", "RandomState", "str"]

types = {
    " ".join(text.split()): kind
    for _, estimator in all_estimators()
    for kind, text in PARAMETER.findall(getdoc(estimator) + "\n")
}
kinds = pd.Series(types.values())
Y = pd.DataFrame({name: kinds.str.contains(rf"\b{name}") for name in TYPES}).astype(int)
has_type = Y.any(axis=1).to_numpy()
texts, Y = np.array(list(types), dtype=object)[has_type], Y[has_type]
X_train, X_test, Y_train, Y_test = multilabel_train_test_split(
    texts, Y, test_size=0.3, random_state=0
)
print(f"{len(X_train)} descriptions for training, {len(X_test)} for testing")

# %%
# A row for each label
# --------------------
# Rows of TF-IDF weights go into a network of one hidden layer, which tunes its threshold.

model = make_pipeline(
    TfidfVectorizer(sublinear_tf=True, min_df=2),
    EmbMLPClassifier(max_epochs=15, threshold="tuned", random_state=0),
).fit(X_train, Y_train)
report = label_report(Y_test, model.predict(X_test), model.predict_proba(X_test))
print(report.round(2).to_string())

# %%
# Are rare labels harder?
# -----------------------
# Not all of them: "Seed of the random number generator" is easily recognized, and so is a
# function.  Of a dict or a string fewer are found, and an array, which is not rare, has the
# lowest average precision: it is described in as many ways as there are methods.

LabelReportDisplay.from_estimator(model, X_test, Y_test, name="network")
plt.show()
