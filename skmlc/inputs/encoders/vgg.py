"""Networks of plain 3 x 3 convolutions that turn images into feature maps.

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
ICLR 2015, without their classifier and with the parameter names of torchvision.
"""

from torch import nn

__all__ = ["VGG", "VGGS"]

# The numbers of 3 x 3 convolutions of the stages (table 1, columns A, B, D, E).
N_CONVOLUTIONS = {
    "vgg11": (1, 1, 2, 2, 2),
    "vgg13": (2, 2, 2, 2, 2),
    "vgg16": (2, 2, 3, 3, 3),
    "vgg19": (2, 2, 4, 4, 4),
}
WIDTHS = (64, 128, 256, 512, 512)


class VGG(nn.Module):
    """Stages of 3 x 3 convolutions, each of which ends with a pooling that halves the image.

    Parameters
    ----------
    n_convolutions : sequence of int
        The number of convolutions of each stage, at most five stages.
    batch_norm : bool, default=False
        Whether a batch normalization follows each convolution, which the paper had not.
    n_channels : int, default=3
        The number of channels of the images.

    Attributes
    ----------
    features : nn.Sequential
        The layers, with the numbers that they have in torchvision.

    Shape
    -----
    Images (N, C, H, W) to feature maps (N, 512, h, w): ``h = H / 32``, rounded down.

    References
    ----------
    .. [1] Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
       Recognition", ICLR 2015, arXiv:1409.1556.

    Examples
    --------
    >>> import torch
    >>> from skmlc.inputs.encoders.vgg import VGG
    >>> VGG((1, 1))(torch.zeros(5, 3, 32, 32)).shape
    torch.Size([5, 128, 8, 8])
    """

    def __init__(self, n_convolutions, *, batch_norm=False, n_channels=3):
        super().__init__()
        layers, n_in = [], n_channels
        for n, width in zip(n_convolutions, WIDTHS):
            for _ in range(n):
                layers.append(_convolution(n_in, width))
                layers += [nn.BatchNorm2d(width)] if batch_norm else []
                layers.append(nn.ReLU(inplace=True))
                n_in = width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)

    def forward(self, images):
        """Return the last feature maps (N, D, h, w) of images (N, C, H, W)."""
        return self.features(images)


def _convolution(n_in, n_out):
    """Return a convolution with random weights and no bias yet, as torchvision begins."""
    convolution = nn.Conv2d(n_in, n_out, 3, padding=1)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    nn.init.zeros_(convolution.bias)
    return convolution


# What the names stand for.
VGGS = {
    **{name: {"n_convolutions": n} for name, n in N_CONVOLUTIONS.items()},
    **{
        f"{name}_bn": {"n_convolutions": n, "batch_norm": True}
        for name, n in N_CONVOLUTIONS.items()
    },
}
