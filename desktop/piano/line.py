"""A single voice in seconds, as it was heard."""

from __future__ import annotations

import numpy as np

LINE = np.dtype([("start", "f8"), ("end", "f8"), ("pitch", "u1"), ("confidence", "f4")])
"""One voice: start and end in seconds, MIDI pitch, confidence 0..1; sorted by start, not overlapping."""
