"""The errors of the package that have names of their own."""

__all__ = ["FileFormatError"]


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
