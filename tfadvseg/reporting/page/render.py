"""A page's content as one HTML file that requests nothing."""

import dataclasses
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tfadvseg.files import atomic
from tfadvseg.reporting.page.content import Page, Samples

REPORT = "report.html"

MAX_BYTES = 3_000_000
"""Of a page; images are left out, the last ones first, until it is no larger."""


def render(page: Page) -> str:
    """The page as HTML; text is escaped, SVG and `data:` URIs are taken as they are."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.jinja").render(page=page)


def write_page(page: Page, path: Path) -> None:
    """Writes the page, with as many of its images as `MAX_BYTES` has room for."""
    text = render(page)
    while len(text.encode()) > MAX_BYTES and (smaller := _with_fewer_images(page)) is not None:
        page = smaller
        text = render(page)
    atomic.write_text(path, text)


def _with_fewer_images(page: Page) -> Page | None:
    """The page without its last image; None if it has no images."""
    for number, section in enumerate(page.sections):
        for place, block in enumerate(section.blocks):
            if isinstance(block, Samples) and block.views:
                blocks = list(section.blocks)
                blocks[place] = dataclasses.replace(block, views=block.views[:-1])
                sections = list(page.sections)
                sections[number] = dataclasses.replace(section, blocks=blocks)
                return dataclasses.replace(page, sections=sections)
    return None
