"""What is not understood is refused with a sentence, and nothing is written. No input makes a traceback."""

import ast
import os
import random
import unittest

import support
from support import DIR, FILE, LINK, PACKERS, PROGRAM, VERSION, Case, cpio, initramfs_tools, systemd

BARE = cpio([("etc", DIR, b"")])
MANY = [("lib", DIR, b""), ("lib/modules", DIR, b""), *support.directories(f"lib/modules/{VERSION}")[2:],
        (f"lib/modules/{VERSION}/modules.builtin", FILE, b"kernel/veth.ko\n")]


def tools(*more):
    return cpio([*initramfs_tools(), *more])


# What goes in, arguments, what the sentence says.
TABLE = {
    "empty": (b"", "is empty"),
    "zeros": (bytes(4096), "nothing but zeros"),
    "text": (b"#!/bin/sh\n", "is no initramfs: it begins with 23 21"),
    "odc": (b"070707" + bytes(200), "old format"),
    "old binary": (b"\xc7\x71" + bytes(200), "old format"),
    "lzo": (b"\x89LZO\0\r\n" + bytes(99), "lzo, which is not known"),
    "junk behind": (tools() + b"junk", "something behind byte"),
    "misaligned": (tools() + b"\0" + BARE, "multiple of 4"),
    "gzip misaligned": (tools() + b"\0\0\0" + PACKERS["gzip"](BARE), "multiple of 4"),
    "cut": (tools()[:-300], "in the middle of an archive"),
    "no trailer": (cpio(initramfs_tools(), trailer=False), "in the middle of an archive"),
    "two halves": (PACKERS["gzip"](tools()[:2000]) + PACKERS["gzip"](tools()[2000:]), "in the middle of an archive"),
    "junk inside": (PACKERS["xz"](tools() + b"junk"), "behind its archive"),
    "misaligned inside": (PACKERS["gzip"](tools() + b"\0" + BARE), "behind its archive"),
    "no header": (cpio([("etc", DIR, b"")], trailer=False) + b"0" * 300, "no cpio header"),
    "not hex": (BARE.replace(b"070701" + b"0" * 7, b"070701" + b"x" * 7, 1), "no cpio header"),
    "name of none": (cpio([("a", FILE, b"", {"length": 0})]), "a name of 0 bytes"),
    "name of 4 GiB": (cpio([("a", FILE, b"", {"length": 0xFFFFFFFF})]), "a name of 4294967295 bytes"),
    "name without end": (cpio([("abcdefgh", FILE, b"", {"length": 3})]), "does not end"),
    "body of 4 GiB": (cpio([("a", FILE, b"", {"size": 0xFFFFFFFF})]), "in the middle of an archive"),
    "target of 4 GiB": (cpio([("a", LINK, b"", {"size": 0xFFFFFFFF})]), "a target of 4294967295 bytes"),
    "target of none": (cpio([("a", LINK, b"")]), "a target of 0 bytes"),
    "directory with a body": (cpio([("a", DIR, b"body")]), "is no file and has 4 bytes"),
    "init of no kind": (cpio([("init", FILE, b""), *MANY]), "an /init of no known kind"),
    "no init": (cpio(MANY), "has no /init"),
    "no modules": (cpio([entry for entry in systemd() if "modules" not in entry[0]]), "holds no kernel modules"),
    "no bonding": (cpio(initramfs_tools(modules=False)),
                   f"has no module bonding: pass --modules /lib/modules/{VERSION}"),
    "file in the way": (tools(("etc", FILE, b""), ("usr", FILE, b"")), None),
    "etc is a file": (cpio([entry for entry in initramfs_tools() if not entry[0].startswith("etc")] +
                           [("etc", FILE, b"")]), "/etc/cmdline.d/bondstrap.conf can't be put into this image: /etc"),
    "etc in a circle": (cpio([entry for entry in initramfs_tools() if not entry[0].startswith("etc")] +
                             [("etc", LINK, b"one"), ("one", LINK, b"/etc")]), "a link in a circle"),
    "directory of its name": (tools(("usr/bin/bondstrap", DIR, b""), ("usr/bin/bondstrap/x", FILE, b"")),
                              "there is a directory of this name"),
}


