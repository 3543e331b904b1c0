"""A cluster of real processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.jobs.cluster.cluster import Cluster


@pytest.fixture
def cluster(home: Path) -> Iterator[Cluster]:
    """A scheduler; the test lets nodes join."""
    cluster = Cluster(home)
    yield cluster
    cluster.close()
