"""The patchers, called as iso-remaster.sh calls them; and the hook's own files."""

import bz2
import configparser
import os
import shutil
import stat
import subprocess
import unittest

import isos
from isos import LAYOUTS, OURS, PACKERS, WORDS, Case, cpio, fat_file, unpack


class Patchers(Case):
    def patch(self, which, folder, **environment):
        """One call, under fakeroot in some directory, with nothing but the folder as argument."""
        elsewhere = self.dir / "elsewhere"
        elsewhere.mkdir(exist_ok=True)
        # By a relative path: fakeroot itself can't take blanks.
        (elsewhere / "state").touch()
        return subprocess.run(
            ["fakeroot", "-i", "state", "-s", "state", "--", str(isos.ROOT / "image/xcp-ng" / f"{which}-patcher"),
             str(folder)], capture_output=True, text=True, cwd=elsewhere, timeout=60, check=False,
            umask=0o077, env={**os.environ, "BONDSTRAP_BINARY": str(self.program), **environment},
        )  # fmt: skip

    def unpacked(self, image):
        """install.img as a directory, as iso-remaster.sh unpacks it."""
        folder = self.dir / "installimg"
        folder.mkdir()
        subprocess.run(["cpio", "-idm", "--quiet"], input=image, cwd=folder, check=True, capture_output=True)
        return folder

    def packed(self, folder):
        """And packs it again."""
        return subprocess.run(["fakeroot", "-i", "../elsewhere/state", "sh", "-c",
                               "find . | cpio --quiet -o -H newc"], cwd=folder, check=True, capture_output=True).stdout  # fmt: skip

    def test_install_patcher(self):
        before = cpio(isos.root_of_installer())
        folder = self.unpacked(before)
        (folder / "etc/profile.d").rmdir()
        for _ in range(2):
            done = self.patch("install", folder)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("the image has bonding, 8021q", done.stdout)
            old, new = unpack(before), unpack(self.packed(folder))
            self.assertEqual({path for path in new if new[path] != old.get(path)} - {path for path in old},
                             OURS - old.keys())
            self.assertFalse(old.keys() - new.keys())
            self.assertEqual(new["/opt/xensource/installer/init"][1].count(b"add_script("), 1)
            self.assertIn("/opt/xensource/installer/init calls persist", done.stdout)
        self.assertEqual(stat.S_IMODE((folder / "etc/profile.d").stat().st_mode), 0o755)
        # Through /sbin, /lib and the like as the image has them, and not over them.
        self.assertTrue((folder / "sbin").is_symlink())
        self.assertEqual((folder / "usr/bin/bondstrap").read_bytes(), self.program.read_bytes())
        self.assertEqual(stat.S_IMODE((folder / "usr/bin/bondstrap").stat().st_mode), 0o755)
        # What it packs, remaster-iso takes as well.
        tree = self.tree()
        tree.write("install.img", bz2.compress(self.packed(folder)))
        self.remaster(tree.build(self.dir / "in.iso"))

    def test_nine(self):
        done = self.patch("install", self.unpacked(cpio(isos.root_of_installer(renames=False))))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("warning: this is an installer as of version 9 (install.img has no interface-rename-sideway)", done.stderr)

    def test_words_too_long_change_nothing(self):
        given = self.dir / "given"
        before = isos.extract(self.iso(), given)
        done = self.patch("iso", given, BONDSTRAP_CMDLINE=f"{WORDS} a.b={'x' * 1000}")
        self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
        self.assertIn("Xen passes on 1023 bytes of Linux's words", done.stderr)
        after = {str(path.relative_to(given)): path.read_bytes() for path in sorted(given.rglob("*")) if path.is_file()}
        self.assertEqual(before, after)
    def test_unattended(self):
        isos.extract(self.iso(), self.dir / "given")
        done = self.patch("iso", self.dir / "given", BONDSTRAP_CMDLINE=WORDS, BONDSTRAP_ANSWERFILE="http://192.0.2.5/a.xml")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn(" install answerfile_generator=file:///opt/bondstrap/answerfile bondstrap.answerfile=http://192.0.2.5/a.xml",
                      (self.dir / "given/EFI/xenserver/grub.cfg").read_text())  # fmt: skip

    def test_both_make_what_remaster_makes(self):
        source = self.iso()
        target, _ = self.remaster(source)
        wanted = isos.extract(target, self.dir / "wanted")
        isos.extract(source, self.dir / "given")
        given = self.dir / "given"
        isos.run("chmod", "-R", "a-w", given)
        isos.run("chmod", "u+w", given, given / "boot", given / "boot/isolinux", given / "EFI", given / "EFI/xenserver")
        for _ in range(2):
            done = self.patch("iso", given, BONDSTRAP_CMDLINE=WORDS)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
        isos.run("chmod", "-R", "u+w", given)
        for path in LAYOUTS["8.3"][1]:
            self.assertEqual((given / path).read_bytes(), wanted[path])
        inner = "/EFI/xenserver/grub.cfg"
        self.assertEqual(fat_file(given / "boot/efiboot.img", inner), fat_file(self.dir / "wanted/boot/efiboot.img", inner))

    def test_bake_knows_the_image_as_well(self):
        for name in ("bzip2", "zstd"):
            image = PACKERS[name](cpio(isos.root_of_installer()))
            (self.dir / "install.img").write_bytes(image)
            done = subprocess.run([isos.ROOT / "image/bake-initramfs", "install.img", "new.img", "--binary", self.program],
                                  cwd=self.dir, capture_output=True, text=True, timeout=60, check=True)  # fmt: skip
            self.assertIn("hook xcp-ng", done.stdout)
            old, new = unpack(image), unpack((self.dir / "new.img").read_bytes())
            self.assertEqual({path for path in new if new[path] != old.get(path)}, OURS | {"/bondstrap.baked"})
            self.assertEqual(new["/etc/systemd/system/multi-user.target.wants/bondstrap.service"][1], b"../bondstrap.service")

    def test_refusals(self):
        for which, folder, environment, says in (
            ("install", self.dir, {}, "is not XCP-ng's install.img"), ("install", self.dir / "no", {}, "it takes one directory"),
            ("install", self.dir, {"BONDSTRAP_BINARY": "/nowhere"}, "build the program"),
            ("iso", self.dir, {}, "no boot configuration of this installer starts Linux"),
            ("iso", self.dir, {"BONDSTRAP_CMDLINE": "a'b"}, "BONDSTRAP_CMDLINE: in a'b GRUB"),
            ("iso", self.dir / "no", {}, "it takes one directory"),
            ("iso", self.dir, {"BONDSTRAP_ANSWERFILE": "a.xml"}, "BONDSTRAP_ANSWERFILE: a.xml is no URL"),
        ):  # fmt: skip
            with self.subTest(which, says=says):
                done = self.patch(which, folder, **environment)
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                self.assertTrue(done.stderr.startswith(f"{which}-patcher: ") and says in done.stderr, done.stderr)


