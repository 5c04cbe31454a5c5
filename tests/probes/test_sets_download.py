import fcntl
import gzip
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from probes.sets import SetProblem
from probes.sets.download import LIMIT_BYTES, download
from tests.probes.dataset_home import Page, home_of
from tests.services import free_port

FILE = b"prompt\n" + b"".join(b"What is number %d?\n" % place for place in range(9000))
TAG = {"etag": '"one"'}


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "sets" / "mine" / ".download.part"


def left(part: Path) -> list[str]:
    """What lies where the part was, sorted."""
    return sorted(path.name for path in part.parent.glob("*")) if part.parent.exists() else []


def test_a_download_follows_the_home_to_its_storage_and_leaves_nothing_behind(part: Path) -> None:
    with home_of(storage=Page(FILE), set__csv=Page(status=302)) as home:
        home.pages["/set.csv"].headers["location"] = "/storage"

        assert download(f"{home.url}/set.csv", part) == FILE

    assert left(part) == []


def test_a_download_says_how_much_of_how_much_is_here(part: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    with home_of(set__csv=Page(FILE)) as home:
        download(f"{home.url}/set.csv", part, watch=lambda *both: seen.append(both))

    assert seen[-1] == (len(FILE), len(FILE))
    assert seen == sorted(seen)


def test_a_connection_that_breaks_midway_is_taken_up_where_it_ended(part: Path) -> None:
    with home_of(set__csv=Page(FILE, headers=TAG, cuts=[1000, 500])) as home:
        assert download(f"{home.url}/set.csv", part) == FILE

        assert [asked.range for asked in home.asked] == ["", "bytes=1000-", "bytes=1500-"]


def test_a_download_that_broke_for_good_is_continued_by_the_next_one(part: Path) -> None:
    with home_of(set__csv=Page(FILE, headers=TAG, cuts=[1000, 0])) as home:
        with pytest.raises(OSError, match="1,000 bytes are kept, run it again to go on"):
            download(f"{home.url}/set.csv", part)
        assert left(part) == [".download.part", ".download.part.etag"]

        assert download(f"{home.url}/set.csv", part) == FILE
        assert home.asked[-1].range == "bytes=1000-"

    assert left(part) == []


def test_a_file_that_changed_meanwhile_is_taken_anew(part: Path) -> None:
    with home_of(set__csv=Page(b"x" * 5000, headers=TAG, cuts=[1000, 0])) as home:
        with pytest.raises(OSError, match="are kept"):
            download(f"{home.url}/set.csv", part)
        home.pages["/set.csv"] = Page(FILE, headers={"etag": '"two"'})

        assert download(f"{home.url}/set.csv", part) == FILE


def test_a_home_that_cannot_resume_sends_the_file_anew(part: Path) -> None:
    with home_of(set__csv=Page(FILE, headers=TAG, cuts=[1000], resumes=False)) as home:
        assert download(f"{home.url}/set.csv", part) == FILE


@pytest.mark.parametrize("headers", [{}, {"etag": 'W/"weak"'}])
def test_without_a_strong_tag_nothing_is_kept_and_nothing_is_pieced_together(
    headers: dict[str, str], part: Path
) -> None:
    with home_of(set__csv=Page(FILE, headers=headers, cuts=[1000, 0])) as home:
        with pytest.raises(OSError, match="broke") as caught:
            download(f"{home.url}/set.csv", part)
        assert download(f"{home.url}/set.csv", part) == FILE

        assert {asked.range for asked in home.asked} == {""}
    assert "kept" not in str(caught.value)


def test_a_home_that_compresses_unasked_is_read_and_never_pieced_together(part: Path) -> None:
    headers = {**TAG, "content-encoding": "gzip"}
    packed = gzip.compress(FILE)
    with home_of(set__csv=Page(packed, headers=headers, cuts=[len(packed) - 9])) as home:
        assert download(f"{home.url}/set.csv", part) == FILE

        assert {asked.range for asked in home.asked} == {""}


def test_a_part_that_is_already_whole_is_taken_anew_rather_than_refused(part: Path) -> None:
    part.parent.mkdir(parents=True)
    part.write_bytes(FILE)
    part.with_name(part.name + ".etag").write_text('"one"')

    with home_of(set__csv=Page(FILE, headers=TAG)) as home:
        assert download(f"{home.url}/set.csv", part) == FILE


def test_a_pull_that_is_killed_leaves_a_part_that_the_next_goes_on_from(part: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from probes.sets.download import download\n"
        "download(sys.argv[1], Path(sys.argv[2]),\n"
        "         watch=lambda *_: os.kill(os.getpid(), signal.SIGKILL))"
    )
    with home_of(set__csv=Page(FILE, headers=TAG)) as home:
        done = subprocess.run(
            [sys.executable, "-c", code, f"{home.url}/set.csv", str(part)],
            cwd=Path(__file__).resolve().parents[2],
            timeout=60,
            check=False,
        )
        kept = part.stat().st_size

        assert done.returncode == -signal.SIGKILL
        assert kept > 0
        assert download(f"{home.url}/set.csv", part) == FILE


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (Page(status=404), "status 404: there is no such file there"),
        (Page(status=401), "status 401: it asks for a login; .* HF_TOKEN"),
        (Page(status=429), "status 429: too many requests"),
        (Page(status=503), "status 503$"),
        (Page(b"<p>Sign in</p>", headers={"content-type": "text/html; charset=utf-8"}), "web page"),
    ],
)
def test_an_answer_that_is_no_file_is_one_line_and_leaves_nothing(
    page: Page, said: str, part: Path
) -> None:
    with home_of(set__csv=page) as home, pytest.raises(OSError, match=said) as caught:
        download(f"{home.url}/set.csv", part)

    assert "\n" not in str(caught.value)
    assert left(part) == []


