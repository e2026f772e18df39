"""Scenes of real handwritten digits with a planted label graph.

The digits come from :func:`sklearn.datasets.load_digits`, so the scenes need no
download; which digits stand together follows a rule whose conditional probabilities
are known exactly.
"""

from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits
from sklearn.utils import Bunch, check_random_state

from .._spelling import check_choice

SUBSETS = ("train", "test", "all")
N_DIGITS = 10
MAX_LENGTH = 4  # a scene has one digit per cell of a 2 x 2 grid at most
TILE = 8  # height and width of a digit
CELL = 10  # height and width of a grid cell: a digit moves by 0 to 2 pixels within it
FAINT_CONTRAST = 0.3

DESCR = """\
Digit scenes
------------
Each scene shows one to four different handwritten digits on an empty, noisy ground. The
digits of a scene form a run on the ring 0, 1, ..., 9, 0: the first digit is uniform over
the ten, the length uniform over 1, 2, 3, 4, so "8 9 0" is a scene and "3 7" is not. The
probability that digit j is in a scene that holds digit i depends on their distance
d = min(|i - j|, 10 - |i - j|) on the ring alone:

    d            0    1    2    3    4    5
    P(j | i)     1   .6   .3   .1    0    0

Every digit is in a quarter of the scenes; a scene has 2.5 digits on average. A share of
the digits is faint (contrast 0.3): hard to read by themselves, but predictable from the
digits next to them.

The 1797 digit images are those of sklearn.datasets.load_digits (UCI "Optical Recognition
of Handwritten Digits"); the image with number k within its class, counted in file order,
is a test image if k % 3 == 2 and a training image otherwise, whatever the seed.
"""


class _Digits(NamedTuple):
    """The digits of all scenes, one row per digit, scene after scene."""

    scene: np.ndarray
    label: np.ndarray
    top: np.ndarray
    left: np.ndarray


