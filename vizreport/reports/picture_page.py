"""A page of pictures about one process image: what `vizreport plot` and `vizreport report` write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from vizreport.analysis.findings import find_findings
from vizreport.analysis.thread_matrix import label_threads
from vizreport.names import quote
from vizreport.reports.finding_text import FindingText, describe_finding
from vizreport.reports.head import list_facts, list_notices, make_cards, make_title
from vizreport.reports.page import Page
from vizreport.reports.picture_results import NOTHING, Need, PictureResults
from vizreport.reports.process_text import describe_command
from vizreport.reports.registry import Picture
from vizreport.reports.tree_data import make_tree_data
from vizreport.views.calltree import find_ends


def find_needs(pictures: Sequence[Picture], *, at_moment: bool = False) -> Need:
    """Returns what must be collected for these pictures.

    Args:
        pictures: Of the page. A range of time can be chosen where there is its picture.
        at_moment: The heap's layout is that of a moment which somebody asked for.
    """
    needs = Need.MOMENT if at_moment else NOTHING
    if any(picture.trees for picture in pictures):
        needs |= Need.TREE
    if any(picture.second_pass and not (at_moment and picture.name == "layout") for picture in pictures):
        needs |= Need.SECOND_PASS
    if Need.TREE in needs and any(picture.name == "timeline" for picture in pictures):
        needs |= Need.SECOND_PASS
    return needs


def make_page(
    results: PictureResults,
    pictures: Sequence[Picture],
    *,
    title: str | None = None,
    note: str | None = None,
    metric: str | None = None,
) -> Page:
    """Makes a page.

    Args:
        results: With what find_needs says of the pictures.
        pictures: In this order.
        title: Instead of the command.
        note: Text of whoever made the page.
        metric: What the flame graph and the call tree show at first.
    """
    sections = [picture.build(results) for picture in pictures]
    names = {section.name for section in sections}
    own_title = make_title(results.image)
    head = {
        "title": title or own_title,
        "command": describe_command(results.image),
        "facts": list_facts(results),
        "note": note or "",
        "notices": list_notices(results),
        "cards": [asdict(card) | {"link": card.link if card.link in names else "main"} for card in make_cards(results)],
        "findings": [asdict(finding) for finding in _find(results) if finding.link in names],
    }
    data = {} if results.tree is None else {"calltree": make_tree_data(results, results.tree)}
    return Page(title=f"{title or own_title} - vizzy", metric=metric or "peak", head=head, sections=sections, data=data)


def _find(results: PictureResults) -> list[FindingText]:
    """Returns what there is to say, where the pictures tell enough."""
    if results.tree is None or results.pictures is None:
        return []
    tree = results.tree
    threads = {index: quote(label) for index, label in label_threads(results.image.threads).items()}
    findings = find_findings(results.replayed, tree, results.pictures, find_ends(tree))
    return [describe_finding(finding, tree, threads) for finding in findings]
