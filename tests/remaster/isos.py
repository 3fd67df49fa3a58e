"""Installers' ISOs as their makers make them, small; and the programs under test, as commands."""

import os
import re
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.dont_write_bytecode = True
sys.path += [str(ROOT / "image"), str(ROOT / "tests" / "bake")]

from kernel_model import Kernel  # noqa: E402
from support import DIR, FILE, PACKERS, PROGRAM, cpio, directories, elf, runnable, systemd  # noqa: E402

# With which words a layout of 9 is told from the others.
NINE = "remaster-iso: warning: this is an installer as of version 9 ("
COMMAND = ROOT / "image" / "remaster-iso"
BONDSTRAP = ROOT / "dist" / "bondstrap"
WORDS = "bond=eth0,eth1 bondmode=802.3ad ip=dhcp"
SECTOR = 2048

XEN = "dom0_mem=max:8192M com1=115200,8n1 console=com1,vga"
LABELS = {"install": "console=hvc0 console=tty0", "no-serial": "console=tty0",
          "multipath": "console=hvc0 console=tty0 device_mapper_multipath=enabled"}
ISOLINUX = "SERIAL 0 115200\nDEFAULT install\nPROMPT 1\nDISPLAY pg_main\n\n" + "".join(
    f"LABEL {label}\n\tKERNEL mboot.c32\n\tAPPEND /boot/xen.gz {XEN} --- /boot/vmlinuz {own} --- /install.img\n"
    for label, own in LABELS.items()
) + "LABEL other-kernel\n\tKERNEL mboot.c32\n\tAPPEND /boot/xen.gz --- /boot/alt/vmlinuz kernel-alt --- /install.img\n" \
    "\nLABEL memtest\n\tLINUX /boot/memtest.bin\n"  # fmt: skip
GRUB = 'set default="0"\n\nfunction load_video {\n  insmod all_video\n}\nset timeout=5\n\n' + "".join(
    f'menuentry "{label}" {{\n    multiboot2 /boot/xen.gz {XEN}\n    module2 /boot/vmlinuz {own}\n'
    f"    module2 /install.img\n}}\n\n" for label, own in LABELS.items()
) + 'menuentry "memtest" {\n    chainloader /boot/memtest.efi\n}\n'  # fmt: skip
SEARCH = GRUB.replace("set timeout=5\n", "set timeout=5\nsearch --file --set /install.img\n")

# The installer itself, as far as anything here looks at it.
INIT = b"""#!/usr/bin/env python
import install

def main(args):
    rename_nics()

    rc = install.go(ui, args,
                    answers)
    return rc
"""
SCRIPTS = b"script_dict = {}\n\ndef add_script(stage, url):\n    script_dict.setdefault(stage, []).append(url)\n"
# What is put beside it, and what is put over it.
OURS = {"/usr/bin/bondstrap", "/etc/systemd/system/bondstrap.service", "/etc/profile.d/bondstrap.sh",
        "/etc/systemd/system/multi-user.target.wants/bondstrap.service", "/opt/bondstrap", "/opt/bondstrap/persist",
        "/opt/bondstrap/answerfile", "/opt/bondstrap/answerfile.py", "/opt/bondstrap/firstboot",
        "/opt/bondstrap/bondstrap-firstboot.service", "/opt/xensource/installer/init"}  # fmt: skip


def root_of_installer(init=INIT, scripts=SCRIPTS, renames=True):
    """Entries of an install.img. `renames`: it gives the NICs temporary names, as 8 does."""
    names = {entry[0] for entry in systemd()}
    more = [entry for entry in directories("opt/xensource/installer", "etc/profile.d",
                                           "etc/systemd/system/multi-user.target.wants") if entry[0] not in names]
    if renames:
        more += [("etc/init.d", DIR, b""), ("etc/init.d/interface-rename-sideway", PROGRAM, b"#!/bin/sh\n")]
    return [*systemd(), *more, ("opt/xensource/installer/init", PROGRAM, init),
            ("opt/xensource/installer/scripts.py", FILE, scripts),
            ("etc/systemd/system/installer.service", FILE, b"[Service]\n")]


