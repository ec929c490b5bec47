"""Sentences a second: the fast classifier against the plain text-classification pipeline.

``base`` is of BERT-base's size (12 layers of 768) with sentences of 50 species; the baseline is
the pipeline of transformers with batches of 32, on the same distinct sentences and with its texts
already written. ``demo`` (one layer of 64) and ``small`` (two) have sentences of 20 species and are
read by two processes of one thread each at the same time, as a run on two cores does. The
networks are first fine-tuned for some minutes on simulated communities, since the classes of
random weights would hang on the last digit; they are kept in the temporary folder.

What reading equal sentences once adds is another factor, one over the share of distinct ones. It
is that of the data: ``--sentences`` takes a tile's own (cells, K) as .npy and prints it.

``--ranked`` times what makes the sentences: keeping the K most probable of so many species while
blocks of 128 pass by, against joining each block to the kept ones with ``torch.topk``.

    python benchmarks/habitat_sentences.py --size base --threads 2
    python benchmarks/habitat_sentences.py --size demo
    python benchmarks/habitat_sentences.py --sentences tile.npy
    python benchmarks/habitat_sentences.py --ranked 11255
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import harness
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch.nn.functional import cross_entropy
from transformers import BertForSequenceClassification, PreTrainedTokenizerBase, pipeline

from biomap_xr.habitats.plantbert.classify import distinct_sentences
from biomap_xr.habitats.plantbert.fast import FastClassifier
from biomap_xr.habitats.plantbert.network import configuration
from biomap_xr.habitats.plantbert.ranking import LOWER, NOTHING, TopSpecies, merge
from biomap_xr.habitats.plantbert.settings import NetworkSettings
from biomap_xr.habitats.plantbert.tokenizer import build_tokenizer, sentence_tokens
from biomap_xr.habitats.sentences import sentence_text

SPECIES, TYPICAL = 640, 60
"""Species, and those that are frequent in one habitat."""
CODES = tuple(
    f"{formation}{second}{third}" for formation in "RST" for second in "12" for third in "123456"
)
MILLION = 1_000_000
BLOCK = 128
"""Species that pass by at once."""


@dataclass(frozen=True)
class Size:
    """A network, its sentences and how it is trained."""

    settings: NetworkSettings
    k: int
    contrast: float
    """Advantage of a habitat's own species, in logarithms of chances."""
    trained_k: int
    fixed: int
    """Lowest layers that training leaves as they were drawn, to spare minutes."""
    steps: int
    batch: int
    rate: float
    count: int
    """Sentences of a round."""


SIZES = {
    "base": Size(
        NetworkSettings(hidden=768, layers=12, heads=12, intermediate=3072),
        k=50,
        contrast=3.0,
        trained_k=12,
        fixed=10,
        steps=100,
        batch=16,
        rate=2e-4,
        count=256,
    ),
    "small": Size(
        NetworkSettings(hidden=64, layers=2, heads=4, intermediate=256),
        k=20,
        contrast=3.0,
        trained_k=20,
        fixed=0,
        steps=600,
        batch=64,
        rate=2e-3,
        count=20_000,
    ),
    "demo": Size(
        NetworkSettings(hidden=64, layers=1, heads=4, intermediate=256),
        k=20,
        contrast=3.0,
        trained_k=20,
        fixed=0,
        steps=600,
        batch=64,
        rate=2e-3,
        count=20_000,
    ),
}


@dataclass(frozen=True, eq=False)
class Trained:
    """A network that knows its communities."""

    network: BertForSequenceClassification
    tokenizer: PreTrainedTokenizerBase
    names: tuple[str, ...]


def main() -> None:
    """Measure and print."""
    parser = harness.arguments(
        __doc__, size="demo", rounds=2, sentences="", ranked=0, k=50, cells=50_000
    )
    parser.add_argument("--alone", action="store_true", help="one process, whatever the size")
    options = parser.parse_args()
    harness.limit_threads(options.threads)
    if options.sentences:
        results = {"distinct": distinct(np.load(options.sentences))}
    elif options.ranked:
        results = rank(options)
    elif options.size != "base" and not options.alone:
        results = measure_two(options)
    else:
        results = measure(options)
    harness.publish(results, as_json=options.json)


def distinct(sentences: NDArray[np.integer]) -> dict[str, Any]:
    """State how many sentences of cells (n, K) there are, and how many times as many cells."""
    found = distinct_sentences(sentences)
    share = found.share
    gain = round(1 / share, 3) if share else None
    return {"cells": len(sentences), "empty": found.empty, "share": round(share, 5), "gain": gain}


