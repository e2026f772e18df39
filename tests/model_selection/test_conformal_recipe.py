"""The guide's recipe for label sets of a guaranteed recall, by the package MAPIE."""

import numpy as np
import pytest
from sklearn.datasets import make_multilabel_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from skmlc import EmbMLPClassifier
from skmlc.inputs import Bags

risk_control = pytest.importorskip("mapie.risk_control")

X, Y = make_multilabel_classification(
    n_samples=1200, n_classes=5, allow_unlabeled=False, random_state=0
)


@pytest.mark.parametrize(
    "model, X",
    [
        (EmbMLPClassifier(max_epochs=3, hidden_size=16, random_state=0), X),
        (
            EmbMLPClassifier(max_epochs=3, hidden_size=16, random_state=0),
            Bags([row[None] for row in X]),
        ),
        (RandomForestClassifier(20, random_state=0), X),
        (OneVsRestClassifier(LogisticRegression()), X),
    ],
)
def test_the_share_of_labels_found_is_as_promised_on_average(model, X):
    model.fit(X[:400], Y[:400])
    recalls = []
    for seed in range(4):
        rows = 400 + np.random.RandomState(seed).permutation(len(Y) - 400)
        controller = risk_control.MultiLabelClassificationController(
            predict_function=model.predict_proba, target_level=0.9
        )
        controller.calibrate(X[rows[:400]], Y[rows[:400]])
        sets, held = controller.predict(X[rows[400:]])[:, :, 0], Y[rows[400:]]
        recalls.append(np.mean((sets & (held == 1)).sum(axis=1) / held.sum(axis=1)))
    assert 0.89 <= np.mean(recalls) <= 0.94
