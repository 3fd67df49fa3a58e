"""Segments of an initramfs: which compression, where it ends, and what is in it, in pieces."""

import bz2
import lzma
import os
import shutil
import struct
import subprocess
import threading
import zlib

from .errors import Refusal

PIECE = 1 << 20
LZ4_MAGIC = 0x184C2102
# The kernel's blocks of 8 MiB, at their worst: lib/decompress_unlz4.c.
LZ4_BLOCK = (8 << 20) + (8 << 20) // 255 + 16
# Magic, name. The kernel's list (lib/decompress.c), and lz4's other format, which it does not know.
FORMATS = (
    (b"0", "none"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x5d\0\0", "lzma"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x02\x21\x4c\x18", "lz4 legacy"),
    (b"\x04\x22\x4d\x18", "lz4 frame"),
)


def detect(first):
    """The name of a compression by its first bytes; None: unknown."""
    return next((name for magic, name in FORMATS if first.startswith(magic)), None)


class Stream:
    """Bytes in order, from pieces. `where` begins the sentence if they end too early."""

    def __init__(self, pieces, where):
        self._pieces, self._where = pieces, where
        self._buffer, self._offset, self.position = b"", 0, 0

    def _more(self):
        self._buffer, self._offset = next(self._pieces, b""), 0
        return bool(self._buffer)

    def _take(self, size):
        """At most `size` bytes, at least one."""
        while self._offset == len(self._buffer):
            if not self._more():
                raise Refusal(f"{self._where} ends in the middle of an archive; it is cut off or damaged")
        piece = self._buffer[self._offset : self._offset + size]
        self._offset += len(piece)
        self.position += len(piece)
        return piece

    def read(self, size):
        """Exactly `size` bytes."""
        parts = []
        while size:
            parts.append(self._take(min(size, PIECE)))
            size -= len(parts[-1])
        return b"".join(parts)

    def skip(self, size):
        """Passes over `size` bytes."""
        while size:
            size -= len(self._take(min(size, PIECE)))

    def next_byte(self):
        """The first byte behind zeros, which are passed over; empty at the end."""
        while True:
            rest = self._buffer[self._offset :].lstrip(b"\0")
            passed = len(self._buffer) - self._offset - len(rest)
            self._offset += passed
            self.position += passed
            if rest:
                return rest[:1]
            if not self._more():
                return b""

    def close(self):
        """Ends the program that unpacks, if there is one."""
        self._pieces.close()


class Decoder:
    """Unpacks the segment at `offset`. `end` is known when `pieces()` has come to its end."""

    def __init__(self, descriptor, offset, name, where):
        self.name, self.where, self.end = name, where, None
        self._descriptor, self._offset = descriptor, offset

    def pieces(self):
        """What it unpacks to, in pieces of bounded size."""
        makers = {
            "gzip": lambda: zlib.decompressobj(31),
            "bzip2": bz2.BZ2Decompressor,
            "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ),
            "lzma": lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE),
        }
        if self.name == "none":
            return self._plain()
        if self.name in makers:
            return self._library(makers[self.name]())
        return self._command()

    def _plain(self):
        at = self._offset
        while piece := os.pread(self._descriptor, PIECE, at):
            at += len(piece)
            yield piece

    def _library(self, decoder):
        at, waiting = self._offset, b""
        try:
            while not decoder.eof:
                if not waiting and getattr(decoder, "needs_input", True):
                    waiting = os.pread(self._descriptor, 1 << 16, at)
                    if not waiting:
                        raise Refusal(f"{self.where} is cut off")
                    at += len(waiting)
                piece = decoder.decompress(waiting, PIECE)
                # zlib gives back what it had no room to unpack; the others keep it.
                waiting = getattr(decoder, "unconsumed_tail", b"")
                if piece:
                    yield piece
        except (zlib.error, OSError, lzma.LZMAError, EOFError) as error:
            raise Refusal(f"{self.where} is damaged: {error}") from None
        self.end = at - len(decoder.unused_data)

    def _command(self):
        self.end = _END[self.name](self._descriptor, self._offset, self.where)
        yield from command_unpack(self.name.split()[0], self._file_pieces(), self.where)

    def _file_pieces(self):
        at = self._offset
        while at < self.end:
            piece = os.pread(self._descriptor, min(PIECE, self.end - at), at)
            if not piece:
                return
            at += len(piece)
            yield piece


