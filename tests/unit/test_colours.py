"""Colours of pages: text can be read on them, and colour-blind eyes can tell apart what they tell apart.

Contrast is that of WCAG 2.2. Colour-blind eyes are simulated as in Machado, Oliveira, Fernandes: A
Physiologically-based Model for Simulation of Color Vision Deficiency (2009), of the severest kind; distances: CIE 1976.
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from vizreport.reports.page import ASSETS
from vizreport.views.theme import COLOURS, PALETTE, SCALE

AA_TEXT, AA_GRAPHIC = 4.5, 3.0
LEAST_DISTANCE = 11.0
THEMES = ("light", "dark")
SHADES = (0.93, 1.07)  # of boxes of one module in the flame graph
EYES = {
    "all": np.eye(3),
    "no red": np.array([[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0520]]),
    "no green": np.array([[0.3673, 0.8606, -0.2280], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]]),
    "no blue": np.array([[1.2555, -0.0767, -0.1788], [-0.0784, 0.9308, 0.1476], [0.0047, 0.6914, 0.3039]]),
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = np.array([0.9505, 1.0, 1.089])


def linear(colour: str, shade: float = 1.0) -> NDArray[np.float64]:
    """Returns red, green and blue of #rrggbb as amounts of light."""
    parts = np.clip(np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) * shade / 255, 0, 1)
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def contrast(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    less, more = sorted((float(XYZ[1] @ one), float(XYZ[1] @ other)))
    return (more + 0.05) / (less + 0.05)


def find_nearest(colours: list[str], eyes: NDArray[np.float64]) -> float:
    """Returns the least distance between two of the colours, as these eyes see them."""
    seen = []
    for colour in colours:
        x = XYZ @ np.clip(eyes @ linear(colour), 0, 1) / WHITE
        f = np.where(x > 0.008856, np.cbrt(x), 7.787 * x + 16 / 116)
        seen.append(np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])]))
    return min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(seen, 2))


def read_roles(dark: bool) -> dict[str, str]:
    """Returns the colours of the style sheet."""
    text = (ASSETS / "page.css").read_text()
    blocks = re.findall(r":root[^{]*\{([^}]*)\}", text)
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", blocks[1 if dark else 0]))


def read_flame_colours(dark: bool) -> tuple[list[str], str, str]:
    """Returns the flame graph's colours, that of modules without one, and that of its text."""
    text = (Path(ASSETS) / "flamecolours.js").read_text()
    palette = re.search(rf"const {'DARK' if dark else 'LIGHT'} = \[(.*)\];", text)
    pairs = {name: (a, b) for name, a, b in re.findall(r'(plain|ink)(?: =|:) dark \? "(.*?)" : "(.*?)"', text)}
    assert palette is not None
    at = 0 if dark else 1
    return re.findall("#[0-9a-f]{6}", palette[1]), pairs["plain"][at], pairs["ink"][at]


@pytest.mark.parametrize("theme", THEMES)
def test_text_can_be_read(theme: str) -> None:
    roles = read_roles(theme == "dark")
    pairs = [
        ("ink", "page"),
        ("accent", "page"),
        ("accent", "accent-soft"),
        ("warn", "warn-soft"),
        ("good", "good-soft"),
    ]
    pairs += [(text, ground) for text in ("ink", "muted", "accent", "mark") for ground in ("surface", "sunken")]
    for text, ground in [*pairs, ("muted", "page"), ("second", "surface")]:
        assert contrast(linear(roles[text]), linear(roles[ground])) >= AA_TEXT, (text, ground)


@pytest.mark.parametrize("theme", THEMES)
def test_text_in_boxes_can_be_read(theme: str) -> None:
    palette, plain, ink = read_flame_colours(theme == "dark")
    for box in (*palette, plain):
        for shade in SHADES:
            assert contrast(linear(box, shade), linear(ink)) >= AA_TEXT, box
    mark = re.search(r'mark: "(.*?)",\s+markInk: "(.*?)"', (ASSETS / "flamecolours.js").read_text())
    assert mark is not None
    assert contrast(linear(mark[1]), linear(mark[2])) >= AA_TEXT


@pytest.mark.parametrize("theme", THEMES)
def test_lines_can_be_seen(theme: str) -> None:
    dark = theme == "dark"
    for role in ("main", "second", "third", "mark"):
        assert contrast(linear(PALETTE[role][dark]), linear(read_roles(dark)["surface"])) >= AA_GRAPHIC, role


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("eyes", EYES)
def test_colours_differ_for_all_eyes(theme: str, eyes: str) -> None:
    dark = theme == "dark"
    greys = [PALETTE["quiet"][dark], PALETTE["hole"][dark]]
    assert find_nearest([pair[dark] for pair in COLOURS] + greys, EYES[eyes]) >= LEAST_DISTANCE
    palette, plain, _ = read_flame_colours(dark)
    assert find_nearest([*palette, plain], EYES[eyes]) >= LEAST_DISTANCE
    lines = [PALETTE[role][dark] for role in ("main", "second", "third", "mark")]
    assert find_nearest(lines, EYES[eyes]) >= 0.7 * LEAST_DISTANCE  # they have labels, and dashes, too


@pytest.mark.parametrize("theme", THEMES)
def test_a_scale_only_gets_lighter_or_darker(theme: str) -> None:
    light = [float(XYZ[1] @ linear(pair[theme == "dark"])) for pair in SCALE]
    assert light == sorted(light, reverse=theme == "light")
