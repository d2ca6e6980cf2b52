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
from dataclasses import dataclass
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

_ASSETS = Path(__file__).parent.parent / "views" / "assets"
_EARLY_SCRIPTS = ("core.js", "theme.js")
_SCRIPTS = (
    "navigation.js",
    "figures.js",
    "calltree.js",
    "metrics.js",
    "flamecolours.js",
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
    data: Mapping[str, object]


def write_page(page: Page) -> str:
    """Returns the page as HTML."""
    early, late = _read_scripts(_EARLY_SCRIPTS), _read_scripts(_SCRIPTS)
    bokeh = _read_bokeh()
    data = {name: _pack(content) for name, content in page.data.items()}
    for section in page.sections:
        data |= {name: _pack(content) for name, content in section.data.items()}
        data |= {name: _pack(json_item(model)) for name, model in section.figures.items()}
    render = _make_environment()
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
        policy=_write_policy(early, bokeh, late),
        style=Markup(_read_asset("page.css")),
        early_script=Markup(early),
        bokeh_script=Markup(bokeh),
        page_script=Markup(late),
        head=head,
        sections=bodies,
        data=data,
        palettes=Markup(json.dumps(describe_palettes())),
    )


def _read_asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _read_scripts(names: Sequence[str]) -> str:
    return "\n".join(_read_asset(name) for name in names)


@cache
def _read_bokeh() -> str:
    """Returns BokehJS without the parts for widgets, tables and WebGL, which no page uses."""
    return str(Resources(mode="inline", components=["bokeh"]).js_raw[0])


def _write_policy(*scripts: str) -> str:
    """Returns a policy under which only these scripts run and nothing is loaded."""
    sums = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{checksum}'" for checksum in sums)
    rules = {
        "default-src": "'none'",
        "script-src": allowed,
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
def _make_environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["explain"] = environment.get_template("parts.html").module.explain  # type: ignore[attr-defined]
    return environment
