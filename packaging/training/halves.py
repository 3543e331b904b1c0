"""Weights of an ONNX graph stored as float16 and widened where they are used: half the file, the same computation."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np


def store_as_half(graph: Any, names: Collection[str]) -> None:
    """Store the float32 initializers called ``names`` as float16, under their names, with a cast before their first use."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in list(graph.initializer):
        if tensor.name not in names or tensor.data_type != TensorProto.FLOAT:
            continue
        half = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name)
        wide = f"{tensor.name}.wide"
        casts.append(helper.make_node("Cast", [tensor.name], [wide], to=TensorProto.FLOAT))
        for node in graph.node:
            node.input[:] = [wide if name == tensor.name else name for name in node.input]
        graph.initializer.remove(tensor)
        graph.initializer.append(half)
    nodes = casts + list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes)
