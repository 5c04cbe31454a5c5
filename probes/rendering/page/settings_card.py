"""The settings and checksums that make a run reproducible."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from probes.header import RunHeader
from probes.parameters import SYSTEM
from probes.rendering.page.markup import card, moment, text
from probes.report import RunReport


def settings_card(run: RunReport, *, fold: bool = False) -> str:
    """Everything of the run's header, each set with its whole checksum."""
    rows = "".join(f"<dt>{name}</dt><dd>{said}</dd>" for name, said in _settings(run))
    sets = "".join(
        f"<tr><td>{text(stamp.name)}</td><td class='number'>{stamp.rows:,}</td>"
        f"<td class='said'><code>{text(stamp.checksum)}</code></td><td>{text(stamp.licence)}</td>"
        f"<td class='said'>{text(stamp.origin)}</td></tr>"
        for stamp in run.header.sets
    )
    body = (
        f'<dl>{rows}</dl><div class="wide-table sets"><table><thead><tr><th>set</th>'
        '<th class="number">rows</th><th>sha256</th><th>licence</th><th>origin</th></tr></thead>'
        f"<tbody>{sets}</tbody></table></div>"
    )
    title = f"Settings: {text(run.header.title)}"
    return card(title, "what it takes to do it again", body, fold=fold)


def _settings(run: RunReport) -> Iterator[tuple[str, str]]:
    header = run.header
    yield "run", f"<code>{text(header.run_id)}</code> of {moment(header.created)}"
    if run.file:
        yield "file", f"<code>{text(run.file)}</code>"
    yield from _target(header)
    yield "judged by", f"<code>{text(header.classifier)}</code>"
    limit = "every prompt" if header.limit is None else f"{header.limit:,} prompts of each set"
    yield "asked", f"{limit}, {header.repeats:,} each, seed {header.seed}"
    yield "trials", f"{run.summary.trials:,} of {header.planned:,} planned"
    parameters = {name: value for name, value in header.parameters.items() if name != SYSTEM}
    yield "parameters", f"<code>{_json(parameters)}</code>" if parameters else "the target's own"
    system = header.parameters.get(SYSTEM)
    yield "system prompt", f"<code>{text(system)}</code>" if system else "none"
    if header.rescored_from:
        yield "rescored from", f"<code>{text(header.rescored_from)}</code>"
    yield "candor", text(header.candor)


def _target(header: RunHeader) -> Iterator[tuple[str, str]]:
    named = ("name", "model", "base_url", "deployment", "kind", "guard")
    for key in (*named, *(key for key in header.target if key not in named)):
        if value := header.target.get(key):
            yield {"name": "target", "base_url": "address"}.get(key, text(key)), text(value)


def _json(tree: Mapping[str, Any]) -> str:
    return text(json.dumps(tree, ensure_ascii=False))
