"""Which steps of its spec a step of a program stands for.

Mostly it is one, of the same name. Where a spec says more than the programs do (who owns a client, when a batch passes
into its owner's hands), what it says in between is put in front of the step that needs it.
"""

from collections.abc import Iterator

from fencepost.model.errors import NotAccepted
from fencepost.model.language import Protocol
from fencepost.model.specs.log import Log
from fencepost.model.specs.order4 import Order4
from fencepost.model.specs.order4_epoch import Order4Epoch
from fencepost.model.specs.order4_owner import Order4Owner
from fencepost.model.specs.order5_epoch import Order5Epoch
from fencepost.model.trace import Step


def spec_steps(spec: Protocol, step: Step) -> Iterator[Step]:
    """Yield the steps of the spec; each is to be taken before the next one is asked for."""
    if step.action in ("commit", "read") and isinstance(spec, Log):
        yield from _of_readers(spec, step)
    elif isinstance(spec, Order4Owner):
        yield from _of_owner(spec, step)
    elif isinstance(spec, Order4Epoch):
        yield from _of_epoch4(spec, step)
    elif isinstance(spec, Order5Epoch):
        yield from _of_epoch5(spec, step)
    elif step.action in spec.actions:
        yield step


def _of_readers(spec: Log, step: Step) -> Iterator[Step]:
    """The log behind the frontier: a program moves it by a word, the spec batch after batch."""
    if step.action == "read":
        yield Step("read", {"reader": step.arguments["reader"]})
        return
    while spec.committed < step.arguments["below"]:
        rows = (row for row in range(spec.length) if spec.start_of[row] == spec.committed)
        yield Step("commit", {"row": next(rows, spec.length)})  # where there is none, one that the spec refuses


def _of_epoch5(spec: Order5Epoch, step: Step) -> Iterator[Step]:
    """order5.epoch: what a scanner collects is private until it reserves for it."""
    given = step.arguments
    if step.action == "arrive":
        yield step
    elif step.action == "reserve":
        yield from [Step("collect", {"ring": given["ring"]})] * given["batches"]
        yield Step("reserve", {"ring": given["ring"]})
    elif step.action == "assign":
        yield Step("place", {"ring": given["ring"]})
        if spec.cursor[given["ring"]] == spec.collected_to[given["ring"]]:
            yield Step("finish", {"ring": given["ring"]})
    elif step.action == "publish":
        yield Step("publish", {"row": spec.row_of[given["ring"], given["index"]]})


def _of_epoch4(spec: Order4Epoch, step: Step) -> Iterator[Step]:
    """order4.epoch: what was read is collected when it is known what comes of it.

    A copy of a parked batch is dropped at once; the spec keeps it.
    """
    given = step.arguments
    if step.action in ("arrive", "reserve"):
        yield step
    elif step.action in ("park", "emit", "discard"):
        ring, index = given["ring"], given["index"]
        yield from [Step("collect", {"ring": ring})] * (index + 1 - spec.cursor[ring])
        if step.action == "emit":
            yield step
        elif step.action == "discard" and _is_counted(spec, ring, index):
            yield Step("drop", given)
    elif step.action == "assign":
        _check_place(spec, step)
        yield Step("place", {})
        if spec.placed == spec.planned:
            yield Step("finish", {})
    elif step.action == "publish":
        yield from _publish_row(spec, given["ring"], given["index"])


def _check_place(spec: Order4Epoch, step: Step) -> None:
    """Raise NotAccepted unless a batch is the plan's next, and its range begins where that of the one before ends."""
    given, place = step.arguments, (spec.plan_ring[spec.placed], spec.plan_index[spec.placed])
    expected = (*place, spec.base + spec.placed_total)
    if spec.placed < spec.planned and (given["ring"], given["index"], given["start"]) != expected:
        what = f"index {place[1]} of ring {place[0]} at {expected[2]}"
        raise NotAccepted(f"{spec.name} does not accept {step}: the plan's next is {what}")


def _is_counted(spec: Order4, ring: int, index: int) -> bool:
    """Say whether the batch in a slot is below what is expected of its client."""
    return bool(spec.slot_seq[ring, index] < spec.next_seq[spec.slot_client[ring, index]])


def _publish_row(spec: Order4, ring: int, index: int) -> Iterator[Step]:
    """Look for the row of a slot, which is among the last: it is published soon after it is ordered."""
    for row in range(spec.length - 1, -1, -1):
        if (spec.ring_of[row], spec.index_of[row]) == (ring, index):
            yield Step("publish", {"row": row})
            return


def _of_owner(spec: Order4Owner, step: Step) -> Iterator[Step]:
    """order4.owner: what happens to a batch in its owner's hands is private, up to its range."""
    given = step.arguments
    if step.action == "arrive":
        yield step
    elif step.action == "own":
        yield Step("assign", given)
    elif step.action in ("park", "assign", "discard", "publish"):
        ring, index = given["ring"], given["index"]
        for _ in range(spec.cursor[ring], index + 1):
            yield Step("hand_over", {"ring": ring})
        owner = spec.owner[spec.slot_client[ring, index]]
        yield from _in_hand(spec, step.action, owner, ring, index)


def _in_hand(spec: Order4Owner, action: str, owner: int, ring: int, index: int) -> Iterator[Step]:
    batch = {"owner": owner, "ring": ring, "index": index}
    if action == "publish":
        yield from _publish_row(spec, ring, index)
    elif action == "assign":
        yield Step("take_next", batch)
        yield Step("reserve", {"owner": owner})
        yield Step("advance", {"owner": owner})
    elif action == "discard" and _is_counted(spec, ring, index):
        yield Step("drop", batch)  # a copy of a parked batch is dropped at once; the spec keeps it
