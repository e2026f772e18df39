"""The base of all classifiers: hyper-parameters, validation, training and prediction."""

from abc import ABCMeta, abstractmethod
from contextlib import contextmanager
from functools import partial
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from ..failed_fit import unchanged_if_it_fails
from ..graphs.choose import choose_label_graph
from ..graphs.embeddings import label_vectors
from ..indicators import count_labels, label_prior, warn_of_unknown_labels
from ..inputs.containers import with_targets
from ..label_masking import is_off
from ..label_names import align_to_labels
from ..metrics.names import get_metric
from ..model_selection.split import MultilabelStratifiedShuffleSplit
from ..model_selection.threshold import tune_threshold
from ..nn.head_output import logits_of
from ..nn.losses import LOSSES, LabelLoss
from ..one_model import in_turn
from ..targets import positive_weight
from ..training.batches import BatchDataset
from ..training.callbacks import (
    KeepBest,
    SklearnBridge,
    UnfreezeBackbone,
    ValidationScore,
    WeightAverage,
)
from ..training.frozen_features import read_frozen_features, with_frozen_features
from ..training.net import make_net, random_seed, train
from ..training.predict import map_logits
from ..training.schedules import make_schedule
from .added_labels import NoAddedLabels
from .automatic import choose_n_epochs
from .building import make_module, optimizer_params
from .graph_state import FullGraphStateMixin
from .prediction import NetPredictionMixin
from .resuming import check_checkpoint, make_checkpoint
from .shared_parameters import TrainingParameters
from .validation import read_training_data

try:
    from sklearn.callback import (
        CallbackSupportMixin,  # pyright: ignore[reportAssignmentType]
        with_callbacks,
    )
except ImportError:  # before scikit-learn 1.9

    class CallbackSupportMixin:
        """Stands for scikit-learn's, which has no callbacks before 1.9."""

    def with_callbacks(method):
        """Return the method as it is."""
        return method


__all__ = ["BaseGraphClassifier"]


