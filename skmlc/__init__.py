"""Graph-based multi-label classifiers with the interface of scikit-learn."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what is imported when it is first asked for, see `__getattr__`
    from .baselines import (
        KISAR,
        MIMLNN,
        MIMLRBF,
        MIMLSVM,
        MIMLWEL,
        DeepMIMLClassifier,
        EmbMLPClassifier,
        EnMIMLNN,
        GlobalPoolClassifier,
        MIMLkNN,
        Seq2SeqClassifier,
    )
    from .ctran import CTranClassifier
    from .flem import FLEMClassifier
    from .ggnn import GGNNClassifier
    from .glemiml import GLEMIMLClassifier
    from .gmmlic import GMMLICClassifier
    from .known_labels import KnownLabelsClassifier
    from .lamp import LaMPClassifier
    from .mlgcn import MLGCNClassifier
    from .persistence.models import load, save
    from .query2label import Query2LabelClassifier
    from .ssgrl import SSGRLClassifier

__version__ = "0.1.0.dev0"

__all__ = [
    "KISAR",
    "MIMLNN",
    "MIMLRBF",
    "MIMLSVM",
    "MIMLWEL",
    "CTranClassifier",
    "DeepMIMLClassifier",
    "EmbMLPClassifier",
    "EnMIMLNN",
    "FLEMClassifier",
    "GGNNClassifier",
    "GLEMIMLClassifier",
    "GMMLICClassifier",
    "GlobalPoolClassifier",
    "KnownLabelsClassifier",
    "LaMPClassifier",
    "MIMLkNN",
    "MLGCNClassifier",
    "Query2LabelClassifier",
    "SSGRLClassifier",
    "Seq2SeqClassifier",
    "load",
    "save",
]

# Where each of these lives.
_HOMES = dict.fromkeys(
    [
        "KISAR",
        "MIMLNN",
        "MIMLRBF",
        "MIMLSVM",
        "MIMLWEL",
        "DeepMIMLClassifier",
        "EmbMLPClassifier",
        "EnMIMLNN",
        "GlobalPoolClassifier",
        "MIMLkNN",
        "Seq2SeqClassifier",
    ],
    "baselines",
) | {
    "CTranClassifier": "ctran",
    "FLEMClassifier": "flem",
    "GGNNClassifier": "ggnn",
    "GLEMIMLClassifier": "glemiml",
    "GMMLICClassifier": "gmmlic",
    "KnownLabelsClassifier": "known_labels",
    "LaMPClassifier": "lamp",
    "MLGCNClassifier": "mlgcn",
    "Query2LabelClassifier": "query2label",
    "SSGRLClassifier": "ssgrl",
    "load": "persistence.models",
    "save": "persistence.models",
}
_SUBPACKAGES = [
    "base",
    "datasets",
    "ensemble",
    "exceptions",
    "graphs",
    "inputs",
    "inspection",
    "metrics",
    "model_selection",
    "nn",
    "parameters",
    "persistence",
    "training",
]


def __getattr__(name):
    # Metrics and splits are of use without PyTorch, whose import takes seconds.
    if name in _HOMES:
        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        return globals().setdefault(name, value)
    if name in _SUBPACKAGES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__, *_SUBPACKAGES})
