"""PythonQt's manners on top of PySide6.

Slicer's Python sees Qt through PythonQt: properties are attributes (`label.text = "x"`), enumerations are ints, writing an
unknown attribute raises, and calling a property (`label.text()`) fails. PySide6 does the opposite on every count and would
let such mistakes pass. Each PySide6 class is therefore shown through a proxy class of the same name.
"""

import enum
import inspect

from PySide6 import QtCore
from shiboken6 import Shiboken

_proxyClasses = {}


class EnumInt(int):
    """An enumerator as PythonQt shows it: an int, with no `.value` and no `.name`."""

    def __new__(cls, member):
        number = member.value
        number = getattr(number, "value", number)
        self = super().__new__(cls, number)
        self._member = member
        return self

    def __or__(self, other):
        return EnumInt(self._member | other._member) if isinstance(other, EnumInt) else int(self) | other

    def __and__(self, other):
        return EnumInt(self._member & other._member) if isinstance(other, EnumInt) else int(self) & other

    def __invert__(self):
        return EnumInt(~self._member)


def wrap(value):
    """What Python code in Slicer would see in place of the PySide6 `value`."""
    if isinstance(value, Shiboken.Object):
        proxy = object.__new__(proxyClass(type(value)))
        object.__setattr__(proxy, "_qt", value)
        return proxy
    if isinstance(value, enum.Enum):
        return EnumInt(value)
    if isinstance(value, (list, tuple)):
        return tuple(wrap(item) for item in value)
    return value


def unwrap(value):
    """The PySide6 value behind what Python code passes to Qt."""
    if isinstance(value, Proxy):
        return object.__getattribute__(value, "_qt")
    if isinstance(value, EnumInt):
        return value._member
    if isinstance(value, ProxyType):
        return value._qtClass
    if isinstance(value, (list, tuple)):
        return [unwrap(item) for item in value]
    return value


def _accepting(slot):
    """`slot` called with as many of a signal's arguments as it declares, as PythonQt and PySide6 both do."""

    def call(*arguments):
        arguments = [wrap(argument) for argument in arguments]
        try:
            parameters = inspect.signature(slot).parameters.values()
        except (TypeError, ValueError):
            return slot(*arguments)
        if not any(p.kind is p.VAR_POSITIONAL for p in parameters):
            count = sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)
            arguments = arguments[:count]
        return slot(*arguments)

    return call


class SignalProxy:
    """A bound signal: `connect(callable)`, `disconnect(callable)`, `emit(...)`."""

    def __init__(self, owner, name, signal):
        self._signal = signal
        self._key = (Shiboken.getCppPointer(owner)[0], name)

    _connections = {}

    def connect(self, slot):
        if isinstance(slot, SignalProxy):
            self._signal.connect(slot._signal)
            return
        if not callable(slot):
            raise TypeError(f"connect() needs a callable, not {slot!r}")
        adapted = _accepting(slot)
        self._connections.setdefault(self._key, []).append((slot, adapted))
        self._signal.connect(adapted)

    def disconnect(self, slot):
        for known, adapted in self._connections.get(self._key, []):
            if known == slot:
                self._signal.disconnect(adapted)
                self._connections[self._key].remove((known, adapted))
                return
        raise ValueError("disconnect() of a slot that was never connected")

    def emit(self, *arguments):
        self._signal.emit(*(unwrap(argument) for argument in arguments))


class _Method:
    def __init__(self, name, function):
        self._name = name
        self._function = function

    def __call__(self, *arguments, **keywords):
        if keywords:
            raise TypeError(f"{self._name}: Qt methods take no keyword arguments in Slicer")
        arguments = [_accepting(a) if inspect.isroutine(a) else unwrap(a) for a in arguments]
        return wrap(self._function(*arguments))


class ProxyType(type):
    """Gives a proxy class the enumerators and static methods of the Qt class it stands for."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        value = getattr(cls._qtClass, name)
        if isinstance(value, enum.Enum):
            return EnumInt(value)
        if isinstance(value, type) and issubclass(value, enum.Enum):
            raise AttributeError(f"{cls.__name__}.{name}: write {cls.__name__}.Enumerator, without the enumeration's name")
        return _Method(name, value) if callable(value) else value


class Proxy(metaclass=ProxyType):
    """An instance of a Qt class as PythonQt shows it."""

    _qtClass = Shiboken.Object

    def __init__(self, *arguments, **keywords):
        if keywords:
            raise TypeError(f"{type(self).__name__}: Qt constructors take no keyword arguments in Slicer")
        object.__setattr__(self, "_qt", type(self)._qtClass(*(unwrap(argument) for argument in arguments)))

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        target = object.__getattribute__(self, "_qt")
        if isinstance(target, QtCore.QObject):
            name = "objectName" if name == "name" else name
            if name == "className":
                return lambda: target.metaObject().className()
            if target.metaObject().indexOfProperty(name) >= 0:
                return wrap(target.property(name))
        value = getattr(target, name)
        if isinstance(value, QtCore.SignalInstance):
            return SignalProxy(target, name, value)
        return _Method(name, value) if callable(value) else wrap(value)

    def __setattr__(self, name, value):
        target = object.__getattribute__(self, "_qt")
        kind = type(target).__name__
        if not isinstance(target, QtCore.QObject):
            raise AttributeError(f"'{kind}' object has no attribute '{name}' that can be written")
        name = "objectName" if name == "name" else name
        index = target.metaObject().indexOfProperty(name)
        if index < 0:
            raise AttributeError(f"Property '{name}' of type '{kind}' does not exist")
        declared = target.metaObject().property(index)
        if not declared.isWritable():
            raise AttributeError(f"Property '{name}' of type '{kind}' is not writable")
        if declared.typeName() == "QString" and not isinstance(value, str):
            raise ValueError(f"Property '{name}' of type '{kind}' needs a str, not {value!r}")
        if declared.typeName() == "bool" and not isinstance(value, (bool, int)):
            raise ValueError(f"Property '{name}' of type '{kind}' needs a bool, not {value!r}")
        if not target.setProperty(name, unwrap(value)):
            raise ValueError(f"Property '{name}' of type '{kind}' does not accept {value!r}")

    def __eq__(self, other):
        return isinstance(other, Proxy) and unwrap(self) == unwrap(other)

    def __hash__(self):
        return hash(unwrap(self))

    def __bool__(self):
        return True


def proxyClass(qtClass):
    """The proxy class of a PySide6 class; one for each, with the same inheritance."""
    if qtClass is Shiboken.Object:
        return Proxy
    if qtClass not in _proxyClasses:
        bases = tuple(proxyClass(base) for base in qtClass.__bases__ if isinstance(base, type) and issubclass(base, Shiboken.Object))
        _proxyClasses[qtClass] = ProxyType(qtClass.__name__, bases or (Proxy,), {"_qtClass": qtClass})
    return _proxyClasses[qtClass]
