"""The two patchers of XCP-ng's own iso-remaster.sh: each gets a directory, and changes what lies there.

It runs them under fakeroot, whatever its working directory is, and gives them no further argument: words and program
come from the environment.
"""

import os
import signal
import stat
import sys
import tempfile
from pathlib import Path

from bake import bake, cpio, kinds, machines, output, streams
from bake.errors import Refusal
from bake.image import KEPT, MARKER
from bake.tree import Tree

from . import layout, words
from .entries import Entries

ROOT = Path(__file__).resolve().parent.parent.parent
WORDS, PROGRAM, ANSWERS = "BONDSTRAP_CMDLINE", "BONDSTRAP_BINARY", "BONDSTRAP_ANSWERFILE"


class _Unpacked:
    """install.img as a directory; what `bake` looks at in an image."""

    def __init__(self, root):
        self._root, self.tree, self.segments = root, Tree(), []
        for folder, folders, names in os.walk(root, onerror=_fail):
            folders.sort()
            for name in sorted(folders + names):
                self._add(os.path.join(folder, name))

    def _add(self, path):
        status = os.lstat(path)
        name, data, target = os.path.relpath(path, self._root), None, None
        if stat.S_ISLNK(status.st_mode):
            target = os.readlink(path)
        elif stat.S_ISREG(status.st_mode) and os.path.basename(path) in KEPT:
            data = Path(path).read_bytes()
        header = cpio.Header(name, status.st_mode, status.st_size, uid=status.st_uid, gid=status.st_gid)
        self.tree.add(header, data, target, name)

    def read_files(self, nodes):
        """The bodies of these files."""
        return [(self._root / node.place).read_bytes() for node in nodes]


def _fail(error):
    raise Refusal(f"{error.filename} can't be read: {error.strerror}")


def _program():
    return os.environ.get(PROGRAM) or str(ROOT / "dist" / "bondstrap")


def _directory(argv, what):
    if len(argv) != 1 or not os.path.isdir(argv[0]):
        raise Refusal(f"it takes one directory, {what}, as iso-remaster.sh hands it over")
    return Path(argv[0])


def install(argv):
    """--install-patcher: program and unit into the unpacked install.img."""
    root = _directory(argv, "the unpacked install.img")
    program = bake.read_program(_program())
    if machines.of(program) != machines.X86_64:
        raise Refusal(f"the program is not for x86_64, as these installers are: say in {PROGRAM} where the fitting one is")
    unpacked = _Unpacked(root)
    if not kinds.XcpNg.detect(unpacked.tree):
        raise Refusal(f"{root} is not XCP-ng's install.img: it has no {kinds.XcpNg.about}")
    warnings = layout.warnings(unpacked.tree)
    result = bake.into_image(bake.Request(program), unpacked)
    _write(root, result.archive)
    return ["; ".join(result.told)], warnings + result.warnings


def _write(root, archive):
    """The entries of an archive into a directory. Their paths go through no links: `bake` has resolved them."""
    stream = streams.Stream(iter([archive]), "bondstrap's own archive")
    while (header := cpio.read_header(stream, "bondstrap's own archive")).name != cpio.TRAILER:
        body = cpio.read_body(stream, header)
        path = root / header.name
        # It marks a segment, and there will be none.
        if header.name == MARKER:
            continue
        if header.kind == stat.S_IFDIR:
            path.mkdir(exist_ok=True)
            path.chmod(stat.S_IMODE(header.mode))
            continue
        if path.is_symlink() or path.exists():
            path.unlink()
        if header.kind == stat.S_IFLNK:
            path.symlink_to(cpio.text(body))
        else:
            path.write_bytes(body)
            if (header.uid, header.gid) != (0, 0):
                os.chown(path, header.uid, header.gid)
            path.chmod(stat.S_IMODE(header.mode))


def iso(argv):
    """--iso-patcher: the words into every boot configuration of the unpacked ISO."""
    root = _directory(argv, "the unpacked ISO")
    kernel_words = words.read(os.environ.get(WORDS, ""), WORDS)
    if os.environ.get(ANSWERS):
        kernel_words = words.unattended(kernel_words, os.environ[ANSWERS], ANSWERS)
    files = [f"/{os.path.relpath(os.path.join(folder, name), root)}" for folder, _, names in os.walk(root) for name in names]
    entries = Entries(kernel_words, _program())
    changed = entries.all(files, lambda path: (root / path[1:]).read_bytes())
    image = root / layout.EFI[1:]
    if image.is_file():
        with tempfile.TemporaryDirectory(prefix="bondstrap-") as folder:
            copy = Path(folder) / "efiboot.img"
            copy.write_bytes(image.read_bytes())
            if entries.efi(copy, Path(folder), int(image.stat().st_mtime)):
                changed[layout.EFI] = copy.read_bytes()
    # What is refused leaves all as it was.
    warnings = entries.warnings()
    for path, data in changed.items():
        _replace(root / path[1:], data)
    return entries.lines, warnings


def _replace(path, data):
    """Also what was unpacked read-only."""
    output.write(path, [data], 0o644)


def main(name, work):
    """Runs one patcher; the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        lines, warnings = work(sys.argv[1:])
    except (Refusal, OSError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    for warning in warnings:
        print(f"{name}: warning: {warning}", file=sys.stderr)
    print("\n".join(lines))
    return 0
