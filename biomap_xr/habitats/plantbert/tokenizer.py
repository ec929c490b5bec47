"""Tokenizers for species: built from names, loaded as published, and checked against sentences.

The published tokenizer is uncased BERT's with every species added as one token (`base-species`
in the published code). One built here has the species and nothing else, and gives the same ids as
`SentenceTokens.encode` for the text of a sentence.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase, Replace
from tokenizers.normalizers import Sequence as Normalizers
from tokenizers.pre_tokenizers import Split
from tokenizers.processors import TemplateProcessing
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from biomap_xr.errors import InputError
from biomap_xr.habitats.sentences import NAMED, SEPARATOR, SentenceTokens
from biomap_xr.taxa import parse

SPECIAL = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
"""Tokens that stand for no species, by their name in `transformers`; ids 0 to 4."""
COMMA = ","
LONGEST = 512
"""Tokens that BERT reads at most: 255 species and their commas."""
BINOMIAL = 2
"""Words of a species' name."""


def build_tokenizer(species: Sequence[str], longest: int = LONGEST) -> PreTrainedTokenizerFast:
    """Build a tokenizer whose words are species.

    Args:
        species: Names in lower case, each once.
        longest: Tokens of a text at most; what comes behind is cut where a caller truncates.

    Returns:
        A tokenizer of ``len(species) + 6`` tokens: `SPECIAL`, the comma, the species in order.

    Raises:
        InputError: A name is empty, has a comma or capitals, or occurs twice.

    >>> build_tokenizer(["poa annua", "rosa canina"])("rosa canina, poa annua").input_ids
    [2, 7, 5, 6, 3]
    """
    check_names(species)
    words = [*SPECIAL.values(), COMMA, *species]
    number = {word: index for index, word in enumerate(words)}
    model = Tokenizer(WordLevel(number, unk_token=SPECIAL["unk_token"]))
    # A name has a space inside, so words end at commas alone.
    model.normalizer = Normalizers([Lowercase(), Replace(Regex(r"\s*,\s*"), COMMA)])
    model.pre_tokenizer = Split(COMMA, "isolated")
    frame = [(SPECIAL[name], number[SPECIAL[name]]) for name in ("cls_token", "sep_token")]
    model.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=frame
    )
    return PreTrainedTokenizerFast(tokenizer_object=model, model_max_length=longest, **SPECIAL)


def check_names(species: Sequence[str]) -> None:
    """Refuse names that a text cannot hold.

    Raises:
        InputError: One is empty, has a comma, capitals or outer spaces, or occurs twice.
    """
    reserved = {token.lower() for token in SPECIAL.values()}
    for name in species:
        if not name or name != name.strip().lower() or COMMA in name or name in reserved:
            raise InputError(
                f"species {name!r} cannot be a token; expected a name in lower case without a "
                "comma, such as 'agrostis capillaris': curate the names first"
            )
    twice = [name for name, count in Counter(species).items() if count > 1]
    if twice or not species:
        raise InputError(
            f"the vocabulary has {len(species)} species, {len(twice)} of them more than once "
            f"({twice[:NAMED]}); expected each once and at least one: merge them first"
        )


def load_tokenizer(source: str | Path, *, offline: bool = True) -> PreTrainedTokenizerBase:
    """Load the tokenizer of a published model or of a folder.

    Args:
        source: Folder, or the id of a model on the Hugging Face hub.
        offline: Read only files that are on this machine.

    Raises:
        InputError: There is none.
    """
    folder = Path(source)
    if folder.is_dir() and not any(
        (folder / name).is_file() for name in ("tokenizer.json", "vocab.txt")
    ):
        raise InputError(
            f"{folder} has no tokenizer (tokenizer.json or vocab.txt), only "
            f"{sorted(path.name for path in folder.iterdir())[:NAMED]}; expected the one that the "
            "model was trained with, since ids of another would be other species: copy it there"
        )
    try:
        return AutoTokenizer.from_pretrained(str(source), local_files_only=offline)
    except (OSError, ValueError) as error:
        raise InputError(
            f"no tokenizer could be loaded from {str(source)!r} ({_first_line(error)}); expected a "
            f"folder or a model id{' whose files are on this machine' if offline else ''}: give a "
            "folder that save_pretrained wrote, or allow downloads"
        ) from error


def species_of(tokenizer: PreTrainedTokenizerBase) -> tuple[str, ...]:
    """Return the species that a tokenizer knows as one token each, in the order of their ids.

    Raises:
        InputError: It knows none, such as that of a BERT for English.
    """
    names = sorted(tokenizer.get_vocab().items(), key=lambda pair: pair[1])
    # Hybrids have a sign between the two words.
    species = tuple(
        name for name, _ in names if len(name.split()) == BINOMIAL or parse(name).hybrid
    )
    if not species:
        raise InputError(
            f"the tokenizer has {len(names)} tokens and none is a species' name of two words; "
            "expected one token each: give that of a Pl@ntBERT"
        )
    return species


def sentence_tokens(tokenizer: PreTrainedTokenizerBase, species: Sequence[str]) -> SentenceTokens:
    """Find the ids of species, and make sure that texts and sentences give the same ids.

    Args:
        tokenizer: Built here or as published.
        species: The model's species.

    Returns:
        Ids with which sentences are encoded without their texts.

    Raises:
        InputError: A species is no token of it, or it reads a text otherwise than a sentence.
    """
    vocabulary = tokenizer.get_vocab()
    absent = [name for name in species if name not in vocabulary]
    if absent:
        raise InputError(
            f"{len(absent)} of {len(species)} species are no tokens of the tokenizer: "
            f"{absent[:NAMED]}; expected one token each: add them before training, or leave them "
            "out of the model's table"
        )
    if COMMA not in vocabulary:
        raise InputError(
            f"the tokenizer of {len(vocabulary)} tokens has no comma; expected one between "
            "species: give that of a Pl@ntBERT"
        )
    tokens = SentenceTokens(
        cls=_special(tokenizer, "cls_token"),
        sep=_special(tokenizer, "sep_token"),
        comma=vocabulary[COMMA],
        pad=_special(tokenizer, "pad_token"),
        mask=_special(tokenizer, "mask_token"),
        species=np.array([vocabulary[name] for name in species], np.int64),
    )
    some = np.unique([0, len(species) // 2, len(species) - 1])
    for sentence in (some, some[::-1]):
        read = list(tokenizer(SEPARATOR.join(species[index] for index in sentence)).input_ids)
        written = tokens.encode(sentence[None])[0][0]
        if read != written.tolist():
            raise InputError(
                f"the tokenizer reads {[species[index] for index in sentence]} as {read}; expected "
                f"{written.tolist()}, one token a species between [CLS], commas and [SEP]: give "
                "the tokenizer of a Pl@ntBERT"
            )
    return tokens


def add_species(tokenizer: PreTrainedTokenizerBase, species: Sequence[str]) -> tuple[str, ...]:
    """Add the species that a tokenizer lacks as one token each, as the published training does.

    Returns:
        The names that were added; the model's embeddings must then grow by as many.

    Raises:
        InputError: A name cannot be a token.
    """
    check_names(species)
    known = tokenizer.get_vocab()
    added = tuple(name for name in species if name not in known)
    tokenizer.add_tokens(list(added))
    return added


def _special(tokenizer: PreTrainedTokenizerBase, name: str) -> int:
    token = getattr(tokenizer, name)
    if token is None:
        raise InputError(
            f"the tokenizer has no {name}; expected one such as {SPECIAL[name]}: give that of a "
            "BERT"
        )
    return int(tokenizer.convert_tokens_to_ids(token))


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0]
