"""Modules: from the image or from a directory, in order, for the right kernel; and the index that finds them."""

import gzip
import lzma
import random
import shutil
import stat
import subprocess
import unittest

import support
from bake import index, modules
from bake.errors import Refusal
from bake.image import Image
from bake.tree import Tree
from kernel_model import Kernel
from support import DIR, FILE, PACKERS, VERSION, Case, cpio, initramfs_tools, module_directory, systemd

BROUGHT = ["tls", "bonding", "garp", "llc", "mrp", "stp", "8021q"]


class Brought(Case):
    def bare(self, **how):
        return cpio(initramfs_tools(modules=False, **how))

    def tree(self, image):
        return Kernel().unpack(image).listing()

    def shown(self, image, name):
        """The files that kmod would load for a module, in order: modprobe itself reads what was written."""
        root = self.dir / "root"
        shutil.rmtree(root, ignore_errors=True)
        for path, (mode, data, *_) in self.tree(image).items():
            if f"lib/modules/{VERSION}" in path and stat.S_ISREG(mode):
                target = root / "lib" / path[path.index("modules/") :]
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
        self.assertIsNotNone(shutil.which("modprobe"), "modprobe is missing: run scripts/setup")
        done = subprocess.run(["modprobe", "-d", root, "-S", VERSION, "--show-depends", name], capture_output=True,
                              text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        # `insmod PATH `, and blanks in the path.
        return [line.strip().rpartition("/")[2].partition(".")[0] for line in done.stdout.splitlines()]

    def loadable(self, names):
        """Each stands behind what it needs."""
        needs = {path.rpartition("/")[2].partition(".")[0]: depends for path, depends in support.MODULES.items()}
        for place, name in enumerate(names):
            for need in needs[name]:
                self.assertIn(need, names[:place], names)

    def test_directory(self):
        """Plain and compressed, with depmod's index and without, DIR itself or a tree around it."""
        packers = {"": lambda data: data, ".gz": gzip.compress, ".xz": lzma.compress, ".zst": PACKERS["zstd"]}
        first = None
        for suffix, packer in packers.items():
            for indexed in (True, False):
                with self.subTest(suffix, indexed=indexed):
                    around = self.dir / f"tree{suffix}{indexed}" / "lib" / "modules"
                    folder = module_directory(around, index=indexed, packer=packer, suffix=suffix)
                    baked = self.bake(self.bare(), "--modules", folder)
                    self.assertEqual(self.bake(self.bare(), "--modules", around), baked)
                    self.assertEqual(self.bake(self.bare(), "--modules", around.parent.parent), baked)
                    self.assertEqual(self.bake(baked, "--modules", folder), baked)
                    if indexed:
                        first = first or baked
                        self.assertEqual(baked, first)
                    files = self.tree(baked)
                    for path, depends in support.MODULES.items():
                        name = path.rpartition("/")[2]
                        if name == "bridge.ko":
                            continue  # nobody asks for it here
                        self.assertEqual(files[f"/usr/lib/modules/{VERSION}/bondstrap/{name}"][1],
                                         support.module(name[:-3], depends))
                    for name in ("bonding", "8021q"):
                        self.loadable(self.shown(baked, name))
                    self.assertEqual(sorted(self.shown(baked, "bonding") + self.shown(baked, "8021q")), sorted(BROUGHT))

    def test_updates(self):
        """Two files of one module: the one in the index, as modprobe would."""
        folder = module_directory(self.dir / "m")
        (folder / "updates").mkdir()
        newer = support.module("bonding", ("stp", "llc"))
        (folder / "updates" / "bonding.ko").write_bytes(newer)
        text = (folder / "modules.dep").read_text()
        (folder / "modules.dep").write_text(text.replace("kernel/drivers/net/bonding/bonding.ko:", "updates/bonding.ko:"))
        files = self.tree(self.bake(self.bare(), "--modules", folder))
        self.assertEqual(files[f"/usr/lib/modules/{VERSION}/bondstrap/bonding.ko"][1], newer)

    def test_busybox(self):
        """busybox reads the text: the same order, the first of what is needed last."""
        baked = self.bake(self.bare(), "--modules", module_directory(self.dir / "m"))
        text = self.tree(baked)[f"/usr/lib/modules/{VERSION}/modules.dep"][1].decode()
        lines = {line.partition(":")[0].rpartition("/")[2]: line.partition(":")[2].split() for line in text.splitlines()}
        order = [path.rpartition("/")[2][:-3] for path in reversed(lines["8021q.ko"])]
        self.loadable([*order, "8021q"])
        self.assertTrue(all(path.startswith("bondstrap/") for path in lines["8021q.ko"]))

    def test_index_is_kept(self):
        """What the image's index knew it knows afterwards, and a module that is needed and there is not brought."""
        own = [(f"lib/modules/{VERSION}/kernel", DIR, b""), (f"lib/modules/{VERSION}/kernel/tls.ko.xz", FILE,
               lzma.compress(support.module("tls"))), (f"lib/modules/{VERSION}/kernel/e1000.ko", FILE,
               support.module("e1000"))]
        text = "kernel/e1000.ko:\nkernel/tls.ko.xz:\n"
        known = index.parse_lines(text.splitlines())
        for form in ("modules.dep", "modules.dep.bin"):
            with self.subTest(form):
                body = text.encode() if form == "modules.dep" else index.both(known)[1]
                image = cpio([*initramfs_tools(modules=False), *own, (f"lib/modules/{VERSION}/{form}", FILE, body)])
                baked = self.bake(image, "--modules", module_directory(self.dir / form))
                self.assertEqual(self.shown(baked, "e1000"), ["e1000"])
                self.assertEqual(self.shown(baked, "bonding"), ["tls", "bonding"])
                self.assertNotIn(f"/usr/lib/modules/{VERSION}/bondstrap/tls.ko", self.tree(baked))
                self.assertIn(f"/usr/lib/modules/{VERSION}/bondstrap/bonding.ko", self.tree(baked))

    def test_index_without_files(self):
        """An index that names files which are not there is not believed."""
        text = b"kernel/bonding.ko: kernel/tls.ko\nkernel/tls.ko:\nkernel/8021q.ko:\n"
        image = cpio([*initramfs_tools(modules=False), (f"lib/modules/{VERSION}/modules.dep", FILE, text),
                      (f"lib/modules/{VERSION}/kernel", DIR, b""),
                      (f"lib/modules/{VERSION}/kernel/bonding.ko", FILE, support.module("bonding", ["tls"]))])
        baked = self.bake(image, "--modules", module_directory(self.dir / "m"))
        self.assertEqual(self.shown(baked, "bonding"), ["tls", "bonding"])
        self.loadable(self.shown(baked, "8021q"))

    def test_in_image_without_index(self):
        """Files that no index knows, compressed: a second pass finds them, in whatever segment."""
        items = [(f"lib/modules/{VERSION}/{path.rpartition('/')[2]}.xz", FILE,
                  lzma.compress(support.module(path.rpartition("/")[2][:-3], depends)))
                 for path, depends in support.MODULES.items()]
        image = self.bare() + PACKERS["xz"](cpio(items[:3]))
        image += bytes(-len(image) % 4) + cpio(items[3:])
        baked = self.bake(image)
        self.assertEqual(self.shown(baked, "bonding"), ["tls", "bonding"])
        self.loadable(self.shown(baked, "8021q"))

    def test_builtin(self):
        """In the kernel: nothing is brought, nothing is missed."""
        both = b"kernel/drivers/net/bonding/bonding.ko\nkernel/net/8021q/8021q.ko\n"
        image = cpio([*initramfs_tools(modules=False), (f"lib/modules/{VERSION}/modules.builtin", FILE, both)])
        self.assertFalse([path for path in self.tree(self.bake(image)) if path.endswith(".ko")])

    def test_no_version_in_image(self):
        """An image without modules takes those of DIR, and its kernel's version from it."""
        image = cpio([entry for entry in systemd() if "modules" not in entry[0]])
        baked = self.bake(image, "--modules", module_directory(self.dir / "m"))
        self.assertEqual(self.shown(baked, "bonding"), ["tls", "bonding"])
        self.assertIn(f"/usr/lib/modules/{VERSION}/bondstrap/bonding.ko", self.tree(baked))

    def test_refusals(self):
        other = module_directory(self.dir / "other", version="5.10.0-9-test")
        wrong = module_directory(self.dir / "wrong", version="5.10.0-9-test").rename(self.dir / VERSION)
        arm = module_directory(self.dir / "arm", machine=183)
        two = self.dir / "two"
        for version in ("5.10.1", "5.10.2"):
            module_directory(two, version=version)
        half = module_directory(self.dir / "half", index=False)
        (half / "kernel/net/tls/tls.ko").unlink()
        empty = module_directory(self.dir / "empty", index=False)
        (empty / "kernel/drivers/net/bonding/bonding.ko").write_bytes(b"")
        cut = module_directory(self.dir / "cut", packer=lzma.compress, suffix=".xz")
        path = cut / "kernel/drivers/net/bonding/bonding.ko.xz"
        path.write_bytes(path.read_bytes()[:-9])
        for folder, sentence in (
            (other, f"--modules has kernel 5.10.0-9-test, but the image is of kernel {VERSION}"),
            (wrong, f"is for kernel 5.10.0-9-test, not {VERSION}"),
            (arm, "is for another machine than the program"),
            (two, "several kernel versions (5.10.1, 5.10.2)"),
            (half, "bonding needs the module tls"),
            (empty, "is no kernel module"),
            (cut, "is cut off"),
        ):
            with self.subTest(folder.name):
                self.assertIn(sentence, self.refuse(self.bare(), "--modules", folder))

    def test_no_vlans(self):
        """Without 8021q: a warning, and a refusal where the words want it."""
        folder = module_directory(self.dir / "m")
        (folder / "kernel/net/8021q/8021q.ko").unlink()
        (folder / "modules.dep").unlink()
        done = self.run_command(self.file("in", self.bare()), "out", "--binary", self.program, "--modules", folder)
        self.assertEqual(done.returncode, 0)
        self.assertIn("no VLANs", done.stderr)
        (self.dir / "out").unlink()
        self.assertIn("the words ask for one",
                      self.refuse(self.bare(), "--modules", folder, "--cmdline", "vlan=bond0.4:bond0"))

    def test_bridges(self):
        """bridge where the words ask for it, from --modules or the image, and a refusal where there is none."""
        folder = module_directory(self.dir / "m")
        words = ("--cmdline", "bond=eth0,eth1 bridge=br0:bond0")
        baked = self.bake(self.bare(), "--modules", folder, *words)
        self.loadable(self.shown(baked, "bridge"))
        self.assertEqual(sorted(self.shown(baked, "bridge")), ["bridge", "llc", "stp"])
        place = f"/usr/lib/modules/{VERSION}/bondstrap/bridge.ko"
        self.assertIn(place, self.tree(baked))
        self.assertNotIn(place, self.tree(self.bake(self.bare(), "--modules", folder, "--cmdline", "a.bridge=b bond=bridge=")))
        self.assertNotIn(place, self.tree(self.bake(cpio(initramfs_tools()), "--modules", folder, *words)))
        overlay = self.run_command("--overlay", "over", "--binary", self.program, "--modules", folder, *words)
        self.assertEqual(overlay.returncode, 0, overlay.stderr)
        files = self.tree((self.dir / "over").read_bytes())
        self.assertIn("bridge", files[f"/usr/lib/bondstrap/modules/{VERSION}/list"][1].decode().split())
        lacking = cpio([entry for entry in initramfs_tools() if not entry[0].endswith("/bridge.ko")])
        for path in self.dir.glob("o*"):
            path.unlink()
        self.assertIn("no module bridge, so no bridges, but the words ask for one", self.refuse(lacking, *words))
        self.bake(lacking, "--cmdline", "bond=eth0,eth1")

    def test_overlay(self):
        """A list in order, and the modules, for the loader in the overlay."""
        folder = module_directory(self.dir / "m")
        done = self.run_command("--overlay", "out", "--binary", self.program, "--modules", folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        files = self.tree((self.dir / "out").read_bytes())
        place = f"/usr/lib/bondstrap/modules/{VERSION}"
        names = files[f"{place}/list"][1].decode().split()
        self.loadable(names)
        self.assertEqual(sorted(names), sorted(BROUGHT))
        self.assertTrue(all(f"{place}/{name}.ko" in files for name in names))
        self.assertIn("/etc/systemd/system/bondstrap.service.d/modules.conf", files)


class Tries(Case):
    def test_depmod(self):
        """The trie says the same as depmod's own of the same modules, and kmod's is read."""
        self.assertIsNotNone(shutil.which("depmod"), "depmod is missing: run scripts/setup")
        folder = module_directory(self.dir / "lib" / "modules", index=False)
        (folder / "modules.order").write_text("")
        subprocess.run(["depmod", "-b", self.dir, VERSION], check=True, stderr=subprocess.DEVNULL)
        text = (folder / "modules.dep").read_text()
        trie = (folder / "modules.dep.bin").read_bytes()
        self.assertEqual(sorted(index.read_trie(trie, "x")), sorted(line.rstrip() for line in text.splitlines()))
        known = index.parse_lines(text.splitlines())
        written, bits = index.both(known)
        self.assertEqual(sorted(index.read_trie(bits, "x")), sorted(index.lines(known)))
        self.assertEqual(index.parse_lines(written.decode().splitlines()), known)

    def test_damage(self):
        """Any bytes: values or a sentence."""
        chance = random.Random(3)
        whole = index.write_trie([(name, f"{name}.ko:") for name in ("a", "ab", "abc", "b", "bonding", "zz")])
        self.assertEqual(len(index.read_trie(whole, "x")), 6)
        for _ in range(3000):
            data = bytearray(whole)
            for _ in range(chance.randrange(1, 4)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            try:
                index.read_trie(bytes(data[: chance.randrange(len(data) + 1)]), "x")
            except Refusal:
                pass

    def test_circle(self):
        class Circle:
            version, builtin, where = VERSION, frozenset(), "here"

            def has(self, name):
                return True

            def read(self, name):
                return support.module(name)

            def needs(self, name, _found):
                return {"bonding": ["tls"], "tls": ["bonding"]}[name]

        with self.assertRaisesRegex(Refusal, "depends on itself"):
            modules.choose(None, Circle(), modules.wanted(""))


class Trees(Case):
    def test_as_the_kernel(self):
        """The program's tree is the kernel's, path by path, for trees at random."""
        from test_images import random_image

        for seed in range(120):
            base, _ = random_image(random.Random(seed))
            path = self.file("in", base)
            with path.open("rb") as file:
                tree = Image(file, "in").tree
            self.assertEqual(listing(tree), {name: (mode, link) for name, (mode, data, link, _) in
                             Kernel().unpack(base).listing().items()}, seed)


def listing(tree):
    """path → (mode, first path of its inode), as the model lists it."""
    assert isinstance(tree, Tree)
    seen, result, pending = {}, {}, [("", tree.root)]
    while pending:
        path, node = pending.pop()
        first = seen.setdefault(id(node), path)
        result[path] = (node.mode, "" if node.is_dir else first)
        for name in sorted(node.children or {}, reverse=True):
            pending.append((f"{path}/{name}", node.children[name]))
    return result


if __name__ == "__main__":
    unittest.main()
