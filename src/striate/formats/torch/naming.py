"""Names for what was recorded: nodes by the path of the module that ran them, tensors by their nodes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

from striate.formats.torch.graph import Graph
from striate.formats.torch.scopes import Scopes
from striate.formats.torch.values import Record
from striate.network import Network, Node


class Names:
    """Gives every name once: a second ``relu`` is ``relu_1``."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._next: Counter[str] = Counter()

    def take(self, name: str) -> str:
        """The name, numbered where it is taken."""
        found = name
        while found in self._taken:
            self._next[name] += 1
            found = f"{name}_{self._next[name]}"
        self._taken.add(found)
        return found


def named(
    name: str,
    inputs: tuple[str, ...],
    outputs: Mapping[str, int],
    graph: Graph,
    scopes: Scopes,
) -> Network:
    """The Network of a graph whose first tensors are the inputs."""
    records = _used(graph.records, set(outputs.values()))
    names, tensors = Names(), dict(enumerate(inputs))
    for taken in inputs:
        names.take(taken)
    labels = _labels(records, scopes, names)
    for record, label in zip(records, labels, strict=True):
        tensors.update({t: label if not k else f"{label}.{k}" for k, t in enumerate(record.outputs)})
    for record in records:
        for tensor in record.inputs:
            if tensor not in tensors:
                tensors[tensor] = names.take(f"{tensors[record.outputs[0]]}.constant")
    nodes = tuple(
        Node(label, r.op, tuple(tensors[t] for t in r.inputs), tuple(tensors[t] for t in r.outputs),
             r.label, r.parameters, r.at_most, r.weights)
        for label, r in zip(labels, records, strict=True)
    )
    found = {path: tensors[t] for path, t in {**scopes.outputs, **outputs}.items() if t in tensors and path}
    return Network(
        name,
        inputs,
        tuple(dict.fromkeys(tensors[t] for t in outputs.values())),
        nodes,
        {text: graph.shapes[t] for t, text in tensors.items()},
        {text: graph.item_bytes[t] for t, text in tensors.items()},
        found,
        _parts(records, labels, scopes),
    )


def _parts(records: list[Record], labels: list[str], scopes: Scopes) -> dict[str, tuple[str, ...]]:
    """The nodes that ran inside each module, by every path of the module; none in one that hands its input on."""
    around, parts = scopes.around(), defaultdict[str, list[str]](list)
    for record, label in zip(records, labels, strict=True):
        for path in around[record.call]:
            parts[path].append(label)
    return {path: tuple(parts[path]) for path in scopes.order if path and (path in parts or path in scopes.outputs)}


def _used(records: list[Record], needed: set[int]) -> list[Record]:
    """The records without the spare ones that nobody reads."""
    kept = []
    for record in reversed(records):
        if not record.spare or not needed.isdisjoint(record.outputs):
            needed.update(record.inputs)
            kept.append(record)
    return kept[::-1]


def _labels(records: list[Record], scopes: Scopes, names: Names) -> list[str]:
    """A leaf module's path names its last call, as it names that module's output."""
    counts = Counter(record.call for record in records)
    paths = {call.path for call in scopes.calls}
    last = {call.path: k for k, call in enumerate(scopes.calls) if call.leaf and call.path and counts[k] == 1}
    for path in last:
        names.take(path)
    labels = []
    for record in records:
        path, leaf = scopes.calls[record.call].path, scopes.calls[record.call].leaf
        label = f"{path}.{record.label}" if path else record.label
        if last.get(path) == record.call:
            labels.append(path)
            continue
        if leaf and path and counts[record.call] == 1:
            label = path
        elif label in paths:
            label += "_1"
        labels.append(names.take(label))
    return labels
