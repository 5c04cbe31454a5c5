"""tiktoken's cl100k_base, loaded from a file that is here already; never from the network.

One encoding serves for all models: on English text the newer o200k_base differs from it by a few
per cent, and takes twice the memory and the time to load.
"""

from __future__ import annotations

import base64
import hashlib
import tempfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

Encoder = Callable[[str], int]
"""A text's number of tokens."""

_URL = "https://openaipublic.blob.core.windows.net/encodings/cl100k_base.tiktoken"
FILE_NAME = hashlib.sha1(_URL.encode(), usedforsecurity=False).hexdigest()
"""How tiktoken names the file in its cache: by where it would be fetched from."""
CHECKSUM = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"
"""SHA-256 of the file, as tiktoken checks it: anyone may write to a folder for temporary files."""

_PIECES = (
    r"[^\r\n\p{L}\p{N}]?\p{L}+"
    r"|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]|\s+(?!\S)|\s+"
)
"""What text is cut into before it is encoded: words, up to three digits, signs, space."""
_LONGEST_TEXT = 1_000_000
"""Characters that are encoded of one text; the rest is taken to be like them."""


def encoding_folders() -> list[Path]:
    """Where the file may lie: in LiteLLM, which ships it, and in tiktoken's default cache."""
    folders = []
    # For a package at the top this finds its folder without running any of it.
    found = find_spec("litellm")
    for place in (found.submodule_search_locations or []) if found else []:
        folders.append(Path(place) / "litellm_core_utils" / "tokenizers")
    return [*folders, Path(tempfile.gettempdir()) / "data-gym-cache"]


def load_encoder(folders: Sequence[Path]) -> Encoder | None:
    """The encoding, from the first folder that has its file; None without that or tiktoken."""
    if find_spec("tiktoken") is None:
        return None
    content = next(filter(None, (_genuine(folder / FILE_NAME) for folder in folders)), None)
    if content is None:
        return None
    import tiktoken  # only here: not every installation has it, and most never need it

    rows = (line.split() for line in content.splitlines() if line)
    ranks = {base64.b64decode(token): int(rank) for token, rank in rows}
    encoding = tiktoken.Encoding(
        "cl100k_base", pat_str=_PIECES, mergeable_ranks=ranks, special_tokens={}
    )

    def tokens(text: str) -> int:
        found = len(encoding.encode_ordinary(text[:_LONGEST_TEXT]))
        return found if len(text) <= _LONGEST_TEXT else found * len(text) // _LONGEST_TEXT

    return tokens


def _genuine(path: Path) -> bytes | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == CHECKSUM else None
