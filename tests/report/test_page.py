import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from sweeper.report import ReportData, render_report, write_report


class Page(HTMLParser):
    """What a browser would see: elements, and the text outside scripts and styles in its order."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.words, self.scripts, self._in = [], [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._in = (tag, dict(attrs).get("id"))
            self.scripts.append([self._in, ""])

    def handle_endtag(self, tag):
        if tag in ("script", "style"):
            self._in = None

    def handle_data(self, data):
        if self._in:
            self.scripts[-1][1] += data
        elif data.strip():
            self.words.append(data.strip())

    @property
    def figures(self):
        return json.loads(next(text for key, text in self.scripts if key == ("script", "figures")))

    def ids(self, tag):
        return [attrs["id"] for name, attrs in self.elements if name == tag and "id" in attrs]


@pytest.fixture
def page(data):
    return Page(render_report(data))


def test_the_answer_comes_first(page):
    assert page.ids("section")[0] == "answer"
    words = [w for w in page.words if w != "quick<start>"]
    assert words[0] == "Mix 38 % code & train full weights."


def test_all_sections_stand_in_the_order_of_interest(page):
    assert page.ids("section") == [
        "answer",
        "failures",
        "predicted",
        "ratio",
        "tokens",
        "methods",
        "search",
        "laws",
        "mixture",
        "trials",
        "about",
    ]


def test_what_is_empty_is_left_out():
    page = Page(render_report(ReportData("empty")))
    assert page.ids("section") == ["answer"]
    assert page.words == ["empty", "empty"]


def test_reasons_not_to_trust_stand_within_the_answer(data):
    reason = "The laws were asked about <four> times the measured tokens."
    text = render_report(replace(data, warnings=(reason,)))
    page = Page(text)
    assert page.words.index("Do not trust this yet") < page.words.index("learning rate")
    assert reason in page.words
    assert ("div", {"class": "trust bad", "role": "alert"}) in page.elements


def test_without_reasons_the_page_says_that_none_was_found(page):
    assert "The checks found no reason to distrust this answer." in page.words
    assert "Do not trust this yet" not in page.words


def test_plotly_is_embedded_once_and_nothing_is_loaded(page):
    bundles = [text for _, text in page.scripts if "plotly.js v" in text[:200]]
    assert len(bundles) == 1
    loading = [attrs for _, attrs in page.elements if "src" in attrs or "href" in attrs]
    assert loading == []
    own = "".join(text for key, text in page.scripts if key != ("script", "plotly"))
    assert not re.search(r"https?://|@import", own)


def test_text_from_users_is_never_markup(page):
    assert "</script><script>alert(1)</script>" in page.words
    assert [key for key, _ in page.scripts] == [
        ("style", None),
        ("script", "figures"),
        ("script", "plotly"),
        ("script", None),
    ]
    assert "<b>panel</b>" in page.words
    assert "<" not in next(text for key, text in page.scripts if key == ("script", "figures"))
    # plotly reads some HTML in labels.
    assert page.figures[0]["layout"]["annotations"][0]["text"] == "constraint &lt;i&gt;"


def test_each_plot_has_its_figure(page):
    places = [int(attrs["data-figure"]) for _, attrs in page.elements if attrs.get("class") == "plot"]
    assert places == list(range(len(page.figures))) == [0, 1, 2, 3]


def test_losses_that_are_not_numbers_are_gaps(page):
    points = next(t for t in page.figures[0]["data"] if t["mode"] == "markers")
    assert points["y"] == [3.05, None]


def test_writing_replaces_the_page_at_once(tmp_path, data):
    path = tmp_path / "deep" / "report.html"
    write_report(path, data)
    write_report(path, replace(data, title="second"))
    assert "<title>second</title>" in path.read_text(encoding="utf-8")
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]
