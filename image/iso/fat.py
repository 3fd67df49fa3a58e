"""The FAT image that UEFI starts from: configurations in it are read and replaced, by mtools."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from bake.errors import Refusal

LIMIT = 60
# What a larger image gets beside the words: room for the next ones.
SPARE = 256 << 10


def _run(arguments, epoch=0):
    path = shutil.which(arguments[0])
    if not path:
        raise Refusal(f"the command {arguments[0]} is not here: install the package mtools")
    environment = os.environ | {
        "LC_ALL": "C", "TZ": "UTC", "MTOOLSRC": os.devnull, "MTOOLS_SKIP_CHECK": "1", "SOURCE_DATE_EPOCH": str(epoch),
    }  # fmt: skip
    try:
        done = subprocess.run(
            [path, *arguments[1:]], stdin=subprocess.DEVNULL, capture_output=True, env=environment, timeout=LIMIT, check=False
        )
    except subprocess.TimeoutExpired:
        raise Refusal(f"{arguments[0]} did not end within {LIMIT} s") from None
    return done.returncode, done.stdout, " ".join(done.stderr.decode("utf-8", "replace").split())


def _must(arguments, where, epoch=0):
    code, out, said = _run(arguments, epoch)
    if code:
        raise Refusal(f"{where} can't be read or written as a FAT image; {arguments[0]} says: {said}")
    return out


def listing(image, where):
    """The paths of all files and directories (with a slash at their end), outermost first."""
    out = _must(["mdir", "-/", "-b", "-a", "-i", str(image), "::/"], where).decode("utf-8", "surrogateescape")
    return [line[2:] for line in out.splitlines() if line.startswith("::/")]


def read(image, path, where):
    """A file of the image."""
    return _must(["mcopy", "-n", "-i", str(image), f"::{path}", "-"], where)


def replace(image, changed, folder, where, epoch):
    """Writes `changed` (path → bytes) into the image file; where they do not fit, the image grows."""
    files = {}
    for number, (path, data) in enumerate(changed.items()):
        files[path] = folder / f"fat-{number}"
        files[path].write_bytes(data)
        os.utime(files[path], (epoch, epoch))
    # First zeros over all that the old file held: nothing of an earlier run's words stays behind the new end.
    blanks, cluster = {}, _cluster(image, where)
    for number, path in enumerate(files):
        blanks[path] = folder / f"fat-blank-{number}"
        blanks[path].write_bytes(bytes(-(-len(read(image, path, where)) // cluster) * cluster))
        os.utime(blanks[path], (epoch, epoch))
    copy = folder / "fat-copy"
    shutil.copyfile(image, copy)
    if not (_put(copy, blanks, epoch) and _put(copy, files, epoch)):
        _grow(image, copy, files, sum(map(len, changed.values())), folder, where, epoch)
    shutil.copyfile(copy, image)
    for path, data in changed.items():
        if read(image, path, where) != data:
            raise Refusal(f"{where}: {path} is not what was written into it; is the image damaged?")


def _information(image, where):
    return _must(["minfo", "-i", str(image), "::"], where).decode("utf-8", "replace")


def _cluster(image, where):
    """The bytes of a cluster."""
    numbers = re.findall(r"^(?:sector|cluster) size: (\d+)", _information(image, where), re.MULTILINE)
    if len(numbers) != 2:
        raise Refusal(f"{where} can't be read as a FAT image; minfo does not tell its cluster size")
    return int(numbers[0]) * int(numbers[1])


def _put(image, files, epoch):
    """All of them, or False: no room."""
    for path, source in files.items():
        code, _, said = _run(["mcopy", "-o", "-m", "-i", str(image), str(source), f"::{path}"], epoch)
        if code:
            if "full" in said.lower() or "no free cluster" in said.lower():
                return False
            raise Refusal(f"{path} can't be written into the FAT image; mcopy says: {said}")
    return True


def _grow(image, copy, files, more, folder, where, epoch):
    """The same files in a larger image, with the same name and number."""
    information = _information(image, where)
    serial = re.search(r"serial number: ([0-9A-Fa-f]{8})", information)
    label = re.search(r'disk label="([^"]*?) *"', information)
    copy.unlink()
    # 2 KiB is the sector of an ISO, and 32 of 64 heads by 32 sectors keep it on whole tracks of 16 KiB.
    size = -(-(image.stat().st_size + more + SPARE) // 16384) * 16384
    name = label[1] if label and label[1] and label[1] != "NO NAME" else None
    _must(
        ["mformat", "-C", "-i", str(copy), "-T", str(size // 512), "-h", "2", "-s", "16",
         *(["-N", serial[1]] if serial else []), *(["-v", name] if name else []), "::"], where, epoch
    )  # fmt: skip
    for number, path in enumerate(listing(image, where)):
        if path.endswith("/"):
            if path != "/":
                _must(["mmd", "-i", str(copy), f"::{path.rstrip('/')}"], where, epoch)
            continue
        source = files.get(path)
        if source is None:
            source = Path(folder) / f"fat-old-{number}"
            _must(["mcopy", "-n", "-m", "-i", str(image), f"::{path}", str(source)], where)
        _must(["mcopy", "-m", "-i", str(copy), str(source), f"::{path}"], where, epoch)
