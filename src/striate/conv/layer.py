"""``Conv2d``: a convolution that owns its weights."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from math import prod, sqrt
from os import PathLike
from threading import Lock
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike

from striate.conv.arguments import (
    PaddingArg,
    PairArg,
    parse_groups,
    parse_mode,
    parse_padding,
    parse_pair,
    parse_positive,
)
from striate.conv.arrays import Array, check_arrays, check_out, compute_dtype, parse_activation
from striate.conv.engine import (
    CHOOSERS,
    IN_ORDER,
    PLAIN_WAYS,
    check_accuracy,
    find_call,
    generation,
    hashable,
    in_order,
)
from striate.conv.errors import ArrayTypeError, InputError, ShapeError, StriateError, named
from striate.conv.native import check_way
from striate.conv.packing import PackedWeights
from striate.conv.storage import read_tensors, tensor_array, write_tensors


class Conv2d:
    """A 2-D convolution with its weights: ``torch.nn.Conv2d`` on NumPy arrays.

    Arguments, defaults, initialisation (uniform within ``1 / sqrt(fan_in)``) and ``state_dict`` names are torch's;
    ``padding`` takes every spelling of ``conv2d``. ``dtype`` is the weights' type, ``rng`` a seed or a NumPy
    generator. ``algorithm``, ``activation`` and ``accuracy`` are those of ``conv2d``. The arguments can be read back as
    attributes and stay as they were given.

    ``weight`` (K, C / groups, kh, kw) and ``bias`` ((K,) or None) are NumPy arrays, to be read, changed in place or
    assigned. Weights are packed for the engine once, and again when they change.

    Raises InputError or ShapeError (ValueError) for arguments that make no convolution.

    >>> layer = Conv2d(3, 8, 3, padding=1, rng=0)
    >>> layer(np.zeros((2, 3, 16, 16), np.float32)).shape
    (2, 8, 16, 16)
    >>> sorted(layer.state_dict())
    ['bias', 'weight']
    """

    in_channels: int
    out_channels: int
    kernel_size: tuple[int, int]
    stride: tuple[int, int]
    padding: PaddingArg
    dilation: tuple[int, int]
    groups: int
    padding_mode: str
    algorithm: str
    activation: str | None
    accuracy: str
    _lock: Lock
    _weight: Array
    _bias: Array | None

    @named("Conv2d")
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: PairArg,
        stride: PairArg = 1,
        padding: PaddingArg = 0,
        dilation: PairArg = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        dtype: DTypeLike = np.float32,
        rng: int | np.random.Generator | None = None,
        algorithm: str = "auto",
        activation: str | None = None,
        accuracy: str = "normal",
    ) -> None:
        self._configure(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, padding_mode)
        self._choose(algorithm, activation, accuracy)
        shape = (out_channels, in_channels // self.groups, *self.kernel_size)
        bound = 1 / sqrt(max(prod(shape[1:]), 1))
        generator, kind = np.random.default_rng(rng), np.dtype(dtype)
        compute_dtype(kind)
        weight = generator.uniform(-bound, bound, shape).astype(kind)
        self._adopt(weight, generator.uniform(-bound, bound, out_channels).astype(kind) if bias else None)

    def _configure(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: PairArg,
        stride: PairArg,
        padding: PaddingArg,
        dilation: PairArg,
        groups: int,
        padding_mode: str,
    ) -> None:
        values = {
            "in_channels": in_channels,
            "out_channels": out_channels,
            "kernel_size": parse_positive("kernel_size", kernel_size),
            "stride": parse_positive("stride", stride),
            "padding": hashable(padding),
            "dilation": parse_positive("dilation", dilation),
            "groups": parse_groups(groups),
            "padding_mode": parse_mode(padding_mode),
        }
        if isinstance(padding, int):
            values["padding"] = parse_pair("padding", padding)
        self.__dict__.update(values)
        for name in ("in_channels", "out_channels"):
            channels = values[name]
            if channels < 1 or channels % groups:
                raise ShapeError(f"{name} must be positive and divisible by groups={groups}, got {channels}")
        parse_padding(self.padding, (1, 1), self.kernel_size, self.stride, self.dilation)

    def _choose(self, algorithm: str, activation: str | None, accuracy: str) -> None:
        if algorithm not in CHOOSERS:
            check_way(algorithm, (*CHOOSERS, *PLAIN_WAYS))
        check_accuracy(accuracy)
        name = parse_activation(activation)
        self.__dict__.update(algorithm=algorithm, activation=activation, accuracy=accuracy, _activation=name)

    def _adopt(self, weight: Array, bias: Array | None) -> None:
        self.__dict__.update(
            _weight=weight, _bias=bias, _settled=False, _ready={}, _packed=PackedWeights(), _lock=Lock()
        )

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in _MADE_ANEW}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._adopt(state["_weight"], state["_bias"])

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("weight", "bias"):
            object.__setattr__(self, name, value)
        else:
            raise AttributeError(f"Conv2d.{name} stays as it was made; make a new layer instead")

    @property
    def weight(self) -> Array:
        """The weight (K, C / groups, kh, kw), shared with the layer."""
        with self._lock:
            self.__dict__.update(_settled=False, _ready={})
            weight = self._weight
        return weight

    @weight.setter
    def weight(self, value: Array) -> None:
        expected = self.out_channels, self.in_channels // self.groups, *self.kernel_size
        self.__dict__.update(_weight=_fitting("weight", value, expected), _settled=False, _ready={})

    @property
    def bias(self) -> Array | None:
        """The bias (K,), shared with the layer, or None."""
        return self._bias

    @bias.setter
    def bias(self, value: Array | None) -> None:
        bias = None if value is None else _fitting("bias", value, (self.out_channels,))
        self.__dict__.update(_bias=bias, _ready={})

    def __call__(self, x: Array, *, out: Array | None = None) -> Array:
        """The convolution of ``x`` (N, C, H, W) or (C, H, W); raises as ``conv2d`` does."""
        state = self.__dict__
        if out is None and type(x) is np.ndarray:
            ready = state["_ready"].get(x.shape)
            if ready is not None:
                run, make, packed, bias, name, shape, dtype, made = ready
                if x.dtype is dtype and made == generation[0] and x.flags.num & IN_ORDER == IN_ORDER:
                    out = make(shape, dtype)
                    run(x, packed, bias, name, out)
                    return out
        if not state["_settled"]:
            self._settle()
        weight, bias = state["_weight"], state["_bias"]
        try:
            if type(x) is not np.ndarray or x.dtype is not weight.dtype or bias is not None:
                check_arrays(x, weight, bias)
            call = find_call(
                x.shape,
                weight.shape,
                x.dtype,
                state["stride"],
                state["padding"],
                state["dilation"],
                state["groups"],
                state["padding_mode"],
                state["algorithm"],
                state["accuracy"],
            )
            if out is not None:
                check_out(out, call.shape, x.dtype)
        except StriateError as error:
            raise type(error)(f"Conv2d: {error}") from None
        packed = state["_packed"].packed(call, weight)
        if call.simple and state["_settled"] and (bias is None or in_order(bias)):
            entry = call.plan.run, call.make, packed, bias, state["_activation"], call.shape, x.dtype, generation[0]
            state["_ready"] = {**dict(list(state["_ready"].items())[-63:]), x.shape: entry}
            if not state["_settled"]:
                state["_ready"] = {}
        return call.run(x, weight, bias, state["_activation"], out, packed)

    def _settle(self) -> None:
        # Nobody else can change an array that owns its memory and that only this layer refers to.
        state = self.__dict__
        with self._lock:
            state["_settled"] = state["_weight"].flags.owndata and sys.getrefcount(state["_weight"]) == _ALONE
        state["_packed"].refresh(state["_weight"])

    def state_dict(self) -> dict[str, Array]:
        """``weight`` and, where there is one, ``bias``: the layer's own arrays, not copies."""
        return {"weight": self.weight} if self.bias is None else {"weight": self.weight, "bias": self.bias}

    @named("Conv2d.load_state_dict")
    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Copies ``weight`` and ``bias`` into the layer's arrays, converting to their type.

        Raises InputError where a name is missing or left over, ShapeError where a shape differs.
        """
        own = self.state_dict()
        if set(state) != set(own):
            raise InputError(f"expected the names {sorted(own)}, got {sorted(state)}")
        for name, array in own.items():
            if state[name].shape != array.shape:
                raise ShapeError(f"expected {name} of shape {array.shape}, got {state[name].shape}")
        for name, array in own.items():
            array[...] = state[name]

    def save(self, path: str | PathLike[str]) -> None:
        """Writes the ``state_dict`` to a safetensors file, replacing it whole."""
        write_tensors(path, self.state_dict())

    def load(self, path: str | PathLike[str], prefix: str = "") -> Self:
        """Reads ``{prefix}weight`` and ``{prefix}bias`` from a safetensors file into the layer, and returns it.

        The file may hold a whole model: ``layer.load("model.safetensors", prefix="features.0.")``. Raises InputError
        where the names are not there or the file is damaged, ShapeError where a shape differs.
        """
        self.load_state_dict(read_tensors(path, prefix, list(self.state_dict())))
        return self

    @classmethod
    def from_torch(cls, module: Any) -> Self:
        """A layer with a ``torch.nn.Conv2d``'s arguments that shares its parameters' memory.

        Nothing is copied: a change on either side is seen on the other. Raises ArrayTypeError for another module or
        for parameters that are not in CPU memory.
        """
        for name in ("weight", "bias", "kernel_size", "padding_mode", "transposed"):
            if not hasattr(module, name):
                raise ArrayTypeError(f"Conv2d.from_torch: expected a torch.nn.Conv2d, got {type(module).__name__}")
        if module.transposed or len(module.kernel_size) != 2:
            raise ArrayTypeError(f"Conv2d.from_torch: expected a torch.nn.Conv2d, got {type(module).__name__}")
        layer = cls.__new__(cls)
        named("Conv2d.from_torch")(layer._configure)(
            module.in_channels,
            module.out_channels,
            module.kernel_size,
            module.stride,
            module.padding,
            module.dilation,
            module.groups,
            module.padding_mode,
        )
        layer._choose("auto", None, "normal")
        bias = None if module.bias is None else tensor_array(module.bias)
        layer._adopt(tensor_array(module.weight), bias)
        return layer

    def __repr__(self) -> str:
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        defaults = {"padding": (0, 0), "dilation": (1, 1), "groups": 1, "padding_mode": "zeros"}
        defaults |= {"algorithm": "auto", "activation": None, "accuracy": "normal"}
        for name, default in defaults.items():
            if getattr(self, name) != default:
                parts.append(f"{name}={getattr(self, name)!r}")
        return f"Conv2d({', '.join(parts)}{', bias=False' if self.bias is None else ''})"


def _fitting(name: str, value: Array, shape: tuple[int, ...]) -> Array:
    if not isinstance(value, np.ndarray):
        raise ArrayTypeError(f"Conv2d: {name} must be a NumPy array, got {type(value).__name__}")
    if value.shape != shape:
        raise ShapeError(f"Conv2d: expected {name} of shape {shape}, got {value.shape}")
    compute_dtype(value.dtype)
    return value


_MADE_ANEW = ("_settled", "_ready", "_packed", "_lock")
_LONE = {"_weight": np.empty(1)}
_ALONE = sys.getrefcount(_LONE["_weight"])
