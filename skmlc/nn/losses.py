"""Losses of logits (N, L) against labels (N, L), with weights and unknown labels.

`LabelLoss` is what training minimizes; the others are its `elementwise`, the loss of each
entry, and what an estimator takes as `loss`.  None of them is an `nn.Module`: they learn
nothing, and distributed wrappers refuse modules that do not.
"""

import copy
from numbers import Real

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .head_output import HeadOutput, logits_of

__all__ = [
    "LOSSES",
    "AsymmetricLoss",
    "FocalLoss",
    "FrequencyWeightedLoss",
    "LabelLoss",
]


class LabelLoss:
    """Mean loss over samples and labels, weighted, unknown labels left out.

    With binary cross-entropy and without weights this is the multi-label soft margin loss
    that ML-GCN is trained with, `torch.nn.MultiLabelSoftMarginLoss`.

    Parameters
    ----------
    elementwise : callable, default=None
        Maps (logits, labels), both (N, L), to the loss of each entry (N, L).  None stands
        for binary cross-entropy with logits, Eq. 19 of LaMP.
    label_weight : Tensor of shape (L,), default=None
        How much the positive entries of each label count.
    multiclass : bool, default=False
        Whether a sample has exactly one label: soft-max and cross-entropy.
    """

    def __init__(self, elementwise=None, label_weight=None, *, multiclass=False):
        self.elementwise = elementwise
        self.label_weight = label_weight
        self.multiclass = multiclass

    def __call__(self, output: Tensor | HeadOutput, targets) -> Tensor:
        """Return the loss of a batch, a scalar."""
        logits = logits_of(output)
        # Small losses of bfloat16 logits would be lost; autocast computes losses so as well.
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        labels = targets.labels.to(logits.dtype)
        if self.multiclass:
            return self._of_classes(logits, labels, targets.sample_weight)
        weight = entry_weight(targets)
        if self.label_weight is not None:
            weight = weight * self._positive_weight(logits, labels)
        if self.elementwise is None:
            return binary_cross_entropy(logits, labels, weight)
        return (weight * self._entries(self.elementwise, logits, labels)).mean()

    def _of_classes(self, logits, labels, sample_weight):
        """Return the cross-entropy of samples with one label each, a scalar."""
        positive = 1.0
        if self.label_weight is not None:
            positive = self._positive_weight(logits, labels)
        loss = -(labels * positive * F.log_softmax(logits, dim=1)).sum(1)  # (N,)
        return (sample_weight * loss).mean()

    @staticmethod
    def _entries(elementwise, logits, labels):
        """Return the loss of each entry (N, L)."""
        loss = elementwise(logits, labels)
        if loss.shape != logits.shape:
            raise ValueError(
                f"loss must give one value per sample and label, {tuple(logits.shape)}; got "
                f"shape {tuple(loss.shape)}: leave out its reduction."
            )
        return loss

    def _positive_weight(self, logits, labels):
        """Return the weight of each entry (N, L): the label's where positive, else one."""
        self.label_weight = once_on(logits.device, self.label_weight)
        weight = self.label_weight.to(logits.dtype)
        return torch.where(labels > 0, weight, torch.ones_like(weight))


def entry_weight(targets):
    """Return the weights of entries of which the mean over all is that over known ones.

    Parameters
    ----------
    targets : Targets
        Of N samples.

    Returns
    -------
    Tensor of shape (N, L) or (N, 1)
        The weight of the sample, and zero for unknown labels, which the others make up for.
    """
    # The weights have a mean of one over all samples, though not in every batch.
    weight, known = targets.sample_weight[:, None], targets.known
    if known is None:
        return weight
    return known * (weight * known.shape[1] / known.sum(1, keepdim=True).clamp_min(1))


def binary_cross_entropy(logits, labels, weight=None):
    """Return the binary cross-entropy of each entry, or their weighted mean.

    Parameters
    ----------
    logits, labels : Tensor of shape (N, L)
        The labels may be any value in [0, 1].
    weight : Tensor of shape (N, L) or (N, 1), default=None
        By which the entries are multiplied before they are averaged.

    Returns
    -------
    Tensor of shape (N, L), or () with a weight
        The loss.
    """
    reduction = "none" if weight is None else "mean"
    return F.binary_cross_entropy_with_logits(logits, labels, weight, reduction=reduction)


class _ElementwiseLoss:
    """A loss of each entry that shows its parameters."""

    def __repr__(self):
        parameters = [f"{k}={v!r}" for k, v in vars(self).items() if not k.startswith("_")]
        return f"{type(self).__name__}({', '.join(parameters)})"


