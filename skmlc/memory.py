"""How much memory there is, and an error before more than that is asked for.

A system that lends more memory than it has ends the process when that is used; so what
cannot fit is refused before it is made.
"""

import os

__all__ = ["check_memory", "total_memory"]


def total_memory():
    """Return the bytes of memory that the machine has, whether in use or not.

    Returns
    -------
    int or None
        None where the system does not say.
    """
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None


def check_memory(n_bytes, what, choose):
    """Raise an error for what takes more memory than the machine has.

    Parameters
    ----------
    n_bytes : int
        How much is needed at the least.
    what : str
        What needs it, with the parameter that says so.
    choose : str
        What to choose instead.

    Raises
    ------
    ValueError
        If it is more than all memory of the machine.

    Examples
    --------
    >>> from skmlc.memory import check_memory
    >>> check_memory(1000, "hidden_size=10", "a smaller hidden_size")
    """
    there_is = total_memory()
    if there_is is None or n_bytes <= there_is:
        return
    raise ValueError(
        f"{what} needs at least {_gigabytes(n_bytes)} of memory ({n_bytes} bytes), and the "
        f"machine has {_gigabytes(there_is)}; choose {choose}."
    )


def _gigabytes(n_bytes):
    """Return a number of bytes as text."""
    return f"{n_bytes / 1e9:,.1f} GB"