# name → (compression of install.img, configurations on the ISO, the one in efiboot.img)
LAYOUTS = {
    "8.2": ("bzip2", {"boot/isolinux/isolinux.cfg": ISOLINUX, "EFI/xenserver/grub.cfg": GRUB}, SEARCH),
    "8.3": ("bzip2", {"boot/isolinux/isolinux.cfg": ISOLINUX.replace("\n", "\r\n"), "EFI/xenserver/grub.cfg": GRUB,
                      "EFI/xenserver/grub-usb.cfg": SEARCH}, SEARCH),
    "9": ("zstd", {"boot/isolinux/isolinux.cfg": ISOLINUX, "EFI/xenserver/grub.cfg": GRUB,
                   "EFI/xenserver/grub-usb.cfg": SEARCH, "boot/grub/grub.cfg": GRUB}, SEARCH),
}  # fmt: skip


def run(*arguments, **options):
    """A command that has to work."""
    return subprocess.run([str(argument) for argument in arguments], check=True, capture_output=True, timeout=180,
                          stdin=subprocess.DEVNULL, **options).stdout


class Tree:
    """What goes onto an ISO."""

    def __init__(self, folder, layout="8.3"):
        self.folder = Path(folder)
        compression, configs, inner = LAYOUTS[layout]
        self.write("install.img", PACKERS[compression](cpio(root_of_installer(renames=layout != "9"))))
        for name, text in configs.items():
            self.write(name, text.encode())
        for name in ("boot/vmlinuz", "boot/alt/vmlinuz", "boot/xen.gz", "boot/memtest.bin", "EULA"):
            self.write(name, name.encode() * 99)
        self.write("boot/isolinux/isolinux.bin", Path("/usr/lib/ISOLINUX/isolinux.bin").read_bytes())
        self.write(".treeinfo", b"[branding]\nname = XCP-ng\nversion = %s.0\n" % layout.encode())
        self.write("Packages/a-package-whose-name-is-longer-than-joliet-would-have-it-1234567-8.xcpng.x86_64.rpm",
                   bytes(range(256)) * 3000)
        self.efiboot(inner.encode())

    def write(self, name, data):
        """A file; its directories are made."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def remove(self, name):
        """A file less."""
        (self.folder / name).unlink()

    def efiboot(self, config, size=2880, fill=0):
        """The FAT image; `fill`: bytes of another file in it."""
        image = self.folder / "boot/efiboot.img"
        image.unlink(missing_ok=True)
        run("mformat", "-i", image, "-N", "12345678", "-C", "-f", size, "::.")
        run("mmd", "-i", image, "::/EFI", "::/EFI/BOOT", "::/EFI/xenserver")
        source = self.folder.parent / "source"
        for name, data in (("BOOT/BOOTX64.EFI", b"MZ" + bytes(range(256)) * 999), ("xenserver/grub.cfg", config),
                           ("BOOT/FILL.BIN", b"\xa5" * fill)):
            if data:
                source.write_bytes(data)
                run("mcopy", "-i", image, source, f"::/EFI/{name}")
        source.unlink()

    def build(self, target):
        """The ISO, by the commands with which XCP-ng's is made."""
        run("genisoimage", "-quiet", "-o", target, "-r", "-J", "--joliet-long", "-V", "XCP-ng_8.3", "-input-charset",
            "utf-8", "-c", "boot/isolinux/boot.cat", "-b", "boot/isolinux/isolinux.bin", "-no-emul-boot",
            "-boot-load-size", "4", "-boot-info-table", "-eltorito-alt-boot", "--efi-boot", "boot/efiboot.img",
            "-no-emul-boot", self.folder)
        run("isohybrid", "--uefi", target)
        return target


