import time

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

from skmlc.nn.dropout import ByteDropout


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_rate_and_expectation(p):
    torch.manual_seed(0)
    kept = ByteDropout(p)(torch.ones(1000, 1000))
    # Five standard deviations of a mean over a million elements, and half of 1/256.
    assert abs((kept == 0).double().mean() - p) < 5 * 0.5e-3 + 0.5 / 256
    assert abs(kept.double().mean() - 1) < 5e-3 * (p / (1 - p)) ** 0.5


def test_kept_elements_share_one_scale():
    torch.manual_seed(0)
    nodes = torch.randn(40, 30, dtype=torch.float64)
    dropped = ByteDropout(0.25)(nodes)
    assert_allclose(dropped[dropped != 0], nodes[dropped != 0] * 4 / 3)


@pytest.mark.parametrize("p, n_bytes", [(0.1, 26), (0.5, 128), (0.9, 230), (0.99, 253)])
def test_the_rate_is_the_nearest_number_of_bytes(p, n_bytes):
    torch.manual_seed(0)
    values = ByteDropout(p)(torch.ones(100, 100, dtype=torch.float64)).unique()
    assert_allclose(values, [0, 256 / (256 - n_bytes)])


@pytest.mark.parametrize("dim", [0, 1])
def test_elements_are_dropped_independently(dim):
    torch.manual_seed(0)
    kept = (ByteDropout(0.5)(torch.ones(1001, 1003)) != 0).double()
    first, second = kept.narrow(dim, 0, 1000), kept.narrow(dim, 1, 1000)
    assert abs((first * second).mean() - 0.25) < 5 * 0.5e-3


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("shape", [(8, 5), (3, 7), (200, 300), (201, 301)])
def test_elements_are_kept_by_the_bytes_of_the_global_generator(shape, dtype):
    n_elements = shape[0] * shape[1]
    nodes = torch.randn(shape, dtype=dtype)
    torch.manual_seed(0)
    dropped = ByteDropout(0.3)(nodes)
    torch.manual_seed(0)
    words = torch.empty(-(-n_elements // 8), dtype=torch.int64).random_(-(2**63), None)
    kept = words.numpy().view(np.uint8)[:n_elements].reshape(shape) >= 77  # of 256
    expected = np.where(kept, nodes.double() * 256 / 179, 0)
    rtol = 2 * torch.finfo(dtype).eps
    assert_allclose(dropped.double(), expected, rtol=rtol)


def test_gradient_is_the_mask():
    torch.manual_seed(0)
    nodes = torch.ones(20, 30, requires_grad=True)
    dropped = ByteDropout(0.3)(nodes)
    weights = torch.randn(20, 30)
    (dropped * weights).sum().backward()
    assert_allclose(nodes.grad, dropped.detach() * weights)


def test_evaluation_is_the_identity():
    nodes = torch.randn(5, 3)
    assert ByteDropout(0.9).eval()(nodes) is nodes


def test_rate_zero_is_the_identity():
    nodes = torch.randn(5, 3)
    assert ByteDropout(0)(nodes) is nodes


def test_highest_rate_keeps_the_scale_finite():
    assert ByteDropout(0.9999)(torch.ones(10_000)).isfinite().all()


def test_global_seed_repeats_the_mask():
    dropout, nodes = ByteDropout(0.5), torch.ones(7, 11)
    masks = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        masks.append(dropout(nodes))
    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[0], masks[2])


def test_input_is_not_modified_and_may_be_any_view():
    nodes = torch.randn(6, 5, dtype=torch.bfloat16).T
    before = nodes.clone()
    dropped = ByteDropout(0.5)(nodes)
    assert torch.equal(nodes, before)
    assert dropped.dtype == torch.bfloat16
    assert dropped.shape == (5, 6)


def test_no_elements():
    assert ByteDropout(0.5)(torch.ones(0, 3)).shape == (0, 3)


def test_compiled_dropout_drops():
    torch.manual_seed(0)
    dropped = torch.compile(ByteDropout(0.5), backend="eager")(torch.ones(100, 100))
    assert set(dropped.unique().tolist()) == {0.0, 2.0}


@pytest.mark.parametrize("p", [-0.1, 1.0, float("nan")])
def test_p_that_is_no_probability_is_refused(p):
    with pytest.raises(ValueError, match=r"p must be a probability in \[0, 1\)"):
        ByteDropout(p)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_drops_at_the_rate():
    dropped = ByteDropout(0.5)(torch.ones(1000, 1000, device="cuda"))
    assert abs((dropped == 0).double().mean().item() - 0.5) < 5 * 0.5e-3


@pytest.mark.slow
def test_bytes_are_faster_than_torch_on_a_cpu():
    nodes, seconds = torch.randn(9664, 128), []
    for module in (nn.Dropout(0.2), ByteDropout(0.2)):
        trials = []
        for _ in range(10):
            start = time.process_time()
            module(nodes)
            trials.append(time.process_time() - start)
        seconds.append(min(trials))
    assert seconds[0] > 1.3 * seconds[1]
