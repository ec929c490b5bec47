"""Raw tables of covers and headers made into plots: covers above 0, duplicates summed."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from biomap_xr.errors import InputError
from biomap_xr.observations.plot_report import Counts, PlotStep, counts_of, examples_of
from biomap_xr.observations.plot_settings import FURTHER, PlotTable
from biomap_xr.observations.plots import Plots
from biomap_xr.observations.report import listed
from biomap_xr.sources.vegetation.raw import RawPlots

PUBLISHED = ("cover", "duplicates")


def assemble(
    raw: RawPlots, table: PlotTable, headerless: str = "error"
) -> tuple[Plots, tuple[PlotStep, ...]]:
    """Make plots of a raw table; names and labels stay as written.

    Args:
        raw: Covers ``(rows,)`` and header ``(plots,)``.
        table: Which names are no plots, prefix and name of the collection.
        headerless: ``error`` or ``drop``, what plots are that the header does not have.

    Returns:
        The plots of the header, in its order, and one step for each thing that was left out.

    Raises:
        InputError: Plots with species are not in the header.
    """
    kept, others = _without_others(raw, table.not_plots)
    known, strangers = _in_header(kept, headerless)
    present, missing = _present(known)
    plots = _plots(present, table)
    counts = [_counts(each) for each in (raw, kept, known, present)]
    read = replace(counts[0], observations=counts[0].observations + raw.absent)
    # Duplicates are summed by the sparse matrix: one species in two layers of a plot.
    steps = (
        PlotStep("absent", read, counts[0], {"absent": raw.absent} if raw.absent else {}),
        PlotStep("not_plots", counts[0], counts[1], examples_of(others)),
        PlotStep("header", counts[1], counts[2], examples_of(strangers)),
        PlotStep("cover", counts[2], counts[3], missing),
        PlotStep("duplicates", counts[3], counts_of(plots), _repeated(present)),
    )
    # Readers' steps that did nothing are noise, but for the two that belong to the curation.
    return plots, tuple(step for step in steps if step.examples or step.name in PUBLISHED)


def split_labels(text: pd.Series) -> tuple[tuple[str, ...], ...]:
    """Return the codes in each text, separated by commas, each once.

    >>> split_labels(pd.Series(["R22, R1A!", "~", None]))
    (('R22', 'R1A!'), ('~',), ())
    """
    known = {
        value: tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
        for value in text.dropna().unique()
    }
    return tuple(known.get(value, ()) for value in text)


def _without_others(raw: RawPlots, pattern: str | None) -> tuple[RawPlots, pd.Series]:
    """Return the raw table without names that are no plots, and these names."""
    if pattern is None:
        return raw, raw.header["plot"].iloc[:0]
    expression = re.compile(pattern)
    names = pd.Series(pd.concat([raw.header["plot"], raw.covers["plot"]]).unique(), dtype="str")
    others = names[[expression.search(name) is not None for name in names]]
    return replace(
        raw,
        covers=raw.covers[~raw.covers["plot"].isin(others)].reset_index(drop=True),
        header=raw.header[~raw.header["plot"].isin(others)].reset_index(drop=True),
    ), others


def _in_header(raw: RawPlots, policy: str | None) -> tuple[RawPlots, pd.Series]:
    """Return the raw table without plots that the header lacks, and the names of these."""
    known = raw.covers["plot"].isin(raw.header["plot"])
    lost = raw.covers.loc[~known, "plot"].drop_duplicates()
    if len(lost) and policy == "error":
        raise InputError(
            f"{raw.path}: {len(lost)} of {raw.covers['plot'].nunique()} plots with species are not "
            f"in the header, {listed(lost)}; expected a row for each: complete the header, or set "
            "headerless to drop"
        )
    if len(lost):
        raw = replace(raw, covers=raw.covers[known].reset_index(drop=True))
    return raw, lost


def _present(raw: RawPlots) -> tuple[RawPlots, dict[str, int]]:
    """Return the raw table with covers above 0 only, and the other covers with their counts."""
    cover = raw.covers["cover"]
    there = (cover > 0).to_numpy()
    lost = ["unknown" if np.isnan(value) else f"{value:g}" for value in cover[~there]]
    return replace(raw, covers=raw.covers[there].reset_index(drop=True)), examples_of(lost)


def _plots(raw: RawPlots, table: PlotTable) -> Plots:
    header = raw.header
    # Every plot of the covers has a row in the header by now, so no index is -1.
    row = pd.Index(header["plot"]).get_indexer(pd.Index(raw.covers["plot"]))
    code, names = pd.factorize(raw.covers["species"], sort=True)
    shape = (len(header), len(names))
    # In float64 first, so that a sum of layers does not depend on their order.
    cover = csr_array(coo_array((raw.covers["cover"].to_numpy(np.float64), (row, code)), shape))
    cover.sum_duplicates()
    own = header["plot"].to_numpy(object)
    site = header["site"].fillna(header["plot"]).to_numpy(object)
    further = header[list(FURTHER)].reset_index(drop=True)
    if table.dataset is not None:
        further["dataset"] = further["dataset"].fillna(table.dataset)
    return Plots(
        plot_id=_prefixed(own, table.prefix),
        cover=cover.astype(np.float32),
        species=tuple(map(str, names)),
        labels=split_labels(header["label"]),
        longitude=header["longitude"].to_numpy(np.float64),
        latitude=header["latitude"].to_numpy(np.float64),
        site=_prefixed(site, table.prefix),
        header=further,
    )


def _prefixed(names: NDArray[np.object_], prefix: str) -> NDArray[np.object_]:
    return np.array([f"{prefix}{name}" for name in names], object)


def _repeated(raw: RawPlots) -> dict[str, int]:
    again = raw.covers.duplicated(["plot", "species"])
    return examples_of(raw.covers.loc[again, "species"])


def _counts(raw: RawPlots) -> Counts:
    return Counts(
        plots=len(raw.header),
        species=raw.covers["species"].nunique(),
        observations=len(raw.covers),
        labelled=int(raw.header["label"].notna().sum()),
    )
