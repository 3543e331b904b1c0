"""CodeFormer from its published checkpoint to a graph that ONNX Runtime runs, compared with the network in torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models import sidecar
from desktop.models.export import checkpoint, codeformer_graph
from desktop.models.export.codeformer_net import CodeFormer, Plan
from desktop.models.session import close_sessions, open_session

WEIGHTS, EXPORTED = "codeformer.pth", "codeformer.onnx"
TOLERANCE = 1e-4
NOTES = {
    "author": "Shangchen Zhou, Kelvin C.K. Chan, Chongyi Li, Chen Change Loy",
    "licence": "S-Lab License 1.0: non-commercial use only",
    "changes": "converted to ONNX",
}
# Fidelity of each face of each batch that is compared.
_CASES: tuple[tuple[float, ...], ...] = ((0.5,), (0.0, 1.0), (0.5,))
# When the best codes' scores are closer than this, rounding may choose either of them, and both are right.
_CLOSE = 1e-3


def export(folder: Path, progress: Progress) -> None:
    """Write ``codeformer.onnx`` and its card next to the published checkpoint in ``folder``.

    Raises:
        UserError: the checkpoint is not CodeFormer's, or the written graph computes something else.
    """
    convert(folder / WEIGHTS, folder, EXPORTED, progress)


def convert(source: Path, folder: Path, name: str, progress: Progress, plan: Plan | None = None) -> None:
    """Write the graph ``name`` and its card into ``folder`` from a checkpoint with CodeFormer's keys.

    The graph: image [faces, 3, size, size], RGB -1..1, and fidelity [faces], 0..1 for each face, give restored and codes.

    Raises:
        UserError: the checkpoint is damaged, dangerous or not CodeFormer's; or the graph differs from torch by more than
            ``TOLERANCE``, in which case it is deleted.
    """
    progress.at(0.0, "Reading the checkpoint")
    with torch.device("meta"):
        net = CodeFormer(plan or Plan())
    weights = checkpoint.match(checkpoint.read(source), net.state_dict(), "CodeFormer", source)
    net.load_state_dict(weights, assign=True)
    progress.at(0.2, "Converting CodeFormer")
    path = folder / name
    codeformer_graph.write(path, net.plan, {key: value.numpy() for key, value in net.state_dict().items()}, NOTES)
    try:
        prove(path, net, progress.part(0.4, 1.0))
    finally:
        # The graph is about to be moved, and as large as this it is not worth keeping warm where it was.
        close_sessions()
    card = sidecar.FaceNetwork(
        file=name, size=net.plan.size, range=(-1, 1), range_out=(-1, 1), image="image", restored="restored", fidelity="fidelity"
    )
    sidecar.write(folder, card)
    progress.at(1.0)


def prove(path: Path, net: CodeFormer, progress: Progress) -> None:
    """Compare the graph with the network, for several batches, seeds and fidelities; delete it when they differ.

    Raises:
        UserError: they differ by more than ``TOLERANCE``, or choose different codes.
    """
    worst = 0.0
    for seed, fidelity in enumerate(_CASES):
        progress.at(seed / len(_CASES), "Comparing the converted network with the original")
        difference, behind = _compare(path, net, fidelity, seed)
        worst = max(worst, difference)
        # Not "greater than": a difference that is no number is wrong, too.
        if not (difference <= TOLERANCE and behind <= _CLOSE):
            path.unlink(missing_ok=True)
            what = (
                f"differs from the original by {difference:.2g}" if behind <= _CLOSE else "chooses other codes than the original"
            )
            raise UserError(f"The converted CodeFormer {what}", path=path, remedy="Please report this.")
    progress.log(f"The converted network differs from the original by {worst:.1e} at most")


def _compare(path: Path, net: CodeFormer, fidelity: Sequence[float], seed: int) -> tuple[float, float]:
    """Run both on made-up faces, torch with the codes that the graph chose.

    Returns:
        The largest difference (of values beyond -1..1 in proportion), and how far the score of a code that the graph chose is
        behind the best one in torch, at most.
    """
    faces, weights = _faces(net.plan.size, len(fidelity), seed), torch.tensor(fidelity)
    feeds = {"image": faces.numpy(), "fidelity": weights.numpy()}
    found, chosen = open_session(path, device="cpu").run(feeds, ["restored", "codes"])
    codes = torch.from_numpy(chosen).long()
    behind: list[float] = []

    def listen(_module: object, _inputs: object, scores: Tensor) -> None:
        own = scores.gather(2, codes[len(behind), None, :, None])[..., 0]
        behind.append(float((scores.max(dim=2).values - own).max()))

    hook = net.idx_pred_layer.register_forward_hook(listen)
    try:
        with torch.inference_mode():
            # One by one: for several faces at once torch takes other convolutions, which are ten times less exact.
            each = [slice(place, place + 1) for place in range(len(faces))]
            wanted = torch.cat([net(faces[one], weights[one], codes[one]) for one in each]).numpy()
    finally:
        hook.remove()
    return float(np.abs(found - wanted).max() / max(1.0, np.abs(wanted).max())), max(behind)


def _faces(size: int, count: int, seed: int) -> Tensor:
    """Blurred blotches with some noise, [count, 3, size, size], -1..1."""
    random = torch.Generator().manual_seed(seed)
    blotches = functional.interpolate(torch.randn(count, 3, 8, 8, generator=random), size=(size, size), mode="bicubic")
    return (0.4 * blotches + 0.05 * torch.randn(count, 3, size, size, generator=random)).clamp(-1, 1)
