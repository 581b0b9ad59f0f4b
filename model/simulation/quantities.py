"""Quantities with units as a scenario writes them: "20 us", "2 MiB", "5198 batches/s", "8 GB/s".

Times become integer nanoseconds and sizes integer bytes; a number without its unit is refused.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import ClassVar, Self

_TEXT = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z/]*)\s*")


class Nanoseconds(int):
    """A time, in nanoseconds."""

    UNITS: ClassVar[dict[str, int]] = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}
    EXAMPLE: ClassVar[str] = "'20 us'"

    @classmethod
    def parse(cls, value: object) -> Self:
        """Return the time that a text such as "20 us" stands for; ValueError: it is none, or no whole nanosecond."""
        return cls(_whole(_scaled(value, cls.UNITS, cls.EXAMPLE), value, "nanoseconds"))

    def __str__(self) -> str:
        return _shortest(self, self.UNITS)


class Bytes(int):
    """A size, in bytes."""

    UNITS: ClassVar[dict[str, int]] = {"B": 1, "KB": 10**3, "KiB": 2**10, "MB": 10**6, "MiB": 2**20, "GiB": 2**30}
    EXAMPLE: ClassVar[str] = "'64 KiB'"

    @classmethod
    def parse(cls, value: object) -> Self:
        """Return the size that a text such as "64 KiB" stands for; ValueError: it is none, or no whole byte."""
        return cls(_whole(_scaled(value, cls.UNITS, cls.EXAMPLE), value, "bytes"))

    def __str__(self) -> str:
        return _shortest(self, self.UNITS)


class BatchRate(Fraction):
    """Batches a second."""

    UNITS: ClassVar[dict[str, int]] = {"batches/s": 1, "Kbatches/s": 10**3, "Mbatches/s": 10**6}
    EXAMPLE: ClassVar[str] = "'5198 batches/s'"

    @classmethod
    def parse(cls, value: object) -> Self:
        """Return the rate that a text such as "5198 batches/s" stands for; ValueError: it is none, or 0."""
        return cls(_positive(_scaled(value, cls.UNITS, cls.EXAMPLE), value))

    def __str__(self) -> str:
        return f"{_decimal(self)} batches/s"


class ByteRate(Fraction):
    """Bytes a second."""

    UNITS: ClassVar[dict[str, int]] = {"B/s": 1, "KB/s": 10**3, "MB/s": 10**6, "GB/s": 10**9}
    EXAMPLE: ClassVar[str] = "'8 GB/s'"

    @classmethod
    def parse(cls, value: object) -> Self:
        """Return the rate that a text such as "8 GB/s" stands for; ValueError: it is none, or 0."""
        return cls(_positive(_scaled(value, cls.UNITS, cls.EXAMPLE), value))

    def time_ns(self, size: int) -> int:
        """Return the nanoseconds that `size` bytes take, rounded down."""
        return size * 10**9 * self.denominator // self.numerator

    def __str__(self) -> str:
        return f"{_decimal(self / 10**9)} GB/s"


def _scaled(value: object, units: dict[str, int], example: str) -> Fraction:
    """Return a text's number in its base unit, exactly."""
    choices = ", ".join(units)
    if not isinstance(value, str):
        raise ValueError(f"found {value!r}, expected a text with a unit such as {example} (units: {choices})")
    found = _TEXT.fullmatch(value)
    if found is None:
        raise ValueError(f"found {value!r}, expected a number and a unit such as {example} (units: {choices})")
    number, unit = found.groups()
    if unit not in units:
        raise ValueError(f"unknown unit {unit!r} in {value!r}: expected one of {choices}, such as {example}")
    return Fraction(number) * units[unit]


def _whole(number: Fraction, value: object, unit: str) -> int:
    if number.denominator != 1:
        raise ValueError(f"found {value!r}, expected a whole number of {unit}")
    return number.numerator


def _positive(number: Fraction, value: object) -> Fraction:
    if number <= 0:
        raise ValueError(f"found {value!r}, expected more than 0")
    return number


def _shortest(number: int, units: dict[str, int]) -> str:
    """Return an integer in the largest unit of which it is a multiple."""
    unit, size = max(((unit, size) for unit, size in units.items() if number % size == 0), key=lambda each: each[1])
    return f"{number // size} {unit}" if number else f"0 {next(iter(units))}"


def _decimal(number: Fraction) -> str:
    return str(number.numerator) if number.denominator == 1 else f"{float(number):.9g}"
