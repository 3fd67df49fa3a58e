"""A disk that is full, for real: a small one of the test's own."""

import shutil
import subprocess
import sys
import unittest

import isos
from isos import WORDS, Case

# In namespaces of its own: a tmpfs of so many KiB below the test's directory, and then the rest as a command.
WITHIN = """set -eu
mount -t tmpfs -o size="$1"k tmpfs "$2"
cp in.iso "$2"
shift 2
code=0
"$@" || code=$?
ls -A small
exit $code
"""


class Full(Case):
    def setUp(self):
        super().setUp()
        self.source = self.iso()
        (self.dir / "small").mkdir()

    def run_on(self, kib, path=None):
        """The program, with its source and its target on a disk of this size; what is left there is in its output."""
        command = [sys.executable, isos.COMMAND, "small/in.iso", "small/out.iso", "--cmdline", WORDS, "--binary", self.program]
        options = {} if path is None else {"env": {**isos.os.environ, "PATH": f"{path}:{isos.os.environ['PATH']}"}}
        # Where it is not root already; below another root directory nobody else may become it.
        root = [] if isos.os.geteuid() == 0 else ["--map-root-user"]
        return subprocess.run(["unshare", *root, "--mount", "sh", "-c", WITHIN, "sh", str(kib), "small",
                               *map(str, command)], capture_output=True, text=True, cwd=self.dir, timeout=60, check=False,
                              **options)  # fmt: skip

    def test_too_small(self):
        done = self.run_on(20 << 10)
        self.assertEqual((done.returncode, done.stdout), (1, "in.iso\n"), done.stderr)
        self.assertRegex(done.stderr, r"\Aremaster-iso: small/out\.iso needs \d+ MiB of room while it is made, and there are \d+ MiB\n\Z")

    def test_filled_by_others_meanwhile(self):
        """There was room for it when it began."""
        fake = self.dir / "filling" / "xorriso"
        fake.parent.mkdir()
        fake.write_text(f'#!/bin/sh\ncase "$*" in *-outdev*) cat /dev/zero >small/others 2>/dev/null ;; esac\n'
                        f'exec {shutil.which("xorriso")} "$@"\n')  # fmt: skip
        fake.chmod(0o755)
        done = self.run_on(80 << 10, fake.parent)
        self.assertEqual((done.returncode, done.stdout), (1, "in.iso\nothers\n"), done.stderr)
        self.assertRegex(done.stderr, r"\Aremaster-iso: small/out\.iso can't be written; xorriso says: .*\n\Z")

    def test_large_enough(self):
        done = self.run_on(80 << 10)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(done.stdout.endswith("in.iso\nout.iso\n"), done.stdout)


if __name__ == "__main__":
    unittest.main()
