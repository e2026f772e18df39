"""Parts of a trained network that training leaves as they are."""

from torch import nn

from .backbones import modules_up_to

__all__ = ["WithBackbone"]


class WithBackbone(nn.Module):
    """Base of encoders with a network of which training may leave parts as they are.

    Parameters
    ----------
    backbone : nn.Module
        The network.
    freeze : bool, "all" or str, default=False
        What of it is not trained: "all" or True for all, False for nothing, or the name of a
        part, for that part and those before it.
    learning_rates : dict of str to float, default={}
        Patterns of names of parameters of this module, each with its learning rate relative
        to that of the rest; the first pattern that fits counts.
    """

    def __init__(self, backbone, *, freeze=False, learning_rates=None):
        super().__init__()
        self.backbone = backbone
        self.learning_rates = learning_rates or {}
        self.freeze = freeze
        # What the user's module does not train is never trained.
        self._trainable = {n for n, p in backbone.named_parameters() if p.requires_grad}
        self.unfreeze_backbone()

    def freeze_backbone(self):
        """Train nothing of the backbone, until `unfreeze_backbone`."""
        self._set_frozen(True)

    def unfreeze_backbone(self):
        """Train of the backbone what `freeze` leaves."""
        self._set_frozen(self.freeze)

    @property
    def trains_nothing(self):
        """Whether `freeze` leaves nothing of the backbone, in any epoch."""
        return self.freeze is True or self.freeze == "all"

    def _set_frozen(self, freeze):
        """Freeze of the backbone what `freeze` says, and nothing else."""
        frozen, whole = [], freeze is True or freeze == "all"
        if whole:
            frozen = [self.backbone]
        elif isinstance(freeze, str):
            frozen = modules_up_to(self.backbone, freeze)
        for name, parameter in self.backbone.named_parameters():
            parameter.requires_grad_(name in self._trainable)
        for module in frozen:
            module.requires_grad_(False)
        names = {id(module): name for name, module in self.backbone.named_modules()}
        self._frozen = [names[id(module)] for module in frozen]  # "" is the whole
        # A function may hold parameters that no optimizer knows of.
        self._no_grad = whole or not self._trainable
        self.train(self.training)

    def train(self, mode=True):
        """Set the mode; what is frozen stays in evaluation mode, batch-norm included."""
        super().train(mode)
        for name in self._frozen:
            self.backbone.get_submodule(name).eval()
        return self
