"""Cells: what is added in one process is read in all, and outlives the process that added it."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cells import CELLS, Cells, CellsFull
from tests.services import ROOT

COUNT_AND_DIE = """
import os, signal, sys
from pathlib import Path
from gateway.cells import Cells
cells = Cells(Path(sys.argv[1]))
index = cells.block(("calls", "prod"))
for _ in range(1000):
    cells.values[index] += 1
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(params=["memory", "file"])
def cells(request: pytest.FixtureRequest, tmp_path: Path) -> Cells:
    return Cells(None if request.param == "memory" else tmp_path / "0.cells")


def test_a_block_starts_at_zero_and_keeps_what_is_added(cells: Cells) -> None:
    first, other = cells.block(("a", "x"), 3), cells.block(("b",))
    cells.values[first + 2] += 1.5
    cells.values[other] += 1
    assert cells.block(("a", "x"), 3) == first
    assert cells.totals() == {("a", "x"): [0.0, 0.0, 1.5], ("b",): [1.0]}


def test_a_count_is_exact_to_the_last_unit(cells: Cells) -> None:
    index = cells.block(("tokens",))
    cells.values[index] += 2**53 - 1
    cells.values[index] += 1
    assert cells.totals()[("tokens",)] == [2**53]


def test_a_block_has_one_width(cells: Cells) -> None:
    cells.block(("a",), 3)
    with pytest.raises(ValueError, match="3 cells, not 4"):
        cells.block(("a",), 4)


def test_names_that_do_not_fit_are_refused_and_the_others_go_on(cells: Cells) -> None:
    index = cells.block(("a",))
    with pytest.raises(CellsFull):
        cells.block(("b",), CELLS)
    cells.values[index] += 1
    cells.block(("c",), CELLS - 1)
    with pytest.raises(CellsFull):
        cells.block(("d",))
    assert cells.totals()[("a",)] == [1.0]


def test_every_slot_sees_the_sum_over_all_and_names_that_are_added_later(tmp_path: Path) -> None:
    slots = [Cells(tmp_path / f"{slot}.cells") for slot in range(3)]
    for slot, cells in enumerate(slots):
        cells.values[cells.block(("calls",), 2) + 1] += slot + 1
    assert [cells.totals() for cells in slots] == [{("calls",): [0.0, 6.0]}] * 3
    slots[2].values[slots[2].block(("late", "x"))] += 5
    slots[2].values[slots[2].block(("calls",), 2)] += 7
    assert [cells.totals() for cells in slots] == [
        {("calls",): [7.0, 6.0], ("late", "x"): [5.0]}
    ] * 3


def test_what_a_killed_process_counted_is_there_and_is_gone_on_from(tmp_path: Path) -> None:
    path = tmp_path / "1.cells"
    reader = Cells(tmp_path / "0.cells")
    for killed in (1, 2):
        done = subprocess.run([sys.executable, "-c", COUNT_AND_DIE, path], cwd=ROOT, check=False)
        assert done.returncode == -signal.SIGKILL
        assert reader.totals() == {("calls", "prod"): [1000.0 * killed]}
    successor = Cells(path)
    successor.values[successor.block(("calls", "prod"))] += 1
    assert reader.totals() == {("calls", "prod"): [2001.0]}


def test_a_name_that_was_half_written_when_its_writer_died_names_nothing(tmp_path: Path) -> None:
    path = tmp_path / "0.cells"
    cells = Cells(path)
    cells.values[cells.block(("whole",))] += 3
    directory = path.read_bytes().index(b'["whole", 1]\n') + len(b'["whole", 1]\n')
    with path.open("r+b") as file:
        file.seek(directory)
        file.write(b'["half')
    successor = Cells(path)
    successor.values[successor.block(("next",))] += 4
    assert successor.totals() == Cells(path).totals() == {("whole",): [3.0], ("next",): [4.0]}


def test_a_gauge_of_a_dead_worker_is_zeroed_in_its_slot_alone(tmp_path: Path) -> None:
    own, other = Cells(tmp_path / "0.cells"), Cells(tmp_path / "1.cells")
    for cells in (own, other):
        cells.values[cells.block(("gauge", "x"))] = 4
        cells.values[cells.block(("count", "x"))] = 4
    successor = Cells(tmp_path / "0.cells")
    successor.zero("gauge")
    assert successor.totals() == {("gauge", "x"): [4.0], ("count", "x"): [8.0]}


def test_a_slot_that_cannot_be_read_is_left_out_until_it_can(tmp_path: Path) -> None:
    own = Cells(tmp_path / "0.cells")
    own.values[own.block(("calls",))] += 1
    (tmp_path / "1.cells").write_bytes(b"")
    assert own.totals() == {("calls",): [1.0]}
    other = Cells(tmp_path / "1.cells")
    other.values[other.block(("calls",))] += 1
    assert own.totals() == {("calls",): [2.0]}


def test_a_slot_is_for_its_owner_alone_and_has_its_room_on_the_disk(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Cells(tmp_path / "0.cells")
    finally:
        os.umask(before)
    found = (tmp_path / "0.cells").stat()
    assert stat.S_IMODE(found.st_mode) == 0o600
    assert found.st_blocks * 512 >= found.st_size


def test_workers_of_one_gateway_share_its_name_and_gateways_do_not(tmp_path: Path) -> None:
    for name in ("run-a", "run-b"):
        (tmp_path / name).mkdir()
    made = [Cells(tmp_path / run / f"{n}.cells") for run in ("run-a", "run-b") for n in (0, 1)]
    made += [Cells(), Cells()]
    names = [cells.gateway for cells in made]
    assert names[0] == names[1] != names[2] == names[3]
    assert len(set(names)) == 4


def test_blocks_made_by_many_threads_do_not_overlap(cells: Cells) -> None:
    def make() -> None:
        for number in range(200):
            cells.values[cells.block((str(number),), 2)] = number

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cells.totals() == {(str(n),): [float(n), 0.0] for n in range(200)}


@given(st.lists(st.text(max_size=5), min_size=1, max_size=4).map(tuple))
def test_any_label_can_be_a_name(key: tuple[str, ...]) -> None:
    cells = Cells()
    cells.block(("first",), 3)
    cells.values[cells.block((*key, "x"))] += 1
    assert cells.totals()[*key, "x"] == [1.0]
