"""The base of all classifiers: hyper-parameters, validation, training and prediction."""

from abc import ABCMeta, abstractmethod
from numbers import Integral, Real

import numpy as np
import torch
from scipy import sparse
from scipy.special import expit, logit, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import (
    _check_sample_weight,
    check_consistent_length,
    check_is_fitted,
)

from .graphs import CooccurrenceGraph
from .graphs.adjacency import check_adjacency
from .inputs.encoders import make_encoder
from .inputs.targets import count_labels, encode_target, positive_weight, validate_target
from .inputs.validation import validate_input
from .metrics.scorers import get_metric
from .model_selection.split import MultilabelStratifiedShuffleSplit
from .model_selection.threshold import tune_threshold
from .nn.losses import LabelLoss
from .nn.network import LinearSkip, Network
from .training.batches import BatchDataset
from .training.callbacks import (
    SCHEDULES,
    KeepBest,
    SklearnBridge,
    ValidationScore,
    make_schedule,
)
from .training.linear_skip import mean_squared_norm, skip_group
from .training.net import (
    OPTIMIZERS,
    make_net,
    predict_logits,
    predict_targets,
    random_seed,
    train,
)

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
    CallbackSupportMixin, ClassifierMixin, BaseEstimator, metaclass=ABCMeta
):
    """What all classifiers share: validation, training, prediction.

    A method names its hyper-parameters in `__init__` (scikit-learn reads its signature) and
    implements `_make_head`, which returns a torch module from `Nodes` to logits (N, L).
    """

    # Parameters of the methods that have a label graph, or a linear skip.
    label_graph = "none"
    linear_skip = False
    linear_C = "scale"
    # Which entry of the head's output early stopping scores: the logits.
    _scored_entry = 0

    _parameter_constraints = {
        "label_graph": [
            StrOptions({"full", "none", "cooccurrence"}),
            "array-like",
            "sparse matrix",
            HasMethods("fit"),
        ],
        "encoder": [StrOptions({"auto"}), HasMethods("make")],
        "linear_skip": ["boolean"],
        "linear_C": [Interval(Real, 0, None, closed="neither"), StrOptions({"scale"})],
        "input_dropout": [Interval(Real, 0, 1, closed="left")],
        "loss": [StrOptions({"bce"}), callable],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "optimizer": [StrOptions(set(OPTIMIZERS)), callable],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "lr_schedule": [StrOptions(set(SCHEDULES) - {None}), None],
        "max_grad_norm": [Interval(Real, 0, None, closed="neither"), None],
        "early_stopping": [Options(bool, {False}), str],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "patience": [Interval(Integral, 1, None, closed="left")],
        "threshold": [
            Interval(Real, 0, 1, closed="both"),
            StrOptions({"tuned", "tuned_per_label"}),
            "array-like",
        ],
        "threshold_metric": [str],
        "threshold_grid": [StrOptions({"lamp", "exact"}), "array-like"],
        "label_weight": [StrOptions({"balanced"}), "array-like", None],
        "allow_missing_labels": ["boolean"],
        "device": [str, torch.device],
        "precision": [StrOptions({"float32", "float64", "bfloat16"})],
        "compile": ["boolean"],
        "callbacks": [list, tuple, None],
        "net_params": [dict, None],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    @abstractmethod
    def __init__(
        self,
        *,
        encoder,
        input_dropout,
        loss,
        max_epochs,
        batch_size,
        learning_rate,
        optimizer,
        weight_decay,
        lr_schedule,
        max_grad_norm,
        early_stopping,
        validation_fraction,
        patience,
        threshold,
        threshold_metric,
        threshold_grid,
        label_weight,
        allow_missing_labels,
        device,
        precision,
        compile,
        callbacks,
        net_params,
        warm_start,
        random_state,
        verbose,
    ):
        self.encoder = encoder
        self.input_dropout = input_dropout
        self.loss = loss
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.optimizer = optimizer
        self.weight_decay = weight_decay
        self.lr_schedule = lr_schedule
        self.max_grad_norm = max_grad_norm
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.threshold = threshold
        self.threshold_metric = threshold_metric
        self.threshold_grid = threshold_grid
        self.label_weight = label_weight
        self.allow_missing_labels = allow_missing_labels
        self.device = device
        self.precision = precision
        self.compile = compile
        self.callbacks = callbacks
        self.net_params = net_params
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    # What a method brings -------------------------------------------------------------------

    @abstractmethod
    def _make_head(self, n_labels, adjacency):
        """Return the module that maps `Nodes` to logits (N, L)."""

    def _make_loss(self, label_loss):
        """Return the loss of the head's output, given that of its logits."""
        return label_loss

    # Fitting --------------------------------------------------------------------------------

    @with_callbacks
    def fit(self, X, y, sample_weight=None):
        """Fit the label graph and train the network.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs} of length n_samples
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
            self._train(X, target, weight, train_rows, valid_rows, callbacks=callbacks)
        return self

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train one epoch on some samples, from where training stands.

        The label graph and the learning rate are fixed at the first call: the graph is built
        from its samples, and there is no schedule, early stopping or tuned threshold.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs} of length n_samples
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
        X = validate_input(self, X, reset=reset)
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
        self._check_threshold(target.Y.shape[1])
        return X, target, weight

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
        """Set `label_graph_` (a builder or None) and `adjacency_`, from the rows alone."""
        graph, n_labels = self.label_graph, target.Y.shape[1]
        self.label_graph_ = None
        if isinstance(graph, str) and graph == "cooccurrence":
            graph = CooccurrenceGraph()
        if hasattr(graph, "fit"):
            self.label_graph_ = clone(graph).fit(
                target.Y[rows], label_names=target.label_names, sample_weight=weight[rows]
            )
            graph = self.label_graph_.adjacency_
        self.adjacency_ = check_adjacency(graph, n_labels)

    def _initialize_net(self, X, target, weight, rows):
        """Build the module and the net."""
        n_labels, dtype = target.Y.shape[1], getattr(torch, self._numpy_dtype.name)
        positives, known = count_labels(target.Y[rows], weight[rows])
        frequency = (positives + 1) / (known + 2)
        module = self._make_module(n_labels).to(dtype)
        params = dict(self.net_params or {})
        if module.skip is not None:
            multiclass = target.kind == "multiclass"
            prior = np.log(frequency) if multiclass else logit(frequency)
            module.skip.bias.data = torch.as_tensor(prior, dtype=dtype)
            group = skip_group(
                self.optimizer, mean_squared_norm(X, rows, weight), frequency,
                self.linear_C, weight[rows].sum(), 1 if multiclass else n_labels,
            )  # fmt: skip
            params = {"optimizer__param_groups": [("skip.weight", group)], **params}
        if self.compile:
            module.compile(dynamic=True)
        label_loss = LabelLoss(
            None if self.loss == "bce" else self.loss,
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

    def _make_module(self, n_labels):
        encoder = make_encoder(
            self.encoder, self._input_kind, self.n_features_in_, self.hidden_size
        )
        skip = None
        if self.linear_skip:
            skip = LinearSkip(self.n_features_in_, n_labels, self._input_kind)
        head = self._make_head(n_labels, self.adjacency_)
        return Network(encoder, head, skip, self.input_dropout)

    def _train(
        self, X, target, weight, train_rows, valid_rows, *, epochs=None, callbacks=()
    ):
        data = BatchDataset(X, target.Y, weight, rows=train_rows, dtype=self._numpy_dtype)
        valid = None
        if valid_rows is not None:
            valid = BatchDataset(
                X, target.Y, weight, rows=valid_rows, dtype=self._numpy_dtype
            )
        n_batches = -(-len(data) // self.batch_size)
        # Callbacks may predict; a tuned threshold is not there before the end.
        self.threshold_ = 0.5 if self._tunes_threshold else self.threshold
        own = [] if epochs is not None else self._training_callbacks(n_batches)
        train(self.net_, data, valid, epochs=epochs, extra_callbacks=[*own, *callbacks])
        self.n_iter_ = len(self.net_.history)
        if self._tunes_threshold and valid is not None:
            self._tune_threshold(valid)

    def _training_callbacks(self, n_batches):
        """Return the callbacks of one training: score, best weights, schedule."""
        monitor = "valid_loss" if self.early_stopping == "loss" else "valid_score"
        callbacks = []
        if self.early_stopping and monitor == "valid_score":
            score = ValidationScore(self._validation_score, entry=self._scored_entry)
            callbacks.append(("valid_score", score))
        if self.early_stopping:
            callbacks.append(("keep_best", KeepBest(monitor, self.patience)))
        watched = monitor if self.early_stopping else "train_loss"
        schedule = make_schedule(self.lr_schedule, self.max_epochs, n_batches, watched)
        return callbacks if schedule is None else [*callbacks, ("lr_schedule", schedule)]

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

    # What was fitted ------------------------------------------------------------------------

    @property
    def module_(self):
        """The trained torch module."""
        return self.net_.module_

    @property
    def history_(self):
        """The losses and scores of each epoch, a skorch History."""
        return self.net_.history_

    # Prediction -----------------------------------------------------------------------------

    def decision_function(self, X):
        """Return the logits of the labels.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs} of length n_samples
            The samples.

        Returns
        -------
        ndarray of shape (n_samples, n_labels)
            The logits; of shape (n_samples,) if y was binary and one-dimensional.
        """
        check_is_fitted(self)
        X = validate_input(self, X, reset=False)
        with random_seed(0):  # reading batches draws from the global state
            logits = predict_logits(self.net_, X, self._numpy_dtype)
        return logits[:, 0] if self._target_kind == "binary" else logits

    def predict_proba(self, X):
        """Return the probability of each label.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs} of length n_samples
            The samples.

        Returns
        -------
        ndarray of shape (n_samples, n_labels)
            Column j is the probability that label j holds; rows need not sum to one.  For a
            one-dimensional y, the probability of each class, as everywhere in scikit-learn.
        """
        return self._to_probabilities(self.decision_function(X))

    def _to_probabilities(self, logits):
        """Return probabilities from logits, two columns where y was binary."""
        probabilities = self._label_probabilities(logits)
        if self._target_kind != "binary":
            return probabilities
        positive = probabilities.reshape(-1)
        return np.column_stack([1 - positive, positive])

    def _label_probabilities(self, logits):
        """Return one probability per logit, consistent with a hierarchy of labels."""
        if self._target_kind == "multiclass":
            return softmax(logits, axis=1)
        if self._target_kind == "binary" or self.label_graph_ is None:
            return expit(logits)
        return self.label_graph_.make_consistent(expit(logits))

    def predict(self, X):
        """Return labels, in the form in which y was given to `fit`.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs} of length n_samples
            The samples.

        Returns
        -------
        {ndarray, CSR matrix} of shape (n_samples, n_labels) or ndarray of shape (n_samples,)
            A label is predicted where its probability is at least the threshold.
        """
        probabilities = self.predict_proba(X)
        if self._target_kind == "multiclass":
            return self.classes_[probabilities.argmax(axis=1)]
        if self._target_kind == "binary":
            return self.classes_[(probabilities[:, 1] >= self.threshold_).astype(int)]
        positive = (probabilities >= self.threshold_).astype(np.int64)
        return sparse.csr_matrix(positive) if self._sparse_output else positive

    def predict_top_k(self, X, k=5):
        """Return the most probable labels of each sample.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs} of length n_samples
            The samples.
        k : int, default=5
            How many labels, at most the number of labels.

        Returns
        -------
        indices : ndarray of shape (n_samples, k)
            The labels, the most probable first; equal ones in order.
        probabilities : ndarray of shape (n_samples, k)
            Their probabilities.

        Raises
        ------
        ValueError
            If k is not between 1 and the number of labels.
        """
        probabilities = self.predict_proba(X)
        n_labels = probabilities.shape[1]
        if not isinstance(k, Integral) or not 1 <= k <= n_labels:
            raise ValueError(f"k must be an integer from 1 to {n_labels}; got {k!r}.")
        indices = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
        return indices, np.take_along_axis(probabilities, indices, axis=1)

    @available_if(lambda self: self._has_label_names())
    def predict_labels(self, X):
        """Return the names of the predicted labels.

        Available where y was a DataFrame, whose columns are the names.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs} of length n_samples
            The samples.

        Returns
        -------
        list of list of str
            The names for each sample, in the order of the columns.
        """
        positive = self.predict(X)
        return [self.label_names_[np.flatnonzero(row)].tolist() for row in positive]

    def _has_label_names(self):
        if hasattr(self, "label_names_"):
            return True
        raise AttributeError("label names are known only where y was a DataFrame in fit.")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        tags.input_tags.sparse = True
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
