"""What tells the fit of an estimator from others, so that the same call can go on with it."""

from ..training.checkpoint import TrainingCheckpoint, make_folder

__all__ = ["check_checkpoint", "make_checkpoint"]

# Parameters that change nothing of a fit, or are there in another form.
WITHOUT_EFFECT = ("checkpoint", "checkpoint_minutes", "random_state", "verbose")


def check_checkpoint(estimator):
    """Raise an error if a fit could not be written, or not be known again.

    Parameters
    ----------
    estimator : BaseGraphClassifier
        With `checkpoint`, whose folder is made, and `random_state`.
    """
    if estimator.checkpoint is None:
        return
    if estimator.random_state is None:
        raise ValueError(
            "checkpoint needs random_state, by which a fit that is the same is known; got "
            "None: pass an int."
        )
    make_folder(estimator.checkpoint)


def make_checkpoint(estimator, X, target, weight, seed, *, warm):
    """Return the checkpoint of a fit, or None if there shall be none.

    Parameters
    ----------
    estimator : BaseGraphClassifier
        With its parameters, and the network as training begins.
    X : ndarray, CSR matrix or container
        The samples.
    target : Target
        The labels.
    weight : ndarray of shape (n_samples,)
        How much each sample counts.
    seed : int
        Of the initial weights and of training.
    warm : bool
        Whether training begins with the weights of an earlier fit.

    Returns
    -------
    TrainingCheckpoint or None
        For `skmlc.training.net.train`.
    """
    if estimator.checkpoint is None:
        return None
    net, params = estimator.net_, estimator.get_params(deep=False)
    identity = {
        "params": {k: v for k, v in params.items() if k not in WITHOUT_EFFECT},
        "seeds": [int(seed), int(estimator._split_seed)],
        "device": str(net.device),
        "X": X,
        "y": [target.kind, target.Y, target.classes, target.label_names],
        "weight": weight,
    }
    if warm:
        identity["start"] = [len(net.history), dict(net.module_.state_dict())]
    name = type(estimator).__name__
    kind = getattr(net, "checkpoint_kind", TrainingCheckpoint)
    checkpoint = kind(estimator.checkpoint, name, identity, estimator.checkpoint_minutes)
    if estimator.verbose and checkpoint.writes and checkpoint.found is not None:
        state = "is finished" if checkpoint.finished else "goes on"
        print(f"{name}: {state}, from {checkpoint.path}", flush=True)
    return checkpoint
