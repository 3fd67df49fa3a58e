"""Entries for what boots over the network: pxelinux, GRUB and iPXE, from the same words."""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from bake import judge
from bake.errors import Refusal

from . import dom0, words

ROOT = Path(__file__).resolve().parent.parent.parent

XEN = "dom0_max_vcpus=1-16 dom0_mem=max:8192M com1=115200,8n1 console=com1,vga"
LINUX = {True: "console=hvc0 console=tty0", False: ""}

ABOUT = """\
Prints entries that boot an installer with these words, for pxelinux, GRUB and iPXE: those of XCP-ng and XenServer
(Xen, then Linux), or with --plain those of a Linux kernel and its initrd. See README.md beside this file."""


@dataclass(frozen=True)
class Boot:
    """What is booted, and with which words."""

    folder: str
    base: str
    image: str
    overlay: str | None
    own: list
    added: list

    @property
    def words(self):
        return [*self.own, *self.added]


def pxelinux_xen(boot):
    """mboot.c32 starts Xen; the part behind the first --- is Linux's."""
    linux = words.isolinux(boot.words)
    return f"""\
DEFAULT bondstrap
LABEL bondstrap
    KERNEL mboot.c32
    APPEND {boot.folder}/xen.gz {XEN} --- {boot.folder}/vmlinuz {linux} --- {boot.folder}/{boot.image}
"""


def grub_xen(boot):
    """Xen by multiboot2; Linux is its first module."""
    return f"""\
set timeout=5
menuentry "bondstrap" {{
    multiboot2 /{boot.folder}/xen.gz {XEN}
    module2 /{boot.folder}/vmlinuz {words.grub(boot.words)}
    module2 /{boot.folder}/{boot.image}
}}
"""


def ipxe_xen(boot):
    """The same, where the firmware is BIOS: under UEFI iPXE knows no multiboot, and GRUB takes over. Few builds of it
    unpack gzip."""
    return f"""\
#!ipxe
set base {boot.base}/{boot.folder}
iseq ${{platform}} efi && chain ${{base}}/grubx64.efi ||
# gunzip -c xen.gz >xen: hardly any iPXE unpacks it by itself
kernel ${{base}}/xen {XEN}
module ${{base}}/vmlinuz {words.ipxe(boot.words)}
module ${{base}}/{boot.image}
boot
"""


def pxelinux_plain(boot):
    """SYSAPPEND 2 adds BOOTIF: the bond then gets the MAC of the port that PXE used."""
    initrd = ",".join(f"{boot.folder}/{name}" for name in (boot.image, boot.overlay) if name)
    return f"""\
DEFAULT bondstrap
LABEL bondstrap
    LINUX {boot.folder}/vmlinuz
    INITRD {initrd}
    APPEND {words.isolinux(boot.words)}
    SYSAPPEND 2
"""


def grub_plain(boot):
    """Linux and its initrd."""
    initrd = " ".join(f"/{boot.folder}/{name}" for name in (boot.image, boot.overlay) if name)
    return f"""\
set timeout=5
menuentry "bondstrap" {{
    linux /{boot.folder}/vmlinuz BOOTIF=01-$net_default_mac {words.grub(boot.words)}
    initrd {initrd}
}}
"""


def ipxe_plain(boot):
    """Under UEFI the kernel asks for its initrd by name."""
    names = [name for name in (boot.image, boot.overlay) if name]
    linux = " ".join([*(f"initrd={name}" for name in names), "BOOTIF=01-${netX/mac:hexhyp}", words.ipxe(boot.words)])
    return "\n".join(
        ["#!ipxe", f"set base {boot.base}/{boot.folder}", f"kernel ${{base}}/vmlinuz {linux}",
         *(f"initrd ${{base}}/{name}" for name in names), "boot", ""]
    )  # fmt: skip


LOADERS = {
    "pxelinux": (pxelinux_xen, pxelinux_plain),
    "grub": (grub_xen, grub_plain),
    "ipxe": (ipxe_xen, ipxe_plain),
}
_COMMENT = "# {}: {}\n"
_PLACE = {"pxelinux": "pxelinux.cfg/default", "grub": "grub.cfg", "ipxe": "a script of its own, with #!ipxe as its first line"}


