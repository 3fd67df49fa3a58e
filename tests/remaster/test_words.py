"""Words reach the kernel unchanged, whatever loader they come through; or they are refused."""

import contextlib
import io
import random
import re
import subprocess
import unittest

import isos
import loaders
from isos import GRUB, ISOLINUX, Case

from bake.errors import Refusal
from iso import pxe, words
from iso.config import Config

ODD = ";$,{}|&<>()[]*?#!~^%@:=+-./"
PLAIN = "abcXYZ019_"


def any_word(rng):
    """A word of odd characters, sometimes with quotes around it or its value."""
    def text(blanks):
        letters = ODD + PLAIN * 3 + (" " if blanks else "")
        return re.sub("  +", " ", "".join(rng.choice(letters) for _ in range(rng.randint(1, 25))))

    shape = rng.randrange(4)
    if shape == 0:
        return text(False)
    name = "".join(rng.choice(PLAIN + ";$,#{[") for _ in range(rng.randint(1, 8)))
    return [f"{name}={text(False)}", f'{name}="{text(True)}"', f'"{name}={text(True)}"'][shape - 1]


def any_words(rng):
    while True:
        line = " ".join(any_word(rng) for _ in range(rng.randint(1, 6)))
        try:
            return line, words.read(line)
        except Refusal:
            continue


class Survive(Case):
    def test_any_words_through_isolinux(self):
        rng = random.Random(1)
        for _ in range(300):
            line, read = any_words(rng)
            for text in (ISOLINUX, ISOLINUX.replace("\n", "\r\n")):
                written = Config("/boot/isolinux/isolinux.cfg", text.encode()).with_words(read).decode()
                appends = re.findall(r"APPEND (.*?)\r?\n", written)
                own = re.findall(r"APPEND (.*?)\r?\n", text)
                self.assertEqual(len(appends), len(own))
                for old, new in zip(own, appends):
                    before, after = loaders.mboot(old), loaders.mboot(new)
                    self.assertEqual([before[0], before[2]], [after[0], after[2]])
                    self.assertEqual(loaders.kernel(f"{before[1][1]} {line}"), loaders.kernel(after[1][1]))

    def test_any_words_through_grub_itself(self):
        rng = random.Random(2)
        cases = [any_words(rng) for _ in range(150)]
        lines, wanted = [], []
        for line, read in cases:
            written = Config("/EFI/xenserver/grub.cfg", GRUB.encode()).with_words(read).decode()
            found = re.findall(r"module2 /boot/vmlinuz (.*)", written)
            self.assertEqual(len(found), 3)
            self.assertEqual(re.sub(r"(?m)^# bondstrap.*\n|(?<=vmlinuz ).*", "", written), re.sub(r"(?<=vmlinuz ).*", "", GRUB))
            lines.append(found[0])
            wanted.append(loaders.kernel(f"console=hvc0 console=tty0 {line}"))
        for arguments, kernel in zip(loaders.grub(self.dir, lines), wanted):
            for escapes in (True, False):
                self.assertEqual(loaders.kernel(loaders.grub_line(arguments, escapes)), kernel)

    def test_written_configurations_are_grubs(self):
        line = words.read('bond=bond0:eth0,eth1:arp_ip_target=192.0.2.1;192.0.2.2 a=$x {} "b=c d" #e')
        path = self.dir / "grub.cfg"
        path.write_bytes(Config("grub.cfg", GRUB.encode()).with_words(line))
        subprocess.run(["grub-script-check", path], check=True, capture_output=True)

    def test_what_can_not_survive_is_refused(self):
        for line, says in {
            "hostname=it's": "backslash", "a=b\\c": "backslash", 'a="b"c': "quotes", 'a=b"c d"': "quotes",
            '"a"b': "quotes", 'a="b c': "quotes", 'a="b  c"': "several blanks", "a --- b": "lone ---",
            'a="b --- c"': "lone ---", "a=\xfc": "does not reach", "a\tb": "does not reach", "a\nb": "does not reach",
            "a=\x00": "does not reach", "a=\udc80": "does not reach",
        }.items():  # fmt: skip
            with self.subTest(line), self.assertRaisesRegex(Refusal, says):
                words.read(line)
        self.assertEqual(words.read("  bond=eth0   ip=dhcp "), ["bond=eth0", "ip=dhcp"])
        self.assertEqual(words.read(""), [])


