"""A small disk for tests of a full one."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.postgres.cluster import reachable_folder


@contextmanager
def small_disk(size: str) -> Iterator[Path]:
    """Mount a disk of a few megabytes; skip where that is refused."""
    with reachable_folder() as folder:
        place = folder / "disk"
        place.mkdir()
        try:
            mounted = subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "playtime-test", str(place)],
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError as error:
            pytest.skip(f"there is no mount command: {error}")
        if mounted.returncode != 0:
            pytest.skip(f"a tmpfs cannot be mounted here: {mounted.stderr.strip()}")
        try:
            yield place
        finally:
            subprocess.run(["umount", "--lazy", str(place)], check=True)
