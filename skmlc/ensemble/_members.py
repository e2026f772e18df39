"""What ensembles of classifiers of label matrices share: their members, y, and `known`."""

from functools import partial
from typing import Any, ClassVar

import numpy as np
from sklearn.base import MetaEstimatorMixin
from sklearn.utils import Bunch, _safe_indexing, gen_batches, get_tags, indexable
from sklearn.utils.metaestimators import _BaseComposition
from sklearn.utils.validation import _num_samples, check_is_fitted, has_fit_parameter

from ..base.known_labels import KnownLabelsMixin
from ..base.scored_labels import ScoredLabelsMixin
from ..inputs.containers import lazily
from ..label_masking import known_rows, set_known
from ..label_names import column_names, column_order, fitted_label_names
from ..responses import can_be_told, check_no_nan, positive_probabilities, tell
from ..row_blocks import map_parts, rows_per_call
from ..targets import encode_target, set_target, validate_target, with_names_of

# Samples that are decoded at once.
ROWS_PER_BLOCK = 1024


class LabelEnsemble(
    MetaEstimatorMixin, KnownLabelsMixin, ScoredLabelsMixin, _BaseComposition
):
    """Several classifiers by name, each of which predicts the labels' probabilities.

    A class has the parameter `estimators`, and combines the predictions of its `_voters` in
    `_combine`.
    """

    estimators: Any
    estimators_: list
    named_estimators_: Bunch
    weights_: Any  # of each of `estimators_`
    _combine: Any  # maps (X, known labels or None) to probabilities (N, L)

    top_label: ClassVar[bool] = False
    threshold_: ClassVar[float] = 0.5

    # Parameters -----------------------------------------------------------------------------

    def get_params(self, deep=True):
        """Return the parameters, of the ensemble and of its members.

        Parameters
        ----------
        deep : bool, default=True
            Whether to add the members by name, and their parameters as ``name__parameter``.

        Returns
        -------
        dict
            The values by name.
        """
        return self._get_params("estimators", deep=deep)

    def set_params(self, **params):
        """Set parameters, of the ensemble and of its members.

        Parameters
        ----------
        **params : dict
            The values by name, as from `get_params`.  ``name="drop"`` leaves a member out.

        Returns
        -------
        self : estimator
            The estimator.
        """
        self._set_params("estimators", **params)
        return self

    # Fitting --------------------------------------------------------------------------------

    def _members(self):
        """Return the pairs of names and estimators that are not dropped."""
        return [
            (name, member) for name, member in self.estimators if not is_dropped(member)
        ]

    def _check_members(self, sample_weight):
        """Raise an error for what `_validate_params` cannot see in `estimators`."""
        pairs = self.estimators
        if not all(map(_is_pair, pairs)):
            raise ValueError(
                f"estimators must be a list of pairs (name, estimator); got {pairs!r}."
            )
        if not all(isinstance(name, str) for name, _ in pairs):
            raise ValueError(
                f"estimators must have names that are str; got {[name for name, _ in pairs]}."
            )
        try:
            self._validate_names([name for name, _ in pairs])
        except ValueError as error:
            raise ValueError(f"estimators must have names of their own. {error}") from None
        members = self._members()
        if not members:
            raise ValueError(
                "estimators must hold at least one that is not dropped; got "
                f"{[name for name, _ in pairs]}."
            )
        for name, member in members:
            _check_member(name, member, sample_weight)

    def _read_target(self, y):
        """Set what is kept of y, and return it as the members get it."""
        values, names = validate_target(
            y, allow_missing=True, estimator_name=type(self).__name__
        )
        target = encode_target(values, names, allow_missing=True)
        if target.kind == "multiclass":
            raise ValueError(
                "Only binary classification is supported for a one-dimensional y; got "
                f"{len(target.classes)} classes: use sklearn.ensemble.VotingClassifier with "
                "voting='soft', or give a label matrix with one column per label."
            )
        set_target(self, target)
        Y: Any = target.Y.toarray() if target.is_sparse else target.Y
        Y = Y.astype(np.float64 if Y.dtype.kind == "f" else np.int64)
        return Y[:, 0] if target.kind == "binary" else with_names_of(y, Y)

    def _set_members(self, fitted):
        """Set what is kept of the fitted members."""
        self.estimators_ = list(fitted)
        names = [name for name, _ in self._members()]
        by_name = dict(zip(names, self.estimators_))
        self.named_estimators_ = Bunch(
            **{name: by_name.get(name, "drop") for name, _ in self.estimators}
        )
        for name in ("n_features_in_", "feature_names_in_"):
            vars(self).pop(name, None)
            values = [getattr(m, name) for m in self.estimators_ if hasattr(m, name)]
            if values:
                setattr(self, name, values[0])

    # Prediction -----------------------------------------------------------------------------

    def _fitted_members(self):
        """Return pairs of names and fitted members."""
        fitted = self.named_estimators_.items()
        names = [name for name, member in fitted if not is_dropped(member)]
        return list(zip(names, self.estimators_))

    def _voters(self):
        """Return (name, member, weight) of the fitted members that count."""
        voters = [
            (*pair, weight) for pair, weight in zip(self._fitted_members(), self.weights_)
        ]
        return [voter for voter in voters if np.any(voter[2])]

    def _cannot_be_told(self):
        if self._target_kind == "binary":
            return "it is for a matrix of labels, and y was one-dimensional in fit."
        for name, member, _ in self._voters():
            reason = _why_not_told(member)
            if reason is not None:
                return f"the member {name!r} takes no known labels: {reason}"
        return None

    def _probabilities(self, X, known):
        check_is_fitted(self)
        return self._answer(X, None if known is None else known_rows(known, slice(None)))

    def _map_probabilities(self, X, known, function):
        check_is_fitted(self)
        n_samples, step = _num_samples(X), rows_per_call(len(self.classes_))
        if n_samples <= step:
            return super()._map_probabilities(X, known, function)
        (X,) = indexable(lazily(X))

        def predict(rows):
            part = _safe_indexing(X, np.arange(rows.start, rows.stop))
            return self._answer(part, None if known is None else known_rows(known, rows))

        return map_parts(n_samples, step, predict, function, known)

    def _map_known(self, X, given, function):
        (X,) = indexable(X)
        results = []
        for block in gen_batches(_num_samples(X), ROWS_PER_BLOCK):
            rows = np.arange(block.start, block.stop)
            predict = partial(self._answer, _safe_indexing(X, rows))
            results += list(function(predict, known_rows(given, rows), rows))
        return results

    def _answer(self, X, known):
        """Return probabilities (N, L), given int8 labels (N, L) that are known, or None."""
        return set_known(self._combine(X, known), known)

    def _ask(self, name, member, X, known):
        """Return the probabilities of a member (N, L), in the order of `classes_`."""
        own, names = fitted_label_names(self), fitted_label_names(member)
        if known is None:
            given = member.predict_proba(X)
        else:
            # The member reads them in the order of its own labels.
            order = _order(names, own, name)
            states = np.where(known == 0, np.nan, known > 0)
            states = states if order is None else states[:, order]
            given = tell(member, "predict_proba", X, states)
        names = column_names(given) or names
        n_labels = 1 if self._target_kind == "binary" else len(self.classes_)
        proba = np.asarray(_as_columns(given, member, n_labels), dtype=np.float64)
        if proba.shape != (_num_samples(X), n_labels):
            raise ValueError(
                f"predict_proba of the member {name!r} must give {n_labels} columns, one per "
                f"label of y; got shape {proba.shape}."
            )
        order = _order(own, names, name)
        proba = proba if order is None else proba[:, order]
        check_no_nan(proba, "predict_proba", f"the member {name!r}")
        return proba

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        pairs = self.estimators if isinstance(self.estimators, list) else []
        members = [pair[1] for pair in pairs if _is_pair(pair) and hasattr(pair[1], "fit")]
        inner = [get_tags(member) for member in members]
        for name in ("sparse", "allow_nan", "pairwise"):
            of_all = bool(inner) and all(getattr(t.input_tags, name) for t in inner)
            setattr(tags.input_tags, name, of_all)
        tags.input_tags.positive_only = any(t.input_tags.positive_only for t in inner)
        takes_matrix = all(map(_takes_label_matrix, inner))
        tags.classifier_tags.multi_class = False
        tags.classifier_tags.multi_label = takes_matrix
        tags.target_tags.multi_output = takes_matrix
        return tags


