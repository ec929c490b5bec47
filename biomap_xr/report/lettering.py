"""Text that the font of the figures can draw."""

from functools import cache

from matplotlib.font_manager import FontProperties, findfont, get_font

MISSING = "?"


def drawable(text: str) -> str:
    r"""Replace what the default font has no sign for, and anything unprintable, by a question mark.

    >>> drawable("Abies alba")
    'Abies alba'
    >>> drawable("Abies\x07 alba")
    'Abies? alba'
    """
    return "".join(sign if sign.isprintable() and _has_sign(sign) else MISSING for sign in text)


@cache
def _has_sign(sign: str) -> bool:
    return get_font(findfont(FontProperties())).get_char_index(ord(sign)) != 0
