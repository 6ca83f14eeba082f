"""Pages as Chromium draws them: legible on a phone and in the dark, silent on the network, unmoved by hostile words."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from otel_voice_processor.cli import main

from tests.browser.conftest import Look, Looked
from tests.processor.conftest import Timeline
from tests.processor.recorded import told, write

pytestmark = pytest.mark.browser

WIDTHS, SCHEMES = (360, 1280), ("light", "dark")

# Every text whose own box is cut off, or that lies outside the window; text in a box that scrolls by itself is neither.
CUT = """() => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, parent = node.parentElement;
    if (!node.data.trim() || ['STYLE', 'SCRIPT', 'title', 'desc'].includes(parent.tagName)) continue;
    if (parent.closest('.scroll') || !parent.checkVisibility()) continue;
    if (getComputedStyle(parent.closest('thead') || parent).clipPath !== 'none') continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects())
      if (box.left < -0.5 || box.right > innerWidth + 0.5) found.push(node.data.trim().slice(0, 60));
  }
  return found;
}"""

# Every text that is squeezed into a column of letters.
SQUEEZED = """() => [...document.querySelectorAll('main *')]
  .filter((each) => !each.closest('svg, .scroll, thead') && each.checkVisibility() && getComputedStyle(each).display !== 'inline')
  .filter((each) => ((box) => box.width < 60 && box.height > 120)(each.getBoundingClientRect()))
  .map((each) => each.textContent.trim().slice(0, 40))"""

# The least contrast of any text with what is painted behind it, by WCAG's formula, and where.
CONTRAST = """() => {
  const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const colour = numbers(getComputedStyle(element).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  let least = [99, ''];
  for (const element of document.querySelectorAll('main *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility() || ['title', 'desc', 'STYLE'].includes(element.tagName)) continue;
    const inside = element.closest('svg');
    const style = getComputedStyle(element);
    let back = behind(inside || element);
    if (element.classList.contains('number')) back = numbers(getComputedStyle(inside.querySelector('.dot')).fill);
    const [one, two] = [light(numbers(inside ? style.fill : style.color)), light(back)].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (two + 0.05);
    if (ratio < least[0]) least = [ratio, element.className.baseVal ?? element.className, element.textContent.slice(0, 40)];
  }
  return least;
}"""


def several() -> Timeline:
    """A false interruption, a miss, a murmur, and one that cannot be told."""
    call = Timeline("call_several").started().speaks("r1", 1.0, 3.0, "interrupted").says("uh-huh", 2.6, 2.9, told=2.8)
    call.speaks("r2", 4.0, 9.0).says(
        "no, I said Friday", 5.0, 6.0, told=5.5, evidence__audio_ref="s3://bucket/a/very/long/path/of/a/call.wav"
    )
    call.speaks("r3", 10.0, 14.0).says(None, 11.0, 11.5, status="empty").speaks("r4", 20.0).says("I need a human", 22.0, 23.0)
    return call.presses(25.0).ends(61.0)


def hostile() -> Timeline:
    """Every name and word is an attack, or too long, or runs from right to left."""
    call = Timeline("<script>alert(1)</script>\u202eمرحبا").started(runtime__version="<b>1</b>" + "v" * 90)
    call.speaks("r<img src=x onerror=alert(1)>", 1.0, 3.0, "interrupted", message='"><svg onload=alert(1)>' + "m" * 200)
    refs: dict[str, Any] = {
        "evidence__audio_ref": "javascript:alert(1)",
        "caller__transcript__ref": 'https://example.com/" onclick="alert(1)',
    }
    call.says("no </bdi></style><script>alert(1)</script> مرحبا كيف حالك 👩‍👩‍👧 " + "w" * 100_000, 2.6, 3.4, told=2.9, **refs)
    return call.speaks("r2" + "x" * 200, 4.0, 6.0).ends(7.0)


def long() -> Timeline:
    """Six hundred interruptions, one in a hundred of them false."""
    call = Timeline("call_long").started()
    for number in range(600):
        at, cut = number * 10.0 + 1, number % 100 == 99
        call.speaks(f"r{number}", at, at + 3 if cut else at + 6, "interrupted" if cut else "completed")
        call.says("uh-huh", at + 1.5, at + 1.9, told=at + 1.8)
    return call.ends(6_100.0)


def quiet() -> Timeline:
    """Nobody interrupts anybody."""
    return Timeline("call_quiet").started().speaks("r1", 1.0, 3.0).says("Friday, please", 4.0, 5.0).speaks("r2", 6.0, 8.0).ends(9.0)


CALLS = {"several": several, "hostile": hostile, "long": long, "quiet": quiet}


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page of each call, and one report of them all."""
    folder = tmp_path_factory.mktemp("pages")
    made = {}
    for name, make in CALLS.items():
        made[name] = folder / f"{name}.html"
        assert 0 == main(["explain", "--from", write(folder / f"{name}.jsonl", [told(make().events)]), "--html", str(made[name])])
    made["report"] = folder / "report.html"
    assert 0 == main(["report", *(str(folder / f"{name}.jsonl") for name in CALLS), "--html", str(made["report"])])
    return made


def opened(looked: Looked) -> Looked:
    """The page with everything that folds laid open."""
    looked.page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    return looked


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", [*CALLS, "report"])
def test_a_page_fits_its_window_and_asks_for_nothing(look: Look, pages: dict[str, Path], name: str, width: int, scheme: str) -> None:
    """No scrolling sideways, no text cut off, no word of complaint, no request but for the page itself; all of it with AA contrast."""
    looked = opened(look(pages[name], width=width, scheme=scheme))
    ratio, *where = looked.page.evaluate(CONTRAST)

    assert width == looked.page.evaluate("document.documentElement.scrollWidth")
    assert [] == looked.page.evaluate(CUT)
    assert [] == looked.page.evaluate(SQUEEZED)
    assert [] == looked.console
    assert [pages[name].as_uri()] == looked.asked
    assert 4.5 <= ratio, where


def test_hostile_words_stay_words(look: Look, pages: dict[str, Path]) -> None:
    """No element, attribute or link is made of what a caller or a sender wrote."""
    page = look(pages["hostile"]).page

    assert 0 == page.locator("script, img, iframe, object, [onload], [onerror], [onclick]").count()
    assert ["https:"] == page.evaluate("[...document.querySelectorAll('a')].map((each) => each.protocol)")
    assert "<script>alert(1)</script>" in page.locator("dd.id").inner_text()
    assert "javascript:alert(1)" == page.locator("dt:text-is('Audio') + dd code").inner_text()
    assert pages["hostile"].stat().st_size < 40_000


def test_a_script_would_not_run_if_there_were_one(look: Look, pages: dict[str, Path], tmp_path: Path) -> None:
    """The page's own policy forbids scripts, pictures and requests, so that one mistake in escaping is not enough."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        attack = f"<script>document.title = 'run'</script><img src='http://127.0.0.1:{server.getsockname()[1]}/x.png'></main>"
        worse = tmp_path / "worse.html"
        worse.write_text(pages["quiet"].read_text(encoding="utf-8").replace("</main>", attack), encoding="utf-8")
        looked = look(worse)
        looked.page.wait_for_timeout(300)

        assert "run" != looked.page.title()
        assert 2 == sum("Content Security Policy" in line for line in looked.console)
        with pytest.raises(BlockingIOError):  # nobody came
            server.accept()


def test_the_first_heading_is_the_answer_and_lanes_have_words(look: Look, pages: dict[str, Path]) -> None:
    """Who cannot see the drawing hears what it shows: a name, a description, and a table of the same."""
    page = look(pages["several"]).page

    assert page.locator("h1").inner_text().startswith("3 times input met the agent's speech: the caller meant 1")
    for drawing in page.locator("svg").all():
        assert "img" == drawing.get_attribute("role")
        named = (drawing.get_attribute("aria-labelledby") or "").split()
        assert 2 == len(named)
        assert all(page.locator(f"#{each}").text_content() for each in named)
    assert "the caller begins" in (page.locator("desc").nth(1).text_content() or "")
    assert 4 == page.locator("details").first.locator("tbody tr").count()


def test_markers_do_not_cover_each_other_on_a_phone(look: Look, pages: dict[str, Path]) -> None:
    """However near two moments are, both numbers can be read, and so can the axis."""
    page = look(pages["several"], width=360).page
    for drawing in page.locator("svg").all():
        for kind in (".dot", ".tick"):
            boxes = [each.bounding_box() for each in drawing.locator(kind).all()]
            for index, one in enumerate(boxes):
                for other in boxes[index + 1 :]:
                    assert one is not None
                    assert other is not None
                    apart = abs(one["x"] - other["x"]) >= min(one["width"], other["width"]) * 0.98 or abs(one["y"] - other["y"]) >= 17
                    assert apart, (kind, one, other)


def test_six_hundred_interruptions_make_a_page_that_says_what_it_leaves_out(look: Look, pages: dict[str, Path]) -> None:
    """The gravest twenty are drawn, all are in the table, mistakes are marked in the whole call; it stays small enough to mail."""
    page = look(pages["long"]).page

    assert 20 == page.locator("section.card[id]").count()
    assert "580 more interruptions are not drawn" in page.locator("main").inner_text()
    assert 6 == page.locator("svg .bad").count()
    assert 600 == page.locator("details").first.locator("tbody tr").count()
    assert pages["long"].stat().st_size < 1_000_000


def test_a_call_behind_a_figure_leads_to_its_record(look: Look, pages: dict[str, Path]) -> None:
    """Following the link lays the record open, without a script."""
    page = opened(look(pages["report"])).page
    page.evaluate("document.querySelectorAll('details.record').forEach((each) => { each.open = false; })")
    link = page.locator(".behind a").first
    record = page.locator(f"details.record:has({link.get_attribute('href')})")
    assert not record.locator("dl.facts").is_visible()
    link.click()

    assert link.inner_text() in record.locator("summary").first.inner_text()
    assert record.locator("dl.facts").is_visible()


def test_a_printed_report_holds_the_records(look: Look, pages: dict[str, Path]) -> None:
    """Paper cannot be opened: every record is printed, what else folds is not, nor the words that ask to open one."""
    page = look(pages["report"]).page
    page.emulate_media(media="print")
    records = page.locator("details.record")

    assert 2 == records.count()
    assert all(record.locator("dl.facts").is_visible() for record in records.all())
    assert 0 == page.locator("details:not(.record):visible").count()
    assert not page.get_by_text("Open one for its record").is_visible()


def test_a_page_prints_in_black_on_white(look: Look, pages: dict[str, Path]) -> None:
    """Whatever the screen's scheme."""
    page = look(pages["several"], scheme="dark").page
    page.emulate_media(media="print")

    assert "rgb(255, 255, 255)" == page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert "rgb(0, 0, 0)" == page.evaluate("getComputedStyle(document.body).color")
