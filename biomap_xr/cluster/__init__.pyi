from .memory import (
    keep_freed_memory as keep_freed_memory,
    release_freed_memory as release_freed_memory,
)
from .opening import (
    InsecureAddressWarning as InsecureAddressWarning,
    check_machines as check_machines,
    open_session as open_session,
)
from .profiles import (
    AddressProfile as AddressProfile,
    LocalCudaProfile as LocalCudaProfile,
    LocalProfile as LocalProfile,
    Profile as Profile,
    SerialProfile as SerialProfile,
    profile_of as profile_of,
    read_profile as read_profile,
)
from .sessions import DaskSession as DaskSession, SerialSession as SerialSession, Session as Session
