"""Tensors handed on where no operator is seen: the same elements are found again, or the reading stops.

Each function takes the input and gives it on, unchanged or times two; ``a(x) + b(function(x))`` then sees seven pixels
through ``b``, as the real module shows when its input is changed column by column.
"""

from __future__ import annotations

import copy
import io
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

import striate
from striate.errors import UnsupportedError
from striate.fields import region
from striate.formats.torch import read_torch

Way = Callable[[Tensor], Tensor]


class Named(Tensor):
    """A subclass without behaviour."""


class Hooked(Tensor):
    """A subclass that hears of every function."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return super().__torch_function__(func, types, args, kwargs or {})  # type: ignore[no-untyped-call]


class Wrapped(Tensor):
    """A subclass that holds the tensor it computes on."""

    inner: Tensor  # type: ignore[assignment]

    @staticmethod
    def __new__(cls, inner: Tensor) -> Wrapped:
        made: Wrapped = Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype, device=inner.device)
        made.inner = inner
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # type: ignore[override]
        opened = [arg.inner if isinstance(arg, Wrapped) else arg for arg in args]
        result = func(*opened, **(kwargs or {}))
        return Wrapped(result) if isinstance(result, Tensor) else result


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x * 2


class Unchanged(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x


class InPlace(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.mark_dirty(x)
        return x.mul_(2)


def data_replaced(x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    y.data = x
    return y


def data_replaced_and_written(x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    y.data = x * 2
    return y.add_(1)


def exchanged(x: Tensor) -> Tensor:
    y, z = torch.zeros_like(x), x.clone()
    torch.utils.swap_tensors(z, y)
    return y


def parameter_written(x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    nn.Parameter(y, requires_grad=False).copy_(x)
    return y


def into_an_empty_tensor(x: Tensor) -> Tensor:
    y = torch.empty(0, device=x.device)
    torch.mul(x, 2, out=y)
    return y


def many_that_die(x: Tensor) -> Tensor:
    for _ in range(100):
        x = x + torch.zeros(3, 1, 1, device=x.device) + nn.Parameter(torch.zeros(1, device=x.device))
    return x


def by_gradient(x: Tensor) -> Tensor:
    with torch.enable_grad():
        z = x.detach().requires_grad_()
        return torch.autograd.grad((z * z).sum(), z)[0]


def in_inference_mode(x: Tensor) -> Tensor:
    with torch.inference_mode():
        return x * 2


def opened(x: Any) -> Tensor:
    inner: Tensor = x.inner
    return inner


FOUND: dict[str, Way] = {
    "parameter": lambda x: nn.Parameter(x),
    "parameter of a view": lambda x: nn.Parameter(x.transpose(2, 3)).transpose(2, 3),
    "view of a parameter": lambda x: nn.Parameter(x)[:, :, :, :] + 0,
    "parameter list": lambda x: nn.ParameterList([x])[0],
    "buffer": lambda x: nn.Buffer(x),
    "variable": lambda x: torch.autograd.Variable(x),
    "parameter written": parameter_written,
    "there and back": lambda x: x.as_subclass(Named).as_subclass(Tensor),
    "subclass": lambda x: x.as_subclass(Named) * 2,
    "made a subclass": lambda x: Tensor._make_subclass(Named, x),
    "hooked subclass": lambda x: (x.as_subclass(Hooked) * 2).as_subclass(Tensor),
    "wrapped and opened": lambda x: opened(Wrapped(x) * 2),
    "data": lambda x: x.data,
    "data replaced": data_replaced,
    "data replaced and written": data_replaced_and_written,
    "exchanged": exchanged,
    "tensor of a tensor": lambda x: torch.as_tensor(torch.asarray(x)),
    "old constructor": lambda x: torch.Tensor(x),
    "copy": copy.copy,
    "deep copy": copy.deepcopy,
    "copy of a parameter": lambda x: copy.deepcopy(nn.Parameter(x)),
    "into an empty tensor": into_an_empty_tensor,
    "function": Doubled.apply,
    "function that changes nothing": Unchanged.apply,
    "function in place": lambda x: InPlace.apply(x.clone()),  # type: ignore[no-untyped-call]
    "checkpoint": lambda x: checkpoint(lambda t: t * 2, x, use_reentrant=False),
    "checkpoint, reentrant": lambda x: checkpoint(lambda t: t * 2, x, use_reentrant=True),
    "vmap": lambda x: torch.func.vmap(lambda t: t * 2)(x),
    "gradient": by_gradient,
    "inference mode": in_inference_mode,
    "many that die": many_that_die,
}


def in_a_thread(x: Tensor) -> Tensor:
    found: list[Tensor] = []
    thread = threading.Thread(target=lambda: found.append(x * 2))
    thread.start()
    thread.join()
    return found[0]


def in_a_pool(x: Tensor) -> Tensor:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: x * 2).result()


def in_another_thread(write: Callable[[], object]) -> None:
    thread = threading.Thread(target=write)
    thread.start()
    thread.join()


def written_in_a_thread(x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    in_another_thread(lambda: y.copy_(x))
    return y


def written_in_a_thread_and_here(x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    y[..., :8].add_(1)
    in_another_thread(lambda: y.copy_(x))
    return y.mul_(2)


def written_in_a_thread_after_data(x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    y.data.add_(1)
    in_another_thread(lambda: y.copy_(x))
    return y + x


def data_written_in_a_thread(x: Tensor) -> Tensor:
    y = torch.ones_like(x).mul_(2)
    taken = y.data
    in_another_thread(lambda: taken.copy_(x))
    return y.add_(1)


def written_by_data_of_a_thread(x: Tensor) -> Tensor:
    y = torch.zeros_like(x).add_(1)
    in_another_thread(lambda: y.data.copy_(x))
    return y


def part_written_in_a_thread(x: Tensor) -> Tensor:
    y = torch.zeros_like(x).add_(1)
    part = torch.unsafe_split(y, 2, 3)[0]
    in_another_thread(lambda: part.copy_(x[..., :2]))
    return y.add_(1)


@torch.inference_mode()
def written_in_a_thread_in_inference_mode(x: Tensor) -> Tensor:
    y = torch.zeros_like(x).add_(1)
    in_another_thread(torch.inference_mode()(lambda: y.copy_(x)))
    return y


def saved(x: Tensor) -> Tensor:
    file = io.BytesIO()
    torch.save(x, file)
    file.seek(0)
    return torch.load(file)


def other_memory(x: Tensor) -> Tensor:
    return torch.empty(0, device=x.device).set_(x.untyped_storage(), 0, x.shape, x.stride())


def caught(x: Tensor) -> Tensor:
    try:
        return x * float(x.sum() > -1e9)
    except Exception:
        return torch.zeros_like(x)


STOPPED: dict[str, tuple[Way, str]] = {
    "thread": (in_a_thread, "another thread"),
    "pool": (in_a_pool, "another thread"),
    "written in a thread": (written_in_a_thread, "another thread"),
    "written in a thread and here": (written_in_a_thread_and_here, "another thread"),
    "written in a thread after data": (written_in_a_thread_after_data, "another thread"),
    "data written in a thread": (data_written_in_a_thread, "another thread"),
    "written by data of a thread": (written_by_data_of_a_thread, "another thread"),
    "part written in a thread": (part_written_in_a_thread, "another thread"),
    "written in a thread in inference mode": (written_in_a_thread_in_inference_mode, "another thread"),
    "pickle": (lambda x: pickle.loads(pickle.dumps(x)), "leaves torch"),
    "saved": (saved, "leaves torch"),
    "NumPy": (lambda x: torch.from_numpy(np.tanh(x.numpy())), "leaves torch"),
    "NumPy array": (lambda x: torch.from_numpy(np.asarray(x)), "leaves torch"),
    "list": (lambda x: torch.tensor(x.tolist()), "leaves torch"),
    "DLPack": (lambda x: torch.utils.dlpack.from_dlpack(x), "leaves torch"),
    "other memory": (other_memory, "memory of another"),
    "refusal caught": (caught, "control flow depends on data"),
}


class Sum(nn.Module):
    """Three pixels through ``a``, seven through ``b`` where the function hands its input on."""

    def __init__(self, function: Way) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 7, padding=3)
        for parameter in self.parameters():
            nn.init.constant_(parameter, 0.5)
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.a(x) + self.b(self.function(x))


def columns_seen(module: nn.Module, at: int) -> list[int]:
    """The columns of a (1, 3, 5, 16) picture that change the unit of row 2 and column ``at``."""
    x, found = torch.rand(1, 3, 5, 16, generator=torch.Generator().manual_seed(0)), []
    with torch.no_grad():
        before = module(x.clone())[0, 0, 2, at]
        for column in range(16):
            changed = x.clone()
            changed[..., column] += 1
            if module(changed)[0, 0, 2, at] != before:
                found.append(column)
    return found


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
@pytest.mark.parametrize("name", sorted(FOUND))
def test_the_same_elements_are_found_again(name: str) -> None:
    module = Sum(FOUND[name]).eval()
    fields = striate.load(module, (1, 3, 5, 16)).fields()
    width = fields[list(fields)[-1]].axes["width"]
    assert (width.status, width.size, width.stride, width.start) == ("exact", 7, 1, -3)
    hull = region(fields, list(fields)[-1], (2, 8)).hull[1]
    assert list(range(hull.start, hull.stop)) == columns_seen(module, 8)


@pytest.mark.parametrize("name", sorted(STOPPED))
def test_what_cannot_be_found_again_stops_the_reading(name: str) -> None:
    function, text = STOPPED[name]
    with pytest.raises(UnsupportedError, match=text) as caught:
        read_torch(Sum(function), (1, 3, 5, 16))
    assert "\n" not in str(caught.value)


def test_a_wrapper_as_the_result_stops_the_reading() -> None:
    class Wraps(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return Wrapped(x)

    with pytest.raises(UnsupportedError, match="subclass"):
        read_torch(Wraps(), (1, 3))


class Caches(nn.Module):
    """A cache that is written with data, and a second tensor on its memory."""

    cache: Tensor

    def __init__(self, same: bool) -> None:
        super().__init__()
        self.register_buffer("cache", torch.zeros(2, 6))
        self.alias = self.cache.detach() if same else self.cache.view(12)

    def forward(self, x: Tensor) -> Tensor:
        self.cache.copy_(x)
        return self.alias * 2


def test_aliases_of_a_written_buffer() -> None:
    assert [node.op.word for node in read_torch(Caches(True), (2, 6)).nodes] == ["elementwise", "elementwise"]
    with pytest.raises(UnsupportedError, match="memory of another"):
        read_torch(Caches(False), (2, 6))


class Holder:
    def __init__(self) -> None:
        self.table = torch.ones(4, device="meta")


class Constants(nn.Module):
    """Constants on the meta device wherever a module can keep them."""

    buffer: Tensor

    def __init__(self) -> None:
        super().__init__()
        table = torch.ones(4, device="meta")
        self.plain, self.holder, self.nested = torch.ones(4, device="meta"), Holder(), {"a": [torch.ones(4).to("meta")]}
        self.function: Callable[[Tensor], Tensor] = lambda x: x * table
        self.register_buffer("buffer", torch.ones(4, device="meta"), persistent=False)
        self.weight = nn.Parameter(torch.ones(4, device="meta"))

    def forward(self, x: Tensor) -> Tensor:
        with torch.device("meta"):
            late = torch.tensor([1.0, 2.0, 3.0, 4.0])
        scale = self.plain * self.holder.table * self.nested["a"][0] * self.buffer * late
        return F.relu(self.function(x) * scale * self.weight)


def test_constants_on_the_meta_device_are_constants() -> None:
    network = read_torch(Constants(), (2, 4))
    assert [(node.op.word, node.parameters) for node in network.nodes] == [
        ("elementwise", 0),
        ("elementwise", 0),
        ("elementwise", 4),
        ("elementwise", 0),
    ]


def test_a_model_read_in_inference_mode_hides_no_write() -> None:
    with torch.inference_mode():
        with pytest.raises(UnsupportedError, match="another thread"):
            read_torch(Sum(written_in_a_thread), (1, 3, 5, 16))
        assert torch.zeros(1).is_inference()


def test_an_operator_whose_writes_torch_does_not_count_hides_none() -> None:
    library = torch.library.Library("striate_handing_on", "DEF")
    library.define("fill(Tensor(a!) x) -> Tensor(a!)")
    library.impl("fill", lambda x: x, "Meta")
    fill = torch.ops.striate_handing_on.fill

    def written(x: Tensor) -> Tensor:
        y: Tensor = fill(torch.zeros_like(x))
        assert y._version == 0
        return y + x

    def written_and_hidden(x: Tensor) -> Tensor:
        y: Tensor = fill(torch.zeros_like(x))
        in_another_thread(lambda: y.copy_(x))
        return y + x

    read_torch(Sum(written), (1, 3, 5, 16))
    with pytest.raises(UnsupportedError, match="another thread"):
        read_torch(Sum(written_and_hidden), (1, 3, 5, 16))


def test_reading_moves_no_counter() -> None:
    class Kept(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = torch.zeros(1, 3, 5, 16, device="meta")

        def forward(self, x: Tensor) -> Tensor:
            return x * self.table[..., :1] + self.table.view(1, 3, 5, 16)

    module = Kept()
    module.table.add_(1)
    read_torch(module, (1, 3, 5, 16))
    assert module.table._version == 1
