"""What `pip install candor` brings: everything that the packages read at run time."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from tests.house.source import PACKAGES, ROOT
from tests.house.test_contents import tracked


def test_the_wheel_carries_every_file_of_the_packages(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    [wheel] = tmp_path.glob("*.whl")
    carried = set(zipfile.ZipFile(wheel).namelist())
    wanted = {name for name in tracked() if name.split("/")[0] in PACKAGES}
    assert wanted - carried == set()
