"""What X may be: a table, a sparse matrix or a container, and the same kind in prediction."""

from collections.abc import Mapping, Set
from numbers import Real

import numpy as np
from scipy import sparse
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data
from torch.utils.data import DataLoader

from ..mapped import blocks, is_mapped
from .categories import find_categories
from .containers import Bags, Graphs, Images, LazyRows, Sequences, Texts, as_container
from .containers.base import as_floats
from .containers.structure import WRAP_TOKENS
from .forms import FLOAT, SCALE, check_finite, check_fits, number_types, read_table

__all__ = ["as_bags", "one_instance_each", "validate_bags", "validate_input"]

CONTAINERS = {
    Sequences: "sequences",
    Bags: "bags",
    Graphs: "graphs",
    Images: "images",
    Texts: "texts",
}
TABLES = {"vectors", "sparse"}
FEW_NUMBERS = 2**12


def validate_input(estimator, X, *, reset, rows_are_bags=False, encoder=None):
    """Return X as an array, a CSR matrix or a container, of the kind seen in `fit`.

    The numbers of a table keep their type, so that a memory map stays on disk. They must fit
    into the type that the estimator's `precision` stands for, float32 where it has none.

    Parameters
    ----------
    estimator : estimator
        Gets `n_features_in_`, `feature_names_in_` and the kind where `reset` is true.
    X : object
        As the user gave it.
    reset : bool
        Whether this is the first fit.
    rows_are_bags : bool, default=False
        Whether the rows of a dense table are bags of one instance, and not vectors.
    encoder : encoder specification, default=None
        Says which columns of a dense table hold categories, which are then numbers in what is
        returned, and whether NaN may be among its numbers; or that images are feature maps.

    Returns
    -------
    ndarray, LazyRows, CSR matrix, Sequences, Bags, Graphs, Images or Texts
        A table in the storage seen in `fit`, which settled what its nodes are; with
        `rows_are_bags`, the rows of a dense table as bags. A CSR matrix stores each entry
        once, in order, and no zeros.

    Raises
    ------
    ValueError
        If X is of another kind or width than in `fit`, not finite, too large for the
        precision, or not of real numbers.
    """
    _refuse_what_has_no_rows(X, "X")
    if "texts" in getattr(encoder, "kinds", ()):
        X = Texts(X)
    else:
        X = as_container(X, are_maps=getattr(encoder, "backbone", "") is None)
    kind = CONTAINERS.get(type(X))
    if kind is None:
        kind = "sparse" if sparse.issparse(X) else "vectors"
    bags_of_rows = rows_are_bags and _is_table_of_bags(estimator, kind, reset)
    if not (reset or bags_of_rows):
        _check_kind(kind, estimator._input_kind)
    if reset:
        estimator._input_kind = "bags" if bags_of_rows else kind
        estimator._categories = None
    if kind not in TABLES:
        _check_container(estimator, X, kind, reset)
        return X
    if isinstance(X, LazyRows) and (bags_of_rows or _has_codes(estimator, encoder, reset)):
        X = np.asarray(X)
    if isinstance(X, LazyRows):
        _check_rows(estimator, X, reset, encoder)
    else:
        X = _validate_table(estimator, X, reset, encoder)
    if estimator._input_kind == "sparse":
        return _as_csr(X)
    X = X.toarray() if sparse.issparse(X) else X
    return one_instance_each(X) if bags_of_rows else X


def _check_kind(kind, seen):
    """Raise an error if X is not of the kind seen in `fit`; tables may be sparse or not."""
    if kind == seen or {kind, seen} == TABLES:
        return
    # Lists of token ids that happen to be of one length look like a table.
    hint = f" {WRAP_TOKENS}" if (seen, kind) == ("sequences", "vectors") else ""
    raise ValueError(f"X must be of the kind seen in fit, {seen!r}; got {kind!r}.{hint}")


def _validate_table(estimator, X, reset, encoder):
    """Return a table or a sparse matrix, checked by scikit-learn and for its range."""
    names_categories = hasattr(encoder, "categorical_features")
    if reset and names_categories:
        estimator._categories = find_categories(X, encoder.categorical_features)
    is_coded = estimator._categories is not None
    if is_coded:
        # First of all: of other columns, the categories would be other ones.
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        X = estimator._categories.encode(X)
    X = read_table(X, hint=NAME_CATEGORIES if names_categories else "")
    if not (reset or is_coded) and _passes_all_checks(estimator, X):
        return X
    options = {
        "accept_sparse": "csr", "dtype": number_types(X),
        "ensure_all_finite": False,  # `_check_finite` names the column
    }  # fmt: skip
    if is_coded:
        X = check_array(X, estimator=estimator, input_name="X", **options)
    else:
        X = validate_data(estimator, X, reset=reset, **options)
    _check_finite(estimator, X, encoder)
    _check_range(estimator, X.data if sparse.issparse(X) else X)
    return X


