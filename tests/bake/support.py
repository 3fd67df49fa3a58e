"""Images, modules and programs for the tests; and the program under test, as a command."""

import bz2
import contextlib
import gzip
import io
import lzma
import os
import stat
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
COMMAND = ROOT / "image" / "bake-initramfs"
BONDSTRAP = ROOT / "dist" / "bondstrap"
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "image"))

VERSION = "6.1.0-1-test"
DIR, FILE, LINK = stat.S_IFDIR | 0o755, stat.S_IFREG | 0o644, stat.S_IFLNK | 0o777


def cpio(items, trailer=True, **fields):
    """A newc archive of (name, mode, body[, fields]), by other code than the program's."""
    out = b""
    for number, item in enumerate([*items, *([("TRAILER!!!", 0, b"")] if trailer else [])], 1):
        name, mode, body, *own = item
        values = {"ino": number, "nlink": 1, "size": len(body), **fields, **(own[0] if own else {})}
        label = name.encode("utf-8", "surrogateescape") + b"\0"
        numbers = (values["ino"], mode, values.get("uid", 0), values.get("gid", 0), values["nlink"], 7,
                   values["size"], 0, values.get("minor", 1), 0, 0, values.get("length", len(label)), 0)
        out += b"070701" + "".join(f"{value:08x}" for value in numbers).encode() + label
        out += bytes(-len(out) % 4) + body
        out += bytes(-len(out) % 4)
    return out


def run_filter(*command):
    """A compressor that is a command."""
    return lambda data: subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout


PACKERS = {
    "none": lambda data: data,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lambda data: lzma.compress(data, check=lzma.CHECK_CRC32),
    "lzma": lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE),
    "zstd": run_filter("zstd", "-c"),
    "lz4 legacy": run_filter("lz4", "-lc"),
    "lz4 frame": run_filter("lz4", "-c"),
}


def elf(machine=62, sections=()):
    """An ELF64 file with these sections."""
    names, bodies, table = b"\0", b"", b""
    sections = [*sections, (".shstrtab", None)]
    for name, body in sections:
        label = len(names)
        names += name.encode() + b"\0"
        body = names if body is None else body
        table += struct.pack("<IIQQQQIIQQ", label, 1, 0, 0, 64 + len(bodies), len(body), 0, 0, 1, 0)
        bodies += body
    # The last one holds all names, which were not complete when its length was noted only if it were not last.
    head = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, machine, 1, 0, 0, 64 + len(bodies), 0, 64, 0, 0, 64,
                       len(sections), len(sections) - 1)
    return head + bodies + table


def runnable():
    """A program that runs on an x86_64, and says yes to everything: exit(0)."""
    code = bytes.fromhex("b83c00000031ff0f05")
    size, base = 120 + len(code), 0x400000
    return (struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, 62, 1, base + 120, 64, 0, 0, 64, 56, 1, 0, 0, 0)
            + struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 4096) + code)


def module(name, depends=(), version=VERSION, machine=62):
    """A .ko."""
    text = f"name={name}\0depends={','.join(depends)}\0vermagic={version} SMP mod_unload \0"
    return elf(machine, [(".modinfo", text.encode())])


MODULES = {
    "kernel/drivers/net/bonding/bonding.ko": ("tls",),
    "kernel/net/tls/tls.ko": (),
    "kernel/net/8021q/8021q.ko": ("garp", "mrp"),
    "kernel/net/802/garp.ko": ("stp", "llc"),
    "kernel/net/802/mrp.ko": (),
    "kernel/net/802/stp.ko": ("llc",),
    "kernel/net/llc/llc.ko": (),
    "kernel/net/bridge/bridge.ko": ("stp", "llc"),
}


def module_directory(path, version=VERSION, index=True, packer=lambda data: data, suffix="", **fields):
    """/lib/modules/VERSION below `path`."""
    folder = Path(path) / version
    for name, depends in MODULES.items():
        target = folder / (name + suffix)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(packer(module(target.name.partition(".")[0], depends, version, **fields)))
    (folder / "modules.builtin").write_text("kernel/drivers/net/veth.ko\n")
    if index:
        # In depmod's order: what is needed first stands last.
        (folder / "modules.dep").write_text(
            f"kernel/drivers/net/bonding/bonding.ko{suffix}: kernel/net/tls/tls.ko{suffix}\n"
            f"kernel/net/tls/tls.ko{suffix}:\n"
            f"kernel/net/8021q/8021q.ko{suffix}: kernel/net/802/mrp.ko{suffix} kernel/net/802/garp.ko{suffix} "
            f"kernel/net/802/stp.ko{suffix} kernel/net/llc/llc.ko{suffix}\n"
            f"kernel/net/bridge/bridge.ko{suffix}: kernel/net/802/stp.ko{suffix} kernel/net/llc/llc.ko{suffix}\n"
        )
    return folder


