"""Misspelt words, and what they were meant to be."""

import difflib

__all__ = ["did_you_mean"]


def did_you_mean(value, options):
    """Return a question about the option that is spelt most like a value.

    Parameters
    ----------
    value : object
        What came.
    options : iterable of str
        What is known.

    Returns
    -------
    str
        Empty if `value` is not text, or if none is close.

    Examples
    --------
    >>> from skmlc._spelling import did_you_mean
    >>> did_you_mean("exakt", ["lamp", "exact"])
    "Did you mean 'exact'?"
    """
    if not isinstance(value, str):
        return ""
    folded = {option.lower(): option for option in options}
    near = difflib.get_close_matches(value.lower(), sorted(folded), n=1)
    return f"Did you mean {folded[near[0]]!r}?" if near else ""
