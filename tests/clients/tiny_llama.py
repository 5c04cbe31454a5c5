"""A Llama of a few thousand random weights as a GGUF file: nobody's model, made in a moment.

It talks nonsense out of a handful of words, the same nonsense every time it is asked the same.
What matters is the server around it, which is llama.cpp's own.
"""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

WIDTH = 64
LAYERS = 2
HEADS = 4
HIDDEN = 128
CONTEXT = 2048
SPECIAL = ("<unk>", "<s>", "</s>")
TALK = (
    "I can not help with that here is how the egg water boils for seven minutes then cool it "
    "sorry sure yes no maybe first second third pan salt heat low high time good very"
)
SIGNS = [chr(code) for code in range(0x20, 0x7F)]
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{{ message.role }}: {{ message.content }}\n"
    "{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
)
"""How turns are laid out for the model; a Jinja template, as every chat model brings one."""


def write_model(path: Path, *, seed: int = 7) -> None:
    """Write the model file; the same seed gives the same bytes."""
    writer = gguf.GGUFWriter(str(path), "llama")
    vocabulary = _vocabulary()
    _describe(writer, len(vocabulary))
    _add_tokenizer(writer, vocabulary)
    _add_weights(writer, vocabulary, np.random.default_rng(seed))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _vocabulary() -> list[tuple[str, gguf.TokenType, float]]:
    """Pieces, kinds and scores: special tokens, every byte, printable signs and some words."""
    special = [
        (piece, gguf.TokenType.UNKNOWN if piece == "<unk>" else gguf.TokenType.CONTROL, 0.0)
        for piece in SPECIAL
    ]
    raw = [(f"<0x{code:02X}>", gguf.TokenType.BYTE, -1000.0) for code in range(256)]
    signs = [(sign.replace(" ", "\u2581"), gguf.TokenType.NORMAL, -100.0) for sign in SIGNS]
    words = [(f"\u2581{word}", gguf.TokenType.NORMAL, -1.0) for word in dict.fromkeys(TALK.split())]
    taken = {piece for piece, _, _ in signs}
    return [*special, *raw, *signs, *(word for word in words if word[0] not in taken)]


def _describe(writer: gguf.GGUFWriter, size: int) -> None:
    writer.add_name("tiny-llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(size)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)


def _add_tokenizer(
    writer: gguf.GGUFWriter, vocabulary: list[tuple[str, gguf.TokenType, float]]
) -> None:
    writer.add_tokenizer_model("llama")
    writer.add_token_list([piece for piece, _, _ in vocabulary])
    writer.add_token_types([kind for _, kind, _ in vocabulary])
    writer.add_token_scores([score for _, _, score in vocabulary])
    writer.add_bos_token_id(SPECIAL.index("<s>"))
    writer.add_eos_token_id(SPECIAL.index("</s>"))
    writer.add_unk_token_id(SPECIAL.index("<unk>"))
    writer.add_chat_template(TEMPLATE)


def _add_weights(
    writer: gguf.GGUFWriter,
    vocabulary: list[tuple[str, gguf.TokenType, float]],
    random: np.random.Generator,
) -> None:
    """Random matrices; the output's rows favour words, so that replies are legible."""

    def matrix(rows: int, columns: int, scale: float = 1.0) -> NDArray[np.float32]:
        drawn = random.standard_normal((rows, columns)) * scale / np.sqrt(columns)
        return np.asarray(drawn, dtype=np.float32)

    ones = np.ones(WIDTH, dtype=np.float32)
    said = np.array([piece.startswith("\u2581") for piece, _, _ in vocabulary])
    writer.add_tensor("token_embd.weight", matrix(len(vocabulary), WIDTH, 8.0))
    writer.add_tensor("output.weight", matrix(len(vocabulary), WIDTH, 4.0) * said[:, None])
    writer.add_tensor("output_norm.weight", ones)
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"{block}.{norm}.weight", ones)
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            writer.add_tensor(f"{block}.{part}.weight", matrix(WIDTH, WIDTH))
        writer.add_tensor(f"{block}.ffn_gate.weight", matrix(HIDDEN, WIDTH))
        writer.add_tensor(f"{block}.ffn_up.weight", matrix(HIDDEN, WIDTH))
        writer.add_tensor(f"{block}.ffn_down.weight", matrix(WIDTH, HIDDEN))
