"""The file that comes out: beside its place first, then renamed. Either all of it is there, or nothing has changed."""

import gzip
import os
import stat
import tempfile

from . import streams
from .errors import Refusal


def packed(archive, compression, at):
    """The bytes that are appended at byte `at` behind a segment of this compression.

    gzip is what every kernel unpacks, behind everything but lz4: unlz4() takes whatever follows for its own next
    block (new kernels not four zeros, 5.10 even those), so there it goes on in lz4, without zeros in between or behind.
    """
    if compression == "lz4 legacy":
        return streams.lz4_legacy(archive)
    data = bytes(-at % 4) + gzip.compress(archive, compresslevel=9, mtime=0)
    # So that a plain cpio may follow.
    return data + bytes(-(at + len(data)) % 4)


def write(path, pieces, mode):
    """Writes `pieces` to `path`. A link is written through; a file that is there keeps its mode."""
    target = os.path.realpath(path)
    try:
        old = os.stat(target)
    except FileNotFoundError:
        old = None
    except OSError as error:
        raise Refusal(f"{path} can't be written: {error.strerror}") from None
    if old is not None and not stat.S_ISREG(old.st_mode):
        raise Refusal(f"{path} can't be written: it is there, and no regular file")
    temporary = None
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=".bondstrap-", dir=os.path.dirname(target))
        with os.fdopen(descriptor, "wb") as file:
            for piece in pieces:
                file.write(piece)
            os.fchmod(file.fileno(), stat.S_IMODE(old.st_mode if old is not None else mode))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
        temporary = None
    except OSError as error:
        raise Refusal(f"{path} can't be written: {error.strerror}") from None
    finally:
        if temporary is not None:
            os.unlink(temporary)


def copy(file, ranges):
    """These ranges of a file, in pieces."""
    for start, end in ranges:
        while start < end:
            piece = os.pread(file.fileno(), min(streams.PIECE, end - start), start)
            if not piece:
                raise Refusal(f"{file.name} became shorter while it was read")
            start += len(piece)
            yield piece
