"""What each of two processes does in a training that is killed, and in one that goes on."""

import os
import pickle
import signal
import sys
from pathlib import Path

import torch.distributed as dist
from skorch.callbacks import Callback

from tests.training.two_processes import X, Y, make, told

EPOCHS = []


class KilledInTheThird(Callback):
    """Kills the first process in its third epoch, if this run is to be killed."""

    def on_batch_end(self, net, training=False, **kwargs):
        """Kill it after the first step, or count the epochs."""
        if len(net.history) == 3 and sys.argv[1] == "killed" and dist.get_rank() == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def on_epoch_begin(self, net, **kwargs):
        """Count the epochs of this run."""
        EPOCHS.append(len(net.history))


def main(run, folder):
    """Train with a checkpoint, and write what came of it."""
    folder = Path(folder)
    folder.mkdir(exist_ok=True)
    options = {"dropout": 0.3, "input_dropout": 0.2, "max_epochs": 4, "ema_decay": 0.9}
    model = make(
        "LaMPClassifier", **options, device="distributed",
        checkpoint=folder / "checkpoints", callbacks=[KilledInTheThird()],
    )  # fmt: skip
    model.fit(X, Y)
    (folder / f"{run}{dist.get_rank()}").write_bytes(
        pickle.dumps((told(model), len(EPOCHS)))
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
