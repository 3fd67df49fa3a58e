"""The model's words and screen."""

import os
import re
import time


def words():
    """Those of the boot line. A file in its place is to the installer what was on the boot line."""
    path = "/var/run/cmdline" if os.path.exists("/var/run/cmdline") else "/proc/cmdline"
    with open(path) as file:
        return re.findall(r'(?:[^\s"]|"[^"]*")+', file.read())


def word(name, default=None):
    """The value of the last such word."""
    values = [one.partition("=")[2].strip('"') for one in words() if one.startswith(f"{name}=")]
    return values[-1] if values else default


def _screens():
    """Every console that somebody can look at from outside. tty0 is none, where nothing is plugged in."""
    try:
        with open("/sys/class/tty/console/active") as file:
            return [f"/dev/{name}" for name in file.read().split() if name.startswith(("hvc", "ttyS"))]
    except OSError:
        return []


def say(text):
    """On the screens, and to whoever started this."""
    for line in text.splitlines():
        print(f"MODEL {line}", flush=True)
        for screen in _screens():
            with open(screen, "w") as file:
                file.write(f"MODEL {line}\r\n")


def stay():
    """Nothing more happens."""
    while True:
        time.sleep(1000)


# Seconds for which an error stays on the screen where nobody is there to press a key.
AUTO_EXIT = 10


def fail(why):
    """The end, and why. All logs go into one file first; without a user the machine reboots then."""
    os.system("cd /tmp && tar -cjf support.tar.bz2 -- *-log 2>/dev/null")
    say(f"MODEL-FAIL: {why}")
    if not word("answerfile_generator"):
        stay()
    time.sleep(AUTO_EXIT)
    if word("atexit", "reboot") == "reboot":
        say("reboots")
        os.system("reboot")
    stay()
