"""What all containers have in common: indexing, equality and that nothing changes them."""

import numpy as np

from ...mapped import has_finite_extremes


def flat_index(offsets, rows):
    """Return where the parts of the samples `rows` are in the flat arrays.

    Parameters
    ----------
    offsets : ndarray of int of shape (n_samples + 1,)
        Sample i has the parts from ``offsets[i]`` to ``offsets[i + 1]``.
    rows : {ndarray of int or bool, slice}
        The samples to take, in any order, also repeatedly; as for an array.

    Returns
    -------
    index : ndarray of int64 of shape (n_parts,)
        The places of all parts of these samples, one sample after another.
    new_offsets : ndarray of int64 of shape (n_rows + 1,)
        Where the parts of each sample begin in `index`.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc.inputs.containers import flat_index
    >>> index, offsets = flat_index(np.array([0, 2, 2, 5]), np.array([2, 0]))
    >>> index.tolist(), offsets.tolist()
    ([2, 3, 4, 0, 1], [0, 3, 5])
    """
    # Two views of the offsets, so that NumPy itself reads negative rows and masks.
    starts = offsets[:-1][rows]
    lengths = offsets[1:][rows] - starts
    new_offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=new_offsets[1:])
    index = np.arange(new_offsets[-1]) + np.repeat(starts - new_offsets[:-1], lengths)
    return index, new_offsets


class Container:
    """Base of the containers: length, indexing, equality; nothing can be assigned.

    A container has `offsets`, its arrays, and two methods: `_item` gives what an integer as
    index gives, `_take` a container of some samples.
    """

    def _store(self, **fields):
        """Set the attributes, arrays as read-only views."""
        for name, value in fields.items():
            if isinstance(value, np.ndarray):
                value = value.view()
                value.flags.writeable = False
            self.__dict__[name] = value
        return self

    @classmethod
    def _trusted(cls, **fields):
        """Return a container of arrays that were checked before."""
        return cls.__new__(cls)._store(**fields)

    def __setattr__(self, name, value):
        raise AttributeError(
            f"{type(self).__name__} cannot be changed; make a new one instead of setting "
            f"{name!r}."
        )

    def __setstate__(self, state):
        # NumPy forgets in pickles and copies that an array is read-only.
        self._store(**state)

    @property
    def lengths(self):  # numpydoc ignore=RT01
        """The number of parts of each sample, of shape (n_samples,)."""
        return np.diff(self.offsets)

    def __len__(self):
        return len(self.offsets) - 1

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key):
        if isinstance(key, tuple):
            key = self._sample_key(key)
        if isinstance(key, slice):
            return self._take(key)
        key = np.asarray(key)
        if key.ndim == 0 and key.dtype.kind in "iu":
            return self._item(self._position(int(key)))
        if key.size == 0 and key.dtype.kind == "f":
            key = key.astype(np.intp)  # an empty list
        if key.ndim != 1 or key.dtype.kind not in "iub":
            raise IndexError(
                f"{type(self).__name__} must be indexed by an integer, a slice, an array "
                "of integers or a boolean mask; got an array of shape "
                f"{key.shape} and dtype {key.dtype}."
            )
        return self._take(key)

    def _sample_key(self, key):
        """Return the first entry of ``(key, ...)``, which is how scikit-learn indexes."""
        if len(key) == 2 and key[1] is Ellipsis:
            return key[0]
        raise IndexError(
            f"{type(self).__name__} must be indexed along samples only; got {key!r}."
        )

    def _position(self, i):
        """Return an integer index counted from the front."""
        if not -len(self) <= i < len(self):
            raise IndexError(
                f"index {i} is out of range for the {len(self)} samples of "
                f"{type(self).__name__}."
            )
        return i % len(self)

    def __eq__(self, other):
        if type(other) is not type(self):
            return NotImplemented
        theirs = other.__dict__
        return all(np.array_equal(v, theirs[name]) for name, v in self.__dict__.items())

    __hash__ = None

    def __array__(self, dtype=None, copy=None):
        # Without this NumPy would make a table of samples that happen to be of one length.
        raise TypeError(
            f"X must be a table where one array is asked for; got {type(self).__name__}, which "
            "cannot be turned into one: use an estimator that takes them."
        )


