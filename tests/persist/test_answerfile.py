"""hooks/xcp-ng/answerfile and answerfile.py: the answer file of an unattended installation, fetched with the real curl
from servers that fail in all ways, and edited."""

import ast
import contextlib
import http.server
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path
from xml.dom import minidom

ROOT = Path(__file__).resolve().parent.parent.parent
HOOKS = ROOT / "hooks/xcp-ng"
sys.dont_write_bytecode = True
sys.path.insert(0, str(HOOKS))

import answerfile  # noqa: E402

PORTS = [("eth0", "52:54:00:00:00:aa"), ("eth1", "52:54:00:00:00:bb")]
SCRIPT = b'<script stage="filesystem-populated" type="url">file:///opt/bondstrap/persist</script>\n'
PLAIN = b'<?xml version="1.0"?>\n<installation>\n  <source type="url">http://x/</source>\n</installation>\n'
WITH = PLAIN.replace(b"</installation>", SCRIPT + b"</installation>")

# What goes in → what comes out; a text: the refusal.
EDITS = {
    PLAIN: WITH,
    b"\xef\xbb\xbf" + PLAIN: b"\xef\xbb\xbf" + WITH,
    PLAIN.replace(b"\n", b"\r\n"): WITH.replace(b"\n", b"\r\n").replace(SCRIPT[:-1] + b"\r\n", SCRIPT),
    b"<installation mode='a>b' />": b"<installation mode='a>b' >" + SCRIPT + b"</installation>",
    b"<upgrade/>\n<!-- </upgrade> -->": b"<upgrade>" + SCRIPT + b"</upgrade>\n<!-- </upgrade> -->",
    b"<restore><backup-disk>sda</backup-disk></restore>": b"<restore><backup-disk>sda</backup-disk></restore>",
    b"<installation><![CDATA[</installation>]]></installation >\n":
        b"<installation><![CDATA[</installation>]]>" + SCRIPT + b"</installation >\n",
    b'<!DOCTYPE installation [<!ENTITY x "</installation>"> <!-- > ]> -->]><installation>\t</installation>':
        b'<!DOCTYPE installation [<!ENTITY x "</installation>"> <!-- > ]> -->]><installation>\t' + SCRIPT + b"</installation>",
    b'<?xml version="1.0" encoding="iso-8859-1"?><installation>\xe9</installation>':
        b'<?xml version="1.0" encoding="iso-8859-1"?><installation>\xe9' + SCRIPT + b"</installation>",
    WITH: WITH,
    b'<installation><script type="url" stage="Filesystem-Populated"> \nfile:///opt/bondstrap/persist\t</script></installation>':
        b'<installation><script type="url" stage="Filesystem-Populated"> \nfile:///opt/bondstrap/persist\t</script></installation>',
    b'<installation><script stage="installation-start" type="url">file:///opt/bondstrap/persist</script></installation>':
        b'<installation><script stage="installation-start" type="url">file:///opt/bondstrap/persist</script>' + SCRIPT
        + b"</installation>",
    b"": "the file is empty", b" \n": "the file is empty",
    b"<installation>": "no XML that the installer could read: no element found: line 1",
    b"<installation></upgrade>": "no XML that the installer could read: mismatched tag: line 1",
    b"<installation/><installation/>": "no XML that the installer could read: junk after document element",
    b"<html><body>Please log in</body></html>": "its first element is <html>, and not <installation>",
    "<é/>".encode(): "its first element is <\\?>",
    "<installation/>".encode("utf-16"): "save it as UTF-8", "<installation/>".encode("utf-16-be"): "save it as UTF-8",
}  # fmt: skip

