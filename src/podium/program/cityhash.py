"""CityHash64 of version 1.0, by which CatBoost knows its categories."""

from __future__ import annotations

# The constants of the algorithm: primes between 2^63 and 2^64.
_K0, _K1, _K2, _K3 = (
    0xC3A5C85C97CB3127,
    0xB492B66FBE98F273,
    0x9AE16A3B2F90404F,
    0xC949D7C7509E6557,
)
_MULTIPLIER = 0x9DDFEA08EB382D69
_MASK = (1 << 64) - 1


def city_hash_64(text: bytes) -> int:
    """The hash of these bytes, at least 0 and less than 2 ** 64.

    Source: Pike and Alakuijala (2011), CityHash 1.0; later versions return other numbers.
    """
    length = len(text)
    if length <= 16:
        return _of_16(text, length)
    if length <= 32:
        return _of_32(text, length)
    if length <= 64:
        return _of_64(text, length)
    return _of_more(text, length)


def _of_16(s: bytes, length: int) -> int:
    if length > 8:
        a, b = _read(s, 0), _read(s, length - 8)
        return _mixed(a, _rotated((b + length) & _MASK, length)) ^ b
    if length >= 4:
        first = int.from_bytes(s[:4], "little")
        last = int.from_bytes(s[-4:], "little")
        return _mixed(length + (first << 3), last)
    if length > 0:
        y = s[0] + (s[length >> 1] << 8)
        z = length + (s[-1] << 2)
        return _shifted((y * _K2 ^ z * _K3) & _MASK) * _K2 & _MASK
    return _K2


def _of_32(s: bytes, length: int) -> int:
    a = _read(s, 0) * _K1 & _MASK
    b = _read(s, 8)
    c = _read(s, length - 8) * _K2 & _MASK
    d = _read(s, length - 16) * _K0 & _MASK
    return _mixed(
        (_rotated((a - b) & _MASK, 43) + _rotated(c, 30) + d) & _MASK,
        (a + _rotated(b ^ _K3, 20) - c + length) & _MASK,
    )


def _of_64(s: bytes, length: int) -> int:
    z = _read(s, 24)
    a = (_read(s, 0) + (length + _read(s, length - 16)) * _K0) & _MASK
    first, second = _half(s, a, z, 8, 16)
    a = (_read(s, 16) + _read(s, length - 32)) & _MASK
    z = _read(s, length - 8)
    third, fourth = _half(s, a, z, length - 24, length - 16)
    r = _shifted(((first + fourth) * _K2 + (third + second) * _K0) & _MASK)
    return _shifted((r * _K0 + second) & _MASK) * _K2 & _MASK


def _half(s: bytes, a: int, z: int, one: int, other: int) -> tuple[int, int]:
    """Two words that half of up to 64 bytes become."""
    b = _rotated((a + z) & _MASK, 52)
    c = _rotated(a, 37)
    a = (a + _read(s, one)) & _MASK
    c += _rotated(a, 7)
    a = (a + _read(s, other)) & _MASK
    return (a + z) & _MASK, (b + _rotated(a, 31) + c) & _MASK


def _of_more(s: bytes, length: int) -> int:
    """The end first, then blocks of 64 bytes, with five words of state."""
    x = _read(s, 0)
    y = _read(s, length - 16) ^ _K1
    z = _read(s, length - 56) ^ _K0
    v = _weak(s, length - 64, length, y)
    w = _weak(s, length - 32, length * _K1 & _MASK, _K0)
    z = (z + _shifted(v[1]) * _K1) & _MASK
    x = _rotated((z + x) & _MASK, 39) * _K1 & _MASK
    y = _rotated(y, 33) * _K1 & _MASK
    for at in range(0, (length - 1) & ~63, 64):
        x = _rotated((x + y + v[0] + _read(s, at + 16)) & _MASK, 37) * _K1 & _MASK
        y = _rotated((y + v[1] + _read(s, at + 48)) & _MASK, 42) * _K1 & _MASK
        x ^= w[1]
        y ^= v[0]
        z = _rotated(z ^ w[0], 33)
        v = _weak(s, at, v[1] * _K1 & _MASK, (x + w[0]) & _MASK)
        w = _weak(s, at + 32, (z + w[1]) & _MASK, y)
        z, x = x, z
    return _mixed(
        (_mixed(v[0], w[0]) + _shifted(y) * _K1 + z) & _MASK, (_mixed(v[1], w[1]) + x) & _MASK
    )


def _weak(s: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    """Two words from 32 bytes and two words."""
    a = (a + _read(s, at)) & _MASK
    z = _read(s, at + 24)
    b = _rotated((b + a + z) & _MASK, 21)
    c = a
    a = (a + _read(s, at + 8) + _read(s, at + 16)) & _MASK
    b += _rotated(a, 44)
    return (a + z) & _MASK, (b + c) & _MASK


def _read(s: bytes, at: int) -> int:
    return int.from_bytes(s[at : at + 8], "little")


def _rotated(word: int, shift: int) -> int:
    return (word >> shift) | (word << (64 - shift)) & _MASK


def _shifted(word: int) -> int:
    return word ^ (word >> 47)


def _mixed(low: int, high: int) -> int:
    """One word of two."""
    a = _shifted((low ^ high) * _MULTIPLIER & _MASK)
    b = _shifted((high ^ a) * _MULTIPLIER & _MASK)
    return b * _MULTIPLIER & _MASK
