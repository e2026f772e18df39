"""The base of all classifiers: hyper-parameters, validation, training and prediction."""

from abc import ABCMeta, abstractmethod
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from scipy.special import logit
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils import check_random_state
from sklearn.utils.validation import (
    _check_sample_weight,
    check_consistent_length,
)

from ..graphs.choose import choose_label_graph
from ..graphs.embeddings import label_vectors
from ..inputs.encoders.choose import Rectified, choose_encoder
from ..inputs.validation import validate_input
from ..metrics.scorers import get_metric
from ..model_selection.split import MultilabelStratifiedShuffleSplit
from ..model_selection.threshold import tune_threshold
from ..nn.losses import LOSSES, LabelLoss
from ..nn.network import LinearSkip, Network
from ..training.batches import BatchDataset
from ..training.callbacks import (
    KeepBest,
    SklearnBridge,
    UnfreezeBackbone,
    ValidationScore,
    WeightAverage,
    make_schedule,
)
from ..training.linear_skip import mean_squared_norm, skip_group
from ..training.net import (
    make_net,
    predict_targets,
    random_seed,
    train,
)
from .prediction import LabelPredictionMixin
from .shared_parameters import TrainingParameters
from .target import count_labels, encode_target, positive_weight, validate_target

try:  # scikit-learn >= 1.9
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:
        """Stands for scikit-learn's, which has no callbacks before 1.9."""

    def with_callbacks(method):
        """Return the method as it is."""
        return method


__all__ = ["BaseGraphClassifier"]


