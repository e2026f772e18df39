"""Columns of numbers, of categories and with missing values, side by side."""

import numpy as np
import torch
from torch import Tensor, nn

from ...mapped import take_rows

__all__ = ["MixedColumns", "seen_in_training"]

ROWS_AT_ONCE = 4096


class MixedColumns(nn.Module):
    """The entries of numeric columns; then, of zeros and ones, categories and what is missing.

    A number that is missing is the mean of its column, of which all entries are zero, as their
    means are.

    Parameters
    ----------
    numbers : nn.Module
        Maps the numeric columns (R, F') to their entries (R, E').
    where : ndarray of int of shape (n_numeric,)
        Which columns these are.
    mean : ndarray of shape (n_numeric,)
        Their means.
    seen : tuple of ndarray
        From `seen_in_training`.

    Shape
    -----
    (R, F) to (R, E' + C): an entry for each of the categories, and for each column that had
    missing values.
    """

    source: Tensor
    where: Tensor
    mean: Tensor
    category: Tensor
    category_column: Tensor
    missing: Tensor

    def __init__(self, numbers, where, mean, seen):
        super().__init__()
        category_column, category, missing = seen
        self.numbers = numbers
        self.n_one_hot = len(category) + len(missing)
        self.n_outputs = numbers.n_outputs + self.n_one_hot
        source = np.concatenate([where[numbers.source.numpy()], category_column, missing])
        for name, array in {
            "source": source,
            "where": where,
            "mean": mean,
            "category_column": category_column,
            "category": category,
            "missing": missing,
        }.items():
            self.register_buffer(name, torch.from_numpy(array))

    def forward(self, values):
        """Return the entries of some rows."""
        numbers = values.index_select(1, self.where)  # (R, F')
        absent = numbers.isnan()
        entries = self.numbers(numbers.where(~absent, self.mean.to(numbers)))  # (R, E')
        if self.numbers.is_centered:
            entries = entries.masked_fill(absent.index_select(1, self.numbers.source), 0)
        is_category = values.index_select(1, self.category_column) == self.category
        is_missing = values.index_select(1, self.missing).isnan()
        one_hot = torch.cat([is_category, is_missing], dim=1).to(entries)  # (R, C)
        return torch.cat([entries, one_hot], dim=1)


def seen_in_training(X, rows, categorical):
    """Return what training rows hold besides numbers.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Numbers, codes of categories (those below zero are of unknown ones) and NaN.
    rows : ndarray of int
        Those to train on.
    categorical : ndarray of int
        Which columns hold categories.

    Returns
    -------
    category_column : ndarray of int of shape (n_categories,)
        The column of each category.
    category : ndarray of shape (n_categories,)
        Its code.
    missing : ndarray of int
        The columns with NaN.
    """
    is_missing = np.zeros(X.shape[1], dtype=bool)
    codes = [np.empty(0) for _ in categorical]
    for start in range(0, len(rows), ROWS_AT_ONCE):
        part = take_rows(X, rows[start : start + ROWS_AT_ONCE])
        is_missing |= np.isnan(part).any(axis=0)
        codes = [np.union1d(c, part[:, j]) for c, j in zip(codes, categorical, strict=True)]
    codes = [c[c >= 0] for c in codes]  # neither unknown nor missing
    column = np.repeat(np.asarray(categorical, dtype=np.int64), [len(c) for c in codes])
    return column, np.concatenate([np.empty(0), *codes]), np.flatnonzero(is_missing)
