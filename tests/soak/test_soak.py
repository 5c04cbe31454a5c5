"""Three minutes of the soak: slow, and so only where everything is required to run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.soak.soak import Ask, soak
from tests.soak.verdict import promises, table

SECONDS = 180.0
RATE = 25.0
"""Calls per second: some four thousand five hundred calls at a tenth of a core."""


@pytest.mark.skipif(
    os.environ.get("CANDOR_REQUIRE_SERVICES") != "1",
    reason="takes three minutes; CANDOR_REQUIRE_SERVICES=1 runs it, and `make soak` an hour of it",
)
@pytest.mark.timeout(360)
async def test_three_minutes_of_upstream_faults_leak_nothing_and_explain_every_error(
    tmp_path: Path,
) -> None:
    result = await soak(Ask(SECONDS, rate=RATE), tmp_path)
    print(table(result))
    assert [promise for promise in promises(result) if not promise.kept] == []
