"""``Conv2d``: torch's arguments and names, and weights packed once but never stale."""

from __future__ import annotations

import copy
import pickle
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from support.odd import wrongly
from support.sure import sure

from striate.conv import ArrayTypeError, Conv2d, ShapeError, conv2d, packing, set_threads
from striate.conv.arguments import PaddingMode
from striate.conv.arrays import Activation, Array
from striate.conv.calls import Call
from striate.errors import InputError

X = np.random.default_rng(0).standard_normal((2, 4, 9, 8)).astype(np.float32)


def layer(
    dtype: type[np.floating] = np.float32, activation: Activation | None = None, algorithm: str = "auto"
) -> Conv2d:
    return Conv2d(4, 6, 3, padding=1, rng=0, dtype=dtype, activation=activation, algorithm=algorithm)


def fresh(made: Conv2d, x: Array = X) -> Array:
    steps = made.stride, made.padding, made.dilation, made.groups
    return conv2d(x, made.weight, made.bias, *steps, padding_mode=made.padding_mode)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"stride": 2, "padding": (2, 1), "dilation": (1, 2), "groups": 2, "bias": False},
        {"padding": "same", "padding_mode": "replicate"},
        {"padding": 2, "padding_mode": "circular", "stride": (1, 3)},
    ],
)
def test_from_torch_computes_the_same_and_follows_the_parameters(arguments: Any) -> None:
    module = torch.nn.Conv2d(4, 6, (3, 5), **arguments)
    mine = Conv2d.from_torch(module)
    changes: list[Callable[[], object]] = [
        lambda: module.weight.mul_(-2),
        lambda: module.weight[0].fill_(7),
        lambda: module.bias is None or module.bias.add_(1),
        lambda: setattr(module.weight, "data", module.weight.data + 1),
        lambda: setattr(module, "weight", torch.nn.Parameter(module.weight.detach() * 3)),
        lambda: module.load_state_dict({name: value / 2 for name, value in module.state_dict().items()}),
        lambda: torch._foreach_mul_([module.weight], 1.5),
    ]
    for change in changes:
        with torch.no_grad():
            np.testing.assert_allclose(mine(X), module(torch.from_numpy(X)).numpy(), rtol=1e-5, atol=1e-4)
            change()
            np.testing.assert_allclose(mine(X), module(torch.from_numpy(X)).numpy(), rtol=1e-5, atol=1e-4)
            np.testing.assert_array_equal(mine.weight, module.weight.numpy())
    assert set(mine.state_dict()) == set(module.state_dict())


@pytest.mark.parametrize("mode", ["zeros", "circular"])
@pytest.mark.parametrize(
    "late", [{"padding": (2, 1)}, {"stride": 2}, {"dilation": (1, 2)}, {"padding": 0, "stride": (2, 1)}]
)
def test_from_torch_computes_what_a_module_changed_after_construction_does(
    mode: PaddingMode, late: dict[str, object]
) -> None:
    module = torch.nn.Conv2d(4, 6, 3, padding=1, padding_mode=mode)
    for name, value in late.items():
        setattr(module, name, value)
    with torch.no_grad():
        expected = module(torch.from_numpy(X)).numpy()
    np.testing.assert_allclose(Conv2d.from_torch(module)(X), expected, atol=1e-5)


def test_a_followed_modules_weights_are_changed_in_the_module() -> None:
    module = torch.nn.Conv2d(4, 6, 3)
    mine = Conv2d.from_torch(module)
    changes: list[Callable[[], object]] = [
        lambda: setattr(mine, "weight", mine.weight),
        lambda: setattr(mine, "bias", None),
        lambda: mine.load_state_dict(mine.state_dict()),
    ]
    for change in changes:
        with pytest.raises(InputError, match=r"follows a torch module: change the module's parameters, or copy\.copy"):
            change()
    own = copy.copy(mine)
    own.weight = own.weight * 0
    with torch.no_grad():
        sure(module.bias).add_(1)
        np.testing.assert_allclose(mine(X), module(torch.from_numpy(X)).numpy(), atol=1e-5)
    assert (own(X) == sure(own.bias).reshape(-1, 1, 1)).all()
    with torch.inference_mode():
        uncounted = torch.nn.Conv2d(4, 6, 3)
        follows = Conv2d.from_torch(uncounted)
        follows(X)
        uncounted.weight[1, 1, 1, 1] = 50
        np.testing.assert_allclose(follows(X), uncounted(torch.from_numpy(X)).numpy(), atol=1e-4)


