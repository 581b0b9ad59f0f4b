"""Which steps of its spec a step of a program stands for.

Mostly it is one, of the same name. Where a spec says more than the programs do (who owns a client, when a batch passes
into its owner's hands), what it says in between is put in front of the step that needs it.
"""

from collections.abc import Iterator

from fencepost.model.language import Protocol
from fencepost.model.specs.order4_owner import Order4Owner
from fencepost.model.specs.order5_epoch import Order5Epoch
from fencepost.model.trace import Step


def spec_steps(spec: Protocol, step: Step) -> Iterator[Step]:
    """Yield the steps of the spec; each is to be taken before the next one is asked for."""
    if isinstance(spec, Order4Owner):
        yield from _of_owner(spec, step)
    elif isinstance(spec, Order5Epoch):
        yield from _of_epoch5(spec, step)
    elif step.action in spec.actions:
        yield step


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


def _of_owner(spec: Order4Owner, step: Step) -> Iterator[Step]:
    """order4.owner: what happens to a batch in its owner's hands is private, up to its range."""
    given = step.arguments
    if step.action == "arrive":
        yield step
    elif step.action == "own":
        yield Step("assign", given)
    elif step.action in ("assign", "discard", "publish"):
        ring, index = given["ring"], given["index"]
        for _ in range(spec.cursor[ring], index + 1):
            yield Step("hand_over", {"ring": ring})
        owner = spec.owner[spec.slot_client[ring, index]]
        yield from _in_hand(spec, step.action, owner, ring, index)


def _in_hand(spec: Order4Owner, action: str, owner: int, ring: int, index: int) -> Iterator[Step]:
    batch = {"owner": owner, "ring": ring, "index": index}
    if action == "publish":
        yield Step("publish", {"ring": owner})
    elif action == "assign":
        yield Step("take_next", batch)
        yield Step("reserve", {"owner": owner})
        yield Step("advance", {"owner": owner})
    elif spec.slot_seq[ring, index] < spec.next_seq[spec.slot_client[ring, index]]:
        yield Step("drop", batch)  # a copy of a parked batch is dropped at once; the spec keeps it
