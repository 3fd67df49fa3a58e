"""Arguments in, sentences and exit codes out."""

import argparse
import signal
import sys
from pathlib import Path

from bake import bake, origin
from bake.errors import Refusal

from . import remaster, words

ROOT = Path(__file__).resolve().parent.parent.parent

ABOUT = """\
Puts bondstrap into an installer's ISO: XCP-ng and XenServer 8.2, 8.3 and 9. Program and unit go into install.img, the
words behind Linux's own in every boot entry. It still boots by BIOS, UEFI and from USB. OUT.iso is written whole or
not at all. What an earlier run put in is replaced."""


def _arguments(argv):
    parser = argparse.ArgumentParser(
        prog="remaster-iso", usage='remaster-iso IN.iso OUT.iso [--cmdline "WORDS"] [--answerfile URL] [--binary PATH]\n'
        "                    [--modules DIR]...",
        description=ABOUT, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("source", metavar="IN.iso", help="the installer as it was fetched, or one remastered before")
    parser.add_argument("target", metavar="OUT.iso", help="where the new one goes; it must not be there yet")
    parser.add_argument("--cmdline", metavar="WORDS", default="",
                        help='for example "bond=eth0,eth1 bondmode=802.3ad ip=dhcp"; without, bondstrap stays idle')
    parser.add_argument("--answerfile", metavar="URL",
                        help="install without anybody at the screen, by this answer file (http or https)")
    parser.add_argument("--binary", metavar="PATH", default=str(ROOT / "dist" / "bondstrap"),
                        help="the static program (dist/bondstrap)")
    parser.add_argument("--modules", metavar="DIR", action="append", default=[],
                        help="/lib/modules/VERSION of the installer's kernel, should install.img lack bonding")
    return parser.parse_args(argv)


def main(argv=None):
    """Runs it; the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        options = _arguments(argv)
        kernel_words = words.read(options.cmdline)
        if options.answerfile is not None:
            kernel_words = words.unattended(kernel_words, options.answerfile)
        program = bake.read_program(options.binary)
        if kernel_words:
            bake.check_words(" ".join(kernel_words), options.binary)
        baked = bake.Request(program, None, [origin.directory(directory) for directory in options.modules])
        request = remaster.Request(baked, str(Path(options.binary).resolve()), kernel_words)
        if sys.stderr.isatty():
            print("install.img is unpacked once to look at it: some seconds", file=sys.stderr)
        report = remaster.remaster(options.source, options.target, request)
    except Refusal as refusal:
        print(f"remaster-iso: {refusal}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    for warning in report.warnings:
        print(f"remaster-iso: warning: {warning}", file=sys.stderr)
    print("\n".join(report.lines))
    return 0