def rank(options: argparse.Namespace) -> dict[str, Any]:
    """Time the ranking of species that come in blocks, by insertion and by ``torch.topk``."""
    generator = torch.Generator().manual_seed(0)
    # As many species are rare as on maps; a few blocks are enough, used again with other species.
    blocks = [
        torch.sigmoid(2 * torch.randn(BLOCK, options.cells, generator=generator) - 4)
        for _ in range(8)
    ]
    found = {}

    def insert() -> None:
        top = TopSpecies(options.k, options.cells)
        for species, block in _passing(blocks, options.ranked):
            top.add(species.numpy(), block)
        found["insertion"] = top.sentences()

    def join() -> None:
        ranked = torch.full((options.cells, options.k), NOTHING, dtype=torch.int64)
        for species, block in _passing(blocks, options.ranked):
            ranked = merge(ranked, species, block, torch.zeros(len(species)))
        found["topk"] = (LOWER - (ranked & LOWER)).to(torch.int32)

    rounds = harness.interleave({"insertion": insert, "topk": join}, options.rounds)
    per_value = 1e9 / options.cells / options.ranked
    return {
        "nanoseconds_per_probability": round(rounds["insertion"].processor * per_value, 2),
        "topk_against_it": rounds["insertion"].ratio(rounds["topk"]),
        "equal": bool(torch.equal(*found.values())),
        "distinct": distinct(found["insertion"].numpy()),
        "rounds": rounds,
    }