def _arguments(argv):
    parser = argparse.ArgumentParser(
        prog="entries", description=ABOUT, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter,
        usage='entries --cmdline "WORDS" [--plain] [--loader NAME] [--folder DIR] [--image FILE] [--overlay FILE] '
              '[--base URL] [--own WORDS] [--answerfile URL] [--binary PATH]',
    )  # fmt: skip
    parser.add_argument("--cmdline", metavar="WORDS", required=True, help='for example "bond=eth0,eth1 ip=dhcp"')
    parser.add_argument("--plain", action="store_true", help="a Linux kernel and its initrd, without Xen")
    parser.add_argument("--loader", choices=list(LOADERS), help="only this one's entry")
    parser.add_argument("--folder", metavar="DIR", default="installer",
                        help="where the files are, below the server's root (installer)")
    parser.add_argument("--image", metavar="FILE", help="the baked image in it (install.img; with --plain initrd.img)")
    parser.add_argument("--overlay", metavar="FILE", help="a second initrd beside it, such as overlay.cpio.gz")
    parser.add_argument("--base", metavar="URL", default="http://${next-server}", help="for iPXE: the server's root")
    parser.add_argument("--own", metavar="WORDS", help=f"the installer's own words ({LINUX[True]}; with --plain none)")
    parser.add_argument("--answerfile", metavar="URL",
                        help="XCP-ng installs without anybody at the screen, by this answer file (http or https)")
    parser.add_argument("--binary", metavar="PATH", default=str(ROOT / "dist" / "bondstrap"),
                        help="the program, which judges the words if it is there (dist/bondstrap)")
    return parser.parse_args(argv)


def _warnings(boot, options):
    """About the words as the kernel gets them; those that would be lost or are not followed are refused."""
    line = " ".join(boot.words)
    if options.plain:
        return judge.warnings(line, options.binary, "--cmdline")
    return dom0.warnings([dom0.Line("--cmdline", " ".join(boot.own), line)], options.binary)


def _name(value, option):
    """A file or folder as every loader takes it without quotes."""
    if not value.strip("/") or any(not (letter.isalnum() and letter.isascii() or letter in "/._+-") for letter in value):
        raise Refusal(f"{option} {value!r}: letters, digits and / . _ + - are what all loaders take as they are")
    return value.strip("/")


def main(argv=None):
    """Prints them; the exit code."""
    options = _arguments(argv)
    try:
        if options.overlay and not options.plain:
            raise Refusal("Xen hands Linux one file: put bondstrap into it with image/bake-initramfs, or remaster "
                          "the ISO")
        added = words.read(options.cmdline)
        if options.answerfile is not None:
            if options.plain:
                raise Refusal("--answerfile is for XCP-ng's installer, which Xen starts: leave --plain or it out")
            added = words.unattended(added, options.answerfile)
        own = LINUX[not options.plain] if options.own is None else options.own
        boot = Boot(
            _name(options.folder, "--folder"), options.base.rstrip("/"),
            _name(options.image or ("initrd.img" if options.plain else "install.img"), "--image"),
            _name(options.overlay, "--overlay") if options.overlay else None,
            words.read(own, "--own"), added,
        )  # fmt: skip
        if any(letter.isspace() for letter in boot.base):
            raise Refusal(f"--base {boot.base!r}: a URL without blanks")
        warnings = _warnings(boot, options)
        if options.loader:
            text = LOADERS[options.loader][options.plain](boot)
        else:
            text = "\n".join(
                _COMMENT.format(name, _PLACE[name]) + makers[options.plain](boot) for name, makers in LOADERS.items()
            )
    except Refusal as refusal:
        print(f"entries: {refusal}", file=sys.stderr)
        return 1
    for warning in warnings:
        print(f"entries: warning: {warning}", file=sys.stderr)
    print(text, end="")
    return 0
