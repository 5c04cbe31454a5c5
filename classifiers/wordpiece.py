"""A BERT tokeniser that remembers words: plain ASCII text is split here and looked up.

The tokeniser's own normalising takes 0.3 µs a character, more than the rest of reading a reply.
For ASCII it comes to lower case, blanks, and each mark on its own; a word's pieces depend on the
word alone. Whatever else a text has goes the tokeniser's own way, with the same result.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from classifiers.artifact import ArtifactProblem

REMEMBERED_WORDS = 10_000
"""About 3 MB. Beyond it everything is forgotten: the frequent words are back within a few texts."""

_WORD = re.compile(r"[a-z0-9]+|[!-/:-@\[-`{-~]")
_NOT_PLAIN = re.compile(r"[^\t\n\r -~]|\[(?:PAD|UNK|CLS|SEP|MASK)\]")
"""Beyond ASCII, control characters, and the tokens that are read out of a text as such."""
_MARKS = ("[PAD]", "[CLS]", "[SEP]", "[MASK]")
"""Of those, what a text must not hold: a reply that spells one out would part its own sequence."""


class WordPieces:
    """Token ids, without the two that frame a sequence, by the tokeniser in ``path``."""

    def __init__(self, path: Path) -> None:
        import tokenizers

        self._tokeniser: Any = tokenizers.Tokenizer.from_file(str(path))
        self._tokeniser.no_padding()
        self._tokeniser.no_truncation()
        self._words: dict[str, tuple[int, ...]] = {}
        self._marks = frozenset(map(self.place, _MARKS))

    def __len__(self) -> int:
        """How many words are remembered."""
        return len(self._words)

    def place(self, token: str) -> int:
        """The id of a token; ArtifactProblem where the tokeniser does not have it."""
        place: int | None = self._tokeniser.token_to_id(token)
        if place is None:
            raise ArtifactProblem(f"the tokeniser has no {token} token; install Candor again")
        return place

    def ids(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """The token ids of each text, without marks; uncut, lone surrogates are question marks."""
        plain = {text for text in texts if _NOT_PLAIN.search(text) is None}
        others = [text for text in dict.fromkeys(texts) if text not in plain]
        found = dict(zip(others, self._encoded(others), strict=True))
        split = {text: _WORD.findall(text.lower()) for text in plain}
        known = self._known({word for words in split.values() for word in words})
        for text, words in split.items():
            found[text] = tuple([token for word in words for token in known[word]])
        return [found[text] for text in texts]

    def _known(self, words: set[str]) -> dict[str, tuple[int, ...]]:
        remembered = self._words
        new = sorted(word for word in words if word not in remembered)
        fresh = dict(zip(new, self._encoded(new), strict=True))
        known = {word: remembered[word] for word in words if word not in fresh} | fresh
        if len(remembered) + len(fresh) > REMEMBERED_WORDS:
            # A new dictionary: another thread may be reading the old one.
            self._words = remembered = {}
        if len(fresh) <= REMEMBERED_WORDS:
            remembered.update(fresh)
        return known

    def _encoded(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        readable = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        encodings = self._tokeniser.encode_batch_fast(readable, add_special_tokens=False)
        return [
            tuple([token for token in encoding.ids if token not in self._marks])
            for encoding in encodings
        ]