def count_range(counts, noun):
    """Return how many there are of something, for a repr.

    Parameters
    ----------
    counts : ndarray of int of shape (n_samples,)
        The numbers.
    noun : str
        What they count.

    Returns
    -------
    str
        Such as "2-9 instances".
    """
    if len(counts) == 0:
        return f"no {noun}"
    low, high = counts.min(), counts.max()
    return f"{low} {noun}" if low == high else f"{low}-{high} {noun}"


def check_offsets(offsets, n_parts, name="offsets"):
    """Return offsets as int64, if they lead from 0 to `n_parts` without a step back.

    Parameters
    ----------
    offsets : array-like of int of shape (n_samples + 1,)
        Where each sample begins.
    n_parts : int
        The number of parts of all samples.
    name : str, default="offsets"
        For errors.

    Returns
    -------
    ndarray of int64 of shape (n_samples + 1,)
        The same, not copied if it is of this type already.

    Raises
    ------
    ValueError
        If they do not.
    """
    offsets = np.asarray(offsets)
    if offsets.ndim != 1 or len(offsets) == 0 or offsets.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must be a one-dimensional array of integers, one more than there are "
            f"samples; got shape {offsets.shape} and dtype {offsets.dtype}."
        )
    offsets = offsets.astype(np.int64, copy=False)
    if offsets[0] != 0 or offsets[-1] != n_parts:
        raise ValueError(
            f"{name} must begin with 0 and end with {n_parts}, the number of rows that "
            f"they divide; got {offsets[0]} and {offsets[-1]}."
        )
    steps = np.diff(offsets)
    if (steps < 0).any():
        raise ValueError(
            f"{name} must not decrease; got a step back after entry {steps.argmin()}."
        )
    return offsets


def offsets_of(lengths):
    """Return the offsets of samples of these lengths.

    Parameters
    ----------
    lengths : array-like of int of shape (n_samples,)
        The number of parts of each sample.

    Returns
    -------
    ndarray of int64 of shape (n_samples + 1,)
        Where each sample begins, and the end.
    """
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])


def first_sample(bad, offsets):
    """Return the sample that holds the first of the parts that are bad.

    Parameters
    ----------
    bad : ndarray of bool of shape (n_parts,)
        At least one is True.
    offsets : ndarray of int64 of shape (n_samples + 1,)
        Where each sample begins.

    Returns
    -------
    int
        The index of the sample, for errors.
    """
    return int(np.searchsorted(offsets, np.argmax(bad), side="right")) - 1


def as_floats(array):
    """Return float32 as it is and other numbers as float64.

    Parameters
    ----------
    array : ndarray
        Numbers, or objects that are.

    Returns
    -------
    ndarray
        The same, not copied if it is of such a type already.
    """
    if array.dtype in (np.float32, np.float64):
        return array
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused
        return array.astype(np.float64)


def check_finite_rows(array, offsets, name, noun):
    """Raise an error that names the first sample with a number that is not finite.

    Parameters
    ----------
    array : ndarray of shape (n_parts, n_columns)
        Numbers, one row per part of a sample; a memory map is not copied.
    offsets : ndarray of int64 of shape (n_samples + 1,)
        Where each sample begins.
    name : str
        What the array is, for errors.
    noun : str
        What a sample is, for errors.

    Raises
    ------
    ValueError
        If a number is NaN or infinite.
    """
    if has_finite_extremes(array):
        return
    bad = ~np.isfinite(array).all(axis=1)
    raise ValueError(
        f"{name} must be finite; those of {noun} {first_sample(bad, offsets)} contain NaN or "
        "infinity."
    )
