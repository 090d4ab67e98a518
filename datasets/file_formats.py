"""A file's real format, recognised by its first bytes whatever its name."""

from typing import NamedTuple


class Format(NamedTuple):
    """A file format.

    Attributes:
        name: common name.
        advice: what to do with such a file where an image is expected; empty for images that this
            package reads.
    """

    name: str
    advice: str = ""


PNG, JPEG, TIFF, GIF = Format("PNG"), Format("JPEG"), Format("TIFF"), Format("GIF")
WEBP, BMP = Format("WebP"), Format("BMP")
JPEG2000, AVIF = Format("JPEG 2000"), Format("AVIF")

_CONVERT = "convert it to PNG or TIFF"
_LFS = Format("Git LFS pointer", "fetch the file itself with `git lfs pull`")
_EMPTY = Format("empty file", "replace it")

_SIGNATURES: tuple[tuple[int, bytes, Format], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", PNG),
    (0, b"\xff\xd8\xff", JPEG),
    (0, b"II*\0", TIFF),
    (0, b"MM\0*", TIFF),
    (0, b"II+\0", TIFF),
    (0, b"MM\0+", TIFF),
    (0, b"GIF87a", GIF),
    (0, b"GIF89a", GIF),
    (8, b"WEBP", WEBP),
    (0, b"BM", BMP),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", JPEG2000),
    (0, b"\xff\x4f\xff\x51", JPEG2000),
    (4, b"ftypavif", AVIF),
    (4, b"ftypavis", AVIF),
    (4, b"ftyp", Format("HEIC file or video", _CONVERT)),
    (0, b"\xff\x0a", Format("JPEG XL file", _CONVERT)),
    (4, b"JXL \r\n\x87\n", Format("JPEG XL file", _CONVERT)),
    (0, b"II\xbc", Format("JPEG XR file", _CONVERT)),
    (0, b"\x89HDF\r\n\x1a\n", Format("HDF5 file", _CONVERT)),
    (0, b"\x93NUMPY", Format("NumPy array", _CONVERT)),
    (128, b"DICM", Format("DICOM file", _CONVERT)),
    (344, b"n+1\0", Format("NIfTI file", _CONVERT)),
    (0, b"SIMPLE  =", Format("FITS file", _CONVERT)),
    (0, b"%PDF", Format("PDF file", _CONVERT)),
    (0, b"\x1f\x8b", Format("gzip archive", "unpack it")),
    (0, b"PK\x03\x04", Format("ZIP archive", "unpack it")),
    (0, b"version https://git-lfs", _LFS),
    (0, b"<", Format("web page or XML file", "replace it; a download may have failed")),
)
"""Offset and bytes that identify a format; the first match counts."""

HEAD = 348
"""Number of bytes at a file's beginning that `identify` needs."""


def identify(head: bytes) -> Format | None:
    """The format identified by a file's first `HEAD` bytes; None if unknown."""
    if not head:
        return _EMPTY
    for offset, signature, kind in _SIGNATURES:
        if head[offset : offset + len(signature)] == signature:
            if kind is WEBP and head[:4] != b"RIFF":
                continue
            return kind
    return None


def jpeg_precision(content: bytes) -> int:
    """Bits per sample of a JPEG file, from its frame header (ITU-T T.81, B.2.2); 8 if missing."""
    position = 2
    while position + 4 < len(content) and content[position] == 0xFF:
        marker = content[position + 1]
        if marker in _FRAME_HEADERS:
            return content[position + 4]
        if marker == 0xFF:  # a fill byte
            position += 1
            continue
        position += 2 + int.from_bytes(content[position + 2 : position + 4], "big")
    return 8


_FRAME_HEADERS = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}


def png_bit_depth(head: bytes) -> int:
    """Bits per sample of a PNG file, from its header; 8 if it is truncated."""
    return head[24] if len(head) > 24 else 8