class Refusals(Case):
    def test_table(self):
        for name, (data, sentence) in TABLE.items():
            if sentence is None:
                continue
            with self.subTest(name):
                self.assertIn(sentence, self.refuse(data, "--cmdline", "x"))

    def test_busy_directories(self):
        """A file over a directory that holds something is dropped by the kernel: it is no obstacle."""
        self.bake(TABLE["file in the way"][0], "--cmdline", "x")

    def test_files(self):
        """Paths that can't be read or written, and arguments."""
        image = self.file("image", tools())
        (self.dir / "folder").mkdir()
        for arguments, code, sentence in (
            (("missing", "out"), 1, "missing can't be read: No such file"),
            (("folder", "out"), 1, "folder can't be read: Is a directory"),
            (("/dev/null", "out"), 1, "/dev/null is no regular file"),
            ((image, "folder"), 1, "folder can't be written: it is there, and no regular file"),
            ((image, "nowhere/out"), 1, "nowhere/out can't be written: No such file"),
            ((image, "image/out"), 1, "image/out can't be written: Not a directory"),
            ((image, "out", "--binary", "nothing"), 1, "build the program with scripts/build"),
            ((image, "out", "--binary", image), 1, "is no program"),
            ((image, "out", "--modules", "nothing"), 1, "--modules nothing: there is no such directory"),
            ((image, "out", "--modules", "folder"), 1, "no kernel modules in it"),
            ((image, "out", "--hook", "dracut"), 2, "invalid choice: 'dracut'"),
            ((image,), 2, "it takes IN and OUT"),
            (("--overlay", "out", "--list", image), 2, "it takes IN and OUT"),
        ):
            with self.subTest(arguments):
                extra = () if "--binary" in arguments else ("--binary", self.program)
                done = self.run_command(*arguments, *extra)
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertIn(sentence, done.stderr)
                self.assertNotIn("Traceback", done.stderr)
                self.assertFalse((self.dir / "out").exists())

    def test_machines(self):
        """A program that the image's kernel could not start; one for a kernel that may be there is taken."""
        x86, arm, i386, other = (support.elf(number) for number in (62, 183, 3, 243))
        lib = support.directories("usr/lib/systemd")
        for name, ours, items, says in (
            ("busybox", arm, [("usr/bin/busybox", PROGRAM, x86)],
             "the program is for aarch64, but /bin/busybox of the image is for x86_64: pass the program for x86_64 "
             "(dist/bondstrap) with --binary"),
            ("a shell that links lead to", x86, [("usr/bin/dash", PROGRAM, arm), ("usr/bin/sh", LINK, b"dash")],
             "/bin/sh of the image is for aarch64: pass the program for aarch64 (dist/bondstrap-aarch64) with --binary"),
            ("systemd", x86, [*lib, ("usr/lib/systemd/systemd", PROGRAM, other)],
             "systemd of the image is for a machine that is not known here (ELF's number 243)"),
            ("the same", arm, [("usr/bin/busybox", PROGRAM, arm)], None),
            ("32 bits, perhaps below a kernel of 64", x86, [("usr/bin/busybox", PROGRAM, i386)], None),
        ):
            with self.subTest(name):
                self.program.write_bytes(ours)
                if says is None:
                    self.bake(tools(*items))
                    (self.dir / "out").unlink()
                else:
                    self.assertIn(says, self.refuse(tools(*items)))

    def test_old_python(self):
        """One sentence from each program, before any line that an older Python can't read."""
        image = support.ROOT / "image"
        early = [image / "bake-initramfs", image / "remaster-iso", image / "pxe" / "entries",
                 image / "xcp-ng" / "install-patcher", image / "xcp-ng" / "iso-patcher"]
        for path in [*early, image / "bake" / "__init__.py", image / "iso" / "__init__.py"]:
            ast.parse(path.read_text(), feature_version=(3, 4))
        for path in early:
            for version, refused in (((3, 6, 9), True), ((3, 9, 2), True), ((3, 10, 0), False)):
                with self.subTest(path.name, version=version):
                    code = (f"import runpy, sys; sys.version_info = {version}; sys.argv = [{str(path)!r}, '--help'];"
                            "runpy.run_path(sys.argv[0], run_name='__main__')")
                    done = support.subprocess.run([support.sys.executable, "-c", code], capture_output=True, text=True,
                                                  cwd=self.dir, check=False)
                    begins = f"{path.name}: Python 3.10 or later is needed, and this is 3.{version[1]}: "
                    self.assertEqual(done.stderr.startswith(begins), refused, done.stderr)
                    self.assertNotIn("Traceback", done.stderr)
                    if refused:
                        self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1), done.stderr)

    def test_missing_tool(self):
        """Without zstd or lz4 the sentence names the package."""
        (self.dir / "bin").mkdir()
        for name in ("zstd", "lz4 legacy"):
            source = self.file("in", PACKERS[name](tools()))
            done = self.run_command(source, "out", "--binary", self.program, path=str(self.dir / "bin"))
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"install the package {name.split()[0]}", done.stderr)

    def test_full_disk(self):
        """What can't be written whole is not written at all."""
        if not os.path.exists("/dev/full"):
            self.fail("no /dev/full here")
        source = self.file("in", tools())
        code = (
            "import sys, resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000));"
            f"sys.path.insert(0, {str(support.ROOT / 'image')!r}); sys.dont_write_bytecode = True;"
            "from bake.cli import main; sys.exit(main(sys.argv[1:]))"
        )
        before = sorted(self.dir.iterdir())
        done = support.subprocess.run(
            [support.sys.executable, "-c", code, source, self.dir / "out", "--binary", self.program],
            capture_output=True, text=True, check=False,
        )
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("out can't be written: File too large", done.stderr)
        self.assertEqual(sorted(self.dir.iterdir()), before)

    def quiet(self, data):
        """A run in this process: exit code and sentence."""
        source = self.file("in", data)
        return self.run_here(source, self.dir / "out", "--binary", self.program, "--cmdline", "x")

    def test_cut_anywhere(self):
        """Cut at any place, in every compression: refused, unless only padding is lost."""
        chance = random.Random(1)
        for name, pack in PACKERS.items():
            whole = cpio([("early", FILE, b"x")]) + pack(tools())
            rounds = 12 if name.startswith(("zstd", "lz4")) else 60
            for at in sorted(chance.randrange(1, len(whole) - 4) for _ in range(rounds)):
                with self.subTest(name, at=at):
                    (self.dir / "out").unlink(missing_ok=True)
                    code, said = self.quiet(whole[:at])
                    self.assertEqual(code, 1, said)
                    self.assertFalse((self.dir / "out").exists())

    def test_damage_anywhere(self):
        """Bytes changed anywhere: some sentence or none, never a traceback, never half a file."""
        chance = random.Random(2)
        for name, pack in PACKERS.items():
            whole = cpio([("early", FILE, b"x")]) + pack(tools())
            for _ in range(12 if name.startswith(("zstd", "lz4")) else 80):
                data = bytearray(whole)
                for _ in range(chance.choice([1, 1, 2, 20])):
                    data[chance.randrange(len(data))] = chance.randrange(256)
                with self.subTest(name):
                    (self.dir / "out").unlink(missing_ok=True)
                    code, said = self.quiet(bytes(data))
                    self.assertIn(code, (0, 1))
                    self.assertEqual((self.dir / "out").exists(), code == 0, said)
                    self.assertEqual(len(list(self.dir.iterdir())), 3 if code == 0 else 2)


if __name__ == "__main__":
    unittest.main()
