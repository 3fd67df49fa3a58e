"""Whole images: after the kernel's rules of unpacking, the result is IN's tree and exactly our files."""

import gzip
import os
import random
import stat
import unittest

import support
from kernel_model import Kernel
from support import DIR, FILE, LINK, PACKERS, VERSION, Case, cpio, initramfs_tools, systemd

OURS = {"/bondstrap.baked", "/usr/bin/bondstrap"}
HOOK = {"/scripts/init-premount/bondstrap", "/scripts/init-premount/ORDER"}
UNIT = {"/etc/systemd/system/bondstrap.service", "/etc/systemd/system/sysinit.target.wants",
        "/etc/systemd/system/sysinit.target.wants/bondstrap.service"}
WORDS = {"/etc/cmdline.d", "/etc/cmdline.d/bondstrap.conf"}


def unpack(data):
    return Kernel().unpack(data).listing()


class Unpacked(Case):
    def added(self, before, after):
        """The paths that differ; those of `before` must still be there."""
        old, new = unpack(before), unpack(after)
        self.assertFalse(old.keys() - new.keys())
        return {path for path in new if new[path] != old.get(path)}

    def test_every_compression(self):
        archive = cpio(initramfs_tools())
        for name, pack in PACKERS.items():
            if name == "lz4 frame":
                continue
            for early in (b"", cpio([("kernel", DIR, b""), ("kernel/x86", FILE, b"code")])):
                with self.subTest(name, early=bool(early)):
                    base = early + pack(archive)
                    baked = self.bake(base, "--cmdline", "bond=eth0,eth1")
                    self.assertTrue(baked.startswith(base))
                    self.assertEqual(self.added(base, baked), OURS | HOOK | WORDS)
                    self.assertEqual(self.bake(baked, "--cmdline", "bond=eth0,eth1"), baked)

    def test_files(self):
        new = unpack(self.bake(cpio(initramfs_tools()), "--cmdline", "bond=bond0 ip=dhcp"))
        self.assertEqual(new["/usr/bin/bondstrap"][:2], (stat.S_IFREG | 0o755, self.program.read_bytes()))
        self.assertEqual(new["/etc/cmdline.d/bondstrap.conf"][:2], (FILE, b"bond=bond0 ip=dhcp\n"))
        self.assertEqual(new["/scripts/init-premount/ORDER"][1],
                         b'/scripts/init-premount/bondstrap "$@"\n/scripts/init-premount/other "$@"\n')
        script = (support.ROOT / "hooks/initramfs-tools/init-premount").read_bytes()
        self.assertEqual(new["/scripts/init-premount/bondstrap"][:2], (stat.S_IFREG | 0o755, script))

    def test_not_merged(self):
        base = cpio(initramfs_tools(merged=False))
        self.assertEqual(self.added(base, self.bake(base)), OURS | HOOK)

    def test_no_order(self):
        new = unpack(self.bake(cpio(initramfs_tools(order=None))))
        self.assertEqual(new["/scripts/init-premount/ORDER"][1], b'/scripts/init-premount/bondstrap "$@"\n')

    def test_repacked_by_others(self):
        """Ours is inside an archive of somebody else's: the line is there once."""
        once = [*initramfs_tools(order=b'/scripts/init-premount/bondstrap "$@"\n/scripts/init-premount/other "$@"\n'),
                ("usr/bin/bondstrap", FILE, b"old"), ("bondstrap.baked", FILE, b"hook initramfs-tools\n")]
        new = unpack(self.bake(cpio(once)))
        self.assertEqual(new["/scripts/init-premount/ORDER"][1].count(b"bondstrap"), 1)
        self.assertEqual(new["/usr/bin/bondstrap"][:2], (stat.S_IFREG | 0o755, self.program.read_bytes()))

    def test_systemd(self):
        base = cpio(systemd())
        self.assertEqual(self.added(base, self.bake(base)), OURS | UNIT)

    def test_none(self):
        base = cpio([("init", FILE, b"own"), *support.directories("lib/modules")] + support.known_modules()
                    + support.directories("sbin") + [("sbin/modprobe", support.PROGRAM, b"x")])
        self.assertEqual(self.added(base, self.bake(base, "--hook", "none")), OURS | {"/usr", "/usr/bin"})

    def test_links(self):
        """Links in the way: absolute, out of the root, over each other, to what is not there."""
        base = cpio([*initramfs_tools(), ("etc/cmdline.d", LINK, b"/../../../one"), ("one", LINK, b"two/../three"),
                     ("two", DIR, b""), ("three", LINK, b"/run/four/five"), ("run", DIR, b"")])
        baked = self.bake(base, "--cmdline", "x")
        self.assertEqual(self.added(base, baked),
                         OURS | HOOK | {"/run/four", "/run/four/five", "/run/four/five/bondstrap.conf"})

    def test_many_links(self):
        """40 links on the way are followed, as by the kernel; one more is a circle to it."""
        for count, code in ((40, 0), (41, 1)):
            chain = [(f"l{i}", LINK, f"l{i + 1}".encode()) for i in range(count - 1)] + [(f"l{count - 1}", LINK, b"run")]
            source = self.file("in", cpio([entry for entry in initramfs_tools() if not entry[0].startswith("etc")]
                                          + chain + [("etc", LINK, b"l1")]))
            done = self.run_command(source, "out", "--binary", self.program, "--cmdline", "x")
            self.assertEqual(done.returncode, code, done.stderr)
            if code == 0:
                self.assertIn("/run/cmdline.d/bondstrap.conf", unpack((self.dir / "out").read_bytes()))

    def test_later_segments_win(self):
        """A second segment turns a directory that was empty into a link, and takes a file away."""
        first = cpio([*initramfs_tools(), ("etc/cmdline.d", DIR, b"")])
        second = PACKERS["xz"](cpio([("etc/cmdline.d", LINK, b"/run"), ("usr/bin/bondstrap", LINK, b"nowhere")]))
        baked = self.bake(first + second, "--cmdline", "x")
        new = unpack(baked)
        self.assertEqual(new["/run/bondstrap.conf"][1], b"x\n")
        self.assertTrue(stat.S_ISLNK(new["/etc/cmdline.d"][0]))
        self.assertTrue(stat.S_ISREG(new["/usr/bin/bondstrap"][0]))

    def test_hard_links(self):
        """ORDER is a name of an inode with other names: those keep their bytes."""
        order = b'/scripts/init-premount/other "$@"\n'
        linked = {"ino": 99, "nlink": 2}
        items = [*initramfs_tools(order=None), ("scripts/first", FILE, b"", linked),
                 ("scripts/init-premount/ORDER", FILE, order, linked)]
        baked = self.bake(cpio(items))
        new = unpack(baked)
        self.assertEqual(new["/scripts/first"][1], order)
        self.assertEqual(new["/scripts/init-premount/ORDER"][1].count(b"\n"), 2)

    def test_own_segment_between(self):
        """Somebody appended behind ours: theirs stays, ours goes to the end."""
        base, more = PACKERS["gzip"](cpio(initramfs_tools())), PACKERS["xz"](cpio([("more", FILE, b"1")]))
        baked = self.bake(base)
        again = self.bake(baked + more)
        self.assertEqual(unpack(again).keys(), unpack(baked).keys() | {"/more"})
        self.assertEqual(self.bake(base + bytes(-len(base) % 4) + more, name="straight"), again)

    def test_zeros(self):
        """Padding of every length between segments and at the end."""
        base = cpio(initramfs_tools())
        for count in (1, 2, 3, 4, 511, 5000):
            with self.subTest(count):
                for whole in (PACKERS["gzip"](base) + bytes(count), base + bytes(count)):
                    self.assertEqual(self.added(whole, self.bake(whole)), OURS | HOOK)
                packed = PACKERS["lz4 legacy"](base)
                self.assertEqual(self.bake(packed + bytes(count)), self.bake(packed))
        two = PACKERS["zstd"](base)
        two += bytes(-len(two) % 4 + 512) + cpio([("late", FILE, b"")]) + bytes(508)
        self.assertIn("/late", unpack(self.bake(two)))

    def test_twice(self):
        """The same bytes each time; other words, other bytes; without words none."""
        base = PACKERS["gzip"](cpio(initramfs_tools()))
        first = self.bake(base, "--cmdline", "a")
        self.assertEqual(self.bake(base, "--cmdline", "a"), first)
        self.assertEqual(self.bake(first, "--cmdline", "a"), first)
        self.assertEqual(self.bake(self.bake(first, "--cmdline", "b"), "--cmdline", "a"), first)
        source = self.file("first", first)
        done = self.run_command(source, "plain", "--binary", self.program)
        self.assertEqual(done.returncode, 0)
        self.assertIn("warning: the words that were baked in are gone (a)", done.stderr)
        self.assertEqual((self.dir / "plain").read_bytes(), self.bake(base))

    def test_words_of_any_bytes(self):
        """What is no UTF-8 arrives as it is."""
        baked = self.bake(PACKERS["gzip"](cpio(initramfs_tools())), "--cmdline", os.fsdecode(b"x=\xff"))
        self.assertEqual(unpack(baked)["/etc/cmdline.d/bondstrap.conf"][1], b"x=\xff\n")

    def test_in_place(self):
        """OUT may be IN, also by a link; its mode stays, and nothing else is left."""
        source = self.file("image", PACKERS["gzip"](cpio(initramfs_tools())))
        source.chmod(0o640)
        (self.dir / "link").symlink_to("image")
        before = sorted(self.dir.iterdir())
        done = self.run_command("image", "link", "--binary", "program")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(sorted(self.dir.iterdir()), before)
        self.assertTrue((self.dir / "link").is_symlink())
        self.assertEqual(stat.S_IMODE(source.stat().st_mode), 0o640)
        self.assertIn("/usr/bin/bondstrap", unpack(source.read_bytes()))

    def test_cpio(self):
        """An image that cpio made of real files; and cpio lists of each part what it should."""
        root = self.dir / "root"
        for path in ("usr/bin", "etc", "init.d", f"usr/lib/modules/{VERSION}"):
            (root / path).mkdir(parents=True)
        (root / "lib").symlink_to("usr/lib")
        (root / "init").write_bytes(b"x" * 70001)
        (root / "usr/bin/modprobe").write_text("x")
        (root / "usr/bin/modprobe").chmod(0o755)
        (root / "usr/bin/again").hardlink_to(root / "usr/bin/modprobe")
        (root / f"usr/lib/modules/{VERSION}/modules.builtin").write_text("kernel/bonding.ko\nkernel/8021q.ko\n")
        names = "".join(f"{path.relative_to(root)}\n" for path in sorted(root.rglob("*")))
        made = support.subprocess.run(["cpio", "-o", "-H", "newc", "-D", root], input=names.encode(), check=True,
                                      capture_output=True).stdout
        for pack in (PACKERS["none"], PACKERS["gzip"]):
            base = pack(made)
            baked = self.bake(base, "--hook", "none", "--cmdline", "x")
            self.assertEqual(self.added(base, baked), OURS | WORDS)
            start = len(base) + -len(base) % 4
            ours = gzip.decompress(baked[start:])
            self.assertEqual(self.cpio_lists(ours), ["bondstrap.baked", "usr/bin/bondstrap", "etc/cmdline.d",
                                                     "etc/cmdline.d/bondstrap.conf"])
            self.assertEqual(self.cpio_lists(made), names.split())

    def cpio_lists(self, archive):
        done = support.subprocess.run(["cpio", "-it"], input=archive, check=True, capture_output=True)
        return done.stdout.decode().split()

    def test_random_trees(self):
        """Links, hard links and odd names at random: nothing of IN changes, but ORDER; ours are all there."""
        baked = 0
        for seed in range(60):
            with self.subTest(seed):
                base, ours = random_image(random.Random(seed))
                source = self.file("in", base)
                code, said = self.run_here(source, self.dir / "out", "--binary", self.program, "--cmdline", "x",
                                           "--hook", "none")
                if code:
                    self.assertRegex(said, "can't be put into this image|no module bonding|holds no kernel")
                    continue
                baked += 1
                before, kernel = unpack(base), Kernel().unpack((self.dir / "out").read_bytes())
                after = kernel.listing()
                for path, what in before.items():
                    if path not in ours:
                        self.assertEqual(after.get(path), what, path)
                for path, body in (("usr/bin/bondstrap", self.program.read_bytes()),
                                   ("etc/cmdline.d/bondstrap.conf", b"x\n")):
                    self.assertEqual(kernel._walk(path, False)[2].data, body)
                files = [path for path in after if path not in before and not stat.S_ISDIR(after[path][0])]
                self.assertLessEqual(len(files), 3, files)
        self.assertGreater(baked, 20)


