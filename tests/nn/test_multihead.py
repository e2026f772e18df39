import pytest
import torch
from torch import nn

from skmlc.nn.attention import LabelEdges
from skmlc.nn.dropout import ByteDropout
from skmlc.nn.multihead import MultiheadAttention, encoder_layer

# In training this goes the way of dropout, but of a rate that is rounded to zero.
ALMOST_NOTHING = 1e-3


def masks_of(kind):
    """Return masks of two samples of four nodes, True where nothing passes, or numbers."""
    padding = torch.tensor([[False] * 4, [False, False, True, True]])
    apart = torch.tensor([[False, True, False, False]]).expand(3, -1)
    if kind == "none":
        return {}
    if kind == "numbers":
        padding, apart = (
            torch.zeros(m.shape).masked_fill(m, -torch.inf) for m in (padding, apart)
        )
    return {"key_padding_mask": padding, "attn_mask": apart}


@pytest.mark.parametrize("kind", ["none", "bool", "numbers"])
def test_it_is_the_attention_of_pytorch(kind):
    torch.manual_seed(0)
    ours = MultiheadAttention(6, 2, ALMOST_NOTHING)
    nn.init.normal_(ours.in_proj_bias)
    theirs = nn.MultiheadAttention(6, 2, batch_first=True)
    theirs.load_state_dict(ours.state_dict())
    queries, nodes, weights = (
        torch.randn(2, 3, 6),
        torch.randn(2, 4, 6),
        torch.randn(2, 3, 6),
    )
    results = []
    for module in (ours, theirs):
        read = [x.clone().requires_grad_() for x in (queries, nodes)]
        message = module(read[0], read[1], read[1], need_weights=False, **masks_of(kind))[0]
        (message * weights).sum().backward()
        gradients = [x.grad for x in (*read, *module.parameters())]
        results.append([message, *gradients])
    torch.testing.assert_close(*results)


def test_a_set_attends_to_itself():
    torch.manual_seed(0)
    ours = MultiheadAttention(6, 2, ALMOST_NOTHING)
    nn.init.normal_(ours.in_proj_bias)
    nodes = torch.randn(2, 4, 6)
    padding = masks_of("bool")["key_padding_mask"]
    message, _ = ours(nodes, nodes, nodes, key_padding_mask=padding, need_weights=False)
    expected, _ = ours.eval()(nodes, nodes, nodes, key_padding_mask=padding)
    torch.testing.assert_close(message, expected)


@pytest.mark.parametrize("training", [True, False])
def test_along_edges_it_is_attention_with_a_mask(training):
    torch.manual_seed(0)
    ours = MultiheadAttention(6, 2, ALMOST_NOTHING).train(training)
    nn.init.normal_(ours.in_proj_bias)
    nodes = torch.randn(3, 5, 6)
    among = torch.rand(5, 5) < 0.4
    among.fill_diagonal_(True)
    message = ours.along_edges(nodes, LabelEdges(among.numpy()))
    expected, _ = ours(nodes, nodes, nodes, attn_mask=~among, need_weights=False)
    torch.testing.assert_close(message, expected)


def test_along_edges_training_drops_weights():
    torch.manual_seed(0)
    ours, nodes = MultiheadAttention(6, 2, 0.5), torch.randn(3, 5, 6)
    edges = LabelEdges(torch.ones(5, 5).numpy())
    assert not torch.equal(ours.along_edges(nodes, edges), ours.along_edges(nodes, edges))
    ours.eval()
    torch.testing.assert_close(
        ours.along_edges(nodes, edges), ours.along_edges(nodes, edges)
    )


def test_values_may_be_other_ones_than_the_keys():
    torch.manual_seed(0)
    ours = MultiheadAttention(6, 2, ALMOST_NOTHING)
    queries, keys, values = torch.randn(2, 3, 6), torch.randn(2, 4, 6), torch.randn(2, 4, 6)
    message, _ = ours(queries, keys, values, need_weights=False)
    expected, _ = ours.eval()(queries, keys, values)
    torch.testing.assert_close(message, expected, rtol=0.02, atol=0.01)


def test_each_weight_is_dropped_by_itself_and_the_mean_is_right():
    torch.manual_seed(0)
    attention = MultiheadAttention(2, 1, 0.25)
    with torch.no_grad():  # a node sends itself, and all nodes are heard alike
        attention.in_proj_weight.zero_()[4:] = torch.eye(2)
        attention.out_proj.weight.copy_(torch.eye(2))
    nodes = torch.eye(2).expand(20_000, 2, 2)
    heard, _ = attention(nodes, nodes, nodes, need_weights=False)
    torch.testing.assert_close(heard.unique(), torch.tensor([0, 0.5 / 0.75]))
    # Five standard deviations of the share of n draws that are kept.
    error = 5 * (0.75 * 0.25 / 20_000) ** 0.5
    kept = (heard > 0).double()  # (n, 2, 2), one for each attention weight
    assert (kept.mean(0) - 0.75).abs().max() < error
    pairs = torch.einsum("nij,nkl->ijkl", kept, kept).reshape(4, 4) / 20_000
    assert (pairs - torch.where(torch.eye(4) > 0, 0.75, 0.75**2)).abs().max() < error


def test_the_layer_of_an_encoder_is_that_of_pytorch():
    torch.manual_seed(0)
    ours = encoder_layer(6, 2, ALMOST_NOTHING)
    theirs = nn.TransformerEncoderLayer(6, 2, 6, 0.0, batch_first=True)
    theirs.load_state_dict(ours.state_dict())
    nodes = torch.randn(2, 4, 6)
    padding = masks_of("bool")["key_padding_mask"]
    expected = theirs(nodes, src_key_padding_mask=padding)
    for mode in (ours.train(), ours.eval()):
        found = mode(nodes, src_key_padding_mask=padding)
        torch.testing.assert_close(found[~padding], expected[~padding])


def test_the_layer_of_an_encoder_drops_in_training_alone():
    torch.manual_seed(0)
    layer, nodes = encoder_layer(6, 2, 0.5), torch.randn(2, 4, 6)
    torch.manual_seed(1)
    first = layer(nodes)
    assert not torch.equal(layer(nodes), first)
    torch.manual_seed(1)
    assert torch.equal(layer(nodes), first)
    assert torch.equal(layer.eval()(nodes), layer(nodes))


def test_no_dropout_of_an_encoder_draws_floats():
    parts = [type(part) for part in encoder_layer(6, 2, 0.5).modules()]
    assert nn.Dropout not in parts
    assert parts.count(ByteDropout) == 4  # with that of the attention weights
