"""The models of images by name: how each is made and trained, and what it predicts."""

import hashlib
import json
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from measure import Clock
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlc import (
    GGNNClassifier,
    GlobalPoolClassifier,
    GMMLICClassifier,
    LaMPClassifier,
    MLGCNClassifier,
    SSGRLClassifier,
)
from skmlc.graphs import ConditionalProbabilityGraph
from skmlc.inputs import ImageEncoder, ImageFeatures, RegionFeatures
from skmlc.inputs.encoders.backbones import ResNet
from skmlc.metrics import get_scorer
from skmlc.model_selection import MultilabelStratifiedKFold

from .image_data import IMAGE_SETS
from .models import NOT_RECORDED
from .pretrained import fewer_channels, largest, top_cells
from .tables import as_json

# The same for every network that is trained on a set of images, from pixels to labels.
TRAINING = {"batch_size": 16, "learning_rate": 2e-3}
MAX_EPOCHS = {
    "msrc_v2-64": 30,
    "msrc_v2-96x128": 12,
    "digit_scenes": 12,
    "coco_mini256": 20,
}
# A name, or arguments of `ResNet`.
BACKBONES = {
    "msrc_v2-64": {"n_blocks": (1, 1, 1), "width": 24, "small_stem": True},
    "msrc_v2-96x128": {"n_blocks": (1, 1, 1, 1), "width": 16, "small_stem": True},
    "digit_scenes": {"n_blocks": (1, 1, 1), "width": 24, "small_stem": True},
    "coco_mini256": "tiny",
}
# A mirrored digit is another sign.
AUGMENT = dict.fromkeys(IMAGE_SETS, "crop-flip") | {"digit_scenes": None}
OF_THE_ENCODER = ("backbone", "augment", "pool")
# How many principal components of the channels and how many cells of pretrained maps are read.
OF_THE_MAPS = {"n_channels": None, "n_cells": None}
# On feature maps of a pretrained network all have the package's defaults, but for the linear
# skip, which the papers do not have.
PRETRAINED_TRAINING = {"linear_skip": False}
# And for every network on regions. Others have no linear skip either, hence none here.
REGION_TRAINING = TRAINING | {"max_epochs": 20, "linear_skip": False}

BASELINE = "global-pool-max"
# The papers do not hide labels in training.
ON_IMAGES = {
    BASELINE: (GlobalPoolClassifier, {"pooling": "max"}),
    "global-pool-mean": (GlobalPoolClassifier, {"pooling": "mean"}),
    "ml-gcn": (MLGCNClassifier, {"label_graph": "conditional_probability"}),
    "ml-gcn-none": (MLGCNClassifier, {"label_graph": "none"}),
    "ml-gcn-binary": (MLGCNClassifier, {"label_graph": ConditionalProbabilityGraph(0.4)}),
    "ml-gcn-original": (
        MLGCNClassifier,
        {"label_graph": ConditionalProbabilityGraph(0.4, 0.2, "original")},
    ),
    "ml-gcn-published": (
        MLGCNClassifier,
        {"label_graph": "published", "label_embedding": "GloVe", "normalization": None},
    ),
    "ml-gcn-words": (
        MLGCNClassifier,
        {"label_graph": "conditional_probability", "label_embedding": "words"},
    ),
    "ggnn": (GGNNClassifier, {"label_graph": "probability"}),
    "ggnn-none": (GGNNClassifier, {"label_graph": "none"}),
    "ggnn-reweighted": (
        GGNNClassifier,
        {"label_graph": "probability", "reweight": (0.1, 0.1)},
    ),
    "ssgrl": (SSGRLClassifier, {"label_graph": "probability"}),
    "ssgrl-none": (SSGRLClassifier, {"semantic_interaction": False}),
    "lamp": (LaMPClassifier, {"label_graph": "cooccurrence"}),
    "lamp-none": (LaMPClassifier, {"label_graph": "none"}),
}
# Their first step is the maximum over the feature map.
OF_THE_MAXIMUM = [
    name for name in ON_IMAGES if name.startswith(("global-pool-max", "ml-gcn", "ggnn"))
]
ALL_MESSAGES = ("label_messages", "instance_messages", "matching_messages")
ON_REGIONS = {
    "instance-max": (GlobalPoolClassifier, {"pooling": "score"}),
    "gm-mlic": (GMMLICClassifier, {}),
    "gm-mlic-no-label-graph": (GMMLICClassifier, {"label_messages": False}),
    "gm-mlic-no-instance-graph": (GMMLICClassifier, {"instance_messages": False}),
    "gm-mlic-no-matching": (GMMLICClassifier, {"matching_messages": False}),
    "gm-mlic-none": (GMMLICClassifier, dict.fromkeys(ALL_MESSAGES, False)),
    "lamp-regions": (LaMPClassifier, {"label_graph": "cooccurrence"}),
}
# As in the paper on VOC; without annotated boxes, which all other models on regions have.
N_CELLS = 10
ON_CELLS = {
    f"{name}-cells": ON_REGIONS[name]
    for name in ("instance-max", "gm-mlic", "gm-mlic-none", "lamp-regions")
}
NETWORKS = ON_IMAGES | ON_REGIONS | ON_CELLS
LOGISTIC = ("logistic-pixels", "logistic-features")
C_VALUES = (0.001, 0.01, 0.1, 1, 10)
N_FOLDS = 3
PIXELS = 16  # of the shorter side, for logistic regression
# In the order of the tables.
IMAGE_MODELS = (
    "constant", "logistic-pixels", *ON_IMAGES, "logistic-features", *ON_REGIONS, *ON_CELLS,
)  # fmt: skip
WITHOUT_SEED = ("constant", "logistic-pixels")


