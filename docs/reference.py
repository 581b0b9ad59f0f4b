"""The reference pages of the site, made from the code when the site is built; none of them is a file.

MkDocs calls `on_config` and `on_files`, as mkdocs.yml names this file under `hooks`; `pages()` needs no MkDocs.
"""

from __future__ import annotations

import ast
import inspect
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from textwrap import indent
from typing import Any, get_args

import click

import fencepost
from fencepost.bench.paths import PATHS
from fencepost.command_line import COMMANDS
from fencepost.model.contract import CONTRACT, Verdict
from fencepost.model.histories import History, Workload
from fencepost.model.memory.ordering import MATRICES
from fencepost.model.memory.profiles import ASSUMPTIONS, PROFILES
from fencepost.model.museum import BUGS
from fencepost.model.programs.corpus import CORPUS
from fencepost.model.report import ENGINES, Finding, Report
from fencepost.model.simulation import machine_costs, scenario
from fencepost.model.simulation.machine_costs import SOURCES
from fencepost.model.specs import REFUTED
from fencepost.native.measuring import FLOOR_METRICS

PACKAGE = Path(fencepost.__file__).parent
DOCS = Path(__file__).parent
TESTS = DOCS.parent / "tests"
WIDTH = 80
ALIGNED = re.compile(r"\S.* {2,}\S")


def cell(value: object) -> str:
    """Return a value as a cell of a table; what Markdown would take for its own is escaped."""
    return re.sub(r"([|<>*\\_\[\]])", r"\\\1", " ".join(str(value).split()))


