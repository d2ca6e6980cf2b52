"""A section of a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bokeh.models import LayoutDOM


@dataclass(frozen=True, slots=True)
class Section:
    """One picture with its title and words.

    Attributes:
        name: Its id in the page, and the name of its template in views/assets.
        title: Short: it stands in the bar at the top too.
        help: What the picture shows and how to read it.
        lead: A line below the title, or nothing.
        values: What the template needs.
        figures: Bokeh models, by the id of the element that they go to.
        data: What the section's script needs, by name; ready for JSON.
    """

    name: str
    title: str
    help: str
    lead: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    figures: Mapping[str, LayoutDOM] = field(default_factory=dict)
    data: Mapping[str, object] = field(default_factory=dict)
