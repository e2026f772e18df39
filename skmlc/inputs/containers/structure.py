"""What structure X has, by its type alone."""

import numpy as np

from ..._foreign import is_of, is_picture, read_foreign
from .bags import Bags
from .columns import items_of, nested_column
from .image_arrays import is_path, may_be_maps
from .images import Images
from .lazy_rows import LazyRows, is_lazy
from .sequences import Sequences


def as_container(X, *, are_maps=False):
    """Return X as the container that its structure calls for, or as it came.

    Parameters
    ----------
    X : object
        A list, a one-dimensional object array, a pandas Series or a one-column DataFrame of
        matrices, of pandas or polars, and a three-dimensional array, are bags. With
        three-dimensional arrays or Pillow's images in place of matrices they are images, as is
        an array of four dimensions. Tensors are arrays. A column of rows
        of integers (all of the above but a list) is sequences; a list of such rows is a table
        if they are equally long, and rejected if not. What is not in memory is taken by its
        shape: a table or images are read when they are needed, bags at once.
    are_maps : bool, default=False
        Whether images are known to be feature maps, whose channels are first.

    Returns
    -------
    {Sequences, Bags, Images, LazyRows, object}
        A container; `LazyRows` are a table. Tables in memory, sparse matrices, containers and
        everything else are returned unchanged, for scikit-learn to check.

    Raises
    ------
    TypeError
        If X holds text or paths.
    ValueError
        If X is ragged, but not as a container may be, or may be token ids, or images are not
        as `Images` asks.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc.inputs.containers import as_container
    >>> as_container([np.zeros((3, 2)), np.zeros((1, 2))])
    Bags(n_samples=2, n_features=2, 1-3 instances per bag)
    >>> as_container([[3, 1, 2], [0, 1, 1]])
    [[3, 1, 2], [0, 1, 1]]
    """
    X = read_foreign(X)
    if is_lazy(X):
        X = LazyRows(X)
        if X.ndim == 3:
            return Bags(np.asarray(X))
        return as_images(X, are_maps=are_maps) if X.ndim > 3 else X
    if isinstance(X, np.ndarray) and X.ndim in (3, 4):
        return Bags(X) if X.ndim == 3 else as_images(X, are_maps=are_maps)
    samples = _samples(X)
    if is_path(X) or (samples is not None and _is_text(samples)):
        raise TypeError(
            "X must hold numbers; got text. Turn it into sequences of tokens with "
            "skmlc.inputs.TokenSequencer, or into a table with "
            "sklearn.feature_extraction.text.TfidfVectorizer, or let a pretrained network read "
            "it: encoder=skmlc.inputs.TextEncoder(model); the paths of image files go into "
            "skmlc.inputs.Images."
        )
    if samples is None:
        return X
    _refuse_foreign_items(samples)
    if len(samples) and is_picture(samples[0]):
        return Images(samples)
    depths = {_depth(sample) for sample in samples}
    if 2 in depths:
        return Bags(samples)
    if 3 in depths:
        return as_images(samples, are_maps=are_maps)
    is_column = samples is not X
    if depths == {1} and is_column and _is_real(samples[0]):
        raise ValueError(
            "X must not be a column of vectors of real numbers: make a table of its rows, "
            "numpy.stack(column)."
        )
    if depths == {1} and (is_column or _is_ragged(samples)):
        sequences = Sequences(samples)  # which refuses anything but integers
        if is_column:
            return sequences
        # With rows of equal length it would be a table, and mean something else.
        raise ValueError(
            f"X must not be a {type(X).__name__} of rows of integers that differ in length. "
            f"{WRAP_TOKENS}"
        )
    return X


def as_images(X, *, are_maps):
    """Return images, of which it may be known that they are feature maps.

    Parameters
    ----------
    X : object
        What `Images` takes.
    are_maps : bool
        Whether they are feature maps, whose channels are first, also where the shape would
        be that of a picture with the channels last.

    Returns
    -------
    Images
        Of these.
    """
    images = items_of(X, "images")
    shape = _image_shape(images) if are_maps else ()
    is_first = len(shape) == 3 and may_be_maps(*shape)
    return Images(images, channels="first" if is_first else None)


def _image_shape(images):
    """Return the shape of the first image; () where there is none."""
    shape = getattr(images, "shape", ())
    if len(shape) > 1 or not hasattr(images, "__len__") or len(images) == 0:
        return shape[1:]
    try:
        return np.shape(images[0])
    except ValueError:  # ragged, which `Images` refuses
        return ()


WRAP_TOKENS = "Wrap token ids in skmlc.inputs.Sequences, as in Sequences(X)."


def _samples(X):
    """Return the samples of X if they are objects of their own, else None."""
    if isinstance(X, list | tuple):
        return X
    items = nested_column(X)
    if items is not None:
        return items
    if hasattr(X, "iloc"):  # pandas, which need not be installed
        dtypes = [X.dtype] if X.ndim == 1 else list(X.dtypes)
        if len(dtypes) != 1 or not _may_hold_objects(dtypes[0]):
            return None
        X = X.to_numpy(dtype=object)
    if isinstance(X, np.ndarray) and X.dtype.kind in "OUST" and X.shape[1:] in ((), (1,)):
        return X.reshape(-1)
    return None


def _refuse_foreign_items(samples):
    """Raise an error for samples that must be turned into something else first."""
    first = samples[0] if len(samples) else None
    if is_of(first, "networkx", "Graph") or type(first).__module__.startswith("torch_geom"):
        maker = "from_networkx" if is_of(first, "networkx", "Graph") else "from_pyg"
        raise TypeError(
            f"X must hold numbers; got a list of graphs: use skmlc.inputs.Graphs.{maker}(X)."
        )
    # Numbers of NumPy have a shape, too: rows from zip are tuples of them.
    if isinstance(first, tuple) and first and getattr(first[0], "shape", ()) != ():
        # Of pairs (x, y) bags would be made, in which y is an instance.
        raise TypeError(
            "X must not be a list of tuples of arrays, as the items of a data set of torch "
            "are: pass LazyRows(dataset), of which parts can be taken, or for bags a list "
            "of matrices."
        )


def _is_real(row):
    """Whether a row holds floats, and cannot be one of token ids."""
    return np.asarray(row).dtype.kind == "f" and len(row) > 0


def _may_hold_objects(dtype):
    """Whether a column of pandas may hold arrays or texts; categories are for encoders."""
    return dtype.kind in "OUST" and str(dtype) != "category"


def _is_text(samples):
    """Whether the samples are texts, paths or lists of words, judged by the first one."""
    first = samples[0] if len(samples) else None
    if _depth(first) == 1 and len(first):
        first = next(iter(first))
    return is_path(first) or isinstance(first, bytes)


def _is_ragged(samples):
    """Whether rows differ in length."""
    return len({len(sample) for sample in samples}) > 1


def _depth(sample):
    """Return the number of dimensions of an array or nested list, ragged or not."""
    if isinstance(sample, list | tuple):
        return 1 + (_depth(sample[0]) if len(sample) else 0)
    shape = getattr(sample, "shape", ())
    if isinstance(sample, np.ndarray) and sample.dtype.kind == "O" and sample.size:
        return len(shape) + _depth(sample.flat[0])  # rows that are arrays of their own
    return len(shape)
