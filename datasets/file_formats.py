"""A file's real format, recognised by its first bytes whatever its name."""

from collections.abc import Iterator
from typing import NamedTuple


class Format(NamedTuple):
    """A file format.

    Attributes:
        name: common name.
        advice: what to do with such a file where an image is expected; empty for images that this
            package reads.
        article: the article before the name.
    """

    name: str
    advice: str = ""
    article: str = "a"


PNG, JPEG, TIFF, GIF = Format("PNG"), Format("JPEG"), Format("TIFF"), Format("GIF")
WEBP, BMP = Format("WebP"), Format("BMP")
JPEG2000, AVIF = Format("JPEG 2000"), Format("AVIF")

_CONVERT = "convert it to PNG or TIFF"
_UNPACK = "unpack it"
_LFS = Format("Git LFS pointer", "fetch the file itself with `git lfs pull`")
_EMPTY = Format("empty file", "replace it", "an")
_JPEG_LS = Format("JPEG-LS file", _CONVERT)
_MARKUP = Format("web page or XML file", "replace it; a download may have failed")

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
    (0, b"\x89HDF\r\n\x1a\n", Format("HDF5 file", _CONVERT, "an")),
    (0, b"\x93NUMPY", Format("NumPy array", _CONVERT)),
    (128, b"DICM", Format("DICOM file", _CONVERT)),
    (344, b"n+1\0", Format("NIfTI file", _CONVERT)),
    (0, b"SIMPLE  =", Format("FITS file", _CONVERT)),
    (208, b"MAP ", Format("MRC file", _CONVERT, "an")),
    (0, b"MATLAB ", Format("MATLAB file", _CONVERT)),
    (0, b"ZISRAWFILE", Format("Zeiss CZI file", _CONVERT)),
    (0, b"\xda\xce\xbe\n", Format("Nikon ND2 file", _CONVERT)),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Format("OLE file (OIB, ZVI)", _CONVERT, "an")),
    (0, b"8BPS", Format("Photoshop file", _CONVERT)),
    (0, b"v/1\x01", Format("OpenEXR file", _CONVERT, "an")),
    (0, b"#?RADIANCE", Format("Radiance HDR file", _CONVERT)),
    (0, b"%PDF", Format("PDF file", _CONVERT)),
    (0, b"\x1f\x8b", Format("gzip archive", _UNPACK)),
    (0, b"BZh", Format("bzip2 archive", _UNPACK)),
    (0, b"\xfd7zXZ\0", Format("xz archive", _UNPACK, "an")),
    (0, b"7z\xbc\xaf'\x1c", Format("7z archive", _UNPACK)),
    (0, b"Rar!\x1a\x07", Format("RAR archive", _UNPACK)),
    (0, b"PK\x03\x04", Format("ZIP archive", _UNPACK)),
    (0, b"version https://git-lfs", _LFS),
    (0, b"<", _MARKUP),
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
            if kind is JPEG and any(marker == _LS_FRAME for marker, _ in _jpeg_segments(head)):
                return _JPEG_LS
            return kind
    return _MARKUP if head.lstrip().startswith(b"<") else None


def jpeg_precision(content: bytes) -> int:
    """Bits per sample of a JPEG file, from its frame header (ITU-T T.81, B.2.2); 8 if missing."""
    for marker, start in _jpeg_segments(content):
        if marker in _FRAME_HEADERS and start < len(content):
            return content[start]
    return 8


def jpeg_is_complete(content: bytes) -> bool:
    """Whether a JPEG file's first scan is followed by an end of image."""
    scans = [start for marker, start in _jpeg_segments(content) if marker == _SCAN]
    # Within a scan, 0xFF is followed by 0 or by the number of a restart marker.
    return bool(scans) and content.find(b"\xff\xd9", scans[0]) >= 0


def jpeg_exif(content: bytes) -> bytes:
    """The Exif block of a JPEG file; empty if it has none."""
    for marker, start in _jpeg_segments(content):
        if marker == _APP1 and content[start : start + 6] == b"Exif\0\0":
            length = int.from_bytes(content[start - 2 : start], "big")
            return content[start : start - 2 + length]
    return b""


def _jpeg_segments(content: bytes) -> Iterator[tuple[int, int]]:
    """Marker and position of the payload of each segment up to the first scan."""
    position = 2
    while position + 4 <= len(content) and content[position] == 0xFF:
        marker = content[position + 1]
        if marker == 0xFF:  # a fill byte
            position += 1
            continue
        yield marker, position + 4
        if marker == _SCAN:
            return
        position += 2 + int.from_bytes(content[position + 2 : position + 4], "big")


_APP1, _SCAN, _LS_FRAME = 0xE1, 0xDA, 0xF7
_FRAME_HEADERS = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}


def png_bit_depth(head: bytes) -> int:
    """Bits per sample of a PNG file, from its header; 8 if it is truncated."""
    return head[24] if len(head) > 24 else 8