GRUB_SHAPES = {
    "menuentry a {\n\tmodule2 /boot/vmlinuz\n}": "menuentry a {\n\tmodule2 /boot/vmlinuz W\n}",
    "module2 --nounzip '/boot/vmlinuz' a \t\n": "module2 --nounzip '/boot/vmlinuz' a W \t\n",
    "linux /boot/vmlinuz-6.1 root=x # note\n": "linux /boot/vmlinuz-6.1 root=x W # note\n",
    "linuxefi $prefix/vmlinuz \\\n  a \\\n  b\ninitrd x": "linuxefi $prefix/vmlinuz \\\n  a \\\n  b W\ninitrd x",
    "menuentry 'x y' { linux ${p}/vmlinuz a; initrd i }": "menuentry 'x y' { linux ${p}/vmlinuz a W; initrd i }",
    "if true; then linux16 /bzImage \"a b\"'c'; fi": "if true; then linux16 /bzImage \"a b\"'c' W; fi",
    "multiboot /xen.gz vmlinuz\nmodule /vmlinuz a": "multiboot /xen.gz vmlinuz\nmodule /vmlinuz a W",
    "module2 /boot/vmlinuz a\r\nmodule2 /install.img\r\n": "module2 /boot/vmlinuz a W\r\nmodule2 /install.img\r\n",
    "# module2 /boot/vmlinuz a\n": None,
    "module2 /install.img vmlinuz\n": None,
    "echo module2 /boot/vmlinuz\n": None,
}
ISOLINUX_SHAPES = {
    "label a\n kernel vmlinuz\n append  a=b \n": "label a\n kernel vmlinuz\n append  a=b W \n",
    "LABEL a\n LINUX /boot/vmlinuz\n APPEND initrd=/i.img x\n": "LABEL a\n LINUX /boot/vmlinuz\n APPEND initrd=/i.img x W\n",
    "APPEND xen.gz --- vmlinuz\t--- i": "APPEND xen.gz --- vmlinuz W\t--- i",
    "LABEL a\nTEXT HELP\nAPPEND xen.gz --- vmlinuz\nENDTEXT\nLABEL b\nKERNEL mboot.c32\nAPPEND x.gz --- vmlinuz a":
        "LABEL a\nTEXT HELP\nAPPEND xen.gz --- vmlinuz\nENDTEXT\nLABEL b\nKERNEL mboot.c32\nAPPEND x.gz --- vmlinuz a W",
    "LABEL a\nKERNEL mboot.c32\nAPPEND xen.gz ---x --- vmlinuz a=--- --- i":
        "LABEL a\nKERNEL mboot.c32\nAPPEND xen.gz ---x --- vmlinuz a=--- W --- i",
    "LABEL a\nLINUX /boot/memtest.bin\n": None,
    "# APPEND xen.gz --- vmlinuz a\n": None,
    "LABEL a\nKERNEL menu.c32\nAPPEND vmlinuz a\n": "LABEL a\nKERNEL menu.c32\nAPPEND vmlinuz a W\n",
}  # fmt: skip


