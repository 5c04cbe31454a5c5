import os
import stat
from pathlib import Path

import pytest

from probes.home import HomeProblem, candor_home, expanded


def test_the_home_is_where_candor_home_says_and_is_made_for_its_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANDOR_HOME", str(tmp_path / "deep" / "home"))

    home = candor_home()

    assert home == tmp_path / "deep" / "home"
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_a_home_that_is_already_there_keeps_its_permissions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANDOR_HOME", str(tmp_path))
    tmp_path.chmod(0o755)

    assert stat.S_IMODE(candor_home().stat().st_mode) == 0o755


def test_without_candor_home_the_user_data_directory_of_the_platform_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CANDOR_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))

    home = candor_home()

    assert home.name == "candor"
    assert tmp_path in home.parents
    assert home.is_dir()


def test_an_empty_candor_home_counts_as_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANDOR_HOME", " ")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)

    assert tmp_path in candor_home().parents


def test_a_relative_data_directory_is_ignored_as_its_specification_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CANDOR_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", "somewhere")

    assert tmp_path in candor_home().parents


def test_a_relative_candor_home_becomes_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CANDOR_HOME", "state")

    assert candor_home() == tmp_path / "state"


def test_a_home_that_is_a_file_is_one_line_that_names_it_and_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = tmp_path / "taken"
    taken.write_text("not a folder")
    monkeypatch.setenv("CANDOR_HOME", str(taken))

    with pytest.raises(HomeProblem) as caught:
        candor_home()

    message = str(caught.value)
    assert str(taken) in message
    assert "set CANDOR_HOME" in message
    assert "\n" not in message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_that_may_not_be_written_to_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o500)
    monkeypatch.setenv("CANDOR_HOME", str(tmp_path))

    with pytest.raises(HomeProblem, match="cannot be written to"):
        candor_home()


def test_a_path_of_a_user_that_is_not_there_stays_as_it_was_written() -> None:
    assert expanded(Path("~nobody-of-that-name/set.csv")) == Path("~nobody-of-that-name/set.csv")
    assert expanded(Path("~/set.csv")) == Path.home() / "set.csv"
