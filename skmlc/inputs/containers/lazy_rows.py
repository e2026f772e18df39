"""Rows of tables and images that stay where they are, and are read when a batch needs them."""

from numbers import Integral

import numpy as np
from scipy import sparse
from torch import Tensor
from torch.utils.data import Dataset

from ... import row_blocks
from ...mapped import take_rows
from ..forms import REAL, refuse_masked
from .base import Container
from .dataset_items import DatasetItems

# Of rows that are so dense among others, these are read too: a file gives ranges at once.
READ_AT_MOST = 4


class LazyRows(Container):
    """Samples that are not in memory: rows of a table, or images, read when they are needed.

    `fit` and `predict` make this of what it is made of, so that it is needed only where
    samples are split: scikit-learn would read the part that it takes of a file.

    Parameters
    ----------
    source : {array-like of shape (n_samples, ...), torch.utils.data.Dataset, LazyRows}
        An array in a file, such as a dataset of h5py, an array of zarr or dask, or a memory
        map: whatever has `shape` and `dtype` and takes increasing integers as index. Or a data
        set of torch with a length, whose items are samples ``x``, or pairs ``(x, y)`` with
        the labels; all ``x`` are tensors or arrays of one shape and type.

    Attributes
    ----------
    source : object
        What was given, shared by all slices.
    rows : ndarray of int64 of shape (n_samples,)
        The place of each sample in `source`.
    shape : tuple of int
        The number of samples, and the shape of one.
    ndim : int
        The number of axes.
    dtype : dtype
        The type of the numbers, which are converted when a batch is read.
    size : int
        The number of all numbers.
    nbytes : int
        The bytes that they would take in memory.

    Raises
    ------
    TypeError
        If `source` is neither, or a data set that has no length.
    ValueError
        If it holds anything but real numbers, or single numbers as samples; or the items of a
        data set are not as described.

    See Also
    --------
    Images : Images in memory, in memory maps and in files; also made of `LazyRows`.

    Notes
    -----
    An integer as index gives the array of one sample; a slice, an array of integers or a
    boolean mask give `LazyRows` that share `source` and read nothing. ``numpy.asarray`` reads
    all. Rows are read in the order of the file, each once, in ranges where they are dense.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc.inputs import LazyRows
    >>> X = LazyRows(np.arange(12.0).reshape(4, 3))  # a file, as a rule
    >>> X
    LazyRows(n_samples=4, float64 of shape (3,))
    >>> X[[2, 0]].shape, X[[2, 0]].read([0])
    ((2, 3), array([[6., 7., 8.]]))
    """

    lengths = None  # a sample is one row of a batch

    def __init__(self, source):
        if isinstance(source, LazyRows):
            self._store(**vars(source))
            return
        if isinstance(source, Dataset):
            source = DatasetItems(source)
        _check_source(source)
        self._store(
            source=source,
            rows=np.arange(source.shape[0]),
            row_shape=tuple(source.shape[1:]),
            arrange=None,
        )

    @property
    def shape(self):  # numpydoc ignore=RT01
        """The number of samples, and the shape of one."""
        return (len(self), *self.row_shape)

    @property
    def ndim(self):  # numpydoc ignore=RT01
        """The number of axes."""
        return len(self.shape)

    @property
    def dtype(self):  # numpydoc ignore=RT01
        """The type of the numbers as they are stored."""
        return np.dtype(self.source.dtype)

    @property
    def size(self):  # numpydoc ignore=RT01
        """The number of all numbers."""
        return int(np.prod(self.shape))

    @property
    def nbytes(self):  # numpydoc ignore=RT01
        """The bytes that all numbers would take in memory."""
        return self.size * self.dtype.itemsize

    @property
    def has_targets(self):  # numpydoc ignore=RT01
        """Whether the samples come with their labels, from a data set of torch."""
        return getattr(self.source, "has_targets", False)

    def read(self, rows):
        """Return some samples as one array.

        Parameters
        ----------
        rows : array-like of int or slice
            Which samples, in any order, also repeatedly.

        Returns
        -------
        ndarray of shape (n_rows, ...)
            The samples.

        Raises
        ------
        ValueError
            If the source does not give what its shape says.
        """
        places, order = np.unique(self.rows[rows], return_inverse=True)
        if len(places) == 0:
            return np.empty((0, *self.row_shape), self.dtype)
        values = _read(self.source, places)
        if self.arrange is not None:
            values = self.arrange(values)
        in_order = len(order) == len(places) and (np.diff(order) > 0).all()
        return values if in_order else values[order]

    def read_targets(self):
        """Return the labels of all samples, by reading the items of a data set once.

        Returns
        -------
        ndarray of shape (n_samples, n_labels) or (n_samples,)
            For `fit`, and for what splits samples.

        Raises
        ------
        ValueError
            If the samples have none, or not of one shape.
        """
        if not self.has_targets:
            raise ValueError(
                "y must be given: the samples are not pairs (x, y) of a data set of torch."
            )
        return self.source.targets(self.rows)

    def blocks(self):
        """Yield all samples in arrays of a bounded number of rows.

        Yields
        ------
        ndarray of shape (n_rows, ...)
            Some samples, in order.
        """
        step = max(1, row_blocks.BLOCK_ENTRIES // max(1, int(np.prod(self.row_shape))))
        # Chunks that are compressed are unpacked as a whole, each for one block then.
        chunk = (getattr(self.source, "chunks", None) or [1])[0]
        if isinstance(chunk, Integral):
            step = -(-step // chunk) * chunk
        for start in range(0, len(self), step):
            yield self.read(slice(start, start + step))

    def arranged(self, arrange):
        """Return the same samples, changed in shape when they are read.

        Parameters
        ----------
        arrange : callable
            Maps arrays of samples (n, ...) to views of another shape.

        Returns
        -------
        LazyRows
            With the new shape; nothing is read.
        """
        row_shape = arrange(np.broadcast_to(0, (1, *self.row_shape))).shape[1:]
        return self._trusted(**{**vars(self), "row_shape": row_shape, "arrange": arrange})

    def __len__(self):
        return len(self.rows)

    def _item(self, i):
        return self.read([i])[0]

    def _take(self, rows):
        return self._trusted(**{**vars(self), "rows": self.rows[rows]})

    def __eq__(self, other):
        if type(other) is not type(self):
            return NotImplemented
        return self.shape == other.shape and all(
            np.array_equal(a, b) for a, b in zip(self, other, strict=True)
        )

    __hash__ = None

    def __array__(self, dtype=None, copy=None):
        whole = np.empty(self.shape, self.dtype if dtype is None else dtype)
        start = 0
        for block in self.blocks():
            whole[start : start + len(block)] = block
            start += len(block)
        return whole

    def __repr__(self):
        return (
            f"{type(self).__name__}(n_samples={len(self)}, {self.dtype} of shape "
            f"{self.row_shape})"
        )


def is_lazy(X):
    """Return whether X holds samples that are not in memory, and `LazyRows` can read.

    Parameters
    ----------
    X : object
        Anything.

    Returns
    -------
    bool
        Whether it is a data set of torch, or seems to be an array in a file: arrays in memory
        say where they are, as tensors and those of other libraries do.
    """
    if isinstance(X, LazyRows | Dataset):
        return True
    if (
        isinstance(X, np.ndarray | list | Tensor)
        or sparse.issparse(X)
        or hasattr(X, "iloc")
    ):
        return False
    in_memory = ("__array_interface__", "__cuda_array_interface__", "__dlpack__")
    return (
        all(hasattr(X, name) for name in ("shape", "dtype", "__getitem__"))
        and not any(hasattr(X, name) for name in in_memory)
        and len(X.shape) > 1
    )


def lazily(X):
    """Return samples in a form that can be sliced without reading them.

    Parameters
    ----------
    X : object
        As the user gave it.

    Returns
    -------
    object
        `LazyRows` where X is not in memory, else as it was.
    """
    return LazyRows(X) if is_lazy(X) else X


def with_targets(X, y):
    """Return samples as `fit` goes on with them, and y.

    Parameters
    ----------
    X, y : object
        As the user gave them.

    Returns
    -------
    X : object
        `LazyRows` where X is not in memory, else as it was.
    y : object
        The labels from the items of a data set of torch, where y was None.
    """
    X = lazily(X)
    if y is None and isinstance(X, LazyRows) and X.has_targets:
        y = X.read_targets()
    return X, y


def _check_source(source):
    """Raise an error for what has no rows of real numbers."""
    shape, dtype = (getattr(source, name, None) for name in ("shape", "dtype"))
    if shape is None or dtype is None or not hasattr(source, "__getitem__"):
        raise TypeError(
            "source must be an array, such as a dataset of h5py or an array of zarr, or a data "
            f"set of torch; got {type(source).__name__}."
        )
    if np.isnan(np.asarray(shape, dtype=np.float64)).any():  # of dask
        raise ValueError(
            f"X must have a known number of rows; got shape {tuple(shape)}: call "
            "compute_chunk_sizes() of the array first."
        )
    if len(shape) < 2:
        raise ValueError(
            "source must hold a vector or an image for each sample, and have at least two "
            f"axes; got shape {tuple(shape)}."
        )
    if np.dtype(dtype).kind not in REAL:
        raise ValueError(f"X must hold real numbers; got dtype {dtype}.")


def _read(source, places):
    """Return the rows of a source at places that increase."""
    if isinstance(source, np.ndarray):
        return take_rows(source, places)
    first, stop = int(places[0]), int(places[-1]) + 1
    densest = 1 if isinstance(source, DatasetItems) else READ_AT_MOST
    if stop - first <= densest * len(places):
        values = _as_rows(source, source[first:stop], stop - first)
        return values if len(values) == len(places) else values[places - first]
    return _as_rows(source, source[places], len(places))


def _as_rows(source, values, n_rows):
    """Return what a source gave as an array of its rows."""
    refuse_masked(values, "X")
    values = np.asarray(values)
    expected = (n_rows, *source.shape[1:])
    if values.shape != expected:
        raise ValueError(
            f"X must give {n_rows} rows as an array of shape {expected}; "
            f"{type(source).__name__} gave {values.shape}."
        )
    return values
