"""Residual networks that turn images into feature maps.

He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, and with
groups of channels Xie, Girshick, Dollár, Tu and He, "Aggregated Residual Transformations for
Deep Neural Networks", CVPR 2017; without their classifier and with the parameter names of
torchvision, so that its weights can be loaded where torchvision is not installed.
"""

from functools import partial

import torch
from torch import nn

__all__ = ["RESNETS", "ResNet"]


class ResNet(nn.Module):
    r"""Residual network that ends with its last feature map.

    A block adds to its input what two or three convolutions make of it, each followed by batch
    normalization: :math:`y = \mathrm{ReLU}(F(x) + x)`.  Where a block changes the number of
    channels or halves the image, :math:`x` goes through a 1 x 1 convolution.

    Parameters
    ----------
    n_blocks : sequence of int, default=(2, 2, 2, 2)
        The number of blocks of each stage.  Every stage has twice the channels of the one
        before and, from the second on, half its height and width.
    width : int, default=64
        The number of channels of the first convolution.
    bottleneck : bool, default=False
        Whether a block is 1 x 1, 3 x 3, 1 x 1 convolutions with four times the channels after
        the last (from 50 layers on), and not two 3 x 3 convolutions.
    groups : int, default=1
        The number of groups of channels of the 3 x 3 convolution of a bottleneck, each of which
        reads only its own: a ResNeXt.
    group_width : int, default=64
        The number of channels of a group in the first stage, for ``width=64``.
    small_stem : bool, default=False
        For small images: begin with a 3 x 3 convolution that halves the image, and not with a
        7 x 7 convolution and max pooling, which together leave a quarter.
    n_channels : int, default=3
        The number of channels of the images.

    Attributes
    ----------
    conv1, bn1 : nn.Module
        The first convolution and its batch normalization.
    layer1, layer2, ... : nn.Sequential
        The stages.

    Shape
    -----
    Images (N, C, H, W) to feature maps (N, D, h, w): ``h = H / 32`` with four stages, rounded
    up, and ``D = 8 * width``, four times that with `bottleneck`.

    References
    ----------
    .. [1] He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", CVPR 2016,
       arXiv:1512.03385.
    .. [2] Xie, Girshick, Dollár, Tu and He, "Aggregated Residual Transformations for Deep
       Neural Networks", CVPR 2017, arXiv:1611.05431.

    Examples
    --------
    >>> import torch
    >>> from skmlc.inputs.encoders.resnets import ResNet
    >>> ResNet((1, 1), width=8, small_stem=True)(torch.zeros(5, 3, 32, 32)).shape
    torch.Size([5, 16, 8, 8])
    """

    def __init__(
        self,
        n_blocks=(2, 2, 2, 2),
        *,
        width=64,
        bottleneck=False,
        groups=1,
        group_width=64,
        small_stem=False,
        n_channels=3,
    ):
        super().__init__()
        stem = 3 if small_stem else 7
        self.conv1 = _convolution(n_channels, width, stem, stride=2)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.Identity() if small_stem else nn.MaxPool2d(3, 2, padding=1)
        block = partial(_Bottleneck, groups, group_width) if bottleneck else _BasicBlock
        expansion = _Bottleneck.expansion if bottleneck else 1
        self.stages = [f"layer{i + 1}" for i in range(len(n_blocks))]
        n_in = width
        for i, (name, n) in enumerate(zip(self.stages, n_blocks)):
            blocks = []
            for j in range(n):
                blocks.append(
                    block(n_in, width * 2**i, stride=2 if i > 0 and j == 0 else 1)
                )
                n_in = width * 2**i * expansion
            setattr(self, name, nn.Sequential(*blocks))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images):
        """Return the last feature maps (N, D, h, w) of images (N, C, H, W)."""
        x = torch.relu(self.bn1(self.conv1(images)))  # (N, width, H / 2, W / 2)
        x = self.maxpool(x)  # (N, width, H / 4, W / 4), or as before with a small stem
        for name in self.stages:
            x = getattr(self, name)(x)
        return x  # (N, D, h, w)


class _BasicBlock(nn.Module):
    """Two 3 x 3 convolutions, and the input added to what they give."""

    def __init__(self, n_in, width, stride):
        super().__init__()
        self.conv1 = _convolution(n_in, width, 3, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _convolution(width, width, 3)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(n_in, width, stride)

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class _Bottleneck(nn.Module):
    """Convolutions of 1 x 1, 3 x 3 and 1 x 1, and the input added to what they give."""

    expansion = 4

    def __init__(self, groups, group_width, n_in, width, stride):
        super().__init__()
        n_out = self.expansion * width
        width = width * group_width // 64 * groups
        self.conv1 = _convolution(n_in, width, 1)
        self.bn1 = nn.BatchNorm2d(width)
        # The paper halves the image in the 1 x 1 convolution; torchvision's weights are for
        # networks that do it here.
        self.conv2 = _convolution(width, width, 3, stride, groups)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = _convolution(width, n_out, 1)
        self.bn3 = nn.BatchNorm2d(n_out)
        self.downsample = _shortcut(n_in, n_out, stride)

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


def _convolution(n_in, n_out, size, stride=1, groups=1):
    """Return a convolution without bias, which the batch normalization after it has."""
    options = {"padding": size // 2, "groups": groups, "bias": False}
    return nn.Conv2d(n_in, n_out, size, stride, **options)


def _shortcut(n_in, n_out, stride):
    """Return what fits the input of a block to its output; None where it fits as it is."""
    if stride == 1 and n_in == n_out:
        return None
    return nn.Sequential(_convolution(n_in, n_out, 1, stride), nn.BatchNorm2d(n_out))


# What the names stand for.
RESNETS = {
    "tiny": {"n_blocks": (1, 1, 2), "width": 32, "small_stem": True},
    "resnet18": {"n_blocks": (2, 2, 2, 2)},
    "resnet34": {"n_blocks": (3, 4, 6, 3)},
    "resnet50": {"n_blocks": (3, 4, 6, 3), "bottleneck": True},
    "resnet101": {"n_blocks": (3, 4, 23, 3), "bottleneck": True},
    "resnet152": {"n_blocks": (3, 8, 36, 3), "bottleneck": True},
    "resnext50_32x4d": {
        "n_blocks": (3, 4, 6, 3),
        "bottleneck": True,
        "groups": 32,
        "group_width": 4,
    },
    "resnext101_32x8d": {
        "n_blocks": (3, 4, 23, 3),
        "bottleneck": True,
        "groups": 32,
        "group_width": 8,
    },
}
