"""Words that would be lost on their way: what Xen cuts, what the kernel panics at, entries that start something else;
and words that this version of the program has no use for."""

import unittest

import isos
from isos import BONDSTRAP, GRUB, ISOLINUX, WORDS, Case

from bake.errors import Refusal
from iso import dom0, grub, isolinux
from iso.config import Config

OWN = "console=hvc0 console=tty0"
BOND = "bond=eth0,eth1"


def names(count, prefix="w"):
    return " ".join(f"{prefix}{number}=x" for number in range(count))


class Limits(Case):
    def warned(self, own, words):
        line = f"{own} {words}".strip()
        return dom0.warnings([dom0.Line("here", own, line)], BONDSTRAP)

    def refused(self, own, words, says):
        with self.assertRaisesRegex(Refusal, says):
            self.warned(own, words)

    def test_length(self):
        words = f"{BOND} a.b="
        room = dom0.LONGEST - len(OWN) - 1 - len(words)
        self.assertEqual(self.warned(OWN, words + "x" * room), [])
        self.refused(OWN, words + "x" * (room + 1), "here: Xen passes on 1023 bytes of Linux's words, and with those that are "
                     "added there are 1024: .*make them 1 shorter")
        long = OWN + " a.b=" + "x" * 1000
        self.assertEqual(self.warned(long, ""), ["here: Linux's words have 1030 bytes as they come, and Xen cuts them after "
                                                 "1023: the last ones are lost"])
        self.assertEqual(self.warned(long, BOND), ["here: Linux's words have 1030 bytes as they come, and Xen cuts them after "
                                                   "1023: none that are added get through in this entry"])

    def test_unknown_words(self):
        # With `bond`. A name that comes twice counts once; one with a dot, one without a value and one that the
        # kernel knows do not count.
        free = "w0=y a.b=1 plain loglevel=3"
        self.assertEqual(self.warned(OWN, f"{BOND} {names(30)} {free}"), [])
        self.refused(OWN, f"{BOND} {names(31)} {free}", "here: Linux takes 31 words name=value .* added there are 32: it would "
                     "panic; leave 1 out")
        self.assertEqual(self.warned(names(32), BOND), ["here: 32 words name=value as they come that the kernel does not know; "
                                                        "from 32 on it panics"])

    def test_what_xcp_ng_lacks(self):
        for words, says in (
            (f"{BOND}:mode=balance-rr".replace("=eth", "=bond0:eth"), "xapi can't make bond0: mode balance-rr"),
            ("bond=eth0,eth1,eth2,eth3,eth4", "xapi can't make bond0: the number of its ports is 5"),
            (f"{BOND} ip=bond0:auto6", "without an IPv4 default route XCP-ng's installer does not offer"),
        ):
            told = self.warned(OWN, words)
            self.assertEqual(len(told), 1, told)
            self.assertIn(f"here: {says}", told[0].replace("ip=: ", ""))
            self.assertIn(told[0], self.warned(OWN, f"{words} bondstrap.handover=xcp-ng"))
            # Somebody has said what is meant.
            self.assertEqual(self.warned(OWN, f"{words} bondstrap.handover=none"), [])

    def test_what_is_true_of_all_is_told_once(self):
        lines = [dom0.Line(place, OWN, f"{OWN} {BOND} bonds=x") for place in ("one", "two")]
        told = dom0.warnings(lines, BONDSTRAP)
        self.assertEqual(len(told), 1)
        self.assertRegex(told[0], '^one and other entries: bonds=x: "bonds" is not a word of ours')


STRANGERS = {
    grub: {
        GRUB: [],
        "menuentry a {\n multiboot2 /xen.gz\n module2 /kernel x\n module2 /install.img\n}\n": [("a", "/kernel")],
        "menuentry a {\n xen_hypervisor /xen.efi x\n xen_module /boot/kernel\n}\n": [("a", "/boot/kernel")],
        "menuentry a {\n xen_hypervisor /xen.efi x\n xen_module /vmlinuz\n}\nmenuentry b {\n multiboot /xen.gz\n}":
            [("b", "/xen.gz")],
        "menuentry a {\n linux /boot/memtest86+x64.efi\n}\nmenuentry b {\n chainloader /x.efi\n}": [],
        "menuentry a { linux /boot/kernel quiet; initrd /x }\n": [("a", "/boot/kernel")],
        "linux /boot/kernel\nmenuentry a {\n linux /vmlinuz\n}": [(None, "/boot/kernel")],
    },
    isolinux: {
        ISOLINUX: [],
        "LABEL a\nKERNEL mboot.c32\nAPPEND xen.gz x --- kernel y --- i\n": [("a", "kernel")],
        "LABEL a\nKERNEL mboot.c32\nAPPEND /boot/xen.gz x\nLABEL b\nLINUX vmlinuz\nAPPEND x": [("a", "/boot/xen.gz")],
        "LABEL a\nKERNEL memtest\nLABEL b\nLINUX /memtest.bin\nLABEL c\nKERNEL chain.c32\nAPPEND hd0\nLABEL d\nLOCALBOOT 0": [],
        "LABEL a\nKERNEL /boot/kernel\nAPPEND x\n": [("a", "/boot/kernel")],
    },
}  # fmt: skip


