"""The report's page: as text, and in a real browser where one is installed."""

import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest

from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.files.samples import Sample
from tfadvseg.reporting.page import blocks
from tfadvseg.reporting.page.content import (
    Code,
    FigureBlock,
    Items,
    Page,
    SampleView,
    Section,
    Table,
    Text,
)
from tfadvseg.reporting.page.figures import (
    Interval,
    Pairs,
    curves_figure,
    intervals_figure,
    pairs_figure,
    reliability_figure,
)
from tfadvseg.reporting.page.render import MAX_BYTES, render, write_page

PAIRS = [Pairs("d", "alone", (0, 1), (0.5, 0.6), (0.4, 0.7))]


def sample(number: int, wrong: int, key: str = "") -> Sample:
    """16x16, the upper half of class 1; so many of its pixels are predicted as class 0."""
    label = np.zeros((16, 16), np.uint8)
    label[:8] = 1
    prediction = label.copy()
    prediction.ravel()[:wrong] = 0
    image = 100 * label[..., np.newaxis] + 20
    confidence = np.full(label.shape, 200, np.uint8)
    return Sample(key or f"image {number}", number, image, label, prediction, confidence)


def spec() -> ModelSpec:
    from tfadvseg.config import SegmenterConfig

    colours = ((213, 94, 0), (0, 114, 178))
    return ModelSpec(
        SegmenterConfig(), ("a", "b"), colours, 1, (0.0,), (1.0,), None, "membranes", (16, 16)
    )


@pytest.fixture
def page() -> Page:
    samples = {"S": [sample(0, 5), sample(1, 90)], "D": [sample(0, 2), sample(1, 7)]}
    shown = blocks.samples(samples, "S", spec())
    curves = {"S": [[(1.0, 0.5), (2.0, 0.75)]]}
    return Page(
        "Run <b>1</b>",
        "of a & b",
        ["It <helped>."],
        [
            Section("Words", [Text(["x < y"]), Items(["one & two"]), Code("flags", "--a='<b>'")]),
            Section("Numbers", [Table("of <arms>", [["arm", "miou"], ["<d>", "0.5"]])]),
            Section(
                "Figures",
                [
                    FigureBlock(pairs_figure(PAIRS, "mean IoU"), "pairs"),
                    FigureBlock(intervals_figure([Interval("d", 1, 0.5, 1.5)], "change"), "plot"),
                    FigureBlock(curves_figure({"loss": curves}, "Loss falls."), "curves"),
                ],
            ),
            Section("Images", [shown]),
        ],
    )


