import warnings

from matplotlib.figure import Figure

from biomap_xr.report.drawing import png
from biomap_xr.report.lettering import drawable


def test_signs_of_names_are_kept() -> None:
    assert drawable("Salix ×rubens é ß $x_1$ <b>") == "Salix ×rubens é ß $x_1$ <b>"


def test_what_the_font_lacks_is_replaced_and_draws_without_a_warning() -> None:
    text = drawable("樅 Abies\n\x00\u202e")
    assert text == "? Abies???"
    figure = Figure()
    figure.text(0, 0, text)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        png(figure)
