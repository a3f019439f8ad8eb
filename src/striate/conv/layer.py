"""``Conv2d``: a convolution that owns its weights."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod, sqrt
from os import PathLike
from threading import Lock
from typing import TYPE_CHECKING, Any, Self, SupportsIndex

import numpy as np
from numpy.typing import DTypeLike

from striate.conv.arguments import Arguments, PaddingArg, PaddingMode, PairArg, parse_positive
from striate.conv.arrays import (
    Activation,
    Array,
    check_array,
    check_arrays,
    check_out,
    compute_dtype,
    parse_activation,
    parse_dtype,
)
from striate.conv.budget import BUDGET
from striate.conv.calls import IN_ORDER, find_call
from striate.conv.fast_path import FollowedModule, Ready, Weights
from striate.conv.plan import Accuracy, check_accuracy, check_algorithm
from striate.conv.settings import settings
from striate.conv.weights import read_tensors, tensor_array, write_tensors
from striate.errors import ArrayTypeError, InputError, ShapeError, named
from striate.values import as_integer, as_list, integer, shown

if TYPE_CHECKING:
    from torch import Tensor, nn


class Conv2d:
    """A 2-D convolution with its weights: ``torch.nn.Conv2d`` on NumPy arrays.

    Arguments, defaults, initialisation (uniform within ``1 / sqrt(fan_in)``) and ``state_dict`` names are torch's;
    ``padding`` takes every spelling of ``conv2d``. ``dtype`` is the weights' type, ``rng`` a seed or a NumPy
    generator. ``algorithm``, ``activation`` and ``accuracy`` are those of ``conv2d``. The arguments can be read back as
    attributes and stay as they were given.

    ``weight`` (K, C / groups, kh, kw) and ``bias`` ((K,) or None) are read as read-only NumPy arrays. Assignment takes
    a copy: ``layer.weight = layer.weight * 2``. Whoever assigns, from whatever thread, every call that starts
    afterwards computes with the new values, and one under way ends with the old.

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
    padding_mode: PaddingMode
    algorithm: str
    activation: Activation | None
    accuracy: Accuracy

    _arguments: Arguments
    _activation: Activation
    _weights: Weights
    _module: FollowedModule | None

    @named("Conv2d")
    def __init__(
        self,
        in_channels: SupportsIndex,
        out_channels: SupportsIndex,
        kernel_size: PairArg,
        stride: PairArg = 1,
        padding: PaddingArg = 0,
        dilation: PairArg = 1,
        groups: SupportsIndex = 1,
        bias: bool = True,
        padding_mode: PaddingMode = "zeros",
        *,
        dtype: DTypeLike = np.float32,
        rng: int | np.random.Generator | None = None,
        algorithm: str = "auto",
        activation: Activation | None = None,
        accuracy: Accuracy = "normal",
    ) -> None:
        arguments = Arguments.parse(stride, padding, dilation, groups, padding_mode)
        self._configure(in_channels, out_channels, kernel_size, padding, arguments)
        self._choose(algorithm, activation, accuracy)
        shape = self._weight_shape
        bound = 1 / sqrt(max(prod(shape[1:]), 1))
        generator, kind = _generator(rng), parse_dtype(dtype)
        weight = generator.uniform(-bound, bound, shape).astype(kind)
        offset = generator.uniform(-bound, bound, self.out_channels).astype(kind) if bias else None
        self._weights, self._module = Weights(weight, offset), None

    def _configure(
        self,
        in_channels: SupportsIndex,
        out_channels: SupportsIndex,
        kernel_size: PairArg,
        padding: PaddingArg,
        arguments: Arguments,
    ) -> None:
        self.in_channels = _channels("in_channels", in_channels, arguments.groups)
        self.out_channels = _channels("out_channels", out_channels, arguments.groups)
        self.kernel_size = parse_positive("kernel_size", kernel_size)
        arguments.pads((1, 1), self.kernel_size)
        self.stride, self.dilation, self.groups = arguments.stride, arguments.dilation, arguments.groups
        self.padding, self.padding_mode = _as_given(padding), arguments.padding_mode
        self._arguments = arguments

    def _choose(self, algorithm: str, activation: Activation | None, accuracy: Accuracy) -> None:
        self.algorithm, self.accuracy = check_algorithm(algorithm), check_accuracy(accuracy)
        self.activation, self._activation = activation, parse_activation(activation)

    @property
    def _weight_shape(self) -> tuple[int, ...]:
        return self.out_channels, self.in_channels // self.groups, *self.kernel_size

    def __getstate__(self) -> dict[str, Any]:
        weights = self._current()
        return self.__dict__ | {"_weights": (weights.weight, weights.bias), "_module": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        weight, bias = state["_weights"]
        for name, value in (state | {"_weights": Weights(weight, bias)}).items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _CHANGING and (name in self.__dict__ or name not in Conv2d.__annotations__):
            raise AttributeError(f"Conv2d.{name} stays as it was made; make a new layer instead")
        object.__setattr__(self, name, value)

    @property
    def weight(self) -> Array:
        """The weight (K, C / groups, kh, kw), read-only; assignment copies."""
        return self._current().weight

    @weight.setter
    @named("Conv2d")
    def weight(self, value: Array) -> None:
        self._own()
        weight = _fitting("weight", value, self._weight_shape)
        with _ASSIGNING:
            self._weights = Weights(weight, self._weights.bias)

    @property
    def bias(self) -> Array | None:
        """The bias (K,), read-only, or None; assignment copies."""
        return self._current().bias

    @bias.setter
    @named("Conv2d")
    def bias(self, value: Array | None) -> None:
        self._own()
        bias = None if value is None else _fitting("bias", value, (self.out_channels,))
        with _ASSIGNING:
            self._weights = self._weights.with_bias(bias)

    def _own(self) -> None:
        if self._module is not None:
            raise InputError(
                "this layer follows a torch module: change the module's parameters, or copy.copy(layer) to part them"
            )

    def _current(self) -> Weights:
        return self._weights if self._module is None else self._module.weights()

    def __call__(self, x: Array, *, out: Array | None = None) -> Array:
        """The convolution of ``x`` (N, C, H, W) or (C, H, W); raises as ``conv2d`` does."""
        weights = self._weights if self._module is None else self._module.weights()
        if out is None and type(x) is np.ndarray:
            ready = weights.ready.get(x.shape)
            if ready is not None:
                run, make, kept, shape, dtype, generation = ready
                packed = kept.value
                usual = x.dtype is dtype and x.flags.num & IN_ORDER == IN_ORDER
                if usual and packed is not None and generation is settings.generation:
                    kept.used = BUDGET.now
                    out = make(shape, dtype)
                    run(x, packed, weights.bias, self._activation, out)
                    return out
        return self._compute(weights, x, out)

    @named("Conv2d")
    def _compute(self, weights: Weights, x: Array, out: Array | None) -> Array:
        weight, bias, generation = weights.weight, weights.bias, settings.generation
        check_arrays(x, weight, bias)
        call = find_call(x.shape, weight.shape, x.dtype, self._arguments, self.algorithm, self.accuracy)
        if out is not None:
            check_out(out, call.shape, x.dtype)
        if call.plan is None:
            return call.run(x, weight, bias, self._activation, out)
        kept, packed = weights.packed.form(call, call.plan, weight)
        if call.simple:
            weights.make_ready(x.shape, Ready(call.plan.run, call.make, kept, call.shape, x.dtype, generation))
        return call.run(x, weight, bias, self._activation, out, packed)

    def state_dict(self) -> dict[str, Array]:
        """``weight`` and, where there is one, ``bias``: read-only arrays of the layer's own."""
        weights = self._current()
        return {"weight": weights.weight} if weights.bias is None else {"weight": weights.weight, "bias": weights.bias}

    @named("Conv2d.load_state_dict")
    def load_state_dict(self, state: Mapping[str, Array | Tensor]) -> None:
        """Takes copies of ``weight`` and ``bias``, converted to the types that the layer's have.

        Raises InputError where a name is missing or left over, ShapeError where a shape differs.
        """
        self._own()
        own = self.state_dict()
        if not isinstance(state, Mapping) or set(state) != set(own):
            raise InputError(f"expected the names {sorted(own)}, got {shown(_names(state))}")
        taken = {name: _taken(name, state[name], array) for name, array in own.items()}
        with _ASSIGNING:
            self._weights = Weights(taken["weight"], taken.get("bias"))

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
    @named("Conv2d.from_torch")
    def from_torch(cls, module: nn.Conv2d) -> Self:
        """A layer with a ``torch.nn.Conv2d``'s arguments, as they stand, that follows its parameters.

        At each call the layer looks whether the module has other parameters or torch has counted a change to them, and
        then takes a copy. torch does not count what is written through ``.data`` or a NumPy view of a parameter, or by
        another process: assign the parameter anew after it. The weights are changed in the module alone; a copy of the
        layer has its own. Raises ArrayTypeError for another module or for parameters that are not in CPU memory.
        """
        for name in ("weight", "bias", "kernel_size", "padding_mode", "transposed"):
            if not hasattr(module, name):
                raise ArrayTypeError(f"expected a torch.nn.Conv2d, got {type(module).__name__}")
        if module.transposed or len(module.kernel_size) != 2:
            raise ArrayTypeError(f"expected a torch.nn.Conv2d, got {type(module).__name__}")
        layer = cls.__new__(cls)
        padding = _torch_padding(module)
        arguments = Arguments.parse(module.stride, padding, module.dilation, module.groups, module.padding_mode)
        layer._configure(module.in_channels, module.out_channels, module.kernel_size, padding, arguments)
        layer._choose("auto", None, "normal")
        layer._module = FollowedModule(module)
        layer._weights = layer._module.weights()
        return layer

    def __repr__(self) -> str:
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        defaults = {"padding": (0, 0), "dilation": (1, 1), "groups": 1, "padding_mode": "zeros"}
        defaults |= {"algorithm": "auto", "activation": None, "accuracy": "normal"}
        for name, default in defaults.items():
            if getattr(self, name) != default:
                parts.append(f"{name}={getattr(self, name)!r}")
        return f"Conv2d({', '.join(parts)}{', bias=False' if self.bias is None else ''})"


_ASSIGNING = Lock()
_CHANGING = ("weight", "bias", "_weights")


def _channels(name: str, value: object, groups: int) -> int:
    channels = integer(name, value, least=0)
    if channels < 1 or channels % groups:
        raise ShapeError(f"{name} must be positive and divisible by groups={groups}, got {channels}")
    return channels


def _as_given(padding: PaddingArg) -> PaddingArg:
    # What a caller may change later is taken as a tuple; a number for all four sides as a pair.
    number, items = as_integer(padding), as_list(padding)
    if number is not None:
        return number, number
    return padding if items is None else tuple(_as_tuple(item) for item in items)


def _as_tuple(value: Any) -> Any:
    items = as_list(value)
    return value if items is None else tuple(items)


def _torch_padding(module: nn.Conv2d) -> PaddingArg:
    # Where it does not pad with zeros, torch goes by what it noted when the module was made.
    if module.padding_mode == "zeros" or isinstance(module.padding, str):
        return module.padding
    left, right, top, bottom = module._reversed_padding_repeated_twice
    return (top, left) if (top, left) == (bottom, right) else ((top, bottom), (left, right))


def _generator(rng: int | np.random.Generator | None) -> np.random.Generator:
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError):
        raise InputError(f"rng must be a seed or a NumPy generator, got {shown(rng)}") from None


def _names(state: Any) -> Any:
    return sorted(map(str, state)) if isinstance(state, Mapping) else state


def _taken(name: str, value: Any, own: Array) -> Array:
    array = tensor_array(value) if hasattr(value, "detach") else value
    check_array(name, array)
    if array.shape != own.shape:
        raise ShapeError(f"expected {name} of shape {own.shape}, got {array.shape}")
    try:
        return array.astype(own.dtype)
    except (TypeError, ValueError):
        raise ArrayTypeError(f"{name} cannot be converted from {array.dtype} to {own.dtype}") from None


def _fitting(name: str, value: Array, shape: tuple[int, ...]) -> Array:
    check_array(name, value)
    if value.shape != shape:
        raise ShapeError(f"expected {name} of shape {shape}, got {value.shape}")
    compute_dtype(value.dtype)
    return value
