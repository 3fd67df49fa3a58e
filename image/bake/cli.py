"""Arguments in, sentences and exit codes out."""

import argparse
import os
import signal
import stat
import sys
from pathlib import Path

from . import bake, kinds, origin, output
from .errors import Refusal
from .image import Image

ROOT = Path(__file__).resolve().parent.parent.parent

USAGE = """\
bake-initramfs IN OUT [--cmdline WORDS] [--modules DIR]... [--hook KIND] [--binary PATH]
       bake-initramfs --overlay OUT [--cmdline WORDS] [--modules DIR]... [--binary PATH]
       bake-initramfs --list IN"""

ABOUT = """\
Appends bondstrap to an initramfs, as one more segment: program, boot script or unit, words, kernel modules.
IN may be of any compression and of several segments. It is read, never unpacked; OUT is written at once or not at
all, and may be IN. What an earlier run appended is replaced."""


def _arguments(argv):
    parser = argparse.ArgumentParser(prog="bake-initramfs", usage=USAGE, description=ABOUT, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", metavar="IN OUT", help="the initramfs, and where the new one goes")
    parser.add_argument("--cmdline", metavar="WORDS", help="words to bake in; those of the boot line come before them")
    parser.add_argument("--modules", metavar="DIR", action="append", default=[],
                        help="/lib/modules/VERSION of the image's kernel, where the image lacks bonding")
    parser.add_argument("--hook", metavar="KIND", choices=[kind.name for kind in kinds.KINDS],
                        help=f"what starts it: {', '.join(kind.name for kind in kinds.KINDS)}; else found out from IN")
    parser.add_argument("--binary", metavar="PATH", default=str(ROOT / "dist" / "bondstrap"),
                        help="the static program (dist/bondstrap)")
    parser.add_argument("--overlay", metavar="OUT", help="a segment for any image, to boot with as a second initrd")
    parser.add_argument("--list", metavar="IN", dest="listed", help="show the segments of an initramfs")
    options = parser.parse_args(argv)
    wanted = 0 if options.overlay is not None or options.listed is not None else 2
    if options.overlay is not None and options.listed is not None or len(options.files) != wanted:
        parser.error("it takes IN and OUT, or --overlay OUT, or --list IN")
    if options.overlay is not None and options.hook is not None:
        parser.error("--overlay brings the hooks of all kinds: leave --hook out")
    return options


def _open(path):
    try:
        file = open(path, "rb")  # noqa: SIM115: the caller's
    except OSError as error:
        raise Refusal(f"{path} can't be read: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise Refusal(f"{path} is no regular file")
    return file


def _request(options):
    program = bake.read_program(options.binary)
    warnings = bake.check_words(options.cmdline, options.binary) if options.cmdline is not None else []
    directories = [origin.directory(directory) for directory in options.modules]
    versions = [directory.version for directory in directories]
    if len(set(versions)) != len(versions):
        raise Refusal(f"--modules: two directories of the same kernel {max(versions, key=versions.count)}")
    return bake.Request(program, options.cmdline, directories, options.hook, warnings)


def _bake(options):
    source, target = options.files
    request = _request(options)
    with _open(source) as file:
        image = Image(file, source)
        if all(segment.ours for segment in image.segments):
            raise Refusal(f"{source} holds nothing but what bondstrap adds: pass the image that it is added to")
        base, last = image.base(), image.last()
        result = bake.into_image(request, image)
        if last.compression == "lz4 legacy":
            # Zeros behind it are its end for new kernels and damage for old ones: without them both go on.
            base[-1] = (base[-1][0], last.end)
        appended = output.packed(result.archive, last.compression, sum(end - start for start, end in base))
        pieces = [output.copy(file, base), iter([appended])]
        output.write(target, (piece for part in pieces for piece in part), os.fstat(file.fileno()).st_mode)
    if last.compression == "lz4 frame":
        result.warnings.append("the kernel unpacks lz4 only in its legacy format (lz4 -l), and this image is in the other")
    _tell(result, target, len(appended))


def _overlay(options):
    result = bake.overlay(_request(options))
    packed = output.packed(result.archive, "none", 0)
    output.write(options.overlay, [packed], 0o644)
    _tell(result, options.overlay, len(packed))


def _tell(result, target, size):
    for warning in result.warnings:
        print(f"bake-initramfs: warning: {warning}", file=sys.stderr)
    print(f"{target}: {size} bytes of bondstrap; {'; '.join(result.told) or 'overlay'}")


def _list(options):
    with _open(options.listed) as file:
        image = Image(file, options.listed)
        for segment in image.segments:
            print(f"{segment.start:>12} {segment.end - segment.start:>12} {segment.compression:<10} "
                  f"{segment.entries:>6} entries{'  bondstrap' if segment.ours else ''}")
            for line in segment.note.splitlines():
                print(f"{'':>12} | {line}")
        kind = next((kind.name for kind in kinds.KINDS if kind.detect(image.tree)), "unknown")
        print(f"hook: {kind}")
        for folder in origin.versions(image.tree):
            inside = origin.InImage(image.tree, folder, image.read_files)
            state = "built in" if "bonding" in inside.builtin else "yes" if inside.is_indexed("bonding") else (
                "yes, but not in its index" if inside.has("bonding") else "no")
            print(f"kernel {inside.version}: bonding: {state}")


def main(argv=None):
    """Runs one command; the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        options = _arguments(argv)
        if options.listed is not None:
            _list(options)
        elif options.overlay is not None:
            _overlay(options)
        else:
            _bake(options)
    except Refusal as refusal:
        print(f"bake-initramfs: {refusal}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read --list has seen enough; the interpreter's own flush would complain again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return 130
    return 0
