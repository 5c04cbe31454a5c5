import json
from pathlib import Path

import pytest

from probes.case import Expectation
from probes.sets import Layout, Means, SetProblem, SourceUnreachable, load_set, pull_set
from probes.sets.homes import PUBLISHED_SETS
from tests.probes.or_bench_files import or_bench


def own(folder: Path, text: str = "prompt\nWhy?\n", name: str = "ours.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_anyones_file_can_be_pulled_under_a_name_and_then_loaded_by_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    entry = pull_set("ours", own(tmp_path), home)
    (tmp_path / "ours.csv").unlink()

    held = load_set("ours", home)

    assert [case.prompt for case in held.cases] == ["Why?"]
    assert held.cases[0].set == "ours"
    assert (entry.rows, entry.here, entry.checksum) == (1, True, held.checksum)
    assert entry.expectation is Expectation.UNKNOWN


def test_a_set_with_both_expectations_is_listed_as_mixed(tmp_path: Path) -> None:
    path = own(tmp_path, "prompt,expectation\na,comply\nb,refuse\n")

    assert pull_set("ours", path, tmp_path / "home").as_json()["expectation"] == "mixed"


def test_rows_left_out_are_said_when_a_set_is_pulled(tmp_path: Path) -> None:
    said: list[str] = []

    pull_set("ours", own(tmp_path, "prompt\na\na\n"), tmp_path / "home", note=said.append)

    assert "left out 1 row that repeats an earlier prompt (line 3)" in said[0]


def test_a_failed_pull_leaves_the_earlier_copy_as_it_was(tmp_path: Path) -> None:
    home = tmp_path / "home"
    pull_set("ours", own(tmp_path), home)
    before = {path: path.read_bytes() for path in (home / "sets" / "ours").iterdir()}

    with pytest.raises(SetProblem):
        pull_set("ours", own(tmp_path, "question\nWhy?\n"), home)

    assert {path: path.read_bytes() for path in (home / "sets" / "ours").iterdir()} == before


def test_a_wrong_file_never_replaces_a_good_published_copy(tmp_path: Path) -> None:
    home = tmp_path / "home"
    pull_set("or-bench-toxic", or_bench("or-bench-toxic.csv"), home)

    with pytest.raises(SetProblem, match="is not or-bench-toxic"):
        pull_set("or-bench-toxic", own(tmp_path), home)

    assert len(load_set("or-bench-toxic", home).cases) == 655


def test_pulling_again_replaces_the_set_and_leaves_nothing_behind(tmp_path: Path) -> None:
    home = tmp_path / "home"
    pull_set("ours", own(tmp_path), home)
    pull_set("ours", own(tmp_path, "prompt\nHow?\nWhen?\n"), home)

    assert [case.prompt for case in load_set("ours", home).cases] == ["How?", "When?"]
    assert len(list((home / "sets" / "ours").iterdir())) == 2


def test_a_pull_that_died_before_its_last_step_leaves_the_earlier_set(tmp_path: Path) -> None:
    home = tmp_path / "home"
    pull_set("ours", own(tmp_path), home)
    place = home / "sets" / "ours"
    (place / "0123456789abcdef.csv").write_text("prompt\nthe new file, already whole\n")
    (place / ".half.part").write_text('{"file": "01234567')

    assert [case.prompt for case in load_set("ours", home).cases] == ["Why?"]


@pytest.mark.parametrize("name", ["", "../up", "a b", ".hidden", "x" * 65, "é"])
def test_a_name_that_could_not_be_a_folder_or_a_label_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(SetProblem, match="cannot name a set"):
        pull_set(name, own(tmp_path), tmp_path / "home")


def test_a_starter_set_needs_no_pulling(tmp_path: Path) -> None:
    with pytest.raises(SetProblem, match="ships with Candor"):
        pull_set("starter-hard", None, tmp_path)


def test_a_set_without_a_public_home_asks_for_a_file(tmp_path: Path) -> None:
    with pytest.raises(SetProblem, match=r"no public home that Candor knows; .* --from PATH"):
        pull_set("ours", None, tmp_path)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("absent.csv", "no such file"),
        ("notes.txt", "read from .csv or .jsonl"),
        ("folder", "holds no ours.csv or ours.jsonl"),
        ("folder.csv", "holds no ours.csv"),
    ],
)
def test_a_source_that_does_not_serve_is_named(path: str, said: str, tmp_path: Path) -> None:
    own(tmp_path, name="notes.txt")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder.csv").mkdir()

    with pytest.raises(SetProblem) as caught:
        pull_set("ours", tmp_path / path, tmp_path / "home")

    assert said in str(caught.value)
    assert path in str(caught.value)