class Run(NamedTuple):
    """What is to be trained on what: a row of results to be."""

    dataset: str
    model: str
    seed: int = 0
    settings: dict = {}  # other than those above

    @property
    def baseline(self):
        """The run that trains the backbone which a run on frozen features reads."""
        kept = {k: v for k, v in self.settings.items() if k in OF_THE_ENCODER}
        return Run(self.dataset, BASELINE, self.seed, kept)

    @property
    def is_pretrained(self):
        """Whether the run reads feature maps of a pretrained network."""
        return IMAGE_SETS[self.dataset].is_pretrained

    @property
    def is_frozen(self):
        """Whether the run reads features of a backbone that the baseline has trained."""
        reads = self.model in ON_REGIONS or self.model == "logistic-features"
        return reads and not self.is_pretrained

    @property
    def of_the_maps(self):
        """What the run reads of pretrained feature maps."""
        defaults = OF_THE_MAPS | ({"n_cells": N_CELLS} if self.model in ON_CELLS else {})
        return {key: self.settings.get(key, value) for key, value in defaults.items()}

    @property
    def of_the_model(self):
        """The settings of the classifier."""
        others = (*OF_THE_ENCODER, *OF_THE_MAPS)
        return {k: v for k, v in self.settings.items() if k not in others}


class Outcome(NamedTuple):
    """The probabilities of a trained model, what training took, and what it chose."""

    probabilities: np.ndarray
    clock: Clock
    device: str = "cpu"
    chosen: dict | None = None


def reads_the_maximum(run):
    """Whether the maximum over pretrained feature maps is all that the model reads of them."""
    return run.model in OF_THE_MAXIMUM and not image_settings(run)["linear_skip"]


def models_of(dataset, word_vectors=None):
    """Return the models for a set of images that has what they need."""
    source, lacking = IMAGE_SETS[dataset], set()
    if not source.has_boxes:
        lacking |= ON_REGIONS.keys()
    if not source.has_graph:
        lacking |= {"ml-gcn-published"}
    if word_vectors is None:
        lacking |= {"ml-gcn-words"}
    lacking |= {"logistic-pixels"} if source.is_pretrained else ON_CELLS.keys()
    return [name for name in IMAGE_MODELS if name not in lacking]


