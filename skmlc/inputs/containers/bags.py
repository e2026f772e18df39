"""Bags: the container of samples that are instances, with or without boxes."""

import numpy as np
from scipy import sparse

from ..._foreign import read_foreign
from ..._forms import as_numbers
from ...mapped import is_mapped
from ..forms import refuse_masked
from .base import (
    Container,
    as_floats,
    check_finite_rows,
    check_offsets,
    count_range,
    flat_index,
    offsets_of,
)
from .boxes import check_boxes, join_boxes
from .columns import items_of, rows_of_objects


class Bags(Container):
    """Bags of instances, each instance a vector.

    Parameters
    ----------
    bags : {iterable of array-like of shape (n_instances, n_features), ndarray of shape \
            (n_samples, n_instances, n_features), Bags}
        The instances of each sample, at least one. If all bags are float32 the instances
        are, otherwise they become float64. A memory map of three dimensions stays on disk.
    boxes : {iterable of array-like of shape (n_instances, 4), ndarray of shape \
            (n_instances_in_all, 4)}, default=None
        The place of each instance in its image, as ``x0, y0, x1, y1``: per bag, or one row
        after another for all bags.

    Attributes
    ----------
    instances : ndarray of shape (n_instances_in_all, n_features)
        The instances of all samples, one sample after another; float32 or float64, or of the
        type of a memory map.
    offsets : ndarray of int64 of shape (n_samples + 1,)
        Sample i has the instances from ``offsets[i]`` to ``offsets[i + 1]``.
    boxes : ndarray of shape (n_instances_in_all, 4) or None
        The box of each instance.
    lengths : ndarray of int64 of shape (n_samples,)
        The number of instances of each sample.
    shape : tuple of int
        ``(n_samples, n_features)``.

    Raises
    ------
    ValueError
        If a bag is empty, is not a matrix of finite real numbers as wide as the others, or
        has boxes that do not fit.

    Notes
    -----
    An integer as index gives the instances of one sample, an array; a slice, an array of
    integers or a boolean mask give `Bags`. The arrays are read-only. Two containers are
    equal if their arrays are.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc.inputs import Bags
    >>> X = Bags([np.zeros((2, 3)), np.ones((4, 3))])
    >>> X
    Bags(n_samples=2, n_features=3, 2-4 instances per bag)
    >>> X[0].shape, X[:1].shape
    ((2, 3), (1, 3))
    """

    def __init__(self, bags, boxes=None):
        self._store(**bag_fields(bags, boxes))

    @classmethod
    def from_flat(cls, instances, offsets, boxes=None):
        """Make bags of flat arrays, which are shared where their types allow it.

        Parameters
        ----------
        instances : array-like of shape (n_instances_in_all, n_features)
            The instances of all samples, one sample after another.
        offsets : array-like of int of shape (n_samples + 1,)
            Sample i has the instances from ``offsets[i]`` to ``offsets[i + 1]``.
        boxes : array-like of shape (n_instances_in_all, 4), default=None
            The box of each instance, as ``x0, y0, x1, y1``.

        Returns
        -------
        Bags
            The bags.

        Raises
        ------
        ValueError
            If the arrays do not fit together.
        """
        return cls._trusted(**check_bags(instances, offsets, boxes))

    @property
    def shape(self):  # numpydoc ignore=RT01
        """A tuple of the number of samples and the number of features."""
        return (len(self), self.instances.shape[1])

    def _item(self, i):
        return self.instances[self.offsets[i] : self.offsets[i + 1]]

    def _take(self, rows):
        return self._trusted(**self._taken(rows))

    def _taken(self, rows):
        """Return the instances, offsets and boxes of some samples."""
        index, offsets = flat_index(self.offsets, rows)
        boxes = None if self.boxes is None else self.boxes[index]
        return {"instances": self.instances[index], "offsets": offsets, "boxes": boxes}

    def __repr__(self):
        return self._describe(f"{count_range(self.lengths, 'instances')} per bag")

    def _describe(self, sizes):
        """Return the repr, with the sizes of the samples."""
        boxes = "" if self.boxes is None else ", with boxes"
        name, (n_samples, n_features) = type(self).__name__, self.shape
        return f"{name}(n_samples={n_samples}, n_features={n_features}, {sizes}{boxes})"


def bag_fields(bags, boxes):
    """Return the attributes of `Bags` made from what the user gave.

    Parameters
    ----------
    bags : {iterable of array-like, ndarray, Bags}
        The bags; `Bags` hand on their boxes.
    boxes : {iterable of array-like, ndarray}
        The boxes, or None.

    Returns
    -------
    dict
        The attributes.

    Raises
    ------
    ValueError
        If they are not as `Bags` says.
    """
    if isinstance(bags, Bags):
        boxes = bags.boxes if boxes is None else _flat_boxes(boxes, bags.lengths)
        return check_bags(bags.instances, bags.offsets, boxes)
    instances, lengths = _flat_instances(bags)
    return check_bags(instances, offsets_of(lengths), _flat_boxes(boxes, lengths))


