"""What `fencepost ablate` prints of what mends a wrong program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fencepost.proofs.repair import Repair


def repair_lines(repair: Repair | None) -> list[str]:
    """Return a repair in words."""
    if repair is None:
        return []
    if not repair.is_mended:
        return [f"no flush and no fence mends it: with {repair.bound}, it is still wrong"]
    least = "minimal repair" if repair.is_smallest else "a repair of which nothing can be left out"
    return [f"{least}, {len(repair.inserted)} to insert:", *(f"    {each}" for each in repair.inserted),
            f"tried: {repair.bound}"]  # fmt: skip


def repair_in_json(repair: Repair | None) -> dict[str, Any] | None:
    """Return a repair as JSON documents have it."""
    if repair is None:
        return None
    found: dict[str, Any] = {"is_mended": repair.is_mended, "inserted": list(repair.inserted)}
    return {**found, "is_smallest": repair.is_smallest, "bound": repair.bound}
