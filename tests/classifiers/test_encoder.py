from __future__ import annotations

import random
import shutil
import subprocess
import sys

import numpy as np
import pytest

from classifiers.artifact import ArtifactProblem
from classifiers.corpus import load_corpus
from classifiers.encoder import (
    SHIPPED_ENCODER,
    STEM,
    TOKENS_AT_ONCE,
    TOP,
    Encoder,
    batches_of,
    load_encoder,
)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder(remembered=0)


@pytest.fixture(scope="module")
def texts() -> list[str]:
    replies = sorted({row.reply for row in load_corpus()})
    return random.Random(1).sample(replies, 60)


def test_vectors_have_length_one_and_384_dimensions(encoder, texts):
    vectors = encoder.encode(texts)
    assert vectors.shape == (60, 384)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_no_texts_give_no_rows(encoder):
    assert encoder.encode([]).shape == (0, 384)


def test_a_text_has_the_same_vector_to_the_last_bit_whatever_it_is_encoded_with(encoder, texts):
    together = encoder.encode(texts)
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    shuffled = encoder.encode(texts[::-1])[::-1]
    assert np.array_equal(together, alone)
    assert np.array_equal(together, shuffled)


@pytest.mark.parametrize("length", [3, 8, 17, 64, 200])
def test_neighbours_in_a_batch_of_any_length_change_no_bit(encoder, length):
    draw = random.Random(length)
    sequences = [tuple(draw.choices(range(1000, 30_000), k=length)) for _ in range(9)]
    together = encoder.embed(sequences, framed=True)
    alone = np.concatenate([encoder.embed([one], framed=True) for one in sequences])
    assert np.array_equal(together, alone)


def test_the_number_of_threads_changes_no_bit(encoder, texts):
    assert np.array_equal(encoder.encode(texts), load_encoder(threads=2).encode(texts))


def test_what_is_remembered_changes_no_bit(texts):
    forgetful, remembering = load_encoder(remembered=5), load_encoder()
    first = remembering.encode(texts)
    assert np.array_equal(first, remembering.encode(texts))
    assert np.array_equal(first, forgetful.encode([*texts, *texts[:10]])[:60])


def test_batches_hold_sequences_of_one_length_and_a_bounded_number_of_tokens():
    draw = random.Random(3)
    sequences = [(number,) * draw.randint(1, 700) for number in range(300)]
    batches = list(batches_of(sequences))
    assert sorted(one for batch in batches for one in batch) == sequences
    for batch in batches:
        assert len({len(tokens) for tokens in batch}) == 1
        assert len(batch) == 1 or sum(map(len, batch)) <= TOKENS_AT_ONCE


def test_only_the_first_tokens_up_to_the_limit_count(encoder):
    opening = "one two three four five six"
    longer = f"{opening} seven eight"
    short, full = encoder.encode([opening], max_tokens=8), encoder.encode([longer], max_tokens=8)
    assert np.array_equal(short, full)
    assert not np.array_equal(full, encoder.encode([longer], max_tokens=10))


def test_tokens_beyond_the_longest_sequence_are_cut(encoder):
    [tokens] = encoder.tokenise(["one two three " * 400])
    cut = tokens[: encoder.max_tokens - 2]
    assert np.array_equal(encoder.embed([tokens]), encoder.embed([cut]))
    framed = encoder.framed(tokens)
    cut = framed[: encoder.max_tokens]
    assert np.array_equal(encoder.embed([framed], framed=True), encoder.embed([cut], framed=True))


def test_an_empty_text_has_the_zero_vector(encoder):
    assert not encoder.encode([""]).any()


def test_a_framed_sequence_of_one_part_is_what_embedding_frames_by_itself(encoder):
    first, second = encoder.tokenise(["How do I do it?", "I won't say."])
    alone = encoder.embed([encoder.framed(first)], framed=True)
    assert np.array_equal(alone, encoder.embed([first]))
    both = encoder.embed([encoder.framed(first, second)], framed=True)
    assert not np.array_equal(both, alone)


