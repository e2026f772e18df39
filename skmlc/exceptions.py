"""The errors of the package that have names of their own."""

from sklearn.exceptions import InconsistentVersionWarning as _OfSklearn

__all__ = ["FileFormatError", "InconsistentVersionWarning"]


class FileFormatError(ValueError):
    """Raised when a file is not what it should be: damaged, cut short, or of another kind.

    Parameters
    ----------
    path : str or path-like
        The file.
    problem : str
        What is wrong with it, and what was expected.
    place : str, default=None
        Where in the file: a line, a member of an archive, an entry.

    Attributes
    ----------
    path, problem, place : str
        As given.

    Examples
    --------
    >>> from skmlc.exceptions import FileFormatError
    >>> raise FileFormatError("birds.arff", "a row must have 3 values; got 2.", "line 12")
    Traceback (most recent call last):
        ...
    skmlc.exceptions.FileFormatError: birds.arff, line 12: a row must have 3 values; got 2.
    """

    def __init__(self, path, problem, place=None):
        # All arguments reach the base, without which the error could not be unpickled.
        super().__init__(path, problem, place)
        self.path, self.problem, self.place = str(path), problem, place

    def __str__(self):
        where = self.path if self.place is None else f"{self.path}, {self.place}"
        return f"{where}: {self.problem}"


class InconsistentVersionWarning(_OfSklearn):
    """Warning that a model comes from another version, and may not be what it was.

    It is a kind of scikit-learn's warning of the same name, so that what is done about that one
    is done about this one.

    Parameters
    ----------
    estimator_name : str
        What was loaded.
    package : str
        The package whose versions differ.
    original_version : str
        The version that it comes from.
    current_version : str
        The version at work.

    Attributes
    ----------
    estimator_name, package, original_version, current_version : str
        As given.
    """

    def __init__(self, estimator_name, package, original_version, current_version):
        Warning.__init__(self, estimator_name, package, original_version, current_version)
        self.estimator_name, self.package = estimator_name, package
        self.original_version, self.current_version = original_version, current_version

    def __str__(self):
        return (
            f"{self.estimator_name} comes from {self.package} {self.original_version}, and "
            f"this is {self.package} {self.current_version}: its predictions may differ. "
            "Compare some with those of before, or fit it anew."
        )
