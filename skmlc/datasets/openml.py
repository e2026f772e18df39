"""Multi-label data sets from OpenML, by scikit-learn's own downloader."""

import numpy as np
from scipy import sparse
from sklearn.datasets import fetch_openml
from sklearn.utils import Bunch

# How OpenML's multi-label sets write the two values of a label.
_VALUES = ({"false", "true"}, {"0", "1"}, {"0.0", "1.0"}, {"no", "yes"})
_POSITIVE = ("true", "1", "1.0", "yes")


def fetch_openml_multilabel(
    name=None,
    *,
    version="active",
    data_id=None,
    label_columns=None,
    data_home=None,
    cache=True,
):
    """Download a multi-label data set from OpenML and separate features from labels.

    Parameters
    ----------
    name : str, default=None
        Name of the data set on OpenML.
    version : int or "active", default="active"
        Version of the data set; give a number for the same data at any time.
    data_id : int, default=None
        OpenML's id of the data set, in place of `name` and `version`.
    label_columns : list of str, default=None
        Names of the columns that are labels. By default those that OpenML marks as
        targets; where it marks less than two, all columns with the values FALSE and
        TRUE.
    data_home : str or path-like, default=None
        Folder to keep downloads in; by default scikit-learn's.
    cache : bool, default=True
        Whether to keep downloads.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with these attributes.

        - data : ndarray or CSR matrix of shape (n_samples, n_features), float64, CSR
          where OpenML stores the set as sparse. Categories are numbered.
        - target : ndarray of shape (n_samples, n_labels), int64.
        - target_names : list of str.
        - feature_names : list of str.
        - details : dict, what else OpenML knows about the data set.
        - DESCR : str.

    Raises
    ------
    ValueError
        If no labels are found, or a label has more than two values.

    See Also
    --------
    sklearn.datasets.fetch_openml : Download any data set.

    Examples
    --------
    >>> from skmlc.datasets import fetch_openml_multilabel
    >>> yeast = fetch_openml_multilabel("yeast", version=4)  # doctest: +SKIP
    >>> yeast.data.shape, yeast.target.shape  # doctest: +SKIP
    ((2417, 103), (2417, 14))
    """
    where = name if data_id is None else f"data_id={data_id}"
    common = {"version": version, "data_id": data_id, "cache": cache}
    common |= {"data_home": data_home, "as_frame": False, "parser": "liac-arff"}
    columns = "default-target" if label_columns is None else list(label_columns)
    fetched = fetch_openml(name, target_column=columns, **common)
    if label_columns is None and len(fetched.target_names) < 2:
        everything = fetch_openml(name, target_column=None, **common)
        columns = _find_labels(everything, fetched.target_names, where)
        fetched = fetch_openml(name, target_column=columns, **common)
    target = np.asarray(fetched.target)
    data = fetched.data
    return Bunch(
        data=sparse.csr_matrix(data) if sparse.issparse(data) else data,
        target=_to_indicator(target.reshape(len(target), -1), fetched.target_names, where),
        target_names=list(fetched.target_names),
        feature_names=list(fetched.feature_names),
        details=fetched.get("details", {}),
        DESCR=fetched.get("DESCR", ""),
    )


def _find_labels(everything, marked, where):
    """Names of the columns with the values FALSE and TRUE, in the order of the file."""
    categories = everything.categories or {}
    names = [
        name
        for name in everything.feature_names
        if {str(value).lower() for value in categories.get(name, ())} == _VALUES[0]
    ]
    if len(names) < 2:
        raise ValueError(
            f"label_columns must name the labels of {where!r}: OpenML marks {marked} as "
            f"target, and {len(names)} columns have the values FALSE and TRUE."
        )
    return names


def _to_indicator(target, names, where):
    """Zeros and ones from two words per column."""
    indicator = np.zeros(target.shape, dtype=np.int64)
    for label, name in enumerate(names):
        words = np.array([str(value).strip().lower() for value in target[:, label]])
        found = set(words.tolist())
        if not any(found <= values for values in _VALUES):
            raise ValueError(
                f"label {name!r} of {where!r} must have the values FALSE and TRUE, 0 and "
                f"1, or no and yes; got {sorted(found)[:5]}; give other label_columns."
            )
        indicator[:, label] = np.isin(words, _POSITIVE)
    return indicator
