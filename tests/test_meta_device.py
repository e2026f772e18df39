"""No step of training or prediction waits for the device, shown on PyTorch's `meta` device.

Tensors of the meta device have a shape and no content, so that PyTorch itself refuses to read
from them: `item`, `bool`, `tolist`, `nonzero`, a mask as an index, `unique`.  On a GPU each of
these has the CPU wait until all that was asked for is computed.  `NoWaiting` refuses besides
what has the CPU wait for a copy: tensors that a step makes, or keeps, on the CPU.
"""

import inspect
from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import skmlc
from skmlc.base import classifier
from skmlc.baselines.seq2seq import Decoded, Seq2Seq, SequenceLoss, Steps
from skmlc.inputs import Bags, FeatureEncoder, Graphs, ImageEncoder, Images, Sequences
from skmlc.inputs.encoders.backbones import ResNet
from skmlc.nn.head_output import HeadOutput
from skmlc.nn.losses import FrequencyWeightedLoss, LabelLoss
from skmlc.training import net as net_module
from skmlc.training.batches import BatchDataset, Targets
from skmlc.training.net import Net, make_net
from tests.method_names import METHOD_NAMES

NETWORKS = [name for name in METHOD_NAMES if name.endswith("Classifier")]
N_SAMPLES, N_LABELS = 12, 4
SMALL = {"hidden_size": 8, "batch_size": 8, "random_state": 0, "max_epochs": 1}
rng = np.random.default_rng(0)
SIZES = 1 + np.arange(N_SAMPLES) % 5
BAGS = [rng.normal(size=(n, 3)) for n in SIZES]
BOXES = [np.sort(rng.random((n, 4)), axis=1) for n in SIZES]
Y = np.arange(N_SAMPLES * N_LABELS).reshape(-1, N_LABELS) % 3 % 2
INPUTS = {
    "vectors": rng.normal(size=(N_SAMPLES, 5)),
    "features": rng.normal(size=(N_SAMPLES, 5)),
    "sparse": sparse.random(N_SAMPLES, 9, 0.4, "csr", random_state=0),
    "sequences": Sequences([rng.integers(0, 7, n) for n in SIZES], n_tokens=7),
    "bags": Bags(BAGS),
    "boxes": Bags(BAGS, boxes=BOXES),
    "graphs": Graphs(BAGS, [np.array([[0], [n - 1]]) for n in SIZES]),
    "images": Images(rng.integers(0, 256, (N_SAMPLES, 3, 8, 8), dtype=np.uint8)),
    "feature maps": rng.random((N_SAMPLES, 6, 2, 3)),
}
ENCODERS = {
    "features": FeatureEncoder(nodes="features"),
    "images": ImageEncoder(ResNet((1, 1), width=4)),
}
# The sizes of recurrent steps are read on the CPU, where they belong.
PACKED = ("aten::_pack_padded_sequence", "aten::_pad_packed_sequence")


