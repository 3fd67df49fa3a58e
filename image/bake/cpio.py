"""The newc format of cpio, as the kernel reads it (init/initramfs.c). Pure: streams in, bytes out."""

import re
import stat
from dataclasses import dataclass

from .errors import Refusal

HEADER = 110
TRAILER = "TRAILER!!!"
# The kernel's PATH_MAX: longer names and link targets derail it.
LONGEST = 4096
_HEX = re.compile(rb"[0-9A-Fa-f]{104}\Z")


@dataclass(frozen=True)
class Header:
    """What stands in front of a body."""

    name: str
    mode: int
    size: int
    ino: int = 0
    nlink: int = 1
    device: tuple = (0, 0)
    uid: int = 0
    gid: int = 0

    @property
    def kind(self):
        """The type bits of the mode."""
        return stat.S_IFMT(self.mode)


def text(raw):
    """Names are bytes; as text they come back unchanged from `raw()`."""
    return raw.decode("utf-8", "surrogateescape")


def raw(name):
    """The bytes of a name."""
    return name.encode("utf-8", "surrogateescape")


def read_header(stream, where):
    """The next entry's header; the stream then stands at its body. The trailer is an entry as well.

    What would derail the kernel is refused: from there on it and we would see different files.
    """
    at = stream.position
    fixed = stream.read(HEADER)
    if fixed[:6] == b"070707":
        raise Refusal(f"{where} is a cpio of the old format (odc); the kernel takes only newc (cpio -H newc)")
    if fixed[:6] not in (b"070701", b"070702") or not _HEX.match(fixed[6:]):
        raise Refusal(f"{where}: no cpio header (newc) at byte {at} of what it unpacks to; it is damaged, or no cpio")
    ino, mode, uid, gid, nlink, _mtime, size, major, minor, _rmajor, _rminor, length, _check = (
        int(fixed[6 + 8 * i : 14 + 8 * i], 16) for i in range(13)
    )
    if not 1 < length <= LONGEST:
        raise Refusal(f"{where}: the entry at byte {at} has a name of {length} bytes; 2 to {LONGEST} are possible")
    name, end, _ = stream.read(length).partition(b"\0")
    if not end or not name:
        raise Refusal(f"{where}: the entry at byte {at} has a name that is empty or does not end")
    stream.read(-(HEADER + length) % 4)
    header = Header(text(name), mode, size, ino, nlink, (major, minor), uid, gid)
    if stat.S_ISLNK(mode):
        if not 0 < size <= LONGEST:
            raise Refusal(f"{where}: the link {header.name} has a target of {size} bytes; 1 to {LONGEST} are possible")
    elif size and not stat.S_ISREG(mode) and header.name != TRAILER:
        raise Refusal(f"{where}: {header.name} is no file and has {size} bytes all the same; it is damaged")
    return header


def read_body(stream, header):
    """The bytes of the entry just read."""
    body = stream.read(header.size)
    stream.read(-header.size % 4)
    return body


def skip_body(stream, header):
    """Passes over them."""
    stream.skip(header.size)
    stream.read(-header.size % 4)


def entry(name, mode, body=b"", owner=(0, 0), ino=0, nlink=1):
    """One entry. No time: the same input makes the same bytes."""
    packed = raw(name) + b"\0"
    fields = (ino, mode, *owner, nlink, 0, len(body), 0, 0, 0, 0, len(packed), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + packed
    return head + bytes(-len(head) % 4) + body + bytes(-len(body) % 4)


def archive(items):
    """A whole archive of (name, mode, body) or (name, mode, body, owner), numbered from 1, with its trailer."""
    parts = [entry(*item, ino=ino, nlink=2 if stat.S_ISDIR(item[1]) else 1) for ino, item in enumerate(items, 1)]
    return b"".join(parts) + entry(TRAILER, 0)
