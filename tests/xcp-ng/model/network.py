"""What the installer does with NICs, addresses and servers."""

import os
import re
import shutil
import subprocess
import time

from screen import fail, say, word

HERE = os.path.dirname(os.path.abspath(__file__))
# The image has no busybox where anybody else would find it.
BUSYBOX = f"{HERE}/busybox" if os.access(f"{HERE}/busybox", os.X_OK) else shutil.which("busybox")


def output(*command):
    """What a command prints; nothing, if it fails."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return done.stdout if done.returncode == 0 else ""


def wait_for_file(path):
    """Until it exists."""
    while not os.path.exists(path):
        time.sleep(0.5)


def _read(nic, name):
    with open(f"/sys/class/net/{nic}/{name}") as file:
        return file.read().strip()


def nics():
    """The links that are NICs, in the kernel's order: neither made of others nor the loopback."""
    found = []
    for nic in os.listdir("/sys/class/net"):
        try:
            if _read(nic, "type") == "1" and "DEVTYPE=" not in _read(nic, "uevent"):
                found.append((int(_read(nic, "ifindex")), nic))
        except OSError:
            continue
    return [nic for _, nic in sorted(found)]


def ethernets():
    """The NICs that the screens list."""
    return sorted(nic for nic in nics() if re.fullmatch(r"eth\d+", nic))


def address(nic):
    """Its MAC as it is now: of a port that is the bond's."""
    return _read(nic, "address")


def remap():
    """The final names, by a table of addresses: it knows a NIC by its address alone. Whatever does not fit into it is a
    reason to give up, and all names stay as they are."""
    table = {}
    for nic in nics():
        table.setdefault(address(nic), []).append(nic)
    for mac, twins in table.items():
        if len(twins) > 1:
            say(f"the rename gives up: these alias the same MAC {mac}: {' '.join(twins)}")
            return
    # Those that have a final name keep it: they are up, or came after the others had moved.
    number = 0
    for _, (nic,) in sorted(table.items()):
        if nic.rpartition("-")[2] in word("model.unknown", "").split(","):
            say(f"can't generate current state for interface {nic}")
        elif nic.startswith("side-"):
            while os.path.exists(f"/sys/class/net/eth{number}"):
                number += 1
            if subprocess.run(["ip", "link", "set", nic, "name", f"eth{number}"]).returncode:
                say(f"the rename of {nic} to eth{number} failed")


def set_all_up():
    """All at once, whoever uses them."""
    for job in [subprocess.Popen(["ip", "link", "set", nic, "up"]) for nic in ethernets()]:
        job.wait()


def is_up():
    """"Use existing configuration" is there. Nothing but the number of routes decides."""
    return len(output("ip", "-4", "route", "show", "table", "main").splitlines()) >= 2


def network_screen():
    """The user waits for the choice, and takes the first NIC and DHCP where there is nothing to wait for."""
    end = time.monotonic() + float(word("model.patience", "120"))
    while not is_up():
        if time.monotonic() > end:
            _configure_first()
            return Resolver()
        time.sleep(0.2)
    # The same moment: a server that is named a little later is never heard of.
    resolver = Resolver()
    say(f"use existing configuration is offered: {_routes()}")
    return resolver


def _routes():
    return ";".join(output("ip", "-4", "route", "show", "table", "main").splitlines())


def _configure_first():
    for nic in ethernets():
        if os.path.exists(f"/sys/class/net/{nic}/master"):
            continue
        say(f"use existing configuration is not offered; DHCP on {nic}")
        # A minute, as the real one.
        command = [BUSYBOX, "udhcpc", "-i", nic, "-n", "-q", "-f", "-t", "12", "-T", "5", "-s", f"{HERE}/lease"]
        if subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
            fail(f"no lease on {nic}")
        return
    fail(f"use existing configuration is not offered: {_routes()}")


class Resolver:
    """As an old C library: what stands in resolv.conf when a process asks for the first time is good for its life."""

    def __init__(self):
        self.server = None
        try:
            with open("/etc/resolv.conf") as file:
                self.server = next((line.split()[1] for line in file if line.startswith("nameserver ")), None)
        except OSError:
            pass

    def _number(self, host):
        if re.fullmatch(r"[0-9.]+", host):
            return host
        if self.server is None:
            fail(f"{host}: no name server in resolv.conf")
        said = output(BUSYBOX, "nslookup", "-type=a", host, self.server).partition("Name:")[2]
        match = re.search(r"Address[^:]*: *(\S+)", said)
        if not match:
            fail(f"{host}: name server {self.server} does not know it, or does not answer")
        return match[1]

    def fetch(self, url):
        """The first line of what is there."""
        host, _, path = url.partition("://")[2].partition("/")
        number = self._number(host)
        text = output(BUSYBOX, "timeout", "20", BUSYBOX, "wget", "-q", "-O", "-", "--header", f"Host: {host}",
                      f"http://{number}/{path}")  # fmt: skip
        if not text:
            fail(f"{url}: nothing from {number}")
        return text.splitlines()[0]
