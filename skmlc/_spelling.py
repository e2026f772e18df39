"""Misspelt words, and what they were meant to be."""

import difflib

__all__ = ["check_choice", "did_you_mean"]


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


def check_choice(value, options, name, *, of=""):
    """Raise an error for a value that is none of the options of a parameter.

    Parameters
    ----------
    value : object
        What came.
    options : iterable of str or None
        What is known.
    name : str
        The parameter.
    of : str, default=""
        Whose options these are, if that depends on what else is given.

    Raises
    ------
    ValueError
        That lists the options, and asks whether the nearest was meant.

    Examples
    --------
    >>> from skmlc._spelling import check_choice
    >>> check_choice("exakt", ["lamp", "exact"], "grid")
    Traceback (most recent call last):
    ...
    ValueError: grid must be 'lamp' or 'exact'; got 'exakt'. Did you mean 'exact'?
    """
    options = list(options)
    if (isinstance(value, str) or value is None) and value in options:
        return
    *most, last = map(repr, options or ["none"])
    listed = f"{', '.join(most)} or {last}" if most else last
    hint = did_you_mean(value, [option for option in options if option is not None])
    raise ValueError(f"{name} must be {listed}{of}; got {value!r}. {hint}".rstrip())