def image_settings(run):
    """Return the settings of a network on images, `OF_THE_ENCODER` among them."""
    if run.is_pretrained:
        pool = {"pool": run.settings["pool"]} if "pool" in run.settings else {}
        return PRETRAINED_TRAINING | run.of_the_model | pool
    name = run.dataset
    settings = TRAINING | {"max_epochs": MAX_EPOCHS[name], "backbone": BACKBONES[name]}
    return settings | {"augment": AUGMENT[name]} | run.settings


def parameters_of(run):
    """Return all that is known of a model before it is trained, as JSON stores it."""
    if run.model in ON_IMAGES:
        settings = image_settings(run)
        encoder = {key: settings[key] for key in OF_THE_ENCODER if key in settings}
        parameters = _recorded(make_on_images(run)) | encoder
    elif run.model in NETWORKS:
        parameters = _recorded(make_on_regions(run))
    else:
        parameters = {"C": C_VALUES} if run.model in LOGISTIC else {}
    if run.is_pretrained and run.model != "constant":
        parameters |= run.of_the_maps
    if run.is_frozen:
        parameters["frozen"] = parameters_of(run.baseline)
    return json.loads(as_json(parameters))


def _recorded(model):
    """Return the parameters of a classifier that say something of it."""
    parameters = model.get_params(deep=False).items()
    return {k: v for k, v in parameters if k not in {*NOT_RECORDED, "encoder"}}


def make_on_images(run, published=None, vectors=None):
    """Make a network that is trained from pixels, or from pretrained maps, to labels.

    Parameters
    ----------
    run : Run
        Its model is one of `ON_IMAGES`.
    published : dict, default=None
        The arrays of a published label graph, which "ml-gcn-published" takes.
    vectors : ndarray of shape (n_labels, n_dimensions), default=None
        Vectors of the labels' names, which "ml-gcn-words" takes.

    Returns
    -------
    estimator
        Not fitted.
    """
    make, variant = ON_IMAGES[run.model]
    settings = image_settings(run)
    if run.model == "ml-gcn-published" and published is not None:
        variant = variant | _published_graph(published)
    if run.model == "ml-gcn-words" and vectors is not None:
        variant = variant | {"label_embedding": vectors}
    others = {k: v for k, v in settings.items() if k not in OF_THE_ENCODER}
    pool = {"pool": settings["pool"]} if "pool" in settings else {}
    if not run.is_pretrained:
        others["encoder"] = ImageEncoder(
            _backbone(run), learning_rate_factor=1.0, augment=settings["augment"], **pool
        )
    elif pool:
        others["encoder"] = ImageEncoder(None, **pool)
    return make(**variant | others, random_state=run.seed)


def _backbone(run):
    """Return the untrained backbone of a run: a name, or a network of its seed."""
    backbone = image_settings(run)["backbone"]
    if isinstance(backbone, str):
        return backbone
    with torch.random.fork_rng():
        torch.manual_seed(run.seed)
        return ResNet(**backbone, n_channels=IMAGE_SETS[run.dataset].n_channels)


def _published_graph(arrays):
    """Return ML-GCN's re-weighted graph of published counts, and its word vectors."""
    graph = ConditionalProbabilityGraph.from_counts(
        arrays["cooccurrence"], arrays["counts"], threshold=0.4, neighbor_weight=0.2
    )
    # A matrix has self weights of one, where Eq. 8 has 1 - p: the same up to that factor.
    adjacency = graph.adjacency_ / graph.self_weight_[0]
    return {"label_graph": adjacency, "label_embedding": arrays["glove"]}


def make_on_regions(run):
    """Make a network that is trained on features of regions; not fitted."""
    make, variant = NETWORKS[run.model]
    settings = variant | REGION_TRAINING | run.of_the_model
    return make(**settings, random_state=run.seed)


