"""Save an estimator into one file, and load it again, without pickle."""

import os
import warnings
from importlib.metadata import version

from ..exceptions import FileFormatError, InconsistentVersionWarning
from ._arrays import Malformed
from ._file import check_path, read_file, remove_leftovers, write_file

__all__ = ["load", "save"]


def save(estimator, path, *, include_optimizer=False, trusted=()):
    """Save an estimator into one file, which `load` opens without running code.

    The file holds the network's weights once.  It is written beside `path` and renamed when it
    is complete: what was there stays until then.  Files that a killed process has left there
    more than an hour ago are removed.

    Parameters
    ----------
    estimator : estimator
        Fitted or not; of this package, or of scikit-learn, such as a `Pipeline` or a
        `GridSearchCV` around one of this package.
    path : str or path-like
        The file.
    include_optimizer : bool, default=False
        Whether to keep the state of the optimizers too, which takes up to twice the room of
        the weights.  Without it, `partial_fit` and `warm_start` go on with a new optimizer.
    trusted : sequence of {str, type, callable}, default=()
        Classes and functions of your own in the estimator, such as a loss or a transformer, or
        their names, as "mymodule.MyLoss".  They are not in the file: it has their names.

    Raises
    ------
    TypeError
        If the estimator holds something of a class, or a function, that is neither among
        those that a saved model may hold nor trusted; the message says where.
    OSError
        If the file cannot be written.

    See Also
    --------
    load : Load what was saved.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklearn.datasets import make_multilabel_classification
    >>> import skmlc
    >>> X, y = make_multilabel_classification(random_state=0)
    >>> model = skmlc.LaMPClassifier(max_epochs=2, random_state=0).fit(X, y)
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = os.path.join(folder.name, "model.skmlc")
    >>> skmlc.save(model, path)
    >>> (skmlc.load(path).predict_proba(X) == model.predict_proba(X)).all().item()
    True
    """
    if isinstance(estimator, type):
        raise TypeError(
            f"estimator must be an instance, not a class; got {estimator.__name__}."
        )
    check_path(path)
    from ._describe import Describer  # imports much of scikit-learn

    describer = Describer(_names(trusted), include_optimizer)
    tree = describer.describe(estimator, type(estimator).__name__)
    write_file(path, tree, versions=package_versions())
    remove_leftovers(os.path.dirname(os.path.realpath(path)))


def load(path, *, trusted=()):
    """Load an estimator that `save` has saved.

    Nothing of the file is run, and nothing in it is a pickle: it says which classes of this
    package, scikit-learn and PyTorch to make, and which attributes and arrays they have.
    Networks of text are made by transformers of their settings, if they are of a type that is
    listed.

    Parameters
    ----------
    path : str or path-like
        The file.
    trusted : sequence of {str, type, callable}, default=()
        Classes and functions of other packages that the model may hold, or their names.
        Name only what you know: loading imports their modules, and their code runs when the
        model is used.

    Returns
    -------
    estimator
        As it was saved.  A network that was on a GPU is on the CPU if there is no GPU.

    Raises
    ------
    FileFormatError
        If the file is damaged, cut short or altered, of another kind, of a newer format, or
        holds a class or function that is not trusted.

    Warns
    -----
    InconsistentVersionWarning
        If another version of this package, or of scikit-learn, has saved the model, or a newer
        PyTorch.

    See Also
    --------
    save : Save an estimator.

    Examples
    --------
    >>> import os, tempfile
    >>> import skmlc
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = os.path.join(folder.name, "model.skmlc")
    >>> skmlc.save(skmlc.LaMPClassifier("cooccurrence"), path)
    >>> skmlc.load(path)
    LaMPClassifier(label_graph='cooccurrence')
    """
    check_path(path)
    from ._build import Builder

    names = _names(trusted)
    tree, versions = read_file(path)
    _compare_versions(versions)
    try:
        return Builder(names).build(tree)
    except Malformed as error:
        raise FileFormatError(path, f"cannot be loaded: {error}.") from error
    except Exception as error:  # whatever its classes say of wrong attributes
        problem = f"cannot be loaded: its objects are malformed ({type(error).__name__})."
        raise FileFormatError(path, problem) from error


def _names(trusted):
    """Return the names of what is trusted."""
    if isinstance(trusted, str):
        raise TypeError(
            f"trusted must be a sequence of names, classes or functions; got {trusted!r}: "
            f"write [{trusted!r}]."
        )
    return {
        t if isinstance(t, str) else f"{t.__module__}.{t.__qualname__}" for t in trusted
    }


def package_versions():
    """Return the versions of the packages at work.

    Returns
    -------
    dict of str to str
        By name.
    """
    from .. import __version__

    names = ("numpy", "scikit-learn", "scipy", "skorch", "torch")
    return {"skmlc": __version__, **{name: version(name) for name in names}}


def _compare_versions(versions):
    """Warn of versions with which a model may not be what it was.

    scikit-learn's own estimators warn of scikit-learn's version themselves.
    """
    here = package_versions()
    for name in ("skmlc", "torch"):
        then, now = versions.get(name), here[name]
        newer = then is not None and _minor(then) > _minor(now)
        differs = then is not None and then != now
        if differs if name == "skmlc" else newer:
            warnings.warn(
                InconsistentVersionWarning("A saved model", name, then, now), stacklevel=3
            )


def _minor(version):
    """Return the first two numbers of a version."""
    numbers = [part for part in version.split(".")[:2] if part.isdigit()]
    return [int(n[:9]) for n in numbers]
