"""An ISO 9660 volume: what stands in it where, read by xorriso and checked here."""

import calendar
import os
import re
import shutil
import stat
import subprocess
import time
from dataclasses import dataclass

from bake.errors import Refusal

SECTOR = 2048
# Of 1 GiB it takes seconds; a stick may be slow.
LIMIT = 1800
_UNKNOWN = ("1970010100000000", 0)
_FILE = re.compile(r"File data lba:\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*,\s*'(.*)'\Z")


def xorriso(arguments, epoch=None):
    """Runs it; (exit code, lines of its result, lines of its messages)."""
    path = shutil.which("xorriso")
    if not path:
        raise Refusal("the command xorriso is not here: install the package xorriso")
    environment = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    environment |= {"LC_ALL": "C"} | ({} if epoch is None else {"SOURCE_DATE_EPOCH": str(epoch)})
    try:
        done = subprocess.run(
            [path, "-no_rc", "-return_with", "SORRY", "32", *arguments],
            stdin=subprocess.DEVNULL, capture_output=True, env=environment, timeout=LIMIT, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Refusal(f"xorriso did not end within {LIMIT} s") from None
    result, messages = (text.decode("utf-8", "surrogateescape").splitlines() for text in (done.stdout, done.stderr))
    return done.returncode, result, messages


def complaint(messages):
    """The most telling lines of its messages."""
    wanted = ("FAILURE", "FATAL", "ABORT", "SORRY", "MISHAP")
    told = [line.strip() for line in messages if any(f": {word} :" in line for word in wanted)]
    told = [line for line in told if "-return_with" not in line]
    return " | ".join(dict.fromkeys(told[:3])) or (messages[-1].strip() if messages else "without a word")


@dataclass(frozen=True)
class Extent:
    """A piece of a file."""

    start: int
    size: int


class Volume:
    """A finished ISO. Opened once; nothing is changed by it."""

    def __init__(self, path):
        self.path = path
        try:
            self._file = open(path, "rb")  # noqa: SIM115: as long as the volume
            status = os.fstat(self._file.fileno())
        except OSError as error:
            raise Refusal(f"{path} can't be read: {error.strerror}") from None
        if not stat.S_ISREG(status.st_mode):
            raise Refusal(f"{path} is no regular file: pass the ISO itself")
        self.size, self.mode = status.st_size, stat.S_IMODE(status.st_mode)
        self._descriptors()
        code, result, messages = xorriso(
            ["-indev", f"stdio:{path}", "-report_el_torito", "plain", "-report_system_area", "plain",
             "-find", "/", "-type", "f", "-exec", "report_lba", "--"]
        )  # fmt: skip
        if code:
            raise Refusal(f"{path} can't be read as an ISO; xorriso says: {complaint(messages)}")
        self.files = _files(result)
        self.boot = [line for line in result if not line.startswith(("File data lba:", "Report layout:"))]

    def _told(self, what):
        """Number of a boot image → what is told of it."""
        values = [line.partition(":")[2].split(None, 1) for line in self.boot if line.startswith(what)]
        return {value[0]: value[1].strip() for value in values if len(value) == 2}

    @property
    def boot_images(self):
        """Number → BIOS or UEFI."""
        return {number: told.split()[0] for number, told in self._told("El Torito boot img").items()}

    @property
    def boot_paths(self):
        """Number → its file."""
        return self._told("El Torito img path")

    @property
    def boot_options(self):
        """Number → what is patched into it."""
        return {number: told.split() for number, told in self._told("El Torito img opts").items()}

    def close(self):
        """The file is let go."""
        self._file.close()

    def _at(self, length, at):
        try:
            return os.pread(self._file.fileno(), length, at)
        except OSError as error:
            raise Refusal(f"{self.path} can't be read: {error.strerror}") from None

    def _descriptors(self):
        self.joliet, at, primary = False, 16, None
        while True:
            sector = self._at(SECTOR, at * SECTOR)
            if len(sector) < SECTOR or sector[1:6] != b"CD001":
                break
            if sector[0] == 1 and primary is None:
                primary = sector
            elif sector[0] == 2 and sector[88:90] == b"%/":
                self.joliet = True
            if sector[0] == 255 or at > 64:
                break
            at += 1
        if primary is None:
            what = "is cut off" if 0 < self.size < 18 * SECTOR else "is no ISO"
            raise Refusal(f"{self.path} {what}: it has {self.size} bytes and no ISO 9660 descriptor at byte 32768")
        blocks = int.from_bytes(primary[80:84], "little")
        if self.size < blocks * SECTOR:
            raise Refusal(
                f"{self.path} is cut off: it has {self.size} bytes, and its own header says {blocks * SECTOR}; "
                f"fetch it again and compare its checksum"
            )
        # Its identity, by which GRUB can search for it, and the time of what is made of it: the same input makes the
        # same bytes.
        self.identity, self.epoch = next(filter(None, map(_date, (primary[830:846], primary[813:829]))), _UNKNOWN)

    def kept(self, path):
        """There is a file of this name."""
        return path in self.files

    def length(self, path):
        """Its bytes."""
        return sum(extent.size for extent in self.files[path])

    def pieces(self, path):
        """The bytes of a file, in pieces."""
        for extent in self.files[path]:
            at, end = extent.start, extent.start + extent.size
            while at < end:
                piece = self._at(min(1 << 22, end - at), at)
                if not piece:
                    raise Refusal(f"{self.path} is cut off within {path}")
                at += len(piece)
                yield piece

    def read(self, path):
        """The bytes of a small file."""
        return b"".join(self.pieces(path))


def _date(digits):
    """(the digits, seconds since 1970); None: no date."""
    try:
        text = digits.decode("ascii")
        return (text, calendar.timegm(time.strptime(text[:14], "%Y%m%d%H%M%S"))) if text.isdigit() else None
    except ValueError:
        return None


def _files(lines):
    """path → extents."""
    files = {}
    for line in lines:
        match = _FILE.match(line)
        if match:
            _, start, blocks, size, path = match.groups()
            extents = files.setdefault(path, [])
            # Of a file in several extents each line tells the whole size.
            told = sum(extent.size for extent in extents)
            extents.append(Extent(int(start) * SECTOR, min(int(blocks) * SECTOR, int(size) - told)))
    return files
