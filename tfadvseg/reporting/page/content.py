"""What a page shows, apart from how: blocks of text, tables, figures, code and images."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Text:
    """Paragraphs of plain text."""

    paragraphs: Sequence[str]
    kind: str = "text"


@dataclass(frozen=True)
class Items:
    """A list of sentences."""

    items: Sequence[str]
    kind: str = "items"


@dataclass(frozen=True)
class Table:
    """A table; its first column names the rows.

    Attributes:
        caption: what it shows.
        cells: rows of one length, the first of them the header.
    """

    caption: str
    cells: Sequence[Sequence[str]]
    kind: str = "table"


@dataclass(frozen=True)
class FigureBlock:
    """A drawing.

    Attributes:
        svg: inline SVG, with its alternative text (`figures.svg_of`).
        caption: a sentence below it.
    """

    svg: str
    caption: str
    kind: str = "figure"


@dataclass(frozen=True)
class Code:
    """Commands or flags, as typed."""

    caption: str
    text: str
    kind: str = "code"


@dataclass(frozen=True)
class Layer:
    """One of the pictures that a slider goes through.

    Attributes:
        name: what it shows.
        uri: a `data:` URI.
        alt: its alternative text.
    """

    name: str
    uri: str
    alt: str


@dataclass(frozen=True)
class SampleView:
    """One validation image with the pictures that lie on each other."""

    key: str
    caption: str
    layers: Sequence[Layer]


@dataclass(frozen=True)
class Samples:
    """Images with sliders.

    Attributes:
        views: in order.
        legend: names of the classes with their colours, as CSS writes colours.
    """

    views: Sequence[SampleView]
    legend: Sequence[tuple[str, str]]
    kind: str = "samples"


Block = Text | Items | Table | FigureBlock | Code | Samples


@dataclass(frozen=True)
class Section:
    """A part of a page, with a heading."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Page:
    """A whole page.

    Attributes:
        title: of the run or the study.
        verdicts: sentences that answer what was asked; they come first.
        subtitle: one line below the title.
        sections: in order.
        more_verdicts: sentences that are shown on demand, below the others.
    """

    title: str
    subtitle: str
    verdicts: Sequence[str]
    sections: Sequence[Section] = field(default_factory=tuple)
    more_verdicts: Sequence[str] = ()
