"""A network's trunk as an ONNX graph whose weights stay in the safetensors file beside it.

The network is traced symbolically (torch.fx), without weights and without a run, so its architecture is written down in `networks`
alone. Each step becomes one operator; one that has no counterpart here ends in NotExportable, and such a network runs in torch.
"""

from __future__ import annotations

import numpy as np

from .onnx_format import FLOAT, FLOAT16, External, Graph, Node, Value

INPUT = "window"


class NotExportable(ValueError):
    """A step of the network that has no counterpart in a graph; the message names it."""


def export(network, patch, weights_file: str, layout: dict) -> Graph:
    """The graph of `network.trunk` for windows of `patch` (D, H, W): one input, outputs the coarse logits and each map of fine features.

    network: may lie on torch's meta device. layout: (shape, offset, length) of every float16 tensor in `weights_file`, from
    `model.tensor_layout`. NotExportable when a step has no counterpart, or a tensor is not in the layout.
    """
    import torch

    try:
        steps = _tracer().trace(network)
    except Exception as error:  # tracing runs the network's own code, which may fail on symbols in any way
        raise NotExportable(f"it cannot be traced ({' '.join(str(error).split()) or type(error).__name__})") from error
    writer = _Writer(network, weights_file, layout)
    for step in steps.nodes:
        writer.add(step)
    with torch.no_grad():
        found = network(torch.zeros((1, network.inputs, *patch), device=next(network.parameters()).device))
    shapes = [tuple(tensor.shape) for tensor in _flat(found)]
    outputs = tuple(Value(name, shape) for name, shape in zip(writer.outputs, shapes))
    return Graph(
        tuple(writer.nodes), (Value(INPUT, (1, network.inputs, *patch)),), outputs, writer.constants, tuple(writer.externals.values())
    )


def _tracer():
    from torch import fx

    from ..networks import blocks

    # The check of a patch looks at numbers, which a symbol has none of.
    return fx.Tracer(autowrap_functions=(blocks.check_patch,))


class _Writer:
    """Nodes of a graph, made from the steps of a trace in order; every step's output has the step's name."""

    def __init__(self, network, weights_file: str, layout: dict):
        self.modules, self.weights_file, self.layout = dict(network.named_modules()), weights_file, layout
        self.nodes: list = []
        self.constants: dict = {}
        self.externals: dict = {}
        self.outputs: list = []
        self.names: dict = {}  # of a step's output: the input is called otherwise, and some steps do nothing

    def add(self, step) -> None:
        if step.op == "placeholder":
            self.names[step] = INPUT
        elif step.op == "output":
            self.outputs = [self.names[part] for part in _flat(step.args[0])]
        elif step.op == "call_module":
            self._module(step, self.modules[step.target])
        elif step.op == "call_function" and getattr(step.target, "__name__", "") == "check_patch":
            pass
        elif step.op == "call_function" and step.target is getattr:
            pass  # the dtype of a tensor, for `to`
        elif step.op in ("call_function", "call_method"):
            self._function(step)
        else:
            raise NotExportable(f"the step {step.op} {step.target}")

    def _node(self, step, op: str, *inputs: str, **attributes) -> None:
        self.names[step] = step.name
        self.nodes.append(Node(op, inputs, (step.name,), attributes))

    def _module(self, step, module) -> None:
        from torch import nn

        source = self.names[step.args[0]]
        if type(module) in (nn.Conv3d, nn.ConvTranspose3d):
            if module.groups != 1 or module.padding_mode != "zeros" or not isinstance(module.padding, tuple):
                raise NotExportable(f"the convolution {step.target}, with groups or another padding than zeros")
            weights = [self._weight(f"{step.target}.{name}") for name in ("weight", "bias")[: 1 + (module.bias is not None)]]
            geometry = {
                "kernel_shape": list(module.kernel_size),
                "strides": list(module.stride),
                "dilations": list(module.dilation),
                "pads": list(module.padding) * 2,
            }
            if type(module) is nn.Conv3d:
                self._node(step, "Conv", source, *weights, **geometry)
            else:
                self._node(step, "ConvTranspose", source, *weights, **geometry, output_padding=list(module.output_padding))
        elif type(module) is nn.InstanceNorm3d and not module.affine and not module.track_running_stats:
            n = module.num_features
            same = self._constant(f"ones_{n}", np.ones(n, np.float32)), self._constant(f"zeros_{n}", np.zeros(n, np.float32))
            self._node(step, "InstanceNormalization", source, *same, epsilon=float(module.eps))
        elif type(module) is nn.ReLU:
            self._node(step, "Relu", source)
        elif type(module) is nn.MaxPool3d:
            self._pool(step, source, module.kernel_size, module.stride, module.padding)
        else:
            raise NotExportable(f"the layer {step.target} ({type(module).__name__})")

    def _function(self, step) -> None:
        import torch
        import torch.nn.functional as F

        target, args, options = step.target, step.args, step.kwargs
        if target is torch.cat:
            axis = options.get("dim", args[1] if len(args) > 1 else 0)
            return self._node(step, "Concat", *(self.names[part] for part in args[0]), axis=int(axis))
        if target is F.interpolate and options.get("mode") == "trilinear" and not options.get("align_corners"):
            scale = float(options["scale_factor"])
            scales = self._constant(f"scales_{scale:g}", np.array([1, 1, scale, scale, scale], np.float32))
            return self._node(step, "Resize", self.names[args[0]], "", scales, mode="linear", coordinate_transformation_mode="half_pixel")
        # F.max_pool3d is a dispatcher over two functions.
        if target is F.max_pool3d or getattr(target, "__name__", "") == "boolean_dispatch":
            return self._pool(step, self.names[args[0]], args[1], options["stride"], options["padding"])
        if target == "to":
            return self._node(step, "Cast", self.names[args[0]], to=FLOAT)
        # A method of a tensor and the function of the same name are the same here.
        name = target if isinstance(target, str) else getattr(target, "__name__", str(target))
        op = {
            "sigmoid": "Sigmoid",
            "abs": "Abs",
            "neg": "Neg",
            "add": "Add",
            "gt": "Greater",
            "le": "LessOrEqual",
            "and_": "And",
            "where": "Where",
        }.get(name)
        if op is None or options:
            raise NotExportable(f"the function {name}")
        self._node(step, op, *(self.names[part] if part in self.names else self._number(part) for part in args))

    def _pool(self, step, source: str, kernel, stride, padding) -> None:
        kernel, stride, padding = (list(each) if isinstance(each, (tuple, list)) else [each] * 3 for each in (kernel, stride, padding))
        self._node(step, "MaxPool", source, kernel_shape=kernel, strides=stride, pads=padding * 2)

    def _weight(self, name: str) -> str:
        """A tensor of the weights' file, as float: it is stored in float16."""
        if name not in self.externals:
            if name not in self.layout:
                raise NotExportable(f"the tensor {name}, which the weights do not have")
            shape, offset, length = self.layout[name]
            self.externals[name] = External(name, shape, FLOAT16, self.weights_file, offset, length)
            self.nodes.append(Node("Cast", (name,), (f"{name}.float",), {"to": FLOAT}))
        return f"{name}.float"

    def _number(self, value) -> str:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise NotExportable(f"the argument {value!r}")
        return self._constant(f"number_{value:g}", np.array(value, np.float32))

    def _constant(self, name: str, array: np.ndarray) -> str:
        self.constants[name] = array
        return name


def _flat(value) -> list:
    if isinstance(value, (tuple, list)):
        return [part for each in value for part in _flat(each)]
    return [] if value is None else [value]