class Elements(HTMLParser):
    """Start tags and their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def test_text_is_escaped_and_the_verdict_comes_first(page):
    text = render(page)
    assert "Run &lt;b&gt;1&lt;/b&gt;" in text and "<b>" not in text
    assert text.index("It &lt;helped&gt;.") < text.index("<section")
    assert "x &lt; y" in text and "--a=&#39;&lt;b&gt;&#39;" in text


def test_every_picture_has_an_alternative_text_and_every_id_is_unique(page):
    elements = Elements(render(page)).found
    pictures = [attributes for tag, attributes in elements if tag == "img"]
    assert len(pictures) == 2 * 5, "image, label, two predictions, uncertainty"
    assert all(attributes["alt"] for attributes in pictures)
    drawings = [attributes for tag, attributes in elements if tag == "svg"]
    assert len(drawings) == 3
    assert all(attributes["role"] == "img" and attributes["aria-label"] for attributes in drawings)
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_nothing_is_requested(page):
    for _, attributes in Elements(render(page)).found:
        for name in ("src", "href", "xlink:href"):
            value = attributes.get(name) or "#"
            assert value.startswith(("#", "data:")), value


def test_figures_have_their_numbers_as_text_for_screen_readers():
    alt = Elements(pairs_figure(PAIRS, "mean IoU")).found[0][1]["aria-label"]
    assert "d against alone: 0.400 to 0.500, 0.700 to 0.600" in alt
    sums = np.zeros((15, 3))
    sums[9] = 4, 2.6, 2
    assert "S 0.150" in Elements(reliability_figure({"S": sums})).found[0][1]["aria-label"]


def test_drawings_take_the_colours_of_the_page():
    svg = intervals_figure([Interval("d", 1, 0.5, 1.5)], "change")
    assert "currentColor" in svg and "var(--grid)" in svg
    assert "#0a0b0c" not in svg and "#dedfe0" not in svg


def test_the_worst_image_comes_first():
    found = {"S": [sample(0, 5), sample(1, 90), sample(2, 30)]}
    views = blocks.samples(found, "S", spec()).views
    assert [view.key for view in views] == ["image 1", "image 2", "image 0"]
    assert [layer.name for layer in views[0].layers] == [
        "image", "label", "S", "uncertainty of S"
    ]  # fmt: skip
    # IoU of b 38 / 128, of a 128 / 218.
    assert f"{(38 / 128 + 128 / 218) / 2:.3f}" in views[0].caption


def test_images_that_one_arm_lacks_are_left_out():
    found = {"S": [sample(0, 5), sample(1, 9)], "D": [sample(1, 2)]}
    assert [view.key for view in blocks.samples(found, "S", spec()).views] == ["image 1"]
    assert blocks.samples({"S": [sample(0, 5)], "D": [sample(1, 2)]}, "S", spec()) is None


def test_columns_of_discriminators():
    names = ["train/d/loss_d", "train/aux_d/accuracy_source", "val/d/accuracy_real", "train/x/miou"]
    assert blocks.discriminator_columns(names) == {
        "d: loss d": "train/d/loss_d",
        "aux_d: accuracy source": "train/aux_d/accuracy_source",
    }


def test_a_page_is_never_larger_than_its_limit(page, tmp_path):
    big = "data:image/png;base64," + "A" * (MAX_BYTES // 3)
    block = page.sections[-1].blocks[0]
    layer = type(block.views[0].layers[0])("image", big, "image")
    views = [SampleView(f"image {i}", "", [layer]) for i in range(4)]
    sections = [Section("Images", [type(block)(views, block.legend)])]
    write_page(Page("a", "b", [], sections), tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert len(text.encode()) <= MAX_BYTES
    assert re.findall(r"<h3>(.*?)</h3>", text) == ["image 0", "image 1"], "the last ones went"


@pytest.fixture
def browser():
    """Headless Chromium that reaches no network."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("no browser: chromium and chromedriver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for argument in (
        "headless=new", "no-sandbox", "disable-gpu", "host-resolver-rules=MAP * ~NOTFOUND"
    ):  # fmt: skip
        options.add_argument(f"--{argument}")
    opened = webdriver.Chrome(options, webdriver.ChromeService(driver))
    yield opened
    opened.quit()


def test_the_page_in_a_browser(page, browser, tmp_path):
    write_page(page, tmp_path / "report.html")
    browser.get((tmp_path / "report.html").as_uri())
    assert browser.title == "Run <b>1</b>"
    resources = "return performance.getEntriesByType('resource').map(entry => entry.name)"
    assert all(name.startswith("data:") for name in browser.execute_script(resources))
    first = browser.find_element("css selector", ".sample")
    slider, shown = (first.find_element("css selector", tag) for tag in ("input", "output"))
    layers = first.find_elements("css selector", ".stack figure")
    assert (shown.text, [layer.value_of_css_property("opacity") for layer in layers]) == (
        "image",
        ["1", "0", "0", "0", "0"],
    )
    slider.send_keys("\ue010")  # the End key
    assert shown.text == "uncertainty of S"
    assert layers[-1].value_of_css_property("opacity") == "1"
    move = "arguments[0].value = 2.5; arguments[0].dispatchEvent(new Event('input'))"
    browser.execute_script(move, slider)
    opacities = [float(layer.value_of_css_property("opacity")) for layer in layers]
    assert opacities == [0, 0, 1, 0.5, 0], "between two predictions both show"
    background = "return getComputedStyle(document.body).backgroundColor"
    colours = set()
    for scheme in ("light", "dark"):
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        colours.add(browser.execute_script(background))
    assert len(colours) == 2
    phone = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
    browser.find_element("css selector", "nav a:last-child").click()
    assert browser.current_url.endswith("#section-4")
    assert browser.get_log("browser") == []
