"""The chart's schema of values: generated, current, and closed."""

from __future__ import annotations

import json
from typing import Any

import yaml

from helm.values_schema import SCHEMA, rendered

VALUES = SCHEMA.with_name("values.yaml")


def test_the_committed_schema_is_what_the_code_writes() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == rendered(), "run: python -m helm.values_schema"


def test_every_value_of_the_chart_is_in_the_schema_and_the_other_way_round() -> None:
    known = set(json.loads(rendered())["properties"]) - {"global"}
    assert set(yaml.safe_load(VALUES.read_text(encoding="utf-8"))) == known


def test_every_mapping_with_named_keys_refuses_all_others() -> None:
    def closed(schema: Any) -> bool:
        if isinstance(schema, list):
            return all(map(closed, schema))
        if not isinstance(schema, dict):
            return True
        named = isinstance(schema.get("properties"), dict) and schema.get("type") == "object"
        if named and schema.get("additionalProperties") is not False:
            return False
        return all(map(closed, schema.values()))

    assert closed(json.loads(rendered()))