class AsymmetricLoss(_ElementwiseLoss):
    r"""Asymmetric loss: easy negatives count little, or nothing at all.

    With :math:`p` the predicted probability and :math:`p_m = \max(p - m, 0)` [1]_,

    .. math::

        -y (1 - p)^{\gamma_+} \log p - (1 - y) \, p_m^{\gamma_-} \log(1 - p_m).

    Parameters
    ----------
    gamma_neg : float, default=4.0
        How strongly negative entries are discounted that are improbable already,
        :math:`\gamma_-`.
    gamma_pos : float, default=0.0
        How strongly positive entries are discounted that are probable already,
        :math:`\gamma_+`.
    clip : float, default=0.05
        The probability below which a negative entry counts nothing, :math:`m`.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    Notes
    -----
    The gradient passes through the weights :math:`(1 - p)^{\gamma_+}` and
    :math:`p_m^{\gamma_-}`, as in the gradient analysis of the paper; the published code
    can hold them constant.

    With all three parameters zero this is binary cross-entropy.  The defaults are for many
    labels of which few hold; otherwise the authors advise to go from there to
    ``AsymmetricLoss(2, 2, 0)`` and on to (2, 1, 0) as long as that helps.

    References
    ----------
    .. [1] Ridnik, Ben-Baruch, Zamir, Noy, Friedman, Protter and Zelnik-Manor, "Asymmetric
       Loss For Multi-Label Classification", ICCV 2021, arXiv:2009.14119.

    Examples
    --------
    >>> import torch
    >>> from skmlc.nn.losses import AsymmetricLoss
    >>> logits = torch.tensor([[0.0, 0.0, -4.0]])
    >>> AsymmetricLoss()(logits, torch.tensor([[1.0, 0.0, 0.0]]))
    tensor([[0.6931, 0.0245, 0.0000]])
    """

    def __init__(self, gamma_neg=4.0, gamma_pos=0.0, clip=0.05):
        _check_range("gamma_neg", gamma_neg)
        _check_range("gamma_pos", gamma_pos)
        _check_range("clip", clip, below=1)
        self.gamma_neg = gamma_neg
        self.gamma_pos = gamma_pos
        self.clip = clip

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of each entry (N, L)."""
        positive = -_focus(-logits, self.gamma_pos) * F.logsigmoid(logits)
        return labels * positive + (1 - labels) * self._negative(logits)

    def _negative(self, logits):
        """Return the loss of each entry (N, L) as if it were negative."""
        if self.clip == 0:
            return -_focus(logits, self.gamma_neg) * F.logsigmoid(-logits)
        # Not zero, where the derivative of a root is infinite.
        least = torch.finfo(logits.dtype).tiny
        shifted = (torch.sigmoid(logits) - self.clip).clamp_min(least)  # p_m
        rest = (torch.sigmoid(-logits) + self.clip).clamp_max(1)  # 1 - p_m
        return -(shifted**self.gamma_neg) * rest.log()


class FocalLoss(_ElementwiseLoss):
    r"""Focal loss: entries that are predicted well already count less.

    With :math:`p_t` the predicted probability of what is true of the entry [1]_,

    .. math::

        -\alpha_t (1 - p_t)^\gamma \log p_t.

    Parameters
    ----------
    gamma : float, default=2.0
        How strongly entries are discounted that are predicted well, :math:`\gamma`; zero is
        binary cross-entropy.
    alpha : float, default=None
        The weight of positive entries, in [0, 1]; negative ones have one minus this weight.
        None leaves both at one (Eq. 4 of [1]_ instead of Eq. 5).

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    References
    ----------
    .. [1] Lin, Goyal, Girshick, He and Dollár, "Focal Loss for Dense Object Detection", ICCV
       2017, arXiv:1708.02002.

    Examples
    --------
    >>> import torch
    >>> from skmlc.nn.losses import FocalLoss
    >>> FocalLoss()(torch.tensor([[0.0, 4.0]]), torch.tensor([[1.0, 1.0]]))
    tensor([[1.7329e-01, 5.8716e-06]])
    """

    def __init__(self, gamma=2.0, alpha=None):
        _check_range("gamma", gamma)
        if alpha is not None:
            _check_range("alpha", alpha, most=1)
        self.gamma = gamma
        self.alpha = alpha

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of each entry (N, L)."""
        positive = -_focus(-logits, self.gamma) * F.logsigmoid(logits)
        negative = -_focus(logits, self.gamma) * F.logsigmoid(-logits)
        if self.alpha is not None:
            positive, negative = self.alpha * positive, (1 - self.alpha) * negative
        return labels * positive + (1 - labels) * negative


