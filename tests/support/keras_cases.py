"""A small Keras model for each layer and function that is read, and its settings that matter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from support.keras_models import F, L, keras

Build = Callable[[Any], Any]

IMAGE, WIDE, LINE, SOLID, FIRST, VECTOR, TOKENS = (
    (6, 5, 2), (8, 9, 4), (9, 2), (4, 3, 4, 2), (2, 6, 5), (6,), (5, 4),
)  # fmt: skip
"""Shapes of inputs behind the batch; FIRST has its channels before rows and columns."""

SPATIAL: dict[str, tuple[tuple[int, ...], Build]] = {
    "conv": (IMAGE, L.Conv2D(3, 3)),
    "conv same, stride 2": (IMAGE, L.Conv2D(3, 3, strides=2, padding="same", activation="relu")),
    "conv same, stride 3, even": (IMAGE, L.Conv2D(2, (4, 2), strides=3, padding="same")),
    "conv same, dilated": (IMAGE, L.Conv2D(2, 3, padding="same", dilation_rate=(2, 1), use_bias=False)),
    "conv groups": (WIDE, L.Conv2D(4, 3, groups=2, activation="swish")),
    "conv 1d causal": (LINE, L.Conv1D(3, 3, padding="causal", dilation_rate=2)),
    "conv 1d same": (LINE, L.Conv1D(3, 4, strides=2, padding="same")),
    "conv 3d": (SOLID, L.Conv3D(2, 2, strides=(1, 1, 2), padding="same")),
    "depthwise": (IMAGE, L.DepthwiseConv2D(3, padding="same", depth_multiplier=2)),
    "depthwise stride": (IMAGE, L.DepthwiseConv2D(3, strides=2, padding="same")),
    "depthwise 1d": (LINE, L.DepthwiseConv1D(3, padding="same")),
    "separable": (IMAGE, L.SeparableConv2D(3, 3, strides=2, padding="same", activation="relu")),
    "separable 1d": (LINE, L.SeparableConv1D(3, 3, padding="valid")),
    "transposed same": ((3, 4, 2), L.Conv2DTranspose(2, 3, strides=2, padding="same")),
    "transposed valid": ((3, 4, 2), L.Conv2DTranspose(2, (3, 2), strides=2)),
    "transposed, a gap": ((3, 4, 1), L.Conv2DTranspose(1, 2, strides=3)),
    "transposed, even kernel": ((3, 4, 1), L.Conv2DTranspose(1, 4, strides=2, padding="same")),
    "transposed, dilated": ((4, 4, 1), L.Conv2DTranspose(1, 3, dilation_rate=2)),
    "transposed, more": ((3, 3, 1), L.Conv2DTranspose(1, 3, strides=2, padding="same", output_padding=1)),
    "transposed 1d": ((4, 2), L.Conv1DTranspose(2, 5, strides=3, padding="same")),
    "transposed 3d": ((2, 2, 3, 1), L.Conv3DTranspose(2, 2, strides=2)),
    "max pool": (IMAGE, L.MaxPooling2D(2)),
    "max pool same": (IMAGE, L.MaxPooling2D(3, 2, padding="same")),
    "average pool same": (IMAGE, L.AveragePooling2D((3, 2), (2, 1), padding="same")),
    "average pool 1d": (LINE, L.AveragePooling1D(3)),
    "max pool 3d": (SOLID, L.MaxPooling3D(2)),
    "global average": (IMAGE, L.GlobalAveragePooling2D()),
    "global average kept": (IMAGE, L.GlobalAveragePooling2D(keepdims=True)),
    "global max 1d": (LINE, L.GlobalMaxPooling1D()),
    "adaptive": (IMAGE, L.AdaptiveAveragePooling2D((4, 2))),
    "zero padding": (IMAGE, L.ZeroPadding2D(((1, 2), (0, 3)))),
    "zero padding, one number": (LINE, L.ZeroPadding1D(2)),
    "cropping": (IMAGE, L.Cropping2D(((1, 2), (0, 3)))),
    "cropping 1d": (LINE, L.Cropping1D((1, 3))),
    "up, nearest": (IMAGE, L.UpSampling2D((2, 3))),
    "up, bilinear": (IMAGE, L.UpSampling2D(2, interpolation="bilinear")),
    "up 1d": (LINE, L.UpSampling1D(2)),
    "up 3d": ((2, 3, 2, 1), L.UpSampling3D(2)),
    "resizing": (IMAGE, L.Resizing(9, 4)),
    "resizing, nearest": (IMAGE, L.Resizing(9, 4, interpolation="nearest")),
    "resizing, antialias": (WIDE, L.Resizing(3, 4, antialias=True)),
    "resizing, cut": (WIDE, L.Resizing(4, 3, crop_to_aspect_ratio=True)),
    "resizing, padded": (WIDE, L.Resizing(4, 3, pad_to_aspect_ratio=True)),
    "center crop": (WIDE, L.CenterCrop(5, 4)),
    "center crop, too small": (IMAGE, L.CenterCrop(9, 6)),
    "first: conv": (FIRST, L.Conv2D(3, 3, strides=2, padding="same", data_format="channels_first")),
    "first: pool": (FIRST, L.AveragePooling2D(2, data_format="channels_first")),
    "first: global": (FIRST, L.GlobalAveragePooling2D(data_format="channels_first")),
    "first: up": (FIRST, L.UpSampling2D(2, data_format="channels_first")),
    "first: flatten": (FIRST, L.Flatten(data_format="channels_first")),
}  # fmt: skip


def chain(*layers: Any) -> Build:
    """One after the other."""

    def build(x: Any) -> Any:
        for layer in layers:
            x = layer(x)
        return x

    return build


def conv() -> Any:
    """A convolution that brings an image into the network's order of axes."""
    return L.Conv2D(4, 1)