def test_from_torch_takes_bfloat16_and_refuses_the_rest() -> None:
    module = torch.nn.Conv2d(4, 6, 3).to(torch.bfloat16)
    result = Conv2d.from_torch(module)(X.astype(ml_dtypes.bfloat16))
    with torch.no_grad():
        expected = module(torch.from_numpy(X).to(torch.bfloat16)).float().numpy()
    np.testing.assert_allclose(result.astype(np.float32), expected, atol=3e-2)
    for other in (torch.nn.Linear(2, 2), torch.nn.ConvTranspose2d(4, 6, 3), torch.nn.Conv1d(4, 6, 3), 3):
        with pytest.raises(ArrayTypeError, match=r"expected a torch\.nn\.Conv2d"):
            wrongly(Conv2d.from_torch)(other)
    with pytest.raises(ArrayTypeError, match="CPU memory"):
        Conv2d.from_torch(torch.nn.Conv2d(4, 6, 3, device="meta"))


def test_initialisation_is_torchs_distribution() -> None:
    made = Conv2d(16, 64, 5, rng=1)
    bound = 1 / np.sqrt(16 * 25)
    for array in (made.weight, made.bias):
        assert array is not None
        assert np.abs(array).max() <= bound
        assert array.std() == pytest.approx(bound / np.sqrt(3), rel=0.15)
        assert array.dtype == np.float32
    module = torch.nn.Conv2d(16, 64, 5)
    assert module.weight.std().item() == pytest.approx(float(made.weight.std()), rel=0.05)
    np.testing.assert_array_equal(Conv2d(16, 64, 5, rng=1).weight, made.weight)
    assert not np.array_equal(Conv2d(16, 64, 5).weight, Conv2d(16, 64, 5).weight)


def test_every_way_of_changing_weights_is_noticed() -> None:
    made = layer()
    changes: list[Callable[[], object]] = [
        lambda: setattr(made, "weight", made.weight * 2),
        lambda: setattr(made, "weight", np.ones_like(made.weight)),
        lambda: setattr(made, "bias", np.ones(6, np.float32)),
        lambda: made.load_state_dict({"weight": made.weight * 3, "bias": np.full(6, 3, np.float32)}),
        lambda: made.load_state_dict({"weight": torch.ones(6, 4, 3, 3), "bias": torch.ones(6, dtype=torch.float64)}),
        lambda: setattr(made, "weight", np.negative(made.weight)),
        lambda: setattr(made, "bias", None),
        lambda: setattr(made, "weight", np.where(np.arange(3) == 2, np.nan, made.weight)),
    ]
    for change in changes:
        before = made(X)
        change()
        assert not np.array_equal(made(X), before, equal_nan=True)
        np.testing.assert_array_equal(made(X), fresh(made))


def test_assignment_copies_and_what_is_handed_out_cannot_be_written() -> None:
    made = layer()
    mine = np.ones((6, 4, 3, 3), np.float32)
    for given in (mine, mine[::-1], np.asfortranarray(mine), mine.transpose(0, 1, 3, 2)):
        made.weight = given
        first = made(X)
        mine *= 2
        np.testing.assert_array_equal(made(X), first)
        np.testing.assert_array_equal(first, fresh(made))
    for array in (made.weight, made.bias, made.state_dict()["weight"], made.weight[1:], made.weight.base):
        assert array is not None
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 1
        with pytest.raises(ValueError, match="WRITEABLE"):
            array.flags.writeable = True


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float64])
def test_a_layer_of_any_type_keeps_its_weights_bits(dtype: Any) -> None:
    made = layer(dtype=dtype)
    given = np.random.default_rng(1).standard_normal((6, 4, 3, 3)).astype(dtype)
    made.weight = given
    assert made.weight.dtype == dtype
    np.testing.assert_array_equal(made.weight, given)
    assert made(X.astype(dtype)).dtype == dtype


def test_a_call_does_not_look_at_the_weights_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made = layer()
    held = made.weight
    first = made(X)
    monkeypatch.setattr(packing, "same_bits", lambda *arrays: pytest.fail("compared"))
    monkeypatch.setattr(Call, "run", lambda *arguments: pytest.fail("not ready"))
    for _ in range(3):
        np.testing.assert_array_equal(made(X), first)
    assert made.weight is held


def test_copies_and_pickles_stand_alone() -> None:
    made = layer(activation="relu")
    first = made(X)
    for other in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        np.testing.assert_array_equal(other(X), first)
        other.weight = other.weight * 0
        np.testing.assert_array_equal(made(X), first)
        assert not np.array_equal(other(X), first)


def test_thread_settings_and_other_inputs_after_a_first_call() -> None:
    made = layer()
    first = made(X)
    set_threads(1)
    try:
        np.testing.assert_array_equal(made(X), first)
    finally:
        set_threads(0)
    last = X.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2)
    assert made(last).transpose(0, 2, 3, 1).flags.c_contiguous
    np.testing.assert_array_equal(made(last), first)
    np.testing.assert_array_equal(made(X[0]), made(X[:1])[0])
    with pytest.raises(ArrayTypeError):
        made(X.astype(np.float64))
    with pytest.raises(ArrayTypeError):
        made(X.tolist())