class Shapes(unittest.TestCase):
    def test_every_shape(self):
        for name, shapes in (("grub.cfg", GRUB_SHAPES), ("isolinux.cfg", ISOLINUX_SHAPES)):
            for text, wanted in shapes.items():
                with self.subTest(text):
                    before = Config(name, text.encode())
                    self.assertEqual(bool(before.entries()), wanted is not None)
                    after = before.with_words(["W"])
                    self.assertEqual(after.decode(), f"# bondstrap added: W\n{wanted or text}")
                    self.assertEqual(Config(name, after).with_words([]), text.encode())
                    self.assertEqual(Config(name, after).with_words(["V"]), before.with_words(["V"]))

    def test_bytes_stay(self):
        text = b"# \xff\xfe caf\xc3\xa9\nAPPEND xen.gz --- vmlinuz \xe9 --- i\n"
        after = Config("isolinux.cfg", text).with_words(["W"])
        self.assertEqual(after, b"# bondstrap added: W\n" + text.replace(b"\xe9 ", b"\xe9 W "))

    def test_linux_without_append(self):
        with self.assertRaisesRegex(Refusal, "label a starts Linux without an APPEND"):
            Config("isolinux.cfg", b"LABEL a\nLINUX vmlinuz\n").entries()

    def test_changed_by_hand(self):
        after = Config("grub.cfg", GRUB.encode()).with_words(["W"]).replace(b"tty0 W", b"tty0", 1)
        with self.assertRaisesRegex(Refusal, "changed by hand since: an entry lacks `W`"):
            Config("grub.cfg", after)


