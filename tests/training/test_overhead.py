"""What is around a network costs little beside it, for one sample and in a step of training."""

import time

import numpy as np
import pytest
import torch
from sklearn.datasets import make_multilabel_classification

from skmlc import LaMPClassifier
from skmlc.training.batches import BatchDataset

X, Y = make_multilabel_classification(1000, 20, n_classes=10, random_state=0)
X = X.astype(np.float32)
pytestmark = pytest.mark.slow


def quickest(call, repeats):
    """Return the CPU seconds that a call takes, the least of several."""
    call()
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        seconds.append(time.process_time() - start)
    return min(seconds)


@pytest.fixture
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("_one_thread")
def test_one_sample_is_predicted_within_twice_the_time_of_the_network():
    model = LaMPClassifier(max_epochs=1, hidden_size=32, random_state=0).fit(X, Y)
    batch, _ = BatchDataset(X[:1]).__getitems__(np.arange(1))
    network = model.module_.eval()

    @torch.no_grad()
    def plain():
        return network(batch).sigmoid().numpy()

    np.testing.assert_allclose(plain(), model.predict_proba(X[:1]), rtol=1e-6)
    ratio = quickest(lambda: model.predict_proba(X[:1]), 500) / quickest(plain, 500)
    assert ratio < 2


@pytest.mark.usefixtures("_one_thread")
def test_a_step_takes_less_than_a_third_of_a_millisecond_beside_that_of_torch():
    model = LaMPClassifier(
        max_epochs=1, hidden_size=16, batch_size=8, warm_start=True, random_state=0
    ).fit(X, Y)
    network, loss = model.module_, model.net_.loss_
    groups = [{"params": list(network.parameters())}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, fused=True)
    data = BatchDataset(X, Y.astype(np.uint8), np.ones(len(X)))

    def plain():
        network.train()
        for rows in np.random.default_rng(0).permutation(len(X)).reshape(-1, 8):
            nodes, targets = data.__getitems__(rows)
            optimizer.zero_grad()
            loss(network(nodes), targets).backward()
            torch.nn.utils.clip_grad_norm_(groups[0]["params"], model.max_grad_norm)
            optimizer.step()

    more = quickest(lambda: model.fit(X, Y), 10) - quickest(plain, 10)
    assert more / (len(X) / 8) < 0.3e-3
