"""llama.cpp's own server in front of a model file: a program that tests run beside the gateway."""

from __future__ import annotations

import signal
import sys

import xllamacpp


def parameters(model: str, port: int) -> xllamacpp.CommonParams:
    """What the server is started with: one thread, nothing remembered between calls."""
    chosen = xllamacpp.CommonParams()
    chosen.model.path = model
    chosen.model_alias = {"tiny-llama"}
    chosen.hostnames = ["127.0.0.1"]
    chosen.port = port
    chosen.n_ctx = 2048
    chosen.n_parallel = 2
    chosen.n_threads_http = 4
    chosen.cpuparams.n_threads = 1
    chosen.cpuparams_batch.n_threads = 1
    chosen.use_jinja = True
    chosen.warmup = False
    chosen.cache_prompt = False
    chosen.cache_ram_mib = 0
    chosen.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    chosen.embedding = True
    return chosen


if __name__ == "__main__":
    path, port = sys.argv[1:]
    server = xllamacpp.Server(parameters(path, int(port)))
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
