"""Kernel words, and how each boot loader has to be told them so that they reach the kernel unchanged. Pure."""

import re

from bake.errors import Refusal

# What GRUB's lexer takes as a plain part of a word; commas, colons and the like included.
_PLAIN = re.compile(r"[A-Za-z0-9_=,.:/@%+-]+\Z")
# Quotes around a whole word, or around a value: others neither GRUB nor the kernel keeps as they are.
_QUOTED = re.compile(r'(?:"[^"]*"|[^"=]+="[^"]*"|[^"]*)\Z')


def split(line):
    """Words as the kernel's next_arg() cuts them, quotes and all."""
    return re.findall(r'(?:[^\s"]|"[^"]*(?:"|\Z))+', line)


def read(line, where="--cmdline"):
    """The words of a line, refused if a boot loader would change one of them on the way."""
    for letter in line:
        if not " " <= letter <= "~":
            raise Refusal(
                f"{where}: the character {letter!a} does not reach the kernel unchanged (mboot.c32 takes it for a "
                f"blank); ASCII letters, digits and signs do"
            )
    words = split(line)
    for word in words:
        _check(word, where)
    return words


def _check(word, where):
    if "'" in word or "\\" in word:
        raise Refusal(f"{where}: in {word} GRUB would put a backslash before ' and \\; leave these characters out")
    if not _QUOTED.match(word):
        raise Refusal(f'{where}: in {word} the quotes do not reach the kernel unchanged; quote the value: name="a b"')
    if "  " in word:
        raise Refusal(f"{where}: of several blanks in {word}, mboot.c32 passes on one; write one")
    if "---" in word.strip('"').split(" "):
        raise Refusal(f"{where}: a lone --- separates the kernel from the next file of a boot entry; leave it out")


# `install` is what 8.2's installer wants to hear before it believes in an answer file; later ones ignore it.
_UNATTENDED = ["install", "answerfile_generator=file:///opt/bondstrap/answerfile"]
_OTHERS = ("answerfile", "rt_answerfile", "answerfile_generator", "bondstrap.answerfile")


# By these the installer's own start script (preinit) opens a shell first.
_SHELL = {"bash-shell", "shell"}


def is_shell(line):
    """It is the line of a rescue entry."""
    return any(word.strip("\"'") in _SHELL for word in split(line))


def attended(words):
    """Those that are left where nothing may be installed without a question."""
    return [word for word in words if _name(word) not in ("install", *_OTHERS)]


def _name(word):
    return word.strip('"').partition("=")[0]


def unattended(words, url, where="--answerfile"):
    """The words, and those by which the installer gets its answer file over the bond."""
    if not re.match(r"https?://[^/?#\s]+(?:[/?#]|\Z)", url):
        raise Refusal(f"{where}: {url or 'nothing'} is no URL; write such as http://192.0.2.5/answers.xml")
    _check_password(url, where)
    if '"' in url or " " in url:
        raise Refusal(f"{where}: in {url} a blank or a quote would not survive; write %20 or %22")
    names = [_name(word) for word in words]
    for name in _OTHERS:
        if name in names:
            raise Refusal(f"{where}: the words have {name}= already; leave one of the two out")
    if not {"bond", "network_device"} & set(names):
        raise Refusal(f"{where}: the words ask for no bond, and nobody would be there to type one; write bond=eth0,eth1")
    return [*words, *_UNATTENDED, *read(f"bondstrap.answerfile={url}", where)]


def _check_password(url, where):
    """Of http://user:password@host/: curl ends the host's part at the first / ? or #, and would ask another host."""
    rest = url.partition("://")[2]
    before, at, _ = rest.rpartition("@")
    authority = re.match(r"[^/?#]*", rest)[0]
    # An @ in the path does no harm where no name or password can be meant.
    meant = "@" in authority or ":" in authority and not authority.startswith("[")
    if at and meant and re.search(r"[/?#@]", before):
        raise Refusal(
            f"{where}: the user's name or password in the URL has one of / ? # @ in it, which would end it there; write %2F, "
            f"%3F, %23 or %40 for it, and %40 for an @ behind the host"
        )


def isolinux(words):
    """For isolinux, pxelinux and mboot.c32: they cut at blanks, and put one blank where they did."""
    return " ".join(words)


def grub(words):
    """For GRUB: it strips these quotes, and puts double ones around what has a blank."""
    return " ".join(_grub_word(word) for word in words)


def _grub_word(word):
    plain = word.replace('"', "")
    return plain if _PLAIN.match(plain) else f"'{plain}'"


def ipxe(words):
    """For iPXE: it cuts at blanks, knows no quotes, and can't be kept from expanding ${...}."""
    for word in words:
        pieces = word.split(" ")
        if "${" in word or any(piece.startswith("#") or piece in ("||", "&&", ";") for piece in pieces):
            raise Refusal(f"{word} can't be written for iPXE, which takes ${{...}}, #, ||, && and ; for its own")
    return " ".join(words)


def arrived(words):
    """The line that the kernel gets from GRUB, for those who look at it beforehand."""
    out = []
    for word in words:
        plain = word.replace('"', "")
        out.append(f'"{plain}"' if " " in plain else plain)
    return " ".join(out)
