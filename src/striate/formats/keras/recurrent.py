"""Keras's recurrent layers: time is scanned, features mix."""

from __future__ import annotations

from dataclasses import replace

from striate.errors import ModelError, UnsupportedError
from striate.formats.keras.arrange import inner
from striate.formats.keras.call import Call, elementwise, layer
from striate.formats.keras.config import layer_of
from striate.formats.steps import Part, Step, arranged, as_stored, step
from striate.network import Weight
from striate.network.operators import Concat, Function, Recurrent, Slice

GATES = {"SimpleRNN": 1, "GRU": 3, "LSTM": 4}
FUNCTIONS = {"SimpleRNN": "rnn", "GRU": "gru", "LSTM": "lstm"}
STATES = {"SimpleRNN": 1, "GRU": 1, "LSTM": 2}
MERGED = {"sum": "add", "ave": "average", "mul": "mul"}


@layer(*GATES)
def recurrent(call: Call) -> Step | tuple[Step, ...]:
    """All states or the last one, and where it is asked for the states to go on from."""
    kind, backwards = call.layer.kind, call.flag("go_backwards")
    last = _scanned(call, kind, None, backwards)
    made = last
    if call.flag("return_sequences"):
        made = _scanned(call, kind, 1, backwards)
        if backwards:
            n = made.shape[1]
            made = step(Slice((1,), (n - 1,), (n,), (-1,)), replace(made, word="scanned"))
    if not call.flag("return_state"):
        return made
    return (made, *(last,) * STATES[kind])


def _scanned(call: Call, kind: str, time: int | None, reverse: bool, word: str = "") -> Step:
    """The states at each step of time, each where its step is, or the last one."""
    x, units = arranged(call.inputs[0], as_stored(3)), call.integer("units")
    if len(x.shape) != 3:
        raise ModelError(f"an input of shape {x.shape} should have batch, time and features")
    batch, steps, features = x.shape
    weights = _weights(call, features, units, GATES[kind])
    states = (batch, units) if time is None else (batch, steps, units)
    made = Recurrent(
        1, 0, (states,), ((time, 0),), reverse=reverse, function=Function.of(FUNCTIONS[kind]),
        macs=batch * steps * GATES[kind] * units * (features + units),
    )  # fmt: skip
    initial = [arranged(part, as_stored(len(part.order))) for part in call.inputs[1:]]
    return step(made, x, *initial, order=as_stored(len(states)), weights=weights, word=word)


def _weights(call: Call, features: int, units: int, gates: int) -> tuple[Weight, ...]:
    """Those of the layer's cell."""
    cell = replace(call, place=f"{call.place}/cell")
    kept = (
        cell.weight("weight", 0, (features, gates * units)), cell.weight("recurrent weight", 1, (units, gates * units))
    )  # fmt: skip
    if not call.flag("use_bias", True):
        return kept
    twice = call.layer.kind == "GRU" and call.flag("reset_after", True)
    return (*kept, cell.weight("bias", 2, (2, gates * units) if twice else (gates * units,)))


@layer("Bidirectional")
def bidirectional(call: Call) -> Step:
    """A layer from the start and one from the end, merged where their steps meet."""
    found = inner(call, "layer")
    if found.kind not in GATES or len(call.inputs) != 1:
        raise UnsupportedError(f"a {found.kind} of {len(call.inputs)} inputs both ways has no rule")
    back = layer_of(call.get("backward_layer", call.get("layer")))
    forward, behind = (
        replace(call, layer=one, place=f"{call.place}/{word}_layer")
        for one, word in ((found, "forward"), (back, "backward"))
    )
    if forward.flag("return_state"):
        raise UnsupportedError("the states of a layer both ways have no rule")
    time = 1 if forward.flag("return_sequences") else None
    parts: list[Part] = [
        _scanned(forward, found.kind, time, False, "forward"), _scanned(behind, found.kind, time, True, "backward")
    ]  # fmt: skip
    mode = call.word("merge_mode", ("concat", *MERGED), "concat")
    if mode == "concat":
        return step(Concat(len(parts[0].shape) - 1), *parts)
    return elementwise(Function.of(MERGED[mode]), *parts)
