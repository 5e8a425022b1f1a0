"""The command `python tools/sbom.py FILE`: writes the bill of materials (SBOM) of what runs, in CycloneDX.

It is made of `requirements.lock` alone: the same lock gives the same parts, on each machine and without a network.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

ROOT: Final = Path(__file__).parents[1]
_PART: Final = re.compile(r"^([\w.-]+)==([^\s;\\]+)([^#]*?)(?=^\S|\Z)", re.MULTILINE)
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_VERSION: Final = re.compile(r'__version__(?:: \w+)? = "([^"]+)"')


def parts(lock: str) -> Iterator[Component]:
    """Yield the packages of a lock with their versions and digests."""
    plain = re.sub(r"^ *#.*\n", "", lock, flags=re.MULTILINE)
    for name, version, rest in _PART.findall(plain):
        package = PackageURL("pypi", name=name.lower(), version=version)
        hashes = [HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in _HASH.findall(rest)]
        yield Component(name=name, version=version, purl=package, bom_ref=str(package), hashes=hashes)


def sbom(lock: str, version: str) -> str:
    """Return the bill of materials of a lock, for a version of Playtime."""
    product = Component(name="playtime", version=version, type=ComponentType.APPLICATION, bom_ref="playtime")
    bom = Bom(metadata=BomMetaData(component=product), components=list(parts(lock)))
    bom.register_dependency(product, bom.components)
    return JsonV1Dot6(bom).output_as_string(indent=2)


def main(file: Path) -> None:
    """Write the file."""
    found = _VERSION.search((ROOT / "__init__.py").read_text(encoding="utf-8"))
    assert found is not None, "__init__.py has the version"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(sbom((ROOT / "requirements.lock").read_text(encoding="utf-8"), found[1]), encoding="utf-8")
    print(f"wrote {file}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
