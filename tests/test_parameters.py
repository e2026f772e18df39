"""Parameters as fields: signature, docstring and constraints of a class and its subclasses."""

import inspect
import pickle
from dataclasses import field
from numbers import Integral, Real

import cloudpickle
import numpy as np
import pytest
from numpydoc.docscrape import NumpyDocString
from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import Interval, InvalidParameterError, StrOptions

import skmlc
from skmlc import ensemble, graphs, inputs, model_selection
from skmlc.parameters import ParameterFields
from tests.method_names import METHOD_NAMES

ESTIMATORS = [getattr(skmlc, name) for name in METHOD_NAMES]
every_estimator = pytest.mark.parametrize("Estimator", ESTIMATORS)


class Speed(ParameterFields):
    """How fast.

    Parameters
    ----------
    rate : float, default=0.5
        The speed.
    mode : {"slow", "fast"}, default="slow"
        The manner,
        in two lines.

    Attributes
    ----------
    n_iter_ : int
        How long.
    """

    rate: float = 0.5
    mode: str = "slow"

    _parameter_constraints = {
        "rate": [Interval(Real, 0, None, closed="left")],
        "mode": [StrOptions({"slow", "fast"})],
    }


class Car(Speed, BaseEstimator):
    """A car.

    It drives.

    Parameters
    ----------
    wheels : int, default=4
        How many.
    **inherited
        See `Speed`.

    Attributes
    ----------
    doors_ : int
        Found in `fit`.

    Notes
    -----
    Not a boat.
    """

    wheels: int = field(default=4, kw_only=False)
    mode: str = "fast"

    _parameter_constraints = {"wheels": [Interval(Integral, 1, None, closed="left")]}


class Sledge(Car):
    """A sledge."""

    wheels: int = field(default=0, init=False)
    color: str = "red"


def names_in(section, cls):
    return [name for name, _, _ in NumpyDocString(inspect.getdoc(cls))[section]]


def test_a_class_has_its_own_parameters_first_and_its_own_defaults():
    assert str(inspect.signature(Car)) == "(wheels=4, *, rate=0.5, mode='fast')"
    assert Car(3).get_params() == {"mode": "fast", "rate": 0.5, "wheels": 3}
    with pytest.raises(TypeError, match="positional"):
        Car(3, 0.1)


def test_the_docstring_holds_all_parameters_with_the_defaults_of_the_class():
    doc = NumpyDocString(inspect.getdoc(Car))
    assert [(name, kind) for name, kind, _ in doc["Parameters"]] == [
        ("wheels", "int, default=4"),
        ("rate", "float, default=0.5"),
        ("mode", '{"slow", "fast"}, default="fast"'),
    ]
    assert doc["Parameters"][2][2] == ["The manner,", "in two lines."]
    assert names_in("Attributes", Car) == ["doors_", "n_iter_"]
    assert doc["Extended Summary"] == ["It drives."]
    assert doc["Notes"] == ["Not a boat."]


def test_a_parameter_that_a_class_does_not_have_is_nowhere():
    assert str(inspect.signature(Sledge)) == "(*, color='red', rate=0.5, mode='fast')"
    assert "wheels" not in Sledge().get_params()
    assert "wheels" not in Sledge._parameter_constraints
    assert Sledge().wheels == 0
    with pytest.raises(TypeError, match="wheels"):
        Sledge(wheels=2)


def test_constraints_are_inherited():
    assert set(Car._parameter_constraints) == {"rate", "mode", "wheels"}
    with pytest.raises(ValueError, match="'wheels' parameter of Car"):
        Car(0)._validate_params()
    with pytest.raises(ValueError, match="'mode' parameter of Car"):
        Car(mode="swift")._validate_params()


def test_a_constraint_of_what_is_no_field_is_refused():
    with pytest.raises(TypeError, match=r"Cart\._parameter_constraints .* got load"):

        class Cart(Car):
            load = 3  # without a type, a class attribute and no parameter
            _parameter_constraints = {"load": [int]}


def test_values_are_stored_as_they_are():
    mutable = [1]
    car = Car(mutable)
    assert car.wheels is mutable
    assert clone(car, safe=False).wheels is not None
    assert repr(car) == "Car(wheels=[1])"


class WithInit(Car):
    """A subclass in scikit-learn's manner, with an `__init__` of its own."""

    def __init__(self, rate=2.0, extra=1):
        super().__init__(wheels=3, rate=rate)
        self.extra = extra


