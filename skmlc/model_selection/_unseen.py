"""What meta-estimators share that learn from probabilities of samples set apart."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import check_cv
from sklearn.utils import _safe_indexing, get_tags, indexable
from sklearn.utils.metaestimators import _safe_split, available_if
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _num_samples, check_is_fitted

from .._samples import check_same_samples
from .._spelling import did_you_mean
from ..indicators import read_weight
from ..label_masking import read_known
from ..label_names import column_names, column_order, fitted_label_names
from ..one_model import of_one_model
from ..responses import check_no_nan
from ..row_blocks import map_parts, map_rows, rows_per_call
from ..subset_score import SubsetScoreMixin
from ..targets import encode_target, set_target, validate_target, with_names_of
from ..versioned import VersionedState
from ._names import NamesMixin, respond
from .group_split import read_groups
from .split import stratified_folds, stratified_part


class UnseenProbabilities(
    NamesMixin, VersionedState, SubsetScoreMixin, MetaEstimatorMixin, BaseEstimator
):
    """A classifier around another, of which it needs probabilities of unseen samples.

    Its parameters are `estimator`, `cv`, `refit`, `n_jobs`, `random_state` and `verbose`.
    """

    @available_if(lambda self: hasattr(self.estimator, "decision_function"))
    @of_one_model
    def decision_function(self, X, known=None):
        """Return the classifier's decision function, as it is.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs} of length n_samples
            The samples.
        known : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_labels), \
                default=None
            Their known labels, for a classifier that takes them, such as `LaMPClassifier`.

        Returns
        -------
        ndarray of shape (n_samples, n_labels) or (n_samples,)
            What the classifier gives.
        """
        check_is_fitted(self)
        return respond(self.estimator_, "decision_function", X, known)

    def _check_estimator(self):
        """Raise an error, before any fit, for a classifier that gives no probabilities."""
        if not hasattr(self.estimator, "predict_proba"):
            raise TypeError(
                "estimator must have predict_proba, whose probabilities are needed; got "
                f"{self.estimator!r}."
            )
        if self._is_prefit():
            try:
                check_is_fitted(self.estimator)
            except NotFittedError as error:
                raise NotFittedError(
                    "estimator must be fitted already with cv='prefit'; fit it first."
                ) from error
        if isinstance(self.cv, str) and not self._is_prefit():
            raise ValueError(
                "cv must be a number, a splitter, (train, test) indices or 'prefit'; got "
                f"{self.cv!r}. {did_you_mean(self.cv, ['prefit'])}".rstrip()
            )

    def _is_prefit(self):
        return isinstance(self.cv, str) and self.cv == "prefit"

    def _read_and_fit(self, X, y, sample_weight, groups):
        """Set `estimator_`; return labels, probabilities and weights of unseen samples."""
        from ..inputs.containers import with_targets  # which loads torch

        X, y = with_targets(X, y)
        y, target = self._read_target(y)
        (X,) = indexable(X)
        check_same_samples(X, y)
        groups = read_groups(groups, target.Y.shape[0])
        if sample_weight is not None:
            sample_weight = read_weight(sample_weight, target.Y.shape[0])
        set_target(self, target)
        rows, probabilities = self._unseen_probabilities(X, y, sample_weight, groups)
        Y = target.Y[rows]
        weight = None if sample_weight is None else sample_weight[rows]
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
        return Y, probabilities, weight

    def _read_target(self, y):
        """Return y as the classifier gets it, and as a Target."""
        name = type(self).__name__
        values, label_names = validate_target(y, allow_missing=True, estimator_name=name)
        target = encode_target(values, label_names, allow_missing=True)
        if target.kind == "multiclass":
            raise ValueError(
                "Only binary classification is supported for a one-dimensional y; got "
                f"{len(target.classes)} classes, of which the most probable is predicted "
                "without a threshold."
            )
        if target.kind == "binary":
            return target.classes[target.Y[:, 0]], target
        if values.dtype.kind == "f" and values.dtype != np.float64:
            values = values.astype(np.float64)
        # A DataFrame stays one, so that the classifier sees the names of the labels.
        return with_names_of(y, values), target

    def _splits(self, X, y, groups):
        """The (train, test) indices to tune on."""
        if isinstance(self.cv, Integral):
            cv = stratified_folds(int(self.cv), self.random_state, groups)
        elif isinstance(self.cv, Real):
            cv = stratified_part(self.cv, self.random_state, groups)
        else:
            cv = check_cv(self.cv)
        splits = list(cv.split(X, y, groups))
        if not self.refit and len(splits) != 1:
            raise ValueError(
                f"refit must be True where cv makes several splits; got {len(splits)} "
                "splits, pass a share such as cv=0.2 to keep the classifier of one."
            )
        return splits

    def _unseen_probabilities(self, X, y, sample_weight, groups):
        """Set `estimator_`; return rows and their probabilities from fits without them."""
        if self._is_prefit():
            self.estimator_ = self.estimator
            return slice(None), self._label_probabilities(self.estimator_, X)
        splits = self._splits(X, y, groups)
        parallel = Parallel(n_jobs=self.n_jobs, verbose=self.verbose)
        results = parallel(
            delayed(self._fit_and_predict)(X, y, sample_weight, *split) for split in splits
        )
        self.estimator_ = results[0][0]
        if self.refit:
            self.estimator_ = clone(self.estimator)
            self.estimator_.fit(X, y, **_fit_params(sample_weight))
        rows = np.concatenate([test for _, test in splits])
        return rows, np.concatenate([probabilities for _, probabilities in results])

    def _fit_and_predict(self, X, y, sample_weight, train, test):
        """Fit on one part and return the classifier and the other part's probabilities."""
        estimator = clone(self.estimator)
        X_train, y_train = _safe_split(estimator, X, y, train)
        X_test, _ = _safe_split(estimator, X, y, test, train)
        weight = None if sample_weight is None else _safe_indexing(sample_weight, train)
        estimator.fit(X_train, y_train, **_fit_params(weight))
        probabilities = self._label_probabilities(estimator, X_test)
        # A classifier that nobody needs is not sent back from another process.
        return None if self.refit else estimator, probabilities

    def _map_probabilities(self, X, known, function):
        """Return what `function` makes of probabilities and known labels, part by part."""
        from ..inputs.containers import lazily  # which loads torch

        n_samples, step = _num_samples(X), rows_per_call(len(self.classes_))
        if n_samples <= step:
            probabilities = self._own_probabilities(X, known)
            return map_rows(probabilities, function, self._read_known(known, n_samples))
        X, given = indexable(lazily(X), known)
        known = self._read_known(known, n_samples)

        def predict(rows):
            rows = np.arange(rows.start, rows.stop)
            part = None if given is None else _safe_indexing(given, rows)
            return self._own_probabilities(_safe_indexing(X, rows), part)

        return map_parts(n_samples, step, predict, function, known)

    def _own_probabilities(self, X, known):
        """The probabilities by which is predicted, of shape (n_samples, n_labels)."""
        return self._label_probabilities(self.estimator_, X, known)

    def _of_classes(self, probabilities):
        """Probabilities of the labels as those of `classes_`: of a binary y, two."""
        if self._target_kind != "binary":
            return probabilities
        return np.column_stack([1 - probabilities, probabilities])

    def _read_known(self, known, n_samples):
        """Return what is known as 1, -1 and 0, or None."""
        if known is None:
            return None
        return read_known(known, n_samples, len(self.classes_), fitted_label_names(self))

    def _label_probabilities(self, estimator, X, known=None):
        """The probabilities of a classifier, of shape (n_samples, n_labels)."""
        given = respond(estimator, "predict_proba", X, known)
        probabilities = self._as_matrix(estimator, given)
        check_no_nan(probabilities, "predict_proba", "estimator")
        return probabilities

    def _as_matrix(self, estimator, probabilities):
        """Bring what predict_proba has returned to (n_samples, n_labels)."""
        if self._target_kind == "binary":
            classes = getattr(estimator, "classes_", self.classes_)
            return _class_column(probabilities, classes, self.classes_[1])[:, None]
        if isinstance(probabilities, list):
            probabilities = _stack_columns(estimator, probabilities)
        names = column_names(probabilities) or fitted_label_names(estimator)
        probabilities = np.asarray(probabilities)
        n_labels = len(self.classes_)
        if n_labels == 1 and probabilities.ndim == 2 and probabilities.shape[1] == 2:
            classes = getattr(estimator, "classes_", [0, 1])
            return _class_column(probabilities, classes, 1)[:, None]
        if probabilities.ndim != 2 or probabilities.shape[1] != n_labels:
            raise ValueError(
                f"predict_proba of estimator must give {n_labels} columns, one per label "
                f"of y; got shape {probabilities.shape}."
            )
        own = getattr(self, "label_names_", None)
        order = column_order(
            None if own is None else list(own), names, name="estimator", reference="y"
        )
        return probabilities if order is None else probabilities[:, order]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.input_tags = inner.input_tags
        tags.classifier_tags.multi_class = False
        if inner.classifier_tags is not None:
            tags.classifier_tags.multi_label = inner.classifier_tags.multi_label
        return tags


def _stack_columns(estimator, probabilities):
    """One array for the list that forests, neighbors and the like give."""
    classes = getattr(estimator, "classes_", None)
    if not isinstance(classes, list) or len(classes) != len(probabilities):
        classes = [np.arange(column.shape[1]) for column in probabilities]
    return np.column_stack(
        [_class_column(*pair, 1) for pair in zip(probabilities, classes)]
    )


def _class_column(probabilities, classes, positive):
    """The column of a class; zeros for one that the classifier never saw."""
    column = np.flatnonzero(np.asarray(classes) == positive)
    return probabilities[:, column[0]] if len(column) else np.zeros(len(probabilities))


def _fit_params(sample_weight):
    """Arguments of `fit` beyond X and y."""
    return {} if sample_weight is None else {"sample_weight": sample_weight}
