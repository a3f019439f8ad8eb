"""A network cut at its global operators: stages that crop, and what joins the tiles of one for the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from striate.crop.crop import Crop, crop
from striate.crop.cuts import Cuts
from striate.crop.joins import Join
from striate.geometry import Box
from striate.network import Network, Node
from striate.values import instance


@dataclass(frozen=True)
class Stage:
    """A part of a network that has no global operator: any box of its outputs can be cropped.

    The inputs of ``network`` are those of the whole, outputs of earlier stages, and what their tiles were joined to;
    ``joins`` are made of the tiles of this one before a later stage runs.
    """

    network: Network
    joins: tuple[Join, ...]

    def crop(self, wanted: Mapping[str, Box]) -> Crop:
        """The part of the stage that computes at least some boxes of its layers; raises InputError as ``crop`` does."""
        return crop(self.network, wanted, grow=True)


def stages(network: Network) -> tuple[Stage, ...]:
    """The network as stages, each of which waits for all of the one before; one where nothing is global.

    An operator is global where it reads an axis of the image from end to end: pooling, normalisation or softmax over
    space, attention, dense layers over places. Every node runs in the first stage that it can run in; what a later one
    reads of it is an output of its stage.

    >>> from striate.network.builder import Builder
    >>> from striate.network.operators import Conv, Elementwise, Reduce
    >>> b = Builder("gated", x=(1, 3, 9, 9))
    >>> y = b.add(Conv((3, 3), padding=((1, 1), (1, 1)), out_channels=8), "x", name="conv")
    >>> mean = b.add(Reduce((2, 3), function="mean"), y, name="mean")
    >>> z = b.add(Elementwise(function="mul"), y, mean, name="gate")
    >>> first, second = stages(b.network())
    >>> first.joins
    (Join(node='mean', tensor='conv', axes=(2, 3), groups=None, kind=<Joined.MEAN: 'mean'>, gives=('mean',)),)
    >>> second.network.inputs, [node.name for node in second.network.nodes]
    (('conv', 'mean'), ['gate'])
    """
    instance("stages: network", network, Network)
    cuts = Cuts(network)
    levels = range(1 + max(cuts.level.values(), default=0))
    nodes = [tuple(cuts.of(level)) for level in levels]
    joins = [tuple(join for join in cuts.joins if cuts.level[join.tensor] == level) for level in levels]
    taken = [{name for node in inside for name in node.inputs} for inside in nodes]
    wanted = [
        {*network.outputs, *(join.tensor for join in made), *(name for names in taken[level + 1 :] for name in names)}
        for level, made in enumerate(joins)
    ]
    rows = zip(levels, nodes, joins, taken, wanted, strict=True)
    return tuple(Stage(_part(cuts, level, inside, read, out), made) for level, inside, made, read, out in rows)


def _part(cuts: Cuts, level: int, nodes: tuple[Node, ...], taken: set[str], wanted: set[str]) -> Network:
    """The network of one stage: its inputs are what it takes and does not make, its outputs what is wanted of it."""
    network = cuts.network
    made = [name for node in nodes for name in node.outputs]
    given = [name for name, stage in cuts.level.items() if stage == level and name not in made]
    inputs = tuple(name for name in cuts.level if name in taken | (wanted & set(given)) and name not in made)
    outputs = tuple(name for name in (*given, *made) if name in wanted)
    shown = {*made, *taken, *inputs}
    shapes = {name: cuts.shapes[name] for name in shown}
    inside = {node.name for node in nodes}
    parts = {path: tuple(name for name in names if name in inside) for path, names in network.parts.items()}
    return Network(
        name=network.name,
        inputs=inputs,
        outputs=outputs,
        nodes=nodes,
        shapes=shapes,
        item_bytes={name: size for name, size in network.item_bytes.items() if name in shapes},
        aliases={name: tensor for name, tensor in network.aliases.items() if tensor in shapes},
        parts={path: names for path, names in parts.items() if names},
    )