class Pxe(Case):
    def entries(self, *arguments):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = pxe.main(list(arguments))
        return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())

    def test_as_a_command(self):
        done = subprocess.run([isos.ROOT / "image/pxe/entries", "--cmdline", "bond=eth0,eth1"], capture_output=True, text=True,
                              timeout=60, cwd=self.dir, check=True)  # fmt: skip
        self.assertEqual(done.stdout, self.shown("--cmdline", "bond=eth0,eth1"))

    def shown(self, *arguments):
        done = self.entries(*arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def test_odd_words_through_every_loader(self):
        rng = random.Random(3)
        for plain in ([], ["--plain"]):
            grub_lines, wanted = [], []
            for _ in range(25):
                line, read = any_words(rng)
                own = "" if plain else "console=hvc0 console=tty0 "
                kernel = loaders.kernel(own + line)
                text = self.shown("--cmdline", line, "--loader", "pxelinux", *plain)
                append = re.search(r"APPEND (.*)", text)[1]
                told = append if plain else loaders.mboot(append)[1][1]
                self.assertEqual(loaders.kernel(told), kernel)
                text = self.shown("--cmdline", line, "--loader", "grub", *plain)
                grub_lines.append(re.search(r"(?:module2|linux) /installer/vmlinuz (?:BOOTIF=01-\$net_default_mac )?(.*)", text)[1])
                wanted.append(kernel)
                done = self.entries("--cmdline", line, "--loader", "ipxe", *plain)
                if done.returncode:
                    self.assertRegex(done.stderr, r"can't be written for iPXE")
                    self.assertTrue("${" in line or re.search(r'(^|[ "])(#|\|\||&&|;)', line), line)
                    continue
                told = re.search(r"(?:module|kernel) \$\{base\}/vmlinuz (.*)", done.stdout)[1].split()
                told = [word for word in told if not word.startswith(("initrd=", "BOOTIF="))]
                self.assertFalse(any(word.startswith("#") or word in ("||", "&&", ";") for word in told))
                self.assertNotIn("${", " ".join(told))
                self.assertEqual(loaders.kernel(" ".join(told)), kernel)
            for arguments, kernel in zip(loaders.grub(self.dir, grub_lines), wanted):
                self.assertEqual(loaders.kernel(loaders.grub_line(arguments, True)), kernel)

    def test_xen_comes_first_and_linux_gets_the_words(self):
        text = self.shown("--cmdline", "bond=eth0,eth1", "--folder", "/xcp-ng/8.3/", "--image", "bond.img")
        modules = loaders.mboot(re.search(r"APPEND (.*)", text)[1])
        self.assertEqual([name for name, _ in modules], [f"xcp-ng/8.3/{name}" for name in ("xen.gz", "vmlinuz", "bond.img")])
        self.assertNotIn("bond=", modules[0][1])
        self.assertIn("module2 /xcp-ng/8.3/vmlinuz console=hvc0 console=tty0 bond=eth0,eth1\n", text)
        self.assertIn("module2 /xcp-ng/8.3/bond.img\n", text)
        self.assertIn("module ${base}/vmlinuz console=hvc0 console=tty0 bond=eth0,eth1\n", text)

    def test_each_is_a_whole_file(self):
        """One that boots without a question, and that the loader can read."""
        for plain in ([], ["--plain"]):
            shown = {name: self.shown("--cmdline", 'bond=eth0,eth1 x="a b;c"', "--loader", name, *plain) for name in pxe.LOADERS}
            self.assertTrue(shown["pxelinux"].startswith("DEFAULT bondstrap\nLABEL bondstrap\n"))
            self.assertTrue(shown["grub"].startswith("set timeout=5\nmenuentry "))
            self.assertTrue(shown["ipxe"].startswith("#!ipxe\n") and shown["ipxe"].endswith("\nboot\n"))
            path = self.dir / "grub.cfg"
            path.write_text(shown["grub"])
            subprocess.run(["grub-script-check", path], check=True, capture_output=True)

    def test_the_installers_own_words(self):
        """In place of the usual ones, in front of ours, quoted for each loader, and known to none of us."""
        for own, plain in ((["console=ttyS0", "atexit=shell", "bash-shell"], []), (["console=ttyS1,115200n8", "x=a;b", "rescue"], []),
                           (["rd.shell", 'x="a b;c"'], ["--plain"]), ([], []), ([], ["--plain"])):  # fmt: skip
            line = loaders.kernel(" ".join([*own, "bond=eth0,eth1", "ip=dhcp"]))
            given = ["--cmdline", "bond=eth0,eth1 ip=dhcp", "--own", " ".join(own), *plain]
            append = re.search("APPEND (.*)", self.shown(*given, "--loader", "pxelinux"))[1]
            modules = [["", append]] if plain else loaders.mboot(append)
            self.assertEqual(loaders.kernel(modules[0 if plain else 1][1]), line)
            self.assertFalse(not plain and own and own[-1] in modules[0][1])
            told = re.search(r"(?:module2|linux) /installer/vmlinuz (?:BOOTIF=01-\$net_default_mac )?(.*)",
                             self.shown(*given, "--loader", "grub"))[1]  # fmt: skip
            self.assertEqual(loaders.kernel(loaders.grub_line(loaders.grub(self.dir, [told])[0], True)), line)
            if "x=a;b" not in own:
                told = re.search(r"(?:module|kernel) \$\{base\}/vmlinuz (.*)", self.shown(*given, "--loader", "ipxe"))[1]
                told = [word for word in told.split() if not word.startswith(("initrd=", "BOOTIF="))]
                self.assertEqual(loaders.kernel(" ".join(told)), line)
        usual = loaders.kernel("console=hvc0 console=tty0 bond=eth0,eth1")
        append = re.search("APPEND (.*)", self.shown("--cmdline", "bond=eth0,eth1", "--loader", "pxelinux"))[1]
        self.assertEqual(loaders.kernel(loaders.mboot(append)[1][1]), usual)
        done = self.entries("--cmdline", "bond=eth0,eth1", "--own", "it's")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("--own", done.stderr)

    def test_unattended(self):
        url = "http://192.0.2.5/a.xml?x=1&y=2"
        given = ["--cmdline", "bond=eth0,eth1 ip=dhcp", "--answerfile", url]
        line = f"console=hvc0 console=tty0 {' '.join(words.unattended(['bond=eth0,eth1', 'ip=dhcp'], url))}"
        self.assertEqual(loaders.mboot(re.search("APPEND (.*)", self.shown(*given, "--loader", "pxelinux"))[1])[1][1], line)
        self.assertIn(f"module ${{base}}/vmlinuz {line}\n", self.shown(*given, "--loader", "ipxe"))
        told = re.search("module2 /installer/vmlinuz (.*)", self.shown(*given, "--loader", "grub"))[1]
        self.assertEqual(loaders.grub_line(loaders.grub(self.dir, [told])[0], True), line)

    def test_ipxe_gets_xen_unpacked(self):
        self.assertRegex(self.shown("--cmdline", "bond=eth0,eth1", "--loader", "ipxe"), r"\nkernel \$\{base\}/xen dom0_")

    def test_a_second_initrd(self):
        text = self.shown("--cmdline", "bond=eth0,eth1", "--plain", "--overlay", "overlay.cpio.gz")
        self.assertIn("INITRD installer/initrd.img,installer/overlay.cpio.gz\n", text)
        self.assertIn("initrd /installer/initrd.img /installer/overlay.cpio.gz\n", text)
        self.assertIn("vmlinuz initrd=initrd.img initrd=overlay.cpio.gz ", text)
        done = self.entries("--cmdline", "bond=eth0,eth1", "--overlay", "overlay.cpio.gz")
        self.assertEqual(done.returncode, 1)
        self.assertIn("Xen hands Linux one file", done.stderr)

    def test_words_are_judged(self):
        self.assertTrue(isos.BONDSTRAP.is_file(), "dist/bondstrap is missing: run scripts/build")
        for words, plain, xen in (
            ("bond=eth0,eth1", "", ""), ("bond=eth0,eth1 bonds=x", '"bonds" is not a word of ours', '"bonds" is not a word of ours'),
            ("bond=eth0,eth1,eth2,eth3,eth4", "", "xapi can't make bond0: the number of its ports is 5"),
        ):  # fmt: skip
            for says, arguments in ((plain, ["--plain"]), (xen, [])):
                done = self.entries("--cmdline", words, *arguments)
                self.assertEqual((done.returncode, done.stderr.count("\n")), (0, bool(says)), done.stderr)
                self.assertIn(f"entries: warning: --cmdline: bonds=x: {says}" if "bonds" in words and not arguments else says, done.stderr)
                self.assertEqual(self.entries("--cmdline", words, "--binary", "/nowhere", *arguments).stderr, "")
        for arguments in (["--plain"], []):
            done = self.entries("--cmdline", "bond=eth0,eth1 bondmode=9", *arguments)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("entries: --cmdline: these words can't be followed", done.stderr)
        # Xen's limits are the same without the program.
        long = ["--cmdline", "bond=eth0,eth1 a.b=" + "x" * 1000, "--binary", "/nowhere"]
        done = self.entries(*long)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("entries: --cmdline: Xen passes on 1023 bytes", done.stderr)
        self.assertEqual(self.entries(*long, "--plain").returncode, 0)

    def test_refusals(self):
        for arguments, says in (
            (["--cmdline", "a'b"], "backslash"), (["--cmdline", "a", "--folder", "x y"], "--folder 'x y'"),
            (["--cmdline", "a", "--image", "$x"], "--image '$x'"), (["--cmdline", "a", "--base", "http://x y"], "without blanks"),
            (["--cmdline", "a=${x}"], "can't be written for iPXE"),
            (["--cmdline", "bond=eth0,eth1", "--answerfile", "http://x/", "--plain"], "--answerfile is for XCP-ng's installer"),
            (["--cmdline", "bond=eth0,eth1", "--answerfile", "a.xml"], "--answerfile: a.xml is no URL"),
            (["--cmdline", "ip=dhcp", "--answerfile", "http://x/"], "ask for no bond"),
        ):  # fmt: skip
            done = self.entries(*arguments)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn(says, done.stderr)
        self.assertEqual(set(pxe.LOADERS), {"pxelinux", "grub", "ipxe"})


if __name__ == "__main__":
    unittest.main()