def test_a_subclass_with_its_own_init_keeps_working():
    car = WithInit(extra=5)
    assert car.get_params() == {"rate": 2.0, "extra": 5}
    assert (car.wheels, car.mode) == (3, "fast")
    assert clone(car).get_params() == car.get_params()
    assert car.set_params(rate=1).rate == 1
    assert list(inspect.signature(WithInit).parameters) == ["rate", "extra"]


def test_a_written_init_is_inherited():
    class Heir(WithInit):
        """Has the `__init__` of its base."""

    assert Heir(extra=4).get_params() == {"rate": 2.0, "extra": 4}
    assert list(inspect.signature(Heir).parameters) == ["rate", "extra"]
    assert clone(Heir(extra=4)).extra == 4


def test_a_subclass_without_docstring_has_that_of_its_base_with_its_own_defaults():
    class Undocumented(Car):
        rate: float = 0.25

    doc = inspect.getdoc(Undocumented)
    assert doc == inspect.getdoc(Car).replace("default=0.5", "default=0.25")
    assert Undocumented().rate == 0.25


def test_a_default_without_a_type_is_refused():
    with pytest.raises(TypeError, match=r"write rate: float = 0\.75"):

        class Fast(Car):
            rate = 0.75


@pytest.mark.parametrize("dump", [pickle, cloudpickle])
def test_instances_survive_pickling(dump):
    assert pickle.loads(dump.dumps(Car(3))).get_params() == Car(3).get_params()


def test_classes_made_in_functions_survive_cloudpickle():
    class Local(Car):
        """A car from here.

        Parameters
        ----------
        lights : int, default=2
            How many.
        """

        lights: int = 2

    again = pickle.loads(cloudpickle.dumps(Local(lights=3)))
    assert again.get_params() == {**Car().get_params(), "lights": 3}
    assert names_in("Parameters", type(again)) == names_in("Parameters", Local)


@every_estimator
def test_every_parameter_is_documented_in_order_with_its_default(Estimator):
    entries = NumpyDocString(inspect.getdoc(Estimator))["Parameters"]
    parameters = inspect.signature(Estimator).parameters
    assert [name for name, _, _ in entries] == list(parameters)
    for name, kind, _ in entries:
        default = parameters[name].default
        shown = f'"{default}"' if isinstance(default, str) else repr(default)
        assert kind.endswith(f"default={shown}"), name


@every_estimator
def test_every_parameter_has_a_constraint_and_no_other_has(Estimator):
    # What is not constrained is checked by hand, against other parameters.
    assert set(Estimator._parameter_constraints) == set(Estimator().get_params())


@every_estimator
def test_a_user_may_subclass_an_estimator_either_way(Estimator):
    class Fields(Estimator):
        extra: int = 1

    class Own(Estimator):
        def __init__(self, extra=1, random_state=None):
            super().__init__()
            self.random_state = random_state
            self.extra = extra

    assert clone(Fields(extra=2)).extra == 2
    assert set(Fields().get_params()) == {*Estimator().get_params(), "extra"}
    assert clone(Own(extra=2)).get_params() == {"extra": 2, "random_state": None}


def parameters_that_are_numbers():
    """Yield all that take numbers and no booleans, of what has parameters."""
    for module in (skmlc, graphs, inputs, ensemble, model_selection):
        for name in module.__all__:
            Class = getattr(module, name)
            rules = getattr(Class, "_parameter_constraints", {})
            for parameter, constraints in rules.items():
                kinds = [getattr(rule, "type", rule) for rule in constraints]
                if any(isinstance(rule, Interval) for rule in constraints) and not (
                    {bool, "boolean", "verbose"} & {k for k in kinds if k.__hash__}
                ):
                    yield pytest.param(Class, parameter, id=f"{name}-{parameter}")


@pytest.mark.parametrize("Class, parameter", list(parameters_that_are_numbers()))
def test_a_boolean_is_no_number(Class, parameter):
    inner = {"estimator": skmlc.MIMLRBF(), "estimators": [("a", skmlc.MIMLRBF())]}
    required = [
        inner.get(p.name, "x")
        for p in inspect.signature(Class).parameters.values()
        if p.default is inspect.Parameter.empty
    ]
    instance = Class(*required)
    for value in (True, np.False_):
        instance.set_params(**{parameter: value})
        with pytest.raises(InvalidParameterError, match=f"{parameter}.* not be a boolean"):
            instance._validate_params()
