"""The real kernel as the judge: user-mode Linux boots what was baked, and says what it finds."""

import os
import shutil
import subprocess
import unittest

import support
from kernel_model import Kernel
from support import DIR, FILE, LINK, PACKERS, Case, cpio, initramfs_tools

# A boot takes two seconds; one that hangs is ended.
LIMIT = 60
INIT = b"""#!/busybox sh
/busybox mkdir -p /proc
/busybox mount -t proc proc /proc
echo BEGIN
/busybox find / -xdev ! -path /proc ! -path / ! -path '/dev*' -exec /busybox stat -c '%n %f %u %s' {} +
echo END
/busybox poweroff -f
"""


class Booted(Case):
    kernel = "linux.uml"

    def said(self, image):
        """All that a kernel says that boots with this image."""
        image = self.file("image", image)
        with open(support.ROOT / ".build/lab/xstate.so", "rb") as preloaded:
            number = preloaded.fileno()
            done = subprocess.run(
                [self.kernel, "mem=128M", f"initrd={image}", "con=null", "con0=fd:0,fd:1", "ssl=null", "quiet",
                 "rdinit=/first", "panic=-1"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT, check=False,
                env={**os.environ, "LD_PRELOAD": f"/proc/self/fd/{number}"}, pass_fds=[number],
            )
        return done.stdout.decode("utf-8", "replace").replace("\r", "")

    def boot(self, image):
        """path → (mode, owner, size), as the kernel unpacked it."""
        said = self.said(image)
        self.assertIn("\nEND\n", said, said[-3000:])
        lines = said.partition("BEGIN\n")[2].partition("\nEND\n")[0].splitlines()
        rows = (line.rsplit(" ", 3) for line in lines)
        return {name: (int(mode, 16), int(owner), int(size)) for name, mode, owner, size in rows}

    def expected(self, image):
        """The same by the model, so that it is judged as well."""
        listing = Kernel().unpack(image).listing()
        return {path: (mode, owner[0], len(data)) for path, (mode, data, _, owner) in listing.items() if path}

    def check(self, image):
        found = self.boot(image)
        wanted = self.expected(image)
        # Directories have sizes of their own there, and the kernel brings /dev and /root.
        strip = {path: what[:2] if what[0] & 0o40000 else what for path, what in found.items()}
        for path, what in wanted.items():
            if not path.startswith("/dev") and path != "/proc":
                self.assertEqual(strip.get(path), what[:2] if what[0] & 0o40000 else what, path)
        self.assertLessEqual(strip.keys() - wanted.keys(), {"/root", "/root/.ash_history", "/dev", "/proc"})
        return found

    def base(self):
        """An image that can boot and look at itself."""
        busybox = shutil.which("busybox")
        self.assertTrue(busybox and shutil.which("linux.uml"), "busybox or linux.uml is missing: run scripts/setup")
        with open(busybox, "rb") as file:
            program = file.read()
        return [("busybox", support.PROGRAM, program), ("first", support.PROGRAM, INIT), *initramfs_tools(),
                ("usr/lib/odd", DIR, b"", {"uid": 7})]

    def test_every_compression(self):
        """Behind each of them the kernel finds our segment, and nothing of the base has changed."""
        archive = cpio(self.base())
        early = cpio([("kernel", DIR, b""), ("kernel/x86", FILE, b"code")])
        for name, pack in PACKERS.items():
            if name == "lz4 frame":
                continue
            with self.subTest(name):
                found = self.check(self.bake(early + pack(archive), "--cmdline", "bond=eth0,eth1"))
                self.assertEqual(found["/usr/bin/bondstrap"][2], self.program.stat().st_size)
                self.assertEqual(found["/usr/lib/odd"][1], 7)
                self.assertEqual(found["/lib"][0] & 0o170000, 0o120000)

    def test_lz4_on_an_old_kernel(self):
        """Behind lz4 kernel 5.10 loses a gzip segment, and finds ours, which goes on in lz4."""
        self.kernel = str(support.ROOT / ".build/lab/old/usr/bin/linux.uml")
        base = PACKERS["lz4 legacy"](cpio(self.base()))
        self.assertIn("/usr/bin/bondstrap", self.boot(self.bake(base + bytes(2))))
        # It takes gzip for a block of lz4, however long that would be: it may come to an error, or to the end of memory.
        said = self.said(base + PACKERS["gzip"](cpio([("late", FILE, b"")])))
        self.assertRegex(said, r"\nEND\n|Kernel panic - not syncing: Segfault")
        self.assertNotIn("\n/late ", said)

    def test_overlay(self):
        """The overlay behind an image: links stay links, missing directories are there."""
        done = self.run_command("--overlay", "overlay", "--binary", self.program, "--cmdline", "x")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        overlay = (self.dir / "overlay").read_bytes()
        # usr/bin is a link here, and etc a link to what is not there.
        base = [("busybox", *self.base()[0][1:]), ("first", support.PROGRAM, INIT), ("bin", DIR, b""), ("usr", DIR, b""),
                ("usr/bin", LINK, b"../bin")]
        found = self.check(cpio(base) + overlay)
        self.assertEqual(found["/usr/bin"][0] & 0o170000, 0o120000)
        self.assertEqual(found["/bin/bondstrap"][2], self.program.stat().st_size)
        self.assertIn("/etc/systemd/system/bondstrap.service", found)


if __name__ == "__main__":
    unittest.main()