def _passing(blocks: list[torch.Tensor], count: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Give so many species (block,) and their probabilities (block, n), block by block."""
    for number, start in enumerate(range(0, count, BLOCK)):
        species = torch.arange(start, min(start + BLOCK, count))
        yield species, blocks[number % len(blocks)][: len(species)].roll(331 * number, 1)


def measure_two(options: argparse.Namespace) -> dict[str, Any]:
    """Let two processes measure at the same time."""
    load_trained(SIZES[options.size])
    arguments = ["--size", options.size, "--rounds", str(options.rounds), "--alone", "--json"]
    command = [sys.executable, __file__, *arguments]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    found = [json.loads(process.communicate()[0]) for process in running]
    rate = sum(one["sentences_per_second"] for one in found)
    cpu_rate = sum(one["sentences_per_cpu_second"] for one in found)
    return {
        "sentences_per_second": round(rate),
        "seconds_for_a_million": round(MILLION / rate, 1),
        "seconds_for_a_million_on_idle_cores": round(MILLION / cpu_rate, 1),
        "processes": found,
    }


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Time both ways in turn on the same sentences, and compare their classes."""
    size = SIZES[options.size]
    trained = load_trained(size)
    # A round more than is timed: the first one warms up.
    total = size.count * (options.rounds + 1)
    sentences, habitats = draw(np.random.default_rng(2), total, size.k, size.contrast)
    contenders = Contenders(trained, sentences, size.count)
    rounds = harness.interleave(contenders.calls, options.rounds)
    first, second = (np.concatenate(contenders.classes[name]) for name in ("fast", "pipeline"))
    share = contenders.share
    return {
        "parameters": sum(values.numel() for values in trained.network.parameters()),
        "species_per_sentence": size.k,
        "accuracy": round(float((first == habitats).mean()), 4),
        "sentences_per_second": round(size.count / rounds["fast"].wall, 1),
        "sentences_per_cpu_second": round(size.count / rounds["fast"].processor, 1),
        "pipeline_per_second": round(share * size.count / rounds["pipeline"].wall, 2),
        "speed_up": [
            round(value / share, 2) for value in rounds["fast"].ratio(rounds["pipeline"], wall=True)
        ],
        "speed_up_cpu": [
            round(value / share, 2) for value in rounds["fast"].ratio(rounds["pipeline"])
        ],
        "same_class": round(float((first[contenders.asked] == second).mean()), 5),
        "compared": len(second),
        "read_again": round(contenders.repeated / total, 4),
        "distinct": distinct(sentences),
        "rounds": rounds,
    }


class Contenders:
    """Both ways on the next sentences of a stream, and the classes that they have found."""

    def __init__(self, trained: Trained, sentences: NDArray[np.int32], count: int) -> None:
        self.classes: dict[str, list[NDArray[np.intp]]] = {"fast": [], "pipeline": []}
        self.repeated = 0
        # The pipeline is too slow for all sentences of the small network.
        self.share = min(1.0, 512 / count)
        shown = round(count * self.share)
        self.asked = np.concatenate(
            [np.arange(start, start + shown) for start in range(0, len(sentences), count)]
        )
        self._fast = FastClassifier.of(
            trained.network, sentence_tokens(trained.tokenizer, trained.names)
        )
        self._pipeline = pipeline(
            "text-classification", model=trained.network, tokenizer=trained.tokenizer, device="cpu"
        )
        blocks = [sentences[start : start + count] for start in range(0, len(sentences), count)]
        texts = [[sentence_text(row, trained.names) for row in block[:shown]] for block in blocks]
        first, second = iter(blocks), iter(texts)
        self.calls = {"fast": lambda: self.read(first), "pipeline": lambda: self.ask(second)}

    def read(self, blocks: Iterator[NDArray[np.int32]]) -> None:
        """Read the next sentences fast."""
        reading = self._fast.read(next(blocks))
        self.repeated += reading.repeated
        self.classes["fast"].append(reading.logits.argmax(axis=1))

    def ask(self, texts: Iterator[list[str]]) -> None:
        """Ask the pipeline for the next texts."""
        answers = self._pipeline(next(texts), batch_size=32)
        self.classes["pipeline"].append(np.array([CODES.index(one["label"]) for one in answers]))


def draw(
    generator: np.random.Generator, count: int, k: int, contrast: float
) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    """Draw sentences (count, k) of simulated communities, and their habitats (count,)."""
    habitats = generator.integers(0, len(CODES), count)
    sentences = np.empty((count, k), np.int32)
    chances = frequencies(contrast)
    for start in range(0, count, 1000):
        part = chances[habitats[start : start + 1000]]
        scores = part + generator.gumbel(size=part.shape).astype(np.float32)
        best = np.argpartition(-scores, k, axis=1)[:, :k]
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
        sentences[start : start + 1000] = np.take_along_axis(best, order, axis=1)
    return sentences, habitats


def frequencies(contrast: float) -> NDArray[np.float32]:
    """Logarithms of chances (habitat, species): common and rare ones, and each habitat's own."""
    generator = np.random.default_rng(0)
    chances = np.tile(generator.normal(0, 1, SPECIES).astype(np.float32), (len(CODES), 1))
    for row in chances:
        row[generator.choice(SPECIES, TYPICAL, replace=False)] += contrast
    return chances


def load_trained(size: Size) -> Trained:
    """Load the network of a size, or train it first."""
    names = tuple(f"genus{index} species{index}" for index in range(SPECIES))
    tokenizer = build_tokenizer(names, size.settings.positions)
    torch.manual_seed(0)
    network = BertForSequenceClassification(configuration(size.settings, tokenizer, CODES))
    # How many sentences are timed does not change the network.
    trained_as = hashlib.sha256(str(replace(size, count=0)).encode()).hexdigest()[:12]
    file = Path(tempfile.gettempdir()) / f"habitat_sentences_{trained_as}.safetensors"
    if file.is_file():
        network.load_state_dict(load_file(file))
    else:
        train(network, tokenizer, names, size)
        save_file(network.state_dict(), file)
    return Trained(network.eval(), tokenizer, names)


def train(
    network: BertForSequenceClassification,
    tokenizer: PreTrainedTokenizerBase,
    names: tuple[str, ...],
    size: Size,
) -> None:
    """Fine-tune, from species whose rows already tell where they grow, as the first stage does."""
    tokens, generator = sentence_tokens(tokenizer, names), np.random.default_rng(1)
    place_species(network, tokens.species, size)
    network.bert.embeddings.requires_grad_(size.fixed == 0)
    network.bert.encoder.layer[: size.fixed].requires_grad_(requires_grad=False)
    changing = [values for values in network.parameters() if values.requires_grad]
    optimiser = torch.optim.AdamW(changing, size.rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / 10, 1 - step / size.steps)
    )
    network.train()
    for step in range(size.steps):
        sentences, habitats = draw(generator, size.batch, size.trained_k, size.contrast)
        ids, _ = tokens.encode(sentences)
        with torch.autocast("cpu", torch.bfloat16, enabled=size.settings.hidden > 64):
            logits = network(torch.from_numpy(ids)).logits
        loss = cross_entropy(logits.float(), torch.from_numpy(habitats))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(changing, 1.0)
        optimiser.step()
        schedule.step()
        if step % 10 == 0:
            print(f"step {step}: loss {loss.item():.3f}", file=sys.stderr)


@torch.no_grad()
def place_species(
    network: BertForSequenceClassification, species: NDArray[np.int64], size: Size
) -> None:
    """Bring species of the same habitats near each other among the rows of the vocabulary."""
    words = network.bert.embeddings.word_embeddings.weight
    directions = torch.randn(len(CODES), words.shape[1]) * words.std()
    where = torch.from_numpy(frequencies(size.contrast))
    words[torch.from_numpy(species)] += (where - where.mean(0)).T @ directions


if __name__ == "__main__":
    main()
