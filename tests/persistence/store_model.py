"""Store a small model of the present format, for `test_versions_of_models.py`.

Run it once when the format changes, from the root: ``python -m tests.persistence.store_model``.
Files of earlier formats are never written again.
"""

import json
from pathlib import Path

import pandas as pd
from sklearn.datasets import make_multilabel_classification

from skmlc import LaMPClassifier, save
from skmlc.persistence._file import FORMAT_VERSION


def main():
    X, Y = make_multilabel_classification(60, 5, n_classes=4, random_state=0)
    Y = pd.DataFrame(Y, columns=["bird", "cat", "dog", "tree"])
    model = LaMPClassifier(
        "cooccurrence",
        hidden_size=8,
        n_steps=1,
        max_epochs=3,
        threshold="tuned",
        random_state=0,
    ).fit(X, Y)
    path = Path(__file__).parent / "stored_models" / f"format_{FORMAT_VERSION}"
    if path.with_suffix(".skmlc").exists():
        raise SystemExit(f"{path}.skmlc is there, and must stay as it is.")
    save(model, path.with_suffix(".skmlc"))
    said = {
        "X": X[:10].tolist(),
        "probabilities": model.predict_proba(X[:10]).astype(float).round(7).tolist(),
        "label_names": model.label_names_.tolist(),
        "threshold": float(model.threshold_),
    }
    path.with_suffix(".json").write_text(json.dumps(said, indent=1) + "\n")


if __name__ == "__main__":
    main()