def test_many_shapes_and_threads_share_a_layer() -> None:
    made = layer()
    inputs = [np.random.default_rng(i).standard_normal((1 + i % 2, 4, 5 + i, 7)).astype(np.float32) for i in range(6)]
    expected = [fresh(made, x) for x in inputs]
    failures: list[object] = []

    def work(start: int) -> None:
        for i in range(30):
            x = inputs[(start + i) % 6]
            if not np.array_equal(made(x), expected[(start + i) % 6]):
                failures.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_safetensors_there_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for dtype in (np.float32, np.float64, np.float16):
        made, other = layer(dtype=dtype), Conv2d(4, 6, 3, dtype=dtype)
        made.save(tmp_path / "layer.safetensors")
        assert other.load(tmp_path / "layer.safetensors") is other
        for name, array in made.state_dict().items():
            np.testing.assert_array_equal(other.state_dict()[name], array)
            np.testing.assert_array_equal(load_file(tmp_path / "layer.safetensors")[name], array)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["layer.safetensors"]
    module = torch.nn.Sequential(torch.nn.Conv2d(4, 6, 3), torch.nn.Conv2d(6, 2, 1, bias=False))
    state = {name: value.numpy() for name, value in module.state_dict().items()}
    save_file(state, tmp_path / "model.safetensors")
    np.testing.assert_array_equal(layer().load(tmp_path / "model.safetensors", "0.").weight, state["0.weight"])
    with pytest.raises(InputError, match=r"does not hold \['1.bias'\]"):
        layer().load(tmp_path / "model.safetensors", "1.")
    with pytest.raises(ShapeError, match="expected weight of shape"):
        Conv2d(4, 2, 1, bias=False).load(tmp_path / "model.safetensors", "1.")
    (tmp_path / "broken.safetensors").write_bytes(b"12345678 not a file")
    with pytest.raises(InputError, match="not a sound safetensors file"):
        layer().load(tmp_path / "broken.safetensors")
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(ImportError, match="pip install safetensors"):
        made.save(tmp_path / "layer.safetensors")


def test_a_state_that_does_not_fit_changes_nothing() -> None:
    made = layer()
    before = made.weight.copy()
    with pytest.raises(InputError, match=r"expected the names \['bias', 'weight'\], got \['weight'\]"):
        made.load_state_dict({"weight": before})
    with pytest.raises(ShapeError, match="expected bias of shape"):
        made.load_state_dict({"weight": before + 1, "bias": np.ones(5, np.float32)})
    np.testing.assert_array_equal(made.weight, before)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((3, 6, 3, 1, 0, 1, 2), "in_channels must be positive and divisible by groups=2, got 3"),
        ((4, 5, 3, 1, 0, 1, 2), "out_channels must be positive"),
        ((4, 6, 0), "non-positive kernel_size"),
        ((4, 6, 3, 0), "non-positive stride"),
        ((4, 6, 3, 2, "same"), ".*use 'same_upper'"),
        ((4, 6, 3, 1, 0, 1, 1, True, "mirror"), "padding_mode must be one of"),
    ],
)
def test_arguments_are_checked_when_the_layer_is_made(arguments: Any, words: str) -> None:
    with pytest.raises(InputError, match=f"Conv2d: {words}"):
        Conv2d(*arguments)


def test_the_rest_of_the_contract() -> None:
    made = layer(activation="relu", algorithm="reference")
    assert repr(made) == (
        "Conv2d(4, 6, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), algorithm='reference', activation='relu')"
    )
    assert repr(Conv2d(1, 1, 2, bias=False)) == "Conv2d(1, 1, kernel_size=(2, 2), stride=(1, 1), bias=False)"
    assert made(X).min() == 0
    out = np.empty((2, 6, 9, 8), np.float32)
    assert made(X, out=out) is out
    with pytest.raises(AttributeError, match=r"Conv2d\.stride stays"):
        made.stride = (2, 2)
    with pytest.raises(ShapeError, match="expected weight of shape"):
        made.weight = made.weight[:5]
    with pytest.raises(ArrayTypeError, match="weight must be a NumPy array"):
        setattr(made, "weight", [1])  # noqa: B010
    with pytest.raises(ArrayTypeError, match="Conv2d: input type"):
        made(X.astype(np.float64))
    with pytest.raises(ShapeError, match=r"Conv2d: .*4 channels, got 3"):
        made(X[:, :3])
