"""Every public estimator comes back from a file as it was."""

import importlib
import inspect
import pickle
import re
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.base import BaseEstimator, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import BisectingKMeans, FeatureAgglomeration
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_classif
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Perceptron, SGDClassifier
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    QuantileTransformer,
    SplineTransformer,
    StandardScaler,
)
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from skorch.exceptions import DeviceWarning

import skmlc
from skmlc import LaMPClassifier, load, save
from skmlc.ensemble import SoftVotingClassifier, StackingClassifier
from skmlc.graphs import (
    ConditionalProbabilityGraph,
    CooccurrenceEmbedding,
    CooccurrenceGraph,
    HierarchyGraph,
    KNNInstanceGraph,
    KNNLabelGraph,
    KnowledgeGraph,
    NameVectors,
    SpatialGraph,
    WordVectors,
)
from skmlc.inputs import (
    BagDistances,
    BagPooling,
    Bags,
    BagScaler,
    ConvolutionEncoder,
    FeatureEncoder,
    GraphEncoder,
    Graphs,
    ImageEncoder,
    ImageFeatures,
    InstanceEncoder,
    RegionFeatures,
    TextEncoder,
    TokenEncoder,
    TokenSequencer,
)
from skmlc.metrics import get_scorer
from skmlc.model_selection import (
    MultilabelCalibratedClassifierCV,
    MultilabelStratifiedKFold,
    ThresholdTuner,
)
from tests.input_forms import BAGS, EDGES, PLAIN, SIZES, make
from tests.input_forms import Y as LABELS
from tests.method_names import METHOD_NAMES

TABLE, BAG, IMAGES = PLAIN["counts"], PLAIN["bags"], PLAIN["images"]
NAMED = pd.DataFrame(LABELS, columns=["cat", "dog", "traffic light"])
TEXTS = np.array(["aa bb cc", "bb cc", "cc dd aa", "dd dd bb"] * 10)
GRAPHS = Graphs(BAGS, EDGES)
WEIGHTED = Graphs(BAGS, EDGES, edge_weights=[[1 / n, 1 / n] for n in SIZES])
BOXES = Bags(BAGS, boxes=[np.tile([0.0, 0, 1, 1], (n, 1)) for n in SIZES])
METHODS = ("predict_proba", "decision_function", "predict", "transform")


def small(**options):
    return make("LaMPClassifier", **options)


def answers(model, X):
    """Return what the methods of a fitted model give, by name."""
    found = {name: getattr(model, name)(X) for name in METHODS if hasattr(model, name)}
    return {name: as_arrays(answer) for name, answer in found.items()}


def as_arrays(answer):
    """Return the arrays that an answer consists of."""
    if sparse.issparse(answer):
        return [answer.toarray()]
    if isinstance(answer, list):
        return [array for part in answer for array in as_arrays(part)]
    if hasattr(answer, "offsets"):
        return [v for v in vars(answer).values() if isinstance(v, np.ndarray)]
    if hasattr(answer, "networks"):
        return as_arrays(list(answer))
    return [np.asarray(answer)]


def attributes(x):
    """Return the fitted attributes that are plain or arrays, by name."""
    state = {
        n: v for n, v in vars(x).items() if isinstance(v, (np.ndarray, float, int, str))
    }
    return {
        name: v
        for name, v in state.items()
        if "id" not in name.split("_") and as_arrays(v)[0].dtype.kind != "O"
    }


def shown(model):
    """Return the repr without addresses in memory."""
    return re.sub(" at 0x[0-9A-F]+", "", repr(model))


def assert_comes_back(model, X, path, **options):
    save(model, path, **options)
    loaded = load(path, **options)
    assert type(loaded) is type(model)
    assert shown(loaded) == shown(model)
    for name, value in attributes(model).items():
        np.testing.assert_array_equal(vars(loaded)[name], value, err_msg=name)
        assert type(vars(loaded)[name]) is type(value)
    before, after = answers(model, X), answers(loaded, X)
    assert before.keys() == after.keys()
    for name, expected in before.items():
        for a, b in zip(expected, after[name], strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b, err_msg=name)
    return loaded


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.skmlc"


