"""Base models of the Hugging Face hub by name: looked at before they are fetched, safetensors only, then kept in the library."""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models import adopt_language, hub_folder
from desktop.models.catalog import Entry, HubSource, OwnSource
from desktop.models.files import BLOCK, check_space, megabytes, sha256_of
from desktop.models.library import Library, is_offline
from desktop.models.sources import hub

_POLL_S = 0.1
_TIMEOUT_S = 30.0
_SHARE = 0.9
_T = TypeVar("_T")


class _Part(NamedTuple):
    """A file of the repository: ``sha256`` for large ones, git's ``blob`` id for the others."""

    name: str
    size: int
    sha256: str
    blob: str


def fetch(name: str, library: Library, progress: Progress) -> Entry:
    """The base model "owner/name" as a model of the library, fetched from the hub if it is not there yet.

    Raises:
        UserError: the hub cannot be reached or refuses, or the repository holds no model that can be tuned.
    """
    place = f"hub:{name}"
    for entry in library.entries():
        if entry.is_own and isinstance(entry.sources[0], OwnSource) and entry.sources[0].place == place:
            library.folder(entry.id)
            return entry
    if is_offline():
        return _from_cache(name, place, library, progress)
    progress.at(0.0, f"Asking the hub for {name}")
    revision, parts = _listing(name, progress)
    with adopt_language.staged(library, name.rpartition("/")[2], forced=False) as (model, staging):
        source = HubSource(name, revision, {part.name: part.name for part in parts})
        _get(source, next(part for part in parts if part.name == hub_folder.CONFIG), staging, progress.part(0.0, 0.01))
        hub_folder.family_of(staging)
        wanted = _weights_first(source, parts, staging, progress.part(0.01, 0.02))
        total = sum(part.size for part in wanted)
        check_space(staging, total)
        progress.log(f"{name} at {revision[:12]}: {megabytes(total)}")
        done = 0
        for part in wanted:
            start, done = done, done + part.size
            step = progress.part(0.02 + (_SHARE - 0.02) * start / total, 0.02 + (_SHARE - 0.02) * done / total)
            _get(source, part, staging, step)
        shutil.rmtree(staging / hub.SCRATCH, ignore_errors=True)
        return adopt_language.install(library, model, name.rpartition("/")[2], place, staging, progress.part(_SHARE, 1.0))


def _listing(name: str, progress: Progress) -> tuple[str, list[_Part]]:
    """The commit that the repository is at, and the files of it that belong to a model."""
    from huggingface_hub import HfApi

    source = HubSource(name, "0" * 40, {hub_folder.CONFIG: hub_folder.CONFIG})
    info = _awaited(lambda: HfApi().model_info(name, files_metadata=True, timeout=_TIMEOUT_S), source, progress)
    found = [_part(sibling) for sibling in info.siblings or [] if adopt_language.is_part(sibling.rfilename)]
    names = {part.name for part in found}
    if hub_folder.CONFIG not in names:
        raise UserError(f"{name} is no language model in the hub's layout: it has no {hub_folder.CONFIG}")
    if not any(part.endswith(".safetensors") for part in names):
        raise UserError(
            f"{name} has its weights in a form that can run programs when it is opened, so they were not fetched",
            remedy="Look for a repository, or a revision of it, with safetensors.",
        )
    return str(info.sha), found


def _part(sibling: Any) -> _Part:
    return _Part(
        name=sibling.rfilename,
        size=int(sibling.size or 0),
        sha256=str(sibling.lfs.sha256) if sibling.lfs else "",
        blob=str(sibling.blob_id or ""),
    )


def _weights_first(source: HubSource, parts: list[_Part], staging: Path, progress: Progress) -> list[_Part]:
    """What is left to fetch: of several sets of weights only the one that is used."""
    names = {part.name: part for part in parts}
    if hub_folder.WEIGHTS in names:
        weights = {hub_folder.WEIGHTS}
        parts = [part for part in parts if part.name != hub_folder.INDEX]
    elif hub_folder.INDEX in names:
        _get(source, names[hub_folder.INDEX], staging, progress)
        index = msgspec.json.decode((staging / hub_folder.INDEX).read_bytes(), type=dict[str, Any])
        weights = {str(name) for name in index.get("weight_map", {}).values()}
        if missing := sorted(weights - set(names)):
            raise UserError(f"{source.repo} lacks {len(missing)} files of the weights: {', '.join(missing[:3])}")
    else:
        raise UserError(f"{source.repo} has no {hub_folder.WEIGHTS}")
    return [
        part
        for part in parts
        if (not part.name.endswith(".safetensors") or part.name in weights) and not (staging / part.name).is_file()
    ]


def _get(source: HubSource, part: _Part, staging: Path, progress: Progress) -> None:
    """Fetch one file into ``staging``; it is there afterwards only if it is what the hub's listing says."""
    path = hub.download(source, part.name, staging / hub.SCRATCH, progress)
    right = sha256_of(path, progress) == part.sha256 if part.sha256 else not part.blob or _git_blob(path) == part.blob
    if not right:
        path.unlink()
        raise UserError(f"{part.name} of {source.repo} is not the file that the hub says it is", remedy="Try again.")
    target = staging / part.name
    target.parent.mkdir(parents=True, exist_ok=True)
    path.replace(target)


def _from_cache(name: str, place: str, library: Library, progress: Progress) -> Entry:
    """From what the hub's own cache holds, without a network call."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(name, local_files_only=True, allow_patterns=list(hub_folder.PARTS)))
    except LocalEntryNotFoundError:
        raise UserError(
            f"{name} is not on this computer, and Reprise is set to work offline",
            remedy="Name a folder that holds it, or an installed model.",
        ) from None
    return adopt_language.adopt(library, folder, name.rpartition("/")[2], progress, place=place)


def _awaited(call: Callable[[], _T], source: HubSource, progress: Progress) -> _T:
    """The result of a call of the hub's library, in a thread, so that a cancel need not wait for the network."""
    box: list[_T | Exception] = []
    ended = threading.Event()

    def work() -> None:
        try:
            box.append(call())
        except Exception as error:
            box.append(error)
        ended.set()

    threading.Thread(target=work, name="hub", daemon=True).start()
    while not ended.wait(_POLL_S):
        progress.checkpoint()
    (result,) = box
    if isinstance(result, Exception):
        raise hub.explained(result, source, Path(source.repo)) from result
    return result


def _git_blob(path: Path) -> str:
    """The id that git gives a file's content."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
