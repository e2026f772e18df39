"""The protocol, the models and the published numbers behind ``reproduce.py``."""
