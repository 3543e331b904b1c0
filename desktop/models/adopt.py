"""Face restorers that the user has: looked at, tried on a face, and put into the library."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from desktop.errors import UsageError, UserError
from desktop.jobs.progress import Progress
from desktop.models import onnxfile, own, sidecar
from desktop.models.catalog import Entry, ModelFile
from desktop.models.face_ports import Hints, describe
from desktop.models.files import BLOCK, check_space, explained_writes, sha256_of
from desktop.models.library import Library
from desktop.models.session import Session, close_sessions, open_session
from desktop.models.sidecar import FaceNetwork
from desktop.paths import make_folder

GRAPH = "network.onnx"
CHECKPOINTS = (".pth", ".pt", ".ckpt")
_SUFFIXES = (".onnx", *CHECKPOINTS)
_NUMPY = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}
# How far beyond black and white a sound network goes on an ordinary face, in parts of the distance between them.
_BEYOND = 1.0
_SAME = 0.01


def adopt(library: Library, place: Path, model: str, hints: Hints, progress: Progress) -> Entry:
    """Install a face restorer of the user's: an ONNX file, or a checkpoint with CodeFormer's keys, which is converted.

    Args:
        place: the file, or a folder that holds one, with its card (``restorer.json``) beside it if it has one.
        model: the id it is to have; made of the file's name when empty.

    Raises:
        UserError: not such a file, dangerous, damaged, or it does not restore a face when it is tried.
        UsageError: what the file does not say is not in ``hints`` either.
    """
    source = _find(place)
    known = [entry.id for entry in library.entries() if not entry.is_own]
    name = own.name_for(model or source.stem, () if model else known)
    if name in known:
        raise UsageError(f"'{name}' is a model of the catalog; choose another name for yours")
    # Inside the model's folder, so that what a killed import leaves goes with the next one.
    home = make_folder(library.root / name)
    staging = Path(tempfile.mkdtemp(prefix=".own-", dir=home))
    try:
        check_space(staging, source.stat().st_size)
        with explained_writes(staging):
            card = _prepare(source, staging, hints, progress.part(0.0, 0.9))
        close_sessions()
        files = [_describe(path, staging) for path in _files(staging, card)]
        description = f"Your own face restorer, {card.size} pixels, from {source.name}."
        entry = own.make(name, source.stem, "face-restorer", "video", description, source, files)
        progress.at(0.95, f"Installing {entry.title}")
        library.adopt(entry, staging, progress)
    finally:
        close_sessions()
        shutil.rmtree(staging, ignore_errors=True)
        with contextlib.suppress(OSError):
            home.rmdir()
    return entry


def _find(place: Path) -> Path:
    if not place.exists():
        raise UserError("There is no such file or folder", path=place)
    if place.is_file():
        if place.suffix.lower() not in _SUFFIXES:
            raise UserError(
                f"{place.name} is no face restorer that Reprise can read",
                path=place,
                remedy="It reads .onnx and .pth files; for a model of the catalog say its ID before the path.",
            )
        return place
    found = sorted(path for path in place.iterdir() if path.suffix.lower() in _SUFFIXES and path.is_file())
    if len(found) != 1:
        names = f"these: {', '.join(path.name for path in found[:8])}" if found else "none"
        raise UserError(f"One model file is needed, the folder holds {names}", path=place, remedy="Name the file itself.")
    return found[0]


def _prepare(source: Path, staging: Path, hints: Hints, progress: Progress) -> FaceNetwork:
    """Fill ``staging`` with the graph and its card, tried out."""
    if source.suffix.lower() in CHECKPOINTS:
        # Needs torch, which a graph does not.
        from desktop.models.export import codeformer

        codeformer.convert(source, staging, GRAPH, progress)
        return sidecar.read(staging)
    progress.at(0.0, f"Reading {source.name}")
    _copy(source, staging / GRAPH, progress)
    folder = source.parent.resolve()
    for path in onnxfile.external_files(source, onnxfile.read(source)):
        _copy(path, staging / path.relative_to(folder), progress)
    progress.at(0.5, f"Trying {source.name} on a face")
    try:
        session = open_session(staging / GRAPH, device="cpu")
        card = _card(source, hints) or describe(GRAPH, session.inputs, session.outputs, hints)
        card = _tried(session, card)
    except UserError as error:
        raise type(error)(error.message, path=source, remedy=error.remedy) from error
    sidecar.write(staging, card)
    return card


def _copy(source: Path, target: Path, progress: Progress) -> None:
    make_folder(target.parent)
    with source.open("rb") as file, target.open("xb") as out:
        while block := file.read(BLOCK):
            out.write(block)
            progress.checkpoint()


def _card(source: Path, hints: Hints) -> FaceNetwork | None:
    """The card that lies beside the user's file, when it is this file's and nothing else was said."""
    if hints != Hints() or not (source.parent / sidecar.NAME).is_file():
        return None
    card = sidecar.read(source.parent)
    return msgspec.structs.replace(card, file=GRAPH) if card.file == source.name else None


def _tried(session: Session, card: FaceNetwork) -> FaceNetwork:
    """The card after the graph was run on a drawn face, and on two at a time if it can.

    Raises:
        UserError: it fails, gives another shape, values that are not numbers, or values far out of its range.
    """
    face = drawn_face(card.size)
    alone = _run(session, card, face[None])
    low, high = card.range_out
    if alone.min() < low - _BEYOND * (high - low) or alone.max() > high + _BEYOND * (high - low):
        raise UserError(
            f"The network gives values from {alone.min():.3g} to {alone.max():.3g} where {low:g} to {high:g} are expected",
            remedy="Say the right range with --range, for example --range=0,1 or --range=0,255.",
        )
    # Many graphs say that they take several faces and then fail, or mix them up.
    try:
        together = _run(session, card, np.stack([face, face[:, ::-1]]))
        several = bool(np.abs(together[:1] - alone).max() <= _SAME * (high - low))
    except UserError:
        several = False
    return card if several else msgspec.structs.replace(card, most=1)


def _run(session: Session, card: FaceNetwork, faces: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    types = {port.name: _NUMPY.get(port.type, np.float32) for port in session.inputs}
    black, white = card.range
    planes = np.ascontiguousarray((faces * (white - black) + black).transpose(0, 3, 1, 2))
    feeds = {card.image: planes.astype(types.get(card.image, np.float32))}
    for port in session.inputs:
        if port.name == card.fidelity:
            each = len(faces) if port.shape and not isinstance(port.shape[0], int) else 1
            feeds[port.name] = np.full([each, 1][: len(port.shape)], 0.5, types[port.name])
    try:
        restored = np.asarray(session.run(feeds, [card.restored])[0], np.float64)
    except ValueError as error:
        raise UserError(f"The network does not take {len(faces)} faces of {card.size} pixels: {error}") from error
    except MemoryError as error:
        raise UserError("There is not enough memory to run this network", remedy="Close other programs and try again.") from error
    if restored.shape != planes.shape:
        raise UserError(f"The network gives {list(restored.shape)} for faces of {list(planes.shape)}")
    if not np.isfinite(restored).all():
        raise UserError("The network gives values that are not numbers for an ordinary face")
    return restored


def drawn_face(size: int) -> npt.NDArray[np.float32]:
    """A face of ellipses, [size, size, 3], RGB 0..1."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    face = np.full((size, size, 3), (0.35, 0.4, 0.45), np.float32)
    for (cx, cy), (rx, ry), colour in (
        ((0.5, 0.55), (0.3, 0.4), (0.85, 0.66, 0.55)),
        ((0.38, 0.47), (0.06, 0.03), (0.15, 0.1, 0.1)),
        ((0.62, 0.47), (0.06, 0.03), (0.15, 0.1, 0.1)),
        ((0.5, 0.61), (0.04, 0.06), (0.75, 0.55, 0.45)),
        ((0.5, 0.73), (0.12, 0.03), (0.65, 0.25, 0.25)),
    ):
        face[((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1] = colour
    return face


def _files(staging: Path, card: FaceNetwork) -> list[Path]:
    """What was put into ``staging``, the graph first."""
    others = sorted(path for path in staging.rglob("*") if path.is_file() and path != staging / card.file)
    return [staging / card.file, *others]


def _describe(path: Path, folder: Path) -> ModelFile:
    return ModelFile(path.relative_to(folder).as_posix(), sha256_of(path), path.stat().st_size)