# Every public estimator ---------------------------------------------------------------------


def word_vectors(folder):
    file = folder / "vectors.txt"
    file.write_text("cat 1 2 3\ndog 3 2 1\ntraffic 0 0 1\nlight 1 0 0\n")
    return WordVectors(file)


HIERARCHY = HierarchyGraph([("cat", "dog"), ("cat", "traffic light")])
# What a public estimator is fitted to, if it is not one of the methods.
OTHERS = {
    "KnownLabelsClassifier": (
        lambda: skmlc.KnownLabelsClassifier(LogisticRegression()), TABLE, LABELS
    ),
    "SoftVotingClassifier": (
        lambda: SoftVotingClassifier([("net", small()), ("trees", trees())]), TABLE, LABELS
    ),
    "StackingClassifier": (
        lambda: StackingClassifier([("net", small()), ("trees", trees())], cv=2), TABLE, LABELS
    ),
    "ThresholdTuner": (lambda: ThresholdTuner(small(), cv=2), TABLE, LABELS),
    "MultilabelCalibratedClassifierCV": (
        lambda: MultilabelCalibratedClassifierCV(small(), cv=2), TABLE, LABELS
    ),
    "BagDistances": (BagDistances, BAG, None),
    "BagPooling": (BagPooling, BAG, None),
    "BagScaler": (BagScaler, BAG, None),
    "ImageFeatures": (lambda: ImageFeatures("tiny", random_state=0), IMAGES, None),
    "RegionFeatures": (
        lambda: RegionFeatures("tiny", regions="grid", random_state=0), IMAGES, None
    ),
    "TokenSequencer": (TokenSequencer, TEXTS, None),
    "KNNInstanceGraph": (lambda: KNNInstanceGraph(2), BAG, None),
    "SpatialGraph": (lambda: SpatialGraph(), BOXES, None),
    **{g.__name__: (g, LABELS, None) for g in (
        CooccurrenceGraph, ConditionalProbabilityGraph, CooccurrenceEmbedding,
    )},
    "KNNLabelGraph": (lambda: KNNLabelGraph(np.eye(3), n_neighbors=1), LABELS, None),
    "KnowledgeGraph": (lambda: KnowledgeGraph([("near", 0, 1), ("near", 1, 2)]), LABELS, None),
    "HierarchyGraph": (lambda: HIERARCHY, NAMED, None),
    "NameVectors": (lambda: NameVectors(HashingVectorizer(n_features=8)), NAMED, None),
    "TextEncoder": (lambda: TextEncoder("folder", freeze=2), None, None),
    **{e.__name__: (e, None, None) for e in (
        ConvolutionEncoder, FeatureEncoder, GraphEncoder, ImageEncoder, InstanceEncoder,
        TokenEncoder,
    )},
}  # fmt: skip
# Bases, what needs a file (see below), and what needs RDKit or transformers (its own tests).
ELSEWHERE = {"BaseLabelGraph", "MoleculeGraphs", "TextFeatures", "WordVectors"}


def trees():
    return RandomForestClassifier(5, max_depth=3, random_state=0)


def public_estimators():
    packages = ["", ".inputs", ".graphs", ".ensemble", ".model_selection"]
    for package in packages:
        module = importlib.import_module("skmlc" + package)
        for name in module.__all__:
            x = getattr(module, name)
            if inspect.isclass(x) and issubclass(x, BaseEstimator):
                yield name


@pytest.mark.parametrize("name", sorted({*public_estimators()} - ELSEWHERE))
def test_every_public_estimator_comes_back_bit_for_bit(name, path):
    if name in METHOD_NAMES:
        Estimator = getattr(skmlc, name)
        networks = name.endswith("Classifier")
        on_bags = not networks or Estimator._rows_are_bags
        model, X, y = make(name), BAG if on_bags else TABLE, LABELS
    else:
        make_model, X, y = OTHERS[name]
        model = make_model()
    if X is not None:
        model.fit(X) if y is None else model.fit(X, y)
    assert_comes_back(model, X, path)


