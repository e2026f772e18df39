"""What an estimator is given, checked before anything starts: X, y, weights, options."""

from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils import check_array

from .._device import check_device
from .._samples import check_same_samples
from ..indicators import read_weight
from ..inputs.encoders.choose import choose_encoder, encoder_of_tables
from ..inputs.validation import validate_input
from ..label_names import align_to_labels
from ..metrics.names import get_metric
from ..targets import encode_target, set_target, validate_target
from ..training.net_settings import check_net_params, check_optimizer
from ..training.schedules import check_schedule
from ..training.user_callbacks import check_callbacks

__all__ = ["check_heads", "read_input", "read_training_data"]

LARGEST_WEIGHT = 1e12  # of a sample, also as a multiple of the smallest


def check_heads(estimator):
    """Raise an error if the size of a node cannot be shared among attention heads.

    Parameters
    ----------
    estimator : estimator
        With `hidden_size` and `n_heads`.

    Raises
    ------
    ValueError
        If the first is no multiple of the second.
    """
    if estimator.hidden_size % estimator.n_heads:
        raise ValueError(
            f"hidden_size must be a multiple of n_heads; got {estimator.hidden_size} and "
            f"{estimator.n_heads}."
        )


def read_input(estimator, X, *, reset=False) -> Any:
    """Return X as an array, a CSR matrix or a container, of the kind seen in `fit`.

    Parameters
    ----------
    estimator : BaseGraphClassifier
        With `reset` gets the kind of X, its width, and `encoder_`.
    X : object
        As the user gave it.
    reset : bool, default=False
        Whether this is the first fit.

    Returns
    -------
    ndarray, CSR matrix, Sequences, TokenizedTexts, Bags, Graphs or Images
        Images at the size in which they were seen in `fit`; texts as `TokenizedTexts`.
    """
    rows_are_bags = estimator._rows_are_bags
    encoder = (
        encoder_of_tables(estimator.encoder, rows_are_bags=rows_are_bags)
        if reset
        else estimator.encoder_
    )
    X = validate_input(
        estimator, X, reset=reset, rows_are_bags=rows_are_bags, encoder=encoder
    )
    if reset:
        estimator.encoder_ = choose_encoder(estimator.encoder, estimator._input_kind)
    if estimator._input_kind == "images":
        X = _read_images(estimator, X, reset)
    if estimator._input_kind == "texts":
        X = _read_texts(estimator, X, reset)
    estimator._check_input(X, reset=reset)
    return X


def _read_images(estimator, X, reset):
    """Return images at the size that the encoder, or else the first fit, has settled."""
    if reset and estimator.input_dropout not in (0, "auto"):
        raise ValueError(
            "input_dropout must be 0 for images, which ImageEncoder(augment=...) varies in "
            f"training; got {estimator.input_dropout}."
        )
    estimator.encoder_.check_range(X)
    if reset:
        X = estimator.encoder_.prepare(X)
        estimator._image_size, estimator._image_shape = X.size, X.image_shape
    elif estimator._image_size is not None:
        X = X.resized(estimator._image_size)
    X.check_one_size()
    return X


def _read_texts(estimator, X, reset):
    """Return texts as tokens."""
    if reset and estimator.input_dropout not in (0, "auto"):
        raise ValueError(
            "input_dropout must be 0 for texts, whose pretrained network has dropout of its "
            f"own; got {estimator.input_dropout}."
        )
    if reset:
        estimator._tokenizer = estimator.encoder_.make_tokenizer()
        estimator.n_features_in_ = estimator._tokenizer.n_tokens
        estimator.__dict__.pop("feature_names_in_", None)
    return estimator._tokenizer(X)


def read_training_data(estimator, X, y, sample_weight, *, reset, classes=None):
    """Return X, the target and the weights.

    Parameters
    ----------
    estimator : BaseGraphClassifier
        With `reset` gets what describes X and y.
    X, y : object
        As the user gave them.
    sample_weight : array-like of shape (n_samples,) or None
        How much each sample counts.
    reset : bool
        Whether this is the first fit; a later one must have samples and labels of its kind.
    classes : array-like of shape (n_classes,), default=None
        The classes of a one-dimensional y, where they are known beforehand.

    Returns
    -------
    X : ndarray, CSR matrix or container
        From `read_input`.
    target : Target
        The labels.
    weight : ndarray of shape (n_samples,)
        Of type float64, with a sum of at least the number of samples that count.
    """
    missing, name = estimator.allow_missing_labels, type(estimator).__name__
    X = read_input(estimator, X, reset=reset)
    y, label_names = validate_target(y, allow_missing=missing, estimator_name=name)
    check_same_samples(X, y)
    weight = _as_counts(read_weight(sample_weight, X.shape[0]))
    if not reset and estimator._target_kind != "multilabel":
        classes = estimator.classes_
    target = encode_target(
        y, label_names, allow_missing=missing, classes=classes, sample_weight=weight
    )
    if reset:
        set_target(estimator, target)
    else:
        _check_same_target(estimator, target)
    _check_options(estimator, target)
    return X, target, weight


