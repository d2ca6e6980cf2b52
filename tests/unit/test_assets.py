"""What pages are made of: every script parses and is used, every template belongs to a picture."""

import subprocess
from pathlib import Path

import pytest
from recording import Require

from vizreport.live.page import LIVE, LIVE_ASSETS
from vizreport.reports import page
from vizreport.reports.registry import PICTURES, Picture

ASSETS = page.ASSETS
FORBIDDEN = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function")
SCRIPTS = sorted(ASSETS.glob("*.js"))
LIVE_SCRIPTS = sorted(LIVE_ASSETS.glob("*.js"))
ALL_SCRIPTS = pytest.mark.parametrize("path", SCRIPTS + LIVE_SCRIPTS, ids=lambda path: path.name)


@ALL_SCRIPTS
def test_script_parses(path: Path, require: Require) -> None:
    node = require("node", "nodejs")
    run = subprocess.run([node, "--check", path], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_every_script_is_in_its_page() -> None:
    report, live = ({*kind.early_scripts, *kind.scripts} for kind in (page.REPORT, LIVE))
    assert report == {path.name for path in SCRIPTS}
    assert live - report == {path.name for path in LIVE_SCRIPTS}


def test_every_template_is_used() -> None:
    templates = {path.stem for path in ASSETS.glob("*.html")}
    assert templates == {"page", "parts", "head", *(picture.name for picture in PICTURES)}


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_every_picture_can_be_built(picture: Picture) -> None:
    assert callable(picture.build)


@ALL_SCRIPTS
def test_no_script_evaluates_or_writes_markup(path: Path) -> None:
    text = path.read_text()
    for word in FORBIDDEN:
        assert word not in text, word


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_of_a_report_asks_for_anything(path: Path) -> None:
    assert "fetch(" not in path.read_text()
