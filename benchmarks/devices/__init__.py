"""What `benchmarks/gpu.py` runs: inputs of every kind, checks of results, and timings."""
