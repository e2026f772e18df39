"""Training in several processes gives what it gives in one."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from sklearn.base import clone
from torch.utils.data import BatchSampler, SequentialSampler

import skmlc
from skmlc.base.enhancement import LabelEnhancementMixin
from skmlc.training import distributed
from skmlc.training.distributed import DistributedNet, PartOfBatches
from skmlc.training.net import Net
from tests.training.two_processes import NETWORKS, X, Y, make, told

ROOT = Path(__file__).parents[2]


@pytest.fixture
def _group(tmp_path):
    """Be a group of one process."""
    dist.init_process_group("gloo", f"file://{tmp_path}/store", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def same(found, expected, rtol):
    """Check what two models are known by."""
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, rtol=rtol, atol=rtol, err_msg=key)


# Two processes --------------------------------------------------------------------------------


def run_in_two(script, *arguments, folder, fails=False):
    """Run a script as torchrun does, and return what it has printed."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    run = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc_per_node=2",
    ]
    done = subprocess.run(
        [*run, str(ROOT / script), *arguments], cwd=folder, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        timeout=300, check=False,
    )  # fmt: skip
    assert (done.returncode != 0) == fails, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Return which samples each of two processes has drawn, and what it has found."""
    folder = tmp_path_factory.mktemp("processes")
    run_in_two("tests/training/two_processes.py", str(folder), folder=folder)
    return [pickle.loads((folder / f"{rank}.pickle").read_bytes()) for rank in range(2)]


@pytest.mark.slow
def test_two_processes_share_the_batches_of_an_epoch(both):
    epochs = zip(*(parts for parts, *_ in both), strict=True)
    orders = []
    for first, second in epochs:
        pairs = list(zip(first, second, strict=True))
        assert [len(a) for a, _ in pairs] == [2, 2, 2, 1]
        last_of_first, nothing = pairs.pop()
        assert nothing == last_of_first  # which counts nothing
        orders.append([i for pair in pairs for part in pair for i in part] + last_of_first)
        assert sorted(orders[-1]) == list(range(13))
    assert orders[0] != orders[1]


@pytest.mark.slow
def test_weights_do_not_drift_apart_in_training(both):
    for _, drifts, _ in both:
        assert len(drifts) > 30
        assert max(drifts) == 0


@pytest.mark.slow
def test_two_processes_end_with_the_same_model(both):
    first, second = (found for *_, found in both)
    for name in first:
        same(second[name], first[name], rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_two_processes_train_what_one_does(both, name):
    if issubclass(getattr(skmlc, name), LabelEnhancementMixin):
        pytest.skip(
            "its loss compares the samples of a batch, of which a process has a half"
        )
    same(both[0][-1][name], told(make(name).fit(X, Y)), rtol=1e-7)


@pytest.mark.slow
def test_all_processes_end_where_one_does(both):
    assert [found["ended in one"]["epochs"] for *_, found in both] == [2, 2]


@pytest.mark.slow
def test_the_script_of_the_user_guide_works(tmp_path):
    printed = run_in_two("docs/user_guide/train_together.py", folder=tmp_path)
    assert printed.startswith("mAP 0.6")
    assert len(printed.splitlines()) == 1  # of the first process
    assert type(skmlc.load(tmp_path / "model.skmlc").net_) is Net


@pytest.mark.slow
def test_two_processes_go_on_where_the_first_was_killed(tmp_path):
    script, folder = "tests/training/two_resumed.py", tmp_path / "checkpoints"
    run_in_two(script, "killed", str(tmp_path), folder=tmp_path, fails=True)
    assert len(list(folder.glob("LaMPClassifier-*.safetensors"))) == 1
    run_in_two(script, "resumed", str(tmp_path), folder=tmp_path)
    run_in_two(script, "finished", str(tmp_path), folder=tmp_path)
    run_in_two(script, "whole", str(tmp_path / "other"), folder=tmp_path)
    of_whole = [pickle.loads((tmp_path / f"other/whole{r}").read_bytes()) for r in range(2)]
    for rank, (whole, n_epochs) in enumerate(of_whole):
        assert n_epochs == 4
        for run, trained in [("resumed", 2), ("finished", 0)]:
            found, n_epochs = pickle.loads((tmp_path / f"{run}{rank}").read_bytes())
            assert n_epochs == trained  # in this call
            same(found, whole, rtol=0)


# One process ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.usefixtures("_group")
def test_a_process_by_itself_trains_as_without_a_group(name):
    options = {"max_epochs": 2, "dropout": 0.2, "input_dropout": 0.2}
    model = make(name, **options, device="distributed").fit(X, Y)
    assert type(model.net_) is DistributedNet
    same(told(model), told(make(name, **options).fit(X, Y)), rtol=0)


@pytest.mark.usefixtures("_group")
def test_a_model_is_used_and_trained_further_as_any_other(tmp_path):
    model = make("LaMPClassifier", device="distributed", warm_start=True).fit(X, Y)
    plain = make("LaMPClassifier", warm_start=True).fit(X, Y)
    skmlc.save(model, tmp_path / "model.skmlc")
    opened = pickle.loads(pickle.dumps(model)), skmlc.load(tmp_path / "model.skmlc")
    for other in opened:
        np.testing.assert_array_equal(other.predict_proba(X), plain.predict_proba(X))
    for trained in (model, plain):
        trained.partial_fit(X, Y).fit(X, Y)
    same(told(model), told(plain), rtol=0)
    assert clone(model).device == "distributed"


def test_without_torchrun_it_is_the_device_that_there_is(monkeypatch):
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    model = make("EmbMLPClassifier", device="distributed", random_state=None).fit(X, Y)
    assert type(model.net_) is Net
    assert model.net_.device in ("cpu", "cuda")


@pytest.mark.usefixtures("_group")
def test_what_processes_would_not_do_alike_is_refused(tmp_path, monkeypatch):
    model = make("EmbMLPClassifier", device="distributed")
    for call in (clone(model).fit, clone(model).partial_fit):
        call.__self__.set_params(random_state=None)
        with pytest.raises(ValueError, match=r"needs random_state.*got None"):
            call(X, Y)
    with pytest.raises(ValueError, match=r"checkpoint_minutes must be None.*got 5"):
        clone(model).set_params(checkpoint=tmp_path, checkpoint_minutes=5).fit(X, Y)

    def gather(counts, own):
        counts[:] = [own, 7]

    monkeypatch.setattr(dist, "get_world_size", lambda: 2)
    monkeypatch.setattr(dist, "all_gather_object", gather)
    with pytest.raises(ValueError, match=r"the same samples.*; got 35, 7 of them"):
        model.fit(X, Y)


@pytest.mark.usefixtures("_group")
def test_training_ends_where_another_process_has_ended_it(monkeypatch):
    asked = []

    def ends(net, this_one):
        asked.append(this_one)
        return len(asked) == 3

    monkeypatch.setattr(DistributedNet, "_someone_ends", ends)
    assert make("EmbMLPClassifier", device="distributed").fit(X, Y).n_iter_ == 2
    assert asked == [False, False, False]  # not told once more, where no one listens


@pytest.mark.usefixtures("_group")
def test_the_parts_of_all_processes_are_the_batches(monkeypatch):
    monkeypatch.setattr(dist, "get_world_size", lambda: 3)
    parts = []
    for rank in range(3):
        monkeypatch.setattr(dist, "get_rank", lambda rank=rank: rank)
        part = PartOfBatches(BatchSampler(SequentialSampler(range(14)), 6, False), 14)
        parts.append(list(zip(part, part.shares(), strict=True)))
        assert part.sizes() == [6, 6, 2]
    values = np.random.default_rng(0).normal(size=14)
    for whole, *pieces in zip(np.split(values, [6, 12]), *parts, strict=True):
        # The mean over processes of the mean over each part, as training averages.
        means = [share * values[indices].mean() for indices, share in pieces]
        np.testing.assert_allclose(np.mean(means), whole.mean())
        assert all(indices for indices, _ in pieces)
    places = [part.places(rank).tolist() for rank in range(3)]
    assert places == [[0, 3, 6, 9, 12], [1, 4, 7, 10, 13], [2, 5, 8, 11]]


@pytest.mark.usefixtures("_group")
def test_only_the_first_process_keeps_the_random_state_of_all(monkeypatch):
    draws = []
    for rank in (0, 1, 1, 2):
        monkeypatch.setattr(dist, "get_rank", lambda rank=rank: rank)
        torch.manual_seed(3)
        list(PartOfBatches(BatchSampler(SequentialSampler(range(4)), 2, False), 4))
        draws.append(torch.rand(()).item())
    torch.manual_seed(3)
    assert draws[0] == torch.rand(()).item()
    assert draws[1] == draws[2]
    assert len(set(draws)) == 3


@pytest.mark.usefixtures("_group")
def test_only_the_first_process_prints(monkeypatch, capsys):
    without = {"early_stopping": False, "threshold": 0.5}
    for rank in (0, 1):
        monkeypatch.setattr(distributed.dist, "get_rank", lambda rank=rank: rank)
        make("EmbMLPClassifier", device="distributed", **without, verbose=1).fit(X, Y)
        assert ("epoch 1/3" in capsys.readouterr().out) == (rank == 0)
