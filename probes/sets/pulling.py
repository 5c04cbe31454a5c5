"""Bringing a set from a local file or from its public home, checked before it is kept."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit, urlunsplit

from probes.home import expanded
from probes.sets.entry import SetEntry, common_expectation
from probes.sets.faults import counted
from probes.sets.homes import PUBLISHED_SETS
from probes.sets.jsonl import SetFile, Source
from probes.sets.layout import Layout
from probes.sets.manifest import Manifest
from probes.sets.or_bench import HUB
from probes.sets.problem import SetProblem, SourceUnreachable
from probes.sets.published import PublishedSet
from probes.sets.pulled import PulledSet
from probes.sets.rows import SUFFIXES
from probes.sets.starter import STARTER_SETS

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""A set's name: a folder, a metric's label and a part of a header at once."""

Fetch = Callable[[str, Path], bytes]
"""Downloads a URL whole, gathering it in the file at the path; follows redirects; raises OSError
with one readable line."""

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Means:
    """What a pull has to work with: how to download (None: not at all), and from which hub.

    ``hub`` stands for https://huggingface.co, as HF_ENDPOINT does for its own clients.
    """

    fetch: Fetch | None = None
    hub: str = HUB


@dataclass(frozen=True, slots=True)
class _Brought:
    """The bytes that came, and what the manifest says of where from."""

    source: Source
    origin: str
    url: str = ""


def pull_set(
    name: str,
    source: Path | str | None,
    home: Path,
    *,
    layout: Layout | None = None,
    means: Means | None = None,
    note: Note | None = None,
) -> SetEntry:
    """Brings a set under the home, from a local file, folder or URL, or from its public home.

    The set is checked first (checksum and rows of a published set, readability of any other) and
    an earlier copy is replaced only then, so a failed pull changes nothing. ``layout`` says how the
    columns of one's own file are read; without it an earlier pull's holds on. ``note`` gets a line
    for each thing that is worth saying. Raises SetProblem on a name or a file that does not serve,
    SourceUnreachable where the address does not answer.
    """
    _check_name(name)
    said = note or (lambda line: None)
    pulled = PulledSet(name, PUBLISHED_SETS.get(name))
    earlier = _earlier(pulled, home)
    layout = _layout(pulled, layout, earlier, said)
    brought = _bring(pulled, source, home, means=means or Means(), earlier=earlier)
    held = pulled.read(replace(brought.source, layout=layout))
    for line in held.notes:
        said(line)
    manifest = _manifest(brought, held, layout)
    if earlier is not None:
        _compare(name, earlier, manifest, said)
    pulled.keep(brought.source.raw, manifest, home)
    return pulled.entry_of(manifest)


def _compare(name: str, earlier: Manifest, now: Manifest, said: Note) -> None:
    """Says what a pull changed: the file, or only how it is read."""
    lost = "a run of the earlier one cannot be resumed"
    if earlier.checksum != now.checksum:
        said(
            f"{name} has changed: it had {counted(earlier.rows, 'row')} with sha256 "
            f"{earlier.checksum[:12]}, and has {now.rows:,} with {now.checksum[:12]} now; {lost}"
        )
    elif earlier.layout != now.layout:
        before = earlier.layout.said() or "its columns as they are called"
        said(f"{name} is read otherwise than before ({before}); {lost}")


def _manifest(brought: _Brought, held: SetFile, layout: Layout) -> Manifest:
    return Manifest(
        file=f"{held.checksum[:16]}{brought.source.suffix}",
        checksum=held.checksum,
        rows=held.rows,
        prompts=len(held.cases),
        origin=brought.origin,
        expectation=common_expectation(held.cases),
        layout=layout,
        url=brought.url,
    )


def _check_name(name: str) -> None:
    if name in STARTER_SETS:
        raise SetProblem(f"{name} ships with Candor; there is nothing to pull")
    if not NAME.fullmatch(name):
        raise SetProblem(
            f"{name!r} cannot name a set; use letters, digits, '.', '_' and '-', 64 at most, "
            "and give the file with --from PATH"
        )


def _earlier(pulled: PulledSet, home: Path) -> Manifest | None:
    """What was pulled before; a damaged manifest is as good as none, a new pull repairs it."""
    try:
        return pulled.manifest(home)
    except SetProblem:
        return None


