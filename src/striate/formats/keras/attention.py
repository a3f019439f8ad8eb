"""Keras's attention layers: tokens that read each other."""

from __future__ import annotations

import numpy as np

from striate.errors import ModelError, UnsupportedError
from striate.formats.keras.call import Call, layer, weight
from striate.formats.steps import Part, Step, Tensor, arranged, as_stored, step
from striate.network.operators import (
    Attention,
    Everything,
    Linear,
    Mask,
    Reshape,
    Transpose,
)

TOKENS = as_stored(3)


def _read(call: Call) -> tuple[Part, Part, Part]:
    """Query, key and value, of which only the key may be left out."""
    if call.kwargs.get("return_attention_scores"):
        raise UnsupportedError("attention scores as a second output have no rule")
    if any(call.kwargs.get(name) is not None for name in ("attention_mask", "mask")):
        raise UnsupportedError("an attention mask that a call is given has no rule")
    given = call.args[0] if len(call.args) == 1 and isinstance(call.args[0], list) else call.args
    named = {**dict(zip(("query", "value", "key"), given, strict=False)), **call.kwargs}
    query, value = named.get("query"), named.get("value")
    key = value if named.get("key") is None else named["key"]
    return _tokens(query), _tokens(key), _tokens(value)


def _tokens(part: object) -> Part:
    if not isinstance(part, Tensor | Step) or len(part.order) != 3:
        raise UnsupportedError("attention of other than tensors of batch, tokens and features has no rule")
    return arranged(part, TOKENS)


def _keep(call: Call, query: Part, key: Part) -> Mask | None:
    """Which keys a query may see."""
    if not call.kwargs.get("use_causal_mask"):
        return None
    return Mask.of(np.tril(np.ones((query.shape[1], key.shape[1]), np.bool_)))


@layer("Attention", "AdditiveAttention")
def attention(call: Call) -> Step:
    """Each query from all keys and values; of scores that are no products it is said to see everything."""
    query, key, value = _read(call)
    if call.layer.kind == "AdditiveAttention":
        shape = (*query.shape[:2], value.shape[2])
        return step(Everything((shape,)), query, key, value, at_most=True)
    return step(Attention(_keep(call, query, key), scale=1.0), query, key, value)


def _heads(call: Call, part: Part, name: str, heads: int, width: int) -> Step:
    """A tensor's features as those of some heads, (batch, heads, tokens, width)."""
    batch, tokens, features = part.shape
    place = f"{call.place}/{name}_dense/vars"
    flat = Reshape((features, heads * width))
    weights = [weight("weight", f"{place}/0", (features, heads, width), flat)]
    if call.flag("use_bias", True):
        weights.append(weight("bias", f"{place}/1", (heads, width), Reshape((heads * width,))))
    made = step(Linear(heads * width), part, word=name, weights=tuple(weights))
    parted = step(Reshape((batch, tokens, heads, width)), made, order=as_stored(4), word=f"{name}_heads")
    return step(Transpose((0, 2, 1, 3)), parted, order=as_stored(4), word=f"{name}_turned")


def _joined(call: Call, made: Step, features: int) -> Step:
    """The heads' features side by side, and mixed."""
    batch, heads, tokens, width = made.shape
    turned = step(Transpose((0, 2, 1, 3)), made, order=as_stored(4), word="tokens")
    flat = step(Reshape((batch, tokens, heads * width)), turned, order=TOKENS, word="joined")
    place = f"{call.place}/output_dense/vars"
    weights = [weight("weight", f"{place}/0", (heads, width, features), Reshape((heads * width, features)))]
    if call.flag("use_bias", True):
        weights.append(weight("bias", f"{place}/1", (features,)))
    return step(Linear(features), flat, weights=tuple(weights))


def _plain(call: Call) -> None:
    for name in ("sliding_window", "attention_axes", "output_shape"):
        if call.get(name) not in (None, [1], False):
            raise UnsupportedError(f"{name} {call.get(name)} has no rule")
    if call.flag("use_gate"):
        raise UnsupportedError("a gate has no rule")


@layer("MultiHeadAttention")
def multi_head(call: Call) -> Step:
    """Heads side by side, each of them attention."""
    _plain(call)
    query, key, value = _read(call)
    heads, width = call.integer("num_heads"), call.integer("key_dim")
    deep = call.integers("value_dim", 1, width)[0]
    parts = (
        _heads(call, query, "query", heads, width), _heads(call, key, "key", heads, width),
        _heads(call, value, "value", heads, deep),
    )  # fmt: skip
    made = step(Attention(_keep(call, query, key), scale=width**-0.5), *parts, word="attention")
    return _joined(call, made, query.shape[2])


@layer("GroupQueryAttention")
def grouped_query(call: Call) -> Step:
    """Heads side by side, some of which share keys and values."""
    _plain(call)
    query, key, value = _read(call)
    width, heads, few = (call.integer(name) for name in ("head_dim", "num_query_heads", "num_key_value_heads"))
    if heads % few:
        raise ModelError(f"{heads} query heads do not divide by {few} heads of keys and values")
    parts = (
        _heads(call, query, "query", heads, width), _heads(call, key, "key", few, width),
        _heads(call, value, "value", few, width),
    )  # fmt: skip
    made = step(Attention(_keep(call, query, key), scale=width**-0.5), *parts, word="attention")
    return _joined(call, made, query.shape[2])
