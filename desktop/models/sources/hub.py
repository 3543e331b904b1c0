"""Files of the Hugging Face hub at a pinned commit, as plain files without links."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models.catalog import HubSource, ModelFile
from desktop.models.files import check_space, copy_verified, explain_write, matches

SCRATCH = "hub"
_POLL_S = 0.1
_SAFE_FIRST = (".safetensors", ".onnx", ".json", ".txt")


def fetch(source: HubSource, files: Sequence[ModelFile], folder: Path, progress: Progress, *, offline: bool) -> None:
    """Put ``files`` into ``folder``, verified; what the hub's own cache holds already is not fetched again.

    Raises:
        UserError: the hub cannot be reached, asks for an account, or has other files than the expected ones.
    """
    check_space(folder, 2 * sum(file.size for file in files))
    scratch = folder / SCRATCH
    for left in scratch.rglob("*.incomplete"):
        left.unlink()
    ordered = sorted(files, key=lambda file: _order(source.members[file.name]))
    for index, file in enumerate(ordered):
        part = progress.part(index / len(ordered), (index + 1) / len(ordered))
        part.at(0.0, f"Fetching {file.name} from the hub")
        path = _cached(source, source.members[file.name], file)
        if path is None:
            if offline:
                raise UserError(f"{file.name} is not in the hub's cache, and Reprise is set to work offline")
            path = _Fetch(source, source.members[file.name], scratch).run(part.part(0.0, 0.9), file.name)
        with path.open("rb") as stream:
            copy_verified(stream, folder / file.name, file, part.part(0.9, 1.0))
        if path.is_relative_to(scratch):
            path.unlink()
    shutil.rmtree(scratch, ignore_errors=True)


def download(source: HubSource, member: str, scratch: Path, progress: Progress) -> Path:
    """One file of the hub at the source's commit, in a folder of its own; it is the caller's to check.

    Raises:
        UserError: the hub cannot be reached, or refuses.
    """
    return _Fetch(source, member, scratch).run(progress, member)


def _order(member: str) -> int:
    """Safe formats first: whatever goes wrong is seen before a pickle is fetched."""
    suffix = Path(member).suffix
    return _SAFE_FIRST.index(suffix) if suffix in _SAFE_FIRST else len(_SAFE_FIRST)


def _cached(source: HubSource, member: str, wanted: ModelFile) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(source.repo, member, revision=source.revision)
    if not isinstance(found, str):
        return None
    path = Path(found).resolve()
    return path if matches(path, wanted) else None


class _Fetch:
    """One download by huggingface_hub in a thread, so that a cancel need not wait for the network.

    Attributes:
        fraction: how much has come.
        stopped: set when nobody waits any more; the next block that comes ends the thread.
    """

    def __init__(self, source: HubSource, member: str, scratch: Path) -> None:
        self._source, self._member, self._scratch = source, member, scratch
        self._ended = threading.Event()
        self._result: Path | Exception | None = None
        self.fraction = 0.0
        self.stopped = threading.Event()

    def run(self, progress: Progress, name: str) -> Path:
        """The fetched file; raises UserError."""
        threading.Thread(target=self._work, name="hub", daemon=True).start()
        try:
            while not self._ended.wait(_POLL_S):
                progress.at(self.fraction, f"Fetching {name} from the hub")
        finally:
            self.stopped.set()
        if isinstance(self._result, Path):
            return self._result
        assert self._result is not None
        raise explained(self._result, self._source, self._scratch / self._member) from self._result

    def _work(self) -> None:
        from huggingface_hub import hf_hub_download

        try:
            found = hf_hub_download(
                self._source.repo,
                self._member,
                revision=self._source.revision,
                local_dir=self._scratch,
                tqdm_class=_reporter(self),
            )
            self._result = Path(found)
        except Exception as error:
            self._result = error
        self._ended.set()


def explained(error: Exception, source: HubSource, path: Path) -> UserError:
    """What an error of the hub's library means; ``path`` is where it was writing."""
    from httpx import HTTPError
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    if isinstance(error, GatedRepoError):
        return UserError(
            f"{source.repo} gives its files only to people who accepted its terms",
            remedy=f"Accept them at huggingface.co/{source.repo} and log in with `hf auth login`.",
        )
    if isinstance(error, OfflineModeIsEnabled):
        return UserError("the hub's library is set to work offline (HF_HUB_OFFLINE)")
    if isinstance(error, LocalEntryNotFoundError):
        return UserError("the hub cannot be reached")
    if isinstance(error, HfHubHTTPError):
        return UserError(f"the hub answered: {str(error).splitlines()[0]}")
    if isinstance(error, HTTPError):
        return UserError(f"the hub cannot be reached: {error}")
    if isinstance(error, OSError):
        return explain_write(error, path)
    return UserError(f"the hub's library failed ({type(error).__name__}: {error})")


def _reporter(fetch: _Fetch) -> type[Any]:
    """A progress bar class that shows nothing, tells ``fetch`` how far it is, and ends the download when nobody waits."""
    from huggingface_hub.utils.tqdm import tqdm

    class Reporter(tqdm):  # type: ignore[type-arg,misc,unused-ignore]
        def __init__(self, *args: Any, **options: Any) -> None:
            options.pop("name", None)
            super().__init__(*args, **{**options, "disable": True})  # type: ignore[no-untyped-call]
            self.expected = options.get("total") or 0
            self.seen = options.get("initial") or 0

        def update(self, n: float | None = 1) -> bool | None:
            if fetch.stopped.is_set():
                raise InterruptedError
            self.seen += n or 0
            if self.expected:
                fetch.fraction = min(1.0, self.seen / self.expected)
            return None

    return Reporter