def random_image(chance):
    """Some segments of entries whose names and links meet, and end with what is needed to get that far."""
    names = ["etc", "usr", "bin", "lib", "cmdline.d", "bondstrap.conf", "bondstrap", "a"]
    targets = ["usr", "/usr/lib", "../..", "a", "/etc/../lib", ".", "../a/b", "/", "bin/..", "lib", "usr/bin"]
    segments = b""
    for _ in range(chance.randrange(1, 4)):
        items = []
        for _ in range(chance.randrange(30)):
            name = "/".join(chance.choice(names) for _ in range(chance.randrange(1, 4)))
            name = chance.choice(["", "", "./", "/"]) + name + ("/" if chance.random() < 0.05 else "")
            kind = chance.random()
            if kind < 0.45:
                items.append((name, stat.S_IFDIR | chance.choice([0o700, 0o755]), b"", {"nlink": 2, "uid": 5}))
            elif kind < 0.6:
                items.append((name, LINK, chance.choice(targets).encode()))
            elif kind < 0.7:
                items.append((name, stat.S_IFIFO | 0o600, b""))
            else:
                body = bytes(chance.randrange(256) for _ in range(chance.choice([0, 1, 3, 4, 9])))
                items.append((name, FILE, body, chance.choice([{}, {"nlink": 2, "ino": chance.randrange(1000, 1004)}])))
        archive = cpio(items)
        packed = chance.choice([PACKERS["none"], PACKERS["gzip"], PACKERS["xz"]])(archive)
        segments += bytes(-len(segments) % 4) + packed
    last = [(f"lib/modules/{VERSION}/modules.builtin", FILE, b"kernel/bonding.ko\nkernel/8021q.ko\n")]
    tail = cpio([*support.directories(f"zlib/modules/{VERSION}"), ("sbin", LINK, b"z"), ("z", DIR, b""),
                 ("z/modprobe", support.PROGRAM, b"x"), ("lib/modules", DIR, b""), (f"lib/modules/{VERSION}", DIR, b""),
                 ("lib", DIR, b""), ("lib/modules", DIR, b""), (f"lib/modules/{VERSION}", DIR, b""), *last])
    kernel = Kernel().unpack(segments + bytes(-len(segments) % 4) + tail)
    ours = set()
    for path in ("usr/bin/bondstrap", "etc/cmdline.d/bondstrap.conf"):
        try:
            _, _, inode = kernel._walk(path, False)
        except OSError:
            continue
        ours |= {place for place, what in kernel.listing().items() if inode is not None and place.endswith(path[-9:])}
    return segments + bytes(-len(segments) % 4) + tail, ours


if __name__ == "__main__":
    unittest.main()
