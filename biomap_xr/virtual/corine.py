"""CORINE's land cover, and which habitats paper 2's documented crosswalk puts on it."""

from typing import NamedTuple


class Cover(NamedTuple):
    """One line of the crosswalk."""

    code: int
    """On the map."""
    class_code: str
    """CORINE's own code at its third level."""
    name: str
    short: str
    order: str
    """Formations by priority, or one surface without vegetation."""
    classes: str
    """EUNIS classes of any level that can be there."""


FIRST_LEVEL = {
    "1": "Artificial surfaces",
    "2": "Agricultural areas",
    "3": "Forest and semi natural areas",
    "4": "Wetlands",
    "5": "Water bodies",
    "9": "NODATA",
}
SECOND_LEVEL = {
    "11": "Urban fabric",
    "12": "Industrial, commercial and transport units",
    "13": "Mine, dump and construction sites",
    "14": "Artificial, non-agricultural vegetated areas",
    "21": "Arable land",
    "22": "Permanent crops",
    "23": "Pastures",
    "24": "Heterogeneous agricultural areas",
    "31": "Forests",
    "32": "Scrub and/or herbaceous vegetation associations",
    "33": "Open spaces with little or no vegetation",
    "41": "Inland wetlands",
    "42": "Maritime wetlands",
    "51": "Inland waters",
    "52": "Marine waters",
    "99": "NODATA",
}

LINES = (
    (1, "111", "Continuous urban fabric", "continuous_urban", "URBAN", ""),
    (2, "112", "Discontinuous urban fabric", "discontinuous_urban", "V", "V2,V31"),
    (3, "121", "Industrial or commercial units", "industrial_commercial", "URBAN", ""),
    (4, "122", "Road and rail networks and associated land", "roads", "V", "V37,V38,V39"),
    (5, "123", "Port areas", "port", "URBAN", ""),
    (6, "124", "Airports", "airport", "URBAN", ""),
    (7, "131", "Mineral extraction sites", "mines", "U", "U12"),
    (8, "132", "Dump sites", "dump_site", "V", "V37,V38,V39"),
    (9, "133", "Construction sites", "construction_site", "URBAN", ""),
    (10, "141", "Green urban areas", "green_urban", "V", "V22,V31,V37,V38,V39"),
    (11, "142", "Sport and leisure facilities", "sport_leisure", "V", "V31"),
    (12, "211", "Non-irrigated arable land", "nirrigated_arable", "V", "V11,V12,V15"),
    (13, "212", "Permanently irrigated land", "perma_irrigated_arable", "V", "V11,V15"),
    (14, "213", "Rice fields", "rice_field", "V", "V14"),
    (15, "221", "Vineyards", "vineyard", "", "V54"),
    (16, "222", "Fruit trees and berry plantations", "fruit_berry", "V", "V61,V62"),
    (17, "223", "Olive groves", "olive_grove", "V", "V62"),
    (18, "231", "Pastures", "pastures", "R,V", "R19,R21,R24,R36,R65,R7,V3"),
    (
        19,
        "241",
        "Annual crops associated with permanent crops",
        "annual_permanent_crop",
        "V",
        "V1,V2,V5,V6",
    ),
    (20, "242", "Complex cultivation patterns", "complex_cultivation", "V", "V"),
    (
        21,
        "243",
        "Land principally occupied by agriculture with significant areas of natural vegetation",
        "agriculture_naturalveg",
        "V",
        "V13",
    ),
    (22, "244", "Agro-forestry areas", "agroforestry", "V", "R73,V63"),
    (23, "311", "Broad-leaved forest", "broadleaved_forest", "N,T", "N1D,N1E,T1,T2"),
    (24, "312", "Coniferous forest", "coniferous_forest", "N,T", "N1F,N1G,T3"),
    (25, "313", "Mixed forest", "mixed_forest", "N,T", "N1D,N1E,N1F,N1G,T"),
    (
        26,
        "321",
        "Natural grasslands",
        "natural_grassland",
        "R",
        "N15,N16,N17,R1,R22,R23,R3,R42,R43,R44,R45,R55,R56",
    ),
    (
        27,
        "322",
        "Moors and heathland",
        "moors_heathland",
        "N,S,R",
        "N18,N19,N1A,N1B,N1C,S2,S3,S4,S53,S65,S66,S67,S9",
    ),
    (28, "323", "Sclerophyllous vegetation", "sclerophyllous_veg", "S,T,V", "S5,S6,S7,S8,T28,V33"),
    (29, "324", "Transitional woodland-shrub", "transition_woodland_shrub", "R", "R5"),
    (30, "331", "Beaches dunes sands", "beach_dune_sand", "N,Q,U", "N1,N2,Q6,U7"),
    (31, "332", "Bare rocks", "bare_rocks", "N,U,R", "N3,R64,U2,U3"),
    (32, "333", "Sparsely vegetated areas", "sparse_veg", "U,S,R", "R1C,R41,R6,S11,S12,U5,U6"),
    (33, "334", "Burnt areas", "burnt_areas", "U,T", "T43,U55"),
    (34, "335", "Glaciers and perpetual snow", "glaciers_snow", "U", "U4"),
    (35, "411", "Inland marshes", "inland_marsh", "Q,U", "Q2,Q4,Q5,Q6,U7"),
    (36, "412", "Peat bogs", "peat_bog", "Q", "Q1,Q3"),
    (37, "421", "Salt marshes", "salt_marsh", "MA2", "MA2"),
    (38, "422", "Salines", "saline", "MA2", "MA2"),
    (39, "423", "Intertidal flats", "intertidal_flat", "MA2", "MA2"),
    (40, "511", "Water courses", "water_course", "WATER_COURSE", ""),
    (41, "512", "Water bodies", "water_body", "LAKES_RESERVOIRS", ""),
    (42, "521", "Coastal lagoons", "coastal_lagoon", "TRANSITIONAL_WATER", ""),
    (43, "522", "Estuaries", "estuaries", "TRANSITIONAL_WATER", ""),
    (44, "523", "Sea and ocean", "sea_ocean", "SEA_OCEAN", ""),
    (45, "999", "NODATA", "NODATA", "NODATA", ""),
)
"""Paper 2's documented crosswalk, without its definitions."""
COVERS = tuple(Cover(*line) for line in LINES)
