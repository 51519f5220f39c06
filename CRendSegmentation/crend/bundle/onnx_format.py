"""The part of the ONNX file format that a trunk needs, read and written without the package onnx.

An ONNX file is one protocol buffer message. What is read here is a closed subset: a field that is not listed, one that occurs twice, a
tensor or a graph inside an attribute ends in FormatError. Whoever runs a graph gets it written anew from what was read, so nothing that
was passed over here can reach the runtime. Field numbers are those of onnx.proto (IR version 8).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

OPSET = 17
IR_VERSION = 8
FLOAT, INT64, FLOAT16 = 1, 7, 10
DTYPES: dict[int, np.dtype] = {FLOAT: np.dtype("<f4"), INT64: np.dtype("<i8"), FLOAT16: np.dtype("<f2")}
EXTERNAL = 1  # TensorProto.DataLocation
_FLOAT, _INT, _STRING, _INTS = 1, 2, 3, 7  # AttributeProto.AttributeType
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types


class FormatError(ValueError):
    """Bytes that are not the ONNX that this module writes."""


@dataclass(frozen=True)
class Node:
    """One operator of the default domain. attributes: by name a float, an int, a str, or a list of ints."""

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict = field(default_factory=dict)


@dataclass(frozen=True)
class External:
    """A tensor whose bytes lie in another file: `length` bytes from `offset` on in the file `location`, beside the graph."""

    name: str
    shape: tuple[int, ...]
    dtype: int
    location: str
    offset: int
    length: int


@dataclass(frozen=True)
class Value:
    """A named tensor of the graph's face, with its shape."""

    name: str
    shape: tuple[int, ...]
    dtype: int = FLOAT


@dataclass(frozen=True)
class Graph:
    """nodes in the order of execution; constants: small tensors by name; externals: those whose bytes lie in the file of weights."""

    nodes: tuple[Node, ...]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    constants: dict
    externals: tuple[External, ...]


def write(graph: Graph, tensors: dict | None = None) -> bytes:
    """The graph as an ONNX file. tensors: arrays by name to write in place of the references to the file of weights."""
    parts = [*(_message(1, _write_node(node)) for node in graph.nodes), _text(2, "trunk")]
    parts += [_message(5, _write_tensor(name, array)) for name, array in graph.constants.items()]
    for each in graph.externals:
        parts.append(_message(5, _write_external(each) if tensors is None else _write_tensor(each.name, tensors[each.name])))
    parts += [_message(number, _write_value(value)) for number, values in ((11, graph.inputs), (12, graph.outputs)) for value in values]
    opset = _text(1, "") + _number(2, OPSET)
    return _number(1, IR_VERSION) + _text(2, "crend") + _message(7, b"".join(parts)) + _message(8, opset)


def read(content: bytes) -> Graph:
    """The graph of an ONNX file. FormatError, one line, for anything but what `write` writes."""
    model = _Fields(content, "model", {1: _VARINT, 2: _BYTES, 7: _BYTES, 8: _BYTES}, several=())
    opset = _Fields(model.required(8), "operator set", {1: _BYTES, 2: _VARINT}, several=())
    domain, version = _string(opset.get(1, b"")), opset.required(2)
    if domain or version != OPSET or model.required(1) != IR_VERSION:
        raise FormatError(
            f"operators of {domain or 'ONNX'} {version}, IR version {model.required(1)}, not of ONNX {OPSET}, IR version {IR_VERSION}"
        )
    graph = _Fields(model.required(7), "graph", {1: _BYTES, 2: _BYTES, 5: _BYTES, 11: _BYTES, 12: _BYTES}, several=(1, 5, 11, 12))
    constants, externals = {}, []
    for part in graph.all(5):
        tensor = _read_tensor(part)
        if isinstance(tensor, External):
            externals.append(tensor)
        else:
            name, array = tensor
            if name in constants:
                raise FormatError(f"two tensors {name!r}")
            constants[name] = array
    inputs, outputs = (tuple(_read_value(part) for part in graph.all(number)) for number in (11, 12))
    return Graph(tuple(_read_node(part) for part in graph.all(1)), inputs, outputs, constants, tuple(externals))


