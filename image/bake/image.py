"""An initramfs file: its segments, and the tree that the kernel makes of them. Read as a stream, never unpacked."""

import os
import stat
from dataclasses import dataclass

from . import cpio, machines, streams
from .errors import Refusal
from .tree import Tree

# The first entry of a segment of ours: by it a second run knows the first.
MARKER = "bondstrap.baked"
# What is looked at by name is kept while the stream passes, but nothing that is this large.
LARGEST = 8 << 20
KEPT = {"modules.dep", "modules.dep.bin", "modules.builtin", "ORDER", "init", "scripts.py", MARKER, *machines.NAMES}


@dataclass
class Segment:
    """One archive that stands plain, or one compressed stream."""

    start: int
    compression: str
    end: int = 0
    entries: int = 0
    size: int = 0
    ours: bool = False
    # What the marker says.
    note: str = ""


class Image:
    """What is known of an initramfs after one pass. Segments of ours are listed, and left out of the tree."""

    def __init__(self, file, name):
        self._descriptor, self.name = file.fileno(), name
        self.size = os.fstat(self._descriptor).st_size
        self.tree, self.segments = Tree(), []
        if not self.size:
            raise Refusal(f"{name} is empty: it is no initramfs")
        at, previous = 0, None
        while (at := self._next(at)) is not None:
            segment = self._segment(at, previous)
            self.segments.append(segment)
            self._pass(segment, lambda *_: None, self.tree)
            at, previous = segment.end, segment
        if not self.segments:
            raise Refusal(f"{name} holds nothing but zeros: it is no initramfs")

    def _next(self, at):
        """Where the zeros from `at` on end; None: with the file."""
        while piece := os.pread(self._descriptor, streams.PIECE, at):
            rest = piece.lstrip(b"\0")
            at += len(piece) - len(rest)
            if rest:
                return at
        return None

    def _where(self, segment):
        if segment.compression == "none":
            return f"{self.name}: the archive at byte {segment.start}"
        return f"{self.name}: the {segment.compression} stream at byte {segment.start}"

    def _segment(self, at, previous):
        first = os.pread(self._descriptor, 8, at)
        compression = streams.detect(first)
        if compression is None:
            if first.startswith((b"070707", b"\xc7\x71", b"\x71\xc7")):
                raise Refusal(f"{self.name} is a cpio of an old format; the kernel takes only newc (cpio -H newc)")
            if first.startswith(b"\x89LZO"):
                raise Refusal(f"{self.name} is compressed with lzo, which is not known here; repack it with gzip or zstd")
            what = "is no initramfs" if not self.segments else f"has something behind byte {at} that is no segment"
            raise Refusal(
                f"{self.name} {what}: it begins with {first.hex(' ')}, neither a cpio (newc) nor compressed "
                f"with gzip, bzip2, xz, lzma, zstd or lz4"
            )
        # What init/initramfs.c calls broken padding or junk.
        if at % 4 and (compression == "none" or previous is not None and previous.compression == "none"):
            raise Refusal(
                f"{self.name}: the segment at byte {at} does not stand at a multiple of 4, as the kernel wants it; "
                f"was something appended without padding?"
            )
        return Segment(at, compression)

    def _pass(self, segment, visit, tree=None):
        """Reads a segment; every entry goes to `visit(number, header, stream)`, which may read its body, and, where
        a tree is given, into that."""
        where = self._where(segment)
        decoder = streams.Decoder(self._descriptor, segment.start, segment.compression, where)
        pieces = decoder.pieces()
        stream = streams.Stream(pieces, where)
        number = 0
        place = self.segments.index(segment)
        try:
            while True:
                header = cpio.read_header(stream, where)
                if header.name == cpio.TRAILER:
                    cpio.skip_body(stream, header)
                    if tree is not None and not segment.ours:
                        tree.end_archive()
                    if segment.compression == "none":
                        segment.end = segment.start + stream.position
                        break
                    following = stream.next_byte()
                    if not following:
                        segment.end = decoder.end
                        break
                    if following != b"0" or stream.position % 4:
                        raise Refusal(f"{where} has something behind its archive that is no further archive")
                    continue
                if tree is None:
                    visit(number, header, stream)
                else:
                    self._add(segment, (place, number), header, stream)
                number += 1
        finally:
            stream.close()
        segment.entries, segment.size = number, stream.position

    def _add(self, segment, place, header, stream):
        """One entry into the tree."""
        data = target = None
        if stat.S_ISLNK(header.mode):
            target = cpio.text(cpio.read_body(stream, header).partition(b"\0")[0])
        elif header.size <= LARGEST and header.name.rpartition("/")[2] in KEPT:
            data = cpio.read_body(stream, header)
        else:
            cpio.skip_body(stream, header)
        if place[1] == 0 and header.name == MARKER:
            segment.ours, segment.note = True, (data or b"").decode("utf-8", "replace")
        if not segment.ours:
            self.tree.add(header, data, target, place)

    def read_files(self, nodes):
        """The bodies of these files, by a second pass over the segments that hold them."""
        wanted = {node.place: None for node in nodes}
        for number in sorted({place[0] for place in wanted}):
            segment = self.segments[number]

            def visit(entry, header, stream, number=number):
                if (number, entry) in wanted:
                    wanted[number, entry] = cpio.read_body(stream, header)
                else:
                    cpio.skip_body(stream, header)

            self._pass(segment, visit)
        return [wanted[node.place] for node in nodes]

    def base(self):
        """What stays of the file: [(start, end)], our segments and the zeros behind them left out."""
        ranges, at = [], 0
        for segment, following in zip(self.segments, [*self.segments[1:], None]):
            if segment.ours:
                if segment.start > at:
                    ranges.append((at, segment.start))
                at = following.start if following is not None else self.size
        if at < self.size:
            ranges.append((at, self.size))
        return ranges

    def last(self):
        """The last segment that is not ours."""
        return next(segment for segment in reversed(self.segments) if not segment.ours)
