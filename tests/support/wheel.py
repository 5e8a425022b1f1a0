"""The built wheel, and hosts: folders with an environment of their own in which it is installed.

A host has packages of its own under the names of our layers. Its dependencies are those of this environment, so
that nothing is fetched.
"""

import atexit
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from functools import cache
from pathlib import Path
from typing import Final

from attrs import frozen

from support.tree import LAYERS, ROOT

RUN_SECONDS: Final = 240
_NOT_SOURCE: Final = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__")


@cache
def wheel() -> Path:
    """Build the wheel with `make wheel` in a copy of the tree, once in a session."""
    place = Path(tempfile.mkdtemp(prefix="playtime-wheel-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    source = place / "source"
    shutil.copytree(ROOT, source, ignore=_NOT_SOURCE)
    # The copy uses this environment, which its stamp declares to be complete.
    stamp = place / "ready"
    stamp.write_text(str(source))
    _run(["make", "wheel", f"BIN={Path(sys.executable).parent}", f"STAMP={stamp}"], cwd=source)
    (built,) = (source / "dist").iterdir()
    wheel = shutil.move(built, place)
    shutil.rmtree(source)
    return Path(wheel)


@frozen
class Host:
    """A host's folder and environment. What is run there sees no more of this machine than it is given."""

    folder: Path
    environment: Path

    @classmethod
    def made(cls, place: Path) -> "Host":
        """Make a host in an empty folder: environment, wheel, and a package under each of our layers' names."""
        host = cls(place / "host", place / "venv")
        venv.create(host.environment, symlinks=True)
        pip = [sys.executable, "-m", "pip", "--python", host.python, "--disable-pip-version-check"]
        _run([*map(str, pip), "install", "--quiet", "--no-deps", "--no-index", str(wheel())])
        host._borrow_dependencies()
        for name in LAYERS:
            (host.folder / name).mkdir(parents=True)
            (host.folder / name / "__init__.py").write_text('OWNER = "the host"\n')
        return host

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.environment / "bin" / "python"

    def environ(self, **extra: str) -> dict[str, str]:
        """Return the host's environment: nothing of this process's own, and what is given."""
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

    def _borrow_dependencies(self) -> None:
        """Put this environment's packages behind the host's own.

        Its editable install of the project does not come along: .pth files are read in site folders only.
        """
        asked = [str(self.python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
        target = subprocess.check_output(asked, text=True).strip()
        dependencies = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
        Path(target, "dependencies.pth").write_text("\n".join(sorted(dependencies)))


def _run(words: list[str], cwd: Path | None = None) -> None:
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
