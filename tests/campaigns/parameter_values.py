"""Values of parameters for the campaigns, drawn from what the estimators say they take."""

from numbers import Integral, Real

from hypothesis import strategies as st
from sklearn.utils._param_validation import Interval, StrOptions

__all__ = ["parameters"]

# Left as they are: where to compute, what to write, and what would take long.
_FIXED = {
    "allow_missing_labels", "callbacks", "checkpoint", "checkpoint_minutes", "compile",
    "device", "encoder", "estimator", "estimators", "final_estimator", "max_epochs", "max_iter",
    "n_jobs", "net_params", "random_state", "verbose",
}  # fmt: skip
_WRONG = [
    -1,
    0,
    10**9 + 0.5,
    float("nan"),
    float("inf"),
    "nonsense",
    b"x",
    [],
    {},
    object,
    1j,
]
_NAMES = {
    "early_stopping": ["loss", "ebF1", "mAP", "P@2", "nonsense"],
    "threshold_metric": ["miF1", "HA", "mAP", "nonsense"],
}


def _of_rule(rule):
    """Return a strategy for the values of one rule, None where it says too little."""
    if isinstance(rule, StrOptions):
        return st.sampled_from(sorted(rule.options))
    if isinstance(rule, Interval):
        return _of_interval(rule)
    if isinstance(rule, str):
        return {"boolean": st.booleans()}.get(rule)
    return st.none() if rule is None else None


def _of_interval(rule):
    low = rule.left if rule.left is not None else -3
    if rule.type is Integral:
        low += rule.closed not in ("left", "both")
        return st.integers(low, min(low + 3, rule.right or low + 3))
    assert issubclass(rule.type, Real)
    high = rule.right if rule.right is not None else low + 4
    # Near the ends, far out where there is none, and in between.
    values = [low, high, low + 1e-9, (low + high) / 2, low + (high - low) / 8]
    values += [1e6] if rule.right is None else [high - 1e-9]
    return st.sampled_from([value for value in values if value in rule])


@st.composite
def parameters(draw, Estimator):
    """Draw a few parameters of an estimator, now and then a wrong one.

    Parameters
    ----------
    Estimator : type
        Its `_parameter_constraints` say what it takes.

    Returns
    -------
    dict
        Values by name.
    """
    rules_of = getattr(Estimator, "_parameter_constraints", {})
    names = sorted(set(rules_of) - _FIXED) or [""]
    chosen = {}
    for name in draw(st.lists(st.sampled_from(names), max_size=5, unique=True)):
        rules = [_of_rule(rule) for rule in rules_of.get(name, ())]
        rules = [rule for rule in rules if rule is not None]
        if name in _NAMES:
            rules = [st.sampled_from(_NAMES[name])]
        if rules and draw(st.integers(0, 19)):
            chosen[name] = draw(st.one_of(rules))
        elif name and draw(st.booleans()):
            chosen[name] = draw(st.sampled_from(_WRONG))
    return chosen
