"""What pages are made of: every script parses and is used, every template belongs to a picture."""

import subprocess
from pathlib import Path

import pytest
from recording import Require

from vizreport.reports import page
from vizreport.reports.registry import PICTURES, Picture

ASSETS = Path(page.__file__).parent.parent / "views" / "assets"
FORBIDDEN = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "fetch(")
SCRIPTS = sorted(path.name for path in ASSETS.glob("*.js"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_parses(name: str, require: Require) -> None:
    node = require("node", "nodejs")
    run = subprocess.run([node, "--check", ASSETS / name], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_every_script_is_in_the_page() -> None:
    assert sorted(page._EARLY_SCRIPTS + page._SCRIPTS) == SCRIPTS


def test_every_template_is_used() -> None:
    templates = {path.stem for path in ASSETS.glob("*.html")}
    assert templates == {"page", "parts", "head", *(picture.name for picture in PICTURES)}


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_every_picture_can_be_built(picture: Picture) -> None:
    assert callable(picture.build)


def test_no_script_evaluates_or_writes_markup() -> None:
    for name in SCRIPTS:
        text = (ASSETS / name).read_text()
        for word in FORBIDDEN:
            assert word not in text, f"{name}: {word}"
