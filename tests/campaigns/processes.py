"""Calls in processes of their own, which can be killed at any moment."""

import multiprocessing
import os
import signal
import tempfile
from pathlib import Path

import torch

__all__ = ["call"]

# Children are forked, so that each kill does not cost the time of an import.
FORK = multiprocessing.get_context("fork")


def call(function, *arguments, kill_after=None):
    """Call a function in a process of its own, and kill that with SIGKILL after a while.

    Parameters
    ----------
    function : callable
        Returns a str that is not empty.
    *arguments : object
        Of the function.
    kill_after : float or callable, default=None
        Seconds, or what returns when it is time; None lets it come to its end.

    Returns
    -------
    str or None
        What the function has returned, None if it was killed before.
    """
    with tempfile.NamedTemporaryFile() as result:

        def work():
            torch.set_num_threads(1)  # OpenMP does not survive a fork
            Path(result.name).write_text(function(*arguments))

        child = FORK.Process(target=work)
        child.start()
        if callable(kill_after):
            kill_after()
        else:
            child.join(kill_after)
        if child.is_alive() and kill_after is not None:
            os.kill(child.pid, signal.SIGKILL)
        child.join()
        if child.exitcode not in (0, -signal.SIGKILL):
            raise RuntimeError(f"{function.__name__}{arguments} has failed; see above.")
        return Path(result.name).read_text() or None