class Strangers(Case):
    def test_shapes(self):
        for loader, shapes in STRANGERS.items():
            for text, wanted in shapes.items():
                with self.subTest(text):
                    self.assertEqual(loader.strangers(text), wanted)

    def test_our_words_make_no_difference(self):
        for name, text in (("grub.cfg", GRUB), ("isolinux.cfg", ISOLINUX)):
            text = text.replace("/boot/vmlinuz", "/boot/kernel", 1).encode()
            after = Config(name, Config(name, text).with_words(["linux=/vmlinuz"]))
            self.assertEqual(after.strangers(), [("install", "/boot/kernel")])


class Told(Case):
    def setUp(self):
        super().setUp()
        self.assertTrue(BONDSTRAP.is_file(), "dist/bondstrap is missing: run scripts/build")
        self.program = BONDSTRAP

    def test_an_entry_without_words(self):
        def change(tree):
            for name, text in (("boot/isolinux/isolinux.cfg", ISOLINUX), ("EFI/xenserver/grub.cfg", GRUB)):
                at = text.index("/boot/vmlinuz", text.index("multipath"))
                tree.write(name, (text[:at] + text[at:].replace("vmlinuz", "kernel", 1)).encode())

        source = self.iso(change=change)
        done = self.run_command(source, self.dir / "out.iso", "--cmdline", WORDS, "--binary", self.program)
        self.assertEqual(done.returncode, 0, done.stderr)
        for name in ("EFI/xenserver/grub.cfg", "boot/isolinux/isolinux.cfg"):
            self.assertIn(f"warning: /{name}, multipath: it starts /boot/kernel, which is no Linux", done.stderr)
        self.assertEqual(done.stderr.count("\n"), 2, done.stderr)

    def refuse(self, words, says):
        source = self.iso()
        done = self.run_command(source, self.dir / "out.iso", "--cmdline", words, "--binary", self.program)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(says, done.stderr)
        self.assertEqual(sorted(path.name for path in self.dir.iterdir()), ["in.iso", "program", "tree"])

    def test_a_line_too_long(self):
        # Of all entries that with the longest words of its own.
        own = len("console=hvc0 console=tty0 device_mapper_multipath=enabled ")
        words = "bond=eth0,eth1 a.b="
        fits = words + "x" * (dom0.LONGEST - own - len(words))
        target, _ = self.remaster(self.iso(), fits)
        target.unlink()
        self.refuse(fits + "x", "multipath: Xen passes on 1023 bytes of Linux's words, and with those that are added there are 1024")

    def test_nine(self):
        nine = self.iso("9")
        self.remaster(nine, name="nine.iso", warnings=isos.NINE + ".treeinfo says 9.0)")
        # A net installer does not say what it is.
        quiet = self.iso("9", "quiet.iso", lambda tree: tree.remove(".treeinfo"))
        self.remaster(quiet, name="quiet-out.iso", warnings=isos.NINE + "install.img has no interface-rename-sideway)")
        eight = self.iso("8.3", "eight.iso", lambda tree: tree.remove(".treeinfo"))
        self.remaster(eight, name="eight-out.iso")

    def test_nine_by_uefi_alone(self):
        tree = self.tree("9")
        tree.remove("boot/xen.gz")
        tree.remove("boot/isolinux/isolinux.cfg")
        tree.remove("boot/isolinux/isolinux.bin")
        tree.write("boot/xen.efi", b"MZ" * 99)
        config = "menuentry install {\n xen_hypervisor /boot/xen.efi x\n xen_module /boot/vmlinuz console=hvc0\n xen_module /i\n}\n"
        for name in ("EFI/xenserver/grub.cfg", "EFI/xenserver/grub-usb.cfg", "boot/grub/grub.cfg"):
            tree.write(name, config.encode())
        tree.efiboot(config.encode())
        source = self.dir / "in.iso"
        isos.run("xorriso", "-as", "mkisofs", "-o", source, "-r", "-J", "-V", "V9", "-e", "boot/efiboot.img",
                 "-no-emul-boot", tree.folder)  # fmt: skip
        target, said = self.remaster(source, warnings=isos.NINE)
        self.assertIn("El Torito UEFI", said)
        self.assertIn(f"xen_module /boot/vmlinuz console=hvc0 {WORDS}\n".encode(),
                      isos.extract(target, self.dir / "after")["EFI/xenserver/grub.cfg"])  # fmt: skip


if __name__ == "__main__":
    unittest.main()
