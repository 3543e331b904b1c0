"""Files of examples: read in constant memory, checked, split and kept as Arrow files that are mapped, not loaded.

``facts`` holds plain shapes and may be imported anywhere; ``reading.read_rows`` streams rows for labelling;
``importing.import_records`` brings a file in and ``imported.Imported`` opens what it wrote.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from desktop.tuning.records.imported import Imported, open_imported
    from desktop.tuning.records.importing import import_records
    from desktop.tuning.records.layout import Layout, layout_of
    from desktop.tuning.records.reading import RowBatch, read_rows

_PLACES = {
    "Imported": "imported",
    "open_imported": "imported",
    "import_records": "importing",
    "Layout": "layout",
    "layout_of": "layout",
    "RowBatch": "reading",
    "read_rows": "reading",
}

__all__ = ["Imported", "Layout", "RowBatch", "import_records", "layout_of", "open_imported", "read_rows"]


def __getattr__(name: str) -> Any:
    """Import what is asked for only then, so that ``facts`` stays light."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
