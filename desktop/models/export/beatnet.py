"""BeatNet's network: a convolution over the spectrum and two LSTM layers over time.

Heydari, Cwitkowitz, Duan, "BeatNet: CRNN and particle filtering for online joint beat, downbeat and meter tracking", ISMIR 2021.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models.export.graph import Graph

if TYPE_CHECKING:
    import torch

WEIGHTS, EXPORTED = "model_3_weights.pt", "beatnet.onnx"
BANDS, CELLS, LAYERS, KERNEL = 272, 150, 2, 10
TOLERANCE = 1e-4
NOTES = {"author": "Mojtaba Heydari", "source": "BeatNet 1.1.3, model 3", "licence": "CC BY 4.0", "changes": "converted to ONNX"}


def export(folder: Path, progress: Progress) -> None:
    """Write ``beatnet.onnx`` next to the published weights and compare it with torch.

    Inputs: features [frames, 272], hidden and cell [2, 1, 150] (zeros at the start of a song). Outputs: likelihood [frames, 3] of
    beat, downbeat and neither; hidden_out and cell_out, for the next piece.

    Raises:
        UserError: the weights are not BeatNet's, or the written graph computes something else.
    """
    import torch

    progress.at(0.0, "Converting BeatNet")
    try:
        weights: dict[str, torch.Tensor] = torch.load(folder / WEIGHTS, map_location="cpu", weights_only=True)
        _write(folder / EXPORTED, {name: value.detach().float().numpy() for name, value in weights.items()})
    except (pickle.UnpicklingError, EOFError, KeyError, ValueError, RuntimeError, AttributeError) as error:
        raise UserError("These are not BeatNet's weights", path=folder / WEIGHTS, remedy="Install the model again.") from error
    progress.at(0.5, "Comparing the converted network with the original")
    _prove(folder / EXPORTED, weights)
    progress.at(1.0)


def _write(path: Path, weights: dict[str, Any]) -> None:
    graph = Graph("beatnet")
    graph.add_input("features", ("frames", BANDS))
    for name in ("hidden", "cell"):
        graph.add_input(name, (LAYERS, 1, CELLS))
        graph.add_node("Split", [name], [f"{name}_{layer}" for layer in range(LAYERS)], axis=0)
    width = 2 * ((BANDS - KERNEL + 1) // 2)
    graph.add_weight("as_channels", np.array([-1, 1, BANDS], np.int64))
    graph.add_weight("flat", np.array([-1, width], np.int64))
    graph.add_weight("as_sequence", np.array([-1, 1, CELLS], np.int64))
    graph.add_weight("as_rows", np.array([-1, CELLS], np.int64))
    for name in ("conv1.weight", "conv1.bias", "linear0.weight", "linear0.bias", "linear.weight", "linear.bias"):
        graph.add_weight(name, weights[name])
    graph.add_node("Reshape", ["features", "as_channels"], ["channels"])
    graph.add_node("Conv", ["channels", "conv1.weight", "conv1.bias"], ["filtered"], kernel_shape=[KERNEL])
    graph.add_node("Relu", ["filtered"], ["rectified"])
    graph.add_node("MaxPool", ["rectified"], ["pooled"], kernel_shape=[2], strides=[2])
    graph.add_node("Reshape", ["pooled", "flat"], ["flattened"])
    graph.add_node("Gemm", ["flattened", "linear0.weight", "linear0.bias"], ["embedded"], transB=1)
    graph.add_node("Reshape", ["embedded", "as_sequence"], ["sequence_0"])
    for layer in range(LAYERS):
        _add_lstm(graph, weights, layer)
    for name in ("hidden", "cell"):
        graph.add_node("Concat", [f"{name}_out_{layer}" for layer in range(LAYERS)], [f"{name}_out"], axis=0)
    graph.add_node("Reshape", [f"sequence_{LAYERS}", "as_rows"], ["rows"])
    graph.add_node("Gemm", ["rows", "linear.weight", "linear.bias"], ["scores"], transB=1)
    graph.add_node("Softmax", ["scores"], ["likelihood"], axis=1)
    graph.add_output("likelihood", ("frames", 3))
    graph.add_output("hidden_out", (LAYERS, 1, CELLS))
    graph.add_output("cell_out", (LAYERS, 1, CELLS))
    graph.save(path, NOTES)


def _add_lstm(graph: Graph, weights: dict[str, Any], layer: int) -> None:
    def gates(name: str) -> Any:
        """torch keeps input, forget, cell, output; ONNX wants input, output, forget, cell."""
        i, f, c, o = np.split(weights[f"lstm.{name}_l{layer}"], 4)
        return np.concatenate([i, o, f, c])

    graph.add_weight(f"W_{layer}", gates("weight_ih")[None])
    graph.add_weight(f"R_{layer}", gates("weight_hh")[None])
    graph.add_weight(f"B_{layer}", np.concatenate([gates("bias_ih"), gates("bias_hh")])[None])
    graph.add_node(
        "LSTM",
        [f"sequence_{layer}", f"W_{layer}", f"R_{layer}", f"B_{layer}", "", f"hidden_{layer}", f"cell_{layer}"],
        [f"directions_{layer}", f"hidden_out_{layer}", f"cell_out_{layer}"],
        hidden_size=CELLS,
    )
    graph.add_node("Reshape", [f"directions_{layer}", "as_sequence"], [f"sequence_{layer + 1}"])


def _prove(path: Path, weights: dict[str, torch.Tensor]) -> None:
    """Compare with torch on random features, in one piece and in two."""
    from desktop.models.session import open_session

    session = open_session(path, device="cpu")
    worst = 0.0
    for seed, frames in ((0, 1), (1, 37), (2, 400)):
        features = np.random.default_rng(seed).random((frames, BANDS), np.float32)
        wanted = _torch_likelihood(features, weights)
        state = [np.zeros((LAYERS, 1, CELLS), np.float32)] * 2
        found = []
        for piece in np.array_split(features, 2) if frames > 1 else [features]:
            rows, *state = session.run(
                {"features": piece, "hidden": state[0], "cell": state[1]}, ["likelihood", "hidden_out", "cell_out"]
            )
            found.append(rows)
        worst = max(worst, float(np.abs(np.concatenate(found) - wanted).max()))
    if not worst <= TOLERANCE:
        path.unlink(missing_ok=True)
        raise UserError(
            f"The converted BeatNet differs from the original by {worst:.2g}", path=path, remedy="Please report this."
        )


def _torch_likelihood(features: Any, weights: dict[str, torch.Tensor]) -> Any:
    import torch
    from torch.nn import functional

    lstm = torch.nn.LSTM(CELLS, CELLS, LAYERS, batch_first=True)
    lstm.load_state_dict({name.removeprefix("lstm."): value for name, value in weights.items() if name.startswith("lstm.")})
    with torch.no_grad():
        x = functional.conv1d(torch.from_numpy(features)[:, None], weights["conv1.weight"], weights["conv1.bias"])
        x = functional.max_pool1d(functional.relu(x), 2).flatten(1)
        x = functional.linear(x, weights["linear0.weight"], weights["linear0.bias"])
        x, _ = lstm(x[None])
        return functional.linear(x[0], weights["linear.weight"], weights["linear.bias"]).softmax(dim=1).numpy()