NAME_CATEGORIES = (
    ", or say that it holds categories with FeatureEncoder(categorical_features=[...])"
)


def _has_codes(estimator, encoder, reset):
    """Whether columns of an array hold categories, which are looked for in all rows at once."""
    if not reset:
        return estimator._categories is not None
    return not isinstance(getattr(encoder, "categorical_features", None), str | None)


def _check_rows(estimator, X, reset, encoder):
    """Check a table that is not in memory as `_validate_table` does, reading it once."""
    if 0 in X.shape:
        check_array(np.empty(X.shape), estimator=estimator, input_name="X")  # which raises
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    for block in blocks(X):
        _check_finite(estimator, block, encoder)
        _check_range(estimator, block)


def _as_csr(X):
    """Return a table as CSR, part by part where it is not in memory."""
    if isinstance(X, LazyRows):
        return sparse.vstack(
            [sparse.csr_matrix(block) for block in blocks(X)], format="csr"
        )
    return X if sparse.issparse(X) else sparse.csr_matrix(X)


def _passes_all_checks(estimator, X):
    """Whether X, from `read_table`, holds few numbers that no other check would change.

    Scikit-learn's take as long as a small network takes to predict one sample.
    """
    if type(X) not in (np.ndarray, sparse.csr_matrix, sparse.csr_array):
        return False
    values = X.data if sparse.issparse(X) else X
    return (
        values.dtype in FLOAT
        and values.size <= FEW_NUMBERS
        and len(X.shape) == 2
        and X.shape[0] > 0
        and X.shape[1] == estimator.n_features_in_
        and not hasattr(estimator, "feature_names_in_")
        and np.abs(values).max(initial=0) <= np.finfo(np.float32).max  # not so of NaN
    )


def _check_finite(estimator, X, encoder):
    """Raise an error that names the first column with infinity, or NaN if it is not read."""
    is_vectors = estimator._input_kind == "vectors" and hasattr(encoder, "allow_nan")
    hint = ", or read it as such with FeatureEncoder(allow_nan=True)" if is_vectors else ""
    check_finite(
        X,
        getattr(estimator, "feature_names_in_", None),
        allow_nan=is_vectors and not sparse.issparse(X) and encoder.allow_nan,
        hint="" if sparse.issparse(X) else hint,
    )


def _check_range(estimator, *arrays):
    """Raise an error if numbers are too large for the type in which they will be read."""
    precision = getattr(estimator, "precision", None)
    dtype = np.dtype("float64" if precision == "float64" else "float32")
    hint = "scale X" if precision is None else SCALE
    for array in arrays:
        check_fits(array, dtype, hint)


def _is_table_of_bags(estimator, kind, reset):
    """Return whether X is a table where bags are read."""
    if reset:
        return kind == "vectors"
    return kind in TABLES and estimator._input_kind == "bags"


def _check_container(estimator, X, kind, reset):
    """Check the number of samples, the width and the range of a container."""
    if len(X) == 0:
        raise ValueError("Found array with 0 sample(s) while a minimum of 1 is required.")
    if kind == "texts":  # the tokenizer says how many tokens there are
        return
    _check_range(estimator, *_floats(X))
    n_inputs = _width(X, kind)
    if reset:
        estimator.n_features_in_ = n_inputs
        estimator.__dict__.pop("feature_names_in_", None)
    elif kind == "sequences" and n_inputs > estimator.n_features_in_:
        raise ValueError(
            f"X must hold tokens below {estimator.n_features_in_}, the vocabulary seen in fit; "
            f"got a vocabulary of {n_inputs}."
        )
    elif kind == "images" and n_inputs != estimator.n_features_in_:
        raise ValueError(
            f"X must hold images with {estimator.n_features_in_} channel(s), as in fit; got "
            f"{n_inputs}."
        )
    elif kind != "sequences" and n_inputs != estimator.n_features_in_:
        raise ValueError(
            f"X has {n_inputs} features, but {type(estimator).__name__} is expecting "
            f"{estimator.n_features_in_} features as input."
        )


def _floats(X):
    """Yield the arrays of floats that a container has in memory."""
    if isinstance(X, Bags):
        arrays = X.instances, X.boxes, getattr(X, "edge_weights", None)
        yield from (array for array in arrays if array is not None)
    elif isinstance(X, Images) and X.is_in_memory:
        whole = X.source.ndim == 4 and np.array_equal(X.rows, np.arange(len(X.source)))
        images = [X.source] if whole else (X.source[i] for i in X.rows)
        # What is not in memory is looked at when a batch is read.
        yield from (image for image in images if not is_mapped(image))