KINDS = ["sequences", "bags", "images", "sparse counts", "graphs", "weighted graphs"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["LaMPClassifier", "GMMLICClassifier"])
def test_networks_on_every_kind_of_input_come_back(kind, name, path):
    X = {"graphs": GRAPHS, "weighted graphs": WEIGHTED}.get(kind, PLAIN.get(kind))
    assert_comes_back(make(name, message_passing=1).fit(X, LABELS), X, path)


@pytest.mark.parametrize(
    "X", [GRAPHS, WEIGHTED, BAG, IMAGES], ids=lambda X: type(X).__name__
)
def test_containers_in_a_model_come_back(X, path):
    save(FunctionTransformer(kw_args={"samples": X}), path)
    assert load(path).kw_args["samples"] == X


@pytest.mark.parametrize(
    "options",
    [
        {"threshold": "tuned"}, {"threshold": "tuned_per_label"}, {"precision": "float64"},
        {"early_stopping": "miF1"}, {"ema_decay": 0.9}, {"lr_schedule": "plateau"},
        {"label_masking": True, "label_neighbors": True},
        {"label_weight": "balanced"}, {"loss": "asymmetric"},
        {"label_graph": "cooccurrence"}, {"label_graph": np.eye(3)[::-1]},
        {"label_graph": sparse.csr_array(np.eye(3)[::-1])}, {"label_graph": HIERARCHY},
        {"label_embedding": np.arange(6.0).reshape(3, 2)},
        {"label_embedding": {"cat": [1.0, 2], "dog": [0, 1.0], "traffic light": [1.0, 1]}},
        {"label_embedding": CooccurrenceEmbedding(2)},
        {"random_state": np.random.RandomState(1)},
        {"optimizer": torch.optim.NAdam}, {"loss": torch.nn.SoftMarginLoss(reduction="none")},
        {"net_params": {"iterator_valid__num_workers": 0}}, {"linear_skip": True},
        {"encoder": FeatureEncoder(nodes="features")}, {"precision": "bfloat16"},
    ],
    ids=lambda options: " ".join(f"{k}={type(v).__name__}" for k, v in options.items()),
)  # fmt: skip
def test_every_option_comes_back(options, path):
    model = small(**options).fit(TABLE, NAMED)
    loaded = assert_comes_back(model, TABLE, path)
    assert loaded.history_ == model.history_
    np.testing.assert_array_equal(loaded.label_names_, ["cat", "dog", "traffic light"])
    np.testing.assert_array_equal(*map(as_arrays, (loaded.adjacency_, model.adjacency_)))
    known = np.where(LABELS == 1, 1.0, np.nan)
    if options.get("label_masking"):
        np.testing.assert_array_equal(
            loaded.predict_proba(TABLE, known=known),
            model.predict_proba(TABLE, known=known),
        )


def test_word_vectors_come_back_without_their_file(tmp_path, path):
    builder = word_vectors(tmp_path)
    model = small(label_embedding=builder).fit(TABLE, NAMED)
    save(model, path)
    (tmp_path / "vectors.txt").unlink()
    loaded = load(path)
    np.testing.assert_array_equal(loaded.predict_proba(TABLE), model.predict_proba(TABLE))
    np.testing.assert_array_equal(loaded.label_embedding_, model.label_embedding_)


def test_tables_with_categories_come_back(path):
    X = pd.DataFrame(TABLE).assign(c=np.where(TABLE[:, 0] > 1, "red", "blue"))
    X.columns = [f"x{i}" for i in range(X.shape[1])]
    X["x6"] = X["x6"].astype("category")
    model = small().fit(X, NAMED)
    loaded = assert_comes_back(model, X, path)
    np.testing.assert_array_equal(loaded.feature_names_in_, X.columns)


@pytest.mark.parametrize("y", [LABELS[:, 0], LABELS.sum(axis=1), np.array(["a", "b"] * 20)])
def test_one_dimensional_targets_come_back(y, path):
    assert_comes_back(small().fit(TABLE, y), TABLE, path)


