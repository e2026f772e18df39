"""The data sets in three parts: to fit on, to tune the threshold on, and to score."""

from typing import Any, NamedTuple

import numpy as np
from completion.data import IMAGES, Data, load_data, region_reader
from reproduction.data import Part
from reproduction.image_data import ImageParts, load_image_parts

from skmlc.model_selection import MultilabelStratifiedShuffleSplit

# Settings may be chosen on these.
DEVELOPMENT = (
    "emotions", "yeast", "scene", "sider", "miml_image", "miml_birds", "msrc_v2", "bibtex",
    "tmc2007_500", "goemotions", "reuters21578",
)  # fmt: skip
# Nothing is chosen on these: they are run at the end.
SET_ASIDE = ("cellcycle_fun", "delicious", "rcv1sub1", "reutersk500", "miml_text")
DATASETS = (*DEVELOPMENT, *SET_ASIDE)
PARTS = ("test", "valid")
HELD_OUT_SHARE, VALIDATION_SHARE = 0.1, 0.25


class Task(NamedTuple):
    """A data set in three parts; labels are dense."""

    name: str
    fit: Part
    held_out: Part  # only the threshold is tuned on it
    scored: Part


class Samples(NamedTuple):
    """The samples of the three parts as a method reads them."""

    fit: Any
    held_out: Any
    scored: Any


def load_task(name, part, seed, data_home=None):
    """Load one of `DATASETS` in three parts.

    Parameters
    ----------
    name : str
        Its name.
    part : {"test", "valid"}
        What is scored: the test part, or a quarter of the training rows, in which case no
        test row is used at all.
    seed : int
        Of what is drawn of the training rows, stratified by label: the rows scored with
        "valid", and of the rest a tenth for the threshold.  The test part is the same for all
        seeds.
    data_home : str, default=None
        The data folder; None for the one that ``SKMLC_DATA`` names.

    Returns
    -------
    Task
        The same for all methods.
    """
    check_part(name, part)
    data = _load_images(name, data_home) if name in IMAGES else load_data(name, data_home)
    rows, scored = np.arange(len(data.Y)), Part(data.X_test, data.Y_test)
    if part == "valid":
        rows, valid = _hold_out(rows, data.Y, VALIDATION_SHARE, seed)
        scored = Part(data.X[valid], data.Y[valid])
    rows, held_out = _hold_out(rows, data.Y, HELD_OUT_SHARE, seed)
    fit, held_out = (Part(data.X[part], data.Y[part]) for part in (rows, held_out))
    task = Task(name, fit, held_out, scored)
    return _as_regions(task) if name in IMAGES else task


def check_part(name, part):
    """Refuse to choose on a data set that is set aside."""
    if part == "valid" and name in SET_ASIDE:
        raise ValueError(
            f"part must be 'test' for {name}, which is set aside; got 'valid': choose on one "
            f"of {', '.join(DEVELOPMENT)}."
        )


def _hold_out(rows, Y, share, seed):
    """Return the rows kept and those held out, each in order."""
    split = MultilabelStratifiedShuffleSplit(1, test_size=share, random_state=seed)
    kept, held_out = next(split.split(np.zeros(len(rows)), Y[rows]))
    return rows[np.sort(kept)], rows[np.sort(held_out)]


def _load_images(name, data_home):
    """Return images, not read yet."""
    train, test = load_image_parts(IMAGES[name], data_home)[:2]
    return Data(name, *train, *test)


def _as_regions(task):
    """Return regions with the features of a backbone that the part to fit on has taught."""
    reader = region_reader(task.name, ImageParts(task.fit, task.scored))
    parts = (Part(reader.transform(part.X), part.Y) for part in task[1:])
    return Task(task.name, *parts)


def read(task, samples_of):
    """Return the samples of a task as networks or tables read them.

    Parameters
    ----------
    task : Task
        The data set.
    samples_of : callable
        `completion.data.network_samples` or `table_samples`.

    Returns
    -------
    Samples
        Scaled by what the part to fit on shows.
    """
    held_out, scored = (samples_of(Data(task.name, *task.fit, *part)) for part in task[2:])
    return Samples(held_out.train, held_out.test, scored.test)