def test_a_folder_serves_where_it_holds_a_file_of_the_sets_name(tmp_path: Path) -> None:
    own(tmp_path, '{"prompt": "Why?"}\n', "ours.jsonl")

    assert pull_set("ours", tmp_path, tmp_path / "home").rows == 1


def test_the_public_home_is_asked_for_exactly_the_pinned_file(tmp_path: Path) -> None:
    raw = or_bench("or-bench-toxic.csv").read_bytes()
    asked: list[str] = []

    def fetch(url: str, part: Path) -> bytes:
        asked.append(url)
        return raw

    entry = pull_set("or-bench-toxic", None, tmp_path, means=Means(fetch))

    assert asked == [PUBLISHED_SETS["or-bench-toxic"].url]
    assert entry.here
    assert load_set("or-bench-toxic", tmp_path).origin == "bench-llm/or-bench on Hugging Face"


def test_without_a_network_the_one_line_names_the_address_and_the_remedy(tmp_path: Path) -> None:
    def fetch(*_: object) -> bytes:
        raise ConnectionError("the host name was not found")

    with pytest.raises(SourceUnreachable) as caught:
        pull_set("or-bench-hard", None, tmp_path, means=Means(fetch))

    message = str(caught.value)
    assert "the host name was not found" in message
    assert PUBLISHED_SETS["or-bench-hard"].url in message
    assert "candor probe pull or-bench-hard --from PATH" in message
    assert "\n" not in message


def test_a_download_that_is_something_else_is_refused_and_kept_nowhere(tmp_path: Path) -> None:
    with pytest.raises(SetProblem, match=r"expected 1,319 rows .* got no readable rows"):
        pull_set("or-bench-hard", None, tmp_path, means=Means(lambda *_: b"<html>portal</html>"))

    assert not (tmp_path / "sets").exists()


@pytest.mark.parametrize("keep", [0, 10])
def test_a_pulled_file_that_was_cut_later_is_found_out_when_it_is_loaded(
    keep: int, tmp_path: Path
) -> None:
    pull_set("ours", own(tmp_path, "prompt\nWhy?\nHow?\n"), tmp_path / "home")
    (file,) = (tmp_path / "home" / "sets" / "ours").glob("*.csv")
    file.write_bytes(file.read_bytes()[:keep])

    with pytest.raises(SetProblem, match=r"copy of ours is damaged: expected sha256 .* pull ours"):
        load_set("ours", tmp_path / "home")


def test_a_pulled_file_that_was_deleted_later_is_found_out(tmp_path: Path) -> None:
    pull_set("ours", own(tmp_path), tmp_path / "home")
    (file,) = (tmp_path / "home" / "sets" / "ours").glob("*.csv")
    file.unlink()

    with pytest.raises(SetProblem, match=r"copy of ours is damaged: .* cannot be read"):
        load_set("ours", tmp_path / "home")