class BaseGraphClassifier(
    LabelPredictionMixin,
    CallbackSupportMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    ClassifierMixin,
    TrainingParameters,
    BaseEstimator,
    metaclass=ABCMeta,
):
    """What all classifiers share: validation, training, prediction.

    A method names its hyper-parameters as fields (`skmlc.parameters`) and implements
    `_make_head`, which returns a torch module from `Nodes` to logits (N, L).
    """

    # Of the methods that have no such parameters.
    label_graph: ClassVar[Any] = "none"
    label_embedding: ClassVar[Any] = None
    linear_skip: ClassVar[bool] = False
    linear_C: ClassVar[float | str] = "scale"
    top_label: ClassVar[bool] = False
    # Whether the label graph may have concepts beyond the labels.
    _takes_concepts = False
    # The kinds of input whose own features are the nodes; of others, and of these where the
    # method reads nodes of one size, the encoder makes nodes of the hidden size.
    _raw_kinds = ()
    # Whether the nodes that an encoder makes are rectified, as those of images are.
    _rectifies_nodes = False
    # Whether the rows of a dense table are bags of one instance, and not vectors.
    _rows_are_bags = False
    # Which entry of the head's output early stopping scores: the logits.
    _scored_entry = 0

    # What a method brings -------------------------------------------------------------------

    @abstractmethod
    def _make_head(self, n_labels, node_size):
        """Return the module that maps `Nodes` to logits (N, L).

        The label graph and the labels' vectors are in `adjacency_` and `label_embedding_`.
        """

    def _elementwise_loss(self, frequency):
        """Return the loss of each entry, given the labels' frequencies; None for "bce"."""
        loss = LOSSES[self.loss] if isinstance(self.loss, str) else self.loss
        return loss.for_frequency(frequency) if hasattr(loss, "for_frequency") else loss

    def _make_loss(self, label_loss):
        """Return the loss of the head's output, given that of its logits."""
        return label_loss

    # Fitting --------------------------------------------------------------------------------

    @with_callbacks
    def fit(self, X, y, sample_weight=None):
        """Fit the label graph and train the network.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs, Images} of length n_samples
            The samples; the type says what a sample is.
        y : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_labels) or \
                (n_samples,)
            A matrix of zeros and ones, NaN where unknown if `allow_missing_labels`; or one
            class per sample, which is read as one label per class.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each sample counts, in the loss and in the label graph.

        Returns
        -------
        self : estimator
            The fitted estimator.
        """
        self._validate_params()
        warm = self.warm_start and hasattr(self, "net_")
        callbacks = self._sklearn_callbacks(X, y)
        X, target, weight = self._validate_training_data(
            X, y, sample_weight, reset=not warm
        )
        rng = check_random_state(self.random_state)
        train_rows, valid_rows = self._split(target, weight, rng)
        if not warm:
            self._fit_label_graph(target, weight, train_rows)
        with random_seed(rng.randint(np.iinfo(np.int32).max)):
            if not warm:
                self._initialize_net(X, target, weight, train_rows)
            self.net_.max_epochs = self.max_epochs
            self.net_.batch_size = (self.net_params or {}).get(
                "batch_size", self.batch_size
            )
            self._train(X, target, weight, train_rows, valid_rows, callbacks=callbacks)
        return self

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train one epoch on some samples, from where training stands.

        The label graph and the learning rate are fixed at the first call: the graph is built
        from its samples, and there is no schedule, early stopping or tuned threshold.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs, Images} of length n_samples
            The samples.
        y : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_labels) or \
                (n_samples,)
            Their labels.
        classes : array-like of shape (n_classes,), default=None
            All classes of a one-dimensional y, at the first call, if its samples do not hold
            them all.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each sample counts.

        Returns
        -------
        self : estimator
            The fitted estimator.
        """
        self._validate_params()
        first = not hasattr(self, "net_")
        X, target, weight = self._validate_training_data(
            X, y, sample_weight, reset=first, classes=classes
        )
        rows = np.flatnonzero(weight)
        if first:
            self._fit_label_graph(target, weight, rows)
        with random_seed(self._seed_of_call(first)):
            if first:
                self._initialize_net(X, target, weight, rows)
            self._train(X, target, weight, rows, None, epochs=1)
        return self

    def _seed_of_call(self, first):
        """Return a seed for `partial_fit`: repeatable, and another one at each call."""
        rng = check_random_state(self.random_state)
        if not first and isinstance(self.random_state, Integral):
            rng = np.random.RandomState([self.random_state, self.n_iter_])
        return rng.randint(np.iinfo(np.int32).max)

    def _validate_training_data(self, X, y, sample_weight, *, reset, classes=None):
        """Return X, the target and the weights, checked; set what describes them."""
        X = self._validate_input(X, reset=reset)
        y, label_names = validate_target(
            y, allow_missing=self.allow_missing_labels, estimator_name=type(self).__name__
        )
        check_consistent_length(X, y)
        weight = _check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True
        )
        if not reset and self._target_kind != "multilabel":
            classes = self.classes_
        target = encode_target(
            y, label_names, allow_missing=self.allow_missing_labels, classes=classes,
            sample_weight=weight,
        )  # fmt: skip
        if reset:
            self._set_target(target)
        elif len(target.classes) != len(self.classes_) or target.kind != self._target_kind:
            raise ValueError(
                f"y must have the {len(self.classes_)} labels of the first fit; got "
                f"{len(target.classes)} ({target.kind}, was {self._target_kind})."
            )
        else:
            self._check_label_names(target)
        self._check_threshold(target.Y.shape[1])
        return X, target, weight

    def _check_label_names(self, target):
        """Refuse other columns of y than those of the first fit."""
        seen, names = getattr(self, "label_names_", None), target.label_names
        if seen is None or names is None or list(seen) == list(names):
            return
        raise ValueError(
            f"y must have the columns of the first fit, {list(seen)}; got {list(names)}."
        )

    def _validate_input(self, X, *, reset=False):
        """Return X checked, and images at the size in which they were seen in `fit`."""
        X = validate_input(self, X, reset=reset, rows_are_bags=self._rows_are_bags)
        if self._input_kind != "images":
            return X
        if reset and self.input_dropout > 0:
            raise ValueError(
                "input_dropout must be 0 for images, which ImageEncoder(augment=...) varies "
                f"in training; got {self.input_dropout}."
            )
        encoder = choose_encoder(self.encoder, "images")
        encoder.check_range(X)
        if reset:
            X = encoder.prepare(X)
            self._image_size = X.size
        elif self._image_size is not None:
            X = X.resized(self._image_size)
        X.check_one_size()
        return X

    def _set_target(self, target):
        self.classes_ = target.classes
        self._target_kind = target.kind
        self._sparse_output = target.is_sparse
        for name in ("label_names_", "net_", "threshold_"):
            self.__dict__.pop(name, None)
        if target.label_names is not None:
            self.label_names_ = np.array(target.label_names, dtype=object)

    def _check_threshold(self, n_labels):
        """Check what depends on the labels, before any training starts."""
        if not isinstance(self.threshold, str | Real | None):
            shape = np.shape(self.threshold)
            if shape != (n_labels,):
                raise ValueError(
                    f"threshold must be a number, 'tuned', 'tuned_per_label' or an array of "
                    f"shape ({n_labels},), one per label; got shape {shape}."
                )
        if self._tunes_threshold and self._target_kind == "multiclass":
            raise ValueError(
                f"threshold={self.threshold!r} needs labels that are predicted one by one; a "
                "one-dimensional multi-class y gets its most probable class."
            )
        if isinstance(self.loss, type):
            raise TypeError(
                f"loss must be a function or an object, not a class; got {self.loss.__name__}: "
                "write its brackets."
            )
        names = [self.threshold_metric] if self._tunes_threshold else []
        if self.early_stopping not in (False, "loss"):
            names.append(self.early_stopping)
        for name in names:
            get_metric(name)  # whose error lists the names

    @property
    def _tunes_threshold(self):
        return isinstance(self.threshold, str)

    def _split(self, target, weight, rng):
        """Return the rows to train on and to validate on (or None)."""
        rows = np.flatnonzero(weight)
        if not (self.early_stopping or self._tunes_threshold):
            return rows, None
        if len(rows) < 2:
            raise ValueError(
                "early_stopping and threshold='tuned' hold out a part of the samples, which "
                f"needs at least 2 of them; got {len(rows)}."
            )
        n_valid = min(len(rows) - 1, max(1, round(self.validation_fraction * len(rows))))
        split = MultilabelStratifiedShuffleSplit(1, test_size=n_valid, random_state=rng)
        train_part, valid_part = next(split.split(np.zeros(len(rows)), target.Y[rows]))
        return rows[np.sort(train_part)], rows[np.sort(valid_part)]

    def _fit_label_graph(self, target, weight, rows):
        """Set the label graph and the labels' vectors, from the rows alone."""
        Y, options = (
            target.Y[rows],
            {
                "label_names": target.label_names,
                "sample_weight": weight[rows],
            },
        )
        self.label_graph_, self.adjacency_ = choose_label_graph(
            self.label_graph, Y, concepts=self._takes_concepts, **options
        )
        self.label_embedding_, self.label_embedding_builder_ = label_vectors(
            self.label_embedding, Y, **options
        )

    def _initialize_net(self, X, target, weight, rows):
        """Build the module and the net."""
        n_labels, dtype = target.Y.shape[1], getattr(torch, self._numpy_dtype.name)
        positives, known = count_labels(target.Y[rows], weight[rows])
        frequency = (positives + 1) / (known + 2)
        module = self._make_module(X, n_labels).to(dtype)
        params, groups = dict(self.net_params or {}), self._backbone_group(module)
        if module.skip is not None:
            multiclass = target.kind == "multiclass"
            prior = np.log(frequency) if multiclass else logit(frequency)
            module.skip.bias.data = torch.as_tensor(prior, dtype=dtype)
            group = skip_group(
                self.optimizer, mean_squared_norm(X, rows, weight), frequency,
                self.linear_C, weight[rows].sum(), 1 if multiclass else n_labels,
            )  # fmt: skip
            groups.append(("skip.weight", group))
        if groups:
            params = {"optimizer__param_groups": groups, **params}
        if self.compile:
            module.compile(dynamic=True)
        label_loss = LabelLoss(
            self._elementwise_loss(frequency),
            None
            if self.label_weight is None
            else torch.as_tensor(positive_weight(self.label_weight, positives, known)),
            multiclass=target.kind == "multiclass",
        )
        self.net_ = make_net(
            module, self._make_loss(label_loss), estimator_name=type(self).__name__,
            callbacks=list(self.callbacks or []), params=params,
            **{name: getattr(self, name) for name in NET_PARAMETERS},
        )  # fmt: skip
        self.net_.initialize()
        first = self._represent(X[rows[:1]])
        self._n_features_out = first.shape[1]

    def _make_module(self, X, n_labels):
        kind, is_image = self._input_kind, self._input_kind == "images"
        raw = kind in self._raw_kinds
        encoder = choose_encoder(self.encoder, kind).make(
            kind,
            X.image_shape if is_image else self.n_features_in_,
            None if raw else self._hidden_size_of_nodes,
        )
        if self._rectifies_nodes and not raw:
            encoder = Rectified(encoder)
        skip = None
        if self.linear_skip and not is_image:  # pixels say nothing linearly
            skip = LinearSkip(self.n_features_in_, n_labels, kind)
        head = self._make_head(n_labels, encoder.node_size)
        return Network(encoder, head, skip, self.input_dropout)

    @property
    def _hidden_size_of_nodes(self):
        return self.hidden_size

    def _backbone_group(self, module):
        """Return the optimizer's group of the backbone, if its learning rate is its own."""
        factor = getattr(module.encoder, "learning_rate_factor", 1.0)
        if factor == 1.0:
            return []
        return [("encoder.backbone.*", {"lr": self.learning_rate * factor})]

    def _train(
        self, X, target, weight, train_rows, valid_rows, *, epochs=None, callbacks=()
    ):
        data = BatchDataset(X, target.Y, weight, rows=train_rows, dtype=self._numpy_dtype)
        valid = None
        if valid_rows is not None:
            valid = BatchDataset(
                X, target.Y, weight, rows=valid_rows, dtype=self._numpy_dtype
            )
        n_batches = -(-len(data) // self.net_.batch_size)
        # Callbacks may predict; a tuned threshold is not there before the end.
        self.threshold_ = 0.5 if self._tunes_threshold else self.threshold
        own = self._backbone_callbacks()
        own += [] if epochs is not None else self._training_callbacks(n_batches)
        train(self.net_, data, valid, epochs=epochs, extra_callbacks=[*own, *callbacks])
        self.n_iter_ = len(self.net_.history)
        if self._tunes_threshold and valid is not None:
            self._tune_threshold(valid)

    def _training_callbacks(self, n_batches):
        """Return the callbacks of one training: score, best weights, schedule."""
        monitor = "valid_loss" if self.early_stopping == "loss" else "valid_score"
        callbacks = []
        if self.ema_decay is not None:
            callbacks.append(("weight_average", WeightAverage(self.ema_decay)))
        if self.early_stopping and monitor == "valid_score":
            score = ValidationScore(self._validation_score, entry=self._scored_entry)
            callbacks.append(("valid_score", score))
        if self.early_stopping:
            callbacks.append(("keep_best", KeepBest(monitor, self.patience)))
        watched = monitor if self.early_stopping else "train_loss"
        schedule = make_schedule(self.lr_schedule, self.max_epochs, n_batches, watched)
        return callbacks if schedule is None else [*callbacks, ("lr_schedule", schedule)]

    def _backbone_callbacks(self):
        """Return what keeps a backbone as it is in the first of all epochs."""
        epochs = getattr(self.module_.encoder, "frozen_epochs", 0)
        left = epochs - len(self.net_.history)
        return [("unfreeze", UnfreezeBackbone(left))] if left > 0 else []

    def _sklearn_callbacks(self, X, y):
        """Return the bridge to scikit-learn's callbacks, if there are any."""
        if not hasattr(self, "_init_callback_context"):
            return ()
        context = self._init_callback_context(max_subtasks=self.max_epochs)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        return (("sklearn", SklearnBridge(self, context, X, y)),)

    def _validation_score(self, Y, logits):
        """Return the early stopping metric of some logits; higher is better."""
        metric = get_metric(self.early_stopping)
        scores = self._label_probabilities(logits)
        if metric.response == "predict" and self._target_kind == "multiclass":
            scores = np.eye(scores.shape[1], dtype=np.uint8)[scores.argmax(axis=1)]
        elif metric.response == "predict":
            threshold = self.threshold
            if self._tunes_threshold:
                threshold = self._best_threshold(Y, scores, metric.name)
            scores = (scores >= threshold).astype(np.uint8)
        value = metric.function(Y, scores)
        return value if metric.greater_is_better else -value

    def _tune_threshold(self, valid):
        """Set `threshold_` to the best on the validation part."""
        Y, logits = predict_targets(self.net_, valid)
        probabilities = self._label_probabilities(logits)
        self.threshold_ = self._best_threshold(Y, probabilities, self.threshold_metric)

    def _best_threshold(self, Y, probabilities, metric):
        return tune_threshold(
            Y, probabilities, metric, grid=self.threshold_grid,
            per_label=self.threshold == "tuned_per_label",
        )  # fmt: skip

    @property
    def _numpy_dtype(self):
        return np.dtype("float64" if self.precision == "float64" else "float32")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = []
        return tags


NET_PARAMETERS = (
    "batch_size",
    "device",
    "learning_rate",
    "max_epochs",
    "max_grad_norm",
    "optimizer",
    "precision",
    "verbose",
    "weight_decay",
)