def load_digit_scenes(
    n_samples=1000,
    *,
    subset="train",
    scale=2,
    faint=0.5,
    noise=0.15,
    random_state=0,
):
    r"""Compose scenes of one to four handwritten digits with a planted label graph.

    The digits of a scene are a run of neighbors on the ring 0, 1, ..., 9, 0, with a
    uniform first digit and a uniform length of 1 to 4. With ``d`` the distance of the
    digits i and j on the ring, ``P(j | i) = sum_n max(n - d, 0) / sum_n n`` over the
    lengths n = 1, ..., 4, which gives this matrix::

        i \ j    0    1    2    3    4    5    6    7    8    9
          0      1   .6   .3   .1    0    0    0   .1   .3   .6
          1     .6    1   .6   .3   .1    0    0    0   .1   .3
          2     .3   .6    1   .6   .3   .1    0    0    0   .1
          3     .1   .3   .6    1   .6   .3   .1    0    0    0
          4      0   .1   .3   .6    1   .6   .3   .1    0    0
          5      0    0   .1   .3   .6    1   .6   .3   .1    0
          6      0    0    0   .1   .3   .6    1   .6   .3   .1
          7     .1    0    0    0   .1   .3   .6    1   .6   .3
          8     .3   .1    0    0    0   .1   .3   .6    1   .6
          9     .6   .3   .1    0    0    0   .1   .3   .6    1

    A faint digit is hard to read by itself, and often follows from the clear digits
    of its scene. The digits do not overlap. Training and test scenes are made of
    different digit images.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of scenes.
    subset : {"train", "test", "all"}, default="train"
        Which digit images to use: the fixed two thirds for training, the other third,
        or both. The split of the digit images does not depend on `random_state`.
    scale : int, default=2
        Every pixel is repeated `scale` times in both directions; a scene is
        ``20 * scale`` pixels high and wide, a digit ``8 * scale``.
    faint : float, default=0.5
        Probability that a digit is drawn with contrast 0.3 instead of 1.
    noise : float, default=0.15
        Standard deviation of the Gaussian noise added to the pixels before they are
        clipped to the range from 0 to 1.
    random_state : int, RandomState instance or None, default=0
        Determines the scenes. Scenes of different subsets are independent also for
        the same seed.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with these attributes, where `M` is the number of digits
        in all scenes, which stand scene after scene and within a scene in reading order.

        - images : ndarray of shape (n_samples, 20 * scale, 20 * scale), float32 from
          0 (ground) to 1 (ink).
        - bags : :class:`~skmlc.inputs.Bags`, one instance per digit: its 8 x 8 pixels
          as they are in the image (64 features from 0 to 1), with its box.
        - boxes : ndarray of shape (M, 4), float32, left, top, right and bottom edge of
          each digit in pixels; those of scene i are the rows from ``bags.offsets[i]``
          to ``bags.offsets[i + 1]``.
        - target : ndarray of shape (n_samples, 10), int64, 1 where the digit is in
          the scene.
        - target_names : list of str.
        - label_graph : ndarray of shape (10, 10), float64, 1 between neighbors on the
          ring: label i receives from label j where ``label_graph[i, j] != 0``.
        - conditional_probabilities : ndarray of shape (10, 10), the matrix above,
          P(j | i) in row i and column j.
        - digit_labels : ndarray of shape (M,), int64, the digit of each instance.
        - digit_images : ndarray of shape (M,), int64, its row in
          :func:`sklearn.datasets.load_digits`.
        - faint : ndarray of shape (M,), bool, which digits are faint.
        - DESCR : str.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    References
    ----------
    E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine
    Learning Repository, 1998.

    Examples
    --------
    >>> from skmlc.datasets import load_digit_scenes
    >>> scenes = load_digit_scenes(100, random_state=0)
    >>> scenes.images.shape, scenes.target.shape
    ((100, 40, 40), (100, 10))
    >>> scenes.conditional_probabilities[3].round(1)
    array([0.1, 0.3, 0.6, 1. , 0.6, 0.3, 0.1, 0. , 0. , 0. ])
    >>> scenes.bags
    Bags(n_samples=100, n_features=64, 1-4 instances per bag, with boxes)
    """
    _check_parameters(n_samples, subset, scale, faint, noise)
    # One seed per subset: with a shared one, test scene i would repeat the digits of
    # training scene i.
    seeds = check_random_state(random_state).randint(2**31 - 1, size=len(SUBSETS))
    rng = np.random.RandomState(seeds[SUBSETS.index(subset)])

    offsets, digits = _arrange(n_samples, rng)
    tiles, rows = _draw_tiles(digits.label, subset, rng)
    is_faint = rng.random_sample(len(rows)) < faint
    tiles[is_faint] *= FAINT_CONTRAST
    images, instances = _paint(n_samples, digits, tiles, noise, rng)
    images = images.repeat(scale, axis=1).repeat(scale, axis=2)
    bags = _to_bags(instances, offsets, digits, scale)

    target = np.zeros((n_samples, N_DIGITS), dtype=np.int64)
    target[digits.scene, digits.label] = 1
    conditional = _conditional_probabilities()
    return Bunch(
        images=images,
        bags=bags,
        boxes=bags.boxes,
        target=target,
        target_names=[str(digit) for digit in range(N_DIGITS)],
        label_graph=(_ring_distance() == 1).astype(np.float64),
        conditional_probabilities=conditional,
        digit_labels=digits.label,
        digit_images=rows,
        faint=is_faint,
        DESCR=DESCR,
    )


def _check_parameters(n_samples, subset, scale, faint, noise):
    """Raise an error for values out of range, before any work starts."""
    for name, value in (("n_samples", n_samples), ("scale", scale)):
        if not isinstance(value, Integral) or value < 1:
            raise ValueError(f"{name} must be an integer >= 1; got {value!r}.")
    check_choice(subset, SUBSETS, "subset")
    if not isinstance(faint, Real) or not 0 <= faint <= 1:
        raise ValueError(f"faint must be a number from 0 to 1; got {faint!r}.")
    if not isinstance(noise, Real) or not 0 <= noise < np.inf:
        raise ValueError(f"noise must be a finite number >= 0; got {noise!r}.")


