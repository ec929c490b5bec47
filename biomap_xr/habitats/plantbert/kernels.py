"""Passes between the products of a layer, compiled, in bfloat16 or float32 on a CPU.

Libraries make one pass for each operation here, read short rows one number at a time, or both; the
products themselves are theirs. A bfloat16 is the upper half of a float32, so that these passes
take it as uint16, widen, compute in float32 and round to the nearest.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import overload

LARGEST = np.float32(60)
"""Largest score of which the exponential is taken as it is: sums of e^60 are still float32."""

LOG2E = np.float32(1.4426950408889634)
# The natural logarithm of 2 in two parts: multiples of the first are exact.
LN2_HIGH, LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
TO_INTEGER = np.float32(1.5 * 2**23)
"""Added and taken away again, it rounds a number to the nearest integer."""
ONE, HALF, THIRD, FOURTH, FIFTH, SIXTH = (np.float32(1 / k) for k in (1, 2, 6, 24, 120, 720))
"""Terms of the exponential's series."""
MANTISSA, UPPER = np.int32(23), np.uint32(16)
BELOW_HALF, LAST_BIT, MAGNITUDE = np.uint32(0x7FFF), np.uint32(1), np.int32(0x7FFFFFFF)
ZERO = np.float32(0)


def widen(number: Any) -> Any:
    """Return a number, float32 or the bits of a bfloat16, as float32; for kernels alone."""
    raise NotImplementedError(f"widen({number!r}) outside a kernel; call it in compiled code")


def narrow(value: Any, like: Any) -> Any:
    """Round a float32 to the type of ``like``, halves to even; for kernels alone."""
    raise NotImplementedError(f"narrow({value!r}, {like!r}) outside a kernel")


@overload(widen, inline="always")
def _widen(number: Any) -> Callable[[Any], Any]:
    def same(number: Any) -> Any:
        return number

    def widened(number: Any) -> Any:
        return np.uint32(np.uint32(number) << UPPER).view(np.float32)

    return same if number == types.float32 else widened


@overload(narrow, inline="always")
def _narrow(value: Any, like: Any) -> Callable[[Any, Any], Any]:
    def same(value: Any, like: Any) -> Any:
        return np.float32(value)

    def rounded(value: Any, like: Any) -> Any:
        bits = np.float32(value).view(np.uint32)
        return np.uint16((bits + BELOW_HALF + ((bits >> UPPER) & LAST_BIT)) >> UPPER)

    return same if like == types.float32 else rounded


@numba.njit(cache=True, nogil=True, error_model="numpy")
def largest(numbers: Any) -> Any:
    """Return the largest magnitude of numbers ``(n,)``; NaN is larger than any."""
    most = np.int32(0)
    # The bits of positive floats are in the order of their values, and integers vectorise.
    for index in range(len(numbers)):
        most = max(most, np.int32(np.float32(widen(numbers[index])).view(np.int32) & MAGNITUDE))
    return np.int32(most).view(np.float32)


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def exponentials(numbers: Any) -> None:
    """Replace scores ``(n,)``, at most `LARGEST` in magnitude, by their exponentials.

    x is k ln 2 + z with z from -0.35 to 0.35: e^x is 2^k times a series whose first seven terms
    are exact to 2e-7.
    """
    for index in range(len(numbers)):
        x = widen(numbers[index])
        shifted = x * LOG2E + TO_INTEGER
        k = shifted - TO_INTEGER
        z = x - k * LN2_HIGH - k * LN2_LOW
        series = ((((SIXTH * z + FIFTH) * z + FOURTH) * z + THIRD) * z + HALF) * z + ONE
        series = series * z + ONE
        exponent = np.int32(np.float32(shifted).view(np.int32) << MANTISSA)
        power = np.int32(np.float32(series).view(np.int32) + exponent).view(np.float32)
        numbers[index] = narrow(power, numbers[index])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def look_up(bits: Any, table: Any) -> None:
    """Replace bfloat16 numbers ``(n,)`` by what a table (65536,) has for each."""
    for index in range(len(bits)):
        bits[index] = table[bits[index]]


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})
def join_heads(chances: Any, read: Any, joined: Any) -> None:
    """Divide what each head has read by the sum of its weights, and lay the heads side by side.

    Args:
        chances: ``(sentence, head, token, token)`` weights, not yet summing to 1.
        read: ``(sentence, head, token, width)``, values times those weights.
        joined: ``(sentence, token, head, width)``, written.
    """
    sentences, heads, tokens, width = read.shape
    for sentence in range(sentences):
        for head in range(heads):
            for token in range(tokens):
                total = ZERO
                for other in range(tokens):
                    total += widen(chances[sentence, head, token, other])
                factor = ONE / total
                for index in range(width):
                    value = widen(read[sentence, head, token, index]) * factor
                    joined[sentence, token, head, index] = narrow(value, read[0, 0, 0, 0])


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})
def add_and_normalise(x: Any, added: Any, weight: Any, bias: Any, epsilon: Any) -> None:
    """Add rows ``(n, hidden)`` to float32 ones and normalise these in place.

    Args:
        x: ``(n, hidden)`` float32, replaced.
        added: ``(n, hidden)``.
        weight: ``(hidden,)`` float32.
        bias: ``(hidden,)`` float32.
        epsilon: Added to the variance.
    """
    rows, hidden = x.shape
    share = ONE / np.float32(hidden)
    for row in range(rows):
        total = ZERO
        for index in range(hidden):
            value = x[row, index] + widen(added[row, index])
            x[row, index] = value
            total += value
        mean, squares = total * share, ZERO
        for index in range(hidden):
            squares += (x[row, index] - mean) * (x[row, index] - mean)
        factor = ONE / np.sqrt(squares * share + np.float32(epsilon))
        for index in range(hidden):
            x[row, index] = (x[row, index] - mean) * factor * weight[index] + bias[index]


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def embed_sentences(sentences: Any, tables: Any, x: Any, attention: Any) -> None:
    """Write the first layer's input, queries, keys and values of sentences of one length.

    Args:
        sentences: ``(n, m)`` indices of species, none missing.
        tables: Arrays of `compiled.Tables`, in their order.
        x: ``(n, token, hidden)`` float32, written.
        attention: ``(3, n, head, token, width)``, written; (0, ...) where nobody wants it.
    """
    species, positions, factors, constant, marks = tables
    count, length = sentences.shape
    tokens, hidden = x.shape[1], x.shape[2]
    heads, width = attention.shape[2], attention.shape[4]
    row = np.empty(4 * hidden, np.float32)
    # Without attention only the input itself, which is the last of the four, is made.
    begin = 0 if len(attention) else 3 * hidden
    for sentence in range(count):
        for token in range(tokens):
            if token % 2:
                which = sentences[sentence, token // 2]
                factor = factors[which, token // 2]
                for index in range(begin, 4 * hidden):
                    value = species[which, index] + positions[token // 2, index]
                    row[index] = value * factor + constant[index]
            else:
                # The mark behind the last species has rows of its own.
                kind = 1 if token == 2 * length else 0
                for index in range(begin, 4 * hidden):
                    row[index] = marks[kind, token // 2, index]
            for part in range(len(attention)):
                for head in range(heads):
                    start = part * hidden + head * width
                    for index in range(width):
                        like = attention[part, sentence, head, token, index]
                        value = narrow(row[start + index], like)
                        attention[part, sentence, head, token, index] = value
            for index in range(hidden):
                x[sentence, token, index] = row[3 * hidden + index]
