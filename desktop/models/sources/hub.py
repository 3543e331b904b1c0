"""Files of the Hugging Face hub at a pinned commit, as plain files without links."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from desktop.errors import UserError
from desktop.jobs.progress import Cancelled, Progress
from desktop.models.catalog import HubSource, ModelFile
from desktop.models.files import check_space, copy_verified, explain_write, matches

SCRATCH = "hub"
_SAFE_FIRST = (".safetensors", ".onnx", ".json", ".txt")


def fetch(source: HubSource, files: Sequence[ModelFile], folder: Path, progress: Progress, *, offline: bool) -> None:
    """Put ``files`` into ``folder``, verified; what the hub's own cache holds already is not fetched again.

    Raises:
        UserError: the hub cannot be reached, asks for an account, or has other files than the expected ones.
    """
    check_space(folder, 2 * sum(file.size for file in files))
    scratch = folder / SCRATCH
    ordered = sorted(files, key=lambda file: _order(source.members[file.name]))
    for index, file in enumerate(ordered):
        part = progress.part(index / len(ordered), (index + 1) / len(ordered))
        part.at(0.0, f"Fetching {file.name} from the hub")
        path = _cached(source, source.members[file.name], file)
        if path is None:
            if offline:
                raise UserError(f"{file.name} is not in the hub's cache, and Reprise is set to work offline")
            path = _download(source, source.members[file.name], scratch, part)
        with path.open("rb") as stream:
            copy_verified(stream, folder / file.name, file, part.part(0.9, 1.0))
    shutil.rmtree(scratch, ignore_errors=True)


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


def _download(source: HubSource, member: str, scratch: Path, progress: Progress) -> Path:
    from httpx import HTTPError
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    try:
        return Path(
            hf_hub_download(
                source.repo,
                member,
                revision=source.revision,
                local_dir=scratch,
                tqdm_class=_reporter(progress, Path(member).name),
            )
        )
    except Cancelled:
        raise
    except GatedRepoError as error:
        raise UserError(
            f"{source.repo} gives its files only to people who accepted its terms",
            remedy=f"Accept them at huggingface.co/{source.repo} and log in with `hf auth login`.",
        ) from error
    except OfflineModeIsEnabled as error:
        raise UserError("the hub's library is set to work offline (HF_HUB_OFFLINE)") from error
    except LocalEntryNotFoundError as error:
        raise UserError("the hub cannot be reached") from error
    except HfHubHTTPError as error:
        raise UserError(f"the hub answered: {str(error).splitlines()[0]}") from error
    except HTTPError as error:
        raise UserError(f"the hub cannot be reached: {error}") from error
    except OSError as error:
        raise explain_write(error, scratch / member) from error


def _reporter(progress: Progress, name: str) -> type[Any]:
    """A progress bar class that shows nothing and reports to ``progress``; its update ends the download when cancelled."""
    from huggingface_hub.utils.tqdm import tqdm

    class Reporter(tqdm):  # type: ignore[type-arg,misc,unused-ignore]
        def __init__(self, *args: Any, **options: Any) -> None:
            options.pop("name", None)
            super().__init__(*args, **{**options, "disable": True})  # type: ignore[no-untyped-call]
            self.expected = options.get("total") or 0
            self.seen = options.get("initial") or 0

        def update(self, n: float | None = 1) -> bool | None:
            self.seen += n or 0
            progress.at(0.9 * min(1.0, self.seen / self.expected) if self.expected else 0.0, f"Fetching {name} from the hub")
            return None

    return Reporter
