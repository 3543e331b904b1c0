"""Write a checkpoint's averaged weights as the graphs that the product's Pop2Piano loop runs.

cd packaging/training
python -m cover_model.export --state STATE --out FOLDER [--large]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from desktop.jobs.progress import Progress
from desktop.models.export.pop2piano import convert

from .network import plan_of
from .settings import LARGE, EarSettings, GridSettings, NetworkSettings
from .train import KEPT

ACTIVATION = "gelu_new"


def export(checkpoint: Path, folder: Path, settings: NetworkSettings) -> dict[str, Any]:
    """Write graphs and card into ``folder``; how well they agree with transformers on the same weights.

    Raises:
        UserError: the weights are not this network's, or the graphs compute something else.
    """
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / "weights.pt"
    torch.save({name: value for name, value in state["average"].items() if not name.startswith("keys.")}, weights)
    plan = plan_of(settings, EarSettings().width(GridSettings()))
    return {"step": state["step"]} | convert(weights, folder, Progress(), plan=plan, activations=(ACTIVATION,))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--large", action="store_true")
    args = parser.parse_args()
    print(json.dumps(export(args.state / KEPT[0], args.out, LARGE if args.large else NetworkSettings()), indent=1))


if __name__ == "__main__":
    main()
