"""The base class of the estimators: validation, training and prediction.

A method is a subclass of `BaseGraphClassifier` with its hyper-parameters as fields.  It must
have the first of these hooks, may have the others, and need not touch the rest of the base:

.. list-table::
   :header-rows: 1
   :widths: 38 62

   * - hook of the estimator
     - what it is for
   * - ``_make_head(n_labels, node_size)``
     - Return the torch module from `Nodes` to logits.
   * - ``_prepare_head(X, rows, positives)``
     - Set what the head is made from, of the samples to train on: an order of the labels, the
       size of the largest bag.
   * - ``_make_loss(label_loss)``
     - Return the loss of what the head gives, where that is more than logits.
   * - ``_elementwise_loss(frequency)``
     - Return the loss of each entry, where it depends on the method's own parameters.
   * - ``_check_input(X, *, reset)``
     - Raise an error for an X that the method cannot read.
   * - ``_scored_output(output)``, ``_validation_answer(Y, weight, scored, metric)``
     - What early stopping scores instead of logits, and what its metric is given.
   * - ``_finish_training(X, target)``
     - Set attributes that follow from the trained network and its samples.
   * - ``_cannot_be_exported()``
     - Return why a fitted model cannot be written by `to_onnx`, for its error; None if it can.
   * - ``_attention_bytes(n_samples, n_labels)``
     - What attention among all labels takes for a batch, which is refused if memory cannot hold
       it; 0 where nothing grows with the pairs of labels.
   * - ``_hidden_size_of_nodes``
     - The size of the nodes that the encoder makes; by default `hidden_size`.
   * - ``_raw_kinds``
     - The kinds of input of which the head reads the nodes as they are.
   * - ``_rectifies_nodes``
     - Whether the nodes that the encoder makes are rectified, as those of images are.
   * - ``_rows_are_bags``
     - Whether the rows of a dense table are bags of one instance.
   * - ``_takes_concepts``
     - Whether the label graph may have nodes beyond the labels.

Shared parameters come from classes to inherit from, before `BaseGraphClassifier`:

.. list-table::
   :header-rows: 1
   :widths: 38 62

   * - class
     - what it gives
   * - ``LabelGraphParameters``
     - `label_graph`, which is ``adjacency_`` where the head is made.
   * - ``LinearSkipParameters``
     - A linear model of the raw input, added to the network.
   * - ``LabelEmbeddingParameters``
     - Vectors that the labels start from.
   * - ``LabelMaskingParameters``
     - `label_masking`: training hides labels and shows others, where the head sets
       ``takes_known = True``; ``_masks_labels`` says whether it should in this fit.
   * - ``KnownLabelsMixin``
     - What such a model can do besides: `sample_labels`, `log_likelihood`, `suggest_labels`
       and `predict` with `decoding`.
   * - ``TopLabelParameters``
     - `top_label`: a sample without any label gets its most probable one.

What a head may have besides ``forward`` is described in :class:`skmlc.nn.network.Network`.
"""

from .classifier import BaseGraphClassifier
from .known_labels import KnownLabelsMixin
from .shared_parameters import (
    LabelEmbeddingParameters,
    LabelGraphParameters,
    LabelMaskingParameters,
    LinearSkipParameters,
    TopLabelParameters,
    TrainingParameters,
)

__all__ = [
    "BaseGraphClassifier",
    "KnownLabelsMixin",
    "LabelEmbeddingParameters",
    "LabelGraphParameters",
    "LabelMaskingParameters",
    "LinearSkipParameters",
    "TopLabelParameters",
    "TrainingParameters",
]