def extract(iso, folder):
    """All files of an ISO: {path: bytes}."""
    folder = Path(folder)
    run("xorriso", "-no_rc", "-osirrox", "on", "-indev", f"stdio:{iso}", "-extract", "/", folder)
    run("chmod", "-R", "u+w", folder)
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def place(iso, path):
    """The first sector of a file."""
    out = run("xorriso", "-no_rc", "-indev", f"stdio:{iso}", "-find", path, "-exec", "report_lba", "--").decode()
    return int(re.search(r"File data lba:\s*\d+\s*,\s*(\d+)", out)[1])


def fat_file(image, path):
    """A file in a FAT image."""
    return run("mcopy", "-n", "-i", image, f"::{path}", "-")


def unpack(image):
    """What the kernel makes of an install.img."""
    return Kernel().unpack(image).listing()


def boot_pointers(iso):
    """Where firmware looks: {what: sector}, read from the bytes of MBR, GPT and El Torito."""
    data = Path(iso).read_bytes()
    found = {"MBR isolinux": struct.unpack_from("<Q", data, 432)[0] / 4}
    for number in range(4):
        kind, start = data[446 + 16 * number + 4], struct.unpack_from("<I", data, 446 + 16 * number + 8)[0]
        if kind == 0xEF:
            found["MBR EFI"] = start / 4
    assert data[510:512] == b"\x55\xaa" and data[512:520] == b"EFI PART"
    table, count, size = struct.unpack_from("<QII", data, 512 + 72)
    for number in range(count):
        first = struct.unpack_from("<Q", data, table * 512 + number * size + 32)[0]
        if first:
            found["GPT EFI"] = first / 4
    record = data[17 * SECTOR : 18 * SECTOR]
    assert record[7:30] == b"EL TORITO SPECIFICATION"
    catalog = struct.unpack_from("<I", record, 71)[0] * SECTOR
    assert data[catalog + 30 : catalog + 32] == b"\x55\xaa" and data[catalog + 32] == 0x88
    found["El Torito BIOS"] = struct.unpack_from("<I", data, catalog + 40)[0]
    assert data[catalog + 65] == 0xEF and data[catalog + 96] == 0x88
    found["El Torito UEFI"] = struct.unpack_from("<I", data, catalog + 104)[0]
    found["UEFI length"] = struct.unpack_from("<H", data, catalog + 102)[0]
    return found


class Case(unittest.TestCase):
    """A test with a directory of its own, a blank in its name."""

    maxDiff = None

    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="bondstrap remaster ")
        self.addCleanup(holder.cleanup)
        self.dir = Path(holder.name)
        self.program = self.dir / "program"
        self.program.write_bytes(runnable())
        self.program.chmod(0o755)

    def tree(self, layout="8.3"):
        """A fresh tree."""
        return Tree(self.dir / "tree" / layout, layout)

    def iso(self, layout="8.3", name="in.iso", change=None):
        """A fresh ISO."""
        tree = self.tree(layout)
        if change:
            change(tree)
        return tree.build(self.dir / name)

    def run_command(self, *arguments, **options):
        """The program under test."""
        options.setdefault("env", os.environ)
        return subprocess.run([sys.executable, str(COMMAND), *map(str, arguments)], capture_output=True, text=True,
                              cwd=self.dir, timeout=60, check=False, **options)

    def remaster(self, source, words=WORDS, name="out.iso", warnings=""):
        """A new ISO, and what is told about it. `warnings`: what they begin with; None: any."""
        target = self.dir / name
        done = self.run_command(source, target, "--binary", self.program, *(["--cmdline", words] if words else []))
        self.assertEqual(done.returncode, 0, done.stderr)
        if warnings is not None:
            self.assertEqual(done.stderr[: len(warnings)] if warnings else done.stderr, warnings)
            self.assertEqual(done.stderr.count("\n"), bool(warnings))
        self.assertFalse(list(self.dir.glob(".bondstrap-*")), "something was left")
        return target, done.stdout