ELSEWHERE = {"file": "../x.csv", "sha256": "", "rows": 1, "origin": "", "expectation": None}


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", json.dumps(ELSEWHERE)])
def test_a_damaged_manifest_is_one_line_and_a_new_pull_repairs_it(
    text: str, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    pull_set("ours", own(tmp_path), home)
    (home / "sets" / "ours" / "set.json").write_text(text)

    with pytest.raises(SetProblem, match=r"damaged: .*set.json cannot be read"):
        load_set("ours", home)
    pull_set("ours", own(tmp_path), home)

    assert len(load_set("ours", home).cases) == 1


def test_a_manifest_that_cannot_be_opened_is_damage_and_not_absence(tmp_path: Path) -> None:
    (tmp_path / "sets" / "ours" / "set.json").mkdir(parents=True)

    with pytest.raises(SetProblem, match="copy of ours is damaged"):
        load_set("ours", tmp_path)


def test_a_home_that_cannot_be_written_to_is_one_line(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("a file")

    with pytest.raises(SetProblem, match="ours cannot be written to"):
        pull_set("ours", own(tmp_path), home)


def answering(raw: bytes) -> Means:
    return Means(lambda *_: raw)


def test_a_mapping_is_remembered_with_the_set(tmp_path: Path) -> None:
    path = own(tmp_path, "question,topic,label\nWhy?,birds,safe\nHow?,bees,bad\n")
    layout = Layout(
        {"prompt": "question", "category": "topic", "expectation": "label"},
        words={"safe": Expectation.COMPLY, "bad": Expectation.REFUSE},
    )

    entry = pull_set("ours", path, tmp_path / "home", layout=layout)
    held = load_set("ours", tmp_path / "home")

    assert [(case.prompt, case.category) for case in held.cases] == [
        ("Why?", "birds"),
        ("How?", "bees"),
    ]
    assert [case.expectation.value for case in held.cases] == ["comply", "refuse"]
    assert entry.expectation is None
    assert "prompt=question" in entry.mapping


def test_the_same_file_read_otherwise_cannot_pass_for_the_same_set(tmp_path: Path) -> None:
    path, home, said = own(tmp_path, "prompt,other\na,b\n"), tmp_path / "home", list[str]()
    pull_set("ours", path, home, layout=Layout(expectation=Expectation.COMPLY))
    first = load_set("ours", home)
    pull_set("ours", path, home, layout=Layout({"prompt": "other"}), note=said.append)
    second = load_set("ours", home)

    assert first.checksum != second.checksum
    assert any("is read otherwise than before (expect comply)" in line for line in said)


def test_pulling_again_reads_the_file_as_before_and_says_so(tmp_path: Path) -> None:
    path, home, said = own(tmp_path, "question\nWhy?\n"), tmp_path / "home", list[str]()
    pull_set("ours", path, home, layout=Layout({"prompt": "question"}, Expectation.COMPLY))

    pull_set("ours", own(tmp_path, "question\nHow?\n"), home, note=said.append)

    assert load_set("ours", home).cases[0].prompt == "How?"
    assert "read as it was before (prompt=question, expect comply)" in said[0]


def test_a_set_that_changed_between_two_pulls_is_said_to_have_changed(tmp_path: Path) -> None:
    home, said = tmp_path / "home", list[str]()
    pull_set("ours", own(tmp_path), home)
    pull_set("ours", own(tmp_path, "prompt\nHow?\nWhen?\n"), home, note=said.append)
    pull_set("ours", own(tmp_path, "prompt\nHow?\nWhen?\n"), home, note=said.append)

    changes = [line for line in said if "ours has changed" in line]
    assert len(changes) == 1
    assert "it had 1 row with sha256" in changes[0]
    assert "cannot be resumed" in changes[0]


def test_a_published_set_takes_no_mapping(tmp_path: Path) -> None:
    with pytest.raises(SetProblem, match="or-bench-hard is a published set and its columns are"):
        pull_set("or-bench-hard", None, tmp_path, layout=Layout({"prompt": "question"}))


def test_a_copy_of_an_earlier_version_still_expects_compliance(tmp_path: Path) -> None:
    home = tmp_path / "home"
    entry = pull_set("ours", own(tmp_path), home)
    manifest = home / "sets" / "ours" / "set.json"
    kept = ("file", "sha256", "rows", "origin")
    row = {name: json.loads(manifest.read_text())[name] for name in kept}
    manifest.write_text(json.dumps({**row, "expectation": "comply"}))

    held = load_set("ours", home)

    assert held.cases[0].expectation is Expectation.COMPLY
    assert entry.checksum == json.loads(manifest.read_text())["sha256"]


def test_a_file_at_an_address_is_a_set_like_a_local_one(tmp_path: Path) -> None:
    url = "https://user:hunter2@example.org/sets/Ours.CSV?signature=secret"
    asked: list[str] = []

    def fetch(url: str, part: Path) -> bytes:
        asked.append(url)
        assert part.parent == tmp_path / "sets" / "ours"
        return b"prompt\nWhy?\n"

    entry = pull_set("ours", url, tmp_path, means=Means(fetch))
    written = (tmp_path / "sets" / "ours" / "set.json").read_text()

    assert asked == [url]
    assert entry.origin == "pulled from https://example.org/sets/Ours.CSV"
    assert "secret" not in written
    assert "hunter2" not in written


def test_a_set_from_an_address_can_be_pulled_again_by_its_name_alone(tmp_path: Path) -> None:
    url = "https://example.org/ours.csv"
    pull_set("ours", url, tmp_path, means=answering(b"prompt\nWhy?\n"))

    pull_set("ours", None, tmp_path, means=answering(b"prompt\nHow?\n"))

    assert load_set("ours", tmp_path).cases[0].prompt == "How?"


def test_an_address_that_names_no_table_is_refused_before_it_is_asked(tmp_path: Path) -> None:
    with pytest.raises(SetProblem, match=r"https://example.org/ours: a probe set is read from"):
        pull_set("ours", "https://example.org/ours?x=.csv", tmp_path, means=answering(b""))


def test_a_second_home_serves_where_the_first_does_not_answer(tmp_path: Path) -> None:
    published = PUBLISHED_SETS["or-bench-toxic"]
    raw = or_bench(published.file).read_bytes()

    def fetch(url: str, _: Path) -> bytes:
        if url == published.homes[0]:
            raise ConnectionError("status 404")
        return raw

    assert pull_set("or-bench-toxic", None, tmp_path, means=Means(fetch)).here


def test_where_no_home_answers_each_is_named_with_its_reason(tmp_path: Path) -> None:
    def fetch(url: str, _: Path) -> bytes:
        raise ConnectionError("timed out" if "/bench-llm/" in url else "status 404")

    with pytest.raises(SourceUnreachable) as caught:
        pull_set("or-bench-80k", None, tmp_path, means=Means(fetch))

    for url in PUBLISHED_SETS["or-bench-80k"].homes:
        assert url in str(caught.value)
    assert "(timed out)" in str(caught.value)
    assert "(status 404)" in str(caught.value)


def test_a_mirror_of_the_hub_is_asked_in_the_hubs_place(tmp_path: Path) -> None:
    asked: list[str] = []

    def fetch(url: str, _: Path) -> bytes:
        asked.append(url)
        raise ConnectionError("no")

    with pytest.raises(SourceUnreachable):
        pull_set("xstest", None, tmp_path, means=Means(fetch, "https://mirror.example"))

    assert asked[0].startswith("https://raw.githubusercontent.com/paul-rottger/xstest/")
    assert asked[1].startswith("https://mirror.example/datasets/Paul/XSTest/resolve/")


def test_a_published_file_from_another_address_is_held_to_the_same_checksum(
    tmp_path: Path,
) -> None:
    url = "https://mirror.example/or-bench-hard-1k.csv"

    with pytest.raises(SetProblem, match=r"expected 1,319 rows with sha256 a6e2f1.* got 1 row"):
        pull_set("or-bench-hard", url, tmp_path, means=answering(b"prompt\nWhy?\n"))
