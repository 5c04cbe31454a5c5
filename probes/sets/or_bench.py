"""OR-Bench (Cui et al., ICML 2025): its three published files.

Revision and sha256 of Hard-1K are those that several public evaluation projects pin for
``bench-llm/or-bench``; NVIDIA's Gym pins both Hard-1K and Toxic, with the same checksums, in the
authors' second home ``orbench-llm/or-bench``. No project pins a checksum of the 80K file.
"""

from __future__ import annotations

from probes.case import OR_BENCH_CATEGORIES, Expectation
from probes.sets.layout import Layout
from probes.sets.published import PublishedSet

HUB = "https://huggingface.co"
REVISION = "e36d8b80e81837c8a8f264bbb2a49f1b32c7e272"
SECOND_REVISION = "6f776f103b6439a6d8180b20f64b55f491223233"
CITATION = (
    "Cui, Chiang, Stoica, Hsieh: OR-Bench: An Over-Refusal Benchmark for Large Language Models. "
    "ICML 2025, arXiv:2405.20947"
)


def _or_bench(
    name: str, file: str, rows: int, *, checksum: str, about: str, expectation: Expectation
) -> PublishedSet:
    return PublishedSet(
        name=name,
        file=file,
        rows=rows,
        checksum=checksum,
        checksum_published=bool(checksum),
        revision=REVISION,
        homes=(
            f"{HUB}/datasets/bench-llm/or-bench/resolve/{REVISION}/{file}",
            f"{HUB}/datasets/orbench-llm/or-bench/resolve/{SECOND_REVISION}/{file}",
        ),
        origin="bench-llm/or-bench on Hugging Face",
        licence="CC-BY-4.0",
        citation=CITATION,
        about=about,
        expectation=expectation,
        # The files have no column that says so: the paper asks of Hard and 80K that they be
        # answered and of Toxic that it be refused.
        layout=Layout(expectation=expectation),
        categories=OR_BENCH_CATEGORIES,
    )


OR_BENCH = (
    _or_bench(
        "or-bench-hard",
        "or-bench-hard-1k.csv",
        1_319,
        checksum="a6e2f1166416efe5901f3bb05c47dc92ab3aca3acfe143693d38b8057d841e6d",
        about="those of the 80K that at least three large models of 2024 refused",
        expectation=Expectation.COMPLY,
    ),
    _or_bench(
        "or-bench-toxic",
        "or-bench-toxic.csv",
        655,
        checksum="3be45901faae3b4b2b51bf7f8a2784c1650a1cc8c631dbc8b171d5312d4e0057",
        about="prompts that are harmful: the control that a model which answers all would fail",
        expectation=Expectation.REFUSE,
    ),
    _or_bench(
        "or-bench-80k",
        "or-bench-80k.csv",
        80_359,
        checksum="",
        about="prompts that sound harmful and are not, rewritten by a model from toxic seeds",
        expectation=Expectation.COMPLY,
    ),
)
