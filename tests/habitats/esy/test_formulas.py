import pytest
from hypothesis import given
from hypothesis import strategies as st

from biomap_xr.errors import InputError
from biomap_xr.habitats.esy.formulas import read_formula


def in_brackets(postfix) -> str:
    """Write a postfix formula with every bracket, in the words of Python."""
    words = {"AND": "and", "OR": "or", "NOT": "and not"}
    stack: list[str] = []
    for part in postfix:
        if isinstance(part, str):
            right, left = stack.pop(), stack.pop()
            stack.append(f"({left} {words[part]} {right})")
        else:
            stack.append(f"v[{part}]")
    return stack.pop()


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("<0> AND <1> OR <2>", "((v[0] and v[1]) or v[2])"),
        ("<0> OR <1> AND <2>", "(v[0] or (v[1] and v[2]))"),
        ("<0> NOT <1> OR <2>", "((v[0] and not v[1]) or v[2])"),
        ("<0> NOT <1> AND <2>", "((v[0] and not v[1]) and v[2])"),
        ("<0> OR <1> NOT <2>", "(v[0] or (v[1] and not v[2]))"),
        ("<0>NOT(<1>OR<2>)", "(v[0] and not (v[1] or v[2]))"),
    ],
)
def test_operators_bind_as_in_r(text, meaning):
    assert in_brackets(read_formula(text, int)) == meaning


@given(
    st.lists(st.sampled_from(["AND", "OR", "NOT"]), min_size=1, max_size=6),
    st.lists(st.booleans(), min_size=7, max_size=7),
)
def test_without_brackets_python_reads_the_same(operators, values):
    text = "<0>" + "".join(f" {each} <{place + 1}>" for place, each in enumerate(operators))
    plain = text.replace("NOT", "and not").replace("AND", "and").replace("OR", "or")
    program = plain.replace("<", "v[").replace(">", "]")
    assert eval(in_brackets(read_formula(text, int)), {"v": values}) == eval(program, {"v": values})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<0> AND", r"'its end' where \( or an expression"),
        ("<0> <1>", "'<1>' where AND, OR, NOT or"),
        ("<0> XOR <1>", "'XOR' where AND, OR, NOT or"),
        ("NOT <0>", r"'NOT' where \( or an expression"),
        ("(<0> AND <1>", "1 brackets are not closed"),
        ("<0>)", "never opened"),
        ("()", r"'\)' where \( or an expression"),
        ("", "'its end'"),
    ],
)
def test_malformed_formulas_say_what_was_expected(text, message):
    with pytest.raises(InputError, match=message):
        read_formula(text, int)
