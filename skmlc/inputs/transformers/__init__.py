"""Transformers: what a pipeline puts before a classifier to make or to prepare its X."""
