"""Pooling and a linear classifier: what a label graph must be worth something beside.

The baseline of ML-GCN (Chen et al., CVPR 2019, Table 1) and of GM-MLIC (Wu et al., IJCAI 2021):
the nodes of a sample are pooled and classified, or classified and pooled, label by label.
"""

from numbers import Integral, Real

from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import nn

from ..base.classifier import BaseGraphClassifier
from ..nn.dropout import ByteDropout
from ..nn.nodes import Nodes
from ..nn.pooling import contributions, pool

__all__ = ["GlobalPool", "GlobalPoolClassifier"]


class GlobalPool(nn.Module):
    """Classify the pooled nodes of a sample, or pool the scores of its nodes.

    Parameters
    ----------
    n_labels : int
        The number of labels, L.
    node_size : int
        The size of a node, D.
    pooling : {"max", "mean", "score"}
        Pool the features by maximum or mean; or classify each node and take the highest
        score of each label.
    dropout : float
        Of what is classified.

    Shape
    -----
    `Nodes` of N samples to logits (N, L).
    """

    def __init__(self, n_labels, node_size, *, pooling="max", dropout=0.0):
        super().__init__()
        self.pooling = pooling
        self.dropout = ByteDropout(dropout)
        self.linear = nn.Linear(node_size, n_labels)

    def forward(self, nodes):
        """Return the logits of a batch."""
        if self.pooling == "score":
            return self.scores(nodes).max()  # (N, L)
        return self.linear(self.dropout(self.represent(nodes)))  # (N, L)

    def represent(self, nodes):
        """Return the pooled nodes (N, D)."""
        return pool(nodes, "mean" if self.pooling == "mean" else "max")

    def scores(self, nodes):
        """Return the logits of each node, `Nodes` of size L."""
        return Nodes(self.linear(self.dropout(nodes.values)), nodes.layout)  # (R, L)

    def contributions(self, nodes):
        """Return each node's part of each logit, (n, L, S) for each group of samples."""
        if self.pooling == "score":
            return [x.transpose(1, 2) for _, x in self.scores(nodes).groups()]
        return contributions(nodes, self.linear.weight, self.pooling)


