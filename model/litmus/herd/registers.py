"""The registers of x86 by all their names, and constants as herd writes them."""

from __future__ import annotations

from dataclasses import dataclass

from fencepost.model.litmus.source import LARGEST, Text

_LETTERS = ("a", "b", "c", "d")
_POINTERS = ("si", "di", "bp", "sp")


def _parts() -> dict[str, tuple[str, int]]:
    """Return, by name, the 64-bit register that a name is part of, and the bytes of that part; -1 for bits 8 to 15."""
    parts: dict[str, tuple[str, int]] = {}
    for letter in _LETTERS:
        whole = f"r{letter}x"
        parts |= {whole: (whole, 8), f"e{letter}x": (whole, 4), f"{letter}x": (whole, 2)}
        parts |= {f"{letter}l": (whole, 1), f"{letter}h": (whole, -1)}
    for name in _POINTERS:
        parts |= {f"r{name}": (f"r{name}", 8), f"e{name}": (f"r{name}", 4), name: (f"r{name}", 2)}
        parts[f"{name}l"] = (f"r{name}", 1)
    for number in range(8, 16):
        whole = f"r{number}"
        parts |= {whole: (whole, 8), f"{whole}d": (whole, 4), f"{whole}w": (whole, 2), f"{whole}b": (whole, 1)}
    return parts | {"rip": ("rip", 8), "eip": ("rip", 4), "cs": ("cs", 8)}


PARTS = _parts()
ORDER = {name: number for number, name in enumerate(dict.fromkeys(whole for whole, _ in PARTS.values()))}
ACCUMULATOR = "rax"


@dataclass(frozen=True)
class Register:
    """A register as it is named somewhere: `whole` is what it is part of, `size` its bytes, `text` how it is printed.

    Registers that herd would choose itself, %name, are whole registers of that name.
    """

    whole: str
    size: int
    text: str


def register(text: str, native_size: int) -> Register | None:
    """Return the register of a name, or None; `native_size` is 4 for X86, 8 for X86_64."""
    name = text.removeprefix("%").lower()
    if name in PARTS and (native_size == 8 or (name.startswith("e") and PARTS[name][1] == 4)):
        whole, size = PARTS[name]
        return Register(whole, size, name.upper() if native_size == 4 else name)
    return Register(text, native_size, text) if text.startswith("%") else None


def integer(token: Text, size: int = 8) -> int:
    """Return a constant as a signed number of so many bytes.

    Raises InputError for one that does not fit them, or is 2^31 or more.
    """
    digits = token.text.removeprefix("$")
    value = int(digits, 16 if "x" in digits.lower() else 10) if len(digits) < 40 else 2**64
    bits = 8 * size
    if not -(2 ** (bits - 1)) <= value < 2**bits:
        raise token.error(f"{token.text} does not fit the {size} bytes of this operand")
    if abs(value) >= LARGEST:
        raise token.error(f"{token.text} is out of range: constants of 2^31 and more in magnitude are not supported")
    return signed(value, size)


def signed(value: int, size: int) -> int:
    """Return the lowest bytes of a number as a signed number."""
    bits = 8 * size
    value &= 2**bits - 1
    return value - 2**bits if value >> (bits - 1) else value
