"""Labels drawn from outlines of objects, as annotation tools store them. No TensorFlow here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from absl import logging
from skimage.draw import polygon

from tfadvseg.config import DataConfig
from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.data.folder_files import FolderFile
from tfadvseg.errors import UserError
from tfadvseg_datasets.decoded import Decoded
from tfadvseg_datasets.pairs import some

BACKGROUNDS = ("background", "_background_")
"""Names of what is no object."""

IGNORED = ("__ignore__", "ignore", "void")
"""Names of pixels that do not count, as labelme calls them, unless `--class_names` has them."""

Size = tuple[int, int]


@dataclass(frozen=True)
class Shape:
    """An object.

    Attributes:
        name: of its class.
        rings: its outlines, float [n,2] each, (x, y) from the top left corner of the image; the
            first pixel reaches from 0 to 1. The object is all that lies in any of them.
        mask: its pixels instead, bool [h,w].
        corner: (row, column) of the mask in the image.
    """

    name: str
    rings: tuple[np.ndarray, ...] = ()
    mask: np.ndarray | None = None
    corner: tuple[int, int] = (0, 0)

    def draw(self, label: np.ndarray, value: int) -> None:
        """Gives the object's pixels in a label [H,W] a value; what lies outside is cut off."""
        for ring in self.rings:
            # Pixels belong to an object that contains their middle.
            label[polygon(ring[:, 1] - 0.5, ring[:, 0] - 0.5, label.shape)] = value
        if self.mask is not None:
            top, left = self.corner
            rows, columns = np.nonzero(self.mask)
            rows, columns = rows + top, columns + left
            inside = (
                (rows >= 0) & (columns >= 0) & (rows < label.shape[0]) & (columns < label.shape[1])
            )
            label[rows[inside], columns[inside]] = value


@dataclass(frozen=True)
class Annotated:
    """What annotations say of one image.

    Attributes:
        shapes: in the order in which they are drawn.
        size: (height, width) of the image as the annotations have it; None where they do not say.
        notes: what is not drawn, one phrase each.
    """

    shapes: Sequence[Shape]
    size: Size | None = None
    notes: tuple[str, ...] = ()


ReadShapes = Callable[[Path, Path], Annotated]
"""Maps a file of annotations and an image's file to what the annotations say of the image."""


@dataclass(frozen=True)
class Outlines:
    """Annotations of a folder's images.

    Attributes:
        files: the images, with the file that annotates each, if any.
        names: of the classes; the first is what no object covers.
        read_shapes: reads the annotations of an image.
    """

    files: tuple[FolderFile, ...]
    names: tuple[str, ...]
    read_shapes: ReadShapes

    def read_label(self, source: tuple[str, Path, Path | None], sizes: Sequence[Size]) -> Decoded:
        """Draws the label of an image: class ids uint8 [H,W] (`folder_pages.ReadLabel`).

        Raises:
            UserError: the annotations are of an image of another size, or cannot be read.
        """
        _, image_file, label_file = source
        assert label_file is not None
        found = self.read_shapes(label_file, image_file)
        if len(sizes) != 1:
            raise UserError(
                f"{image_file}: {len(sizes)} pages, but annotations are of one image; give each "
                "page a file."
            )
        (size,) = sizes
        if found.size is not None and found.size != size:
            raise UserError(
                f"{label_file}: annotates {image_file.name} as {found.size[0]} x {found.size[1]} "
                f"(height x width), but it is {size[0]} x {size[1]}; they must agree."
            )
        label = np.zeros(size, np.uint8)
        for shape in found.shapes:
            shape.draw(label, self._value(shape.name))
        return Decoded([label], found.notes)

    def _value(self, name: str) -> int:
        if name in self.names:
            return self.names.index(name)
        return 0 if name.lower() in BACKGROUNDS else IGNORE_LABEL


def classes_of(found: Sequence[str], given: Sequence[str], place: str) -> tuple[str, ...]:
    """Names of the classes: the given ones, or `background` and those that are found.

    Args:
        found: names of objects, each once.
        given: `--class_names`, the first of which is what no object covers; objects of classes that
            it leaves out are ignored.
        place: of the annotations, for messages.

    Raises:
        UserError: there are no objects, or none of a class that is given.
    """
    objects = [name for name in found if name.lower() not in BACKGROUNDS]
    if not given:
        objects = [name for name in objects if name.lower() not in IGNORED]
        if not objects:
            raise UserError(f"--annotations={place}: annotate no objects.")
        if odd := [name for name in objects if not name or "/" in name]:
            raise UserError(
                f"--annotations={place}: the class {odd[0]!r} is empty or has a slash, which "
                "separates the parts of metric names; rename it."
            )
        return "background", *objects
    if not {*objects} & {*given[1:]}:
        raise UserError(
            f"--class_names={','.join(given)}: {place} has no objects of these classes but "
            f"{some(objects)}; the first name is what no object covers."
        )
    if left_out := [name for name in objects if name not in given]:
        logging.info(
            "--annotations=%s: objects of %s are ignored (%d).",
            place,
            some(left_out),
            IGNORE_LABEL,
        )
    return tuple(given)


def read_outlines(config: DataConfig, images: Sequence[FolderFile]) -> Outlines:
    """Finds the annotations of a folder's images.

    Args:
        config: `annotations`, a COCO file or a folder of labelme's or Fiji's files, and
            `class_names` are used.
        images: of the folder.

    Raises:
        UserError: there are no annotations, they cannot be read, or are of no image.
    """
    from tfadvseg.data import outlines_coco, outlines_fiji, outlines_labelme

    assert config.annotations is not None
    place = Path(config.annotations).expanduser()
    if place.is_file():
        return outlines_coco.read(place, images, config.class_names)
    if not place.is_dir():
        raise UserError(
            f"--annotations={place}: no such file or folder; give COCO's .json, or a folder of "
            "labelme's .json or Fiji's .roi and .zip files."
        )
    stems = {file.stem: file for file in images}
    found: dict[str, dict[str, Path]] = {"labelme": {}, "fiji": {}}
    for path in sorted(place.rglob("*") if config.recursive else place.iterdir()):
        kind = {".json": "labelme", ".roi": "fiji", ".zip": "fiji"}.get(path.suffix.lower())
        stem = path.relative_to(place).with_suffix("").as_posix()
        if kind is not None and stem in stems and not path.name.startswith("."):
            found[kind][stem] = path
    if all(found.values()):
        raise UserError(
            f"--annotations={place}: holds labelme's and Fiji's files; keep each in a folder of "
            "their own."
        )
    if not any(found.values()):
        raise UserError(
            f"--annotations={place}: no .json, .roi or .zip has the stem of an image such as "
            f"{some([*stems][:1])}."
        )
    tool = outlines_labelme if found["labelme"] else outlines_fiji
    paths = found["labelme"] or found["fiji"]
    files = tuple(
        FolderFile(file.stem, file.image, paths.get(file.stem), file.part) for file in images
    )
    return tool.read(str(place), files, config.class_names)