def _ring_distance():
    """Distances of the ten digits on the ring 0, 1, ..., 9, 0."""
    steps = np.abs(np.subtract.outer(np.arange(N_DIGITS), np.arange(N_DIGITS)))
    return np.minimum(steps, N_DIGITS - steps)


def _conditional_probabilities():
    """P(j | i), by counting in how many runs of each length both digits are."""
    lengths = np.arange(1, MAX_LENGTH + 1)[:, None, None]
    both = np.maximum(lengths - _ring_distance(), 0).sum(axis=0)
    return both / lengths.sum()


def _arrange(n_samples, rng):
    """Draw the runs of digits and their places: offsets of the scenes, and digits."""
    starts = rng.randint(N_DIGITS, size=n_samples)
    lengths = rng.randint(1, MAX_LENGTH + 1, size=n_samples)
    offsets = np.concatenate([[0], np.cumsum(lengths)])

    scene = np.repeat(np.arange(n_samples), lengths)
    step = np.arange(offsets[-1]) - offsets[scene]
    label = (starts[scene] + step) % N_DIGITS
    cell = rng.random_sample((n_samples, MAX_LENGTH)).argsort(axis=1)[scene, step]
    # Reading order, so that the order of the instances says nothing about the run.
    order = np.lexsort((cell, scene))
    label, cell = label[order], cell[order]

    shift = rng.randint(CELL - TILE + 1, size=(2, len(scene)))
    row, column = np.divmod(cell, 2)
    digits = _Digits(scene, label, CELL * row + shift[0], CELL * column + shift[1])
    return offsets, digits


def _draw_tiles(labels, subset, rng):
    """Draw an image of the subset for each label: tiles (M, 8, 8) and their rows."""
    digits = load_digits()
    pool = _subset_rows(digits.target, subset)
    pool = pool[np.argsort(digits.target[pool], kind="stable")]
    sizes = np.bincount(digits.target[pool], minlength=N_DIGITS)
    first = np.cumsum(sizes) - sizes

    drawn = (rng.random_sample(len(labels)) * sizes[labels]).astype(np.int64)
    rows = pool[first[labels] + drawn]
    return (digits.images[rows] / 16).astype(np.float32), rows


def _subset_rows(digit_target, subset):
    """Rows of the digit images in a subset: every third of a class is for testing."""
    rank = np.zeros(len(digit_target), dtype=np.int64)
    for digit in range(N_DIGITS):
        members = digit_target == digit
        rank[members] = np.arange(members.sum())
    is_test = rank % 3 == 2
    chosen = {"train": ~is_test, "test": is_test, "all": np.ones_like(is_test)}
    return np.flatnonzero(chosen[subset])


def _paint(n_samples, digits, tiles, noise, rng):
    """Put the tiles on noisy canvases: images (N, 20, 20) and instances (M, 64)."""
    images = rng.standard_normal((n_samples, 2 * CELL, 2 * CELL)).astype(np.float32)
    images *= noise
    pixels = (
        digits.scene[:, None, None],
        digits.top[:, None, None] + np.arange(TILE)[:, None],
        digits.left[:, None, None] + np.arange(TILE),
    )
    images[pixels] += tiles
    np.clip(images, 0, 1, out=images)
    return images, images[pixels].reshape(len(tiles), TILE * TILE)


def _to_bags(instances, offsets, digits, scale):
    """One bag per scene, with the boxes of its digits."""
    from ..inputs import Bags  # here only, so that the module needs nothing but arrays

    corners = [digits.left, digits.top, digits.left + TILE, digits.top + TILE]
    boxes = (scale * np.stack(corners, axis=1)).astype(np.float32)
    return Bags.from_flat(instances, offsets, boxes=boxes)
