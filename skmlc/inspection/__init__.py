"""Explanations, reports and pictures of fitted models."""

from .label_report import label_report

__all__ = ["label_report"]
