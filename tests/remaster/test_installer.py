"""What goes into the installer itself: the line by which it calls persist, the watcher where there is no place for it,
and the words of an unattended installation."""

import stat
import subprocess
import unittest

import isos
from isos import FILE, INIT, OURS, SCRIPTS, WORDS, Case, cpio, unpack

from bake import installer
from bake.errors import Refusal
from iso import words
from iso.config import Config

LINE = b'__import__("scripts").add_script("filesystem-populated", "file:///opt/bondstrap/persist")  # bondstrap\n'
PATH = "/opt/xensource/installer/init"
WATCHER = {"/opt/bondstrap/watch", "/etc/systemd/system/bondstrap-persist.service",
           "/etc/systemd/system/multi-user.target.wants/bondstrap-persist.service"}  # fmt: skip
URL = "http://192.0.2.5/answers.xml"
UNATTENDED = ["install", "answerfile_generator=file:///opt/bondstrap/answerfile", f"bondstrap.answerfile={URL}"]

# None: no place for it.
SHAPES = {
    b"#!/usr/bin/python\n\tinstall.go(x)\n": b"#!/usr/bin/python\n\t" + LINE + b"\tinstall.go(x)\n",
    b"#!p\nif x:\n    rc = install.go(\n        x)\n": b"#!p\nif x:\n    " + LINE + b"    rc = install.go(\n        x)\n",
    b"#!p\n'''\nabout\n'''\nrc=install.go(x)": b"#!p\n'''\nabout\n'''\n" + LINE + b"rc=install.go(x)",
    b"#!p\n\xe9\n install.go()": b"#!p\n\xe9\n " + LINE + b" install.go()",
    b"#!p\ninstall.go(x)\ninstall.go(y)\n": None,
    b"#!p\nother.go(x)\n": None,
    b"#!p\n# install.go(x)\n": None,
    b"#!p\nreinstall.go(x)\n": None,
    b"#!p\nx = (\n  install.go(x))\n": None,
    b"#!p\nx = \\\n  install.go(x)\n": None,
    b"#!p\nf(1,\n  install.go(x))\n": None,
    b"#!p\n'''\n install.go(x)\n'''\n": None,
    b"#!p\r\ninstall.go(x)\r\n": None,
}


class Line(Case):
    def test_every_shape(self):
        for text, wanted in SHAPES.items():
            with self.subTest(text):
                self.assertEqual(installer.with_call(text), wanted)
                if wanted is not None:
                    self.assertEqual(installer.with_call(wanted), wanted)

    def image(self, **changed):
        """What becomes of install.img with this `init`, and what is said; mode and owner are of its own kind."""
        entries = [entry if entry[0] != PATH[1:] else (entry[0], FILE & ~0o777 | 0o700, entry[2], {"uid": 3, "gid": 4})
                   for entry in isos.root_of_installer(**changed)]  # fmt: skip
        (self.dir / "install.img").write_bytes(cpio(entries))
        for _ in range(2):
            done = subprocess.run([isos.ROOT / "image/bake-initramfs", "install.img", "install.img", "--binary", self.program],
                                  cwd=self.dir, capture_output=True, text=True, timeout=60, check=True)  # fmt: skip
        old, new = unpack(cpio(entries)), unpack((self.dir / "install.img").read_bytes())
        self.assertEqual(stat.S_IMODE(new[PATH][0]), 0o700)
        self.assertEqual((new[PATH][0], new[PATH][3]), (old[PATH][0], (3, 4)))
        return old, new, done

    def test_the_line_is_there_once(self):
        old, new, done = self.image()
        self.assertEqual({path for path in new if new[path] != old.get(path)}, OURS | {"/bondstrap.baked"})
        self.assertEqual(new[PATH][1], INIT.replace(b"    rc =", b"    " + LINE + b"    rc ="))
        self.assertIn("/opt/xensource/installer/init calls persist", done.stdout)
        self.assertEqual(done.stderr, "")
        for path in ("persist", "answerfile", "firstboot"):
            self.assertEqual(stat.S_IMODE(new[f"/opt/bondstrap/{path}"][0]), 0o755)

    def test_it_does_what_it_says(self):
        _, new, _ = self.image()
        (self.dir / "scripts.py").write_bytes(SCRIPTS)
        (self.dir / "install.py").write_text("import scripts\ndef go(*_):\n    return scripts.script_dict\n")
        program = "ui = answers = None\nrename_nics = print\n" + new[PATH][1].decode() + "print(main(None))\n"
        done = subprocess.run(["python3", "-B", "-c", program], cwd=self.dir, capture_output=True, text=True, timeout=60,
                              check=True)  # fmt: skip
        self.assertEqual(done.stdout, "\n{'filesystem-populated': ['file:///opt/bondstrap/persist']}\n")

    def test_a_watcher_where_there_is_no_place(self):
        for changed in ({"init": INIT.replace(b"install.go", b"setup.go")}, {"scripts": b"def add(x):\n    pass\n"},
                        {"scripts": SCRIPTS.replace(b"(stage, url)", b"(url)")}, {"init": INIT[2:]}):  # fmt: skip
            with self.subTest(changed):
                old, new, done = self.image(**changed)
                self.assertEqual({path for path in new if new[path] != old.get(path)},
                                 (OURS | WATCHER | {"/bondstrap.baked"}) - {PATH})  # fmt: skip
                self.assertEqual(new["/etc/systemd/system/multi-user.target.wants/bondstrap-persist.service"][1],
                                 b"../bondstrap-persist.service")  # fmt: skip
                self.assertIn("/opt/xensource/installer/init has no place that is known here", done.stderr)
                self.assertNotIn("calls persist", done.stdout)


