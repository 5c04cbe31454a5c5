"""The event stream parser: the WHATWG rules, from bytes, in linear time."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.wire.sse import Event, events, looks_like_events


def datas(body: bytes) -> list[bytes]:
    return [event.data for event in events(body)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_all_three_line_ends_separate_lines_and_events(end: bytes) -> None:
    body = end.join([b"data: a", b"", b"event: x", b"data: b", b"", b""])
    assert list(events(body)) == [Event("message", b"a"), Event("x", b"b")]


def test_a_crlf_is_one_line_end_and_not_a_blank_line() -> None:
    assert datas(b"data: a\r\ndata: b\r\n\r\n") == [b"a\nb"]


def test_several_data_lines_are_joined_with_a_newline() -> None:
    assert datas(b"data: {\ndata:  1}\n\n") == [b"{\n 1}"]


def test_comments_ids_and_unknown_fields_are_left_out() -> None:
    body = b": ping\n\nid: 7\nretry: 10\ndatabase: no\nmetadata: no\ndata: yes\n\n: ping\n\n"
    assert datas(body) == [b"yes"]


def test_only_one_leading_blank_is_taken_from_a_value() -> None:
    assert datas(b"data:  a\n\ndata:b\n\n") == [b" a", b"b"]


def test_a_byte_order_mark_before_the_first_field_is_skipped() -> None:
    assert datas(b"\xef\xbb\xbfdata: a\n\n") == [b"a"]


def test_an_event_that_the_end_cuts_short_is_given_and_marked() -> None:
    assert [event.whole for event in events(b"data: a\n\ndata: b")] == [True, False]


def test_the_end_mark_is_known_by_its_data() -> None:
    assert [event.is_done for event in events(b"data: {}\n\ndata: [DONE]\n\n")] == [False, True]


def test_an_event_of_several_megabytes_comes_through_whole() -> None:
    big = b"x" * 5_000_000
    assert datas(b"data: " + big + b"\n\n") == [big]


@pytest.mark.parametrize(
    "unit", [b"data: {}\n\n", b"\n", b"\r", b":\n", b"data:\n", b"data: a\r\n", b"dat\n", b" "]
)
def test_time_grows_no_faster_than_the_body(unit: bytes) -> None:
    def seconds(size: int) -> float:
        body = unit * (size // len(unit))
        start = time.process_time()
        for _ in events(body):
            pass
        return time.process_time() - start

    small = min(seconds(200_000) for _ in range(3))
    assert seconds(1_600_000) < 8 * 4 * max(small, 0.002)


@pytest.mark.parametrize("body", [b"data: {}", b"event: a", b": hi\n", b"\n\ndata: {}"])
def test_a_stream_is_known_by_its_opening(body: bytes) -> None:
    assert looks_like_events(body)


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b"dat"])
def test_other_bodies_are_no_stream(body: bytes) -> None:
    assert not looks_like_events(body)


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1), max_size=8
    )
)
def test_whatever_is_sent_as_data_is_read_back(texts: list[str]) -> None:
    sent = [text.encode() for text in texts if text.strip()]
    body = b"".join(b"data: " + text + b"\n\n" for text in sent)
    assert datas(body) == [text for text in sent if text.strip()]


@given(st.binary(max_size=400))
def test_any_bytes_are_parsed_without_an_error(body: bytes) -> None:
    assert all(isinstance(event, Event) for event in events(body))
