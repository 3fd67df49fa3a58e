"""Whole ISOs of every layout: what was to change has changed, nothing else, and all that boots boots."""

import re
import struct
import unittest
import zlib
from pathlib import Path

import isos
from isos import LAYOUTS, OURS, SECTOR, WORDS, Case, boot_pointers, extract, fat_file, place, unpack


def linux_lines(text):
    """The parts of lines that start Linux, and all else."""
    inside, outside = [], []
    for line in text.splitlines():
        if line.lstrip().startswith("APPEND"):
            parts = line.split(" --- ")
            inside += [part for part in parts if "vmlinuz" in part]
            outside += [part for part in parts if "vmlinuz" not in part]
        elif "vmlinuz" in line:
            inside.append(line)
        else:
            outside.append(line)
    return inside, outside


class Layouts(Case):
    def test_every_layout(self):
        for layout, (compression, configs, _) in LAYOUTS.items():
            with self.subTest(layout):
                source = self.iso(layout, f"{layout}.iso")
                target, said = self.remaster(source, name=f"{layout}-out.iso", warnings=isos.NINE if layout == "9" else "")
                before = extract(source, self.dir / f"{layout}-before")
                after = extract(target, self.dir / f"{layout}-after")
                self.assertIn(f"XCP-ng {layout}.0", said)
                self.assertEqual(before.keys(), after.keys())
                changed = {path for path in before if before[path] != after[path]}
                moved = {"boot/isolinux/boot.cat", "boot/isolinux/isolinux.bin"}
                self.assertEqual(changed - moved, {*configs, "install.img", "boot/efiboot.img"})
                for path in configs:
                    self.check_config(before[path].decode(), after[path].decode(), said)
                inner = [fat_file(self.dir / f"{layout}-{when}/boot/efiboot.img", "/EFI/xenserver/grub.cfg").decode()
                         for when in ("before", "after")]
                self.check_config(*inner, said)
                self.check_image(before["install.img"], after["install.img"], compression)
                self.check_boot(source, target)

    def check_config(self, before, after, said):
        old, new = linux_lines(before), linux_lines(after)
        self.assertTrue(old[0])
        self.assertEqual([f"{line} {WORDS}" for line in old[0]], new[0])
        # One line more, which both loaders skip.
        self.assertEqual([f"# bondstrap added: {WORDS}", *old[1]], new[1])
        self.assertIn(f"  install: console=hvc0 console=tty0 + {WORDS}\n", said)

    def check_image(self, before, after, compression):
        magic = {"bzip2": b"BZh", "zstd": b"\x28\xb5\x2f\xfd"}[compression]
        self.assertTrue(before.startswith(magic) and after.startswith(before))
        self.assertTrue(zlib.decompressobj(31).decompress(after[len(before) :].lstrip(b"\0")).startswith(b"070701"))
        old, new = unpack(before), unpack(after)
        self.assertEqual({path for path in new if new[path] != old.get(path)}, OURS | {"/bondstrap.baked"})
        self.assertFalse(old.keys() - new.keys())

    def check_boot(self, source, target):
        for iso in (source, target):
            pointers = boot_pointers(iso)
            bios, uefi = place(iso, "/boot/isolinux/isolinux.bin"), place(iso, "/boot/efiboot.img")
            self.assertEqual(pointers, {"MBR isolinux": bios, "MBR EFI": uefi, "GPT EFI": uefi, "El Torito BIOS": bios,
                                        "El Torito UEFI": uefi, "UEFI length": 5760})  # fmt: skip
            data = Path(iso).read_bytes()[bios * SECTOR :]
            self.assertEqual(struct.unpack_from("<II", data, 8), (16, bios), "boot info table")
        self.assertEqual(self.reports(source), self.reports(target))
        # The identity by which GRUB searches, and the name.
        self.assertEqual(*(Path(iso).read_bytes()[16 * SECTOR + 830 : 16 * SECTOR + 846] for iso in (source, target)))
        self.assertEqual(*(Path(iso).read_bytes()[16 * SECTOR + 40 : 16 * SECTOR + 72] for iso in (source, target)))

    def reports(self, iso):
        lines = isos.run("xorriso", "-no_rc", "-indev", f"stdio:{iso}", "-report_el_torito", "plain",
                         "-report_system_area", "plain").decode().splitlines()  # fmt: skip
        kept = ("El Torito cat path", "El Torito img", "System area", "MBR partition path", "GPT partition path")
        images = [line.split()[:9] for line in lines if line.startswith("El Torito boot img")]
        return images + [line for line in lines if line.startswith(kept)]

    def test_joliet_names_stay(self):
        target, _ = self.remaster(self.iso())
        listing = isos.run("isoinfo", "-J", "-f", "-i", target).decode()
        self.assertIn("/Packages/a-package-whose-name-is-longer-than-joliet-would-have-it-1234567-8.xcpng.x86_64.rpm", listing)

    def test_without_joliet_and_isohybrid(self):
        tree = self.tree()
        source = self.dir / "in.iso"
        isos.run("genisoimage", "-quiet", "-o", source, "-r", "-V", "plain", "-c", "boot/isolinux/boot.cat", "-b",
                 "boot/isolinux/isolinux.bin", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", tree.folder)  # fmt: skip
        target, said = self.remaster(source)
        self.assertIn("El Torito BIOS; system area none", said)
        self.assertEqual(Path(target).read_bytes()[:512], bytes(512))
        self.assertNotIn(b"%/E", Path(target).read_bytes()[17 * SECTOR : 24 * SECTOR])

    def test_made_by_xorriso(self):
        tree = self.tree("9")
        source = self.dir / "in.iso"
        isos.run("xorriso", "-as", "mkisofs", "-o", source, "-r", "-J", "-joliet-long", "-V", "V9", "-isohybrid-mbr",
                 "/usr/lib/ISOLINUX/isohdpfx.bin", "-c", "boot/isolinux/boot.cat", "-b", "boot/isolinux/isolinux.bin",
                 "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", "-eltorito-alt-boot", "-e",
                 "boot/efiboot.img", "-no-emul-boot", "-isohybrid-gpt-basdat", tree.folder)  # fmt: skip
        target, _ = self.remaster(source, warnings=isos.NINE)
        self.assertEqual(self.reports(source), self.reports(target))

    def test_booting_by_grub_alone(self):
        tree = self.tree("9")
        tree.remove("boot/isolinux/isolinux.cfg")
        # As long as GRUB's own, with its places in it.
        tree.write("boot/grub/eltorito.img", bytes(range(256)) * 20)
        source = self.dir / "in.iso"
        isos.run("xorriso", "-as", "mkisofs", "-o", source, "-r", "-V", "V9", "-c", "boot.cat", "-b", "boot/grub/eltorito.img",
                 "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", "--grub2-boot-info", "-eltorito-alt-boot",
                 "-e", "boot/efiboot.img", "-no-emul-boot", tree.folder)  # fmt: skip
        # So that things move.
        target, _ = self.remaster(source, WORDS + " hostname=" + "a" * 60, warnings=None)
        self.assertEqual(self.reports(source), self.reports(target))
        for iso in (source, target):
            at = place(iso, "/boot/grub/eltorito.img")
            data = Path(iso).read_bytes()[at * SECTOR :]
            self.assertEqual(struct.unpack_from("<Q", data, 2548)[0], at * 4 + 5)


class Again(Case):
    def test_the_same_bytes_again(self):
        source = self.iso()
        first, _ = self.remaster(source, name="first.iso")
        for name, start, words in (
            ("same.iso", first, WORDS), ("from the original.iso", source, WORDS), ("other.iso", first, "bond=eth2,eth3"),
        ):  # fmt: skip
            self.remaster(start, words, name)
        self.remaster(source, "bond=eth2,eth3", "other from the original.iso")
        read = {path.name: path.read_bytes() for path in self.dir.glob("*.iso")}
        self.assertEqual(read["first.iso"], read["same.iso"])
        self.assertEqual(read["first.iso"], read["from the original.iso"])
        self.assertEqual(read["other.iso"], read["other from the original.iso"])
        self.assertNotEqual(read["first.iso"], read["other.iso"])

    def test_words_go_again(self):
        source = self.iso()
        first, _ = self.remaster(source, "bond=eth0,eth1 x=a;b", "first.iso")
        second, _ = self.remaster(first, None, "second.iso", warnings=None)
        before, after = extract(source, self.dir / "before"), extract(second, self.dir / "after")
        for path in LAYOUTS["8.3"][1]:
            self.assertEqual(before[path], after[path])
        self.assertEqual(*(fat_file(self.dir / when / "boot/efiboot.img", "/EFI/xenserver/grub.cfg") for when in ("before", "after")))

    def test_without_a_date(self):
        source = self.iso()
        for number, digits in enumerate((b"0" * 16, b"2026999999999999", b"\xff" * 16)):
            with self.subTest(digits):
                data = bytearray(source.read_bytes())
                for at in (813, 830):
                    data[16 * SECTOR + at : 16 * SECTOR + at + 16] = digits
                source.write_bytes(data)
                one, other = (self.remaster(source, name=f"{number}-{when}.iso")[0].read_bytes() for when in "ab")
                self.assertEqual(one, other)


class Fat(Case):
    def test_a_full_image_grows(self):
        words = "bond=eth0,eth1 " + "hostname=" + "a" * 400

        def free(tree):
            listing = isos.run("mdir", "-i", tree.folder / "boot/efiboot.img", "::/").decode()
            return int(re.search(r"([\d ]+) bytes free", listing)[1].replace(" ", ""))

        def fill(tree):
            config = LAYOUTS["8.3"][2].encode()
            tree.efiboot(config, 1440)
            tree.efiboot(config, 1440, free(tree))
            self.assertEqual(free(tree), 0)

        source = self.iso(change=fill)
        target, said = self.remaster(source, words, warnings=None)
        self.assertIn("/boot/efiboot.img was full", said)
        extract(source, self.dir / "before"), extract(target, self.dir / "after")
        images = [self.dir / when / "boot/efiboot.img" for when in ("before", "after")]
        for path in ("/EFI/BOOT/BOOTX64.EFI", "/EFI/BOOT/FILL.BIN"):
            self.assertEqual(*(fat_file(image, path) for image in images))
        self.assertIn(words, fat_file(images[1], "/EFI/xenserver/grub.cfg").decode())
        self.assertIn("1234-5678", isos.run("mdir", "-i", images[1], "::/").decode())
        isos.run("fsck.fat", "-n", images[1])
        pointers = boot_pointers(target)
        self.assertEqual(pointers["El Torito UEFI"], place(target, "/boot/efiboot.img"))
        self.assertEqual(pointers["GPT EFI"], pointers["El Torito UEFI"])
        self.assertGreaterEqual(pointers["UEFI length"] * 512, images[1].stat().st_size)
        again, _ = self.remaster(target, words, "again.iso", warnings=None)
        self.assertEqual(target.read_bytes(), again.read_bytes())


if __name__ == "__main__":
    unittest.main()