# One member -----------------------------------------------------------------------------------


def _is_pair(value):
    """Return whether a value may be the name of a member and the member."""
    return isinstance(value, list | tuple) and len(value) == 2


def is_dropped(member):
    """Return whether a member is the word "drop"."""
    return isinstance(member, str) and member == "drop"


def _takes_label_matrix(tags):
    """Return whether a member's tags say that it takes label matrices."""
    of_classifier = tags.classifier_tags
    is_multilabel = of_classifier is not None and of_classifier.multi_label
    return is_multilabel or tags.target_tags.multi_output


def _check_member(name, member, sample_weight):
    """Raise an error for a member that cannot be fitted, or has no probabilities."""
    if isinstance(member, type) or not hasattr(member, "fit"):
        raise TypeError(
            f"estimators must hold instances of classifiers or 'drop'; got {member!r} for "
            f"{name!r}."
        )
    if not hasattr(member, "predict_proba"):
        raise TypeError(
            f"estimators must have predict_proba, whose probabilities are averaged; {name!r}, "
            f"{member!r}, has none."
        )
    if sample_weight is not None and not has_fit_parameter(member, "sample_weight"):
        raise TypeError(
            "sample_weight must be None unless the fit of each member takes it; that of "
            f"{name!r}, {member!r}, does not."
        )


def _why_not_told(member):
    """Return why a fitted member takes no known labels; None if it seems to take them."""
    if not can_be_told(member, "predict_proba"):
        return (
            f"the predict_proba of {type(member).__name__} has no known; leave it out, or put "
            "it in a KnownLabelsClassifier."
        )
    return member._cannot_be_told() if isinstance(member, ScoredLabelsMixin) else None


def _as_columns(proba, member, n_labels):
    """Return any form of predict_proba as (N, L)."""
    proba = positive_probabilities(proba, member, np.empty((1, n_labels)))
    return np.reshape(proba, (-1, 1)) if np.ndim(proba) == 1 else proba


def _order(names, others, name):
    """Return where the labels of one stand among those of another, None for as they are."""
    return column_order(names, others, name=f"the member {name!r}", reference="y")