def _as_counts(weight):
    """Return weights that sum to at least the number of those above zero.

    They are counts of samples wherever a few samples are told from many: in the penalty of
    the linear skip, in the frequencies that training begins with. Weights that sum to one
    would say that there is a single sample. None is above 1e12, or less than the 1e-12th part
    of the largest: in float32 they would be infinite, or batches would count nothing.
    """
    n_samples, most = np.count_nonzero(weight), weight.max()
    if most > LARGEST_WEIGHT:
        weight = weight / most * LARGEST_WEIGHT
    elif weight.sum() < n_samples:
        weight = weight / most  # however small they are
    least = weight.max() / LARGEST_WEIGHT
    weight = np.where((weight > 0) & (weight < least), least, weight)
    return weight * max(1.0, n_samples / weight.sum())


def _check_same_target(estimator, target):
    """Raise an error for labels other than those of the first fit."""
    n_labels, kind = len(estimator.classes_), estimator._target_kind
    if getattr(estimator, "_has_added_labels", False):
        raise ValueError(
            "add_labels has added labels, of which the loss knows nothing: fit the classifier "
            "on samples of all labels, without warm_start."
        )
    if len(target.classes) != n_labels or target.kind != kind:
        raise ValueError(
            f"y must have the {n_labels} labels of the first fit; got {len(target.classes)} "
            f"({target.kind}, was {kind})."
        )
    seen, names = getattr(estimator, "label_names_", None), target.label_names
    if seen is not None and names is not None and list(seen) != list(names):
        raise ValueError(
            f"y must have the columns of the first fit, {list(seen)}; got {list(names)}."
        )


def _check_options(estimator, target):
    """Check the parameters that depend on the labels, or on each other."""
    threshold = _read_threshold(estimator, target.Y.shape[1])
    tunes = isinstance(threshold, str)
    if tunes and target.kind == "multiclass":
        raise ValueError(
            f"threshold={threshold!r} needs labels that are predicted separately; a "
            "one-dimensional multi-class y gets its most probable class."
        )
    if isinstance(estimator.loss, type):
        raise TypeError(
            "loss must be a function or an object, not a class; got "
            f"{estimator.loss.__name__}: write its brackets."
        )
    _check_reduction(estimator.loss)
    check_optimizer(estimator.optimizer)
    check_schedule(estimator.lr_schedule)
    check_net_params(estimator.net_params)
    held_out = tunes or bool(estimator._early_stopping)
    check_callbacks(
        estimator.callbacks, held_out=held_out, lr_schedule=estimator.lr_schedule
    )
    check_device(estimator.device)
    if tunes:
        _check_metric("threshold_metric", estimator.threshold_metric)
    if estimator._early_stopping not in (False, "loss"):
        _check_metric("early_stopping", estimator._early_stopping)


def _check_metric(parameter, name):
    """Raise an error that names the parameter, and the metrics that there are."""
    try:
        get_metric(name)
    except ValueError as error:
        raise ValueError(f"{parameter} must be the name of a metric: {error}") from None


def _check_reduction(loss):
    """Raise an error for a loss of PyTorch that gives one number for all entries."""
    reduction = getattr(loss, "reduction", "none")
    if reduction in ("mean", "sum"):
        raise ValueError(
            "loss must give one value per sample and label; got "
            f"{type(loss).__name__} with reduction={reduction!r}: pass reduction='none'."
        )


def _read_threshold(estimator, n_labels):
    """Set and return the threshold that was asked for, in the order of the labels."""
    label_names = getattr(estimator, "label_names_", None)
    threshold = align_to_labels(estimator.threshold, label_names, name="threshold")
    if not isinstance(threshold, str | Real | None):
        options: dict[str, Any] = {"ensure_2d": False, "dtype": np.float64}
        threshold = check_array(threshold, **options, input_name="threshold")
        if threshold.shape != (n_labels,):
            raise ValueError(
                "threshold must be a number, 'tuned', 'tuned_per_label' or an array of shape "
                f"({n_labels},), one per label; got shape {threshold.shape}."
            )
    estimator._threshold = threshold
    return threshold
