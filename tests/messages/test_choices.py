"""Misspelt words for parameters that take one of a few: each is named, with what was meant."""

import importlib
import inspect
import re

import numpy as np
import pytest

from skmlc import metrics as M
from skmlc.datasets import (
    load_digit_scenes,
    load_multilabel,
    make_label_graph_classification,
)
from skmlc.graphs import ConditionalProbabilityGraph, read_edge_list
from skmlc.inputs import Images, bag_distances
from skmlc.inspection import (
    ClassifierMapDisplay,
    LabelGraphDisplay,
    LabelReportDisplay,
    label_report,
)
from skmlc.model_selection import (
    MultilabelCalibratedClassifierCV,
    ThresholdTuner,
    tune_threshold,
)
from skmlc.parameters import ParameterFields
from tests.messages.wrong_calls import BAGS, IMAGES, P, X, Y

PACKAGES = "datasets ensemble graphs inputs inspection metrics model_selection".split()
# Those of scikit-learn, and of what the package itself makes or calls.
NOT_CHOSEN = ("set_output", "make", "kind", "node_kind")


class Fits:
    """Gives the probabilities that it is asked for."""

    def fit(self, X, y):
        return self

    def predict_proba(self, X):
        return P

    def decision_function(self, X):
        return P


def choices(doc):
    """Return the words among which parameters are chosen, by parameter, as docstrings say."""
    entries = re.findall(r"^(\w+) : ((?:.*\\\n)*.*)$", inspect.cleandoc(doc or ""), re.M)
    options = {
        name: [
            w for group in re.findall(r"\{(.*?)\}", kind, re.S) for w in group.split('"')
        ]
        for name, kind in entries
    }
    return {name: words[1::2] for name, words in options.items() if words[1::2]}


def documented():
    """Yield each public function, method or class with the parameters of a few words."""
    for package in ["skmlc", *(f"skmlc.{name}" for name in PACKAGES)]:
        module = importlib.import_module(package)
        for name in module.__all__:
            value = getattr(module, name)
            things = {name: value}
            if isinstance(value, type):
                methods = inspect.getmembers(value, callable)
                things |= {
                    f"{name}.{key}": method for key, method in methods if key[0] != "_"
                }
            for path, thing in things.items():
                yield from _choices_of(path, thing)


def _choices_of(path, thing):
    if thing.__doc__:
        fields = getattr(thing, "_parameter_constraints", {})
        is_checked = isinstance(thing, type) and issubclass(thing, ParameterFields)
        for parameter, options in choices(thing.__doc__).items():
            chosen = parameter in inspect.signature(thing).parameters
            chosen &= not {parameter, path.split(".")[-1]} & set(NOT_CHOSEN)
            if chosen and not (is_checked and parameter in fields):
                yield path, parameter, tuple(options)


CALLS = {
    "load_digit_scenes": lambda **o: load_digit_scenes(9, **o),
    "load_multilabel": lambda **o: load_multilabel("/none", **o),
    "make_label_graph_classification": make_label_graph_classification,
    "ConditionalProbabilityGraph.from_counts": lambda **o: (
        ConditionalProbabilityGraph.from_counts(np.eye(3), [2, 2, 2], **o)
    ),
    "read_edge_list": lambda **o: read_edge_list("/none", ["sea"], **o),
    "Images": lambda **o: Images(IMAGES, **o),
    "bag_distances": lambda **o: bag_distances(BAGS, **o),
    "ClassifierMapDisplay.from_estimator": lambda **o: ClassifierMapDisplay.from_estimator(
        type("Fitted", (), {"coef_": P})(), **o
    ),
    "ClassifierMapDisplay.from_vectors": lambda **o: ClassifierMapDisplay.from_vectors(
        P, **o
    ),
    "LabelGraphDisplay.plot": lambda **o: LabelGraphDisplay(np.eye(3)).plot(**o),
    "LabelReportDisplay.from_estimator": lambda **o: LabelReportDisplay.from_estimator(
        Fits(), X, Y, **o
    ),
    "LabelReportDisplay.from_predictions": lambda **o: LabelReportDisplay.from_predictions(
        Y, P, **o
    ),
    "label_report": lambda **o: label_report(Y, Y, **o),
    "label_confusion": lambda **o: M.label_confusion(Y, Y, **o),
    "MultilabelCalibratedClassifierCV": lambda **o: MultilabelCalibratedClassifierCV(
        Fits(), **o
    ).fit(X, Y),
    "ThresholdTuner": lambda **o: ThresholdTuner(Fits(), **o).fit(X, Y),
    "tune_threshold": lambda **o: tune_threshold(Y, P, **o),
}
DOCUMENTED = sorted(set(documented()))


def call(path, **options):
    """Call what has a parameter, as far as is needed for it to be looked at."""
    if path in CALLS:
        return CALLS[path](**options)
    name, _, method = path.partition(".")
    if method == "predict":  # which looks at words before it needs to be fitted
        model = getattr(importlib.import_module("skmlc"), name, None)
        model = model or getattr(importlib.import_module("skmlc.ensemble"), name)
        return getattr(model, method)(object.__new__(model), X, **options)
    function = getattr(M, path)
    needs_k = "k" in inspect.signature(function).parameters
    data = (P,) if "y_true" not in inspect.signature(function).parameters else (Y, P)
    return function(*data, **({"k": 2} if needs_k else {}), **options)


@pytest.mark.parametrize(
    ("path", "parameter", "options"),
    [pytest.param(*case, id=f"{case[0]}-{case[1]}") for case in DOCUMENTED],
)
def test_a_misspelt_choice_is_met_with_the_nearest(path, parameter, options):
    option = max(options, key=len)
    with pytest.raises(ValueError, match=parameter) as caught:
        call(path, **{parameter: option + option[-1]})
    said = str(caught.value)
    assert f"Did you mean '{option}'?" in said
    assert all(word in said for word in options)


def test_all_kinds_of_choices_are_found():
    found = {parameter for _, parameter, _ in DOCUMENTED}
    assert {"decoding", "dependency", "channels", "top_k_rule", "layout", "grid"} <= found
    assert len(DOCUMENTED) > 25
