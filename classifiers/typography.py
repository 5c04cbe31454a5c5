"""Characters of many scripts and makes to plain ones: quotes, marks, styled and broken letters.

Linear in the text: no canonical ordering is ever asked of a long run of combining marks, where
Unicode's own algorithm is quadratic (UAX #15 bounds such runs for the same reason).
"""

from __future__ import annotations

import re
from unicodedata import normalize

_MARKS = {
    **{code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},
    **dict.fromkeys(map(ord, "‘’‚‛ʼʻʹʽ′‵´՚ꞌ❛❜"), "'"),
    **dict.fromkeys(map(ord, "“”„‟″‶«»「」『』｢｣〝〞〟❝❞"), '"'),
    **dict.fromkeys(map(ord, "‐‑‒–—―−⸺⸻﹘﹣"), "-"),
    **dict.fromkeys(map(ord, "\u2028\u2029\x85\x0b\x0c\r"), "\n"),
    **dict.fromkeys(map(ord, "。｡।॥。။።።༎།។։"), ". "),
    **dict.fromkeys(map(ord, "，、､፣"), ", "),
    **dict.fromkeys(map(ord, "！"), "! "),
    **dict.fromkeys(map(ord, "？፧՞"), "? "),
    **dict.fromkeys(map(ord, "；፤"), "; "),
    **dict.fromkeys(map(ord, "：፡"), ": "),
    **{ord(mark): plain for mark, plain in zip("؟؛،۔‽‼⁇⁈⁉…⋯", ("?", ";", ",", ".", "?", "!!", "??",
       "?!", "!?", "...", "..."), strict=True)},
    0x037E: "?",
    **dict.fromkeys((0x3000, 0x2800), " "),
    **dict.fromkeys((*range(0x00, 0x09), *range(0x0E, 0x20), *range(0x7F, 0x85)), ""),
    **dict.fromkeys((*range(0x86, 0xA0), 0xA1, 0xAD, 0xBF), ""),
    **dict.fromkeys((0x034F, 0x061C, 0x115F, 0x1160, 0x180E, 0x3164, 0xFFA0, 0xFEFF), ""),
    **dict.fromkeys((0x0640, *range(0x064B, 0x0653), 0x0670), ""),
    **dict.fromkeys((*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070)), ""),
    **dict.fromkeys(range(0xFE00, 0xFE10), ""),
}  # fmt: skip
"""What each mark is read as.

Marks that end or part a sentence in Chinese, Japanese, Hindi, Armenian, Ethiopic, Tibetan, Khmer
and Burmese are written without a blank after them, so one is added; Arabic's have one already.
What has no width goes, and so do Arabic's vowel signs and stretching, which are optional.
"""

_ODD = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\xa1\xab\xad\xb4\xbb\xbf\u02b9-\u02bd\u034f\u037e\u055a\u055e\u0589"
    "\u060c\u061b\u061c\u061f\u0640\u064b-\u0652\u0670\u06d4\u0964\u0965\u0f0d\u0f0e\u104b\u115f"
    "\u1160\u1361-\u1367\u17d4\u180e\u200b-\u2029\u202a-\u202e\u2032-\u203d\u2047-\u2049"
    "\u2060-\u206f\u2212\u22ef\u275b-\u275e\u2800\u2e3a\u2e3b\u3000-\u3002\u300c-\u300f"
    "\u301d-\u301f\u3164\ua78c\ud800-\udfff\ufe00-\ufe0f\ufe58\ufe63\ufeff\uff01-\uff64\uffa0"
    "\U000e0000-\U000e01ef]"
)
"""Everything that the table names and a little more; lone surrogates and tags are ranges alone."""

_STYLED = re.compile(
    "[\u2102\u210a-\u2113\u2115\u2119-\u211d\u2124\u2128\u212a-\u212d\u212f-\u2131\u2133\u2134"
    "\u2139\u24b6-\u24e9\ufb00-\ufb06\ufb50-\ufbb1\ufbd3-\ufbff\ufe70-\ufefc\uff66-\uff9f"
    "\U0001d400-\U0001d7ff\U0001f110-\U0001f129\U0001f130-\U0001f149]{1,64}"
)
"""Letters in costume: mathematical, circled, ligatures, Arabic by position, half-width kana."""

_DECOMPOSED = re.compile(
    "[^\\W\\d_]?[\u0300-\u036f\u0653-\u0655\u3099\u309a]{1,16}|[\u1100-\u11ff]{1,64}|[\u0958-\u095f]"
)
"""A letter with the accents after it, Korean syllables in pieces, Hindi letters with their dot."""

_ACCENTS = re.compile("[\u0300-\u036f\u0653-\u0655\u0958-\u095f\u1100-\u11ff\u3099\u309a]")
"""Without one of these nothing is decomposed; a class alone is found five times faster."""

_MOJIBAKE = re.compile("â(?:€|\x80)([™˜œ“”¦\x98\x99\x9c\x9d\x93\x94\xa6])")
"""UTF-8's general punctuation, read as Windows-1252 or Latin-1."""
_MEANT = {
    **dict.fromkeys("™˜\x98\x99", "'"),
    **dict.fromkeys("œ\x9c\x9d", '"'),
    **dict.fromkeys("“”\x93\x94", "-"),
    **dict.fromkeys("¦\xa6", "..."),
}
_MOJIBAKE_LETTER = re.compile("Ã([\x80-\xbf])")
"""UTF-8's accented Latin letters, read as Latin-1: the second byte stands 0x40 below its letter."""
_LOST_APOSTROPHE = re.compile("(?<=[A-Za-z])\ufffd(?=(?:t|s|m|d|re|ve|ll)\\b)")


def plain(text: str) -> str:
    """The text with plain marks and letters; the same object where nothing was to be done."""
    if text.isascii() and _ODD.search(text) is None:
        return text
    if "â" in text:
        text = _MOJIBAKE.sub(lambda found: _MEANT[found[1]], text)
    if "Ã" in text:
        text = _MOJIBAKE_LETTER.sub(lambda found: chr(ord(found[1]) + 0x40), text)
    text = _STYLED.sub(lambda found: normalize("NFKC", found[0]), text)
    if _ACCENTS.search(text) is not None:
        text = _DECOMPOSED.sub(lambda found: normalize("NFC", found[0]), text)
    text = _ODD.sub(_read_as, text)
    return _LOST_APOSTROPHE.sub("'", text) if "\ufffd" in text else text


def _read_as(found: re.Match[str]) -> str:
    code = ord(found[0])
    if 0xD800 <= code < 0xE000:
        return "\ufffd"
    return "" if code >= 0xE0000 else _MARKS.get(code, found[0])