# <admin-interface ...> → the same, after; none: it stays.
INTERFACES = {
    b'<admin-interface hwaddr="52:54:00:00:00:BB" proto="dhcp"/>': b'<admin-interface name="eth1" proto="dhcp"/>',
    b"<admin-interface\n  proto='dhcp'\n  hwaddr = '52:54:00:00:00:aa'\n></admin-interface>":
        b"<admin-interface\n  proto='dhcp'\n  name=\"eth0\"\n></admin-interface>",
    b'<admin-interface note=\'hwaddr="52:54:00:00:00:aa">\' hwaddr="52:54:00:00:00:bb"/>':
        b'<admin-interface note=\'hwaddr="52:54:00:00:00:aa">\' name="eth1"/>',
    b'<admin-interface name="eth7" hwaddr="52:54:00:00:00:bb"/>': b'<admin-interface name="eth1" hwaddr="52:54:00:00:00:bb"/>',
    # It has a name that is there: that one counts.
    b'<admin-interface name="eth0" hwaddr="52:54:00:00:00:bb"/>': None,
    # Also where it is no port of the bond.
    b'<admin-interface name="eth4" hwaddr="52:54:00:00:00:bb"/>': None,
    b'<admin-interface hwaddr="52:54:00:00:00:cc"/>': None,
    b'<admin-interface name="eth0"/>': None,
    b'<!-- <admin-interface hwaddr="52:54:00:00:00:bb"/> -->': None,
    b'<fcoe-interface hwaddr="52:54:00:00:00:bb"/>': None,
}  # fmt: skip


class Edited(unittest.TestCase):
    def test_script(self):
        for data, wanted in EDITS.items():
            with self.subTest(data):
                if isinstance(wanted, str):
                    with self.assertRaisesRegex(answerfile.Refusal, wanted):
                        answerfile.edited(data, PORTS, lambda _: None)
                    continue
                out = answerfile.edited(data, PORTS, lambda _: None)
                self.assertEqual(out, wanted)
                minidom.parseString(out)
                self.assertEqual(answerfile.edited(out, PORTS, lambda _: None), out)

    def test_interfaces(self):
        nics = tempfile.TemporaryDirectory()
        self.addCleanup(nics.cleanup)
        for nic in ("eth0", "eth1", "eth4"):
            os.mkdir(os.path.join(nics.name, nic))
        self.addCleanup(setattr, answerfile, "NICS", answerfile.NICS)
        answerfile.NICS = nics.name
        for tag, wanted in INTERFACES.items():
            with self.subTest(tag):
                said = []
                out = answerfile.edited(b"<installation>" + tag + b"</installation>", PORTS, said.append)
                self.assertEqual(out, b"<installation>" + (wanted or tag) + SCRIPT + b"</installation>")
                self.assertEqual(["is now name=" in line for line in said], [True] * bool(wanted))
                minidom.parseString(out)

    def test_two_interfaces_and_no_status(self):
        tags = b'<admin-interface hwaddr="52:54:00:00:00:aa"/> <admin-interface hwaddr="52:54:00:00:00:bb"/>'
        out = answerfile.edited(b"<installation>" + tags + b"</installation>", PORTS, lambda _: None)
        self.assertIn(b'<admin-interface name="eth0"/> <admin-interface name="eth1"/>', out)
        self.assertIn(tags, answerfile.edited(b"<installation>" + tags + b"</installation>", [], lambda _: None))

    def test_python_2(self):
        """What its grammar lacks, and names that its library has: the installer of 8.2 and 8.3 is Python 2.7. That it
        runs there is looked at by hand."""
        tree = ast.parse((HOOKS / "answerfile.py").read_text())
        newer = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.Nonlocal, ast.YieldFrom, ast.AsyncFunctionDef, ast.Match,
                 ast.Starred, ast.MatMult)  # fmt: skip
        for node in ast.walk(tree):
            self.assertNotIsInstance(node, newer)
            if isinstance(node, ast.FunctionDef):
                self.assertEqual((node.args.kwonlyargs, node.args.posonlyargs, node.returns), ([], [], None))
                self.assertTrue(all(argument.annotation is None for argument in node.args.args))
            if isinstance(node, ast.Raise):
                self.assertIsNone(node.cause)
            if isinstance(node, ast.ClassDef):
                self.assertEqual((len(node.bases), node.keywords), (1, []))
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                self.assertLessEqual({name.name for name in node.names}, {"json", "os", "re", "sys", "expat"})
        self.assertTrue((HOOKS / "answerfile.py").read_text().isascii())


