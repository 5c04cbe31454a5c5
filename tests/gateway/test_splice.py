"""The model is found where a JSON parser finds it, and nothing else is touched."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.splice import Fields, Span, TooDeep, read_fields, replace_model

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.sampled_from(['"model"', '{"model":"x"}', "\\", '\\"', "model"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.text(), st.sampled_from(["model", "other"])), inner),
    ),
    max_leaves=12,
)
keys = st.one_of(st.sampled_from(["model", "messages"]), st.text(max_size=4))
blanks = st.text(alphabet=" \t\n\r", max_size=2)


@st.composite
def written(draw) -> bytes:
    """A JSON object as somebody might write it: any spacing, escapes or none, keys repeated."""
    members = draw(st.lists(st.tuples(keys, values), max_size=5))
    ascii_only = draw(st.booleans())
    separators = (draw(blanks) + "," + draw(blanks), draw(blanks) + ":" + draw(blanks))

    def spell(value) -> str:
        return json.dumps(value, ensure_ascii=ascii_only, separators=separators)

    body = separators[0].join(spell(key) + separators[1] + spell(value) for key, value in members)
    text = draw(blanks) + "{" + draw(blanks) + body + draw(blanks) + "}" + draw(blanks)
    return text.encode("utf-8", "replace")


def reference(body: bytes) -> tuple[str | None] | None:
    """What a parser says."""
    try:
        document = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    model = document.get("model")
    return (model if isinstance(model, str) else None,)


def found(body: bytes) -> tuple[str | None] | None:
    fields = read_fields(body)
    return None if fields is None else (fields.model,)


@given(written())
def test_it_reads_of_any_object_what_a_parser_reads(body):
    assert found(body) == reference(body)


@given(written())
def test_a_small_body_is_found_to_be_the_same_by_either_way_of_reading_it(body):
    assert read_fields(body) == read_fields(body + b" " * 10_000)


@given(values)
def test_what_is_no_object_has_no_fields(value):
    body = json.dumps(value).encode()
    assert found(body) == reference(body)


@given(written(), st.data())
def test_it_accepts_a_damaged_document_only_where_a_parser_does(body, data):
    position = data.draw(st.integers(0, max(len(body) - 1, 0)))
    damage = data.draw(
        st.sampled_from([b"", b",", b'"', b"\\", b"{", b"]", b"\x00", b"\xff", b"1"])
    )
    damaged = body[:position] + damage + body[position + 1 :]
    assert found(damaged) == reference(damaged)


@given(st.binary(max_size=40))
def test_it_never_raises_on_any_bytes(body):
    assert found(body) == reference(body)


@given(written(), st.text())
def test_a_replaced_model_is_the_only_difference(body, model):
    fields = read_fields(body)
    replaced = replace_model(body, fields, model)
    if fields.model is None:
        assert replaced == body
        return
    assert replaced.startswith(body[: fields.models_at[0].start])
    assert replaced.endswith(body[fields.models_at[-1].end :])
    before, after = json.loads(body), json.loads(replaced)
    assert repr(after) == repr({**before, "model": model})


@pytest.mark.parametrize(
    ("body", "model"),
    [
        (b'{"model":"a","model":"b"}', "b"),
        (b'{"model":"a","model":null}', None),
        (b'{"mod\\u0065l":"gpt\\u002d4"}', "gpt-4"),
        (b'{"x":{"model":"inner"}}', None),
        (b'{"x":"\\"model\\":\\"y\\""}', None),
        (b'{"model":7}', None),
        (b'{"model":"a","seed":1e-7,"n":-0,"big":123456789012345678901234567890}', "a"),
        (b'{"temperature":NaN,"x":[Infinity,-Infinity],"model":"a"}', "a"),
        (b'{"x":[[],{},[{}],{"a":[]}],"model":"a"}', "a"),
    ],
)
def test_it_reads_what_clients_really_send(body, model):
    assert read_fields(body).model == model


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"null",
        b'"model"',
        b'[{"model":"a"}]',
        b'{"model":"a"',
        b'{"model":"a"}}',
        b'{"model":"a"} x',
        b'{"model":"a",}',
        b'{"model":"a" "b":1}',
        b'{"model":01}',
        b'{"model":"\x01"}',
        b'{"model":"\\x"}',
        b'{"model":"a","x":[1,]}',
        b'{"model":"a","x":{"a"}}',
        b'{"model":"a","x":[}',
        b"{'model':'a'}",
        b'\xef\xbb\xbf{"model":"a"}',
        '{"model":"a"}'.encode("utf-16"),
        b'{"model":"\xff"}',
    ],
)
def test_what_is_not_one_json_object_in_utf_8_has_no_fields(body):
    assert read_fields(body) is None


def test_a_document_as_deep_as_is_taken_is_read():
    deep = b'{"y":[' * 255 + b"]}" * 255
    assert read_fields(b'{"x":' + deep + b',"model":"a"}') == Fields("a", (Span(2054, 2057),))


@pytest.mark.parametrize("bracket", [b"[", b'{"a":', b"[0,[],", b'{"":{"a":[]},"a":'])
def test_a_document_that_nests_deeper_is_left_unread(bracket):
    with pytest.raises(TooDeep):
        read_fields(b'{"model":"a","x":' + bracket * 30_000)


LONG = 70_000
"""More bytes than one look takes in."""


@pytest.mark.parametrize(
    "value",
    [
        b"0." + b"1" * LONG,
        b'"' + b"a" * LONG + b'"',
        b'"' + b"\\n" * LONG + b'"',
        b'"' + b"a" * 65_533 + b"\\u00e9" + b'"',
        b"[" + b" " * LONG + b"]",
        b"{" + b" " * LONG + b"}",
        b"[" + b"12345,  " * LONG + b"1]",
        b"[" + b"[[[[]]]]," * LONG + b"[]]",
        b'{"a":' + b" " * LONG + b'[[{"b":[{}]}]]}',
        b"{" + b'"a":{"b":[1,{"c":"d"}]},' * 5_000 + b'"e":null}',
        b"[" + b"[" * 60 + b"1," * LONG + b"[[1]]" + b"]" * 60 + b",2]",
        *(b"[" + b" " * (65_530 - shift) + b"true,false, 12345,-1.5e10]" for shift in range(12)),
    ],
)
def test_long_values_are_read_as_a_parser_reads_them(value):
    body = b'{"x":' + value + b',"model":"a","y":' + value + b"}"
    assert found(body) == reference(body) == ("a",)
    assert found(body[:-2]) is reference(body[:-2]) is None
    if value.endswith(b"]"):
        broken = b'{"model":"a","x":' + value[:-1] + b",]}"
        assert found(broken) is reference(broken) is None


def test_a_key_that_is_written_without_end_is_not_followed():
    assert read_fields(b'{"model":"a"' + b',"model":"a"' * 64 + b"}") is None
    assert read_fields(b'{"model":"a"' + b',"other":"a"' * 10_000 + b"}").model == "a"


@pytest.mark.parametrize(
    "unit", [b'{"a":1,"b":', b'{"a":"\\\\', b'"\\"', b"[", b"-", b" ", b'{"a":1},', b"\\"]
)
def test_reading_takes_no_more_than_a_few_steps_per_byte(unit):
    """Quadratic work on these 200,000 bytes would take minutes and run into the suite's limit."""
    body = b'{"x":' + unit * (200_000 // len(unit))
    if unit in (b'{"a":1,"b":', b"["):
        with pytest.raises(TooDeep):
            read_fields(body)
    else:
        assert read_fields(body) is None
