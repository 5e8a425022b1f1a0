"""The built wheel, and hosts: folders with their own environment in which it is installed.

A host has packages of its own under the names of our layers. Its dependencies are those of this environment, so
that nothing is fetched.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Final

from attrs import frozen

from support.tree import LAYERS, ROOT

RUN_SECONDS: Final = 240
_NOT_SOURCE: Final = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__")


def build_once(run: Path) -> Path:
    """Build the wheel with `make wheel` in a copy of the tree, once in a run, and return it."""
    (wheel,) = _make_once(run / "wheel", _build_wheel).glob("*.whl")
    return wheel


def install_once(run: Path) -> Path:
    """Make an environment in which the wheel is installed, once in a run, and return it."""
    return _make_once(run / "host-environment", lambda place: _install(build_once(run), place))


def _make_once(place: Path, make: Callable[[Path], None]) -> Path:
    """Make a folder, unless another process of this run has made it; one that makes it is waited for."""
    done = place.with_suffix(".done")
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            make(place)
            done.touch()
    return place


def _build_wheel(place: Path) -> None:
    source = place / "source"
    shutil.copytree(ROOT, source, ignore=_NOT_SOURCE)
    # The copy uses this environment, which its stamps declare to be complete.
    stamps = {"STAMP": place / "ready", "DEV_STAMP": place / "ready-dev"}
    for stamp in stamps.values():
        stamp.write_text(str(source))
    ours = {"BIN": Path(sys.executable).parent} | stamps
    _run(["make", "wheel", *(f"{name}={path}" for name, path in ours.items())], cwd=source)
    (built,) = (source / "dist").iterdir()
    shutil.move(built, place)
    shutil.rmtree(source)


def _install(wheel: Path, place: Path) -> None:
    venv.create(place, symlinks=True)
    python = place / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    _run([*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)])
    # The packages of this environment come behind the host's own. Its editable install of the project does not:
    # .pth files are read in site folders only.
    asked = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    target = subprocess.check_output(asked, text=True).strip()
    dependencies = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    Path(target, "dependencies.pth").write_text("\n".join(sorted(dependencies)))


@frozen
class Host:
    """A host's folder and its environment, in which the wheel is installed. Hosts of one run share the latter."""

    folder: Path
    environment: Path

    @classmethod
    def made(cls, folder: Path, environment: Path) -> "Host":
        """Make the host's folder, with a package under the name of each of our layers."""
        for name in LAYERS:
            (folder / name).mkdir(parents=True)
            (folder / name / "__init__.py").write_text('OWNER = "the host"\n')
        return cls(folder, environment)

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.environment / "bin" / "python"

    def environ(self, **extra: str) -> dict[str, str]:
        """Return the variables of the host: nothing of this process's own, and `extra`."""
        path = f"{self.environment / 'bin'}:{os.defpath}"
        return {"PATH": path, "HOME": str(self.folder), "PYTHONPATH": str(self.folder)} | extra

    def run(self, *words: str, given: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the environment in the host's folder to its end."""
        return subprocess.run(
            [str(self.environment / "bin" / words[0]), *words[1:]],
            cwd=self.folder,
            env=self.environ(**environ),
            input=given,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )


def _run(words: list[str], cwd: Path | None = None) -> None:
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
