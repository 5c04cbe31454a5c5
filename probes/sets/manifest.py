"""What is written down of a pulled set: which file it is, where from, and how it is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probes.case import Expectation
from probes.sets.layout import Layout

_EARLIER_LAYOUT = Layout(expectation=Expectation.COMPLY)
"""Manifests without a layout were written when rows that state nothing expected compliance."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The content of ``set.json``.

    ``rows`` counts the file's rows, ``prompts`` the cases that they make; ``checksum`` is the
    file's sha256; ``url`` is where it was downloaded from, empty for a local file.
    """

    file: str
    checksum: str
    rows: int
    prompts: int
    origin: str
    expectation: Expectation | None
    layout: Layout
    url: str = ""

    def as_json(self) -> dict[str, Any]:
        """The manifest as it is written."""
        return {
            "file": self.file,
            "sha256": self.checksum,
            "rows": self.rows,
            "prompts": self.prompts,
            "origin": self.origin,
            "expectation": None if self.expectation is None else self.expectation.value,
            "layout": self.layout.as_json(),
            "url": self.url,
        }

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Manifest:
        """What ``as_json`` wrote, now or in an earlier version.

        Raises KeyError, TypeError, ValueError or AttributeError on anything else.
        """
        stated, layout = row["expectation"], row.get("layout")
        file = str(row["file"])
        if Path(file).name != file:
            raise ValueError(f"{file!r} is not a file name")
        return cls(
            file=file,
            checksum=str(row["sha256"]),
            rows=int(row["rows"]),
            prompts=int(row.get("prompts", row["rows"])),
            origin=str(row["origin"]),
            expectation=None if stated is None else Expectation(stated),
            layout=_EARLIER_LAYOUT if layout is None else Layout.from_json(layout),
            url=str(row.get("url", "")),
        )
