"""Small functions of one tensor (1, 4, 5, 6), each a case for the reader: view writes, pads, resizes, products."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WEIGHT = torch.rand(4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 0.5


class Function(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def kernel(height: int, width: int) -> Tensor:
    return WEIGHT[:, :, None, None].expand(4, 4, height, width)


def temporal_shift(x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    y[:, :2] = x[:, 2:4]
    y[:, 2:] = x[:, 2:]
    return y


def write_into_slice_of_itself(x: Tensor) -> Tensor:
    x = x * 2
    first, second = x[:, :2], x[:, 2:]
    first.mul_(second.clone())
    return x


def write_through_view_and_transpose(x: Tensor) -> Tensor:
    x = x * 1
    v = x.view(1, 2, 2, -1).transpose(1, 2)
    v[:, 0] += v[:, 1]
    return x


def write_every_second(x: Tensor) -> Tensor:
    y = x * 1
    y[..., ::2] = x[..., 1::2] * 2
    return y


def view_read_after_write(x: Tensor) -> Tensor:
    y = x * 1
    v = y[:, 1]
    y[:, 1] = y[:, 0] + y[:, 2]
    return v


def view_read_before_write(x: Tensor) -> Tensor:
    y = x * 1
    v = y[:, 1] * 1
    y[:, 1] = y[:, 0] + y[:, 2]
    return v + y[:, 3]


def write_at_indices(x: Tensor) -> Tensor:
    y = x * 1
    y[:, torch.tensor([0, 2])] = x[:, torch.tensor([1, 3])]
    return y


def overwrite_with_zeros(x: Tensor) -> Tensor:
    y = x * 1
    y[:, 1:3].zero_()
    y[..., 2].fill_(3.0)
    return y


def constant_becomes_data_and_constant_again(x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    y.copy_(x)
    y.zero_()
    return x + y


def shapes_in_place(x: Tensor) -> Tensor:
    return (x * 1).unsqueeze_(1).squeeze_(1).transpose_(1, 2) * 2


def out_argument(x: Tensor) -> Tensor:
    y = torch.empty_like(x)
    torch.mul(x, x.flip(3), out=y)
    return y


def write_at_list(x: Tensor) -> Tensor:
    y = x * 1
    y[:, [0, 2]] = x[:, [1, 3]]
    return y


def banded(n: int) -> Tensor:
    """True where row and column differ by at most one."""
    places = torch.arange(n)
    return (places[:, None] - places).abs() <= 1


def additive(keep: Tensor) -> Tensor:
    """Zero where kept, else minus infinity."""
    return torch.zeros(keep.shape, dtype=torch.float64).masked_fill(~keep, float("-inf"))


def scores(x: Tensor) -> Tensor:
    return x @ x.transpose(-2, -1)


def masked_in_place(x: Tensor) -> Tensor:
    s = scores(x)
    s.masked_fill_(~banded(5), float("-inf"))
    return s.softmax(-1) @ x


def softmax_by_hand(x: Tensor) -> Tensor:
    s = torch.where(banded(5), scores(x), float("-inf"))
    e = (s - 5).exp()
    return e / e.sum(-1, keepdim=True) @ x


def mask_of_each_head() -> Tensor:
    return torch.stack([banded(5), torch.ones(5, 5, dtype=torch.bool).tril(), banded(5).tril(), banded(5).flip(1)])


def attention_by_einsum(x: Tensor) -> Tensor:
    s = torch.einsum("bhid,bhjd->bhij", x, x) * 0.5 + additive(banded(5))
    return torch.einsum("bhij,bhjd->bihd", s.softmax(-1), x)


def masked_then_viewed(x: Tensor) -> Tensor:
    s = scores(x).masked_fill(~mask_of_each_head(), float("-inf"))
    weights = s.reshape(4, 5, 5).softmax(2)[1:].unsqueeze(0).clone()
    return weights @ x[:, 1:]


def checkerboard() -> Tensor:
    return (torch.arange(5)[:, None] + torch.arange(6)) % 2


def masked_by_index(x: Tensor) -> Tensor:
    s = scores(x)
    s[:, :, ~banded(5)] = float("-inf")
    return s.softmax(-1) @ x


def learned_and_masked(x: Tensor) -> Tensor:
    weight = nn.Parameter(WEIGHT[:4, :1].expand(4, 6).clone())
    return F.linear(x, weight * banded(6)[:4])


MASKS: dict[str, Callable[[Tensor], Tensor]] = {
    "times zeros": lambda x: x * checkerboard(),
    "times a row": lambda x: checkerboard()[0] * x,
    "times channels": lambda x: x * torch.tensor([0.0, 1, 0, 2])[:, None, None],
    "times zero": lambda x: x + x.flip(3) * 0,
    "times both": lambda x: x * (x.flip(3) * checkerboard()),
    "times a larger mask": lambda x: x[:, :1] * torch.eye(4)[:, :, None, None][:, :1],
    "zeros times itself": lambda x: (x * checkerboard()) * x.flip(2),
    "zeros of an activation": lambda x: torch.relu(x * checkerboard()) * x.flip(2),
    "zero over": lambda x: checkerboard() / x,
    "where": lambda x: torch.where(checkerboard() == 1, x, 0.0),
    "where of both": lambda x: torch.where(checkerboard() == 1, x, x.flip(3)),
    "where of rows": lambda x: torch.where((torch.arange(5) > 2)[:, None], x[:, :1], x),
    "where all": lambda x: torch.where(torch.ones(6, dtype=torch.bool), x, x.flip(3)),
    "masked fill": lambda x: x.masked_fill(checkerboard() == 1, 3.0),
    "masked fill by data": lambda x: x.masked_fill(checkerboard() == 1, x.sum()),
    "minus infinity": lambda x: (x + additive(checkerboard() == 1)).exp(),
    "lower triangle": lambda x: x.tril(-1),
    "upper triangle": lambda x: torch.triu(x, 1) * x.flip(3),
    "both triangles": lambda x: x.tril() + x.flip(3).triu(2),
    "product with a triangle": lambda x: x @ torch.ones(6, 6, dtype=x.dtype).triu(),
    "product with another triangle": lambda x: torch.ones(5, 5, dtype=x.dtype).triu() @ x,
    "product with a band": lambda x: banded(5).double() @ x,
    "product with a band on the right": lambda x: x @ banded(6).double()[:, :4],
    "product with an empty column": lambda x: x[0] @ torch.tensor([1.0, 0, 1, 0, 0, 2]).double()[:, None].expand(6, 3),
    "product of masked data": lambda x: x @ (x * checkerboard()).transpose(2, 3),
    "product of a masked batch": lambda x: (x[:, :, :, :5] * mask_of_each_head()) @ x,
    "dense masked": lambda x: F.linear(x, WEIGHT[:3, :1] * banded(6).double()[:3]),
    "masked softmax": lambda x: x.masked_fill(checkerboard() == 1, float("-inf")).softmax(3),
    "masked softmax, logarithm": lambda x: x.masked_fill(checkerboard() == 1, float("-inf")).log_softmax(2).exp(),
    "causal attention": lambda x: F.scaled_dot_product_attention(x, x, x, is_causal=True),
    "causal attention, fewer keys": lambda x: F.scaled_dot_product_attention(
        x, x[:, :, :3], x[:, :, :3], is_causal=True
    ),
    "masked attention": lambda x: F.scaled_dot_product_attention(x, x, x, attn_mask=banded(5)),
    "additively masked attention": lambda x: F.scaled_dot_product_attention(x, x, x, attn_mask=additive(banded(5))),
    "attention masked by heads": lambda x: F.scaled_dot_product_attention(x, x, x, attn_mask=mask_of_each_head()),
    "attention masked in place": masked_in_place,
    "attention masked by index": masked_by_index,
    "learned and masked": learned_and_masked,
    "attention masked by lowest": lambda x: scores(x).masked_fill(~banded(5), torch.finfo(x.dtype).min).softmax(-1) @ x,
    "attention with softmax by hand": softmax_by_hand,
    "attention by einsum": attention_by_einsum,
    "attention masked, then viewed": masked_then_viewed,
    "baddbmm": lambda x: torch.baddbmm(additive(banded(5)), x[0], x[0].transpose(1, 2)).softmax(2) @ x[0],
    "head of triangles": lambda x: (scores(x) + additive(banded(5).tril())).softmax(-1) @ x,
}

CASES: dict[str, Callable[[Tensor], Tensor]] = {
    "temporal shift": temporal_shift,
    "write into a slice of itself": write_into_slice_of_itself,
    "write through view and transpose": write_through_view_and_transpose,
    "write every second": write_every_second,
    "view read after write": view_read_after_write,
    "view read before write": view_read_before_write,
    "write at indices": write_at_indices,
    "write at a list": write_at_list,
    "overwrite with zeros": overwrite_with_zeros,
    "constant, data, constant": constant_becomes_data_and_constant_again,
    "shapes in place": shapes_in_place,
    "pad circular": lambda x: F.pad(x, (2, 1, 1, 2), mode="circular"),
    "pad reflect": lambda x: F.pad(x, (2, 1, 1, 2), mode="reflect"),
    "pad replicate": lambda x: F.pad(x, (2, 1, 1, 2), mode="replicate"),
    "pad and crop": lambda x: F.pad(x, (-1, 2, 1, -1)),
    "nearest": lambda x: F.interpolate(x, scale_factor=1.5),
    "nearest-exact": lambda x: F.interpolate(x, size=(7, 3), mode="nearest-exact"),
    "bilinear": lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"),
    "bilinear, corners": lambda x: F.interpolate(x, size=(7, 9), mode="bilinear", align_corners=True),
    "bilinear, factor": lambda x: F.interpolate(x, scale_factor=0.7, mode="bilinear"),
    "bicubic": lambda x: F.interpolate(x, size=(9, 7), mode="bicubic"),
    "bilinear, antialias": lambda x: F.interpolate(x, size=(2, 3), mode="bilinear", antialias=True),
    "bicubic, antialias": lambda x: F.interpolate(x, size=(2, 3), mode="bicubic", antialias=True),
    "pixel shuffle": lambda x: F.pixel_shuffle(x, 2),
    "pixel unshuffle": lambda x: F.pixel_unshuffle(x[:, :, :4], 2),
    "unfold": lambda x: F.unfold(x, (2, 3), stride=(2, 1), padding=1),
    "fold": lambda x: F.fold(F.unfold(x, 3, padding=1, stride=2) * 1, (5, 6), 3, padding=1, stride=2),
    "fold, dilated": lambda x: F.fold(F.unfold(x, 2, dilation=2) * 1, (5, 6), 2, dilation=2),
    "windows": lambda x: x.unfold(3, 3, 2),
    "flip": lambda x: x.flip(2, 3),
    "roll": lambda x: torch.roll(x, (1, -2), (2, 3)),
    "roll, flat": lambda x: torch.roll(x, 5),
    "quarter turn": lambda x: torch.rot90(x, 1, (2, 3)),
    "three quarter turns": lambda x: torch.rot90(x, 3, (2, 3)),
    "repeat": lambda x: x.repeat(1, 2, 1, 1),
    "repeat interleave": lambda x: x.repeat_interleave(2, 1),
    "squeeze and excite": lambda x: x.mean((2, 3), keepdim=True) * x,
    "softmax": lambda x: x.softmax(1),
    "cumulative sum": lambda x: x.cumsum(-1),
    "einsum with weights": lambda x: torch.einsum("nchw,cd->ndhw", x, WEIGHT),
    "einsum with itself": lambda x: torch.einsum("nchw,nchv->nhwv", x, x),
    "attention": lambda x: F.scaled_dot_product_attention(x, x, x),
    "gated": lambda x: F.glu(x, 1),
    "indices": lambda x: x[:, :, torch.tensor([0, 2])][..., torch.arange(2, device=x.device)],
    "list index": lambda x: x[:, [2, 1, 0, 2]],
    "literal index": lambda x: x[..., x.new_tensor([3, 1]).long()][:, torch.tensor([1, 0], device=x.device)],
    "two index arrays": lambda x: x[:, :, torch.tensor([[0], [1]]), torch.tensor([[2, 3]])],
    "mask": lambda x: x[:, torch.tensor([True, False, True, True])],
    "gather": lambda x: torch.gather(x, 3, torch.arange(6, device=x.device).flip(0).expand(1, 4, 5, 6)),
    "diagonal": lambda x: torch.diagonal(x, 1, 2, 3),
    "adaptive pool": lambda x: F.adaptive_avg_pool2d(x, (3, 2)),
    "ceil pool": lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True),
    "pool of one axis": lambda x: F.avg_pool1d(x[:, :, 0], 2, ceil_mode=True),
    "power pool": lambda x: F.lp_pool2d(x.abs() + 1, 2, 2),
    "group norm": lambda x: F.group_norm(x, 2),
    "instance norm": lambda x: F.instance_norm(x),
    "layer norm": lambda x: F.layer_norm(x, x.shape[2:]),
    "batch norm, training": lambda x: F.batch_norm(x, None, None, training=True),
    "local response norm": lambda x: F.local_response_norm(x, 3),
    "standard deviation": lambda x: x.std(1),
    "stack": lambda x: torch.stack([x, x * 2], 2),
    "matrix product": lambda x: x[0] @ x[0].transpose(1, 2),
    "dense": lambda x: F.linear(x.permute(0, 2, 3, 1), WEIGHT),
    "same padding": lambda x: F.conv2d(x, kernel(2, 3), padding="same", dilation=(1, 2)),
    "dilated conv": lambda x: F.conv2d(x, kernel(2, 2), stride=(1, 2), padding=(0, 1), dilation=2),
    "transposed conv": lambda x: F.conv_transpose2d(x, kernel(3, 3), stride=2, padding=1, output_padding=1),
    "dynamic conv": lambda x: F.conv2d(x, x[:, :, :2, :2]),
    "times a larger constant": lambda x: x[:, :1] * torch.ones(4, 1, 1, dtype=x.dtype, device=x.device),
    "class token": lambda x: torch.cat([torch.zeros(1, 1, 5, 6, dtype=x.dtype, device=x.device), x], 1),
    "channels last": lambda x: torch.movedim(x, 1, -1).contiguous().view(1, -1, 4),
    "channel shuffle": lambda x: x.view(1, 2, 2, 5, 6).transpose(1, 2).reshape(1, 4, 5, 6),
    "Fourier transform": lambda x: torch.fft.rfft2(x).real,
    "out argument": out_argument,
    **MASKS,
}


def stripes(x: Tensor) -> Tensor:
    return x * (torch.arange(6) % 3 > 0)


def around(x: Tensor) -> Tensor:
    return F.conv2d(x, kernel(3, 3), padding=1)


def written_inside(x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    y[:, :, 1:4, 2:] = x[:, :, 1:4, 2:]
    return y


def written_with_zeros(x: Tensor) -> Tensor:
    y = x.clone()
    y[:, :, 1] = 0
    y[..., 4:].zero_()
    return y


def written_twice(x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    y[:, 1] = x[:, 0]
    y.transpose(1, 2)[:, 3, 2:] = x[:, 1:3, 0]
    y[0, 3].view(-1)[7:9] = x[0, 0, 0, :2]
    return y


def overwritten(x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    y[..., 2:] = x[..., 2:]
    y[..., :2] = 3
    return y


def emptied(x: Tensor) -> Tensor:
    y = x * 2
    y.zero_()
    y[:, 2:] = x[:, 2:]
    return y


def read_through_a_view(x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    half = y[:, :2]
    y[..., 3] = x[..., 3]
    return torch.cat([half, half], 1)


def indexed(x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    y[:, [0, 2]] = x[:, [1, 3]]
    return y


def upscaled(x: Tensor) -> Tensor:
    taps = torch.ones(4, 4, 1, 1, dtype=x.dtype, device=x.device)
    return F.conv_transpose2d(x[..., :3, :3], taps, stride=2, output_padding=(0, 1))


# Data with zeros that no data changes, of the input's shape: in a product they hide what stands beside them.
ZEROED: dict[str, Callable[[Tensor], Tensor]] = {
    "masked": stripes,
    "padded": lambda x: F.pad(x[..., 1:-1, 2:], (1, 1, 2, 0)),
    "padded with something": lambda x: F.pad(x[..., 2:], (1, 1), value=3.0),
    "zeros padded with something": lambda x: F.pad(stripes(x)[..., 2:], (1, 1), value=3.0),
    "reflected": lambda x: F.pad(stripes(x)[..., 2:], (2, 0, 0, 0), mode="reflect"),
    "joined": lambda x: torch.cat([torch.zeros_like(x[..., :2]), x[..., 2:5], torch.zeros(1, 4, 5, 1)], 3),
    "stacked": lambda x: torch.stack([stripes(x)[:, 0], x[:, 1], torch.zeros_like(x[:, 0]), x[:, 2]], 1),
    "rectified": lambda x: torch.relu(stripes(x)),
    "a chain": lambda x: torch.sin(-stripes(x).tanh() * 3).expm1().clamp(-9, 9).neg(),
    "not behind a cosine": lambda x: torch.cos(stripes(x)),
    "not behind a clamp": lambda x: stripes(x).clamp(min=0.01),
    "to a power": lambda x: stripes(x) ** 3,
    "added": lambda x: stripes(x) + F.pad(x[..., 2:], (2, 0)),
    "added to something": lambda x: stripes(x) + x.flip(3),
    "divided": lambda x: stripes(x) / (1 + x),
    "chosen": lambda x: torch.where(torch.arange(6) > 2, stripes(x), F.pad(x[..., 1:], (1, 0))),
    "filled": lambda x: stripes(x).masked_fill(torch.arange(6) == 2, 0.0),
    "filled with something": lambda x: stripes(x).masked_fill(torch.arange(6) == 3, 2.0),
    "triangle": lambda x: stripes(x).tril(1),
    "moved": lambda x: stripes(x).transpose(2, 3).reshape(1, 4, 30).roll(2, 2).flip(1).reshape(x.shape),
    "gathered": lambda x: stripes(x)[..., [0, 0, 3, 5, 1, 2]],
    "repeated": lambda x: stripes(x)[:, :2].repeat(1, 2, 1, 1),
    "summed": lambda x: stripes(x).sum(2, keepdim=True),
    "pooled": lambda x: F.max_pool2d(F.pad(x[..., 5:], (3, 3)), (1, 2), stride=1),
    "averaged": lambda x: F.avg_pool2d(F.pad(x[..., 4:], (4, 0)), 3, stride=1, padding=1),
    "convolved": lambda x: F.conv2d(F.pad(x[..., 4:], (4, 0)), kernel(3, 1).to(x), padding=(1, 0)),
    "convolved with a bias": lambda x: F.conv2d(stripes(x), kernel(1, 1).to(x), torch.ones(4).to(x)),
    "convolved with pads alone": lambda x: F.conv2d(x[..., 2:4], kernel(1, 1).to(x), padding=(0, 2)),
    "spread": upscaled,
    "a product of zeros": lambda x: stripes(x) @ torch.ones(6, 6, dtype=x.dtype, device=x.device),
    "rows": lambda x: F.pad(x[:, :, 1:], (0, 0, 1, 0)) @ x.transpose(2, 3) @ x,
    "written inside": written_inside,
    "written with zeros": written_with_zeros,
    "written twice": written_twice,
    "overwritten": overwritten,
    "emptied": emptied,
    "read through a view": read_through_a_view,
    "written at indices": indexed,
    "upsampled": lambda x: F.interpolate(stripes(x)[..., :3, :3], size=(5, 6)),
}


def times(zeroed: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    return lambda x: zeroed(x) * around(x)


CASES |= {f"times what is zero, {name}": times(zeroed) for name, zeroed in ZEROED.items()}
