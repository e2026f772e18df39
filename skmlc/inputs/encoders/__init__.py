"""Encoders: what turns a batch of samples into nodes.

An encoder specification is an estimator that only holds parameters, so that they can be
searched (`encoder__positions`); its `make` builds the torch module.  An encoder module maps
a `Batch` to `Nodes` of the hidden size.
"""
