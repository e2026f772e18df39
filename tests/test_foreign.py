"""What other libraries hold, read as NumPy or pandas holds it."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy import sparse

from skmlc._foreign import is_of, is_picture, read_foreign


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(6.0).reshape(2, 3),
        torch.arange(6, dtype=torch.uint8).reshape(2, 3),
        torch.tensor([[True, False]]),
        torch.arange(6.0, requires_grad=True),
        torch.arange(24.0).reshape(1, 2, 3, 4).transpose(1, 3),
        torch.arange(3, dtype=torch.float16),
        torch.arange(3, dtype=torch.float64),
    ],
)
def test_a_tensor_is_the_array_of_its_numbers(tensor):
    array = read_foreign(tensor)
    assert isinstance(array, np.ndarray)
    assert str(array.dtype) == str(tensor.dtype).removeprefix("torch.")
    assert array.tolist() == tensor.tolist()


def test_what_numpy_has_no_type_for_is_read_in_single_precision():
    array = read_foreign(torch.tensor([0.5, 3.0], dtype=torch.bfloat16, requires_grad=True))
    assert array.dtype == np.float32
    assert array.tolist() == [0.5, 3.0]


def test_a_list_of_tensors_is_a_list_of_arrays():
    read = read_foreign([torch.ones(2), torch.zeros(3)])
    assert [(type(item), item.tolist()) for item in read] == [
        (np.ndarray, [1, 1]),
        (np.ndarray, [0, 0, 0]),
    ]


@pytest.mark.parametrize(
    "value",
    [
        np.eye(2),
        sparse.eye(2, format="csr"),
        pd.DataFrame({"a": [1]}),
        [1, 2],
        [],
        "ab",
        None,
    ],
    ids=lambda value: type(value).__name__,
)
def test_anything_else_stays_the_object_that_came(value):
    assert read_foreign(value) is value


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (torch.eye(2).to_sparse(), r"y .* is torch\.sparse_coo: .* tensor\.to_dense\(\)"),
        (torch.eye(2).to_sparse_csr(), r"y .* is torch\.sparse_csr"),
        (
            torch.ones(2, device="meta"),
            r"y must hold numbers; got a tensor without content",
        ),
        (
            (row for row in [1, 2]),
            r"y must be data that can be read more than once; .*a list",
        ),
        (map(int, "12"), r"got an instance of map: pass a list"),
        (pd.DataFrame({"a": [1]}).groupby("a"), r"y .*DataFrameGroupBy: for bags, pass"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else type(value).__name__,
)
def test_what_cannot_be_read_as_it_is_is_named(value, says):
    with pytest.raises(TypeError, match=says):
        read_foreign(value, "y")


def test_tables_and_arrays_of_arrow_are_those_of_pandas():
    arrow = pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    pd.testing.assert_frame_equal(read_foreign(arrow.Table.from_pandas(frame)), frame)
    assert list(read_foreign(arrow.array([3, 4]))) == [3, 4]


def test_a_lazy_frame_is_to_be_collected():
    polars = pytest.importorskip("polars")
    with pytest.raises(
        TypeError, match=r"X must be .* LazyFrame: call its collect\(\) first"
    ):
        read_foreign(polars.LazyFrame({"a": [1]}))


def test_a_class_of_a_library_that_was_not_imported_matches_nothing():
    assert not is_of(1, "no_such_library", "Tensor")
    assert not is_of(1, "torch", "NoSuchClass")
    assert is_of(torch.ones(1), "torch", "NoSuchClass", "Tensor")
    assert is_picture(Image.new("L", (1, 1)))
    assert not is_picture(np.ones((1, 1)))
