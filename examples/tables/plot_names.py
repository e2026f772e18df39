"""
Names of labels through a pipeline and a search
===============================================

Where y is a DataFrame, the labels have names, and `predict_labels` returns them.  Pipelines
and searches of scikit-learn have no such method; :func:`~skmlc.model_selection.unwrap` returns
the classifier inside, and the samples as that classifier receives them.  The data are
scikit-learn's wines: 13 measurements, and the labels are what a wine list might say about
each.
"""

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlc import LaMPClassifier
from skmlc.inputs import FeatureEncoder
from skmlc.inspection import NodeAttentionDisplay
from skmlc.metrics import scoring
from skmlc.model_selection import (
    MultilabelStratifiedKFold,
    multilabel_train_test_split,
    unwrap,
)

# %%
# Wines and their labels
# ----------------------
# The labels are the grower, and whether alcohol, color and hue are above the median.  These
# three measurements are left out of X, so that they have to be inferred from the others.

wine = load_wine(as_frame=True)
measured = wine.data[["alcohol", "color_intensity", "hue"]]
Y = (measured > measured.median()).set_axis(["strong", "dark", "bright hue"], axis=1)
Y = pd.concat([Y, pd.get_dummies(wine.target).add_prefix("grower ")], axis=1).astype(int)
X = wine.data.drop(columns=measured.columns)
X_train, X_test, Y_train, Y_test = multilabel_train_test_split(
    X, Y, test_size=0.4, random_state=0
)
print(Y_train.sum().to_dict())

# %%
# A search over a pipeline
# ------------------------
# `scoring` gives metrics by name in the form that a search takes.

pipeline = make_pipeline(
    StandardScaler().set_output(transform="pandas"),
    LaMPClassifier(
        "cooccurrence",
        encoder=FeatureEncoder(nodes="features"),
        hidden_size=32,
        max_epochs=30,
        batch_size=16,
        learning_rate=3e-3,
        random_state=0,
    ),
)
search = GridSearchCV(
    pipeline,
    {"lampclassifier__dropout": [0.0, 0.3]},
    scoring=scoring(["mAP", "miF1"]),
    refit="mAP",
    cv=MultilabelStratifiedKFold(2, shuffle=True, random_state=0),
).fit(X_train, Y_train)
print(search.best_params_, f"mAP {search.best_score_:.3f}")

# %%
# The classifier within
# ---------------------

classifier, X_scaled = unwrap(search, X_test)
print(type(classifier).__name__)
labels = classifier.predict_labels(X_scaled[:3])
for true, predicted in zip(Y_test[:3].to_numpy(), labels):
    print("true:", ", ".join(Y.columns[true == 1]), "  predicted:", ", ".join(predicted))

# %%
# Names are in pictures, too: how much each label attends to each measurement of the first wine.

figure, ax = plt.subplots(figsize=(6, 4.6), layout="constrained")
NodeAttentionDisplay.from_estimator(classifier, X_scaled, sample=0, ax=ax)
plt.show()