class Server(http.server.BaseHTTPRequestHandler):
    """Answers by the path: /CODE, /CODE-at-first, /slow, /redirect; or with 200."""

    def do_GET(self):
        self.server.seen.append(self.path)
        part = self.path.strip("/")
        if part == "slow":
            time.sleep(3)
        if part == "redirect":
            self.send_response(302)
            self.send_header("Location", "/answers.xml")
        elif part.partition("-")[0].isdigit() and not ("-" in part and len(self.server.seen) > 2):
            self.send_response(int(part.partition("-")[0]))
        else:
            self.send_response(200)
        self.end_headers()
        # Whoever has lost patience is gone.
        with contextlib.suppress(BrokenPipeError):
            self.wfile.write(self.server.body)

    def log_message(self, *_):
        pass


class Fetched(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="bondstrap answers ")
        self.addCleanup(holder.cleanup)
        self.dir = Path(holder.name)
        for folder in ("run", "etc", "bin"):
            (self.dir / folder).mkdir()
        self.stand_in("exit 0")
        (self.dir / "etc/resolv.conf").write_text("nameserver 192.0.2.53\n")

    def stand_in(self, up, wait="exit 0"):
        """bondstrap, as far as it is called."""
        status = json.dumps({"ports": [{"name": name, "mac": mac} for name, mac in PORTS]})
        program = self.dir / "bin/bondstrap"
        program.write_text(f"#!/bin/sh\ncase $1 in up) {up} ;; wait) {wait} ;; status) echo '{status}' ;; *) exit 9 ;; esac\n")
        program.chmod(0o755)

    def serve(self, port=0, body=PLAIN):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Server)
        server.seen, server.body = [], body
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.server = server
        return f"http://127.0.0.1:{server.server_port}"

    def generate(self, url=None, words="bond=eth0,eth1 {}", path=None, **settings):
        """One call, as the installer's: a copy from elsewhere, no arguments."""
        word = f"bondstrap.answerfile={url}" if url else ""
        (self.dir / "run/cmdline").write_text(words.format(word) + "\n")
        copy = self.dir / "answerfile6Xy"
        copy.write_bytes((HOOKS / "answerfile").read_bytes())
        copy.chmod(0o500)
        environment = {"PATH": f"{self.dir / 'bin'}:{path or os.environ['PATH']}", "BONDSTRAP_ROOT": str(self.dir),
                       "BONDSTRAP_HOOKS": str(HOOKS), "BONDSTRAP_LOG": str(self.dir / "log"), "BONDSTRAP_PAUSE": "0.1",
                       "BONDSTRAP_SERVER_LIMIT": "2", "no_proxy": "*", "LC_ALL": "C", **settings}  # fmt: skip
        done = subprocess.run([copy], capture_output=True, env=environment, timeout=60, check=False, stdin=subprocess.DEVNULL)
        self.log = (self.dir / "log").read_text() if (self.dir / "log").exists() else ""
        return done

    def good(self, *arguments, out=WITH, **options):
        done = self.generate(*arguments, **options)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(done.stdout, out)
        self.assertTrue((self.dir / "run/bondstrap-answerfile").exists())

    def bad(self, says, *arguments, **options):
        done = self.generate(*arguments, **options)
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        said = done.stderr.decode()
        self.assertRegex(said, says)
        self.assertEqual(said.count("\n"), 1)
        self.assertTrue(said.startswith("bondstrap: "))
        self.assertIn(said.partition(": ")[2], self.log)
        self.assertFalse((self.dir / "run/bondstrap-answerfile").exists())

    def test_fetched(self):
        base = self.serve()
        self.good(f"{base}/answers.xml")
        self.assertIn(f"fetched, {len(PLAIN)} bytes", self.log)
        self.good(f"{base}/redirect")
        self.good(f"{base}/a[1-3]{{x}}?b=c&d=*")
        self.assertEqual(self.server.seen[-1], "/a[1-3]{x}?b=c&d=*")

    def test_words(self):
        base = self.serve()
        for words in ('bond=eth0 "{}"', "bondstrap.answerfile=http://127.0.0.1:1/ {} * -- bondstrap.answerfile=http://x/",
                      f'bondstrap.answerfile="{base}/quoted"'):  # fmt: skip
            self.good(f"{base}/a.xml", words=words)
        self.assertEqual(self.server.seen, ["/a.xml", "/a.xml", "/quoted"])
        (self.dir / "run/bondstrap-answerfile").unlink()
        self.bad("the boot line has no bondstrap.answerfile=URL", None)
        (self.dir / "etc/cmdline.d").mkdir()
        (self.dir / "etc/cmdline.d/bondstrap.conf").write_text(f"bondstrap.answerfile={base}/baked\n")
        self.good(None)
        (self.dir / "etc/cmdline").write_text(f"bondstrap.answerfile={base}/later\n")
        self.good(None)
        self.good(f"{base}/last")
        self.assertEqual(self.server.seen[3:], ["/baked", "/later", "/last"])

    def test_each_source_of_words_stands_alone(self):
        base = self.serve()
        # No end of a line in one, a lone -- in another.
        (self.dir / "etc/cmdline").write_text("bond=eth0,eth1")
        self.good(f"{base}/unglued", words="{}")
        (self.dir / "etc/cmdline").write_text(f"bondstrap.answerfile={base}/baked -- bondstrap.answerfile=http://x/\n")
        self.good(f"{base}/behind")
        self.good(None)
        self.assertEqual(self.server.seen, ["/unglued", "/behind", "/baked"])

    def test_interfaces_are_named(self):
        body = PLAIN.replace(b"</inst", b'<admin-interface hwaddr="52:54:00:00:00:bb"/></inst')
        base = self.serve(body=body)
        self.good(f"{base}/a", out=WITH.replace(b"<script", b'<admin-interface name="eth1"/><script'))
        self.assertIn('bondstrap answerfile: <admin-interface hwaddr="52:54:00:00:00:bb"> is now name="eth1"', self.log)

    def test_refusals(self):
        base = self.serve()
        self.bad("/404: the server answers with HTTP status 404: there is no such file; check the path$", f"{base}/404")
        self.assertEqual(self.server.seen, ["/404"])
        self.bad("HTTP status 403: it wants a password", f"{base}/403")
        self.bad(r"no URL that can be fetched; write http:// or https://", "ftp://127.0.0.1/a.xml")
        self.bad(r"no URL that can be fetched", "file:///etc/passwd")
        self.bad(r"//\.\.\.@127.0.0.1:\d+/401: .* HTTP status 401: it wants", base.replace("//", "//me:secret@") + "/401")
        self.assertNotIn("secret", self.log)
        for user in ("me:sec@ret@", "me:sec/ret@"):
            self.generate(base.replace("//", f"//{user}") + "/404?token=hidden")
            for hidden in ("sec", "ret@", "hidden"):
                self.assertNotIn(hidden, self.log)
        for url in (base.replace("http://", "HTTP://me:hidden@"), base.replace("http://", "me:hidden@")):
            self.bad(r": .*\.\.\.@127.0.0.1:\d+/404: ", f"{url}/404")
            self.assertNotIn("hidden", self.log)

    def test_what_may_help_is_tried_again(self):
        base = self.serve()
        self.good(f"{base}/503-at-first")
        self.assertEqual(self.server.seen, ["/503-at-first"] * 3)
        self.assertEqual(self.log.count("HTTP status 503; trying again for at most 2 s"), 1)

    def test_a_server_that_comes_late(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        threading.Timer(1.5, lambda: self.serve(port)).start()
        self.good(f"http://127.0.0.1:{port}/a.xml", BONDSTRAP_SERVER_LIMIT="30")
        self.assertIn("the server can't be reached, or nothing listens there", self.log)

    def test_a_server_that_never_comes(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.bad(r"nothing listens there .*; tried again for 2 s", f"http://127.0.0.1:{port}/a.xml")
        self.bad(r"no name server knows the host; resolv.conf: 192.0.2.53 *; tried", "http://mirror.invalid/a.xml")

    def test_no_answer_in_time(self):
        self.bad(r"no answer in time \(.*\); tried again for 2 s", self.serve() + "/slow", BONDSTRAP_ANSWER_LIMIT="1")

    def test_certificates(self):
        base = self.serve()
        # TLS spoken to a server that does not: another time may help.
        self.bad(r"curl failed with code 35 .*; tried again", base.replace("http:", "https:"))
        for code in (51, 60, 77):
            program = self.dir / "bin/curl"
            program.write_text(f"#!/bin/sh\necho 'curl: ({code}) it is not trusted' >&2\nexit {code}\n")
            program.chmod(0o755)
            self.bad(r"certificate is not trusted here; is this machine's clock right.*\(it is not trusted\)$", f"{base}/a")

    def test_what_is_fetched_is_looked_at(self):
        self.bad(r"/a: its first element is <html>", self.serve(body=b"<html/>") + "/a")

    def test_no_network(self):
        base = self.serve()
        self.stand_in("echo first >&2; echo 'the words can not be followed' >&2; exit 2")
        self.bad(r"no network for the answer file \(exit code 2\): the words can not be followed$", f"{base}/a")
        self.assertIn("bondstrap answerfile: first\n", self.log)
        self.stand_in("echo 'no LACP partner on bond0' >&2; exit 4")
        self.bad(r"\(exit code 4\): no LACP partner on bond0$", f"{base}/a", BONDSTRAP_NETWORK_LIMIT="1")
        self.assertEqual(self.log.count("answerfile: no LACP partner on bond0\n"), 1)
        self.stand_in("sleep 30", "echo 'bondstrap: still waiting for an LACP partner' >&2; exit 4")
        self.bad(r"\(exit code 124\): bondstrap: still waiting for an LACP partner", f"{base}/a", BONDSTRAP_NETWORK_LIMIT="1")
        self.assertEqual(self.server.seen, [])

    def test_a_network_that_comes_late(self):
        base, there = self.serve(), self.dir / "there"
        for code, says in ((1, "it has ended"), (3, "no ports"), (4, "no partner"), (5, "no lease"), (6, "the kernel refused")):
            with self.subTest(code):
                there.unlink(missing_ok=True)
                self.stand_in(f"test -e '{there}' || {{ : >'{there}'; echo '{says}' >&2; exit {code}; }}")
                self.good(f"{base}/a")
                self.assertIn(f"bondstrap answerfile: {says}\n", self.log)

    def test_commands_that_are_not_here(self):
        folder = self.dir / "few"
        folder.mkdir()
        for name in ("sh", "mktemp", "tr", "cat", "rm", "timeout", "tail", "sed", "wc", "sleep", "date"):
            (folder / name).symlink_to(f"/usr/bin/{name}")
        copy = (HOOKS / "answerfile").read_text().replace("PATH=$PATH:/usr/sbin:/usr/bin:/sbin:/bin", "")
        (self.dir / "hook").write_text(copy)
        (self.dir / "run/cmdline").write_text("bondstrap.answerfile=http://x/\n")
        environment = {"PATH": f"{self.dir / 'bin'}:{folder}", "BONDSTRAP_ROOT": str(self.dir), "BONDSTRAP_LOG": "/dev/null"}
        for says, more in ((b"there is no python in this image", "python3"), (b"the command curl is not in this image", "x")):
            done = subprocess.run(["/bin/sh", self.dir / "hook"], capture_output=True, env=environment, timeout=30, check=False)
            self.assertEqual((done.returncode, done.stdout), (1, b""))
            self.assertIn(says, done.stderr)
            (folder / more).symlink_to("/usr/bin/python3")


if __name__ == "__main__":
    unittest.main()