class FrequencyWeightedLoss(_ElementwiseLoss):
    r"""Weigh the entries by how frequent their labels are, as GM-MLIC does.

    A positive entry of a label that a share r of the training samples has counts
    :math:`e^{\beta (1 - r)}`, a negative one :math:`e^{\beta r}` (Eq. 15 of [1]_, whose
    loss lacks its minus sign): finding rare labels and leaving out frequent ones counts
    most.

    Parameters
    ----------
    beta : float, default=0.4
        How much frequency counts; zero leaves all weights at one.
    elementwise : callable, default=None
        Maps (logits, labels), both (N, L), to the loss of each entry (N, L); None stands for
        binary cross-entropy, which gives GM-MLIC's weighted cross-entropy.

    Raises
    ------
    ValueError
        If `beta` is negative.

    Notes
    -----
    A classifier tells the loss the frequencies of its training labels before training.  On
    its own, call what `for_frequency` returns.

    References
    ----------
    .. [1] Wu, Liu, Feng, Jin, Lyu and Wu, "GM-MLIC: Graph Matching based Multi-Label Image
       Classification", IJCAI 2021.

    Examples
    --------
    >>> import torch
    >>> from skmlc.nn.losses import FrequencyWeightedLoss
    >>> loss = FrequencyWeightedLoss(beta=1.0).for_frequency([0.0, 1.0])
    >>> loss(torch.zeros(2, 2), torch.tensor([[1.0, 1.0], [0.0, 0.0]]))
    tensor([[1.8842, 0.6931],
            [0.6931, 1.8842]])
    """

    def __init__(self, beta=0.4, elementwise=None):
        _check_range("beta", beta)
        self.beta = beta
        self.elementwise = elementwise
        self._weights: Tensor | None = None  # (2, L)

    def for_frequency(self, frequency):
        """Return a copy of the loss that knows the frequencies of the labels.

        Parameters
        ----------
        frequency : array-like of shape (n_labels,)
            The share of the training samples that have each label, in [0, 1].

        Returns
        -------
        FrequencyWeightedLoss
            The copy; the loss itself is left as it is.

        Raises
        ------
        ValueError
            If `frequency` is not one share per label.
        """
        frequency = np.asarray(frequency, dtype=np.float64)
        if frequency.ndim != 1 or not ((frequency >= 0) & (frequency <= 1)).all():
            raise ValueError(
                "frequency must hold the share of the samples with each label, of shape "
                f"(n_labels,) and between 0 and 1; got {frequency}."
            )
        loss = copy.copy(self)
        weights = [np.exp(self.beta * (1 - frequency)), np.exp(self.beta * frequency)]
        loss._weights = torch.as_tensor(np.array(weights))  # (2, L)
        return loss

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the weighted loss of each entry (N, L)."""
        if self._weights is None:
            raise ValueError(
                "FrequencyWeightedLoss must know how frequent the labels are: call what its "
                "for_frequency(frequency) returns."
            )
        self._weights = once_on(logits.device, self._weights)
        positive, negative = self._weights.to(logits.dtype)  # (L,) each
        elementwise = self.elementwise or binary_cross_entropy
        weight = labels * positive + (1 - labels) * negative  # (N, L)
        return weight * elementwise(logits, labels)


def once_on(device, weight):
    """Return what a loss keeps where it is needed, to be kept there from the first step on.

    Parameters
    ----------
    device : torch.device
        That of the logits.
    weight : Tensor
        On this device or elsewhere.

    Returns
    -------
    Tensor
        On this device.
    """
    return weight.to(device, non_blocking=True)


def _focus(logits, gamma):
    """Return sigmoid(logits) ** gamma, whose gradient is finite for any gamma."""
    return torch.exp(gamma * F.logsigmoid(logits))


def _check_range(name, value: float, most=np.inf, below=np.inf):
    """Check that a parameter is a number of at least zero, and not too large."""
    if not isinstance(value, Real) or not 0 <= value <= most or not value < below:
        end = f" and at most {most}" if np.isfinite(most) else ""
        end = f" and less than {below}" if np.isfinite(below) else end
        raise ValueError(f"{name} must be a number of at least 0{end}; got {value!r}.")


# What the words for `loss` stand for; None is binary cross-entropy.
LOSSES = {"bce": None, "asymmetric": AsymmetricLoss(), "focal": FocalLoss()}
