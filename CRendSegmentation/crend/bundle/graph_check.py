"""What a graph must be before it is run: listed operators, weights from this bundle alone, shapes that the metadata names, bounded sizes.

A graph is data from a folder that anybody may have written. After this check it can at worst segment wrongly: it reads no file, calls no
operator that does more than arithmetic, and no step of it takes more memory than `LARGEST` numbers.
"""

from __future__ import annotations

import numpy as np

from .onnx_format import FLOAT, FLOAT16, FormatError, Graph, read

#: Largest number of elements of any tensor: the paper's network needs 64 x 192 x 192 x 128 = 3.0e8.
LARGEST = 2**29
LARGEST_FILE = 1_000_000
LARGEST_CONSTANTS = 100_000  # bytes
MOST_NODES = 2000
INPUT = "window"
#: Operators and the attributes that each may have.
OPERATORS = {
    "Conv": {"kernel_shape", "strides", "dilations", "pads"},
    "ConvTranspose": {"kernel_shape", "strides", "dilations", "pads", "output_padding"},
    "InstanceNormalization": {"epsilon"},
    "MaxPool": {"kernel_shape", "strides", "pads"},
    "Resize": {"mode", "coordinate_transformation_mode"},
    "Concat": {"axis"},
    "Cast": {"to"},
    **{op: set() for op in ("Relu", "Sigmoid", "Abs", "Neg", "Add", "Greater", "LessOrEqual", "And", "Where")},
}


def read_checked(content: bytes, patch, weights_file: str, layout: dict, *, width: int, inputs: int, head_inputs: int | None) -> Graph:
    """The graph in the bytes of an ONNX file, checked. FormatError, one line, when it will not do.

    patch (D, H, W), width (channels of the first convolution) and inputs (channels of the window) as the metadata has them; layout: (shape, offset, length) of the tensors of
    the file of weights, head and all; head_inputs: channels of the vectors that the head takes, None where there is no head.
    """
    if len(content) > LARGEST_FILE:
        raise FormatError(f"{len(content)} bytes, which no trunk's graph has")
    graph = read(content)
    _check_weights(graph, weights_file, layout)
    shapes = _check_nodes(graph, (1, inputs, *patch))
    _check_face(graph, patch, shapes, head_inputs)
    first = next((node for node in graph.nodes if INPUT in node.inputs), None)
    if first is None or first.op != "Conv" or shapes[first.outputs[0]][1] != width:
        raise FormatError(f"its first step is no convolution of {width} channels, the width in the metadata")
    return graph


def _check_weights(graph: Graph, weights_file: str, layout: dict) -> None:
    trunk = {name: place for name, place in layout.items() if not name.startswith("head.")}
    used = [each.name for each in graph.externals]
    if sorted(used) != sorted(trunk):
        wrong = sorted(set(used) ^ set(trunk))
        raise FormatError(f"its tensors are not those of {weights_file} ({', '.join(wrong[:3]) or 'one of them twice'})")
    for each in graph.externals:
        if each.location != weights_file:
            raise FormatError(f"tensor {each.name!r} lies in {each.location!r}, not in {weights_file}")
        if (each.shape, each.offset, each.length) != trunk[each.name] or each.dtype != FLOAT16:
            raise FormatError(f"tensor {each.name!r} is not where {weights_file} has it")
    if sum(array.nbytes for array in graph.constants.values()) > LARGEST_CONSTANTS:
        raise FormatError("constants of more than 100,000 bytes")


def _check_nodes(graph: Graph, window: tuple) -> dict:
    """Shape of every tensor by name, from that of the window on."""
    if len(graph.nodes) > MOST_NODES:
        raise FormatError(f"{len(graph.nodes)} nodes, which no trunk has")
    if [(value.name, value.shape, value.dtype) for value in graph.inputs] != [(INPUT, window, FLOAT)]:
        raise FormatError(f"its input is not one window of {' x '.join(map(str, window[2:]))} voxels")
    shapes = {INPUT: window}
    for name, shape in [
        *((each.name, each.shape) for each in graph.externals),
        *((name, array.shape) for name, array in graph.constants.items()),
    ]:
        if name in shapes:
            raise FormatError(f"two tensors {name!r}")
        shapes[name] = shape
    for node in graph.nodes:
        if node.op not in OPERATORS:
            raise FormatError(f"the operator {node.op!r}, which is not among {', '.join(OPERATORS)}")
        if set(node.attributes) - OPERATORS[node.op]:
            raise FormatError(f"the operator {node.op} with the attribute {sorted(set(node.attributes) - OPERATORS[node.op])[0]!r}")
        unknown = [name for name in node.inputs if name and name not in shapes]
        if unknown or len(node.outputs) != 1 or not node.outputs[0] or node.outputs[0] in shapes:
            raise FormatError(f"the operator {node.op} reads what was not made before it, or makes what is there ({node.outputs})")
        try:
            shape = _shape(node, [shapes.get(name) for name in node.inputs], graph.constants)
        except (TypeError, ValueError, IndexError, KeyError, AttributeError, ZeroDivisionError, OverflowError) as error:
            raise FormatError(f"the operator {node.op} with attributes or inputs that do not fit it") from error
        # Counted in Python's numbers, which do not overflow.
        count = 1
        for n in shape:
            count *= n
        if not all(n > 0 for n in shape) or count > LARGEST:
            raise FormatError(f"the operator {node.op} makes a tensor of {shape}")
        shapes[node.outputs[0]] = shape
    return shapes


