"""Words that are baked in, judged by the program itself; and what obeys them in an image beside it."""

import unittest

import support
from support import DIR, FILE, LINK, PROGRAM, Case, cpio, directories, initramfs_tools, systemd

from bake import judge
from bake.errors import Refusal


class Words(Case):
    def setUp(self):
        super().setUp()
        self.assertTrue(support.BONDSTRAP.is_file(), "dist/bondstrap is missing: run scripts/build")
        self.source = self.file("in", cpio(initramfs_tools()))

    def run_with(self, words, *arguments):
        before = sorted(self.dir.iterdir())
        done = self.run_command(*(arguments or (self.source, "out")), "--cmdline", words, "--binary", support.BONDSTRAP)
        self.assertNotIn("Traceback", done.stderr)
        if done.returncode:
            self.assertEqual(sorted(self.dir.iterdir()), before, "something was written")
        return done

    def test_refused(self):
        """What `up` would refuse when the image boots, in its own words."""
        for words, says in (
            ("bond=eth0,eth1 bondmode=9", '"9" is not a bonding mode'),
            ("bond=eth0,eth1 ip=bond0:rarp", "rarp"),
        ):
            for arguments in ((), ("--overlay", "out")):
                with self.subTest(words, arguments=arguments):
                    done = self.run_with(words, *arguments)
                    self.assertEqual(done.returncode, 1, done.stdout)
                    self.assertTrue(done.stderr.startswith("bake-initramfs: --cmdline: "), done.stderr)
                    self.assertIn(says, done.stderr)

    def test_warned(self):
        """What `up` goes on without."""
        for arguments in ((), ("--overlay", "out")):
            with self.subTest(arguments):
                done = self.run_with("bond=eth0,eth1 bonds=x bondstrap.handover=netplan", *arguments)
                self.assertEqual(done.returncode, 0, done.stderr)
                warnings = done.stderr.splitlines()
                self.assertEqual(len(warnings), 2, done.stderr)
                self.assertIn('warning: bonds=x: "bonds" is not a word of ours', warnings[0])
                self.assertIn("warning: a list in bondstrap.handover= has no effect in this version", warnings[1])

    def test_quiet(self):
        for words in ("bond=eth0,eth1 ip=dhcp", "", "quiet splash"):
            self.assertEqual(self.run_with(words).stderr, "")

    def test_not_ours_to_judge(self):
        """A program for another machine says nothing, which is told; a NUL ends words before it could."""
        stranger = self.file("stranger", support.elf(183))
        stranger.chmod(0o755)
        told = judge.warnings("bondmode=nonsense", stranger, "here")
        self.assertEqual([sentence.partition(" (")[0] for sentence in told],
                         [f"words not checked: {stranger} does not run on this machine"])
        self.assertEqual(judge.warnings("bondmode=nonsense", self.dir / "nothing", "here"), [])
        from bake import bake

        with self.assertRaisesRegex(Refusal, "NUL"):
            bake.check_words("a\0b", support.BONDSTRAP)


def unit(folder, wants="sysinit.target.wants"):
    """The generator's unit, wanted."""
    return [*directories(f"{folder}/{wants}"),
            (f"{folder}/{wants}/systemd-network-generator.service", LINK, b"/nowhere/systemd-network-generator.service")]


NETWORKD = [("usr/lib/systemd/systemd-networkd", PROGRAM, b"x")]
GENERATOR = [("usr/lib/systemd/systemd-network-generator", PROGRAM, b"x")]
HOOKS = directories("usr/lib/dracut/hooks/cmdline")
# What the image has beside: the warning begins so, and names what to do. None: nothing obeys these words.
TABLE = {
    "NetworkManager, RHEL": ([("usr/libexec", DIR, b""), ("usr/libexec/nm-initrd-generator", PROGRAM, b"x")],
                             "the image's own NetworkManager", "dracut --omit network-manager"),
    "NetworkManager, /usr/lib": ([("usr/lib/nm-initrd-generator", PROGRAM, b"x")],
                                 "the image's own NetworkManager", "dracut --omit network-manager"),
    "dracut": ([*HOOKS, ("usr/lib/dracut/hooks/cmdline/96-parse-bond.sh", PROGRAM, b"x")],
               "the image's own dracut scripts (network-legacy)", "dracut --omit network-legacy"),
    "dracut, hooks in /var": ([*directories("var/lib/dracut/hooks/cmdline"),
                               ("var/lib/dracut/hooks/cmdline/98-parse-ip-opts.sh", PROGRAM, b"x")],
                              "the image's own dracut scripts (network-legacy)", "dracut --omit network-legacy"),
    "dracut, other hooks": ([*HOOKS, ("usr/lib/dracut/hooks/cmdline/00-parse-root.sh", PROGRAM, b"x")], None, None),
    "networkd": (NETWORKD + GENERATOR + unit("etc/systemd/system"),
                 "the image's own systemd-networkd", "dracut --omit systemd-networkd"),
    "networkd, by a unit of /usr": (NETWORKD + GENERATOR + unit("usr/lib/systemd/system", "initrd.target.requires"),
                                    "the image's own systemd-networkd", "dracut --omit systemd-networkd"),
    "generator alone": (GENERATOR + unit("etc/systemd/system"), None, None),
    "generator that nobody starts": (NETWORKD + GENERATOR, None, None),
    "networkd alone": (NETWORKD, None, None),
    "ipconfig elsewhere": ([("usr/bin/ipconfig", PROGRAM, b"x")], None, None),
    "dhcpcd elsewhere": ([("usr/sbin/dhcpcd", PROGRAM, b"x")], None, None),
}  # fmt: skip


class Machinery(Case):
    def test_systemd(self):
        for name, (more, begins, advises) in TABLE.items():
            with self.subTest(name):
                done = self.run_command(self.file("in", cpio([*systemd(), *more])), "out", "--binary", self.program)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(done.stderr.count("\n"), bool(begins), done.stderr)
                if begins:
                    self.assertTrue(done.stderr.startswith(f"bake-initramfs: warning: {begins}"), done.stderr)
                    self.assertIn(advises, done.stderr)

    def test_initramfs_tools(self):
        """Its DHCP clients, where a link leads to them and scripts may call them; one that can't be run is none."""
        for files, begins in (
            ({"bin/ipconfig": PROGRAM}, "ipconfig (klibc) obeys ip= too"),
            ({"bin/ipconfig": FILE}, None),
            ({"sbin/dhcpcd": PROGRAM}, "dhcpcd obeys ip= too"),
            ({"usr/sbin/dhcpcd": PROGRAM}, "dhcpcd obeys ip= too"),
            ({"usr/sbin/dhcpcd": FILE}, None),
            ({"bin/ipconfig": PROGRAM, "sbin/dhcpcd": PROGRAM}, "ipconfig (klibc) and dhcpcd obey ip= too"),
        ):
            for merged in (True, False):
                with self.subTest(files, merged=merged):
                    image = cpio([*initramfs_tools(merged=merged), *((name, mode, b"x") for name, mode in files.items())])
                    done = self.run_command(self.file("in", image), "out", "--binary", self.program)
                    self.assertEqual((done.returncode, done.stderr.count("\n")), (0, bool(begins)), done.stderr)
                    if begins:
                        self.assertIn(f"warning: the image's own {begins}, where", done.stderr)
                        self.assertIn("write ip=:::::bond0:dhcp there", done.stderr)

    def test_a_second_run(self):
        """What is ours is not taken for the image's own."""
        once = self.bake(cpio(systemd()))
        self.assertEqual(self.bake(once), once)


if __name__ == "__main__":
    unittest.main()
