"""Write the network of a fitted classifier as an ONNX file, which other programs run."""

import copy
import logging
import warnings
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from torch import nn

from ..graphs.base import BaseLabelGraph
from ..nn.head_output import logits_of
from ..nn.nodes import Batch, Group, Layout
from ..persistence._file import _write_whole, check_path
from ..training.net import random_seed

__all__ = ["export_to_onnx"]

# What the inputs of each kind are called in the graph.
INPUTS = {
    "vectors": ("X",),
    "images": ("X",),
    "sparse": ("indices", "values"),
    "bags": ("instances", "is_instance"),
}


def export_to_onnx(estimator, path, n_nodes):
    """Write what `predict_proba` computes as an ONNX file.

    Parameters
    ----------
    estimator : BaseGraphClassifier
        Fitted.
    path : str or Path
        The file.
    n_nodes : int or None
        To how many nodes samples are padded; None for tables and images.

    Raises
    ------
    ImportError
        If onnx or onnxscript is not installed.
    ValueError
        If the network cannot be exported; then nothing is written.
    """
    check_path(path)
    _check_packages()
    _check_estimator(estimator, n_nodes)
    model = _Probabilities(estimator, n_nodes).eval()
    _write_whole(path, _to_onnx(estimator, model, model.example()))


def _check_packages():
    """Raise an error if what PyTorch exports with is not installed."""
    for name in ("onnx", "onnxscript"):
        if find_spec(name) is None:
            raise ImportError(
                f"to_onnx needs the package {name}: install it with pip install skmlc[onnx]."
            )


def _check_estimator(estimator, n_nodes):
    """Raise an error, before any work, for what has no form in ONNX."""
    name, kind = type(estimator).__name__, estimator._input_kind
    reason = estimator._cannot_be_exported()
    if kind not in INPUTS:
        reason = f"was fitted on {kind}; to_onnx takes {', '.join(INPUTS)}"
    elif estimator._categories is not None:
        reason = (
            "was fitted on columns of categories; encode them before, for example with "
            "sklearn.preprocessing.OneHotEncoder"
        )
    elif _has_hierarchy(estimator):
        reason = "makes its probabilities consistent with a hierarchy after the network"
    if reason is not None:
        raise ValueError(f"{name} cannot be exported: it {reason}. {STATE_DICT}")
    padded = kind in ("sparse", "bags")
    if padded != (n_nodes is not None):
        must = "the number of entries that a sample has at most" if padded else "None"
        raise ValueError(
            f"n_nodes must be {must} where X was {kind} in fit; got {n_nodes}."
        )
    if padded and (not isinstance(n_nodes, int | np.integer) or n_nodes < 2):
        raise ValueError(f"n_nodes must be an integer of at least 2; got {n_nodes!r}.")


STATE_DICT = "The weights alone are in module_.state_dict()."


def _has_hierarchy(estimator):
    """Tell whether the label graph changes the probabilities of the network."""
    graph = estimator.label_graph_
    if estimator._target_kind != "multilabel" or graph is None:
        return False
    if getattr(graph, "consistent", None) is False:
        return False
    return type(graph).make_consistent is not BaseLabelGraph.make_consistent


# The graph ----------------------------------------------------------------------------------


class _Probabilities(nn.Module):
    """The network of an estimator, from padded arrays to what `predict_proba` gives."""

    def __init__(self, estimator, n_nodes):
        super().__init__()
        self.network = copy.deepcopy(estimator.module_).cpu()
        for module in self.network.modules():
            if hasattr(module, "for_export"):
                module.for_export = True
        self.kind, self.target_kind = estimator._input_kind, estimator._target_kind
        self.n_nodes, self.n_features = n_nodes, estimator.n_features_in_
        self.dtype = getattr(torch, estimator._numpy_dtype.name)
        self.image_shape: Any = getattr(estimator, "_image_shape", None)

    def forward(self, *inputs):
        """Return the probabilities (N, L), of a binary target (N, 2)."""
        encoded = self.network.encode(self._batch(*inputs))
        logits = logits_of(self.network.predict_from(encoded))  # (N, L)
        if self.target_kind == "multiclass":
            return logits.softmax(1)
        positive = logits.sigmoid()
        if self.target_kind == "binary":
            return torch.cat([1 - positive, positive], dim=1)
        return positive

    def _batch(self, first, second: Any = None):
        """Return the inputs as a batch of one group of samples."""
        if self.kind in ("vectors", "images"):
            return Batch(Layout.regular(first.shape[0], 1), values=first)
        present = second if self.kind == "bags" else second != 0  # (N, S)
        layout = self._layout(present)
        if self.kind == "bags":
            # Padding may be anything, also NaN.
            values = first.masked_fill(~present[..., None], 0)  # (N, S, F)
            return Batch(layout, values.flatten(0, 1))
        ids = first.masked_fill(~present, 0)
        return Batch(layout, second.flatten(), ids.flatten())

    def _layout(self, present):
        """Return the layout of samples padded to S nodes, given which of them are there."""
        n_samples, n_nodes = present.shape
        # A sample without nodes has one of zeros, as in training.
        is_first = torch.arange(n_nodes) == 0
        mask = present | (~present.any(1, keepdim=True) & is_first)
        rows = slice(0, n_samples * n_nodes)
        group = Group(slice(0, n_samples), rows, n_samples, n_nodes, mask)
        return Layout((group,), n_samples, present.flatten())

    def example(self):
        """Return three samples as the graph takes them."""
        if self.kind == "vectors":
            return (torch.zeros(3, self.n_features, dtype=self.dtype),)
        if self.kind == "images":
            return (torch.zeros(3, *self.image_shape, dtype=self.dtype),)
        if self.kind == "sparse":
            ids = torch.zeros(3, self.n_nodes, dtype=torch.int64)
            return ids, torch.ones(3, self.n_nodes, dtype=self.dtype)
        instances = torch.zeros(3, self.n_nodes, self.n_features, dtype=self.dtype)
        return instances, torch.ones(3, self.n_nodes, dtype=torch.bool)


def _to_onnx(estimator, model, example):
    """Return the bytes of the file."""
    n_samples = torch.export.Dim("n_samples")
    shapes = tuple({0: n_samples} for _ in example)
    try:
        with random_seed(0), torch.no_grad(), _quiet():
            program = torch.export.export(
                model, example, dynamic_shapes=(shapes,), strict=False
            )
            exported: Any = torch.onnx.export(
                program, dynamo=True, verbose=False, dynamic_shapes=(shapes,),
                input_names=INPUTS[model.kind], output_names=["probabilities"],
            )  # fmt: skip
            return exported.model_proto.SerializeToString()
    except Exception as error:
        root: BaseException = error
        while root.__cause__ is not None:
            root = root.__cause__
        first = str(root).strip().partition("\n")[0]
        raise ValueError(
            f"{type(estimator).__name__} cannot be exported as it was fitted; PyTorch says: "
            f"{type(root).__name__}: {first} {STATE_DICT}"
        ) from error


@contextmanager
def _quiet():
    """Keep PyTorch from telling of each step of the export."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
