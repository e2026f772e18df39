"""Parts of the command of benchmarks/known_labels.py."""
