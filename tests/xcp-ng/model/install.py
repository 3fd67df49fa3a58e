"""From an answer file, or the user's screens, to a populated file system."""

import os
import time
from xml.dom import minidom

import network
import scripts
from screen import fail, say, stay, word

ROOT = "/tmp/root"
# Where the installed system is once it is unmounted: the model's disk.
DISK = "/tmp/target"
DATA = "etc/firstboot.d/data"
RULES = "etc/sysconfig/network-scripts/interface-rename-data"
KEYS = ("MODE", "IP", "NETMASK", "GATEWAY")


def go(generator):
    """The whole installation."""
    upgrade = word("model.upgrade")
    if generator:
        admin, source = _answers(generator)
        # The process asks for a name for the first time here.
        resolver = network.Resolver()
    else:
        if not network.ethernets():
            fail(f"No Network Interfaces: there is {' '.join(network.nics())}")
        admin, source = None, word("model.repository", "http://mirror.lab.example/")
        resolver = network.network_screen()
        if upgrade:
            # Whether the pool's master has been upgraded: before all screens that follow.
            say(f"the master: {resolver.fetch(upgrade)}")
    found = f"{source}: {resolver.fetch(source)}"
    seconds = word("model.install")
    if seconds is None and not generator:
        say(f"MODEL-OK {found}")
        stay()
    say(f"the repository {found}")
    _install(admin or _chosen(), float(seconds or 1), bool(upgrade))
    say("MODEL-OK installed")
    stay()


def _answers(generator):
    """(management, source) of what the generator prints."""
    code, out, err = scripts.run_script(generator, "answerfile")
    if code:
        fail(f"Generator script failed: {err}")
    root = minidom.parseString(out).documentElement
    if root.nodeName not in ("installation", "upgrade"):
        fail("Unexpected top level element")
    for node in root.getElementsByTagName("script"):
        scripts.add_script(node.getAttribute("stage").lower(), _text(node))
    node = root.getElementsByTagName("admin-interface")[0]
    name, mac = node.getAttribute("name"), node.getAttribute("hwaddr").lower()
    if name not in network.ethernets():
        # By the MAC that it has now, and only if it is the only one.
        matching = [nic for nic in network.ethernets() if network.address(nic) == mac]
        name = matching[0] if len(matching) == 1 else None
    admin = {"LABEL": name, "MODE": node.getAttribute("proto")}
    for key, tag in (("IP", "ipaddr"), ("NETMASK", "subnet"), ("GATEWAY", "gateway")):
        admin |= {key: _text(one) for one in node.getElementsByTagName(tag)}
    servers = [_text(one) for one in root.getElementsByTagName("name-server")]
    admin |= {"DNS": ",".join(servers)} if servers else {}
    admin |= {"VLAN": node.getAttribute("vlan")} if node.getAttribute("vlan") else {}
    return admin, _text(root.getElementsByTagName("source")[0])


def _text(node):
    return "".join(child.data for child in node.childNodes if child.nodeType == child.TEXT_NODE).strip()


def _chosen():
    """What the user chooses on the second network screen. He sees no bond there."""
    nic, *pairs = word("model.admin", network.ethernets()[0]).split("/")
    return {"LABEL": nic, "MODE": "dhcp", **dict(pair.split("=", 1) for pair in pairs)}


def _write(path, text):
    os.makedirs(os.path.dirname(f"{ROOT}/{path}"), exist_ok=True)
    with open(f"{ROOT}/{path}", "w") as file:
        file.write(text)


def _install(admin, seconds, upgrade):
    _write("etc/hostname", "localhost.localdomain\n")
    os.makedirs(f"{ROOT}/{DATA}", exist_ok=True)
    say(f"installing{', an upgrade' if upgrade else ''}")
    time.sleep(seconds)
    # Late, as the real one: the packages are there by now.
    lines = [("LABEL", admin["LABEL"]), *((key, admin[key]) for key in KEYS if key in admin), ("MODEV6", "none"),
             *((key, admin[key]) for key in ("DNS", "DOMAIN", "VLAN") if key in admin)]  # fmt: skip
    _write(f"{DATA}/management.conf", "".join(f"{key}='{value}'\n" for key, value in lines))
    # Swap, fstab and services.
    time.sleep(seconds / 4)
    if not upgrade:
        _write(f"{RULES}/dynamic-rules.json", "{}\n")
    version = word("model.version", "8.3.0")
    _write("etc/xensource-inventory", f"PRODUCT_BRAND='XCP-ng'\nPRODUCT_VERSION='{version}'\nINSTALLATION_UUID='host-1'\n"
           "MANAGEMENT_ADDRESS_TYPE='IPv4'\n")  # fmt: skip
    # The boot loader and its like: half of the time goes there.
    time.sleep(seconds)
    if upgrade:
        _restore()
    scripts.run_scripts("filesystem-populated", ROOT)
    os.rename(ROOT, DISK)


def _restore():
    """What an upgrade brings back from the host as it was, in this order: an 8.2 that has run on its bond for years."""
    _write("var/lib/xcp/state.db", "<database/>\n")
    _write(f"{DATA}/management.conf", "LABEL='eth0'\nMODE='dhcp'\nMODEV6='none'\n")
    _write("var/tmp/.previousInventory", "PRODUCT_VERSION='8.2.1'\n")
    _write(f"{RULES}/dynamic-rules.json", "{}\n")
    _write("var/lib/xcp/networkd.db", "lacp eth0,eth1\n")
    _write(f"{DATA}/host.conf", "UPGRADE=true\n")
