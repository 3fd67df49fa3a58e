"""systemd's own opinion of the units that move a root."""

import shutil
import subprocess
import unittest

import support


@unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd here")
class Units(support.Case):
    def judged(self, path):
        text = (support.ROOT / "hooks/flip" / path).read_bytes()
        # What it starts, and reads, is on the machine that it is for.
        text = text.replace(b"@/usr/bin/bondstrap @bondstrap", b"@/bin/true @true")
        text = text.replace(b"EnvironmentFile=/", b"EnvironmentFile=-/")
        unit = self.file("bondstrap-flip.service", text)
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        said = [line for line in done.stdout.splitlines() if "KillMode=none" not in line]
        self.assertEqual((done.returncode, said), (0, []))

    def test_flip(self):
        for path in ("bondstrap-flip.service", "dracut/90bondstrap-flip/bondstrap-flip.service"):
            with self.subTest(path):
                self.judged(path)


if __name__ == "__main__":
    unittest.main()
