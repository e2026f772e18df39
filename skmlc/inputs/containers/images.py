"""Images: the container of samples that are pictures or feature maps, in memory or not."""

from numbers import Integral

import numpy as np

from ..._foreign import is_picture
from ..._spelling import check_choice
from ...mapped import is_mapped
from .base import Container, flat_index
from .boxes import check_boxes, join_boxes
from .image_arrays import (
    as_source,
    check_arrays,
    check_finite,
    check_one_size,
    is_path,
    resize,
    stack,
    take_images,
)
from .image_files import as_paths, file_size, read_file, read_picture, readable_rows
from .lazy_rows import LazyRows


class Images(Container):
    """Images, or feature maps of a convolutional network, read only when a batch needs them.

    Parameters
    ----------
    images : {ndarray of shape (n_samples, n_channels, height, width), iterable of array-like \
            of shape (n_channels, height, width), iterable of path or of PIL.Image.Image, \
            LazyRows, Images}
        The images; an array or a memory map is not copied, and what `LazyRows` reads stays
        where it is. Arrays without the axis of
        channels are gray images, of one channel. Arrays are uint8, float32 or float64, and
        those of a list may differ in height and width. Paths are str or `os.PathLike`.
        `Images` are copied with all they have, except for boxes that are given here.
    channels : {"first", "last"} or None, default=None
        Where arrays have the axis of the channels: (C, H, W) or (H, W, C). None is first, and
        an error where the shape is ambiguous.
    boxes : iterable of array-like of shape (n_boxes, 4), default=None
        The boxes of each image, any number of them, as ``x0, y0, x1, y1`` in pixels of the
        image as given.
    mode : {"RGB", "L"}, default="RGB"
        The colors in which files and Pillow's images are read: three channels, or one of gray.
    broken : {"error", "skip"} or None, default="error"
        What to do with files that are missing or cannot be decoded. For "error" and "skip"
        each file is decoded once, and those at fault are an error, or are left out with a
        warning. None does not look, which is for very many files; reading such a file is an
        error then.
    orientation : {"upright", "stored"}, default="upright"
        How files are read: turned as the camera has noted in them (EXIF), or as their pixels
        are stored, which is what boxes are of that were drawn without a look at that note.
        TIFF files are always turned.

    Attributes
    ----------
    source : {ndarray, LazyRows} of shape (n_given, n_channels, height, width) or (n_given,)
        What was given, shared by all slices: an array, or an object array of arrays or paths.
    rows : ndarray of int64 of shape (n_samples,)
        The place of each image in `source`.
    kept : ndarray of int64 of shape (n_samples,)
        The same, as what it is for: ``y[images.kept]`` are the rows of y whose images
        ``broken="skip"`` has left.
    mode : {"RGB", "L"} or None
        The colors in which files are read; None for arrays.
    size : (int, int) or None
        The height and width at which images are read; None for their own.
    orientation : {"upright", "stored"}
        How files are read.
    boxes : ndarray of shape (n_boxes_in_all, 4) or None
        The boxes of all images, one image after another, as given; float32 or float64.
    box_offsets : ndarray of int64 of shape (n_samples + 1,) or None
        Image i has the boxes from ``box_offsets[i]`` to ``box_offsets[i + 1]``.
    shape : tuple of int
        ``(n_samples, n_channels, height, width)`` for one array, else ``(n_samples,)``.
    n_channels : int
        The number of channels.
    image_shape : (int, int, int)
        The number of channels, height and width of the first image as it is read.

    Raises
    ------
    TypeError
        If `images` are not arrays or paths.
    ValueError
        If they are of a wrong shape or type, not finite, in files that cannot be read, or
        have boxes that do not fit.
    ImportError
        If files are given and Pillow is not installed.

    See Also
    --------
    ImageEncoder : Resizes and varies images, and turns them into nodes.

    Notes
    -----
    An integer as index gives the array (C, H, W) of one image; a slice, an array of integers
    or a boolean mask give `Images` that share `source`, in a pickle too, and neither copy nor
    decode anything. Floats must be finite: arrays in memory are checked at once, others
    whenever they are read. Boxes are those of the picture as it is read, upright or not. Two
    containers are equal if they hold the same paths, or equal arrays, and read them alike.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc.inputs import Images
    >>> X = Images(np.zeros((3, 40, 40, 3), dtype=np.uint8), channels="last")
    >>> X
    Images(n_samples=3, 3 channels, 40 x 40)
    >>> X[0].shape, X[:2].resized((20, 30)).read([1, 0]).shape
    ((3, 40, 40), (2, 3, 20, 30))
    """

    lengths = None  # unlike other samples, an image is one row of a batch
    orientation = "upright"
    features = None  # (n_samples, h, w, D), from a network that is not trained

    def __init__(
        self,
        images,
        *,
        channels=None,
        boxes=None,
        mode="RGB",
        broken="error",
        orientation="upright",
    ):
        check_choice(orientation, ("upright", "stored"), "orientation")
        check_choice(channels, ("first", "last", None), "channels")
        check_choice(mode, ("RGB", "L"), "mode")
        check_choice(broken, ("error", "skip", None), "broken")
        if isinstance(images, Images):
            self._store(**vars(images))
            if boxes is not None:
                self._store(**_box_fields(boxes, len(images)))
            return
        source = as_source(images)
        if is_path(source[0]):
            source = as_paths(source)
            rows = readable_rows(source, mode, broken)
        elif is_picture(source[0]):
            arrays = [read_picture(*pair, mode, orientation) for pair in enumerate(source)]
            source, mode = check_arrays(arrays, "first"), None
            rows = np.arange(len(source))
        else:
            source, mode = check_arrays(source, channels), None
            rows = np.arange(len(source))
        self._store(source=source, rows=rows, mode=mode, size=None, orientation=orientation)
        self._store(**_box_fields(boxes, len(source), rows))

    @property
    def kept(self):  # numpydoc ignore=RT01
        """The place of each image in what was given, of shape (n_samples,)."""
        return self.rows

    @property
    def shape(self):  # numpydoc ignore=RT01
        """The shape of the array of all images; of files and lists only their number."""
        if self.source.ndim == 1:
            return (len(self),)
        return (len(self), *self._shape_of(0))

    @property
    def n_channels(self):  # numpydoc ignore=RT01
        """The number of channels."""
        if self.mode is not None:
            return len(self.mode)
        return self.source.shape[1] if self.source.ndim == 4 else self.source[0].shape[0]

    @property
    def is_in_memory(self):  # numpydoc ignore=RT01
        """Whether the images are arrays, not in files, nor all in one memory map."""
        if self.mode is not None or isinstance(self.source, LazyRows):
            return False
        return not is_mapped(self.source)

    @property
    def image_shape(self):  # numpydoc ignore=RT01
        """The number of channels, height and width of the first image as it is read."""
        return self._shape_of(self.rows[0])

    def resized(self, size):
        """Return the same images, to be read at one size.

        Arrays are resized by bilinear interpolation with anti-aliasing, files likewise by
        Pillow, which decodes JPEG files no larger than needed. Nothing is read yet.

        Parameters
        ----------
        size : int or (int, int)
            Height and width; an integer is both.

        Returns
        -------
        Images
            The images, which share `source`.

        Raises
        ------
        ValueError
            If `size` is neither.
        """
        pair = (size, size) if isinstance(size, Integral) else tuple(np.atleast_1d(size))
        if len(pair) != 2 or not all(isinstance(s, Integral) and s >= 1 for s in pair):
            raise ValueError(
                f"size must be a positive integer, or height and width; got {size!r}."
            )
        fields = {**vars(self), "size": tuple(map(int, pair))}
        fields.pop("features", None)
        return self._trusted(**fields)

    def with_features(self, features):
        """Return the same images with feature maps, which training reads in their place.

        Parameters
        ----------
        features : ndarray of shape (n_samples, h, w, D)
            What a network that is not trained makes of each image.

        Returns
        -------
        Images
            It shares all arrays.
        """
        return self._trusted(**{**vars(self), "features": features})

    def read(self, rows):
        """Return some images as one array.

        Parameters
        ----------
        rows : array-like of int of shape (n_rows,)
            Which images, at least one.

        Returns
        -------
        ndarray of shape (n_rows, n_channels, height, width)
            The images, C-contiguous; uint8, or floats of the type given.

        Raises
        ------
        ValueError
            If the images have different sizes, a file cannot be read, or an image of a memory
            map is not finite.
        """
        places = self.rows[rows]
        if self.source.ndim == 4:
            images = resize(take_images(self.source, places), self.size)
        else:
            images = stack([self._image(place) for place in places])
        check_finite(images, places)
        return images

    def check_one_size(self):
        """Raise an error if the images would be read at different sizes.

        Of files the headers are read.

        Raises
        ------
        ValueError
            If they would; or a file cannot be read.
        """
        if self.size is None and self.source.ndim == 1:
            check_one_size(tuple(self._own_size(place)) for place in self.rows)

    def read_boxes(self, rows):
        """Return the boxes of some images, relative to the size of each image.

        Parameters
        ----------
        rows : array-like of int of shape (n_rows,)
            Which images.

        Returns
        -------
        boxes : ndarray of shape (n_boxes_in_all, 4)
            The boxes, one image after another, from 0 (left, top) to 1 (right, bottom); what
            leaves the image is cut off.
        offsets : ndarray of int64 of shape (n_rows + 1,)
            Image i of `rows` has the boxes from ``offsets[i]`` to ``offsets[i + 1]``.

        Raises
        ------
        ValueError
            If there are no boxes, or a file cannot be read.
        """
        if self.boxes is None:
            raise ValueError("Images must be given boxes before these can be read.")
        rows = np.asarray(rows)
        index, offsets = flat_index(self.box_offsets, rows)
        sizes = [self._own_size(place) for place in self.rows[rows]]
        # Height and width to the width and height that the x and y of two corners need.
        scale = np.array(sizes, self.boxes.dtype).reshape(-1, 2)[:, [1, 0, 1, 0]]
        scale = np.repeat(scale, np.diff(offsets), axis=0)
        return np.clip(self.boxes[index] / scale, 0, 1), offsets

    @property
    def _is_upright(self):
        return self.orientation == "upright"

    def _image(self, place):
        """Return one image of `source`, as it is read."""
        if self.mode is not None:
            return read_file(self.source[place], self.mode, self.size, self._is_upright)
        return resize(self.source[place][None], self.size)[0]

    def _own_size(self, place):
        """Return the height and width of one image of `source`, as it was given."""
        if self.mode is not None:
            return file_size(self.source[place], self._is_upright)
        return (
            self.source.shape[2:] if self.source.ndim == 4 else self.source[place].shape[1:]
        )

    def _shape_of(self, place):
        """Return the shape of one image of `source`, as it is read."""
        size = self._own_size(place) if self.size is None else self.size
        return (self.n_channels, *size)

    def __len__(self):
        return len(self.rows)

    def _item(self, i):
        image = self._image(self.rows[i])
        check_finite(image[None], self.rows[i : i + 1])
        image = image.view()
        image.flags.writeable = False  # it may be the user's
        return image

    def _take(self, rows):
        fields = {**vars(self), "rows": self.rows[rows]}
        if self.features is not None:
            fields["features"] = self.features[rows]
        if self.boxes is not None:
            index, fields["box_offsets"] = flat_index(self.box_offsets, rows)
            fields["boxes"] = self.boxes[index]
        return self._trusted(**fields)

    def __eq__(self, other):
        if type(other) is not type(self):
            return NotImplemented
        names = ("mode", "size", "orientation", "boxes", "box_offsets")
        if len(self) != len(other) or not all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in names
        ):
            return False
        if self.mode is not None:
            return np.array_equal(self.source[self.rows], other.source[other.rows])
        # One image after another, so that memory maps stay on disk.
        pairs = ((self.source[i], other.source[j]) for i, j in zip(self.rows, other.rows))
        return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in pairs)

    __hash__ = None

    def __repr__(self):
        size = self.size
        if size is None and self.source.ndim == 4:
            size = self.source.shape[2:]
        n = self.n_channels
        parts = ["files" if self.mode is not None else f"{n} channel{'s' if n > 1 else ''}"]
        if size is not None:
            parts.append(f"{size[0]} x {size[1]}")
        if self.boxes is not None:
            parts.append("with boxes")
        if not self._is_upright:
            parts.append("as stored")
        return f"{type(self).__name__}(n_samples={len(self)}, {', '.join(parts)})"


def _box_fields(boxes, n_given, rows=slice(None)):
    """Return the boxes of the images `rows` and their offsets, as attributes."""
    if boxes is None:
        return {"boxes": None, "box_offsets": None}
    boxes, offsets = join_boxes(boxes, [None] * n_given, "image")
    boxes = check_boxes(boxes, offsets, "image")
    index, offsets = flat_index(offsets, rows)
    return {"boxes": boxes[index], "box_offsets": offsets}
