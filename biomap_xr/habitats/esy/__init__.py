"""The EUNIS-ESy expert system: habitats of vegetation plots by rules that experts wrote.

The rules are those of Chytrý et al. (2020, 10.1111/avsc.12519), in the language of Bruelheide et
al. (2021, 10.1111/avsc.12562). How labels that others published are met, by rules of 2020-06-08:

| plots | labels | conventions and coordinates | equal | the others |
|---|---|---|---|---|
| dikes of the Danube, 2017-18 | 140 | ours, as they lie | 140 | |
| dike experiment | 1440 | `SCRIPTS`, 0 degrees | 1411 | 26 made by hand, 3 R1P for R |
| dike experiment | 1440 | ours, 0 degrees | 1384 | 24 by hand, 3 R1P, 29 counts |
| dike experiment | 1440 | ours, as they lie | 1375 | the former and 9 R16 for R |

*Counts*: the labels of the experiment count species of the whole table in every plot (see
`Conventions`); *0 degrees*: its header called the coordinates otherwise than the rules do; *R1P*:
their table had one more species of a group than is published, with which all 1414 that were not
made by hand are met.
"""

from biomap_xr.habitats.esy.labels import ExpertClassifier, label_of, labelled
from biomap_xr.habitats.esy.system import OURS, SCRIPTS, Classification, Conventions, ExpertSystem

__all__ = [
    "OURS",
    "SCRIPTS",
    "Classification",
    "Conventions",
    "ExpertClassifier",
    "ExpertSystem",
    "label_of",
    "labelled",
]
