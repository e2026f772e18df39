"""What "auto" stands for: defaults that follow the data.

Chosen on validation parts of training rows; the guide's page on choosing an estimator has the
numbers.
"""

__all__ = ["choose_input_dropout", "choose_n_epochs"]

# Steps that a small training set is worth; hiding labels asks more of each sample.
FEWEST_STEPS, FEWEST_STEPS_MASKED = 500, 1000
FEWEST_EPOCHS, MOST_EPOCHS = 12, 60
# Networks learn rare words by heart where they meet them often.
FEWEST_EPOCHS_OF_WORDS = 6
# Of fewer columns than this, none can be missed.
MANY_COLUMNS = 32
COLUMN_DROPOUT, WORD_DROPOUT = 0.3, 0.2


def choose_n_epochs(max_epochs, n_batches, *, kind, masks_labels):
    """Return how often training goes through the samples.

    Parameters
    ----------
    max_epochs : "auto" or int
        As the user gave it.
    n_batches : int
        The number of batches of an epoch.
    kind : {"vectors", "sparse", "sequences", "bags", "graphs", "images", "texts"}
        What a batch holds.
    masks_labels : bool
        Whether training hides labels.

    Returns
    -------
    int
        With "auto" 12, and 6 of sparse tables and sequences, or as many as make 500 steps, and
        1000 where labels are hidden, but no more than 60.
    """
    if not isinstance(max_epochs, str):
        return max_epochs
    n_steps = FEWEST_STEPS_MASKED if masks_labels else FEWEST_STEPS
    is_words = kind in ("sparse", "sequences", "texts")
    fewest = FEWEST_EPOCHS_OF_WORDS if is_words else FEWEST_EPOCHS
    return min(max(fewest, -(-n_steps // n_batches)), MOST_EPOCHS)


def choose_input_dropout(input_dropout, kind, n_columns):
    """Return the probability that an input is left out in training.

    Parameters
    ----------
    input_dropout : "auto" or float
        As the user gave it.
    kind : {"vectors", "sparse", "sequences", "bags", "graphs", "images", "texts"}
        What a batch holds.
    n_columns : int
        The number of features.

    Returns
    -------
    float
        With "auto" 0.3 for dense tables of 32 or more columns, 0.2 for sparse tables, and 0
        otherwise: the instances of a bag have no features to spare.
    """
    if not isinstance(input_dropout, str):
        return input_dropout
    if kind == "sparse":
        return WORD_DROPOUT
    many = kind == "vectors" and n_columns >= MANY_COLUMNS
    return COLUMN_DROPOUT if many else 0.0
