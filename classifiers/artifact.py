"""Weights on disk: named files with their SHA-256, verified before anything trusts them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MANIFEST_VERSION = 1
MANIFEST_LIMIT = 4 * 1024 * 1024
"""A manifest beyond this size is not one of ours; it is refused before it is parsed."""


class ArtifactProblem(Exception):
    """The weights are missing, damaged or foreign. Its text is one line with the remedy."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A verified folder: every file named in ``manifest`` has the SHA-256 stated there."""

    folder: Path
    manifest: Mapping[str, Any]

    def file(self, name: str) -> Path:
        """The path of a verified file; ArtifactProblem when the manifest does not name it."""
        if name not in self.manifest["files"]:
            raise ArtifactProblem(f"{self.folder}: the manifest does not name {name}; train again")
        return self.folder / name


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal, read in blocks."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_manifest(folder: Path, manifest: str, *, kind: str, **fields: Any) -> None:
    """Write ``folder/manifest`` over every other file there except cards, with their checksums.

    The bytes depend on the files and ``fields`` alone: sorted keys, no time, no machine.
    """
    files = {
        path.name: sha256_of(path)
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name != manifest and path.suffix != ".md"
    }
    document = {"manifest": MANIFEST_VERSION, "kind": kind, "files": files, **fields}
    text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    (folder / manifest).write_text(text + "\n", encoding="utf-8")


def open_artifact(folder: Path, name: str, *, kind: str) -> Artifact:
    """Verify ``folder`` against its manifest ``name``; ArtifactProblem on any difference."""
    manifest = _read_manifest(folder / name)
    if manifest.get("kind") != kind:
        raise ArtifactProblem(
            f"{folder}: holds {manifest.get('kind')!r}, not {kind!r}; name the right folder"
        )
    if manifest.get("manifest") != MANIFEST_VERSION:
        raise ArtifactProblem(
            f"{folder}: manifest version {manifest.get('manifest')!r} is not {MANIFEST_VERSION}; "
            "train again or upgrade Candor"
        )
    _verify(folder, manifest.get("files"))
    return Artifact(folder, manifest)


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MANIFEST_LIMIT:
            raise ArtifactProblem(f"{path}: over {MANIFEST_LIMIT} bytes, not a manifest of ours")
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ArtifactProblem(
            f"{path}: cannot be read ({error.strerror}); name a folder that `candor classifier "
            "train` wrote, or install Candor again"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ArtifactProblem(f"{path}: not a JSON manifest; install or train again") from error
    if not isinstance(manifest, dict):
        raise ArtifactProblem(f"{path}: not a JSON object; install or train again")
    return manifest


def _verify(folder: Path, files: object) -> None:
    if not isinstance(files, dict) or not files:
        raise ArtifactProblem(f"{folder}: its manifest names no files; install or train again")
    for name, expected in files.items():
        if Path(name).name != name:
            raise ArtifactProblem(f"{folder}: the manifest names {name!r}, outside the folder")
        try:
            found = sha256_of(folder / name)
        except OSError as error:
            raise ArtifactProblem(
                f"{folder / name}: cannot be read ({error.strerror}); install or train again"
            ) from error
        if found != expected:
            raise ArtifactProblem(
                f"{folder / name}: sha256 {found[:12]}… is not the manifest's "
                f"{str(expected)[:12]}…; the file is damaged, install or train again"
            )