class Hook(unittest.TestCase):
    FOLDER = isos.ROOT / "hooks/xcp-ng"

    # systemd.unit(5), systemd.service(5), systemd.exec(5) and systemd.kill(5) of 219.
    KNOWN = {"Unit": {"Description", "After", "Before", "Wants", "ConditionPathExists"}, "Install": {"WantedBy"},
             "Service": {"Type", "ExecStart", "Restart", "RestartPreventExitStatus", "RestartSec", "StartLimitInterval",
                         "StandardOutput", "StandardError", "TimeoutStartSec", "TimeoutStopSec", "KillMode"}}  # fmt: skip

    def test_units_are_what_systemd_219_knows(self):
        units = {}
        for path in sorted(self.FOLDER.glob("*.service")):
            # A key may stand there twice.
            unit = units[path.name] = configparser.ConfigParser(strict=False, interpolation=None)
            unit.optionxform = str
            unit.read(path)
            self.assertEqual(set(unit.sections()), set(self.KNOWN))
            for name in unit.sections():
                self.assertLessEqual(set(unit[name]), self.KNOWN[name], path.name)
            self.assertEqual(unit["Install"]["WantedBy"], "multi-user.target")
        self.assertEqual(set(units), {"bondstrap.service", "bondstrap-firstboot.service", "bondstrap-persist.service"})
        unit = units["bondstrap.service"]
        self.assertEqual(unit["Service"]["Type"], "simple")
        self.assertEqual(unit["Service"]["ExecStart"], "/usr/bin/bondstrap up --stay")
        self.assertIn("installer.service", unit["Unit"]["Before"].split())

    def test_profile_tells_those_who_log_in(self):
        script = self.FOLDER / "profile.sh"
        for shell in ("bash", "dash"):
            self.assertTrue(shutil.which(shell))
            told = subprocess.run([shell, "-i", "-c", f". '{script}'"], capture_output=True, text=True, timeout=20, check=True,
                                  stdin=subprocess.DEVNULL, start_new_session=True)  # fmt: skip
            self.assertEqual(told.stdout.count("\n"), 1)
            self.assertIn("bondstrap status", told.stdout)
            quiet = subprocess.run([shell, "-c", f". '{script}'"], capture_output=True, text=True, timeout=20, check=True)
            self.assertEqual(quiet.stdout + quiet.stderr, "")
        self.assertLessEqual(len(told.stdout.rstrip("\n")), 80)


if __name__ == "__main__":
    unittest.main()