MIXED: dict[str, tuple[tuple[int, ...], Build]] = {
    "dense": (VECTOR, L.Dense(3, activation="tanh")),
    "dense on an image": (IMAGE, chain(conv(), L.Dense(3))),
    "einsum dense": (TOKENS, L.EinsumDense("abc,cde->abde", output_shape=(None, 2, 3), bias_axes="de")),
    "einsum dense, dots": (IMAGE, L.EinsumDense("...x,xy->...y", output_shape=3, bias_axes="y")),
    "flatten": (IMAGE, chain(conv(), L.Flatten())),
    "reshape": (IMAGE, chain(conv(), L.Reshape((5, -1, 2)))),
    "permute": (IMAGE, chain(conv(), L.Permute((2, 1, 3)))),
    "repeat vector": (VECTOR, L.RepeatVector(3)),
    "batch norm": (IMAGE, chain(conv(), L.BatchNormalization())),
    "batch norm, first": (FIRST, L.BatchNormalization(axis=1)),
    "layer norm": (IMAGE, chain(conv(), L.LayerNormalization())),
    "layer norm, axes": (IMAGE, L.LayerNormalization(axis=[2, 3])),
    "rms norm": (TOKENS, L.RMSNormalization()),
    "unit norm": (TOKENS, L.UnitNormalization()),
    "group norm": (WIDE, L.GroupNormalization(2)),
    "group norm of each": (WIDE, L.GroupNormalization(-1)),
    "group norm, first": ((4, 3, 3), L.GroupNormalization(2, axis=1)),
    "normalization": (IMAGE, L.Normalization(mean=0.5, variance=2.0)),
    "rescaling": (IMAGE, L.Rescaling(1 / 255, offset=-1.0)),
    "prelu": (IMAGE, L.PReLU(shared_axes=[1, 2])),
    "leaky relu": (IMAGE, chain(conv(), L.LeakyReLU(0.1))),
    "relu with a slope": (IMAGE, L.ReLU(negative_slope=0.1)),
    "elu": (IMAGE, L.ELU()),
    "activation": (IMAGE, L.Activation("gelu")),
    "softmax": (TOKENS, L.Softmax()),
    "softmax, an axis": (IMAGE, chain(conv(), L.Softmax(axis=1))),
    "softmax of a dense": (VECTOR, L.Dense(3, activation="softmax")),
    "glu": (IMAGE, L.Activation("glu")),
    "activation that is a layer": (IMAGE, L.Conv2D(2, 3, activation=L.LeakyReLU(0.1))),
    "dropout": (IMAGE, chain(L.Dropout(0.5), L.GaussianNoise(0.1), L.SpatialDropout2D(0.2))),
    "augmentation": (IMAGE, chain(L.RandomFlip(), L.RandomRotation(0.1), L.RandomZoom(0.2))),
    "add": (IMAGE, lambda x: L.Add()([x, conv()(x) * 0.5, x][::2])),
    "add, broadcast": (WIDE, lambda x: L.Multiply()([conv()(x), L.GlobalAveragePooling2D()(x)])),
    "add, a kernel": (IMAGE, lambda x: L.Add()([L.Conv2D(2, 3, padding="same")(x), x])),
    "subtract": (IMAGE, lambda x: L.Subtract()([L.Conv2D(2, 3, padding="same")(x), x])),
    "average": (IMAGE, lambda x: L.Average()([x, L.Conv2D(2, 3, padding="same")(x)])),
    "concatenate": (IMAGE, lambda x: L.Concatenate()([x, conv()(x)])),
    "concatenate, rows": (IMAGE, lambda x: L.Concatenate(axis=1)([x, L.Conv2D(2, 1)(x), x])),
    "dot": (TOKENS, lambda x: L.Dot(axes=2)([x, L.Dense(4)(x)])),
    "dot of vectors": (VECTOR, lambda x: L.Dot(axes=1)([x, L.Dense(6)(x)])),
    "dot, normalized": (TOKENS, lambda x: L.Dot(axes=(1, 1), normalize=True)([x, L.Dense(3)(x)])),
    "gru": (TOKENS, L.GRU(3, return_sequences=True)),
    "lstm": (TOKENS, L.LSTM(3)),
    "rnn backwards": (TOKENS, L.SimpleRNN(3, return_sequences=True, go_backwards=True)),
    "lstm with its state": (TOKENS, lambda x: L.LSTM(2, return_sequences=True, return_state=True)(x)[1]),
    "lstm from a state": (TOKENS, lambda x: L.GRU(3)(x, initial_state=L.Dense(3)(F.mean(x, axis=1)))),
    "bidirectional": (TOKENS, L.Bidirectional(L.GRU(2, return_sequences=True))),
    "bidirectional sum": (TOKENS, L.Bidirectional(L.LSTM(2), merge_mode="sum")),
    "time distributed": ((3, 5, 4, 1), L.TimeDistributed(L.Conv2D(2, 3))),
    "spectral": (IMAGE, L.SpectralNormalization(L.Conv2D(2, 3))),
    "attention": (TOKENS, lambda x: L.Attention()([x, L.Dense(4)(x)])),
    "multi head": (TOKENS, lambda x: L.MultiHeadAttention(2, 3)(x, x)),
    "multi head by name": (TOKENS, lambda x: L.MultiHeadAttention(2, 3, value_dim=2)(value=x, query=L.Dense(4)(x))),
    "grouped query": (TOKENS, lambda x: L.GroupQueryAttention(3, 4, 2)(x, x)),
}  # fmt: skip