def code(value: object) -> str:
    """Return a value as code in a cell; a code span knows no escapes, so a bar becomes its entity."""
    text = str(value).replace("|", "&#124;")
    return f"<code>{text.replace('<', '&lt;')}</code>" if "&#124;" in text else f"`{text}`"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table of Markdown."""
    columns = list(head)
    lines = [columns, ["---"] * len(columns), *(list(row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def docstring(value: Any) -> str:
    """Return a docstring as Markdown: what is indented, or aligned in columns, becomes code."""
    paragraphs = inspect.cleandoc(value.__doc__ or "").split("\n\n")
    return "\n\n".join(indent(each, "    ") if ALIGNED.match(each) else each for each in paragraphs)


def _contract() -> str:
    promises = ([code(each.name), ", ".join(map(str, each.levels)), cell(each.promise)] for each in CONTRACT)
    comments = dict(re.findall(r"^    [A-Z_]+ = \"(.+?)\"  # (.+)$", inspect.getsource(Verdict), re.MULTILINE))
    verdicts = ([code(each), "yes" if each.passes else "no", cell(comments[each])] for each in Verdict)
    return (
        "# Contract\n\n## Promises\n\n"
        + table(("promise", "levels", "says"), promises)
        + "\n## Verdicts\n\n"
        + table(("verdict", "is a pass", "says"), verdicts)
        + f"\n## Engines\n\n{', '.join(map(code, ENGINES))}\n"
    )


def _help(command: click.Command, name: str, depth: int) -> Iterator[str]:
    context = click.Context(command, info_name=name, max_content_width=WIDTH, terminal_width=WIDTH)
    yield f"{'#' * depth} {name}\n\n```text\n{command.get_help(context)}\n```\n"
    for each in getattr(command, "commands", {}).values():
        yield from _help(each, f"{name} {each.name}", depth + 1)


def _command(command: click.Command) -> Callable[[], str]:
    return lambda: "\n".join(_help(command, f"fencepost {command.name}", 1))


def _signature(value: Any) -> str:
    """Return the parameters of a callable, a line each where they are many; annotations are texts already."""
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return ""
    parameters = [re.sub(r": '(.*?)'( = |$)", r": \1\2", str(each)) for each in signature.parameters.values()]
    kinds = [each.kind for each in signature.parameters.values()]
    if inspect.Parameter.KEYWORD_ONLY in kinds and inspect.Parameter.VAR_POSITIONAL not in kinds:
        parameters.insert(kinds.index(inspect.Parameter.KEYWORD_ONLY), "*")
    returned = str(signature.return_annotation).strip("'")
    arrow = "" if returned == "None" or inspect.isclass(value) else f" -> {returned}"
    joined = ", ".join(parameters)
    text = f"({joined}){arrow}" if len(joined) < WIDTH else "(\n    " + ",\n    ".join(parameters) + f",\n){arrow}"
    return re.sub(r"<(\w+\.\w+): .*?>", r"\1", re.sub(r"<function .*? at 0x\w+>|<factory>", "...", text))


def _python() -> str:
    parts = ["# Python\n\n```python\nimport fencepost\n```\n"]
    for name in sorted(fencepost.__all__, key=str.lower):
        value = getattr(fencepost, name)
        parts.append(f"## {name}\n")
        if inspect.isclass(value) or inspect.isfunction(value):
            parts += [f"```python\nfencepost.{name}{_signature(value)}\n```\n", f"{docstring(value)}\n"]
            parts += _members(value) if inspect.isclass(value) else []
        elif inspect.ismodule(value):
            parts.append(f"{docstring(value)}\n")
        else:
            parts.append(f"`{type(value).__name__}` of {', '.join(map(code, get_args(value) or value))}.\n")
    return "\n".join(parts)


def _members(kind: type) -> list[str]:
    """Return the public methods and properties that a class defines itself and says something of."""
    rows = [
        [code(name), cell(docstring(member).splitlines()[0])]
        for name, member in vars(kind).items()
        if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property | classmethod))
        if docstring(member)
    ]
    return [table(("member", "says"), rows)] if rows else []


def _json() -> str:
    finding = Finding("order4.claim", "unique", "z3", Verdict.PROVED, "any size", 0.1)
    keys = (
        [code(name), code(type(value).__name__) if value is not None else "text or null"]
        for name, value in finding.to_dict().items()
    )
    document = Report("check", (finding,), seed=0).to_dict() | {"manifest": "..."}
    return (
        "# JSON documents\n\nEvery command with `--json` prints one document: `schema` names the command and the "
        "version of its form. Integers above 2^53 are texts. A command's own keys stand beside these.\n\n"
        + table(("key of a result", "holds"), keys)
        + f"\n{docstring(Finding)}\n\n```json\n{json.dumps(document, indent=2)}\n```\n\n"
        + f"`manifest` has: {', '.join(map(code, Report('check', ()).to_dict()['manifest']))}.\n"
    )


def commented_fields(module: Any) -> Iterator[tuple[str, str, list[list[str]]]]:
    """Yield each class of a module with its docstring and its fields: name, type, default and trailing comment."""
    lines = inspect.getsource(module).splitlines()
    for node in ast.parse("\n".join(lines)).body:
        if isinstance(node, ast.ClassDef):
            fields = [
                [code(ast.unparse(each.target)), code(ast.unparse(each.annotation)),
                 code(ast.unparse(each.value)) if each.value else "needed",
                 cell(lines[(each.end_lineno or 1) - 1].partition("  # ")[2])]
                for each in node.body if isinstance(each, ast.AnnAssign)
            ]  # fmt: skip
            if fields:
                yield node.name, ast.get_docstring(node) or "", fields


def _scenario() -> str:
    parts = ["# Scenario keys\n\nA TOML file for `fencepost simulate`: the keys of `Scenario` stand on top of it.\n"]
    for name, says, fields in commented_fields(scenario):
        parts.append(f"## {name}\n\n{says}\n\n{table(('key', 'type', 'default', 'says'), fields)}")
    for name, says, fields in commented_fields(machine_costs):
        rows = ([*row[:3], cell(SOURCES.get(row[0].strip("`"), row[3]))] for row in fields)
        parts.append(f"## {name}\n\n{says}\n\n{table(('key', 'type', 'default', 'source'), rows)}")
    return "\n".join(parts)


def _memory() -> str:
    profiles = ([code(each.name), cell(each.purpose), ", ".join(each.assumptions)] for each in PROFILES.values())
    assumptions = ([name, cell(says)] for name, says in ASSUMPTIONS.items())
    matrices = ([code(each.name), cell(each.source), *map(code, each.rows)] for each in MATRICES.values())
    return (
        "# Memory profiles\n\n"
        + table(("profile", "memory", "rests on"), profiles)
        + "\n## Assumptions about hardware\n\n"
        + table(("name", "says"), assumptions)
        + "\n## Ordering matrices\n\nA row an older instruction, a letter a younger one (W, FL, FO, WB, SF, NT): "
        "`A` waits, `L` waits on the same line, `w` on the same word, `-` may overtake.\n\n"
        + table(("matrix", "source", "W", "FL", "FO", "WB", "SF", "NT"), matrices)
    )


def _formats() -> str:
    parts = ["# File formats\n\nCSV, NDJSON (`.ndjson`, `.jsonl`), each also `.gz`, `.zst` or `.bz2`, and Parquet.\n"]
    for kind in (Workload, History):
        rows = ([code(name), "no" if name in kind.OPTIONAL else "yes"] for name in kind.COLUMNS)
        parts.append(f"## {kind.__name__}\n\n{docstring(kind)}\n\n{table(('column', 'needed'), rows)}")
    return "\n".join(parts)


def _metrics() -> str:
    floor = ([code(each.name), cell(each.unit), str(each.threads), cell(each.what)] for each in FLOOR_METRICS.values())
    paths = ([code(each.name), cell(each.what), cell(f"{each.reach} {each.bound}") if each.bound is not None else "-"]
             for each in PATHS.values())  # fmt: skip
    return (
        "# Metrics\n\n## `fencepost bench floor`\n\n"
        + table(("metric", "unit", "threads", "measures"), floor)
        + "\n## `fencepost bench`\n\n"
        + table(("path", "measures", "bound"), paths)
    )


def _designs() -> str:
    protocols = ([code(name), cell(docstring(each).splitlines()[0]), ", ".join(map(code, REFUTED.get(each, ("-",))))]
                 for name, each in fencepost.PROTOCOLS.items())  # fmt: skip
    corpus = ([code(each.name), cell(each.needed_by)] for each in CORPUS.values())
    bugs = ([code(each.name), cell(each.deviation)] for each in BUGS.values())
    return (
        "# Sequencers, scenarios, bugs\n\n## Protocols\n\n"
        + table(("name", "does", "refuted"), protocols)
        + "\n## Scenarios of the corpus\n\n"
        + table(("name", "needed by"), corpus)
        + "\n## Bugs of the museum\n\n"
        + table(("name", "place changed"), bugs)
    )


def _modules() -> str:
    parts = ["# Modules\n"]
    for folder, _, names in sorted(os.walk(PACKAGE, followlinks=True)):
        where = Path(folder).relative_to(PACKAGE)
        if where.parts[:1] == ("examples",):
            continue
        says = {name: ast.get_docstring(ast.parse((Path(folder) / name).read_text())) or ""
                for name in sorted(names) if name.endswith(".py") and name != "__main__.py"}  # fmt: skip
        room = says.pop("__init__.py", "").split("\n\n")[0]
        rows = ([code(name), cell(each.split("\n\n")[0])] for name, each in says.items() if each)
        if any(says.values()):
            name = where.as_posix().lstrip(".") or "fencepost"
            parts.append(f"## {name}\n\n{room}\n\n{table(('file', 'holds'), rows)}")
    return "\n".join(parts)


def _tests() -> str:
    """Of each promise: the bugs that break it, and the tests that name it."""
    naming: dict[str, list[str]] = {}
    for path in sorted(TESTS.glob("test_*.py")):
        text = path.read_text()
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                inside = {each.value for each in ast.walk(node) if isinstance(each, ast.Constant)}
                for promise in CONTRACT:
                    if promise.name in inside:
                        naming.setdefault(promise.name, []).append(f"{path.name}: {node.name.removeprefix('test_')}")
    rows = (
        [code(each.name), ", ".join(code(bug.name) for bug in BUGS.values() if bug.breaks == each.name) or "-",
         "<br>".join(map(cell, naming.get(each.name, ["-"])))]
        for each in CONTRACT
    )  # fmt: skip
    return "# Promises and tests\n\n" + table(
        ("promise", "bugs of the museum that break it", "tests that name it"), rows
    )


PAGES: dict[str, Callable[[], str]] = {
    "contract": _contract,
    "python": _python,
    "json": _json,
    "scenario": _scenario,
    "memory": _memory,
    "formats": _formats,
    "metrics": _metrics,
    "designs": _designs,
    "modules": _modules,
    "tests": _tests,
    **{f"commands/{each.name}": _command(each) for each in COMMANDS},
}


def pages() -> dict[str, str]:
    """Return every reference page by its path below docs/."""
    return {f"reference/{name}.md": page() for name, page in PAGES.items()}


def _placed(nav: Any) -> Iterator[str]:
    """Yield the pages of a navigation."""
    for each in nav.values() if isinstance(nav, dict) else nav:
        yield from (each,) if isinstance(each, str) else _placed(each)


def on_config(config: Any) -> Any:
    """Put pages without a place and the reference at the end of the navigation, a page for each command in it."""
    placed = set(_placed(config["nav"]))
    config["nav"] += [each.name for each in sorted(DOCS.glob("*.md")) if each.name not in placed]
    plain = [f"reference/{name}.md" for name in PAGES if not name.startswith("commands/")]
    commands = [f"reference/{name}.md" for name in PAGES if name.startswith("commands/")]
    config["nav"].append({"Reference": [{"Commands": commands}, *plain]})
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the reference pages to the site."""
    from mkdocs.structure.files import File

    for path, text in pages().items():
        files.append(File.generated(config, path, content=text))
    return files


SHIM, OWN_SHIM = "https://unpkg.com/iframe-worker/shim", "assets/worker.js"
"""The script that lets the search work from a file system: from the site itself, not from the network."""


def on_post_page(output: str, page: Any, config: Any) -> str:
    """Return a page that asks for nothing from the network."""
    return output.replace(SHIM, "../" * page.url.count("/") + OWN_SHIM)


def on_post_template(output: str, template_name: str, config: Any) -> str:
    """Return the page for what is not found likewise."""
    return output.replace(SHIM, f"/{OWN_SHIM}")
