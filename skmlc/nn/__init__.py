"""PyTorch modules and losses that several methods share.

`assignment_graph`
    The graph that joins the instances of a sample to the labels.
`attention`
    Attention that is dense, masked, or along the edges of a sparse graph.
`bag_network`
    A network for bags: a layer for each instance, pooling, and a linear classifier.
`beam_search`
    The most probable label sequences of a decoder.
`dropout`
    Dropout that is cheap on a CPU.
`edges`
    The edges of a sparse label graph.
`gated_graph`
    Gated graph networks, for states that spread along edges.
`graph_conv`
    Propagation along a label graph, and graph convolutions.
`graph_matching`
    Matching of instances and labels by convolutions on their assignment graph.
`instance_topology`
    The graph between the instances of a bag, and how the bag varies along it.
`joint_scores`
    Scores of all pairs of nodes and labels, in little memory.
`label_enhancement`
    Label distributions: the network that recovers them, and the losses.
`label_linear`
    A linear layer on the vectors of the labels, or on one-hot labels.
`losses`
    Losses of logits, with weights and unknown labels; those for rare labels.
`multihead`
    Attention with heads, and layers of transformers, whose dropout is cheap on a CPU.
`nearest`
    The nearest nodes of each node of a sample, block by block.
`network`
    The network of every estimator: encoder, head and a linear skip.
`nodes`
    The nodes of a batch of samples, and how they lie in memory.
`pooling`
    Pooling of nodes, and how much each had to do with the result.

Comments and docstrings give shapes in these letters, here and in all methods: N samples,
S nodes of a sample, R rows of the nodes of all samples, n samples of a group, L labels,
D hidden size, H heads (Dh = D / H), T steps, F features, E label embedding size, or edges
where a graph is meant.
"""