class Unattended(Case):
    def test_words(self):
        source = self.iso()
        done = self.run_command(source, self.dir / "out.iso", "--binary", self.program, "--cmdline", WORDS, "--answerfile", URL)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn(f"  install: console=hvc0 console=tty0 + {WORDS} {' '.join(UNATTENDED)}\n", done.stdout)
        # The way back, and without the file.
        again, _ = self.remaster(self.dir / "out.iso", name="again.iso")
        self.assertEqual(again.read_bytes(), self.remaster(source, name="plain.iso")[0].read_bytes())

    def test_a_rescue_entry_wipes_nothing(self):
        def rescue(tree):
            for name, word in (("boot/isolinux/isolinux.cfg", "bash-shell"), ("EFI/xenserver/grub.cfg", "'shell'")):
                path = tree.folder / name
                path.write_bytes(path.read_bytes().replace(b"device_mapper_multipath=enabled", word.encode()))

        source = self.iso(change=rescue)
        done = self.run_command(source, self.dir / "out.iso", "--binary", self.program, "--cmdline", WORDS, "--answerfile", URL)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        after = isos.extract(self.dir / "out.iso", self.dir / "after")
        unattended = f"{WORDS} {' '.join(UNATTENDED)}"
        for name, own, count in (("boot/isolinux/isolinux.cfg", "console=hvc0 console=tty0 bash-shell", 3),
                                 ("EFI/xenserver/grub.cfg", "console=hvc0 console=tty0 'shell'", 2)):  # fmt: skip
            with self.subTest(name):
                self.assertIn(f"  multipath: {own} + {WORDS} (it starts a shell, so it gets no words that install", done.stdout)
                lines = after[name].decode().splitlines()
                self.assertEqual(lines[:2], [f"# bondstrap added: {unattended}", f"# bondstrap added: {WORDS}"])
                linux = [line.partition(" --- /install.img")[0] for line in lines if "vmlinuz" in line]
                self.assertEqual([line for line in linux if not line.endswith(unattended)],
                                 [line for line in linux if line.endswith(f"vmlinuz {own} {WORDS}")])  # fmt: skip
                self.assertEqual(len([line for line in linux if line.endswith(unattended)]), count)
        self.assertIn(f"  multipath: console=hvc0 console=tty0 device_mapper_multipath=enabled + {unattended}\n", done.stdout)
        # The way back, and without the file.
        again, _ = self.remaster(self.dir / "out.iso", name="again.iso")
        self.assertEqual(again.read_bytes(), self.remaster(source, name="plain.iso")[0].read_bytes())

    def test_what_is_a_rescue_entry(self):
        given = words.unattended(words.read(WORDS), URL)
        for own, rescue in (("bash-shell", True), ("a shell b", True), ('"shell"', True), ("'bash-shell'", True),
                            ("atexit=shell", False), ("my-shell", False), ("shell=x", False)):  # fmt: skip
            for name in ("grub.cfg", "isolinux.cfg"):
                with self.subTest(own, name=name):
                    text = f"module2 /vmlinuz {own}\n" if name == "grub.cfg" else f"APPEND xen.gz --- vmlinuz {own} --- i\n"
                    before = Config(name, text.encode())
                    after = before.with_words(given)
                    self.assertEqual(f"{own} {WORDS} install ".encode() in after, not rescue)
                    self.assertIn(f"{own} {WORDS}".encode(), after)
                    self.assertEqual(Config(name, after).with_words([]), text.encode())
                    # As earlier versions wrote it.
                    earlier = f"# bondstrap added: {' '.join(given)}\n" + text.replace(own, f"{own} {' '.join(given)}")
                    self.assertEqual(Config(name, earlier.encode()).with_words([]), text.encode())
                    # Words of one's own, and nothing else.
                    alone = before.with_words(["answerfile=file:///a.xml"])
                    self.assertEqual(f"{own} answerfile".encode() in alone, not rescue)
                    self.assertEqual(Config(name, alone).with_words([]), text.encode())

    def test_what_can_not_be(self):
        line = words.read(WORDS)
        for given, url, says in (
            (line, "a.xml", "a.xml is no URL"), (line, "nfs://192.0.2.5/a.xml", "is no URL"), (line, "http://", "is no URL"),
            (line, "", "nothing is no URL"), (line, "http://x/a b", "write %20"), (line, 'http://x/"', "write %20"),
            (line, "http://u:a/b@x/", "write %2F, %3F, %23 or %40"), (line, "http://u:a?b@x/", "write %2F"),
            (line, "http://u:1#b@x/", "write %2F"), (line, "http://u:a@b@x/", "write %2F"), (line, "https://u@v@x/", "write %2F"),
            (line, "http://u:a/b@c@x/", "write %2F"), (line, "http://u:a@x/b@c", "%40 for an @ behind the host"),
            (line, "http://x/it's", "GRUB would put a backslash"), (line, "http://x/\xe9", "does not reach"),
            ([*line, "answerfile=file:///a.xml"], URL, "have answerfile= already"),
            ([*line, '"bondstrap.answerfile=x"'], URL, "have bondstrap.answerfile= already"),
            (["ip=dhcp"], URL, "ask for no bond"),
        ):  # fmt: skip
            with self.subTest(url=url, given=given), self.assertRaisesRegex(Refusal, says):
                words.unattended(given, url)
        self.assertEqual(words.unattended(line, URL), [*line, *UNATTENDED])
        for url in ("http://u:a%2Fb%40@x/a.xml", "http://u@x:80/a?b#c", "http://x/a@b.xml", "http://x?a=b:c@d",
                    "http://[2001:db8::1]/a@b"):  # fmt: skip
            self.assertEqual(words.unattended(line, url)[-1], f"bondstrap.answerfile={url}")


if __name__ == "__main__":
    unittest.main()
