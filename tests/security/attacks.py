"""Files that would do harm if they were trusted; each has its proof that it is a real attack."""

from __future__ import annotations

import io
import os
import pickle
import stat
import zipfile
from pathlib import Path
from typing import Any

import torch


class Runs:
    """Makes a folder when it is unpickled."""

    def __init__(self, proof: Path) -> None:
        self._proof = proof

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._proof),)


def bare_pickle(proof: Path) -> bytes:
    """A pickle alone, as .bin and old .ckpt files are."""
    return pickle.dumps(Runs(proof), protocol=2)


def torch_zip(proof: Path) -> bytes:
    """What ``torch.save`` writes, with a passenger beside the weights."""
    torch.save({"state_dict": {"weight": torch.ones(2)}, "extra": Runs(proof)}, out := io.BytesIO())
    return out.getvalue()


def old_torch(proof: Path) -> bytes:
    """The form from before archives."""
    content = {"weight": torch.ones(2), "extra": Runs(proof)}
    torch.save(content, out := io.BytesIO(), _use_new_zipfile_serialization=False)
    return out.getvalue()


def object_array(proof: Path) -> bytes:
    """An .npy file whose values are objects."""
    import numpy as np

    np.save(out := io.BytesIO(), np.array([Runs(proof)], dtype=object), allow_pickle=True)
    return out.getvalue()


def object_arrays(proof: Path, **plain: Any) -> bytes:
    """An .npz file, one of whose arrays holds objects."""
    import numpy as np

    np.savez(out := io.BytesIO(), facts=np.array([Runs(proof)], dtype=object), **plain)
    return out.getvalue()


def archive(members: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    """A zip archive with these members, whatever their names, and symbolic links to these places."""
    with zipfile.ZipFile(out := io.BytesIO(), "w") as made:
        for name, data in members.items():
            made.writestr(name, data)
        for name, target in (links or {}).items():
            info = zipfile.ZipInfo(name)
            info.create_system = 3
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            made.writestr(info, target)
    return out.getvalue()