class NoWaiting(TorchDispatchMode):
    """Refuses operations with tensors of the CPU, but for copies that are not waited for."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        tensors = [x for x in tree_leaves((args, kwargs, result)) if torch.is_tensor(x)]
        if func is torch.ops.aten._to_copy.default:
            waits = not kwargs.get("non_blocking")
        elif func is torch.ops.aten.copy_.default:
            waits = not (len(args) > 2 and args[2])
        else:  # a single number goes along with an operation
            tensors = [x for x in tensors if x.ndim]
            waits = not func.name().startswith(PACKED)
        if waits and len({x.device.type for x in tensors}) > 1:
            shapes = [(x.device.type, tuple(x.shape)) for x in tensors]
            raise RuntimeError(f"{func} waits for a copy from the CPU: {shapes}")
        return result


class NoTensorsOfLists(TorchFunctionMode):
    """Refuses tensors made of lists, whose copies PyTorch does not show to `NoWaiting`."""

    MAKERS = torch.tensor, torch.as_tensor, torch.Tensor.new_tensor

    def __torch_function__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        made = func in self.MAKERS and result.is_meta and result is not args[0]
        indexed = func is torch.Tensor.__getitem__ and args[0].is_meta
        if made or (indexed and any(isinstance(x, list) for x in _parts(args[1]))):
            raise RuntimeError(f"{func.__name__} waits for a copy from the CPU")
        return result


def _parts(index):
    return index if isinstance(index, tuple) else (index,)


class Stepped(BaseException):
    """Ends a fit after its steps on the meta device."""


def step_on_meta(net, train_data, valid_data=None, *, extra_callbacks=(), **options):
    """Stand for `skmlc.training.net.train`: an epoch, whose end alone waits for the device."""
    net.module_.to("meta")
    net.device = "meta"
    net._initialize_optimizer()
    extra = [(name, callback.initialize()) for name, callback in extra_callbacks]
    net.callbacks_ = net_module._in_order(net.callbacks_, extra)
    net.notify("on_train_begin", X=train_data, y=None)
    net.notify("on_epoch_begin", dataset_train=train_data, dataset_valid=valid_data)
    with NoWaiting(), NoTensorsOfLists():
        batches = net.get_iterator(train_data, training=True)
        net.run_single_epoch(batches, True, "train", net.train_step)
        if type(net.module_.head) is Seq2Seq:  # whose search asks whether it is over
            raise Stepped
        if valid_data is not None:
            batches = net.get_iterator(valid_data, training=False)
            net.run_single_epoch(batches, False, "valid", net.validation_step)
        for batch in net.get_iterator(train_data, training=False):
            net.evaluation_step(batch)
    raise Stepped


@pytest.fixture
def _on_meta(monkeypatch):
    monkeypatch.setattr(classifier, "train", step_on_meta)
    # What the end of an epoch reads.
    monkeypatch.setattr(Net, "_record_losses", lambda net, prefix, losses: None)
    # There is none on the meta device.
    monkeypatch.setattr(torch, "autocast", lambda *args, **options: nullcontext())


def step(name, X, y=Y, **options):
    """Fit an estimator up to the end of its first epoch."""
    Method = getattr(skmlc, name)
    known = inspect.signature(Method).parameters
    encoder = ENCODERS.get(X, "auto") if isinstance(X, str) else "auto"
    options = {"encoder": encoder, **SMALL, **options}
    model = Method(
        **{key: value for key, value in options.items() if key in known},
        net_params={"optimizer__fused": False},  # which is for devices that compute
    )
    with pytest.raises(Stepped):
        model.fit(INPUTS[X] if isinstance(X, str) else X, y)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.usefixtures("_on_meta")
def test_no_step_waits_for_the_device(name, kind):
    if kind == "features" and getattr(skmlc, name)._rows_are_bags:
        kind = "boxes"  # whose instances have features for nodes
    step(name, kind)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.usefixtures("_on_meta")
def test_no_option_of_training_waits_for_the_device(name):
    unknown = np.where(np.eye(N_SAMPLES, N_LABELS, dtype=bool), np.nan, Y)
    step(
        name, "bags", unknown, allow_missing_labels=True, label_weight="balanced", beta=0.4,
        ema_decay=0.9, early_stopping="mAP", validation_fraction=0.3, dropout=0.1,
        label_masking=True, label_neighbors=True, intermediate_loss=0.2, n_members=2,
        input_dropout=0.1,
    )  # fmt: skip


RING = sparse.eye(400, k=1, format="csr") + sparse.eye(400, k=-399, format="csr")
FROZEN = ImageEncoder(ResNet((1, 1), width=4), frozen_epochs=1)
MIXED = pd.DataFrame({"number": [0.5, np.nan] * 6, "word": pd.Categorical(list("abc") * 4)})
MANY_LABELS = (np.add.outer(np.arange(N_SAMPLES), np.arange(400)) % 3 == 0).astype(int)


@pytest.mark.parametrize(
    "name, X, y, options",
    [
        ("LaMPClassifier", "vectors", MANY_LABELS, {"label_graph": RING}),
        ("EmbMLPClassifier", MIXED, Y, {"encoder": FeatureEncoder(allow_nan=True)}),
        ("MLGCNClassifier", "images", Y, {"encoder": FROZEN}),
        ("EmbMLPClassifier", "vectors", Y, {"loss": FrequencyWeightedLoss(0.5)}),
        ("EmbMLPClassifier", "vectors", Y, {"loss": "asymmetric", "optimizer": "sgd"}),
        ("EmbMLPClassifier", "vectors", np.arange(N_SAMPLES) % 3, {}),
    ],
    ids="sparse-graph mixed-columns frozen-backbone loss sgd classes".split(),
)
@pytest.mark.usefixtures("_on_meta")
def test_no_special_case_waits_for_the_device(name, X, y, options):
    step(name, X, y, **options)


# What the tests above would notice ------------------------------------------------------------


@pytest.mark.parametrize(
    "wait",
    [
        lambda loss: loss.sum().item(),
        lambda loss: bool((loss > 0).all()),
        lambda loss: loss[loss > 0],
        lambda loss: loss.nonzero(),
        lambda loss: loss.unique(),
        lambda loss: loss.cpu(),
        lambda loss: loss * torch.ones(N_LABELS).to(loss),
        lambda loss: loss * torch.tensor([2.0], device=loss.device),
        lambda loss: loss.new_tensor([2.0]),
        lambda loss: loss[[0, 1]],
        lambda loss: loss[torch.arange(2)],
    ],
    ids="item bool mask nonzero unique cpu to tensor new_tensor list index".split(),
)
@pytest.mark.usefixtures("_on_meta")
def test_what_waits_is_noticed(wait):
    def loss(logits, labels):
        entries = (logits - labels) ** 2
        wait(entries)
        return entries

    with pytest.raises((RuntimeError, NotImplementedError)):
        step("EmbMLPClassifier", "vectors", loss=loss)


def test_the_weights_of_losses_are_moved_once():
    logits = torch.zeros(2, N_LABELS, device="meta")
    targets = Targets(torch.zeros_like(logits), None, torch.ones(2, device="meta"))
    frequency = FrequencyWeightedLoss().for_frequency(np.full(N_LABELS, 0.5))
    loss = LabelLoss(frequency, torch.ones(N_LABELS))
    loss(logits, targets)
    assert loss.label_weight.is_meta
    assert frequency._weights.is_meta
    steps = Steps(logits, torch.zeros(2, dtype=int, device="meta"), torch.arange(2))
    sequences = SequenceLoss(torch.ones(N_LABELS - 1))
    sequences(HeadOutput(logits, Decoded(None, steps)), targets)
    assert sequences.label_weight.is_meta


def test_batches_are_pinned_for_a_gpu(monkeypatch):
    pinned = []
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda x: pinned.append(x) or x)
    data = BatchDataset(
        INPUTS["boxes"], Y.astype(float), np.ones(N_SAMPLES),
        masking=True, own_rows=np.arange(N_SAMPLES),
    )  # fmt: skip
    batch, targets = data.__getitems__(np.arange(N_SAMPLES))
    batch.pin_memory(), targets.pin_memory()
    parts = [batch.values, batch.boxes, batch.known, batch.own_rows, batch.layout.real]
    parts += [group.mask for group in batch.layout.groups if group.mask is not None]
    parts += [targets.labels, targets.known, targets.sample_weight]
    assert {id(part) for part in parts} == {id(part) for part in pinned}


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_data_loaders_pin_batches_for_a_gpu(device):
    options = dict.fromkeys(
        ("batch_size", "learning_rate", "max_epochs", "weight_decay", "verbose"), 1
    )
    net = make_net(
        torch.nn.Linear(1, 1), None, estimator_name="", callbacks=None, params=None,
        device=device, optimizer="adamw", precision="float32", max_grad_norm=None, **options,
    )  # fmt: skip
    for loader in (net.iterator_train__pin_memory, net.iterator_valid__pin_memory):
        assert loader == (device == "cuda")