class GlobalPoolClassifier(BaseGraphClassifier):
    """Multi-label classifier by pooling and a linear layer, without a label graph.

    With "max" it is the baseline of ML-GCN [1]_, with "score" the maximum over instances that
    GM-MLIC [2]_ ends with, without its graphs.

    Parameters
    ----------
    pooling : {"max", "mean", "score"}, default="max"
        Pool the nodes' features by maximum or mean, then classify; or classify each node and
        take the highest score of each label.
    hidden_size : int, default=128
        The size of the nodes that are made of a table, of text or of bags; those of images are
        the backbone's.
    dropout : float, default=0.0
        Of what is classified.
    encoder : "auto" or encoder specification, default="auto"
        How a sample becomes nodes; "auto" chooses by the type of X.  Pass a `FeatureEncoder`,
        `TokenEncoder`, `InstanceEncoder`, `GraphEncoder` or `ImageEncoder` to set or search
        its parameters.
    linear_skip : bool, default=True
        Whether a linear model of the raw input is added to the logits; not of images, of
        whose pixels it could make nothing.
    linear_C : float or "scale", default="scale"
        The inverse strength of the L2 penalty of the linear skip, as `C` of
        `sklearn.linear_model.LogisticRegression`; "scale" is 20 / the mean squared norm of the
        samples.
    input_dropout : float, default=0.0
        The probability that an input is left out in training: a feature, a token, or an entry
        of an instance; it must be 0 for images.
    loss : {"bce", "asymmetric", "focal"} or callable, default="bce"
        Binary cross-entropy, one of the losses of `skmlc.nn.losses` for rare labels, or a
        function of (logits, labels), tensors of shape (n_samples, n_labels), that gives the
        loss of each entry.  A one-dimensional multi-class y always has a soft-max and
        cross-entropy.
    max_epochs : int, default=12
        How often training goes through the samples.
    batch_size : int, default=32
        The number of samples of a step, and of a batch in prediction.
    learning_rate : float, default=2e-3
        The highest learning rate; the linear skip has a step of its own.
    optimizer : {"adamw", "adam", "sgd"} or optimizer class, default="adamw"
        The optimizer; "sgd" has a momentum of 0.9.
    weight_decay : float, default=0.01
        The optimizer's weight decay.
    lr_schedule : {"cosine", "step", "plateau", None}, default="cosine"
        How the learning rate changes: "cosine" rises over the first tenth of the steps, then
        falls to zero; "step" divides by ten after each third of the epochs; "plateau" divides
        by ten after five epochs without a better validation (else training) measure.
    max_grad_norm : float or None, default=1.0
        The norm to which gradients are clipped.
    ema_decay : float or None, default=None
        In `fit`, validate and end with an exponential moving average of the weights, such as
        0.999; None is the weights of the last step.
    early_stopping : False, "loss" or str, default=False
        Hold out a part of the samples and keep the weights of the epoch with the best loss,
        or the best value of a metric named in `skmlc.metrics.get_scorer_names`.
    validation_fraction : float, default=0.1
        The part held out by early stopping and by a tuned threshold, stratified by label.
        The label graph never sees it.
    patience : int, default=5
        After how many epochs without a better one early stopping ends training.
    threshold : float, array-like of shape (n_labels,) or {"tuned", "tuned_per_label"}, \
            default=0.5
        A label is predicted where its probability is at least this; "tuned" ones are chosen
        on the part held out.
    threshold_metric : str, default="ebF1"
        The metric for which a threshold is tuned.
    threshold_grid : {"lamp", "exact"} or array-like, default="lamp"
        The thresholds tried: the 27 of LaMP's authors, every distinct probability, or these.
    label_weight : "balanced", array-like of shape (n_labels,) or None, default=None
        How much the positive entries of each label count; "balanced" is the number of
        negative entries per positive one.
    allow_missing_labels : bool, default=False
        Whether NaN in y stands for an unknown label, which is left out of the loss and of the
        label graph.
    device : str or torch.device, default="auto"
        Where to train; "auto" is CUDA where there is one, else the CPU.
    precision : {"float32", "float64", "bfloat16"}, default="float32"
        The floating point type; "bfloat16" is mixed precision, and slow on most CPUs.
    compile : bool, default=False
        Whether to compile the network with ``torch.compile``.
    callbacks : list of skorch callbacks or None, default=None
        Called in training, after ours.
    net_params : dict or None, default=None
        Anything else for `skorch.NeuralNet`; wins over what is set here.
    warm_start : bool, default=False
        Whether `fit` goes on from the last fit's weights and label graph.
    random_state : int, RandomState or None, default=None
        For initial weights, dropout, the order of the samples and the part held out.
    verbose : bool or int, default=False
        Whether to print one line per epoch.

    Attributes
    ----------
    label_classifiers_ : ndarray of shape (n_labels, n_features_of_a_node)
        The weights of the linear layer.
    classes_ : ndarray of shape (n_labels,)
        The labels' numbers for a label matrix, else the classes.
    label_names_ : ndarray of str of shape (n_labels,)
        The columns of y, if it was a DataFrame.
    adjacency_ : ndarray or CSR array of shape (n_labels, n_labels)
        The label graph without self-loops; label i receives from label j where entry (i, j)
        is not zero.
    label_graph_ : builder or None
        The fitted builder, if the graph was built from y.
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

    See Also
    --------
    MLGCNClassifier : A label graph makes the linear layer.
    EmbMLPClassifier : The mean of the nodes and a perceptron.

    References
    ----------
    .. [1] Z.-M. Chen, X.-S. Wei, P. Wang, Y. Guo, "Multi-Label Image Recognition with Graph
           Convolutional Networks", CVPR 2019, arXiv:1904.03582, Table 1.
    .. [2] Y. Wu, H. Liu, S. Feng, Y. Jin, G. Lyu, Z. Wu, "GM-MLIC: Graph Matching based
           Multi-Label Image Classification", IJCAI 2021, Eq. 14.

    Examples
    --------
    >>> from skmlc import GlobalPoolClassifier
    >>> from skmlc.datasets import load_digit_scenes
    >>> scenes = load_digit_scenes(100)
    >>> model = GlobalPoolClassifier(max_epochs=2, random_state=0)
    >>> model.fit(scenes.bags, scenes.target).label_classifiers_.shape
    (10, 128)
    """

    _raw_kinds = ("images",)
    _rectifies_nodes = True

    _parameter_constraints = {
        **BaseGraphClassifier._parameter_constraints,
        "pooling": [StrOptions({"max", "mean", "score"})],
        "hidden_size": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        *,
        pooling="max",
        hidden_size=128,
        dropout=0.0,
        encoder="auto",
        linear_skip=True,
        linear_C="scale",
        input_dropout=0.0,
        loss="bce",
        max_epochs=12,
        batch_size=32,
        learning_rate=2e-3,
        optimizer="adamw",
        weight_decay=0.01,
        lr_schedule="cosine",
        max_grad_norm=1.0,
        ema_decay=None,
        early_stopping=False,
        validation_fraction=0.1,
        patience=5,
        threshold=0.5,
        threshold_metric="ebF1",
        threshold_grid="lamp",
        label_weight=None,
        allow_missing_labels=False,
        device="auto",
        precision="float32",
        compile=False,
        callbacks=None,
        net_params=None,
        warm_start=False,
        random_state=None,
        verbose=False,
    ):
        super().__init__(
            encoder=encoder,
            input_dropout=input_dropout,
            loss=loss,
            max_epochs=max_epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            optimizer=optimizer,
            weight_decay=weight_decay,
            lr_schedule=lr_schedule,
            max_grad_norm=max_grad_norm,
            ema_decay=ema_decay,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            patience=patience,
            threshold=threshold,
            threshold_metric=threshold_metric,
            threshold_grid=threshold_grid,
            label_weight=label_weight,
            allow_missing_labels=allow_missing_labels,
            device=device,
            precision=precision,
            compile=compile,
            callbacks=callbacks,
            net_params=net_params,
            warm_start=warm_start,
            random_state=random_state,
            verbose=verbose,
        )
        self.linear_skip = linear_skip
        self.linear_C = linear_C
        self.pooling = pooling
        self.hidden_size = hidden_size
        self.dropout = dropout

    def _make_head(self, n_labels, node_size):
        return GlobalPool(n_labels, node_size, pooling=self.pooling, dropout=self.dropout)

    @property
    def label_classifiers_(self):
        """The classifiers of the labels, an ndarray of shape (n_labels, node size)."""
        return self.module_.head.linear.weight.detach().float().cpu().numpy()

    def explain(self, X):
        """Return which nodes the logits come from.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs, Images} of length n_samples
            The samples.

        Returns
        -------
        sklearn.utils.Bunch
            With ``contributions``: what each node adds to each logit, but for the bias and the
            linear skip; with ``pooling="score"`` the logit of each node.  An ndarray of shape
            (n_samples, n_labels, height, width) for images, else a list of arrays of shape
            (n_labels, n_nodes).  And ``probabilities``, as of `predict_proba`.
        """
        return Bunch(
            contributions=self._explain_nodes(X, GlobalPool.contributions),
            probabilities=self.predict_proba(X),
        )
