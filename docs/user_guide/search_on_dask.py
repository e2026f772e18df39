"""Search on two worker processes of dask."""

import joblib
from distributed import Client, LocalCluster
from sklearn.datasets import make_multilabel_classification
from sklearn.model_selection import GridSearchCV

from skmlc import LaMPClassifier
from skmlc.metrics import get_scorer
from skmlc.model_selection import MultilabelStratifiedKFold

if __name__ == "__main__":  # the workers import this file
    X, Y = make_multilabel_classification(400, n_classes=6, random_state=0)
    search = GridSearchCV(
        LaMPClassifier(max_epochs=3, random_state=0),
        {"hidden_size": [16, 64], "label_graph": ["full", "cooccurrence"]},
        scoring=get_scorer("mAP"), cv=MultilabelStratifiedKFold(3), n_jobs=2,
    )  # fmt: skip
    with (
        LocalCluster(n_workers=2, threads_per_worker=1) as cluster,
        Client(cluster),
        joblib.parallel_config("dask", scatter=[X, Y]),
    ):
        search.fit(X, Y)
    print(search.best_params_, f"mAP {search.best_score_:.3f}")
