"""The first line of a run file: everything that makes the run reproducible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from probes.case import ProbeSet

FORMAT = 1
"""Version of the run file's format; a reader refuses what is newer than itself."""

ASKED_OF = ("kind", "base_url", "model", "deployment", "guard", "revision")
"""What a header says of its target beside its name."""
DEFAULTS = {"kind": "openai"}
"""What headers that say less mean."""
_WORDS = {"base_url": "address", "kind": "kind of target"}


@dataclass(frozen=True, slots=True)
class SetStamp:
    """Which release of a set was asked."""

    name: str
    checksum: str
    rows: int
    origin: str = ""
    licence: str = ""

    @classmethod
    def of(cls, probe_set: ProbeSet) -> SetStamp:
        """The stamp of a loaded set."""
        return cls(
            probe_set.name,
            probe_set.checksum,
            len(probe_set.cases),
            probe_set.origin,
            probe_set.licence,
        )

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> SetStamp:
        """The stamp that ``as_json`` wrote; raises TypeError on others."""
        stamp = cls(**row)
        texts = (stamp.name, stamp.checksum, stamp.origin, stamp.licence)
        if not (isinstance(stamp.rows, int) and all(isinstance(text, str) for text in texts)):
            raise TypeError(f"the set {stamp.name!r}")
        return stamp

    def as_json(self) -> dict[str, Any]:
        """The stamp as the header holds it."""
        return {
            "name": self.name,
            "checksum": self.checksum,
            "rows": self.rows,
            "origin": self.origin,
            "licence": self.licence,
        }


@dataclass(frozen=True, slots=True)
class RunHeader:
    """A run's settings.

    ``created`` is Unix time; ``target`` is ``Target.as_json``; ``parameters`` are the fields sent
    with every attempt beside model and prompt, with the system prompt under ``system``; ``planned``
    counts the trials of the whole run. ``rescored_from`` is the id of the run whose stored replies
    were judged again, else empty. ``price`` is what the costs of its trials were computed with.
    """

    run_id: str
    created: float
    candor: str
    sets: tuple[SetStamp, ...]
    target: dict[str, Any]
    seed: int
    limit: int | None
    repeats: int
    parameters: dict[str, Any]
    classifier: str
    planned: int
    rescored_from: str = ""
    price: dict[str, float] | None = None

    @property
    def asked_of(self) -> dict[str, Any]:
        """What of the target a reply depends on."""
        return {name: self.target.get(name) or DEFAULTS.get(name) for name in ASKED_OF}

    @property
    def target_name(self) -> str:
        """What reports call the target."""
        return str(self.target["name"])

    @property
    def model(self) -> str:
        """The model that was asked for; empty where a header does not say."""
        return str(self.target.get("model") or "")

    @property
    def title(self) -> str:
        """What reports show: the target, with the model where the name does not tell it."""
        return titled(self.target_name, self.model)

    def as_json(self) -> dict[str, Any]:
        """The header's line of a run file."""
        return {
            "kind": "run",
            "format": FORMAT,
            "run_id": self.run_id,
            "created": self.created,
            "candor": self.candor,
            "sets": [stamp.as_json() for stamp in self.sets],
            "target": self.target,
            "seed": self.seed,
            "limit": self.limit,
            "repeats": self.repeats,
            "parameters": self.parameters,
            "classifier": self.classifier,
            "planned": self.planned,
            "rescored_from": self.rescored_from,
            "price": self.price,
        }

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> RunHeader:
        """The header that ``as_json`` wrote; raises KeyError, TypeError or ValueError on others."""
        target = dict(row["target"])
        if not isinstance(target["name"], str):
            raise TypeError("the target's name is not text")
        return cls(
            run_id=_typed(row, "run_id", str),
            created=float(row["created"]),
            candor=_typed(row, "candor", str),
            sets=tuple(SetStamp.from_json(stamp) for stamp in row["sets"]),
            target=target,
            seed=_typed(row, "seed", int),
            limit=None if row["limit"] is None else _typed(row, "limit", int),
            repeats=_typed(row, "repeats", int),
            parameters=dict(row["parameters"]),
            classifier=_typed(row, "classifier", str),
            planned=int(row["planned"]),
            rescored_from=row.get("rescored_from", ""),
            price=row.get("price"),
        )


def _typed(row: dict[str, Any], name: str, kind: type) -> Any:
    """The value under the name; TypeError, which names it, where it is of another type."""
    if not isinstance(row[name], kind):
        raise TypeError(f"{name}, which is {row[name]!r:.60}")
    return row[name]


def titled(target: str, model: str) -> str:
    """``default (gpt-4o)``; only the target where its name already says the model.

    One deployment may serve every model, so its name alone does not say what was measured.
    """
    told = not model or model == target or target.startswith(f"{model}@")
    return target if told else f"{target} ({model})"


def differences(recorded: RunHeader, wanted: RunHeader) -> list[str]:
    """What keeps one run from continuing the other, each in a few words; empty if nothing does."""
    pairs = [
        ("target", recorded.target_name, wanted.target_name),
        *(
            (_WORDS.get(name, name), then, wanted.asked_of[name])
            for name, then in recorded.asked_of.items()
            if name != "deployment"
        ),
        ("seed", recorded.seed, wanted.seed),
        ("limit", recorded.limit, wanted.limit),
        ("repeats", recorded.repeats, wanted.repeats),
        ("parameters", recorded.parameters, wanted.parameters),
        ("classifier", recorded.classifier, wanted.classifier),
    ]
    found = [f"{name} {then} there, {now} now" for name, then, now in pairs if then != now]
    return _set_differences(recorded, wanted) + found


def _set_differences(recorded: RunHeader, wanted: RunHeader) -> list[str]:
    there = {stamp.name: stamp for stamp in recorded.sets}
    here = {stamp.name: stamp for stamp in wanted.sets}
    if list(there) != list(here):
        return [f"sets {'+'.join(there)} there, {'+'.join(here)} now"]
    return [
        f"set {name} has changed (sha256 {there[name].checksum[:12]}, {there[name].rows} rows "
        f"there; {here[name].checksum[:12]}, {here[name].rows} rows now)"
        for name in here
        if there[name].checksum != here[name].checksum
    ]
