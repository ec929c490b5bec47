import pytest

from biomap_xr.cluster import SerialProfile, profile_of
from biomap_xr.errors import InputError
from biomap_xr.pipeline.workers import Workers

NOBODY = {"kind": "address", "address": "tcp://127.0.0.1:9", "patience": 0.5}


def test_nothing_is_started_before_the_first_use():
    with Workers(profile_of(NOBODY)) as workers:
        assert workers.device == "cpu"


def test_a_missing_scheduler_is_said_at_the_first_use():
    with (
        Workers(profile_of(NOBODY)) as workers,
        pytest.raises(InputError, match=r"no scheduler answers at tcp://127\.0\.0\.1:9"),
    ):
        workers.session()


def test_one_session_serves_the_whole_run():
    with Workers(SerialProfile(kind="serial")) as workers:
        assert workers.session() is workers.session()


@pytest.mark.parametrize(
    ("profile", "device"),
    [
        ({"kind": "local"}, "cpu"),
        ({"kind": "local-cuda"}, "cuda"),
        ({"kind": "serial", "device": "cuda"}, "cuda"),
        ({**NOBODY, "device": "cuda"}, "cuda"),
    ],
    ids=str,
)
def test_the_device_is_the_profiles(profile, device):
    assert Workers(profile_of(profile)).device == device
