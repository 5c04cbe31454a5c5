"""The newcomer's first command, as they run it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.running import candor
from tests.services import free_port

ROW = re.compile(r"(cautious|balanced|permissive)\s+([\d.]+)%.*?([\d.]+)% inside.*?([\d.]+)%", re.S)


@pytest.mark.timeout(240)
def test_the_demo_puts_every_persona_where_its_truth_is(tmp_path: Path) -> None:
    done = candor("demo", "--exit", "--port", str(free_port()), home=tmp_path, timeout=230)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "OUTSIDE" not in done.stdout
    rows = {name: (float(over), float(safe)) for name, over, _, safe in ROW.findall(done.stdout)}
    assert set(rows) == {"cautious", "balanced", "permissive"}
    assert rows["permissive"][0] < rows["balanced"][0] < rows["cautious"][0]
    assert rows["permissive"][1] < rows["balanced"][1]
    assert done.stdout.count("inside") == 6
