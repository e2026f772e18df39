"""A tiny network of text with random weights, and its tokenizer."""

from functools import cache

import numpy as np
import pytest
import torch

WORDS = """the a cat dog bird barks sings sleeps love hate joy anger and not loud
    ##ly ##s ##er""".split()
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
TEXTS = [
    "the cat sleeps", "a dog barks loudly!", "", "bird sings", "the dog", "love and joy",
    "not the loud bird", "hate", "a cat barks", "dog sleeps and barks and sleeps",
]  # fmt: skip
Y = np.array([["cat" in text, "dog" in text, "bird" in text] for text in TEXTS]).astype(int)


def need_transformers():
    """Skip a module of tests where transformers is not installed."""
    reason = "needs transformers and tokenizers: pip install skmlc[text]"
    pytest.importorskip("tokenizers", reason=reason)
    return pytest.importorskip("transformers", reason=reason)


@cache
def tiny_tokenizer():
    """Return a WordPiece tokenizer of a few words."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    vocabulary = {word: i for i, word in enumerate([*SPECIAL, *WORDS])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


@cache
def tiny_module():
    """Return a BERT of two layers with random weights, which nobody may change."""
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=len(SPECIAL) + len(WORDS), hidden_size=16, num_hidden_layers=2,
        num_attention_heads=2, intermediate_size=32, max_position_embeddings=24,
    )  # fmt: skip
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        return BertModel(config).eval()


def tiny_model():
    """Return the tokenizer and the module."""
    return tiny_tokenizer(), tiny_module()


def hidden_states(text):
    """Return what the network makes of one text, as transformers does it."""
    ids = torch.tensor([tiny_tokenizer().encode(text).ids])
    with torch.no_grad():
        return tiny_module()(input_ids=ids).last_hidden_state[0]
