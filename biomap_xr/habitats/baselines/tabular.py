"""A small network on amounts of species: the tabular deep learning that paper 1 compares with."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from biomap_xr.folds.roles import Roles
from biomap_xr.habitats.assemblages import Assemblages, Samples
from biomap_xr.habitats.baselines.classifier import require_labelled


@dataclass(frozen=True)
class TabularClassifier:
    """A perceptron with one hidden layer on square roots of cover or probability."""

    name: str = "network on amounts"
    hidden: int = 128
    dropout: float = 0.5
    """Share of hidden units left out in training."""
    epochs: int = 60
    batch: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    seed: int = 0

    def fit(self, samples: Samples, roles: Roles) -> "FittedTabular":
        """Learn from the labelled training rows.

        Raises:
            InputError: Fewer than two habitats occur in them.
        """
        rows = require_labelled(samples, roles.train)
        features = square_roots(samples.assemblages.select(rows))
        # Columns of one scale: covers are percents, probabilities are not.
        scale = float(features.square().mean().sqrt()) or 1.0
        label = torch.from_numpy(samples.label[rows])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            network = nn.Sequential(
                nn.Linear(features.shape[1], self.hidden),
                nn.ReLU(),
                nn.Dropout(self.dropout),
                nn.Linear(self.hidden, len(samples.habitats)),
            )
            self._descend(network, features / scale, label)
        return FittedTabular(network.eval(), scale)

    def _descend(self, network: nn.Sequential, features: Tensor, label: Tensor) -> None:
        """Fit weights by a rate that falls to 0; features ``(n, species)``, label ``(n,)``."""
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay
        )
        steps = self.epochs * -(-len(label) // self.batch)
        schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, total_iters=steps)
        network.train()
        for _ in range(self.epochs):
            for rows in torch.randperm(len(label)).split(self.batch):
                loss = cross_entropy(network(features[rows]), label[rows])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()


@dataclass(frozen=True, eq=False)
class FittedTabular:
    """Weights of the network and the scale of what it reads."""

    network: nn.Sequential
    scale: float

    @torch.inference_mode()
    def predict_proba(self, assemblages: Assemblages) -> NDArray[np.float32]:
        """Return probabilities ``(n, habitat)``."""
        logits = self.network(square_roots(assemblages) / self.scale)
        return logits.softmax(dim=-1).numpy()


def square_roots(assemblages: Assemblages) -> Tensor:
    """Return square roots of amounts, which lie between cover and presence: ``(n, species)``."""
    return torch.from_numpy(np.sqrt(assemblages.amounts.toarray().astype(np.float32)))