FUNCTIONS: dict[str, tuple[tuple[int, ...], Build]] = {
    "arithmetic": (IMAGE, lambda x: F.relu(conv()(x) * 2.0 - 0.01) / 3.0 + x[..., :1]),
    "a constant that widens": (IMAGE, lambda x: x[:, :1] + np.ones((1, 3, 5, 2), np.float32)),
    "a constant": (IMAGE, lambda x: conv()(x) * np.full((1, 1, 1, 4), 2, np.float32)),
    "slices": (IMAGE, lambda x: conv()(x)[:, 1:, ::2, :3]),
    "slices, an index": (IMAGE, lambda x: conv()(x)[:, -3:, 2]),
    "slices, new axis": (IMAGE, lambda x: x[:, None, ..., 1:]),
    "mean": (IMAGE, lambda x: F.mean(conv()(x), axis=[1, 2], keepdims=True)),
    "sum": (IMAGE, lambda x: F.sum(conv()(x), axis=-1)),
    "max": (IMAGE, lambda x: F.max(x, axis=1)),
    "concatenate": (IMAGE, lambda x: F.concatenate([conv()(x), x], axis=-1)),
    "stack": (IMAGE, lambda x: F.stack([x, L.Conv2D(2, 1)(x)], axis=1)),
    "split": (WIDE, lambda x: F.split(x, 2, axis=-1)[1]),
    "reshape": (IMAGE, lambda x: F.reshape(conv()(x), (-1, 5, 24))),
    "transpose": (IMAGE, lambda x: F.transpose(conv()(x), (0, 3, 1, 2))),
    "expand and squeeze": (IMAGE, lambda x: F.squeeze(F.expand_dims(conv()(x), 1), 1)),
    "matmul": (TOKENS, lambda x: F.matmul(x, F.transpose(x, (0, 2, 1)))),
    "matmul with a constant": (TOKENS, lambda x: F.matmul(x, np.ones((4, 3), np.float32))),
    "flip": (IMAGE, lambda x: F.flip(conv()(x), 1)),
    "repeat": (IMAGE, lambda x: F.repeat(conv()(x), 2, axis=2)),
    "depth to space": (WIDE, lambda x: F.nn.depth_to_space(x, 2)),
    "space to depth": ((4, 6, 2), lambda x: F.nn.space_to_depth(x, 2)),
    "resize": (IMAGE, lambda x: F.image.resize(conv()(x), (9, 3))),
    "variance": (IMAGE, lambda x: F.var(conv()(x), axis=(1, 2))),
    "pad": (IMAGE, lambda x: F.pad(conv()(x), ((0, 0), (1, 0), (0, 2), (0, 0)))),
    "where": (IMAGE, lambda x: F.where(x > 0.25, x, F.exp(-x))),
    "softmax": (TOKENS, lambda x: F.softmax(x)),
    "silu": (IMAGE, lambda x: F.silu(F.square(x))),
    "maximum": (IMAGE, lambda x: F.maximum(x, F.sqrt(x))),
}

QUIET: dict[str, tuple[tuple[int, ...], Build]] = {
    "additive attention": (TOKENS, lambda x: L.AdditiveAttention()([x, L.Dense(4)(x)])),
    "attention, causal": (TOKENS, lambda x: L.Attention()([x, x], use_causal_mask=True)),
    "global max": (IMAGE, L.GlobalMaxPooling2D()),
    "masking": (TOKENS, L.Masking(1.5)),
    "multi head, causal": (TOKENS, lambda x: L.MultiHeadAttention(2, 3)(x, x, use_causal_mask=True)),
}
"""Whose claim is an upper bound, or shows itself at some values alone."""

CASES = {**SPATIAL, **MIXED, **{f"ops: {name}": found for name, found in FUNCTIONS.items()}}


def built(name: str) -> Any:
    """The model of a case."""
    shape, build = {**CASES, **QUIET}[name]
    x = L.Input(shape, name="x")
    return keras.Model(x, build(x))
