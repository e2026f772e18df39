"""The items of a data set of torch, read like the rows of an array."""

import numpy as np
from torch.utils.data import IterableDataset

from ..._foreign import is_picture, read_foreign


class DatasetItems:
    """Samples ``x`` of a data set whose items are ``x`` or pairs ``(x, y)``.

    Parameters
    ----------
    dataset : torch.utils.data.Dataset
        With a length; the first item is read for shape and type.

    Raises
    ------
    TypeError
        If it has no length, or its items are neither.
    ValueError
        If it is empty.
    """

    def __init__(self, dataset):
        if isinstance(dataset, IterableDataset) or not hasattr(dataset, "__len__"):
            raise TypeError(
                "X must be a data set of torch with a length, whose items are read in any "
                f"order; got {type(dataset).__name__}: give partial_fit one part of arrays "
                "after another."
            )
        if len(dataset) == 0:
            raise ValueError("X must hold at least one sample; got an empty data set.")
        self.dataset = dataset
        sample, target = _parts(dataset[0], 0)
        self.has_targets = target is not None
        sample = _as_array(sample, 0)
        self.shape, self.dtype = (len(dataset), *sample.shape), sample.dtype

    def __getitem__(self, places):
        """Return the samples at some places, or in a range, as one array."""
        if isinstance(places, slice):
            places = range(*places.indices(len(self.dataset)))
        samples = []
        for place, item in zip(places, self._items(places), strict=True):
            sample = _as_array(_parts(item, place)[0], place)
            if (sample.shape, sample.dtype) != (self.shape[1:], self.dtype):
                raise ValueError(
                    "The samples of a data set must be of one shape and type; item 0 is of "
                    f"shape {self.shape[1:]} and {self.dtype}, item {place} of "
                    f"{sample.shape} and {sample.dtype}."
                )
            samples.append(sample)
        return np.stack(samples)

    def targets(self, places):
        """Return the labels at some places (n, n_labels) or (n,), one item at a time.

        Parameters
        ----------
        places : ndarray of int of shape (n,)
            In any order.

        Returns
        -------
        ndarray of shape (n, n_labels) or (n,)
            The labels.

        Raises
        ------
        ValueError
            If they differ in shape.
        """
        targets = []
        for place in places:
            target = _parts(self.dataset[int(place)], place)[1]
            # A copy: of a view, the array that it is of would stay in memory.
            targets.append(np.array(read_foreign(target, f"y of item {place}")))
            if targets[-1].shape != targets[0].shape:
                raise ValueError(
                    "The labels y in the items of a data set must be of one shape; item "
                    f"{places[0]} has {targets[0].shape}, item {place} {targets[-1].shape}: "
                    "sklearn.preprocessing.MultiLabelBinarizer turns names into zeros and "
                    "ones."
                )
        return np.stack(targets)

    def _items(self, places):
        """Return the items at some places, all at once where the data set has a way."""
        places = [int(place) for place in places]
        if callable(getattr(self.dataset, "__getitems__", None)):
            return self.dataset.__getitems__(places)
        return [self.dataset[place] for place in places]


def _parts(item, place):
    """Return x and y of an item; None for y where there is none."""
    if not isinstance(item, tuple):
        return item, None
    if len(item) not in (1, 2):
        raise TypeError(
            "The items of a data set must be samples x, or tuples (x, y) with the labels; item "
            f"{place} is a tuple of {len(item)}."
        )
    return item if len(item) == 2 else (item[0], None)


def _as_array(sample, place):
    """Return a sample as an array of at least one axis."""
    if is_picture(sample):
        raise TypeError(
            "The items of a data set must hold tensors or arrays of numbers; x of item "
            f"{place} is an image of Pillow: give the data set a transform, such as "
            "torchvision's ToTensor, or pass a list of the images."
        )
    try:
        array = np.asarray(read_foreign(sample, f"x of item {place}"))
    except ValueError:  # ragged
        array = np.empty((), dtype=object)
    if array.dtype.kind not in "biuf" or array.ndim == 0:
        raise TypeError(
            "The items of a data set must be samples x, or tuples (x, y), with x a tensor or "
            f"an array of numbers; x of item {place} is {type(sample).__name__}."
        )
    return array
