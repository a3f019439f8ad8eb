"""What the axes of an input are: named by the user, told by the convolutions that read it, or by their number."""

from __future__ import annotations

from striate.errors import InputError
from striate.network import Network
from striate.network.relation import Along, Drop, Insert, Merge, Permute, Relation, Shape

BY_RANK = {1: "L", 2: "NL", 3: "NCL", 4: "NCHW", 5: "NCDHW"}
BY_WINDOW = {1: "L", 2: "HW", 3: "DHW"}
NAMES = {"L": "length", "T": "time", "D": "depth", "H": "height", "W": "width"}

Origins = tuple[int | None, ...]


def layout_of(network: Network, source: str) -> str:
    """One letter per axis of an input, from the first convolution that slides over axes of it; else by rank.

    What such a convolution slides over are L, HW or DHW, what it sums is C; of the others the first is N, a second
    one T. Raises InputError where too many are left, or no rank of that many axes is known.
    """
    shape = network.shapes[source]
    found = _told(network, source)
    if found is None:
        if len(shape) not in BY_RANK:
            raise InputError(
                f"input {source} of shape {shape} has {len(shape)} axes and no convolution tells what they are: "
                "name them with layout, one letter per axis of N, C, D, H, W, L, T"
            )
        return BY_RANK[len(shape)]
    spare = [axis for axis in range(len(shape)) if axis not in found]
    if len(spare) > 2:
        raise InputError(
            f"the convolutions leave {len(spare)} axes of input {source} of shape {shape} open: "
            "name them with layout, one letter per axis of N, C, D, H, W, L, T"
        )
    letters = {**found, **dict(zip(spare, "NT", strict=False))}
    return "".join(letters[axis] for axis in range(len(shape)))


def spatial_axes(layout: str, shape: Shape) -> dict[str, int]:
    """The spatial axes of a layout by name; an InputError where it does not name the axes of ``shape``."""
    spatial = [letter for letter in layout if letter in NAMES]
    if len(layout) != len(shape) or set(layout) - set("NC") - set(NAMES) or len(set(spatial)) < len(spatial):
        raise InputError(
            f"layout {layout!r} does not name the {len(shape)} axes of input shape {shape}; "
            "use one letter per axis of N, C, D, H, W, L, T, each of the last five once"
        )
    return {NAMES[letter]: axis for axis, letter in enumerate(layout) if letter in NAMES}


def _told(network: Network, source: str) -> dict[int, str] | None:
    """The letters of the axes that the first convolution of an input slides over and sums; None without one."""
    known: dict[str, Origins] = {source: tuple(range(len(network.shapes[source])))}
    for node, result in zip(network.nodes, network.results, strict=True):
        if node.op in ("conv", "conv_transpose") and node.inputs[0] in known:
            letters = _letters(known[node.inputs[0]])
            if letters is not None:
                return letters
        for name, output in zip(node.outputs, result.outputs, strict=False):
            for before, reads in zip(node.inputs, output.reads, strict=True):
                if before in known and reads and name not in known:
                    known[name] = _after(known[before], reads[0], network.shapes[before])
    return None


def _letters(origins: Origins) -> dict[int, str] | None:
    """What a convolution of a tensor of (N, C, *spatial) says of the source's axes; None if it slides over others."""
    spatial = origins[2:]
    if None in spatial or len(set(spatial)) < len(spatial) or len(spatial) not in BY_WINDOW:
        return None
    found = {axis: letter for axis, letter in zip(spatial, BY_WINDOW[len(spatial)], strict=True) if axis is not None}
    if origins[1] is not None and origins[1] not in found:
        found[origins[1]] = "C"
    return found


def _after(origins: Origins, relation: Relation, shape: Shape) -> Origins:
    """Which axis of the source each axis is after a relation; None where it is none or several."""
    for step in relation:
        match step:
            case Along():
                pass
            case Permute(order):
                origins = tuple(origins[axis] for axis in order)
            case Insert(axis):
                origins = (*origins[:axis], None, *origins[axis:])
            case Drop(axis):
                origins = (*origins[:axis], *origins[axis + 1 :])
            case Merge(axis):
                sizes = {axis: shape[axis], axis + 1: shape[axis + 1]}
                left, right = origins[axis : axis + 2]
                one = right if sizes[axis] == 1 else left if sizes[axis + 1] == 1 else None
                origins = (*origins[:axis], one, *origins[axis + 2 :])
            case _:
                origins = (*origins[: step.axis], None, None, *origins[step.axis + 1 :])
        shape = step.shape(shape)
    return origins
