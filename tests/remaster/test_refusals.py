"""What can't be done is refused with one sentence, and nothing is left. And what is warned of."""

import contextlib
import errno
import io
import os
import resource
import shutil
import stat
import subprocess
import time
import unittest
from unittest import mock

import isos
from isos import BONDSTRAP, DIR, FILE, PACKERS, WORDS, Case, cpio, elf, systemd

from iso import cli, readback, remaster, volume


class Refused(Case):
    def refuse(self, source, says, target=None, arguments=(), **options):
        """The sentence; the directory stays as it was."""
        before = sorted((path.name, path.stat().st_size) for path in self.dir.iterdir() if path.exists())
        done = self.run_command(source, target or self.dir / "out.iso", "--binary", self.program, "--cmdline", WORDS,
                                *arguments, **options)  # fmt: skip
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertTrue(done.stderr.startswith("remaster-iso: "), done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn(says, done.stderr)
        self.assertEqual(sorted((path.name, path.stat().st_size) for path in self.dir.iterdir() if path.exists()), before)

    def test_unknown_layouts(self):
        def efiless(tree):
            tree.remove("EFI/xenserver/grub.cfg")
            tree.remove("EFI/xenserver/grub-usb.cfg")

        for name, change, says in (
            ("image", lambda tree: tree.remove("install.img"), "it has no /install.img"),
            ("xen", lambda tree: tree.remove("boot/xen.gz"), "it has no /boot/xen.gz"),
            ("linux", lambda tree: tree.remove("boot/vmlinuz"), "it has no /boot/vmlinuz"),
            ("isolinux", lambda tree: tree.remove("boot/isolinux/isolinux.cfg"),
             "neither /boot/isolinux/isolinux.cfg nor /boot/grub/grub.cfg"),
            ("grub", efiless, "neither /EFI/xenserver/grub.cfg nor /boot/grub/grub.cfg"),
            ("no linux", lambda tree: tree.write("EFI/xenserver/grub.cfg", b"menuentry a {\n multiboot2 /boot/xen.gz\n}\n"),
             "/EFI/xenserver/grub.cfg starts Xen, but no Linux kernel"),
            ("other image", lambda tree: tree.write("install.img", PACKERS["bzip2"](cpio(systemd()))),
             "is not XCP-ng's: it has no /opt/xensource/installer"),
            ("no image", lambda tree: tree.write("install.img", b"text, and no archive"), "is no initramfs"),
            ("cut image", lambda tree: tree.write("install.img", PACKERS["bzip2"](cpio(isos.root_of_installer()))[:-20]),
             "is cut off"),
            ("no modules", lambda tree: tree.write("install.img", cpio(
                [*systemd(modules=False), ("opt", DIR, b""), ("opt/xensource", DIR, b""),
                 ("opt/xensource/installer", DIR, b""), ("opt/xensource/installer/init", FILE, b"")])), "no kernel modules"),
            ("no fat", lambda tree: tree.write("boot/efiboot.img", b"\xff" * 8192), "can't be read or written as a FAT image"),
        ):  # fmt: skip
            with self.subTest(name):
                tree = isos.Tree(self.dir / "tree" / name, "8.3")
                change(tree)
                source = tree.build(self.dir / f"{name}.iso")
                self.refuse(source, says)
                source.unlink()

    def test_no_iso(self):
        for name, data, says in (("empty", b"", "is no ISO: it has 0 bytes"), ("text", b"x" * 99999, "is no ISO"),
                                 ("short", bytes(32768), "is cut off")):  # fmt: skip
            with self.subTest(name):
                path = self.dir / name
                path.write_bytes(data)
                self.refuse(path, says)
        self.refuse(self.dir / "not there", "No such file")
        self.refuse(self.dir, "can't be read: Is a directory")
        self.refuse("/dev/null", "is no regular file")

    def test_cut_off(self):
        source = self.iso()
        data = source.read_bytes()
        # The last sectors are padding that no header counts; 300 sectors are not.
        for length in (32768 + 100, 32768 + 2048, 100000, len(data) // 2, len(data) - 1 - (1 << 20)):
            with self.subTest(length):
                source.write_bytes(data[:length])
                self.refuse(source, "is cut off: it has")

    def test_a_medium_that_can_not_be_read(self):
        source = self.iso()
        real = os.pread
        for first in (0, 30 * volume.SECTOR):
            def pread(number, length, at, first=first):
                if at >= first:
                    raise OSError(errno.EIO, os.strerror(errno.EIO))
                return real(number, length, at)

            said = io.StringIO()
            with self.subTest(first), mock.patch("os.pread", pread), contextlib.redirect_stderr(said):
                self.assertEqual(cli.main([str(source), str(self.dir / "out.iso"), "--binary", str(self.program)]), 1)
                self.assertEqual(said.getvalue().splitlines()[0], f"remaster-iso: {source} can't be read: Input/output error")

    def test_no_boot_record(self):
        tree = self.tree()
        source = self.dir / "in.iso"
        isos.run("genisoimage", "-quiet", "-o", source, "-r", "-J", tree.folder)
        self.refuse(source, "no boot record (El Torito)")

    def test_uefi_from_elsewhere(self):
        tree = self.tree()
        (tree.folder / "boot/efiboot.img").rename(tree.folder / "boot/other.img")
        source = self.dir / "in.iso"
        isos.run("xorriso", "-as", "mkisofs", "-o", source, "-r", "-c", "boot.cat", "-b", "boot/isolinux/isolinux.bin",
                 "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", "-eltorito-alt-boot", "-e", "boot/other.img",
                 "-no-emul-boot", tree.folder)  # fmt: skip
        self.refuse(source, "UEFI starts from /boot/other.img in it, and not from /boot/efiboot.img")

    def test_names(self):
        source = self.iso()
        link = self.dir / "link.iso"
        link.symlink_to(source)
        other = self.dir / "there.iso"
        other.write_bytes(b"mine")
        dangling = self.dir / "dangling.iso"
        dangling.symlink_to(self.dir / "nowhere" / "x")
        self.refuse(source, "is the ISO that is read", source)
        self.refuse(source, "is the ISO that is read", link)
        self.refuse(source, "is there already", other)
        dangling_parent = self.dir / "no directory" / "out.iso"
        self.refuse(source, "can't be written: No such file or directory", dangling_parent)
        dangling.unlink()
        dangling.symlink_to("out.iso")
        with self.assertRaisesRegex(remaster.Refusal, "is a link to nowhere"):
            remaster._free(source, dangling)
        self.assertEqual(other.read_bytes(), b"mine")

    def test_full_disk(self):
        source = self.iso()
        # Enough for the files in between, too little for the ISO: what a full disk does to xorriso's write().
        limit = source.stat().st_size * 3 // 4
        self.refuse(source, "can't be written; xorriso says: libburn : SORRY : Cannot write desired amount",
                    preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))  # fmt: skip
        self.refuse(source, "can't be written: File too large",
                    preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (999, 999)))  # fmt: skip

    def test_no_room(self):
        source = self.iso()
        status = os.statvfs(self.dir)
        little = os.statvfs_result((status.f_bsize, 1024, 9, 1000, 1000, *tuple(status)[5:]))
        with mock.patch("os.statvfs", return_value=little), contextlib.redirect_stderr(io.StringIO()) as said:
            self.assertEqual(cli.main([str(source), str(self.dir / "out.iso"), "--binary", str(self.program)]), 1)
        self.assertRegex(said.getvalue(), r"out\.iso needs \d+ MiB of room while it is made, and there are 0 MiB")
        self.assertFalse(list(self.dir.glob("*out*")) + list(self.dir.glob(".bondstrap-*")))

    def test_commands_that_are_not_here(self):
        source = self.iso()
        for name in ("xorriso", "mdir", "mcopy", "minfo"):
            folder = self.dir / f"without {name}"
            folder.mkdir()
            for other in ("xorriso", "mdir", "mcopy", "minfo", "python3"):
                if other != name:
                    (folder / other).symlink_to(shutil.which(other))
            with self.subTest(name):
                self.refuse(source, f"the command {name} is not here: install the package",
                            env={**os.environ, "PATH": str(folder)})  # fmt: skip

    def test_stopped(self):
        source = self.iso()
        fake = self.dir / "slow" / "xorriso"
        fake.parent.mkdir()
        real = shutil.which("xorriso")
        started = self.dir / "slow" / "started"
        fake.write_text(f'#!/bin/sh\ncase "$*" in *-outdev*) : >"{started}"; exec sleep 50 ;; esac\nexec {real} "$@"\n')
        fake.chmod(0o755)
        program = subprocess.Popen(
            [str(isos.COMMAND), source, self.dir / "out.iso", "--binary", self.program, "--cmdline", WORDS],
            env={**os.environ, "PATH": f"{fake.parent}:{os.environ['PATH']}"},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.addCleanup(program.wait)
        self.addCleanup(program.kill)
        deadline = time.monotonic() + 30
        while not started.exists():
            self.assertLess(time.monotonic(), deadline, "xorriso was never started")
            time.sleep(0.02)
        self.assertTrue(list(self.dir.glob(".bondstrap-*")))
        program.terminate()
        self.assertEqual(program.wait(30), 143)
        self.assertFalse(list(self.dir.glob("out.iso")) + list(self.dir.glob(".bondstrap-*")))

    def test_programs(self):
        source = self.iso()
        self.program.write_bytes(elf(183))
        self.refuse(source, "the program is not for x86_64")
        self.program.write_bytes(b"#!/bin/sh\n")
        self.refuse(source, "is no program (ELF file)")
        self.program.unlink()
        self.refuse(source, "build the program with scripts/build")

    def test_words(self):
        source = self.iso()
        self.refuse(source, "GRUB would put a backslash", arguments=("--cmdline", "a'b"))

    def test_changed_by_hand(self):
        tree = self.tree()
        tree.write("EFI/xenserver/grub.cfg", b"# bondstrap added: bond=eth7\n" + isos.GRUB.encode())
        self.refuse(tree.build(self.dir / "in.iso"), "/EFI/xenserver/grub.cfg was remastered, and changed by hand since")

    def test_a_lost_boot_record_would_be_seen(self):
        source = self.iso()
        forgetful = volume.xorriso

        def xorriso(arguments, epoch=None):
            if "replay" in arguments:
                at = arguments.index("replay")
                arguments = [*arguments[: at - 2], *arguments[at + 4 :]]
            return forgetful(arguments, epoch)

        with mock.patch.object(remaster, "xorriso", xorriso), contextlib.redirect_stderr(io.StringIO()) as said:
            self.assertEqual(cli.main([str(source), str(self.dir / "out.iso"), "--binary", str(self.program)]), 1)
        self.assertIn("lacks a boot record of the old one (El Torito boot img", said.getvalue())
        self.assertFalse(list(self.dir.glob("out.iso")))

    def test_a_wrong_byte_would_be_seen(self):
        target, _ = self.remaster(self.iso())
        data = bytearray(target.read_bytes())
        for path, says in (
            *((path, f"{path} in the new ISO is not what") for path in ("/boot/memtest.bin", "/install.img", "/EULA")),
            # It carries a sum of itself.
            ("/boot/isolinux/isolinux.bin", "lacks a boot record of the old one .El Torito img opts 1 boot-info-table"),
        ):  # fmt: skip
            with self.subTest(path):
                wrong = self.dir / "wrong.iso"
                at = isos.place(target, path) * isos.SECTOR + 70
                changed = bytearray(data)
                changed[at] ^= 1
                wrong.write_bytes(changed)
                before, after = volume.Volume(target), volume.Volume(wrong)
                self.addCleanup(before.close)
                self.addCleanup(after.close)
                with self.assertRaisesRegex(readback.Refusal, says):
                    readback.check(before, after, {})
                readback.check(before, before, {})


class Told(Case):
    def setUp(self):
        super().setUp()
        # It judges the words.
        self.assertTrue(BONDSTRAP.is_file(), "dist/bondstrap is missing: run scripts/build")
        self.program = BONDSTRAP

    def warned(self, words, source=None):
        done = self.run_command(source or self.iso(), self.dir / "out.iso", "--cmdline", words, "--binary", self.program)
        self.assertEqual(done.returncode, 0, done.stderr)
        (self.dir / "out.iso").unlink()
        return done.stderr

    def test_warnings(self):
        source = self.iso()
        self.assertEqual(self.warned(WORDS, source), "")
        self.assertIn("no words given, so bondstrap stays idle", self.warned("", source))
        self.assertIn('"bonds" is not a word of ours', self.warned("bond=eth0,eth1 bonds=eth0", source))

    def test_words_that_bondstrap_refuses(self):
        done = self.run_command(self.iso(), self.dir / "out.iso", "--binary", self.program, "--cmdline", "bond=eth0,eth1 bondmode=9")
        self.assertEqual(done.returncode, 1)
        self.assertIn("these words can't be followed", done.stderr)

    def test_words_that_do_not_go_with_the_installers_own(self):
        own, words = "ip=bond0:dhcp", "bond=eth0,eth1 ip=192.0.2.7::192.0.2.1:24::bond0:none"
        # Each is good without the other.
        self.warned(words)
        self.warned(f"bond=eth0,eth1 {own}")
        source = self.iso(change=lambda tree: tree.write(
            "EFI/xenserver/grub.cfg", isos.GRUB.replace("console=tty0 ", f"console=tty0 {own} ", 1).encode()))
        done = self.run_command(source, self.dir / "out.iso", "--binary", self.program, "--cmdline", words)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("remaster-iso: /EFI/xenserver/grub.cfg, multipath: these words can't be followed:", done.stderr)

    def test_the_mode_stays(self):
        source = self.iso()
        source.chmod(0o640)
        self.remaster(source)
        self.assertEqual(stat.S_IMODE((self.dir / "out.iso").stat().st_mode), 0o640)


if __name__ == "__main__":
    unittest.main()