def test_an_estimator_that_is_not_fitted_comes_back(path):
    model = make_pipeline(
        StandardScaler(), LaMPClassifier(ConditionalProbabilityGraph(threshold=0.2))
    )
    save(model, path)
    assert repr(load(path)) == repr(model)


# With scikit-learn ---------------------------------------------------------------------------

MIXED = pd.DataFrame({"a": TABLE[:, 0], "b": np.where(TABLE[:, 1] > 0, "x", "y")})
STEPS = {
    "scaler": (make_pipeline(StandardScaler(), small()), TABLE),
    "text": (make_pipeline(TfidfVectorizer(), small()), TEXTS),
    "hashes": (make_pipeline(HashingVectorizer(n_features=16), small()), TEXTS),
    "tokens": (make_pipeline(TokenSequencer(), small()), TEXTS),
    "bags": (make_pipeline(BagScaler(), BagPooling(), small()), BAG),
    "svd": (make_pipeline(TruncatedSVD(2), small()), sparse.csr_array(TABLE)),
    "functions": (make_pipeline(FunctionTransformer(np.log1p), small()), TABLE),
    "columns": (
        make_pipeline(
            make_column_transformer(
                (OneHotEncoder(), ["b"]), (PowerTransformer(), ["a"]), remainder="drop"
            ),
            small(),
        ),
        MIXED,
    ),
    "union": (
        make_pipeline(
            FeatureUnion([("pca", PCA(2)), ("q", QuantileTransformer(n_quantiles=10))]), small()
        ),
        TABLE,
    ),
    "impute": (
        make_pipeline(SimpleImputer(), MaxAbsScaler(), VarianceThreshold(), small()), TABLE
    ),
    "search": (
        GridSearchCV(small(), {"hidden_size": [4, 8], "label_graph": ["none", np.eye(3)]},
                     scoring=get_scorer("miF1"), cv=MultilabelStratifiedKFold(2)),
        TABLE,
    ),
    "random search": (
        RandomizedSearchCV(make_pipeline(StandardScaler(), small()),
                           {"lampclassifier__hidden_size": [4, 8]}, n_iter=1, cv=2,
                           scoring="f1_macro", random_state=0),
        TABLE,
    ),
    "tuned pipeline": (ThresholdTuner(make_pipeline(StandardScaler(), small()), cv=2), TABLE),
    "isotonic": (MultilabelCalibratedClassifierCV(small(), method="isotonic", cv=2), TABLE),
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
def test_pipelines_and_searches_come_back(name, path):
    model, X = STEPS[name]
    model = clone(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, LABELS)
    loaded = assert_comes_back(model, X, path)
    if hasattr(model, "cv_results_"):
        assert (
            loaded.cv_results_["params"][0].keys() == model.cv_results_["params"][0].keys()
        )
        np.testing.assert_array_equal(
            loaded.cv_results_["mean_test_score"], model.cv_results_["mean_test_score"]
        )


CLASSIFIERS = [
    DecisionTreeClassifier(max_depth=3), trees(), ExtraTreesClassifier(3), LinearSVC(),
    LogisticRegression(), SGDClassifier(loss="log_loss"), MultinomialNB(), SVC(),
    SGDClassifier(), SGDClassifier(loss="modified_huber"), Perceptron(),
    make_pipeline(SplineTransformer(extrapolation="periodic"), LogisticRegression()),
    make_pipeline(SplineTransformer(3, degree=2), LogisticRegression()),
    make_pipeline(FeatureAgglomeration(2), LogisticRegression()),
    BisectingKMeans(2, n_init=1),
    KNeighborsClassifier(3, algorithm="kd_tree"),
    KNeighborsClassifier(3, algorithm="ball_tree"),
    KNeighborsClassifier(3, p=3), GradientBoostingClassifier(n_estimators=3),
    HistGradientBoostingClassifier(max_iter=3, categorical_features=[0]),
    HistGradientBoostingClassifier(max_iter=3, early_stopping=True), SVC(kernel="linear"),
    MLPClassifier(4, max_iter=3), CalibratedClassifierCV(LinearSVC(), cv=2),
    make_pipeline(SelectKBest(f_classif, k=2), StandardScaler(), SVC(gamma="auto")),
    ColumnTransformer([("ordinal", OrdinalEncoder(), [0])]),
]  # fmt: skip


@pytest.mark.parametrize("model", CLASSIFIERS, ids=lambda m: type(m).__name__)
def test_scikit_learns_estimators_come_back(model, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_comes_back(clone(model).fit(TABLE, LABELS.sum(axis=1)), TABLE, path)


@pytest.mark.parametrize(
    "model",
    [
        skmlc.KnownLabelsClassifier(trees()), MultiOutputClassifier(SVC()),
        ClassifierChain(LogisticRegression()), KNeighborsClassifier(3), trees(),
        skmlc.KnownLabelsClassifier(HistGradientBoostingClassifier(max_iter=3)),
        SoftVotingClassifier([("neighbors", KNeighborsClassifier(3)), ("net", small())]),
    ],
    ids=lambda m: type(m).__name__,
)  # fmt: skip
def test_scikit_learns_estimators_of_label_matrices_come_back(model, path):
    assert_comes_back(clone(model).fit(TABLE, LABELS), TABLE, path)


# Training goes on ----------------------------------------------------------------------------


def weights(model):
    return torch.cat([p.detach().ravel() for p in model.module_.parameters()])


def test_training_goes_on_as_it_would_have_with_the_optimizer(path):
    model = small().partial_fit(TABLE, LABELS)
    save(model, path, include_optimizer=True)
    loaded = load(path).partial_fit(TABLE, LABELS)
    assert torch.equal(weights(loaded), weights(model.partial_fit(TABLE, LABELS)))


@pytest.mark.parametrize("options", [{}, {"warm_start": True, "early_stopping": "loss"}])
def test_training_goes_on_without_the_optimizer(options, path):
    model = small(**options).fit(TABLE, LABELS)
    save(model, path)
    loaded = load(path)
    loaded.fit(TABLE, LABELS) if options else loaded.partial_fit(TABLE, LABELS)
    assert len(loaded.history_) == 4 if options else 3
    assert not torch.equal(weights(loaded), weights(model))


def test_the_file_holds_the_weights_once(path):
    model = make("EmbMLPClassifier", hidden_size=200).fit(TABLE, LABELS)
    size = 4 * weights(model).numel()
    save(model, path)
    assert size < path.stat().st_size < 1.1 * size
    save(model, path, include_optimizer=True)
    assert 3 * size < path.stat().st_size < 3.1 * size


def test_a_pickle_holds_the_weights_once():
    model = make("EmbMLPClassifier", hidden_size=200, optimizer="sgd").fit(TABLE, LABELS)
    size = 4 * weights(model).numel()
    # Those of the network, and the momentum of each.
    assert 2 * size < len(pickle.dumps(model)) < 2.1 * size
    loaded = pickle.loads(pickle.dumps(model))
    assert loaded.net_.module is loaded.net_.module_
    assert torch.equal(weights(loaded), weights(model))
    model.partial_fit(TABLE, LABELS)
    assert torch.equal(weights(loaded.partial_fit(TABLE, LABELS)), weights(model))


# Devices and compilers -----------------------------------------------------------------------


def test_a_model_of_a_gpu_is_loaded_without_one(path):
    model = small().fit(TABLE, LABELS)
    expected = model.predict_proba(TABLE)
    model.net_.device = "cuda"  # as if it was trained there
    save(model, path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeviceWarning)
        loaded = load(path)
    there = "cuda" if torch.cuda.is_available() else "cpu"
    assert {p.device.type for p in loaded.module_.parameters()} == {there}
    np.testing.assert_allclose(loaded.predict_proba(TABLE), expected, atol=1e-5)


def test_loading_does_not_compile(path, monkeypatch):
    model = small().fit(TABLE, LABELS)
    model.net_.compile = True
    save(model, path)
    monkeypatch.setattr(torch, "compile", None)
    np.testing.assert_array_equal(
        load(path).predict_proba(TABLE), model.predict_proba(TABLE)
    )