def check_bags(instances, offsets, boxes):
    """Return the attributes of `Bags` made from flat arrays.

    Parameters
    ----------
    instances : array-like of shape (n_instances_in_all, n_features)
        The instances.
    offsets : array-like of int of shape (n_samples + 1,)
        Where each bag begins.
    boxes : array-like of shape (n_instances_in_all, 4)
        The boxes, or None.

    Returns
    -------
    dict
        The attributes.

    Raises
    ------
    ValueError
        If they are not as `Bags` says.
    """
    refuse_masked(instances, "instances")
    instances = np.asarray(instances)
    if instances.ndim != 2 or instances.dtype.kind not in "biuf":
        raise ValueError(
            "instances must be a matrix of real numbers, one row per instance; got shape "
            f"{instances.shape} and dtype {instances.dtype}."
        )
    if instances.shape[1] == 0:
        raise ValueError("instances must have at least one feature; got 0 feature(s).")
    offsets = check_offsets(offsets, len(instances))
    _check_none_empty(np.diff(offsets))
    if not is_mapped(instances):
        instances = as_floats(instances)
    check_finite_rows(instances, offsets, "instances", "bag")
    return {
        "instances": instances,
        "offsets": offsets,
        "boxes": None if boxes is None else check_boxes(boxes, offsets, "bag"),
    }


def _flat_instances(bags):
    """Return all instances and how many each bag has."""
    if isinstance(bags, np.ndarray) and bags.ndim == 3:
        return bags.reshape(-1, bags.shape[2]), np.full(len(bags), bags.shape[1])
    if sparse.issparse(bags) or isinstance(bags, str) or not np.iterable(bags):
        raise TypeError(
            "bags must be a list of matrices, one per sample; got "
            f"{type(bags).__name__}. Use Bags.from_flat for all instances in one matrix."
        )
    bags = items_of(bags, "bags")
    arrays = [_as_matrix(bag, i) for i, bag in enumerate(bags)]
    if not arrays:
        raise ValueError("bags must hold at least one bag; got none.")
    lengths = np.array([len(array) for array in arrays])
    _check_none_empty(lengths)
    _check_widths([array.shape[1] for array in arrays])
    single = {array.dtype for array in arrays} == {np.dtype(np.float32)}
    # With a dtype, NumPy converts while it joins: no second copy of the data.
    return np.concatenate(arrays, dtype=np.float32 if single else np.float64), lengths


def _as_matrix(bag, i):
    """Return one bag as a matrix of real numbers."""
    if sparse.issparse(bag):
        raise ValueError(f"A bag must be a dense matrix; bag {i} is sparse: use toarray().")
    refuse_masked(bag, f"bag {i}")
    bag = read_foreign(bag, f"bag {i}")
    if hasattr(bag, "columns") and not all(isinstance(t, np.dtype) for t in bag.dtypes):
        bag = as_numbers(bag, f"bag {i}", "hold real numbers")
    try:
        array = rows_of_objects(np.asarray(bag))
    except ValueError:
        raise ValueError(
            f"A bag must be a matrix of one row per instance; the rows of bag {i} have "
            "different lengths."
        ) from None
    if array.size == 0 and array.ndim == 1:
        array = array.reshape(0, 0)
    if array.ndim != 2:
        raise ValueError(
            f"A bag must be a matrix of one row per instance; bag {i} has shape "
            f"{array.shape}."
        )
    if array.dtype.kind not in "biuf":
        raise ValueError(f"A bag must hold real numbers; bag {i} has dtype {array.dtype}.")
    return array


def _check_none_empty(lengths):
    """Raise an error that names the first bag without instances."""
    if (lengths == 0).any():
        raise ValueError(
            f"A bag must have at least one instance; bag {lengths.argmin()} is empty."
        )


def _check_widths(widths):
    """Raise an error that names the first bag that is not as wide as bag 0."""
    different = np.flatnonzero(np.array(widths) != widths[0])
    if len(different):
        i = different[0]
        raise ValueError(
            f"All bags must have the same number of features; bag 0 has {widths[0]}, bag "
            f"{i} has {widths[i]}."
        )


def _flat_boxes(boxes, lengths):
    """Return the boxes of all instances, given per bag or flat."""
    if boxes is None or getattr(boxes, "ndim", 0) == 2:
        return boxes
    return join_boxes(boxes, lengths, "bag")[0]
