"""Networks and tokenizers of text from transformers, as their settings and their weights.

Such a network is made anew of its settings: its class, one of a model type that is listed here,
is called with numbers of the file, on no device.  Its weights are put into it afterwards.  A
tokenizer is read by the package tokenizers, whose format is plain data.
"""

import json
import sys

import torch
from torch import nn

from ._arrays import Malformed

__all__ = ["build_language_model", "build_tokenizer", "describe_pretrained"]

# Encoders of text that come back as they were: tests go through all of them.
MODEL_TYPES = (
    "albert", "bert", "distilbert", "electra", "mpnet", "roberta", "xlm-roberta",
)  # fmt: skip
# Settings that would have transformers fetch code or kernels, or are of another part.
NOT_KEPT = (
    "attn_implementation", "auto_map", "id2label", "label2id", "name_or_path",
    "quantization_config",
)  # fmt: skip
NEED = "it holds a network of text, for which transformers must be installed: skmlc[text]"


def describe_pretrained(x):
    """Return the name and the state of a network or tokenizer of text; None for all else.

    Parameters
    ----------
    x : object
        Anything.

    Returns
    -------
    (str, dict or str) or None
        What `build_language_model` or `build_tokenizer` reads.
    """
    if type(x).__module__ == "tokenizers" and type(x).__name__ == "Tokenizer":
        return "tokenizer", x.to_str()
    transformers = sys.modules.get("transformers")
    if transformers is None or not isinstance(x, nn.Module):
        return None
    if not isinstance(x, transformers.PreTrainedModel):
        return None
    if x.config.model_type not in MODEL_TYPES or not _is_of_transformers(type(x)):
        return None
    return "language model", {
        "class": type(x).__name__,
        "config": json.dumps(_kept(x.config.to_dict())),
        "parameters": dict(x.named_parameters()),
        "buffers": dict(x.named_buffers()),
        "training": {name for name, part in x.named_modules() if part.training},
    }


def build_tokenizer(state):
    """Return the tokenizer of its text."""
    if type(state) is not str:
        raise Malformed("a tokenizer has no text")
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise Malformed(NEED) from error
    return Tokenizer.from_str(state)


def build_language_model(state):
    """Return the network of its settings and weights."""
    try:
        import transformers
    except ImportError as error:
        raise Malformed(NEED) from error
    config = _kept(json.loads(state["config"]))
    if config.get("model_type") not in MODEL_TYPES:
        raise Malformed("a network of text is of an unknown kind")
    class_ = getattr(transformers, str(state["class"]), None)
    if not (isinstance(class_, type) and issubclass(class_, transformers.PreTrainedModel)):
        raise Malformed("a network of text has no class")
    config = transformers.AutoConfig.for_model(**config)
    tensors = {**state["parameters"], **state["buffers"]}
    if config.num_hidden_layers > len(tensors):  # it would take forever to make them
        raise Malformed("a network of text has fewer weights than layers")
    with torch.device("meta"):
        model = class_(config)
    _put(model, state)
    for name, part in model.named_modules():
        part.training = name in state["training"]
    return model


def _is_of_transformers(class_):
    """Whether a class is found again by its name."""
    return getattr(sys.modules["transformers"], class_.__name__, None) is class_


def _kept(settings):
    """Return settings without those that lead out of the file."""
    if isinstance(settings, list):
        return [_kept(value) for value in settings]
    if not isinstance(settings, dict):
        return settings
    return {
        name: _kept(value)
        for name, value in settings.items()
        if name not in NOT_KEPT and not name.startswith("_")
    }


def _put(model, state):
    """Give a network its weights, which must be those that it has."""
    for kind, type_ in (("parameters", nn.Parameter), ("buffers", torch.Tensor)):
        own = dict(getattr(model, f"named_{kind}")())
        given = state[kind]
        if {n: x.shape for n, x in own.items()} != {n: x.shape for n, x in given.items()}:
            raise Malformed("a network of text has other weights than its settings say")
        for name, tensor in given.items():
            if not isinstance(tensor, type_):
                raise Malformed("a network of text has a weight of a wrong type")
            parent, _, last = name.rpartition(".")
            getattr(model.get_submodule(parent), f"_{kind}")[last] = tensor
