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


def crafted_zip(proof: Path, kind: str) -> bytes:
    """An archive as torch writes it whose pickle was written by hand: each ``kind`` calls something in another way."""
    path = pickle.dumps(str(proof), 4)[2:-1]
    place = str(proof).encode()
    pickles = {
        # A function by name, then a call.
        "reduce": b"\x80\x02cos\nmkdir\n(S'" + place + b"'\ntR.",
        # The names come off the stack, so that none stands beside the opcode.
        "stack": b"\x80\x04\x8c\x05posix\x94\x8c\x05mkdir\x94\x93" + path + b"\x85R.",
        # An old-style instance: the call hides in INST.
        "inst": b"(S'" + place + b"'\nios\nmkdir\n.",
        "obj": b"(cos\nmkdir\nS'" + place + b"'\no.",
        # Weights at the end: what was called before is thrown away.
        "dropped": b"\x80\x02cos\nmkdir\n(S'" + place + b"'\ntR0}.",
        # A function that a list of allowed names may hold lends its way to one that it does not.
        "getattr": b"\x80\x02c__builtin__\ngetattr\nc__builtin__\n__import__\n(S'os'\ntRS'mkdir'\n\x86R(S'" + place + b"'\ntR.",
        "numpy": b"\x80\x02cnumpy._core.multiarray\n_reconstruct\n0cos\nmkdir\n(S'" + place + b"'\ntR.",
    }
    return archive({"net/data.pkl": pickles[kind], "net/version": b"3\n", "net/byteorder": b"little"})


CRAFTED = ("reduce", "stack", "inst", "obj", "dropped", "getattr", "numpy")


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