def _layout(
    pulled: PulledSet, asked: Layout | None, earlier: Manifest | None, said: Note
) -> Layout:
    if pulled.published is not None:
        if asked is not None:
            raise SetProblem(
                f"{pulled.name} is a published set and its columns are known; --column and "
                "--expect are for a set of your own, under a name of its own"
            )
        return pulled.published.layout
    if asked is not None or earlier is None:
        return asked or Layout()
    if earlier.layout.said():
        said(
            f"{pulled.name} is read as it was before ({earlier.layout.said()}); "
            "--column and --expect change that"
        )
    return earlier.layout


def _bring(
    pulled: PulledSet,
    source: Path | str | None,
    home: Path,
    *,
    means: Means,
    earlier: Manifest | None,
) -> _Brought:
    known = pulled.published
    if isinstance(source, Path):
        local = _local(pulled.name, expanded(source), known)
        return _Brought(local, known.origin if known else f"pulled from {Path(local.shown).name}")
    urls = [source] if source else [one.replace(HUB, means.hub) for one in _homes(pulled, earlier)]
    fetched, url = _download(pulled, urls, home, means.fetch)
    origin = known.origin if known else f"pulled from {_shown(url)}"
    return _Brought(fetched, origin, url if url == _shown(url) else "")


def _homes(pulled: PulledSet, earlier: Manifest | None) -> tuple[str, ...]:
    if pulled.published is not None:
        return pulled.published.homes
    if earlier is not None and earlier.url:
        return (earlier.url,)
    raise SetProblem(
        f"{pulled.name} has no public home that Candor knows; name a file with --from PATH, "
        f"or one of {', '.join(PUBLISHED_SETS)}"
    )


def _local(name: str, path: Path, published: PublishedSet | None) -> Source:
    if path.is_dir():
        path = _within(path, published.file if published else "", name)
    if path.suffix.lower() not in SUFFIXES:
        raise SetProblem(f"{path}: a probe set is read from .csv or .jsonl; name such a file")
    return Source(read_file(path), str(path), path.suffix.lower())


def _within(folder: Path, file: str, name: str) -> Path:
    """The file of the set in a folder: the published one, or NAME.csv, or NAME.jsonl."""
    wanted = [file] if file else [f"{name}{suffix}" for suffix in SUFFIXES]
    for one in wanted:
        if (folder / one).is_file():
            return folder / one
    raise SetProblem(f"the folder {folder} holds no {' or '.join(wanted)}; name the file itself")


def read_file(path: Path) -> bytes:
    """The bytes of a regular file; raises SetProblem where there is none or it cannot be read."""
    if not path.exists():
        raise SetProblem(f"{path}: no such file")
    if not path.is_file():
        raise SetProblem(f"{path} is not a file; name a .csv or .jsonl file")
    try:
        return path.read_bytes()
    except OSError as problem:
        raise SetProblem(f"{path} cannot be read ({problem.strerror})") from problem


def _download(
    pulled: PulledSet, urls: list[str], home: Path, fetch: Fetch | None
) -> tuple[Source, str]:
    """The file from the first address that has it, and that address."""
    file = pulled.published.file if pulled.published else "the file"
    remedy = (
        f"download {file} where there is a network and run "
        f"`candor probe pull {pulled.name} --from PATH`"
    )
    if fetch is None:
        raise SourceUnreachable(f"{pulled.name}: nothing here can download it; {remedy}")
    failed = []
    for url in urls:
        suffix = _suffix(url)
        part = pulled.place(home) / f".{hashlib.sha256(url.encode()).hexdigest()[:16]}.part"
        try:
            return Source(fetch(url, part), _shown(url), suffix), url
        except OSError as problem:
            failed.append(f"{_shown(url)} ({problem})")
    raise SourceUnreachable(
        f"{pulled.name} cannot be downloaded from {', nor from '.join(failed)}; {remedy}"
    )


def _suffix(url: str) -> str:
    suffix = PurePosixPath(urlsplit(url).path).suffix.lower()
    if suffix not in SUFFIXES:
        raise SetProblem(
            f"{_shown(url)}: a probe set is read from .csv or .jsonl; give the address of such a "
            "file, or download it and name it with --from PATH"
        )
    return suffix


def _shown(url: str) -> str:
    """The address without a password, a query or a fragment: what may stand in messages."""
    split = urlsplit(url)
    return urlunsplit((split.scheme, split.netloc.rpartition("@")[2], split.path, "", ""))
