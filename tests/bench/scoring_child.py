"""What runs in a process of its own for the classifier's part of the benchmark.

``rounds`` reads replies on stdin, lets everyone have a turn at the same ones in each round, and
prints its readings as JSON. ``start`` prints a line at its first verdict, then how much memory it
takes after it judged what is on stdin. Neither is meant to be started by hand.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from classifiers.exchange import Exchange, Role, Turn
from classifiers.verdict import Classifier

PLAIN = "SentenceTransformer.encode"
CUT = "the same, 64 tokens"
ENCODER = "Candor's encoder"
STAGE = "embedding stage"
CASCADE = "cascade"
CUT_TOKENS = 64
CLEAR = "phrases"
"""The method of the first stage, as verdicts name it."""
LENGTHS = (1_000, 10_000, 100_000, 1_000_000)
_WARMING = 24
_AT_ONCE = 32

Turns = dict[str, Callable[[Sequence[Exchange]], object]]


def main() -> None:
    """Reads its orders from the command line and replies as JSON lines from stdin."""
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=("rounds", "start"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--weights", type=Path)
    asked = parser.parse_args()
    if asked.part == "start":
        _start()
        return
    exchanges = [_exchange(json.loads(line)) for line in sys.stdin]
    turns = _turns(asked.threads, asked.weights)
    found: dict[str, object] = {"rounds": _rounds(turns, exchanges, asked.rounds)}
    if asked.threads == 1:
        found |= {"alone": _alone(exchanges), "lengths_ms": _lengths(exchanges)}
    print(json.dumps(found))


def _exchange(row: dict[str, str]) -> Exchange:
    return Exchange((Turn(Role.USER, row["prompt"]),), row["reply"])


def _start() -> None:
    from classifiers.cascade import build_cascade

    cascade = build_cascade()
    cascade.judge([_exchange({"prompt": "What is a heat pump?", "reply": "It moves warmth. " * 9})])
    print("ready", flush=True)
    exchanges = [_exchange(json.loads(line)) for line in sys.stdin]
    for start in range(0, len(exchanges), _AT_ONCE):
        cascade.judge(exchanges[start : start + _AT_ONCE])
    status = Path("/proc/self/status").read_text()
    [peak] = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    print(json.dumps({"peak_bytes": int(peak) * 1024, "torch": "torch" in sys.modules}))


def _turns(threads: int, weights: Path | None) -> Turns:
    """Everyone who has a turn. Each has an encoder of its own: nobody profits from another."""
    from classifiers.cascade import Cascade
    from classifiers.embedding import load_embedding
    from classifiers.encoder import load_encoder
    from classifiers.native import NativeClassifier
    from classifiers.phrases import PhrasesClassifier

    encoder = load_encoder(threads=threads, remembered=0)
    stage = load_embedding(threads=threads)
    stages = [NativeClassifier(), PhrasesClassifier(), load_embedding(threads=threads)]
    turns: Turns = {
        ENCODER: lambda rows: encoder.encode([row.reply for row in rows], max_tokens=CUT_TOKENS),
        STAGE: stage.judge,
        CASCADE: Cascade(stages).judge,
    }
    if weights is None:
        return turns
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(threads)
    model, cut = (SentenceTransformer(str(weights), device="cpu") for _ in range(2))
    cut.max_seq_length = CUT_TOKENS
    turns[PLAIN] = lambda rows: model.encode([r.reply for r in rows], show_progress_bar=False)
    turns[CUT] = lambda rows: cut.encode([r.reply for r in rows], show_progress_bar=False)
    return turns


def _rounds(turns: Turns, exchanges: list[Exchange], rounds: int) -> list[dict[str, object]]:
    size = len(exchanges) // (rounds + 1)
    for turn in turns.values():
        # What is loaded late (a language's words, say) is loaded before anything counts.
        turn(exchanges[:size][:_WARMING])
    draw = random.Random(size)
    readings: list[dict[str, object]] = []
    for number in range(rounds):
        # Replies that nobody has seen: what was remembered of earlier rounds is of no use.
        rows = exchanges[size * (number + 1) : size * (number + 2)]
        for name in draw.sample(list(turns), len(turns)):
            begun, spent = time.perf_counter(), time.process_time()
            turns[name](rows)
            seconds, cpu = time.perf_counter() - begun, time.process_time() - spent
            figures = {"per_second": size / seconds, "cpu_ms": cpu / size * 1e3}
            readings.append({"target": name, "round": number, "figures": figures})
    return readings


def _alone(exchanges: list[Exchange]) -> list[tuple[str, float]]:
    """How each reply was decided, and seconds, when it is judged alone and for the first time.

    The first stage remembers nothing, so its replies are judged again, one after the other:
    between two that an encoder read, its microseconds would be those of cold caches.
    """
    from classifiers.cascade import build_cascade

    cascade = build_cascade()
    cascade.judge(exchanges[:_WARMING])
    found = [_timed(cascade, exchange) for exchange in exchanges[_WARMING:]]
    pairs = zip(exchanges[_WARMING:], found, strict=True)
    clear = [exchange for exchange, (method, _) in pairs if method == CLEAR]
    return [
        *((method, seconds) for method, seconds in found if method != CLEAR),
        *(_timed(cascade, exchange) for exchange in clear),
    ]


def _timed(cascade: Classifier, exchange: Exchange) -> tuple[str, float]:
    begun = time.perf_counter()
    [verdict] = cascade.judge([exchange])
    return verdict.method.value, time.perf_counter() - begun


def _lengths(exchanges: list[Exchange]) -> dict[int, float]:
    """Milliseconds for one reply of so many characters, put together from real ones."""
    from classifiers.cascade import build_cascade

    cascade = build_cascade()
    text = "\n\n".join(exchange.reply for exchange in exchanges)
    text *= -(-2 * max(LENGTHS) // len(text))
    cascade.judge(exchanges[:_WARMING])
    found = {}
    for length in LENGTHS:
        seconds = []
        for start in range(7):
            row = {"prompt": "Write on.", "reply": text[start * 997 :][:length]}
            begun = time.perf_counter()
            cascade.judge([_exchange(row)])
            seconds.append(time.perf_counter() - begun)
        found[length] = statistics.median(seconds) * 1e3
    return found


if __name__ == "__main__":
    main()
