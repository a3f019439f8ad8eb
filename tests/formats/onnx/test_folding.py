"""Shape arithmetic: every folded operator on onnx's own cases gives what the case says."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from onnx import helper
from support.onnx_cases import single_nodes
from support.sure import sure

from striate.formats.onnx.call import Call, Tensor
from striate.formats.onnx.folding import FOLDS, fold

WITHOUT_CASES = {"Cast", "Range", "ConstantOfShape", "NonZero"}


def call_of(case: Any) -> Call | None:
    """The one node of a case with all its inputs constants; None where they are no plain arrays."""
    (made,) = case.model.graph.node
    values = dict(zip((info.name for info in case.model.graph.input), case.data_sets[0][0], strict=True))
    inputs: list[Tensor | None] = []
    for name in made.input:
        value: Any = values.get(name)
        if name and not isinstance(value, np.ndarray | np.generic):
            return None
        kind = helper.np_dtype_to_tensor_dtype(np.asarray(value).dtype) if name else 0
        inputs.append(Tensor(name, np.shape(value), kind, False, np.asarray(value)) if name else None)
    attributes = {item.name: helper.get_attribute_value(item) for item in made.attribute}
    version = next(entry.version for entry in case.model.opset_import if not entry.domain)
    return Call(made.op_type, tuple(inputs), tuple(made.output), attributes, version)


def test_folds_are_the_cases() -> None:
    seen: Counter[str] = Counter()
    for case in single_nodes():
        op = case.model.graph.node[0].op_type
        call = call_of(case) if op in FOLDS else None
        if call is None or any(t is not None and sure(t.value).dtype.kind not in "biuf" for t in call.inputs):
            continue
        found = fold(call)
        if found is None:
            continue
        wanted = np.asarray(case.data_sets[0][1][0])
        assert found.shape == wanted.shape, case.name
        np.testing.assert_allclose(found.astype(float), wanted.astype(float), rtol=1e-5, err_msg=case.name)
        seen[op] += 1
    assert set(FOLDS) - set(seen) <= WITHOUT_CASES
    assert sum(seen.values()) > 250
