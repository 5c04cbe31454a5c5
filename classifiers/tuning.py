"""Fine-tunes the encoder's upper layers on labelled replies. Needs torch; judging does not.

The embeddings and lower layers stay as they are and are shared with whoever wants plain MiniLM
vectors; only the layers from ``FIRST_TUNED`` on learn, under a softmax over the four labels. Their
output for the frozen lower layers is computed once, so an epoch costs a third of a full one.
Runs on a GPU where torch sees one; the same seed, library versions and device give the same bytes.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from classifiers.views import PARTS

FIRST_TUNED = 3
"""The first of the six layers that learns."""
UPDATES = 480
"""Steps of the optimiser, whether on a fold or on all rows, so that both are equally sure."""
MOST_EPOCHS = 3
LEARNING_RATE = 8e-5
HEAD_LEARNING_RATE = 2e-3
SMOOTHING = 0.05
SHARPNESS = 8.0
"""Unit vectors are multiplied by this before the softmax, which could not become sure otherwise."""
_BATCH = 32
_POOL = 20
"""Batches drawn together and sorted by length, so that little is padding."""
_WARM_UP = 30

Logits: TypeAlias = NDArray[np.float64]
Places: TypeAlias = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class States:
    """For each sequence the hidden states [tokens, 384] that enter the tuned layers, float16, and
    which of its parts each token belongs to."""

    hidden: list[NDArray[np.float16]]
    parts: list[Places]

    def take(self, places: Iterable[int]) -> States:
        """The chosen sequences."""
        chosen = list(places)
        return States([self.hidden[one] for one in chosen], [self.parts[one] for one in chosen])

    def __len__(self) -> int:
        return len(self.hidden)


class Tuned:
    """Upper layers that have learned, with the softmax that they learned under."""

    def __init__(self, layers: Any, softmax: Any, device: str) -> None:
        self._layers, self._softmax, self._device = layers, softmax, device

    def logits(self, states: States) -> Logits:
        """Four logits a sequence, in the order of the labels."""
        import torch

        rows = []
        with torch.no_grad():
            for start in range(0, len(states), _BATCH):
                own = states.take(range(start, min(start + _BATCH, len(states))))
                rows.append(self._softmax(self.vectors(own)).cpu())
        found = torch.cat(rows).numpy() if rows else np.zeros((0, 4))
        return np.asarray(found, dtype=np.float64)

    def vectors(self, states: States) -> Any:
        """A unit vector of each part times SHARPNESS, side by side, as a tensor that gradients pass
        through; zeros for a part that is not there."""
        import torch
        from torch.nn.functional import normalize

        hidden, mask = _padded(states.hidden, self._device)
        hidden = _through(self._layers, hidden, mask)
        places = [torch.from_numpy(own) for own in states.parts]
        part = torch.nn.utils.rnn.pad_sequence(places, batch_first=True, padding_value=PARTS)
        found = []
        for number in range(PARTS):
            own = (part == number).float().to(self._device)
            mean = (hidden * own[..., None]).sum(1) / own.sum(1, keepdim=True).clamp(min=1)
            found.append(normalize(mean, dim=1) * SHARPNESS)
        return torch.cat(found, dim=1)

    def softmax(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(weights [PARTS * 384, 4] for unit vectors, bias [4]) of the softmax."""
        weights = self._softmax.weight.detach().cpu().numpy().T * SHARPNESS
        return weights.astype(np.float32), self._softmax.bias.detach().cpu().numpy()

    def save(self, model: Any, folder: Path) -> None:
        """The whole encoder with these upper layers, as transformers writes it."""
        whole = copy.deepcopy(model)
        for place, layer in enumerate(self._layers):
            whole.encoder.layer[FIRST_TUNED + place].load_state_dict(layer.state_dict())
        whole.save_pretrained(str(folder))


class Tuner:
    """The original encoder, from which each fold's upper layers start anew.

    What they read comes from the int8 stem that will feed them (``Encoder.states``).
    """

    def __init__(self, weights: Path) -> None:
        import torch
        from transformers import BertModel

        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        load: Any = BertModel.from_pretrained
        self.model = load(str(weights), add_pooling_layer=False, attn_implementation="eager").eval()
        self.model.to(self.device)

    def tune(self, states: States, labels: Places, *, seed: int) -> Tuned:
        """Upper layers that tell the labels of ``states`` apart, refusals and answers balanced."""
        import torch

        torch.manual_seed(seed)
        layers = copy.deepcopy(self.model.encoder.layer[FIRST_TUNED:]).requires_grad_(True)
        width = PARTS * layers[0].output.dense.out_features
        softmax = torch.nn.Linear(width, 4).to(self.device)
        tuned = Tuned(layers, softmax, self.device)
        groups = [
            {"params": layers.parameters(), "lr": LEARNING_RATE},
            {"params": softmax.parameters(), "lr": HEAD_LEARNING_RATE},
        ]
        optimiser = torch.optim.AdamW(groups, weight_decay=0.01)
        steps = min(UPDATES, MOST_EPOCHS * -(-len(states) // _BATCH))
        pace = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _pace(step, steps))
        weight = torch.tensor(_balance(labels), dtype=torch.float32, device=self.device)
        loss_of = torch.nn.CrossEntropyLoss(weight=weight, label_smoothing=SMOOTHING)
        for places in islice(_batches(states, np.random.default_rng(seed)), steps):
            vectors = tuned.vectors(states.take(places))
            truth = torch.tensor(labels[places], device=self.device)
            dropped = torch.nn.functional.dropout(vectors, 0.1)
            loss = loss_of(softmax(dropped), truth)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            pace.step()
        layers.eval().requires_grad_(False)
        return tuned


def _padded(states: list[NDArray[np.float16]], device: str) -> tuple[Any, Any]:
    import torch

    rows = [torch.from_numpy(one).float() for one in states]
    hidden = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    lengths = torch.tensor([len(one) for one in rows])
    mask = (torch.arange(hidden.shape[1])[None, :] < lengths[:, None]).float()
    return hidden.to(device), mask.to(device)


def _through(layers: Any, hidden: Any, mask: Any) -> Any:
    hindered = (1 - mask)[:, None, None, :] * -1e9
    for layer in layers:
        out = layer(hidden, attention_mask=hindered)
        hidden = out[0] if isinstance(out, tuple) else out
    return hidden


def _pace(step: int, steps: int) -> float:
    return min(1.0, (step + 1) / _WARM_UP) * max(0.05, 1 - step / steps)


def _balance(labels: Places) -> list[float]:
    """Weights under which refusals and compliances count alike."""
    refused = max(1, int((labels > 0).sum()))
    return [len(labels) / (2 * max(1, len(labels) - refused)), *[len(labels) / (2 * refused)] * 3]


def _batches(states: States, draw: np.random.Generator) -> Iterator[Places]:
    """One epoch after another, without end."""
    lengths = np.array([len(one) for one in states.hidden])
    while True:
        order = draw.permutation(len(states))
        batches = []
        for start in range(0, len(order), _BATCH * _POOL):
            pool = order[start : start + _BATCH * _POOL]
            pool = pool[np.argsort(lengths[pool], kind="stable")]
            batches += [pool[first : first + _BATCH] for first in range(0, len(pool), _BATCH)]
        for chosen in draw.permutation(len(batches)):
            yield batches[chosen]
