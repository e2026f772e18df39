"""Parameters that several classifiers share: each is declared, constrained, described once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from numbers import Integral, Real
from os import PathLike
from typing import Any

import torch
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from ..graphs.choose import BUILDERS, NetworkxGraph
from ..nn.losses import LOSSES
from ..parameters import ParameterFields
from ..training.net_settings import OPTIMIZERS
from ..training.schedules import SCHEDULES

__all__ = [
    "LabelEmbeddingParameters",
    "LabelGraphParameters",
    "LinearSkipParameters",
    "TopLabelParameters",
    "TrainingParameters",
]


class TrainingParameters(ParameterFields):
    """The parameters of every network: input, training and prediction.

    Parameters
    ----------
    encoder : "auto" or encoder specification, default="auto"
        How a sample becomes nodes; "auto" chooses by the type of X.  Pass a `FeatureEncoder`,
        `TokenEncoder`, `InstanceEncoder`, `GraphEncoder` or `ImageEncoder` to set or search
        its parameters.
    input_dropout : "auto" or float, default="auto"
        The probability that an input is left out in training: a feature of a sample or of an
        instance, or a token; it must be 0 for images.  "auto" is 0.3 for dense
        tables of 32 or more columns, 0.2 for sparse tables, and 0 for anything else.
    loss : {"bce", "asymmetric", "focal"} or callable, default="bce"
        Binary cross-entropy, one of the losses of `skmlc.nn.losses` for rare labels, or a
        function of (logits, labels), tensors of shape (n_samples, n_labels), that gives the
        loss of each entry.  A one-dimensional multi-class y always has a soft-max and
        cross-entropy.
    max_epochs : "auto" or int, default="auto"
        How often training goes through the samples.  "auto" is 12 times, 6 for sparse tables
        and sequences, or on small sets as many as make 500 steps, 1000 where training hides
        labels, but at most 60.
    batch_size : int, default=32
        The number of samples of a step, and of a batch in prediction.
    batch_parts : int, default=1
        In how many parts a step of training computes its batch, whose gradients are added
        (gradient accumulation): about the same result as of the whole, in less memory.
    learning_rate : float, default=0.002
        The highest learning rate of the network.
    optimizer : {"adamw", "adam", "sgd"} or optimizer class, default="adamw"
        The optimizer; "sgd" has a momentum of 0.9.
    weight_decay : float, default=0.01
        The optimizer's weight decay.
    lr_schedule : {"cosine", "cosine_restart", "step", "plateau"}, sequence of int or None, \
            default="cosine"
        How the learning rate changes: "cosine" rises over the first tenth of the steps, then
        falls to zero; "cosine_restart" does so once for the `frozen_epochs` of the encoder
        and once for those after; "step" divides by ten after each third of the epochs, and a
        sequence such as ``(40, 80)`` after these epochs; "plateau" divides by ten after five
        epochs without a better validation (else training) measure.
    max_grad_norm : float or None, default=1.0
        The norm to which gradients are clipped.
    ema_decay : float or None, default=None
        In `fit`, validate and end with an exponential moving average of the weights, such as
        0.999; None is the weights of the last step.
    early_stopping : bool, "loss" or str, default=False
        Hold out a part of the samples and keep the weights of the epoch with the best loss,
        or the best value of a metric named in `skmlc.metrics.get_scorer_names`.
    validation_fraction : float, default=0.1
        The part held out by early stopping and by a tuned threshold, stratified by label.
        A label graph never sees it.
    patience : int, default=5
        After how many epochs without a better one early stopping ends training.
    threshold : float, array-like of shape (n_labels,), Series or dict by label name, or \
            {"tuned", "tuned_per_label"}, default=0.5
        A label is predicted where its probability is at least this; "tuned" ones are chosen
        on the part held out.
    threshold_metric : str, default="ebF1"
        The metric for which a threshold is tuned.
    threshold_grid : {"lamp", "exact"} or array-like, default="lamp"
        The thresholds to try: the 27 of LaMP's authors, every distinct probability, or these.
    label_weight : "balanced", array-like of shape (n_labels,), Series or dict by label name, \
            or None, default=None
        How much the positive entries of each label count; "balanced" is the number of
        negative entries per positive one.
    allow_missing_labels : bool, default=False
        Whether NaN in y stands for an unknown label, which is left out of the loss and of a
        label graph.  The loss is the mean over the samples of the mean over the known labels
        of each: a sample counts as much as any other, however few of its labels are known.
    checkpoint : str, path-like or None, default=None
        A folder, made if it is not there, into which `fit` writes what it needs to go on.  The
        same call then goes on where an earlier one was cut off, and ends with the same weights;
        one that has ended is not trained again.  Each fit has a file of its own, which is known
        by the data, the parameters and `random_state`, an int.
    checkpoint_minutes : float or None, default=None
        How often to write the checkpoint: None is after each epoch, a number after the first
        step when so many minutes are over.
    device : str or torch.device, default="auto"
        Where to train; "auto" is CUDA where there is one, else the CPU.  "distributed" is one
        device for each process that `torchrun` has started, on which these train one model
        together; each is given all samples, and `random_state` must be an int.
    precision : {"float32", "float64", "bfloat16"}, default="float32"
        The floating point type; "bfloat16" is mixed precision, and slow on most CPUs.
    compile : bool, default=False
        Whether to compile the network with ``torch.compile``.
    callbacks : list of skorch callbacks or None, default=None
        Called in training, after ours.
    net_params : dict or None, default=None
        Anything else for `skorch.NeuralNet` or its parts, such as ``optimizer__momentum``, but
        not what other parameters say.
    warm_start : bool, default=False
        Whether `fit` continues from the last fit's weights, and label graph if there is one.
    random_state : int, RandomState or None, default=None
        For initial weights, dropout, the order of the samples and the part held out.
    verbose : bool or int, default=False
        Whether to print one line per epoch.

    Attributes
    ----------
    classes_ : ndarray of shape (n_labels,)
        The labels' numbers for a label matrix, else the classes.
    label_names_ : ndarray of str of shape (n_labels,)
        The columns of y, if it was a DataFrame.
    threshold_ : float or ndarray of shape (n_labels,)
        The threshold of `predict`.
    net_ : skorch.NeuralNet
        The trained net.
    module_ : torch.nn.Module
        The trained module.
    history_ : skorch.history.History
        The losses and scores of each epoch.
    n_iter_ : int
        The number of epochs trained.
    n_features_in_ : int
        The number of features, of tokens in the vocabulary, of features of an instance, or of
        channels.
    feature_names_in_ : ndarray of str of shape (`n_features_in_`,)
        The columns of X, if it was a DataFrame with string names.
    """

    encoder: Any = "auto"
    input_dropout: float | str = "auto"
    loss: str | Callable = "bce"
    max_epochs: int | str = "auto"
    batch_size: int = 32
    batch_parts: int = 1
    learning_rate: float = 2e-3
    optimizer: str | type[torch.optim.Optimizer] = "adamw"
    weight_decay: float = 0.01
    lr_schedule: Any = "cosine"
    max_grad_norm: float | None = 1.0
    ema_decay: float | None = None
    early_stopping: bool | str = False
    validation_fraction: float = 0.1
    patience: int = 5
    threshold: Any = 0.5
    threshold_metric: str = "ebF1"
    threshold_grid: Any = "lamp"
    label_weight: Any = None
    allow_missing_labels: bool = False
    checkpoint: str | PathLike | None = None
    checkpoint_minutes: float | None = None
    device: str | torch.device = "auto"
    precision: str = "float32"
    compile: bool = False
    callbacks: Sequence | None = None
    net_params: Mapping[str, Any] | None = None
    warm_start: bool = False
    random_state: Any = None
    verbose: bool | int = False

    _parameter_constraints = {
        "encoder": [str, HasMethods("make")],
        "input_dropout": [Interval(Real, 0, 1, closed="left"), StrOptions({"auto"})],
        "loss": [StrOptions(set(LOSSES)), callable],
        "max_epochs": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "batch_parts": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "optimizer": [StrOptions(set(OPTIMIZERS)), callable],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "lr_schedule": [StrOptions(set(SCHEDULES)), tuple, list, None],
        "max_grad_norm": [Interval(Real, 0, None, closed="neither"), None],
        "ema_decay": [Interval(Real, 0, 1, closed="left"), None],
        "early_stopping": ["boolean", str],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "patience": [Interval(Integral, 1, None, closed="left")],
        "threshold": [
            Interval(Real, 0, 1, closed="both"),
            StrOptions({"tuned", "tuned_per_label"}),
            "array-like",
        ],
        "threshold_metric": [str],
        "threshold_grid": [StrOptions({"lamp", "exact"}), "array-like"],
        "label_weight": [StrOptions({"balanced"}), "array-like", None],
        "allow_missing_labels": ["boolean"],
        "checkpoint": [str, PathLike, None],
        "checkpoint_minutes": [Interval(Real, 0, None, closed="left"), None],
        "device": [str, torch.device],
        "precision": [StrOptions({"float32", "float64", "bfloat16"})],
        "compile": ["boolean"],
        "callbacks": [list, tuple, None],
        "net_params": [dict, None],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    @property
    def _early_stopping(self):
        """What early stopping watches: "loss", the name of a scorer, or False for nothing."""
        if isinstance(self.early_stopping, str):
            return self.early_stopping
        return "loss" if self.early_stopping else False


class LabelGraphParameters(ParameterFields):
    """The graph of the labels, for the methods that have one.

    Parameters
    ----------
    label_graph : str, array-like, sparse matrix, networkx graph or builder, \
            default="full"
        Which labels exchange messages: entry (i, j) is not zero where label i receives from
        label j.  "full", "none", "cooccurrence", "conditional_probability", "probability", or
        a networkx graph, whose nodes are the labels' names or numbers and whose edges go from
        sender to receiver, or a builder from `skmlc.graphs`, which is fitted on the training
        labels; pass one to search over its parameters, as ``label_graph__threshold``.

    Attributes
    ----------
    adjacency_ : ndarray or CSR array of shape (n_labels, n_labels)
        The label graph without self-loops; label i receives from label j where entry (i, j)
        is not zero.
    label_graph_ : builder or None
        The fitted builder, if the graph was built from y.
    """

    label_graph: Any = field(default="full", kw_only=False)

    _parameter_constraints = {
        "label_graph": [
            StrOptions({"full", "none", *BUILDERS}),
            "array-like",
            "sparse matrix",
            NetworkxGraph("is_directed"),
            HasMethods("fit"),
        ],
    }


class LabelEmbeddingParameters(ParameterFields):
    """The vectors of the labels, for the methods that read them.

    Parameters
    ----------
    label_embedding : array-like of shape (n_labels, n_features), mapping, builder, \
            transformer, callable or None, default=None
        Vectors of the labels: a row per label; from the names of the labels, y being a
        DataFrame; a builder of `skmlc.graphs`, such as `WordVectors` or
        `CooccurrenceEmbedding`; or what turns a list of names into vectors, such as
        `skmlc.inputs.TextFeatures` or a function.  None learns them (one-hot vectors); the
        paper's are of GloVe.

    Attributes
    ----------
    label_embedding_ : ndarray of shape (n_labels, n_features) or None
        The vectors of the labels.
    label_embedding_builder_ : builder or None
        The fitted builder of these vectors, if there is one.
    """

    label_embedding: Any = None

    _parameter_constraints = {
        "label_embedding": [None, str, "array-like", Mapping, HasMethods("fit"), callable],
    }


class LinearSkipParameters(ParameterFields):
    """A linear model added to the network.

    Parameters
    ----------
    linear_skip : bool, default=True
        Whether a linear model of the raw input is added to the logits: of feature maps, given
        or made by a backbone that is frozen without augmentation, it reads the mean cell, of
        other images nothing, as pixels say nothing linearly.  It has a learning rate of its
        own.
    linear_C : float or "scale", default="scale"
        The inverse strength of the L2 penalty of the linear skip, like `C` of
        `sklearn.linear_model.LogisticRegression`; "scale" is 20 / the mean squared norm of the
        samples, and 100 / that for sparse tables and sequences.
    """

    linear_skip: bool = True
    linear_C: float | str = "scale"

    _parameter_constraints = {
        "linear_skip": ["boolean"],
        "linear_C": [Interval(Real, 0, None, closed="neither"), StrOptions({"scale"})],
    }


class LabelMaskingParameters(ParameterFields):
    """How training teaches a network to use known labels.

    Parameters
    ----------
    label_masking : bool, float or distribution, default=False
        Whether training shows the network a random part of each sample's labels, and has it
        predict the others, so that it can use known labels in prediction (`known`).  The share
        that is shown: True draws it for each sample, none in a third of them; or a number from
        0 to below 1; or a distribution of `scipy.stats`, whose `rvs` draws it.  Early stopping
        and tuned thresholds use predictions with nothing known.  Without effect on a
        one-dimensional y.
    label_neighbors : bool or "auto", default="auto"
        Whether known labels are also compared with the label rows of training samples, with a
        distance that is learned.  The model then keeps the labels of up to 8,192 samples of the
        last call of `fit` or `partial_fit`.  It needs a graph in which every label receives
        from every other one, and has no effect, True neither, with another.  "auto" does so
        from 10 labels on.  Without it the logits have a part that is linear in the known
        labels, if they have one that is linear in the input.
    """

    label_masking: Any = False
    label_neighbors: bool | str = "auto"

    _parameter_constraints = {
        "label_neighbors": ["boolean", StrOptions({"auto"})],
        "label_masking": [
            "boolean",
            Interval(Real, 0, 1, closed="left"),
            HasMethods("rvs"),
        ],
    }


class TopLabelParameters(ParameterFields):
    """What happens to a sample for which no label is predicted.

    Parameters
    ----------
    top_label : bool, default=False
        Whether a sample for which no label is predicted gets the most probable one (the
        T-criterion of MIMLSVM).
    """

    top_label: bool = False

    _parameter_constraints = {"top_label": ["boolean"]}
