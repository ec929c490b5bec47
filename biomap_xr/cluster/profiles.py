"""What machines a run may use, as a profile file says it; checked without starting anything."""

from pathlib import Path
from typing import Annotated, Literal

from dask.utils import parse_bytes
from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from biomap_xr.errors import RecipeError
from biomap_xr.settings import Settings, read_yaml

Device = Literal["cpu", "cuda"]


def _size(text: str) -> str:
    """Accept a size in bytes as Dask reads it, or ``auto``.

    Raises:
        ValueError: It is neither.
    """
    if text != "auto":
        try:
            parse_bytes(text)
        except ValueError as error:
            raise ValueError(f"{text!r} is no size; expected one like 3GiB, or auto") from error
    return text


Count = Annotated[int, Field(ge=1)]
Size = Annotated[str, AfterValidator(_size)]
Seconds = Annotated[float, Field(gt=0)]


class SerialProfile(Settings):
    """This process alone, one tile after the other: for debugging and small runs."""

    kind: Literal["serial"]
    device: Device = "cpu"
    """What it computes on."""

    @property
    def training_device(self) -> Device:
        """What the run's own process computes on, where it trains a model."""
        return self.device


class LocalProfile(Settings):
    """Worker processes on this machine."""

    kind: Literal["local"]
    processes: Count | Literal["auto"] = "auto"
    """Worker processes; ``auto`` is one a CPU, as far as the memory limits fit into memory."""
    threads: Count = 1
    """Tiles that one process works on at a time."""
    kernel_threads: Count = 1
    """Threads of linear algebra, Torch and GDAL within a process."""
    memory_limit: Size = "auto"
    """Of each process; one above it is restarted. ``auto`` shares the memory among all."""
    dashboard: str | None = "127.0.0.1:0"
    """Where the dashboard listens; this machine only by default. Port 0 is any free one."""
    secure: bool = False
    """Encrypt and authenticate the traffic between processes by certificates made for the run."""
    device: Device = "cpu"
    """What the processes and the run's own one compute on; on ``cuda`` they share the first GPU."""

    @property
    def training_device(self) -> Device:
        """What the run's own process computes on, where it trains a model."""
        return self.device


class LocalCudaProfile(Settings):
    """One worker process for each GPU of this machine."""

    kind: Literal["local-cuda"]
    devices: tuple[Annotated[int, Field(ge=0)], ...] | Literal["all"] = "all"
    """Indices of the GPUs."""
    kernel_threads: Count = 4
    """CPU threads of linear algebra, Torch and GDAL within a process."""
    memory_limit: Size = "auto"
    """Main memory of each process."""
    dashboard: str | None = "127.0.0.1:0"
    """Where the dashboard listens; this machine only by default. Port 0 is any free one."""
    secure: bool = False
    """Encrypt and authenticate the traffic between processes by certificates made for the run."""

    @property
    def device(self) -> Device:
        """What the workers compute on."""
        return "cuda"

    @property
    def training_device(self) -> Device:
        """What the run's own process computes on, where it trains a model."""
        return "cuda"


class Certificates(Settings):
    """Files with which a scheduler that asks for TLS is met."""

    authority: Path
    certificate: Path
    key: Path


class AddressProfile(Settings):
    """A scheduler that is already running; its workers see the workspace under the same path."""

    kind: Literal["address"]
    address: Annotated[str, Field(pattern=r"^(tcp|tls|ucx)://.+:\d+$")]
    """Of the scheduler, for example ``tls://10.0.0.5:8786``."""
    workers: Count = 1
    """Wait for so many before the first tile."""
    patience: Seconds = 30.0
    """Seconds to wait for the scheduler and its workers."""
    device: Device = "cpu"
    """What the workers compute on."""
    training_device: Device = "cpu"
    """What the run's own process, which may be on a machine without a GPU, computes on where it
    trains a model."""
    resources: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    """What a tile takes of a worker's declared resources, for example one GPU."""
    certificates: Certificates | None = None


Profile = Annotated[
    LocalProfile | LocalCudaProfile | AddressProfile | SerialProfile, Field(discriminator="kind")
]
_ADAPTER: TypeAdapter[Profile] = TypeAdapter(Profile)


def profile_of(content: object, where: str = "profile") -> Profile:
    """Check the content of a profile.

    Args:
        content: Keys and values, as YAML gives them.
        where: Name of the place that it came from, for messages.

    Raises:
        RecipeError: A key is unknown or missing, or a value cannot be.

    >>> profile_of({"kind": "local", "processes": 2}).memory_limit
    'auto'
    """
    try:
        return _ADAPTER.validate_python(content)
    except ValidationError as error:
        problems = "; ".join(_problem(each) for each in error.errors(include_url=False))
        raise RecipeError(
            f"{where} is no cluster profile: {problems}. Expected the keys of one of the kinds "
            "local, local-cuda, address or serial; see the examples in the folder cluster"
        ) from error


def _problem(problem: object) -> str:
    """Describe one of pydantic's findings with the key and the value."""
    match problem:
        case {"type": "union_tag_invalid", "ctx": {"tag": tag}}:
            return f"kind: {tag!r} is none"
        case {"type": "union_tag_not_found"}:
            return "it has no key 'kind'"
        case {"loc": place, "msg": message, "input": value}:
            return f"{'.'.join(map(str, place)) or 'content'}: {message}, found {value!r:.80}"
    return str(problem)


def read_profile(path: Path) -> Profile:
    """Read a profile from a YAML file, without starting anything.

    Raises:
        RecipeError: The file is missing, too large, no YAML, or no profile.
    """
    advice = "give the path of a YAML file such as cluster/local.yaml"
    return profile_of(read_yaml(path, advice), str(path))