def command_unpack(command, pieces, where):
    """What `command` (zstd, lz4) makes of `pieces`, in pieces."""
    path = shutil.which(command)
    if not path:
        raise Refusal(f"{where} needs the command {command}, which is not here: install the package {command}")
    # Each pipe has its reader or writer: none can fill up and stop the others.
    with subprocess.Popen([path, "-dc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:

        def feed():
            try:
                with process.stdin as pipe:
                    for piece in pieces:
                        pipe.write(piece)
            except OSError:
                pass  # It ended early: its exit code says it.

        said = []
        helpers = [
            threading.Thread(target=feed, daemon=True),
            threading.Thread(target=lambda: said.append(process.stderr.read(4096)), daemon=True),
        ]
        for helper in helpers:
            helper.start()
        try:
            while piece := process.stdout.read(PIECE):
                yield piece
            code = process.wait()
        finally:
            process.kill()
            for helper in helpers:
                helper.join()
        if code:
            words = b" ".join(b"".join(said).split()).decode("utf-8", "replace")
            raise Refusal(f"{where} is damaged: {words or f'{command} failed'}")


class _Cursor:
    """Reads small fields of a file in order."""

    def __init__(self, descriptor, at, where):
        self._descriptor, self.at, self._where = descriptor, at, where
        self.size = os.fstat(descriptor).st_size

    def take(self, size):
        data = os.pread(self._descriptor, size, self.at)
        self.skip(size)
        return data

    def skip(self, size):
        self.at += size
        if self.at > self.size:
            raise Refusal(f"{self._where} is cut off")

    def number(self, size):
        return int.from_bytes(self.take(size), "little")


def _zstd_end(descriptor, offset, where):
    """RFC 8878, section 3.1.1: one frame. The kernel unpacks no second one in the same go."""
    cursor = _Cursor(descriptor, offset + 4, where)
    flags = cursor.number(1)
    single = flags >> 5 & 1
    cursor.skip((1 - single) + (0, 1, 2, 4)[flags & 3] + (single, 2, 4, 8)[flags >> 6])
    while True:
        block = cursor.number(3)
        if block >> 1 & 3 == 3:
            raise Refusal(f"{where} is damaged: a block of no known kind")
        cursor.skip(1 if block >> 1 & 3 == 1 else block >> 3)
        if block & 1:
            break
    cursor.skip(4 * (flags >> 2 & 1))
    return cursor.at


def _lz4_legacy_end(descriptor, offset, where):
    """Blocks with their sizes, until the file, or zeros, or the next magic number."""
    cursor = _Cursor(descriptor, offset + 4, where)
    while cursor.at < cursor.size:
        # As new kernels do: too little for a block is the end.
        if cursor.at + 4 > cursor.size:
            break
        size = cursor.number(4)
        if size in (0, LZ4_MAGIC):
            return cursor.at - 4
        if size > LZ4_BLOCK:
            raise Refusal(f"{where} is damaged at byte {cursor.at - 4}: a block of {size} bytes")
        cursor.skip(size)
    return cursor.at


def _lz4_frame_end(descriptor, offset, where):
    cursor = _Cursor(descriptor, offset + 4, where)
    flags = cursor.number(1)
    cursor.skip(1 + 8 * (flags >> 3 & 1) + 4 * (flags & 1) + 1)
    while size := cursor.number(4):
        cursor.skip((size & 0x7FFFFFFF) + 4 * (flags >> 4 & 1))
    cursor.skip(4 * (flags >> 2 & 1))
    return cursor.at


_END = {"zstd": _zstd_end, "lz4 legacy": _lz4_legacy_end, "lz4 frame": _lz4_frame_end}


def lz4_legacy(data):
    """`data` in the format that the kernel's unlz4 takes, unpacked as it is: literals only."""
    parts = [struct.pack("<I", LZ4_MAGIC)]
    for start in range(0, len(data), 8 << 20):
        block = data[start : start + (8 << 20)]
        head = bytes([min(len(block), 15) << 4])
        if len(block) >= 15:
            more = len(block) - 15
            head += b"\xff" * (more // 255) + bytes([more % 255])
        parts += [struct.pack("<I", len(head) + len(block)), head, block]
    return b"".join(parts)