def _check_face(graph: Graph, patch, shapes: dict, head_inputs: int | None) -> None:
    made = {node.outputs[0] for node in graph.nodes}
    for value in graph.outputs:
        if value.name not in made or value.shape != shapes[value.name] or value.dtype != FLOAT:
            raise FormatError(f"its output {value.name!r} is not what it makes")
    if not graph.outputs or graph.outputs[0].shape != (1, 2, *patch):
        raise FormatError(f"its first output is not the logits of two classes in {' x '.join(map(str, patch))} voxels")
    fine = graph.outputs[1:]
    if any(len(value.shape) != 5 or value.shape[0] != 1 for value in fine) or (head_inputs is None and fine):
        raise FormatError("its further outputs are no maps of fine features")
    if head_inputs is not None and 2 + sum(value.shape[1] for value in fine) != head_inputs:
        raise FormatError(f"its fine features do not fit the head, which takes {head_inputs} channels")


def _shape(node, inputs: list, constants: dict) -> tuple[int, ...]:
    """Shape of what the node makes. Any of the errors that `_check_nodes` catches when its inputs or attributes do not fit."""
    given = node.attributes
    if node.op in ("Conv", "ConvTranspose"):
        transposed = node.op == "ConvTranspose"
        (batch, channels, *sides), (outputs, takes, *kernel) = inputs[:2]
        outputs, takes = (takes, outputs) if transposed else (outputs, takes)
        _demand(len(inputs) in (2, 3) and channels == takes and kernel == given["kernel_shape"] and inputs[2:] in ([], [(outputs,)]))
        strides, dilations, pads = (_small(given[name], n) for name, n in (("strides", 3), ("dilations", 3), ("pads", 6)))
        reach = [(k - 1) * d for k, d in zip(kernel, dilations)]
        if transposed:
            extra = _small(given["output_padding"], 3)
            made = [(n - 1) * s + r + 1 - pads[i] - pads[i + 3] + extra[i] for i, (n, s, r) in enumerate(zip(sides, strides, reach))]
        else:
            made = [(n + pads[i] + pads[i + 3] - r - 1) // s + 1 for i, (n, s, r) in enumerate(zip(sides, strides, reach))]
        return (batch, outputs, *made)
    if node.op == "MaxPool":
        ((batch, channels, *sides),) = inputs
        kernel, strides, pads = (_small(given[name], n) for name, n in (("kernel_shape", 3), ("strides", 3), ("pads", 6)))
        made = [(n + pads[i] + pads[i + 3] - k) // s + 1 for i, (n, k, s) in enumerate(zip(sides, kernel, strides))]
        return (batch, channels, *made)
    if node.op == "Resize":
        _demand(len(inputs) == 3 and inputs[1] is None and given == {"mode": "linear", "coordinate_transformation_mode": "half_pixel"})
        scales = [float(scale) for scale in constants[node.inputs[2]]]
        _demand(len(scales) == len(inputs[0]) == 5 and all(scale in (1, 2, 4, 8, 16) for scale in scales))
        return tuple(int(n * scale) for n, scale in zip(inputs[0], scales))
    if node.op == "Concat":
        _demand(
            given == {"axis": 1} and len({(shape[0], *shape[2:]) for shape in inputs}) == 1 and all(len(shape) == 5 for shape in inputs)
        )
        return (inputs[0][0], sum(shape[1] for shape in inputs), *inputs[0][2:])
    if node.op == "InstanceNormalization":
        _demand(inputs[1:] == [(inputs[0][1],)] * 2 and 0 < given["epsilon"] < 1)
        return inputs[0]
    if node.op == "Cast":
        _demand(len(inputs) == 1 and given["to"] == FLOAT)
        return inputs[0]
    count = {"Relu": 1, "Sigmoid": 1, "Abs": 1, "Neg": 1, "Where": 3}.get(node.op, 2)
    _demand(len(inputs) == count and all(shape is not None for shape in inputs))
    return tuple(np.broadcast_shapes(*inputs))


def _small(numbers, count: int) -> list[int]:
    _demand(isinstance(numbers, list) and len(numbers) == count and all(0 <= n <= 64 for n in numbers))
    return numbers


def _demand(holds) -> None:
    if not holds:
        raise ValueError
