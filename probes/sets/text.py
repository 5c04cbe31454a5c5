"""The bytes of a set's file as text: which encoding they are in, and what is no text at all."""

from __future__ import annotations

import codecs
import io
from dataclasses import dataclass

from probes.sets.problem import SetProblem

_BOMS = (
    # UTF-32's little-endian mark begins with UTF-16's, so it is asked first.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_FOREIGN = (
    (b"<!doctype html", "is a web page, not a set; take the file itself"),
    (b"<html", "is a web page, not a set; take the file itself"),
    (b"version https://git-lfs", "is a Git LFS pointer, not the file; run `git lfs pull`"),
    (b"pk\x03\x04", "is a zip archive or a spreadsheet; save its rows as CSV"),
    (b"\x1f\x8b", "is compressed with gzip; unpack it"),
    (b"par1", "is a Parquet file; save its rows as CSV or JSONL"),
    (b"%pdf-", "is a PDF; save its rows as CSV"),
)
"""How files that are often taken for a set begin, in lower case, and what to do about each."""


@dataclass(frozen=True, slots=True)
class Text:
    """A file's text, read line by line.

    ``faulty`` is whether some bytes are not of the encoding (they come out as lone surrogates);
    ``nul`` whether there are NUL characters. Where both are False no line need be checked.
    """

    raw: bytes
    encoding: str
    faulty: bool
    nul: bool

    def lines(self, newline: str) -> io.TextIOWrapper:
        """The lines with their ends; ``newline`` as in ``open``. The text is never held whole."""
        return io.TextIOWrapper(
            io.BytesIO(self.raw),
            encoding=self.encoding,
            errors="surrogateescape" if self.faulty else "strict",
            newline=newline,
        )

    def sound(self, text: str) -> bool:
        """Whether the text holds no byte that was not of the encoding."""
        return not self.faulty or text.isascii() or not any("\udc80" <= c <= "\udcff" for c in text)


def text_of(raw: bytes, shown: str) -> Text:
    """How the bytes are to be read: UTF-8 with or without its mark, UTF-16 and UTF-32 with theirs.

    Raises SetProblem, naming the remedy, on what is not text: a web page, an archive, a pointer to
    a file; on UTF-16 without its mark; and on UTF-16 or UTF-32 that does not hold.
    """
    begin = raw[:64].lstrip(codecs.BOM_UTF8 + b" \t\r\n").lower()
    for mark, remedy in _FOREIGN:
        if begin.startswith(mark):
            raise SetProblem(f"{shown}: {remedy}")
    encoding = next((name for mark, name in _BOMS if raw.startswith(mark)), "utf-8-sig")
    faulty = False
    try:
        nul = "\0" in raw.decode(encoding)
    except UnicodeDecodeError as problem:
        if encoding != "utf-8-sig":
            raise SetProblem(
                f"{shown}: is marked as {encoding.upper()} and is not; save it as UTF-8"
            ) from problem
        faulty, nul = True, b"\0" in raw
    # English in UTF-16 is a NUL in every second byte.
    if nul and encoding == "utf-8-sig" and raw.count(0) * 3 > len(raw):
        raise SetProblem(f"{shown}: looks like UTF-16 without its mark; save it as UTF-8")
    return Text(raw, encoding, faulty, nul)
