import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from biomap_xr.habitats.esy.reading import parse_rules
from biomap_xr.habitats.esy.system import ExpertSystem
from biomap_xr.observations.plots import Plots

RULES = """\
SECTION 1: Species aggregation

Alba communis aggr.                                       -  0
     Alba communis                                           0
     Alba communis subsp. minor                              0

Herba rara                                                -  0
     Herba rara subsp. rara                                  0

SECTION 1: End
SECTION 2: Species groups

### Trees
     Arbor alta
     Arbor brevis

### Shrubs
     Frutex niger
     Frutex albus

### Meadow-specialists
     Herba rara

##D +01 Meadow
     Alba communis aggr.
     Herba lenta
     Herba rara

##D +01 Mire
     Alba communis aggr.
     Musca uda
     Palus alta

##D +02 Weeds
     Herba lenta

SECTION 2: End
SECTION 3: Group definitions

1          R    Grassland
<##Q +01 Meadow> NOT <#TC Trees|#TC Shrubs GR 15>

2          R1A  Meadow of the virtual world
(<##Q +01 Meadow> AND <#02 +01 Meadow>)
NOT <#TC Trees|#TC Shrubs GR 15>

4          R1A! Meadow of the virtual world
<Herba rara GE 50> AND <$$C Country EQ Terra Alta>

--- 9        Out  <Commented out GR 1>

2          Q11  Mire
<##Q +01 Mire> AND <$$N Altitude (m) GR 500>

3          T    Forest
<#TC Trees GR #T$> OR <#SC Trees GE #$$> AND <#TC Trees GR $25>

3          S11  Scrub
<#TC Shrubs GR 25> NOT <#TC Trees GR #TC Shrubs EXCEPT Frutex niger>

5          C11a Out of the hierarchy
<#T$ GR 99>

SECTION 3: End
"""


def make_plots(covers: dict[str, dict[str, float]], **header: object) -> Plots:
    table = pd.DataFrame.from_dict(covers, orient="index").fillna(0.0)
    count = len(table)
    coordinates = [np.full(count, header.pop(name, np.nan), float) for name in ("lon", "lat")]
    ids = table.index.to_numpy(object)
    return Plots(
        plot_id=ids,
        cover=csr_array(table.to_numpy(np.float32)),
        species=tuple(table.columns),
        labels=((),) * count,
        longitude=coordinates[0],
        latitude=coordinates[1],
        site=ids,
        header=pd.DataFrame(header, index=range(count)),
    )


@pytest.fixture(scope="session")
def plots_of():
    return make_plots


@pytest.fixture(scope="session")
def rules_text() -> str:
    return RULES


@pytest.fixture(scope="session")
def small() -> ExpertSystem:
    return ExpertSystem(parse_rules(RULES.splitlines()))


@pytest.fixture(scope="session")
def data() -> Path:
    folder = os.environ.get("BIOMAP_XR_DATA")
    if not folder or not Path(folder, "esy").is_dir():
        pytest.skip("BIOMAP_XR_DATA does not name a folder with esy/, the published rule files")
    return Path(folder)


@pytest.fixture(scope="session")
def release_2020(data: Path) -> ExpertSystem:
    return ExpertSystem.read(data / "esy" / "EUNIS-ESy-2020-06-08.txt")


@pytest.fixture(scope="session")
def release_2021(data: Path) -> ExpertSystem:
    return ExpertSystem.read(data / "esy" / "EUNIS-ESy-2021-06-01.txt")
