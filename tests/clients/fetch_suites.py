"""Fetches the test suites of the openai and anthropic SDKs into .tools/sdk/.

Run as ``python3 tests/clients/fetch_suites.py``. The source distributions on PyPI carry them. The
versions are those that constraints.txt installs, because a suite tests its own version alone.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
SUITES = ROOT / ".tools" / "sdk"
PACKAGES = ("openai", "anthropic")
DOWNLOAD_SECONDS = 300


def pinned(package: str) -> str:
    """The version that constraints.txt names; raises SystemExit where it names none."""
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    found = re.search(rf"^{package}==(\S+)", text, re.MULTILINE)
    if found is None:
        raise SystemExit(f"fetch_suites: constraints.txt pins no {package}")
    return found.group(1)


def fetch(package: str, version: str) -> None:
    """Unpack the package's tests, all of them or nothing."""
    target = SUITES / f"{package}-{version}"
    if target.is_dir():
        return
    SUITES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=SUITES) as folder:
        requirement = f"{package}=={version}"
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--no-binary", ":all:", "--dest", folder, requirement]
        subprocess.run(command, check=True, timeout=DOWNLOAD_SECONDS)
        [archive] = Path(folder).glob("*.tar.gz")
        unpack(archive, Path(folder))
        (Path(folder) / target.name).rename(target)


def unpack(archive: Path, folder: Path) -> None:
    """Write the plain files below NAME-VERSION/tests, and the settings of pytest, to ``folder``."""
    with tarfile.open(archive) as tar:
        for member in tar:
            _, *steps = PurePosixPath(member.name).parts
            if (
                not member.isfile()
                or ".." in steps
                or steps[:1] not in (["tests"], ["pyproject.toml"])
            ):
                continue
            opened = tar.extractfile(member)
            if opened is not None:
                file = folder / member.name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(opened.read())


if __name__ == "__main__":
    for name in PACKAGES:
        fetch(name, pinned(name))