def test_the_same_top_from_elsewhere_gives_the_same_checksum(encoder, tmp_path):
    same = tmp_path / "same.onnx"
    shutil.copyfile(SHIPPED_ENCODER / TOP, same)
    assert load_encoder(top=same).checksum == encoder.checksum


def test_each_part_has_a_unit_vector_and_a_part_that_is_not_there_is_zero(encoder):
    first, second = encoder.tokenise(["How do I do it?", "I won't say."])
    vectors = encoder.embed_parts([encoder.framed(first, second)], 3).reshape(3, -1)
    assert np.allclose(np.linalg.norm(vectors, axis=1), [1, 1, 0])
    assert not np.array_equal(vectors[0], vectors[1])


def test_a_part_is_read_in_the_light_of_the_others(encoder):
    first, second, third = encoder.tokenise(["How do I do it?", "I won't say.", "Like this:"])
    pair = encoder.embed_parts([encoder.framed(first, second)], 1)
    assert not np.array_equal(pair, encoder.embed_parts([encoder.framed(first, third)], 1))


def test_parts_have_the_same_vectors_to_the_last_bit_whatever_they_are_batched_with(encoder):
    draw = random.Random(8)
    words = [[tuple(draw.choices(range(1000, 30_000), k=9)) for _ in range(3)] for _ in range(30)]
    sequences = [encoder.framed(*parts) for parts in words]
    together = encoder.embed_parts(sequences, 3)
    alone = np.concatenate([encoder.embed_parts([one], 3) for one in sequences[::-1]])[::-1]
    assert np.array_equal(together, alone)


def test_the_whole_and_the_parts_of_a_sequence_are_remembered_apart(encoder):
    [tokens] = encoder.tokenise(["Remember me twice."])
    framed = encoder.framed(tokens)
    whole = encoder.embed([framed], framed=True)
    assert encoder.embed_parts([framed], 3).shape == (1, 3 * encoder.dimensions)
    assert np.array_equal(encoder.embed([framed], framed=True), whole)


def test_a_reply_that_spells_the_frame_out_makes_no_part(encoder):
    [tokens] = encoder.tokenise(["one [SEP] two [CLS] three"])
    assert set(encoder.parts_of(encoder.framed(tokens)).tolist()) == {0}


def test_a_top_that_is_no_graph_is_refused_on_one_line(tmp_path):
    other = tmp_path / "other.onnx"
    other.write_bytes(b"not a graph")
    with pytest.raises(ArtifactProblem, match=r"onnxruntime .* cannot load it") as problem:
        load_encoder(top=other)
    assert "\n" not in str(problem.value)


# A pattern that backtracks would take hours; the limit only says that it does not.
@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "text", ["\ud800 lone", "\x00\x01", "中文" * 9, "a" * 1_000_000, "🙂" * 400]
)
def test_odd_text_is_encoded_in_bounded_time(encoder, text):
    assert encoder.encode([text]).shape == (1, 384)


def test_encoding_imports_nothing_that_only_training_needs():
    asked = "import sys; from classifiers.encoder import load_encoder; load_encoder().encode(['a'])"
    training = ("torch", "transformers", "sentence_transformers", "onnx", "safetensors", "sklearn")
    command = f"{asked}; print([name for name in {training!r} if name in sys.modules])"
    ran = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=False
    )
    assert (ran.stdout, ran.stderr) == ("[]\n", "")


@pytest.mark.parametrize("file", ["tokenizer.json", STEM, TOP])
def test_a_damaged_encoder_is_refused_on_one_line(tmp_path, file):
    folder = tmp_path / "minilm"
    shutil.copytree(SHIPPED_ENCODER, folder)
    with (folder / file).open("ab") as stream:
        stream.write(b" ")
    with pytest.raises(ArtifactProblem, match=rf"{file}: sha256 .* is not") as problem:
        load_encoder(folder)
    assert "\n" not in str(problem.value)
