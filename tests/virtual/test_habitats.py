import numpy as np

from biomap_xr.virtual.habitats import HABITATS, Affinity


def test_habitats_have_unique_codes_of_the_legend() -> None:
    assert len({one.code for one in HABITATS}) == len({one.number for one in HABITATS}) == 16
    formations = {"Q": 4, "R": 5, "S": 6, "T": 7, "U": 8}
    for one in HABITATS:
        assert one.number // 1000 == formations[one.code[0]]
        assert one.number // 100 % 10 == int(one.code[1])


def test_the_most_over_represented_assemblage_wins() -> None:
    group = np.array([0, 0, 1])
    prevalence = np.array([0.5, 0.3, 0.1], np.float32)
    # Group 0 has 0.8 species on average, group 1 has 0.1: 0.9/0.8 < 0.2/0.1, 1.2/0.8 > 0.1/0.1.
    probability = np.array([[0.5, 0.7], [0.4, 0.5], [0.2, 0.1]], np.float32)
    affinity = Affinity(group, prevalence, 2, 2)
    affinity.add(probability[:2], slice(0, 2))
    affinity.add(probability[2:], slice(2, 3))
    assert affinity.best().tolist() == [1, 0]
