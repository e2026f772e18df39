"""Time and memory of attention among labels: dense, masked, and along edges.

One forward and backward pass over random sparse label graphs:

    python benchmarks/sparse_attention.py
    python benchmarks/sparse_attention.py --labels 100 1000 --kinds masked edges

Each line is measured in a process of its own: CPU seconds of all threads (the best of
several passes, as far as they take less than two seconds together) and the peak memory above
that of the process with its inputs.  Where other programs share the processors, set
``OMP_WAIT_POLICY=PASSIVE``, or threads that wait are counted as work.
"""

import argparse
import multiprocessing
import resource
import sys
import time

import numpy as np
import torch
from scipy import sparse

from skmlc.nn.attention import LabelEdges, dense_attention, edge_attention


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n", 1)[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--labels", type=int, nargs="+", default=[100, 1000, 5000, 20000])
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--neighbors", type=int, default=10, help="of a label, on average")
    parser.add_argument("--batch-size", type=int, default=1)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--head-size", type=int, default=32)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def random_graph(n_labels, n_neighbors, seed):
    """Return a symmetric random graph as a CSR array."""
    rng = np.random.default_rng(seed)
    pairs = rng.integers(0, n_labels, (2, n_labels * n_neighbors // 2))
    half = sparse.csr_array((np.ones(pairs.shape[1]), pairs), shape=(n_labels, n_labels))
    return half + half.T


def dense(adjacency):
    """Attend to all labels."""
    return dense_attention


def masked(adjacency):
    """Attend through an (L, L) mask."""
    mask = torch.zeros(adjacency.shape, dtype=torch.bool)
    mask[adjacency.nonzero()] = True
    mask.fill_diagonal_(True)
    return lambda query, key, value: dense_attention(query, key, value, mask)


def edges(adjacency):
    """Attend along the edges."""
    graph = LabelEdges(adjacency, self_loops=True)
    return lambda query, key, value: edge_attention(query, key, value, graph)


KINDS = {"dense": dense, "masked": masked, "edges": edges}


def peak_memory():
    """Return the highest memory of this process so far, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


def measure(kind, n_labels, arguments):
    """Return the CPU seconds of the best pass and the peak memory above the inputs."""
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    shape = arguments.batch_size, arguments.heads, n_labels, arguments.head_size
    inputs = [torch.randn(shape, requires_grad=True) for _ in range(3)]
    grad = torch.randn(shape)
    adjacency = random_graph(n_labels, arguments.neighbors, arguments.seed)
    before = peak_memory()
    attend = KINDS[kind](adjacency)
    seconds = []
    while len(seconds) < 20 and sum(seconds) < 2:
        start = time.process_time()
        torch.autograd.grad(attend(*inputs), inputs, grad)
        seconds.append(time.process_time() - start)
    return min(seconds), peak_memory() - before


def main():
    arguments = parse_arguments()
    print(f"{'labels':>8} {'kind':>8} {'CPU s':>10} {'peak MB':>10}")
    context = multiprocessing.get_context("spawn")
    for n_labels in arguments.labels:
        for kind in arguments.kinds:
            with context.Pool(1) as pool:
                seconds, megabytes = pool.apply(measure, (kind, n_labels, arguments))
            print(
                f"{n_labels:>8,} {kind:>8} {seconds:>10.4f} {megabytes:>10.0f}", flush=True
            )


if __name__ == "__main__":
    main()