class BaseGraphClassifier(
    FullGraphStateMixin,
    NetPredictionMixin,
    CallbackSupportMixin,
    TrainingParameters,
    BaseEstimator,
    metaclass=ABCMeta,
):
    """What all classifiers share: validation, training, prediction.

    A method names its hyper-parameters as fields (`skmlc.parameters`) and implements
    `_make_head`, which returns a torch module from `Nodes` to logits (N, L).
    """

    if TYPE_CHECKING:  # a field would make it a parameter of every method
        hidden_size: int
    # Of the methods that have no such parameters.
    label_graph: ClassVar[Any] = "none"
    label_embedding: ClassVar[Any] = None
    linear_skip: ClassVar[bool] = False
    linear_C: ClassVar[float | str] = "scale"
    top_label: ClassVar[bool] = False
    label_masking: ClassVar[Any] = False
    add_labels = NoAddedLabels()
    # Whether the label graph may have concepts beyond the labels.
    _takes_concepts = False
    # The kinds of input whose own features are the nodes; of others, and of these where the
    # method reads nodes of one size, the encoder makes nodes of the hidden size.
    _raw_kinds = ()
    # Whether the nodes that an encoder makes are rectified, as those of images are.
    _rectifies_nodes = False
    # Whether the rows of a dense table are bags of one instance, and not vectors.
    _rows_are_bags = False

    # What a method brings: `skmlc.base` has a table of these hooks ---------------------------

    @abstractmethod
    def _make_head(self, n_labels, node_size):
        """Return the module that maps `Nodes` to logits (N, L), or to a `HeadOutput`.

        The label graph and the labels' vectors are in `adjacency_` and `label_embedding_`.
        """

    def _prepare_head(self, X, rows, positives):
        """Set what the head is made from, besides the label graph.

        `rows` are the samples of X to train on, `positives` (L,) the weight of those that have
        each label.
        """

    def _check_input(self, X, *, reset):
        """Raise an error if X is not what the method reads, or what it has seen in `fit`."""

    def _elementwise_loss(self, frequency):
        """Return the loss of each entry, given the labels' frequencies; None for "bce"."""
        loss = LOSSES[self.loss] if isinstance(self.loss, str) else self.loss
        for_frequency = getattr(loss, "for_frequency", None)
        return loss if for_frequency is None else for_frequency(frequency)

    def _make_loss(self, label_loss):
        """Return the loss of the head's output, given that of its logits."""
        return label_loss

    def _scored_output(self, output):
        """Return what early stopping scores (N, L) of what the network gives: its logits."""
        return logits_of(output)

    def _finish_training(self, X, target):
        """Set what follows from the trained network and its samples."""

    def _attention_bytes(self, n_samples, n_labels):
        """Return what attention among all labels takes for a batch on a CPU, at the least."""
        return 0

    @property
    def _hidden_size_of_nodes(self) -> int:
        return self.hidden_size

    # Fitting --------------------------------------------------------------------------------

    @with_callbacks
    def fit(self, X, y=None, sample_weight=None):
        """Fit the label graph and train the network.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs, Images, Texts, LazyRows, \
                torch.utils.data.Dataset} of length n_samples
            The samples; the type says what a sample is.
        y : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_labels) or \
                (n_samples,), default=None
            A matrix of zeros and ones, NaN where unknown if `allow_missing_labels`; or one
            class per sample, which is read as one label per class.  None only where the items
            of a data set of torch are pairs (x, y).
        sample_weight : array-like of shape (n_samples,), default=None
            How much each sample counts, in the loss and in the label graph.

        Returns
        -------
        self : estimator
            The fitted estimator.
        """
        self._validate_params()
        X, y = with_targets(X, y)
        callbacks = self._sklearn_callbacks(X, y)
        with in_turn(), self._earlier_model_if_it_fails():
            self._fit(X, y, sample_weight, callbacks)
        return self

    def _fit(self, X, y, sample_weight, callbacks):
        warm = self.warm_start and hasattr(self, "net_")
        check_checkpoint(self)
        if self.device == "distributed":
            distributed().check_distributed(self)
        scored = (self, X, y)
        X, target, weight = read_training_data(self, X, y, sample_weight, reset=not warm)
        if warm and self._masks_labels and not self.module_.takes_known:
            raise ValueError(
                "label_masking cannot be switched on by a warm start, whose network was made "
                "without it; fit with warm_start=False."
            )
        rng = check_random_state(self.random_state)
        seed, split_seed = rng.randint(np.iinfo(np.int32).max, size=2)
        # A warm start must not be judged by samples it was trained on.
        if not warm or not hasattr(self, "_split_seed"):
            self._split_seed = split_seed
        train_rows, valid_rows = self._split(target, weight)
        read = X
        with random_seed(seed):
            if not warm:
                read = self._initialize(X, target, weight, train_rows)
            self.net_.batch_size = (self.net_params or {}).get(
                "batch_size", self.batch_size
            )
            self.net_.max_epochs = choose_n_epochs(
                self.max_epochs,
                self._n_batches(train_rows),
                kind=self._input_kind,
                masks_labels=self._masks_labels,
            )
            checkpoint = make_checkpoint(self, X, target, weight, seed, warm=warm)
            self._train(
                read, target, weight, train_rows, valid_rows,
                callbacks=callbacks, scored=scored, checkpoint=checkpoint,
            )  # fmt: skip

    def partial_fit(self, X, y=None, classes=None, sample_weight=None):
        """Train one epoch on some samples, from where training stands.

        The label graph and the learning rate are fixed at the first call: the graph is built
        from its samples, and there is no schedule, early stopping or tuned threshold.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs, Images, Texts} of length \
                n_samples
            The samples.
        y : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_labels) or \
                (n_samples,), default=None
            Their labels; None only where the items of a data set of torch are pairs (x, y).
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
        X, y = with_targets(X, y)
        with in_turn(), self._earlier_model_if_it_fails():
            self._partial_fit(X, y, classes, sample_weight)
        return self

    def _partial_fit(self, X, y, classes, sample_weight):
        first = not hasattr(self, "net_")
        if self.device == "distributed":
            distributed().check_distributed(self)
        scored = (self, X, y)
        X, target, weight = read_training_data(
            self, X, y, sample_weight, reset=first, classes=classes
        )
        rows = np.flatnonzero(weight)
        with random_seed(self._seed_of_call(first)):
            if first:
                X = self._initialize(X, target, weight, rows)
            self._train(X, target, weight, rows, None, epochs=1, scored=scored)

    def _seed_of_call(self, first):
        """Return a seed for `partial_fit`: repeatable, and a different one at each call."""
        rng = check_random_state(self.random_state)
        if not first and isinstance(self.random_state, Integral):
            rng = np.random.RandomState([int(self.random_state), self.n_iter_])
        return rng.randint(np.iinfo(np.int32).max)

    @contextmanager
    def _earlier_model_if_it_fails(self):
        """Be what this was before the block if it fails; not fitted, if that was trained on."""
        epochs = len(self.net_.history) if hasattr(self, "net_") else 0
        try:
            with unchanged_if_it_fails(self):
                yield
        except BaseException:
            if hasattr(self, "net_") and len(self.net_.history) > epochs:
                del self.net_
            raise

    def _split(self, target, weight):
        """Return the rows to train on and to validate on (or None), the same in warm starts."""
        rows = np.flatnonzero(weight)
        if not (self._early_stopping or self._tunes_threshold):
            return rows, None
        if len(rows) < 2:
            raise ValueError(
                "early_stopping and threshold='tuned' hold out a part of the samples, which "
                f"needs at least 2 of them; got {len(rows)}."
            )
        n_valid = min(len(rows) - 1, max(1, round(self.validation_fraction * len(rows))))
        split = MultilabelStratifiedShuffleSplit(
            1, test_size=n_valid, random_state=self._split_seed
        )
        train_part, valid_part = next(split.split(np.zeros(len(rows)), target.Y[rows]))
        return rows[np.sort(train_part)], rows[np.sort(valid_part)]

    def _initialize(self, X, target, weight, rows):
        """Build label graph, network and net; return the samples as training reads them."""
        Y = target.Y[rows]
        self._fit_label_graph(Y, target.label_names, weight[rows])
        positives, known = count_labels(Y, weight[rows])
        warn_of_unknown_labels(known, weight[rows], target.label_names)
        self._prepare_head(X, rows, positives)
        module = make_module(self, X, rows, weight, Y.shape[1])
        module.to(getattr(torch, self._numpy_dtype.name))
        multiclass = target.kind == "multiclass"
        prior = label_prior(positives, known, multiclass=multiclass)
        module.set_prior(torch.as_tensor(prior))
        params = optimizer_params(self, module, X, rows, weight, prior)
        if self.compile:
            module.compile(dynamic=True)
        loss = self._make_loss(self._label_loss(positives, known, multiclass))
        make = make_net
        if self.device == "distributed":
            make = distributed().make_distributed_net
        self.net_ = make(
            module, loss, estimator_name=type(self).__name__,
            callbacks=self.callbacks, params={**params, **(self.net_params or {})},
            **{name: getattr(self, name) for name in NET_PARAMETERS},
            max_epochs=1,  # `fit` says how many
        )  # fmt: skip
        self.net_.initialize()
        if not self.compile:  # the compiler makes code for one number of threads
            data = BatchDataset(X, rows=rows, dtype=self._numpy_dtype)
            self.net_.count_operations(data)
        return read_frozen_features(self.net_, X, rows, weight, self._numpy_dtype)

    def _fit_label_graph(self, Y, label_names, weight):
        """Set the label graph and the labels' vectors."""
        options = {"label_names": label_names, "sample_weight": weight}
        self.label_graph_, self.adjacency_ = choose_label_graph(
            self.label_graph, Y, concepts=self._takes_concepts, **options
        )
        self.label_embedding_, self.label_embedding_builder_ = label_vectors(
            self.label_embedding, Y, **options
        )

    @property
    def _masks_labels(self):
        """Whether training shows and hides labels: of one, none could be shown."""
        several = self._target_kind == "multilabel" and len(self.classes_) > 1
        return several and not is_off(self.label_masking)

    def _label_loss(self, positives, known, multiclass):
        """Return the loss of logits; how frequent labels are is what training knows of them."""
        frequency = positives / np.maximum(known, np.finfo(float).tiny)
        weight = None
        if self.label_weight is not None:
            names = getattr(self, "label_names_", None)
            weight = align_to_labels(self.label_weight, names, name="label_weight")
            weight = torch.tensor(positive_weight(weight, positives, known))
        return LabelLoss(self._elementwise_loss(frequency), weight, multiclass=multiclass)

    # Training -------------------------------------------------------------------------------

    def _train(
        self,
        X,
        target,
        weight,
        train_rows,
        valid_rows,
        *,
        epochs=None,
        callbacks=(),
        scored,
        checkpoint=None,
    ):
        X = with_frozen_features(self.net_, X, self._numpy_dtype)
        data = partial(BatchDataset, X, target.Y, weight, dtype=self._numpy_dtype)
        masking = self.label_masking if self.module_.takes_known else None
        keep = getattr(self.module_.known_skip, "keep", None)
        own_rows = None if keep is None else keep(target.Y, train_rows, weight)
        train_data, valid = data(
            rows=train_rows, masking=masking, own_rows=own_rows, n_parts=self.batch_parts
        ), None  # fmt: skip
        own = self._backbone_callbacks()
        if valid_rows is not None:
            valid = data(rows=valid_rows).sort_by_length()
            valid_rows = valid.rows
        # Callbacks may predict; a tuned threshold is not there before the end.
        self.threshold_ = 0.5 if self._tunes_threshold else self._threshold
        if epochs is None:
            judge = partial(self._validation_score, target.Y, weight, valid_rows)
            scored_part = self._early_stopping and self._early_stopping != "loss"
            if valid_rows is not None and scored_part:
                self._check_early_stopping(judge, (len(valid_rows), target.Y.shape[1]))
            own += self._training_callbacks(self._n_batches(train_rows), judge)
        train(
            self.net_, train_data, valid, epochs=epochs,
            extra_callbacks=[*own, *callbacks], scored=scored, checkpoint=checkpoint,
        )  # fmt: skip
        self.n_iter_ = len(self.net_.history)
        if self._tunes_threshold and valid is not None:
            probabilities = map_logits(
                self.net_, X, self._numpy_dtype,
                lambda logits, _: self._label_probabilities(logits), rows=valid_rows,
            )  # fmt: skip
            self.threshold_ = self._best_threshold(
                target.Y[valid_rows],
                probabilities,
                weight[valid_rows],
                self.threshold_metric,
            )
        self._finish_training(X, target)

    def _n_batches(self, rows):
        return -(-len(rows) // self.net_.batch_size)

    def _training_callbacks(self, n_batches, judge):
        """Return the callbacks of one training: score, best weights, schedule."""
        monitor = "valid_loss" if self._early_stopping == "loss" else "valid_score"
        callbacks = []
        if self.ema_decay is not None:
            callbacks.append(("weight_average", WeightAverage(self.ema_decay)))
        if self._early_stopping and monitor == "valid_score":
            callbacks.append(("valid_score", ValidationScore(judge, self._scored_output)))
        if self._early_stopping:
            callbacks.append(("keep_best", KeepBest(monitor, self.patience)))
        watched = monitor if self._early_stopping else "train_loss"
        schedule = make_schedule(
            self.lr_schedule, self.net_.max_epochs, n_batches, watched,
            self._frozen_epochs_left,
        )  # fmt: skip
        return callbacks if schedule is None else [*callbacks, ("lr_schedule", schedule)]

    def _backbone_callbacks(self):
        """Return what keeps a backbone as it is in the first of all epochs."""
        left = self._frozen_epochs_left
        return [("unfreeze", UnfreezeBackbone(left))] if left > 0 else []

    @property
    def _frozen_epochs_left(self):
        """For how many more epochs the backbone stays as it is."""
        epochs = getattr(self.module_.encoder, "frozen_epochs", 0)
        return max(0, epochs - len(self.net_.history))

    def _sklearn_callbacks(self, X, y):
        """Return the bridge to scikit-learn's callbacks, if there are any."""
        init_context = getattr(self, "_init_callback_context", None)
        if init_context is None or not getattr(self, "_skl_callbacks", None):
            return ()
        n_epochs = None if self.max_epochs == "auto" else self.max_epochs
        context = init_context(max_subtasks=n_epochs)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        return (("sklearn", SklearnBridge(self, context, X, y)),)

    def _validation_score(self, Y, weight, rows, outputs):
        """Return the early stopping metric of the scored outputs of some rows."""
        metric = get_metric(self._early_stopping)
        Y, weight = Y[rows], weight[rows]
        scores = self._validation_answer(Y, weight, outputs, metric)
        value = metric.function(Y, scores, sample_weight=weight)
        return value if metric.greater_is_better else -value

    def _check_early_stopping(self, judge, shape):
        """Raise an error if the metric tells nothing about the samples held out."""
        if np.isnan(judge(np.zeros(shape, dtype=np.float32))):
            raise ValueError(
                f"early_stopping={self._early_stopping!r} is NaN on the validation part "
                f"({shape[0]} of the samples), which lacks the positive or negative labels "
                "that it needs: choose another metric or a larger validation_fraction."
            )

    def _validation_answer(self, Y, weight, logits, metric):
        """Return what a metric judges: probabilities, or labels at the threshold."""
        probabilities = self._label_probabilities(logits)
        if metric.response != "predict":
            return probabilities
        if self._target_kind == "multiclass":
            best = probabilities.argmax(axis=1)
            return np.eye(probabilities.shape[1], dtype=np.uint8)[best]
        threshold = self._threshold
        if self._tunes_threshold:
            threshold = self._best_threshold(Y, probabilities, weight, metric.name)
        return (probabilities >= threshold).astype(np.uint8)

    def _best_threshold(self, Y, probabilities, weight, metric):
        return tune_threshold(
            Y, probabilities, metric, grid=self.threshold_grid,
            per_label=self.threshold == "tuned_per_label", sample_weight=weight,
        )  # fmt: skip

    @property
    def _tunes_threshold(self):
        return isinstance(self.threshold, str)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = getattr(self.encoder, "allow_nan", False)
        tags.transformer_tags.preserves_dtype = []
        return tags


def distributed():
    """Return the module for training in several processes, which is seldom needed."""
    from ..training import distributed

    return distributed


NET_PARAMETERS = (
    "batch_size",
    "device",
    "learning_rate",
    "max_grad_norm",
    "optimizer",
    "precision",
    "verbose",
    "weight_decay",
)