def _write_node(node: Node) -> bytes:
    named = b"".join(_text(1, name) for name in node.inputs) + b"".join(_text(2, name) for name in node.outputs)
    return named + _text(4, node.op) + b"".join(_message(5, _write_attribute(*pair)) for pair in node.attributes.items())


def _write_attribute(name: str, value) -> bytes:
    start = _text(1, name)
    if isinstance(value, float):
        return start + _key(2, _FIXED32) + struct.pack("<f", value) + _number(20, _FLOAT)
    if isinstance(value, int):
        return start + _number(3, value) + _number(20, _INT)
    if isinstance(value, str):
        return start + _text(4, value) + _number(20, _STRING)
    return start + b"".join(_number(8, number) for number in value) + _number(20, _INTS)


def _write_tensor(name: str, array: np.ndarray) -> bytes:
    kind = next(number for number, dtype in DTYPES.items() if dtype == array.dtype)
    start = b"".join(_number(1, n) for n in array.shape) + _number(2, kind) + _text(8, name)
    return start + _message(9, np.ascontiguousarray(array, DTYPES[kind]).tobytes())


def _write_external(each: External) -> bytes:
    start = b"".join(_number(1, n) for n in each.shape) + _number(2, each.dtype) + _text(8, each.name)
    entries = (("location", each.location), ("offset", str(each.offset)), ("length", str(each.length)))
    return start + b"".join(_message(13, _text(1, key) + _text(2, value)) for key, value in entries) + _number(14, EXTERNAL)


def _write_value(value: Value) -> bytes:
    shape = b"".join(_message(1, _number(1, n)) for n in value.shape)
    return _text(1, value.name) + _message(2, _message(1, _number(1, value.dtype) + _message(2, shape)))


def _read_node(content: bytes) -> Node:
    fields = _Fields(content, "node", {1: _BYTES, 2: _BYTES, 4: _BYTES, 5: _BYTES}, several=(1, 2, 5))
    attributes = [_read_attribute(part) for part in fields.all(5)]
    if len(dict(attributes)) != len(attributes):
        raise FormatError("a node with an attribute twice")
    inputs, outputs = (tuple(_string(part) for part in fields.all(number)) for number in (1, 2))
    return Node(_string(fields.required(4)), inputs, outputs, dict(attributes))


def _read_attribute(content: bytes):
    fields = _Fields(content, "attribute", {1: _BYTES, 2: _FIXED32, 3: _VARINT, 4: _BYTES, 8: None, 20: _VARINT}, several=(8,))
    kind = fields.required(20)
    read_as = {
        _FLOAT: lambda: struct.unpack("<f", fields.required(2))[0],
        _INT: lambda: _signed(fields.required(3)),
        _STRING: lambda: _string(fields.required(4)),
        _INTS: lambda: [_signed(number) for part in fields.all(8) for number in _numbers(part)],
    }
    if kind not in read_as:
        raise FormatError(f"an attribute of kind {kind}, which is none of number, text, numbers")
    return _string(fields.required(1)), read_as[kind]()


def _read_tensor(content: bytes):
    fields = _Fields(content, "tensor", {1: None, 2: _VARINT, 8: _BYTES, 9: _BYTES, 13: _BYTES, 14: _VARINT}, several=(1, 13))
    shape = tuple(number for part in fields.all(1) for number in _numbers(part))
    name, kind = _string(fields.required(8)), fields.required(2)
    if kind not in DTYPES:
        raise FormatError(f"tensor {name!r} is of kind {kind}, which is none of float, float16, int64")
    if fields.get(14, 0) != EXTERNAL:
        raw = fields.required(9)
        # Python's own numbers: they do not overflow.
        count = 1
        for n in shape:
            count *= n
        if fields.all(13) or len(raw) != count * DTYPES[kind].itemsize:
            raise FormatError(f"tensor {name!r} has {len(raw)} bytes, which do not fit its shape {shape}")
        return name, np.frombuffer(raw, DTYPES[kind]).reshape(shape)
    parts = [_Fields(part, "entry", {1: _BYTES, 2: _BYTES}, several=()) for part in fields.all(13)]
    entries = [(_string(part.required(1)), _string(part.required(2))) for part in parts]
    place = dict(entries)
    if len(entries) != 3 or set(place) != {"location", "offset", "length"} or 9 in fields.found:
        raise FormatError(f"tensor {name!r} does not say its location, offset and length")
    return External(name, shape, kind, place["location"], _decimal(place["offset"]), _decimal(place["length"]))


