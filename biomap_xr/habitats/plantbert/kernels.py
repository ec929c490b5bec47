"""Passes between the products of a layer, compiled, for bfloat16 on a CPU.

Libraries make one pass for each operation here, read short rows one number at a time, or both; the
products themselves are theirs. A bfloat16 is the upper half of a float32, so that these passes
take it as uint16, widen, compute in float32 and round to the nearest.
"""

from typing import Any

import numba
import numpy as np

LARGEST = np.float32(60)
"""Largest score of which the exponential is taken as it is: e^60 squared is still a float32."""

LOG2E = np.float32(1.4426950408889634)
# The natural logarithm of 2 in two parts: multiples of the first are exact.
LN2_HIGH, LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
TO_INTEGER = np.float32(1.5 * 2**23)
"""Added and taken away again, it rounds a number to the nearest integer."""
HALF, SIXTH, TWENTYFOURTH, ONE = (np.float32(1 / k) for k in (2, 6, 24, 1))
MANTISSA, UPPER = np.int32(23), np.uint32(16)
BELOW_HALF, LAST_BIT, MAGNITUDE = np.uint32(0x7FFF), np.uint32(1), np.uint16(0x7FFF)
ZERO = np.float32(0)


@numba.njit(inline="always", error_model="numpy")
def widen(bits: Any) -> Any:
    """Return a bfloat16 as float32."""
    return np.uint32(np.uint32(bits) << UPPER).view(np.float32)


@numba.njit(inline="always", error_model="numpy")
def narrow(value: Any) -> Any:
    """Round a float32 to the nearest bfloat16, halves to even."""
    bits = np.float32(value).view(np.uint32)
    return np.uint16((bits + BELOW_HALF + ((bits >> UPPER) & LAST_BIT)) >> UPPER)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def largest(bits: Any) -> Any:
    """Return the largest magnitude of bfloat16 numbers (n,); NaN is larger than any."""
    most = np.uint16(0)
    # The bits of positive floats are in the order of their values.
    for index in range(len(bits)):
        most = max(most, np.uint16(bits[index] & MAGNITUDE))
    return widen(most)


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def exponentials(bits: Any) -> None:
    """Replace scores (n,) in bfloat16, at most `LARGEST` in magnitude, by their exponentials.

    x is k ln 2 + z with z from -0.35 to 0.35: e^x is 2^k times a series whose first five terms are
    exact to 4e-5, a fiftieth of what rounding takes.
    """
    for index in range(len(bits)):
        x = widen(bits[index])
        shifted = x * LOG2E + TO_INTEGER
        k = shifted - TO_INTEGER
        z = x - k * LN2_HIGH - k * LN2_LOW
        series = (((TWENTYFOURTH * z + SIXTH) * z + HALF) * z + ONE) * z + ONE
        exponent = np.int32(np.float32(shifted).view(np.int32) << MANTISSA)
        power = np.int32(np.float32(series).view(np.int32) + exponent).view(np.float32)
        bits[index] = narrow(power)


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})
def join_heads(chances: Any, read: Any, joined: Any) -> None:
    """Divide what each head has read by the sum of its weights, and lay the heads side by side.

    Args:
        chances: (sentence, head, token, token) bfloat16 weights, not yet summing to 1.
        read: (sentence, head, token, width) bfloat16, values times those weights.
        joined: (sentence, token, head, width) bfloat16, written.
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
                    joined[sentence, token, head, index] = narrow(value)


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})
def add_and_normalise(x: Any, added: Any, weight: Any, bias: Any, epsilon: Any) -> None:
    """Add bfloat16 rows (n, hidden) to float32 ones and normalise these in place.

    Args:
        x: (n, hidden) float32, replaced.
        added: (n, hidden) bfloat16.
        weight: (hidden,) float32.
        bias: (hidden,) float32.
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
        sentences: (n, m) indices of species, none missing.
        tables: Arrays of `embedding.Tables`, in their order.
        x: (n, token, hidden) float32, written.
        attention: (3, n, head, token, width) bfloat16, written.
    """
    species, positions, factors, constant, marks = tables
    count, length = sentences.shape
    tokens, hidden = x.shape[1], x.shape[2]
    heads, width = attention.shape[2], attention.shape[4]
    row = np.empty(4 * hidden, np.float32)
    for sentence in range(count):
        for token in range(tokens):
            if token % 2:
                which = sentences[sentence, token // 2]
                factor = factors[which, token // 2]
                for index in range(4 * hidden):
                    value = species[which, index] + positions[token // 2, index]
                    row[index] = value * factor + constant[index]
            else:
                # The mark behind the last species has rows of its own.
                kind = 1 if token == 2 * length else 0
                for index in range(4 * hidden):
                    row[index] = marks[kind, token // 2, index]
            for part in range(3):
                for head in range(heads):
                    start = part * hidden + head * width
                    for index in range(width):
                        attention[part, sentence, head, token, index] = narrow(row[start + index])
            for index in range(hidden):
                x[sentence, token, index] = row[3 * hidden + index]
