#!/bin/bash
# A dracut module: /usr/lib/dracut/modules.d/90bondstrap-flip/. Once the root is mounted, it moves onto the bond that
# /etc/bondstrap-flip names. A file of its own, since whatever else in such an image obeys `bond=` on the boot line would build
# the bond before the root is mounted.

check() {
    [[ -x /usr/bin/bondstrap && -e /etc/bondstrap-flip ]] && return 255 # only where it is asked for: dracut --add
    return 1
}

depends() {
    echo systemd
}

installkernel() {
    instmods bonding 8021q
}

install() {
    inst_multiple /usr/bin/bondstrap /etc/bondstrap-flip
    # shellcheck disable=SC2154 # dracut's own
    inst_simple "$moddir/bondstrap-flip.service" "$systemdsystemunitdir/bondstrap-flip.service"
    # shellcheck disable=SC2154 # dracut's own
    systemctl -q --root "$initdir" add-wants initrd.target bondstrap-flip.service
}
