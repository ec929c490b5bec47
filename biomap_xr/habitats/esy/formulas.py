"""Membership formulas: expressions in angle brackets, joined by AND, OR, NOT and round brackets."""

import re
from collections.abc import Callable

from biomap_xr.errors import InputError
from biomap_xr.habitats.esy.kleene import AND, NOT, OR, Postfix

PRECEDENCE = {OR: 1, AND: 2, NOT: 2}
"""How tightly operators bind; those that bind alike are taken from left to right."""
TOKEN = re.compile(r"\s*(<[^<>]*>|\(|\)|AND\b|OR\b|NOT\b|\S+)")


def read_formula(text: str, number: Callable[[str], int]) -> Postfix:
    """Return a formula in postfix order.

    NOT between two parts means *and not*; it and AND bind alike, and tighter than OR, as in the
    authors' program, which hands ``&``, ``|`` and ``&!`` to R.

    Args:
        text: The formula, of one line or several joined.
        number: Gives the number of the comparison that an expression, without brackets, means.

    Raises:
        InputError: Brackets do not match, or an operator or operand is missing or misspelt.

    >>> read_formula("<a> OR <b> NOT <c>", "abc".index)
    (0, 1, 2, 'NOT', 'OR')
    >>> read_formula("(<a> OR <b>) NOT <c>", "abc".index)
    (0, 1, 'OR', 2, 'NOT')
    """
    output: list[int | str] = []
    waiting: list[str] = []
    operand_due = True
    for token in TOKEN.findall(text):
        # Operands and operators take turns; an opening bracket stands where an operand does.
        if operand_due != (token == "(" or token.startswith("<")):
            raise _unexpected(token, text, operand_due=operand_due)
        if token == "(":
            waiting.append(token)
        elif token.startswith("<"):
            output.append(number(token[1:-1].strip()))
            operand_due = False
        elif token == ")":
            while waiting and waiting[-1] != "(":
                output.append(waiting.pop())
            if not waiting:
                raise InputError(
                    f"a bracket is closed that was never opened in {text!r}; take it out"
                )
            waiting.pop()
        else:
            _join(token, waiting, output, text)
            operand_due = True
    if operand_due:
        raise _unexpected("its end", text, operand_due=True)
    if "(" in waiting:
        raise InputError(f"{waiting.count('(')} brackets are not closed in {text!r}; close them")
    return (*output, *reversed(waiting))


def _join(operator: str, waiting: list[str], output: list[int | str], text: str) -> None:
    """Put an operator behind those that bind tighter."""
    if operator not in PRECEDENCE:
        raise _unexpected(operator, text, operand_due=False)
    # `>=` takes equal ones first, so that they are joined from left to right.
    while waiting and PRECEDENCE.get(waiting[-1], 0) >= PRECEDENCE[operator]:
        output.append(waiting.pop())
    waiting.append(operator)


def _unexpected(token: str, text: str, *, operand_due: bool) -> InputError:
    expected = "( or an expression <...>" if operand_due else "AND, OR, NOT or )"
    return InputError(f"formula {text!r} has {token!r} where {expected} was expected; mend it")