def test_a_page_about_the_file_is_answered_with_the_address_of_the_file(part: Path) -> None:
    page = Page(b"<html>", headers={"content-type": "text/html"})
    said = pytest.raises(OSError, match="take the address with /resolve/ or /raw/")
    with home_of(**{"blob/set__csv": page}) as home, said:
        download(f"{home.url}/blob/set.csv", part)


def test_what_is_larger_than_any_set_is_cut_off(part: Path) -> None:
    said = pytest.raises(OSError, match="larger than 64 MiB")
    with home_of(set__csv=Page(bytes(LIMIT_BYTES + 1))) as home, said:
        download(f"{home.url}/set.csv", part)

    assert left(part) == []


def test_a_home_that_is_down_is_one_readable_line(part: Path) -> None:
    with pytest.raises(OSError, match="connection refused") as caught:
        download(f"http://127.0.0.1:{free_port()}/set.csv", part)

    assert "\n" not in str(caught.value)


def test_a_token_goes_to_the_home_and_not_to_where_it_redirects(part: Path) -> None:
    with home_of(storage=Page(FILE)) as storage, home_of(set__csv=Page(status=302)) as home:
        home.pages["/set.csv"].headers["location"] = f"{storage.url}/storage"

        assert download(f"{home.url}/set.csv", part, token="secret") == FILE

        assert home.asked[0].authorization == "Bearer secret"
        assert storage.asked[0].authorization == ""


def test_two_pulls_at_once_do_not_write_into_each_other(part: Path) -> None:
    part.parent.mkdir(parents=True)
    with part.open("wb") as theirs, home_of(set__csv=Page(FILE)) as home:
        fcntl.flock(theirs, fcntl.LOCK_SH)

        with pytest.raises(SetProblem, match="mine is being pulled by another command"):
            download(f"{home.url}/set.csv", part)


def test_a_disk_that_refuses_is_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "sets").write_text("a file")

    with pytest.raises(SetProblem, match="cannot be written to"):
        download("http://127.0.0.1:1/set.csv", tmp_path / "sets" / "mine" / "part")