def train(run, parts, backbones):
    """Train a model and predict the test part, whose labels it never sees.

    Parameters
    ----------
    run : Run
        What to train.
    parts : ImageParts
        The data.
    backbones : Path
        The folder of trained backbones: the baseline's is put there, and a run on frozen
        features finds it there.

    Returns
    -------
    Outcome
        The clock has the seconds of training, without those of a frozen backbone.
    """
    if run.is_pretrained:
        parts = fewer_channels(parts, run.of_the_maps["n_channels"])
        parts = largest(parts) if reads_the_maximum(run) else parts
    samples = parts.train.X, parts.train.Y, parts.test.X
    if run.model == "constant":
        return _predict_constant(*samples)
    if run.model == "logistic-pixels":
        return _train_logistic(_pixels(samples[0]), samples[1], _pixels(samples[2]))
    if run.model in ON_IMAGES:
        model = make_on_images(run, parts.published, parts.vectors)
        outcome = _train_network(model, *samples)
        if run.model == BASELINE and not run.is_pretrained:
            _save_backbone(model, backbone_file(run, backbones))
        return outcome
    X_train, X_test = _features(run, parts, backbones)
    if run.model == "logistic-features":
        return _train_logistic(X_train, samples[1], X_test)
    return _train_network(make_on_regions(run), X_train, samples[1], X_test)


def _features(run, parts, backbones):
    """Return vectors, or bags of regions or cells, of the two parts."""
    samples = parts.train.X, parts.test.X
    if run.model in ON_CELLS:
        return [top_cells(X, run.of_the_maps["n_cells"]) for X in samples]
    make = RegionFeatures if run.model in ON_REGIONS else ImageFeatures
    if run.is_pretrained:
        features = make(None)
    else:
        weights = backbone_file(run.baseline, backbones)
        features = make(_backbone(run.baseline), weights=weights)
    features.fit(samples[0])
    return [features.transform(X) for X in samples]


def _train_network(model, X, Y, X_test):
    """Train a network."""
    with (clock := Clock()):
        model.fit(X, Y)
    return Outcome(model.predict_proba(X_test), clock, str(model.net_.device))


def _train_logistic(X, Y, X_test):
    """Train logistic regression with the C that ranks best in folds of the training part."""
    model = make_pipeline(
        StandardScaler(), OneVsRestClassifier(LogisticRegression(max_iter=1000))
    )
    folds = MultilabelStratifiedKFold(N_FOLDS, shuffle=True, random_state=0)
    grid = {"onevsrestclassifier__estimator__C": C_VALUES}
    search = GridSearchCV(model, grid, scoring=get_scorer("mAP"), cv=folds, refit=False)
    clock = Clock()
    with warnings.catch_warnings():
        # Labels without a sample in the training part get a probability of zero.
        warnings.filterwarnings("ignore", message="Label .* is present in all training")
        search.fit(X, Y)
        model.set_params(**search.best_params_)
        with clock:
            model.fit(X, Y)
    chosen = {"C": search.best_params_["onevsrestclassifier__estimator__C"]}
    return Outcome(model.predict_proba(X_test), clock, chosen=chosen)


def _predict_constant(X, Y, X_test):
    """Give every image the frequencies of the labels."""
    with (clock := Clock()):
        frequency = Y.mean(axis=0)
    return Outcome(np.tile(frequency, (len(X_test), 1)), clock)


def _pixels(X):
    """Return the pixels of small copies of images, from 0 to 1."""
    _, height, width = X.image_shape
    scale = PIXELS / min(height, width)
    small = X.resized((round(height * scale), round(width * scale)))
    pixels = small.read(np.arange(len(X)))
    highest = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1
    return pixels.reshape(len(X), -1) / highest


def backbone_file(run, folder):
    """Return where the trained backbone of a run of the baseline is kept."""
    digest = hashlib.sha256(as_json(parameters_of(run)).encode()).hexdigest()[:12]
    return Path(folder) / f"{run.dataset}-{run.seed}-{digest}.pt"


def _save_backbone(model, path):
    """Keep the weights of a trained backbone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = {k: v.cpu() for k, v in model.module_.encoder.backbone.state_dict().items()}
    torch.save(weights, path)
