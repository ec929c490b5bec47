"""Where a pretrained network comes from: a folder, files kept by an earlier download, or the hub.

Looked at before any work: a network that nobody can load must not stop a run after its training.
"""

from pathlib import Path

from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import HFValidationError

from biomap_xr.errors import InputError

CONFIGURATION = "config.json"
WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
TOKENIZERS = ("tokenizer.json", "vocab.txt")
NEEDED = ((CONFIGURATION,), WEIGHTS, TOKENIZERS)
"""Of each, a network has one at least."""
PATIENCE = 10.0
"""Seconds within which the hub has to answer."""


def origin_of(name_or_path: str, *, offline: bool, endpoint: str | None = None) -> str:
    """Say where a pretrained network will be read from; nothing is loaded.

    Args:
        name_or_path: Folder that ``save_pretrained`` wrote, or model id on the hub.
        offline: Whether only files that are on this machine may be read.
        endpoint: Address of the hub; by default the one that ``HF_ENDPOINT`` says.

    Returns:
        In plain words, such as ``folder /models/bert``. Where it needs a download, the hub was
        asked for the configuration and gave it.

    Raises:
        InputError: The folder or the kept files are not whole, the model is not on this machine and
            downloads are not allowed, or the hub does not give it.
    """
    folder = Path(name_or_path)
    if folder.is_dir():
        lacking = [names for names in NEEDED if not any((folder / one).is_file() for one in names)]
        if lacking:
            raise InputError(
                f"{folder} has no {' or '.join(lacking[0])}; expected a folder that "
                "save_pretrained wrote, with configuration, weights and tokenizer: copy it there"
            )
        return f"folder {folder}"
    try:
        kept = all(
            any(isinstance(try_to_load_from_cache(name_or_path, one), str) for one in names)
            for names in NEEDED
        )
    except HFValidationError as error:
        raise InputError(
            f"{name_or_path!r} is no folder on this machine and no model id ({error}); expected "
            "one of the two, such as CesarLeblanc/plantbert_fill_mask_model: correct it"
        ) from error
    if kept:
        return f"files of {name_or_path} kept in {constants.HF_HUB_CACHE}"
    if offline or constants.HF_HUB_OFFLINE:
        why = "offline: true" if offline else "HF_HUB_OFFLINE"
        raise InputError(
            f"{name_or_path!r} is no folder and not in {constants.HF_HUB_CACHE}, and {why} allows "
            "no download; expected its files on this machine: copy the folder here and name it, "
            "or allow the download with offline: false"
        )
    return _asked(name_or_path, endpoint)


def _asked(name: str, endpoint: str | None) -> str:
    hub = endpoint or constants.ENDPOINT
    try:
        # Small, and the only question that gives the answer that the later download gets.
        hf_hub_download(name, CONFIGURATION, endpoint=endpoint, etag_timeout=PATIENCE)
    except OSError as error:
        reason = (str(error) or type(error).__name__).strip().partition("\n")[0]
        raise InputError(
            f"{name!r} is not on this machine and {hub} does not give it ({reason}); expected a "
            "model that can be downloaded: mend its name or the connection, or copy the folder "
            "here and name it"
        ) from error
    return f"download of {name} from {hub}"
