"""One self-contained HTML file from sections: it loads nothing, and what stands in a trace can't become script.

A strict content security policy lets only the page's own scripts run, by their checksums. Data that scripts need is
gzipped and unpacked when its section comes near the window.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bokeh.embed import json_item
from bokeh.resources import Resources
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from vizreport.reports.section import Section
from vizreport.views.theme import describe_palettes

_SCRIPTS = (
    "navigation.js",
    "printing.js",
    "figures.js",
    "figurekeys.js",
    "calltree.js",
    "invertedtree.js",
    "metrics.js",
    "flamecolours.js",
    "functionview.js",
    "framedetails.js",
    "flamegraph.js",
    "treetable.js",
    "timeline.js",
    "layout.js",
    "heatmap.js",
)


@dataclass(frozen=True, slots=True)
class Page:
    """A page to be.

    Attributes:
        title: Of the window.
        metric: What call stacks are measured by at first.
        head: What the template head.html needs, or None: a page without a head.
        sections: In this order.
        data: What scripts of several sections need, by name; ready for JSON.
    """

    title: str
    metric: str
    head: Mapping[str, object] | None
    sections: Sequence[Section]
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PageKind:
    """What pages of a kind have in common besides the look.

    Attributes:
        assets: Where templates and scripts are, the first that has one counts.
        early_scripts: Those that come before the page's body.
        scripts: The others.
        styles: Style sheets.
        controls: Template of what stands in the bar at the top, or None.
        foot: What the page says at its end, after who made it.
        connect: What its scripts may talk to, in the words of a content security policy.
    """

    assets: tuple[Path, ...]
    early_scripts: tuple[str, ...]
    scripts: tuple[str, ...]
    styles: tuple[str, ...]
    controls: str | None
    foot: str
    connect: str


ASSETS = Path(__file__).parent.parent / "views" / "assets"
REPORT = PageKind(
    assets=(ASSETS,),
    early_scripts=("core.js", "theme.js"),
    scripts=_SCRIPTS,
    styles=("page.css",),
    controls=None,
    foot="This page is complete: it needs no network and sends nothing.",
    connect="'none'",
)


def write_page(page: Page, kind: PageKind = REPORT) -> str:
    """Returns the page as HTML."""
    early, late = _read_assets(kind, kind.early_scripts), _read_assets(kind, kind.scripts)
    bokeh = _read_bokeh()
    data = {name: _pack(content) for name, content in page.data.items()}
    for section in page.sections:
        data |= {name: _pack(content) for name, content in section.data.items()}
        data |= {name: _pack(json_item(model)) for name, model in section.figures.items()}
    render = _make_environment(kind.assets)
    bodies = [
        {
            "name": section.name,
            "title": section.title,
            "help": section.help,
            "lead": section.lead,
            "body": Markup(render.get_template(f"{section.name}.html").render(section.values)),
        }
        for section in page.sections
    ]
    head = "" if page.head is None else Markup(render.get_template("head.html").render(page.head))
    return render.get_template("page.html").render(
        title=page.title,
        metric=page.metric,
        version=version("vizzy"),
        policy=write_policy(kind.connect, early, bokeh, late),
        style=Markup(_read_assets(kind, kind.styles)),
        early_script=Markup(early),
        bokeh_script=Markup(bokeh),
        page_script=Markup(late),
        head=head,
        controls="" if kind.controls is None else Markup(render.get_template(kind.controls).render()),
        foot=kind.foot,
        sections=bodies,
        data=data,
        palettes=Markup(json.dumps(describe_palettes())),
    )


def _read_asset(kind: PageKind, name: str) -> str:
    found = next(folder / name for folder in kind.assets if (folder / name).exists())
    return found.read_text(encoding="utf-8")


def _read_assets(kind: PageKind, names: Sequence[str]) -> str:
    return "\n".join(_read_asset(kind, name) for name in names)


@cache
def _read_bokeh() -> str:
    """Returns BokehJS without the parts for widgets, tables and WebGL, which no page uses."""
    return str(Resources(mode="inline", components=["bokeh"]).js_raw[0])


def write_policy(connect: str, *scripts: str) -> str:
    """Returns a policy under which only these scripts run, and talk to nothing else than is said."""
    sums = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{checksum}'" for checksum in sums)
    rules = {
        "default-src": "'none'",
        "script-src": allowed,
        "connect-src": connect,
        "style-src": "'unsafe-inline'",
        "img-src": "data: blob:",
        "font-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{rule} {value}" for rule, value in rules.items())


def _pack(content: Any) -> str:
    """Returns data as the page carries it. Base64 holds nothing that HTML could take for markup."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False).encode()
    return base64.b64encode(gzip.compress(text, 6, mtime=0)).decode()


@cache
def _make_environment(assets: tuple[Path, ...]) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(assets),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["explain"] = environment.get_template("parts.html").module.explain  # type: ignore[attr-defined]
    return environment
