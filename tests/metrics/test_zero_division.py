"""What every metric with something to divide by says of `zero_division`."""

from inspect import signature

import numpy as np
import pytest

from skmlc import metrics

FUNCTIONS = [
    name
    for name in metrics.__all__
    if callable(getattr(metrics, name))
    and "zero_division" in signature(getattr(metrics, name)).parameters
]
every_metric = pytest.mark.parametrize("name", FUNCTIONS)


def test_there_are_some():
    assert {"example_f1", "macro_jaccard", "class_f1", "ndcg_at_k"} <= set(FUNCTIONS)


@every_metric
@pytest.mark.parametrize("value", [0.5, 2, -1, "0", np.inf])
def test_only_0_1_and_nan_stand_for_what_cannot_be_divided(name, value):
    # There is enough to divide by here, so that nothing else would notice.
    with pytest.raises(
        ValueError, match=r"zero_division must be 0\.0, 1\.0 or np\.nan; got"
    ):
        getattr(metrics, name)([[1, 0], [0, 1]], [[1, 0], [0, 1]], zero_division=value)