def _width(X, kind):
    """Return how many tokens, channels or features there are."""
    if kind == "sequences":
        return X.n_tokens
    return X.n_channels if kind == "images" else X.shape[1]


# Bags, for what takes nothing else ------------------------------------------------------------


def as_bags(X, name="X"):
    """Return X as `Bags`, for functions, which have no `fit`.

    Parameters
    ----------
    X : {Bags, list of array-like of shape (n_instances, n_features), array-like of shape \
            (n_samples, n_features)}
        The bags; the rows of a matrix are bags of one instance.
    name : str, default="X"
        What X is called, for errors.

    Returns
    -------
    Bags
        At least one bag.

    Raises
    ------
    TypeError
        If X holds sequences, texts, graphs or images.
    ValueError
        If X is sparse, empty or otherwise not as described.
    """
    X = _bags_or_table(X, name)
    if not isinstance(X, Bags):
        X = check_array(X, dtype=FLOAT, ensure_all_finite=False, input_name=name)
        check_finite(X, name=name)
        X = one_instance_each(X)
    return _as_computed_on(X)


def validate_bags(estimator, X, *, reset):
    """Return X as `Bags` of the width seen in `fit`.

    Parameters
    ----------
    estimator : estimator
        Gets `n_features_in_` and, where X is a DataFrame with names, `feature_names_in_`, if
        `reset` is true.
    X : {Bags, list of array-like of shape (n_instances, n_features), array-like of shape \
            (n_samples, n_features)}
        The bags; the rows of a matrix are bags of one instance.
    reset : bool
        Whether this is `fit`.

    Returns
    -------
    Bags
        At least one bag.

    Raises
    ------
    TypeError
        If X holds sequences, graphs or images.
    ValueError
        If X is of another width than in `fit`, sparse, empty or otherwise not as described.
    """
    X = _bags_or_table(X, "X")
    if isinstance(X, Bags):
        X = validate_data(estimator, X, skip_check_array=True, reset=reset)
    else:
        X = validate_data(estimator, X, dtype=FLOAT, ensure_all_finite=False, reset=reset)
        check_finite(X, getattr(estimator, "feature_names_in_", None))
        X = one_instance_each(X)
    return _as_computed_on(X)


def _refuse_what_has_no_rows(X, name):
    """Raise an error for what cannot be samples in any form."""
    if isinstance(X, list | tuple) and not len(X):
        raise ValueError(f"{name} must hold at least one sample; got an empty list.")
    if sparse.issparse(X):  # where DOK is a dict
        return
    if isinstance(X, DataLoader):
        raise TypeError(
            f"{name} must hold samples, one per row of a table or entry of a list; got a "
            f"{type(X).__name__} of torch: pass its data set, loader.dataset, of which "
            "batches are read here, or give partial_fit one part of arrays after another."
        )
    if X is None or isinstance(X, Mapping | Set | Real):
        raise TypeError(
            f"{name} must hold samples, one per row of a table or entry of a list; got "
            f"{X if X is None else type(X).__name__}."
        )


def _bags_or_table(X, name):
    """Return X as `Bags`, or as it came where scikit-learn has to judge it."""
    _refuse_what_has_no_rows(X, name)
    X = as_container(X)
    if isinstance(X, Graphs):
        raise TypeError(
            f"{name} must be bags; got Graphs, whose edges would be ignored: leave them out "
            "with Bags(X)."
        )
    if isinstance(X, Sequences | Images | Texts):
        raise TypeError(
            f"{name} must be bags, a list of one matrix per sample; got {type(X).__name__}."
        )
    if isinstance(X, Bags) and len(X) == 0:
        raise ValueError(
            f"Found array with 0 sample(s) in {name} while a minimum of 1 is required."
        )
    if isinstance(X, Bags):
        return X
    return X if sparse.issparse(X) else read_table(X, name)


def _as_computed_on(X):
    """Return bags whose instances are floats in C order, also where a memory map has others.

    Sums depend in their last digit on the order in memory.
    """
    instances = np.ascontiguousarray(as_floats(X.instances))
    if instances is X.instances:
        return X
    return Bags.from_flat(instances, X.offsets, X.boxes)


def one_instance_each(X):
    """Return the rows of a matrix as bags.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Checked before.

    Returns
    -------
    Bags
        Of one instance each.
    """
    return Bags.from_flat(X, np.arange(len(X) + 1))
