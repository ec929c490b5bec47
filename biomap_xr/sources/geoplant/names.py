"""Names of files that belong to a survey: nested folders by the last digits of its id."""

from pathlib import Path


def nested_places(survey_id: str) -> tuple[str, ...]:
    """Return the folders that may hold a survey's files, the likeliest first, relative to all.

    The rule is ``<last two digits>/<the two before>``. Below four digits the description pads with
    zeros where the published code does not; some editions are flat.

    >>> nested_places("1322301")
    ('01/23', '')
    >>> nested_places("642")
    ('42/06', '42/6', '')
    """
    places = [f"{digits[-2:]}/{digits[-4:-2]}" for digits in (survey_id.zfill(4), survey_id)]
    return (*dict.fromkeys(place.rstrip("/") for place in places), "")


def nested_path(root: Path, survey_id: str, suffix: str) -> Path:
    """Return where a survey's file is written: zero-padded, so that every id has two folders.

    >>> nested_path(Path("patches"), "642", ".jpeg").as_posix()
    'patches/42/06/642.jpeg'
    """
    return root / nested_places(survey_id)[0] / f"{survey_id}{suffix}"


def find_file(root: Path, survey_id: str, suffixes: tuple[str, ...]) -> Path | None:
    """Return a survey's file below a folder, None where there is none."""
    for place in nested_places(survey_id):
        for suffix in suffixes:
            path = root / place / f"{survey_id}{suffix}"
            if path.is_file():
                return path
    return None
