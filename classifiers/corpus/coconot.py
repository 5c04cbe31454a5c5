"""Real replies to learn from: CoCoNot's, with labels of our own.

CoCoNot (Brahman et al. 2024, "The Art of Saying No", arXiv:2407.12043; licences MIT and ODC-BY)
pairs prompts that look as if they should be refused with two models' replies. Its labels say which
reply was preferred, not whether one refused, so each reply was read and labelled again. Only these
labels are here, by the first 16 hex digits of the SHA-256 of the reply; the replies are fetched by
whoever trains.

``python -m classifiers.corpus.coconot FILE [--output ROWS]`` writes the labelled rows of FILE, the
preference split as JSON lines, for ``candor classifier train``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

LABELS = Path(__file__).parent / "coconot_labels.json"
SOURCE = "coconot"


def labelled_rows(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    """The rows whose reply has a label: prompt, response, label, source, lang.

    A line holds ``prompt`` and ``response``, or ``chosen`` and ``rejected`` (text, or messages).
    Replies without a label, and those that could not be told, are left out.
    """
    known: dict[str, str] = {
        digest: label
        for label, digests in json.loads(LABELS.read_text(encoding="utf-8")).items()
        for digest in digests
    }
    for line in lines:
        row = json.loads(line)
        for reply in _replies(row):
            label = known.get(digest_of(reply))
            if label:
                yield {
                    "prompt": _text(row["prompt"]),
                    "response": reply,
                    "label": label,
                    "source": SOURCE,
                    "lang": "en",
                }


def digest_of(reply: str) -> str:
    """What a label is kept under."""
    return hashlib.sha256(reply.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def main(arguments: list[str] | None = None) -> int:
    """The command line; 0 when rows were found, 2 with one line on stderr when none were."""
    parser = argparse.ArgumentParser(
        prog="python -m classifiers.corpus.coconot", description="Labelled rows of CoCoNot."
    )
    parser.add_argument("file", type=Path, help="the preference split as JSON lines")
    parser.add_argument("--output", type=Path, help="where to write (default: stdout)")
    chosen = parser.parse_args(arguments)
    try:
        with chosen.file.open(encoding="utf-8") as lines:
            found = [json.dumps(row, ensure_ascii=False) for row in labelled_rows(lines)]
    except (OSError, ValueError, KeyError, TypeError) as problem:
        sys.stderr.write(f"candor: {chosen.file} is not CoCoNot's preference split: {problem}\n")
        return 2
    if not found:
        sys.stderr.write(f"candor: none of the replies in {chosen.file} has a label here\n")
        return 2
    text = "\n".join(found) + "\n"
    if chosen.output is None:
        sys.stdout.write(text)
    else:
        chosen.output.write_text(text, encoding="utf-8")
        sys.stderr.write(f"{chosen.output}: {len(found):,} rows\n")
    return 0


def _replies(row: dict[str, Any]) -> list[str]:
    return [_text(row[name]) for name in ("response", "chosen", "rejected") if name in row]


def _text(value: str | list[dict[str, str]]) -> str:
    return value if isinstance(value, str) else value[-1]["content"]


if __name__ == "__main__":
    raise SystemExit(main())
