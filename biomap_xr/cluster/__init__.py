"""A profile says what the machines are; here it becomes workers."""

from biomap_xr.cluster.memory import keep_freed_memory, release_freed_memory
from biomap_xr.cluster.opening import InsecureAddressWarning, check_machines, open_session
from biomap_xr.cluster.profiles import (
    AddressProfile,
    LocalCudaProfile,
    LocalProfile,
    Profile,
    SerialProfile,
    profile_of,
    read_profile,
)
from biomap_xr.cluster.sessions import DaskSession, SerialSession, Session

__all__ = [
    "AddressProfile",
    "DaskSession",
    "InsecureAddressWarning",
    "LocalCudaProfile",
    "LocalProfile",
    "Profile",
    "SerialProfile",
    "SerialSession",
    "Session",
    "check_machines",
    "keep_freed_memory",
    "open_session",
    "profile_of",
    "read_profile",
    "release_freed_memory",
]
