"""The species model: a branch per modality, concatenation, one linear head.

Paper 1, section 3 and figure 2. Coordinates are not an input.
"""

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from biomap_xr.errors import InputError
from biomap_xr.species.card import ModelCard
from biomap_xr.species.encoders import Lattice, Published, build
from biomap_xr.species.normalisation import Normaliser
from biomap_xr.species.settings import Modality

Inputs = Mapping[str, Tensor]
"""Raw inputs by modality, each (n, ...) of the same n sites."""


class SpeciesModel(nn.Module):
    """From raw inputs to the logit of every species."""

    def __init__(self, *, card: ModelCard) -> None:
        super().__init__()
        self.card = card
        self.normalisers = nn.ModuleDict()
        self.encoders = nn.ModuleDict()
        self.scalers = nn.ModuleDict()
        for modality, settings in card.modalities.items():
            normalisation = card.normalisation[modality]
            encoder = build(modality, settings, normalisation.shape)
            self.normalisers[modality] = Normaliser(modality=modality, normalisation=normalisation)
            self.encoders[modality] = encoder
            # Without scale and shift of its own: the head has these already.
            self.scalers[modality] = (
                nn.BatchNorm1d(cast("int", encoder.width), affine=False)
                if settings.standardise
                else nn.Identity()
            )
        self.head = nn.Linear(sum(self.widths.values()), len(card.species_id))

    @property
    def widths(self) -> dict[str, int]:
        """Dimensions of each modality's embedding, in the order of concatenation."""
        return {name: cast("int", encoder.width) for name, encoder in self.encoders.items()}

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """The modalities that the model reads, in the order of concatenation."""
        return tuple(self.card.modalities)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.head.weight.device

    def forward(self, inputs: Inputs) -> Tensor:
        """Predict logits from raw inputs.

        Args:
            inputs: Raw (n, ...) tensors by modality; modalities that the model lacks are not read.

        Returns:
            ``(n, species)`` logits; their sigmoid is the probability of presence.
        """
        return self.head(self.embeddings(inputs))

    def embeddings(self, inputs: Inputs) -> Tensor:
        """Concatenate the embeddings of all modalities.

        Args:
            inputs: Raw (n, ...) tensors by modality.

        Returns:
            (n, sum of widths), the head's input.

        Raises:
            InputError: A modality is missing or has another number of sites.
        """
        absent = [name for name in self.encoders if name not in inputs]
        if absent:
            raise InputError(
                f"inputs: no {absent[0]!r} among {sorted(inputs)}, the model reads "
                f"{list(self.encoders)}; give every one, all fill values where there is no data"
            )
        sizes = {name: len(inputs[name]) for name in self.encoders}
        if len(set(sizes.values())) > 1:
            raise InputError(
                f"inputs: modalities have {sizes} sites, expected the same number; cut all of them "
                "at the same sites"
            )
        return torch.cat([self.embed(name, inputs[name]) for name in self.encoders], dim=1)

    def embed(self, modality: str, raw: Tensor) -> Tensor:
        """Embed one modality's raw inputs.

        Args:
            modality: One that the model reads.
            raw: (n, ...) raw values.

        Returns:
            ``(n, width)``.
        """
        return self.scalers[modality](self.encoders[modality](self.normalisers[modality](raw)))

    @torch.no_grad()
    def embed_dense(self, raw: Tensor) -> Tensor:
        """Embed every map cell of a Sentinel-2 raster, always in inference form.

        Args:
            raw: ``(4, rows, columns)`` raw pixels of 10 m.

        Returns:
            (width, cell rows, cell columns): cell (i, j) has the window that starts at pixel
            (5 i, 5 j), so a raster of ``5 (cells - 1) + window`` pixels gives all cells.

        Raises:
            InputError: The model does not read Sentinel-2, or the raster is smaller than a window.
        """
        if "sentinel2" not in self.encoders:
            raise InputError(
                f"sentinel2: the model reads {list(self.encoders)}, expected 'sentinel2' among "
                "them; do not ask it for dense embeddings"
            )
        window = self.card.normalisation["sentinel2"].shape[1]
        if raw.ndim != 3 or min(raw.shape[1:]) < window:
            raise InputError(
                f"sentinel2: a raster of shape {tuple(raw.shape)}, expected (4, rows, columns) of "
                f"at least {window} pixels a side; pad it with the fill value"
            )
        normaliser = cast("Normaliser", self.normalisers["sentinel2"])
        encoder = cast("Lattice | Published", self.encoders["sentinel2"])
        was_training = encoder.training
        dense = encoder.eval().dense(normaliser.standardise(raw[None])[0], window=window)
        encoder.train(was_training)
        scaler = self.scalers["sentinel2"]
        if isinstance(scaler, nn.BatchNorm1d):
            mean, variance = cast("Tensor", scaler.running_mean), cast("Tensor", scaler.running_var)
            dense.sub_(mean[:, None, None]).mul_(torch.rsqrt(variance + scaler.eps)[:, None, None])
        return dense

    def head_weight(self, modality: str) -> Tensor:
        """Give the head's columns of one modality.

        Args:
            modality: One that the model reads.

        Returns:
            ``(species, width)`` view: logits = sum over modalities of embedding @ weight.T, plus
            ``head.bias``.

        Raises:
            InputError: The model does not read it.
        """
        start = 0
        for name, width in self.widths.items():
            if name == modality:
                return self.head.weight[:, start : start + width]
            start += width
        raise InputError(
            f"modality {modality!r} is not the model's, expected one of {list(self.widths)}; "
            "ask for one of these"
        )