def _read_value(content: bytes) -> Value:
    fields = _Fields(content, "value", {1: _BYTES, 2: _BYTES}, several=())
    kind = _Fields(fields.required(2), "type", {1: _BYTES}, several=())
    tensor = _Fields(kind.required(1), "tensor type", {1: _VARINT, 2: _BYTES}, several=())
    shape = _Fields(tensor.required(2), "shape", {1: _BYTES}, several=(1,))
    sides = tuple(_Fields(part, "side", {1: _VARINT}, several=()).required(1) for part in shape.all(1))
    return Value(_string(fields.required(1)), sides, tensor.required(1))


class _Fields:
    """The fields of one message. known: wire type by number (None: a number, or several packed in bytes); several: those that may repeat."""

    def __init__(self, content: bytes, what: str, known: dict, several):
        self.what = what
        self.found: dict[int, list] = {}
        for number, kind, value in _split(content):
            if number not in known or known[number] not in (kind, None) or kind not in (_VARINT, _BYTES, _FIXED32):
                raise FormatError(f"a {what} with the unexpected field {number} (wire type {kind})")
            values = self.found.setdefault(number, [])
            if values and number not in several:
                raise FormatError(f"a {what} with the field {number} twice")
            values.append(value)

    def all(self, number: int) -> list:
        return self.found.get(number, [])

    def get(self, number: int, default):
        return self.found.get(number, [default])[0]

    def required(self, number: int):
        if number not in self.found:
            raise FormatError(f"a {self.what} without the field {number}")
        return self.found[number][0]


def _split(content: bytes) -> Iterator[tuple[int, int, object]]:
    at = 0
    while at < len(content):
        key, at = _read_number(content, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _read_number(content, at)
        else:
            if kind == _BYTES:
                length, at = _read_number(content, at)
            else:
                length = {_FIXED32: 4, _FIXED64: 8}.get(kind, len(content) + 1)
            value, at = content[at : at + length], at + length
            if at > len(content):
                raise FormatError(f"field {number} (wire type {kind}) is cut off or unknown")
        yield number, kind, value


def _read_number(content: bytes, at: int) -> tuple[int, int]:
    value = 0
    for k in range(10):
        if at + k >= len(content):
            raise FormatError("a number is cut off")
        value |= (content[at + k] & 127) << 7 * k
        if content[at + k] < 128:
            return value & (1 << 64) - 1, at + k + 1
    raise FormatError("a number of more than ten bytes")


def _numbers(part) -> list[int]:
    """One number, or several that are packed together."""
    if isinstance(part, int):
        return [part]
    values, at = [], 0
    while at < len(part):
        value, at = _read_number(part, at)
        values.append(value)
    return values


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _string(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise FormatError("a name that is not UTF-8") from error


def _decimal(text: str) -> int:
    # isdigit alone would let through digits of other scripts, and a long enough number is refused by int().
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise FormatError(f"{text[:20]!r} is no number of bytes")
    return int(text)


def _key(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def _number(number: int, value: int) -> bytes:
    return _key(number, _VARINT) + _varint(value)


def _message(number: int, content: bytes) -> bytes:
    return _key(number, _BYTES) + _varint(len(content)) + content


def _text(number: int, text: str) -> bytes:
    return _message(number, text.encode())
