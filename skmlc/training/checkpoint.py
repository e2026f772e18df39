"""Checkpoints: a training that was cut off goes on where it stood, and ends the same."""

import os
import time
import warnings

import torch
from skorch.callbacks import Callback

import skmlc

from ..exceptions import FileFormatError
from ..inputs.fingerprint import fingerprint
from ..persistence._file import read_file, remove_leftovers, write_file
from .state import is_complete, random_state, restore, set_random_state, state_of

__all__ = ["EpochPosition", "TrainingCheckpoint", "make_folder"]

KIND = "checkpoint"


def make_folder(path):
    """Make the folder for checkpoints, if it is not there.

    Parameters
    ----------
    path : str or path-like
        The folder.

    Raises
    ------
    ValueError
        If it is a file, or cannot be made or written to.
    """
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"checkpoint must be a folder, which is made if it is not there; got {path!r}: "
            f"{error.strerror}."
        ) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise ValueError(
            f"checkpoint must be a folder that can be written to; got {path!r}."
        )


class EpochPosition:
    """Where training stands within an epoch: how many steps were taken, in which order.

    The order of the batches follows from the random state at the beginning of the epoch, so
    that a position needs no list of samples.

    Parameters
    ----------
    device : str or torch.device
        Where the net is.
    state : dict, default=None
        From `state`; None is the beginning of an epoch.
    """

    def __init__(self, device, state=None):
        self.device, self.resumed = device, state
        self.losses = [] if state is None else list(state["losses"].to(device).unbind())

    def batches(self, iterator):
        """Yield the batches that are left of the epoch.

        Parameters
        ----------
        iterator : DataLoader
            All batches of the epoch.

        Yields
        ------
        object
            A batch.
        """
        if self.resumed is not None:
            set_random_state(self.resumed["begin"], self.device)
        self.begin = random_state(self.device)
        batches = iter(iterator)
        for _ in self.losses:
            next(batches)
        if self.resumed is not None:
            set_random_state(self.resumed["now"], self.device)
        yield from batches

    def state(self):
        """Return the position as tensors.

        Returns
        -------
        dict
            The losses of the steps, and the random states at the beginning and now.
        """
        losses, now = torch.stack(self.losses).cpu(), random_state(self.device)
        return {"losses": losses, "begin": self.begin, "now": now}


class TrainingCheckpoint(Callback):
    """Write all that training goes on from, and go on from what an earlier call has written.

    Comes after all other callbacks, so that they have begun, and seen each step and epoch.

    Parameters
    ----------
    folder : str or path-like
        For the files, one of each fit.
    name : str
        Of the estimator, with which the file's name begins.
    identity : object
        What the fit follows from; see `skmlc.inputs.fingerprint`.
    minutes : float or None
        How often to write, at the end of a step; None is at the end of each epoch.
    """

    writes = True  # whether it is this process that writes, and tells of it

    def __init__(self, folder, name, identity, minutes=None):
        number = fingerprint([skmlc.__version__, name, identity])
        self.path = os.path.join(folder, f"{name}-{number}.safetensors")
        remove_leftovers(folder)
        self.minutes = minutes
        self.found = self._read()

    @property
    def finished(self):
        """Whether the fit has come to its end in an earlier call."""
        return self.found is not None and self.found["finished"]

    def on_train_begin(self, net, **kwargs):
        """Go on where training stood."""
        self._written_at = time.monotonic()
        self._epochs_left = net.max_epochs
        if self.found is None:
            return
        restore(net, self.found["net"])
        if self.found["position"] is not None:
            del net.history[-1]  # this epoch begins once more, and is then put back
        set_random_state(self.found["random"], net.device)
        net.max_epochs = self._epochs_left = self.found["epochs_left"]

    def on_epoch_begin(self, net, **kwargs):
        """Go on within an epoch, or begin one."""
        position, found, self.found = None, self.found, None
        if found is not None and found["position"] is not None:
            position = found["position"]
            restore(net, found["net"])
        net._position = EpochPosition(net.device, position)

    def on_batch_end(self, net, training=False, **kwargs):
        """Write within an epoch, if it is time."""
        asked = training and self.minutes is not None
        if asked and self._is_time() and is_complete(net.callbacks_):
            self._write(net, net._position.state())

    def on_epoch_end(self, net, **kwargs):
        """Write after an epoch, if it is time."""
        self._epochs_left -= 1
        if self.minutes is None or self._is_time():
            self._write(net, None)

    def finish(self, net):
        """Write the trained net, unless training was interrupted.

        Parameters
        ----------
        net : Net
            After its training.
        """
        stopped = any(
            getattr(callback, "stopped_", False) for _, callback in net.callbacks_
        )
        if self._epochs_left == 0 or stopped:
            self._write(net, None, finished=True)

    def restore_finished(self, net):
        """Give a net what training ended with in an earlier call.

        Parameters
        ----------
        net : Net
            Changed in place.
        """
        restore(net, self.found["net"])
        self.found = None

    def _is_time(self):
        return time.monotonic() - self._written_at >= 60 * self.minutes

    def _write(self, net, position, *, finished=False):
        """Write the file anew; if that fails, training goes on, and the last file stays."""
        if not self.writes:
            return
        tree = {
            "net": state_of(net),
            "random": random_state(net.device),
            "position": position,
            "epochs_left": self._epochs_left,
            "finished": finished,
        }
        try:
            write_file(self.path, tree, kind=KIND, versions=_versions())
        except OSError as error:
            warnings.warn(
                f"The checkpoint {self.path} could not be written ({error}). Training goes "
                "on, and what was written before is still there.",
                RuntimeWarning,
                stacklevel=2,
            )
        self._written_at = time.monotonic()

    def _read(self):
        """Return what an earlier call has written, or None."""
        try:
            tree, versions = read_file(self.path, kind=KIND)
        except FileNotFoundError:
            return None
        except (FileFormatError, OSError) as error:
            warnings.warn(
                f"The checkpoint cannot be read, and training begins anew: {error}",
                RuntimeWarning,
                stacklevel=2,
            )
            return None
        if versions != _versions() and not tree["finished"]:
            warnings.warn(
                f"The checkpoint {self.path} was written with torch {versions['torch']}; with "
                f"torch {torch.__version__} the fit may not end with the same weights.",
                RuntimeWarning,
                stacklevel=2,
            )
        return tree


def _versions():
    return {"skmlc": skmlc.__version__, "torch": torch.__version__}