def directories(*paths):
    """Entries of directories, with all above them."""
    wanted = dict.fromkeys("/".join(path.split("/")[: count + 1]) for path in paths for count in range(path.count("/") + 1))
    return [(path, DIR, b"") for path in wanted]


def known_modules(folder="lib/modules", version=VERSION):
    """Entries of bonding and its like, and of the index that knows them."""
    paths = list(MODULES)
    items = directories(*(f"{folder}/{version}/{path.rpartition('/')[0]}" for path in paths))[folder.count("/") + 1 :]
    items += [(f"{folder}/{version}/{path}", FILE, module(path, version=version)) for path in paths]
    dep = "".join(f"{path}:\n" for path in paths).encode()
    return [*items, (f"{folder}/{version}/modules.dep", FILE, dep)]


PROGRAM = (FILE & ~0o777) | 0o755


def initramfs_tools(merged=True, order=b'/scripts/init-premount/other "$@"\n', modules=True):
    """Entries as mkinitramfs makes them."""
    items = directories("conf/conf.d", "scripts/init-premount", "etc/modprobe.d", "usr/bin", "usr/sbin", "usr/lib", "run")
    if merged:
        items += [(name, LINK, f"usr/{name}".encode()) for name in ("bin", "sbin", "lib")]
    else:
        items += directories("bin", "sbin", "lib")
    items += [("init", PROGRAM, b"#!/bin/sh\n"), ("conf/initramfs.conf", FILE, b"MODULES=most\n"),
              ("scripts/functions", FILE, b"run_scripts() { :; }\n"), ("sbin/modprobe", PROGRAM, b"x"),
              ("scripts/init-premount/other", PROGRAM, b"#!/bin/sh\n")]
    if order is not None:
        items.append(("scripts/init-premount/ORDER", FILE, order))
    items += directories("lib/modules")[1:]
    return items + (known_modules() if modules else directories(f"lib/modules/{VERSION}")[2:] + [
        (f"lib/modules/{VERSION}/modules.builtin", FILE, b"kernel/drivers/net/veth.ko\n")])


def systemd(modules=True):
    """Entries of a systemd initrd, usrmerged."""
    items = directories("usr/lib/systemd/system", "usr/bin", "etc/systemd/system", "run")
    items += [("bin", LINK, b"usr/bin"), ("sbin", LINK, b"usr/bin"), ("lib", LINK, b"usr/lib"),
              ("usr/sbin", LINK, b"bin"), ("init", LINK, b"/sbin/init"), ("sbin/init", LINK, b"../lib/systemd/systemd"),
              ("usr/lib/systemd/systemd", PROGRAM, b"x"), ("usr/bin/kmod", PROGRAM, b"x"),
              ("usr/bin/modprobe", LINK, b"kmod")]
    return items + directories("lib/modules")[1:] + (known_modules() if modules else [])


class Case(unittest.TestCase):
    """A test with a directory of its own, a blank in its name."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="bondstrap bake ")
        self.addCleanup(holder.cleanup)
        self.dir = Path(holder.name)
        self.program = self.file("program", runnable())
        self.program.chmod(0o755)

    def file(self, name, data):
        """A file in the test's directory."""
        path = self.dir / name
        path.write_bytes(data)
        return path

    def run_command(self, *arguments, path=None):
        """The program under test."""
        environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1")
        if path is not None:
            environment["PATH"] = path
        return subprocess.run([sys.executable, str(COMMAND), *map(str, arguments)], capture_output=True, text=True,
                              cwd=self.dir, env=environment, timeout=60, check=False)

    def run_here(self, *arguments):
        """The same in this process, where many runs are wanted: exit code and sentence."""
        from bake import cli

        said = io.StringIO()
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            code = cli.main([str(argument) for argument in arguments])
        return code, said.getvalue()

    def bake(self, data, *arguments, name="out"):
        """The bytes that come of an image."""
        source, target = self.file("in", data), self.dir / name
        done = self.run_command(source, target, "--binary", self.program, *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stderr)
        return target.read_bytes()

    def refuse(self, data, *arguments):
        """The sentence with which an image is refused. No file, no traceback."""
        source = self.file("in", data)
        before = sorted(self.dir.iterdir())
        done = self.run_command(source, self.dir / "out", "--binary", self.program, *arguments)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        self.assertTrue(done.stderr.startswith("bake-initramfs: "), done.stderr)
        self.assertEqual(sorted(self.dir.iterdir()), before, "something was written")
        return done.stderr
