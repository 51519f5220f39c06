"""Graphs from strangers: whatever is not a trunk over the weights beside it is refused in one line, before any runtime sees it."""

from dataclasses import replace

import numpy as np
import pytest
from test_graph_export import PATCH, model_of

from crend.bundle.graph_check import read_checked
from crend.bundle.onnx_format import FLOAT16, FormatError, Node, Value, read, write


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    model, _ = model_of("crend", {}, tmp_path_factory.mktemp("graph"), width=2)
    places = {each.name: (each.shape, each.offset, each.length) for each in model.graph.externals}
    heads = {name: (array.shape, 10**6, array.nbytes) for name, array in model.tensors.items() if name.startswith("head.")}
    return model.graph, {**places, **heads}, model.tensors["head.0.weight"].shape[1]


def check(content, made, patch=PATCH, width=2, inputs=1):
    return read_checked(content, list(patch), "model.safetensors", made[1], width=width, inputs=inputs, head_inputs=made[2])


def test_what_was_written_is_accepted_as_it_is(made):
    assert write(check(write(made[0]), made)) == write(made[0])


def changed(graph, index, **changes):
    nodes = list(graph.nodes)
    nodes[index] = replace(nodes[index], **changes)
    return replace(graph, nodes=tuple(nodes))


def first(graph, op):
    return next(k for k, node in enumerate(graph.nodes) if node.op == op)


def external(graph, **changes):
    return replace(graph, externals=(replace(graph.externals[0], **changes), *graph.externals[1:]))


def attributes(graph, op, **changes):
    k = first(graph, op)
    return changed(graph, k, attributes={**graph.nodes[k].attributes, **changes})


REFUSED = {
    "an operator that is not listed": (lambda g: changed(g, first(g, "Relu"), op="Loop"), "operator 'Loop'"),
    "weights out of the folder": (lambda g: external(g, location="../model.safetensors"), "lies in '../model.safetensors'"),
    "weights anywhere on the disk": (lambda g: external(g, location="/etc/passwd"), "lies in '/etc/passwd'"),
    "weights at another place": (lambda g: external(g, offset=0), "not where model.safetensors has it"),
    "more of the weights' file": (lambda g: external(g, length=10**9), "not where model.safetensors has it"),
    "another shape": (lambda g: external(g, shape=(1, 2, 3, 3, 3)), "not where model.safetensors has it"),
    "a tensor twice": (lambda g: replace(g, externals=g.externals + g.externals[:1]), "one of them twice"),
    "a tensor too few": (lambda g: replace(g, externals=g.externals[1:]), "its tensors are not those"),
    "constants without end": (
        lambda g: replace(g, constants={**g.constants, "big": np.zeros(30_000, np.float32)}),
        "more than 100,000 bytes",
    ),
    "an attribute that is not listed": (lambda g: attributes(g, "Conv", auto_pad="SAME_UPPER"), "attribute 'auto_pad'"),
    "a step of no stride": (lambda g: attributes(g, "MaxPool", strides=[0, 0, 0]), "do not fit it"),
    "endless padding": (lambda g: attributes(g, "Conv", pads=[10**9] * 6), "do not fit it"),
    "another cast": (lambda g: attributes(g, "Cast", to=FLOAT16), "do not fit it"),
    "a huge enlargement": (
        lambda g: replace(g, constants={**g.constants, "scales_2": np.array([1, 1, 1e6, 1e6, 1e6], np.float32)}),
        "do not fit it",
    ),
    "a concatenation along an axis of the volume": (lambda g: attributes(g, "Concat", axis=2), "do not fit it"),
    "a loop": (lambda g: changed(g, 1, inputs=(g.nodes[-1].outputs[0],)), "reads what was not made before it"),
    "an output twice": (lambda g: changed(g, 3, outputs=g.nodes[1].outputs), "makes what is there"),
    "another window": (lambda g: replace(g, inputs=(Value("window", (1, 1, 512, 512, 512)),)), "not one window of 16 x 48 x 32"),
    "no output": (lambda g: replace(g, outputs=()), "first output is not the logits"),
    "features as logits": (lambda g: replace(g, outputs=g.outputs[::-1]), "first output is not the logits"),
    "too few features": (lambda g: replace(g, outputs=g.outputs[:1]), "do not fit the head"),
    "an output that nothing makes": (lambda g: replace(g, outputs=(*g.outputs, Value("window", (1, 1, *PATCH)))), "not what it makes"),
}


@pytest.mark.slow
@pytest.mark.parametrize("change, said", REFUSED.values(), ids=REFUSED)
def test_what_is_not_a_trunk_over_these_weights_is_refused(change, said, made):
    with pytest.raises(FormatError) as error:
        check(write(change(made[0])), made)
    assert said in str(error.value) and "\n" not in str(error.value)


def test_a_graph_of_another_patch_or_width_than_the_metadata_is_refused(made):
    with pytest.raises(FormatError, match="not one window of 32 x 32 x 32"):
        check(write(made[0]), made, patch=(32, 32, 32))
    with pytest.raises(FormatError, match="no convolution of 8 channels"):
        check(write(made[0]), made, width=8)


def test_operators_of_another_domain_and_graphs_in_attributes_are_refused():
    onnx = pytest.importorskip("onnx", reason="the package onnx is not installed")
    helper = onnx.helper
    window = helper.make_tensor_value_info("window", 1, [1, 1, *PATCH])
    out = helper.make_tensor_value_info("out", 1, [1, 1, *PATCH])
    body = helper.make_graph([helper.make_node("Relu", ["window"], ["x"])], "body", [], [out])
    nodes = {
        "custom": helper.make_node("Relu", ["window"], ["out"], domain="com.example"),
        "branch": helper.make_node("If", ["window"], ["out"], then_branch=body, else_branch=body),
        "tensor": helper.make_node("Constant", [], ["out"], value=helper.make_tensor("t", 1, [1], [0.0])),
    }
    for node in nodes.values():
        model = helper.make_model(
            helper.make_graph([node], "g", [window], [out]), opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="x"
        )
        with pytest.raises(FormatError, match="unexpected field|an attribute of kind"):
            read(model.SerializeToString())
    graph = helper.make_graph([helper.make_node("Relu", ["window"], ["out"])], "g", [window], [out])
    for opsets in (
        [helper.make_opsetid("", 18)],
        [helper.make_opsetid("com.example", 17)],
        [helper.make_opsetid("", 17), helper.make_opsetid("com.example", 1)],
    ):
        with pytest.raises(FormatError):
            read(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())
    plain = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="crend")
    assert read(plain.SerializeToString()).nodes == (Node("Relu", ("window",), ("out",)),)


@pytest.mark.slow
def test_damaged_bytes_end_in_one_kind_of_error_only(made):
    content, random = write(made[0]), np.random.default_rng(0)
    accepted = 0
    for _ in range(400):
        damaged = bytearray(content)
        for place in random.integers(0, len(content), random.integers(1, 4)):
            damaged[place] = random.integers(0, 256)
        try:
            check(bytes(damaged[: random.integers(1, len(content) + 1)] if random.random() < 0.3 else damaged), made)
            accepted += 1
        except FormatError:
            pass
    assert accepted < 200
