"""Every page and picture that is written: names of users are text, and nothing is loaded, as the browser is told."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from browser import dumped
from experiment_frames import ASKED, figure, frame, trial

import fencepost
from fencepost.bench.decisions.profile import Profile, Stage
from fencepost.bench.decisions.stages_picture import write_picture
from fencepost.bench.kernels.counting import Kernels
from fencepost.bench.statistics.figures import Figure
from fencepost.experiments.figures import drawn
from fencepost.experiments.page import page as experiment_page
from fencepost.exploring.export import write_export
from fencepost.ledger import CLAIMS, Answer, ClaimsReport, Found, Row, write_page
from fencepost.model.explorer.search.exploration import explore
from fencepost.model.explorer.subjects import litmus_file
from fencepost.model.explorer.traces.run_trace import trace_of
from fencepost.model.litmus import parse_test
from fencepost.model.page_policy import NO_SCRIPT
from fencepost.model.simulation.quantities import Nanoseconds
from fencepost.simulating.plots import write_plots

EVIL = "<script>alert('x')</script>&amp;@POLICY@<img src=//a.example/x>"
FLAG = f"name {EVIL}\nH0: W d 1; FO d; SF; W f 1; FO f; SF\nH1: FL f; FL d; MF; R a f; R b d\nbad 1:a=1 & 1:b=0\n"
HISTORY = "client_id,batch_seq,broker_id,ring_index,message_count,start_position\n"


class Seen(HTMLParser):
    """What a browser makes of a page: its tags, the addresses that they name, and its text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags, self.addresses, self.handlers, self.text = list[str](), list[str](), list[str](), list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            self.handlers += [name] if name.startswith("on") else []
            self.addresses += [value or ""] if name in ("src", "href", "data", "action") else []

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def verified(folder: Path) -> Path:
    """Write the page of a history that is violated, by a client of that name; the file is called so too."""
    path = folder / f"{EVIL.replace('/', chr(8260))}.csv"
    rows = [(EVIL, 0, EVIL, 0, 1, 0), (EVIL, 2, EVIL, 1, 1, 1), (EVIL, 1, EVIL, 2, 1, 3), (EVIL, 1, EVIL, 3, 1, 4)]
    path.write_text(HISTORY + "".join(",".join(f'"{value}"' for value in row) + "\n" for row in rows))
    fencepost.verify(path, level=4, html=folder / "page.html")
    return folder / "page.html"


def explored(folder: Path) -> Path:
    write_export(trace_of(explore(litmus_file(parse_test(FLAG), "ncx"))), "html", folder / "page.html")
    return folder / "page.html"


def claimed(folder: Path) -> Path:
    """Write the ledger, of whose claims all that can be said by others is that name."""
    claim = replace(next(iter(CLAIMS.values())), title=EVIL, statement=EVIL, where=EVIL)
    found = {each.name: Found(words=EVIL) for each in claim.evidence}
    row = Row(claim, found, Answer.REFUTED, EVIL)
    write_page(ClaimsReport("claims", (), rows=(row,)), folder / "page.html")
    return folder / "page.html"


def experimented(folder: Path) -> Path:
    trials = [trial(EVIL, 1_000, verdict="violated", explanation=EVIL), trial(EVIL, 2_000, status="error")]
    shown = drawn(figure("detection-matrix", **ASKED["detection-matrix"], title=EVIL), frame(trials))
    verdicts = [{"sweep": EVIL, "engine": EVIL, "verdict": "violated", "bound": EVIL, "why": EVIL}]
    manifest = [{"fencepost": EVIL, EVIL: EVIL}]
    path = folder / "page.html"
    path.write_text(experiment_page(EVIL, EVIL, verdicts, trials, [shown], total=2, undrawn=[EVIL], manifest=manifest))
    return path


def profiled(folder: Path) -> Path:
    share = Figure("share", "1", 1.0, 1.0, 1.0, 1, samples=(1.0,))
    counted = Kernels((), "", EVIL, EVIL, hardware={})
    profile = Profile(EVIL, (Stage(EVIL, EVIL, share, share),), {}, counted, quick=True, hardware={})
    return write_picture(profile, folder)[0]


PAGES: dict[str, tuple[Callable[[Path], Path], int]] = {
    "verify": (verified, 0), "run": (explored, 1), "claims": (claimed, 0), "experiment": (experimented, 0),
    "bench profile": (profiled, 0),
}  # fmt: skip
"""The writers, and how many scripts their pages have of their own."""


@pytest.mark.parametrize("name", PAGES)
def test_what_users_call_things_is_text_on_every_page(name: str, tmp_path: Path) -> None:
    write, script_count = PAGES[name]
    text = write(tmp_path).read_text()
    seen = Seen()
    seen.feed(text)
    assert seen.tags.count("script") == script_count
    assert "a.example" in text
    assert not seen.handlers
    assert all(each.startswith(("#", "data:image/")) for each in seen.addresses), seen.addresses
    assert "<script>alert" in "".join(seen.text)
    policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', text)
    assert policy is not None
    assert policy.start() < text.index("<title>")
    assert "default-src 'none'" in policy[1]
    assert ("script-src 'sha256-" in policy[1]) == bool(script_count)
    assert script_count or policy[0] == NO_SCRIPT


def test_no_page_is_written_by_a_writer_that_is_not_asked_here() -> None:
    """A new writer of pages has to come into the list above."""
    root = Path(fencepost.__file__).parent
    roots = {path.resolve() for path in (root, root / "model", root / "native", root / "proofs")}
    files = {path for each in roots for path in each.rglob("*.*") if path.suffix in (".py", ".html")}
    writers = {path.name for path in files if re.search(r"<!doctype html", path.read_text(), re.IGNORECASE)}
    assert writers == {"page.py", "page.html", "report.py", "stages_picture.py"}


def test_the_pages_own_script_runs_under_its_policy_and_no_other(tmp_path: Path) -> None:
    page = explored(tmp_path)
    planted = page.read_text().replace("</body>", '<script>document.title = "planted"</script></body>')
    page.write_text(planted)
    dom = dumped(f"file://{page}#2", tmp_path)
    assert 'data-step="2"' in dom.split("<tbody>")[0]
    assert "<title>planted" not in dom


@pytest.mark.timeout(300)
def test_the_name_of_a_scenario_is_text_in_every_picture(tmp_path: Path) -> None:
    scenario = fencepost.Scenario(name=EVIL, duration=Nanoseconds.parse("0.5 ms"))
    pictures = [path for path in write_plots(fencepost.simulate(scenario), tmp_path) if path.suffix == ".svg"]
    assert pictures
    for path in pictures:
        root = ElementTree.parse(path).getroot()
        names = [str(each.tag).rpartition("}")[2] for each in root.iter()]
        assert not {"script", "foreignObject", "image", "a"} & set(names)
        said = "".join("".join(each.itertext()) for each in root.iter())
        assert "<script>alert('x')</script>" in said.replace("\n", "")
