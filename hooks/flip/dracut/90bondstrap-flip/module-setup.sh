#!/bin/bash
# A dracut module: /usr/lib/dracut/modules.d/90bondstrap-flip/. With `bondstrap.flip` among the words the root moves onto the
# bond once it is mounted; whatever else of the image obeys `bond=` has to be left out, or builds it before.

check() {
    [[ -x /usr/bin/bondstrap ]] && return 255 # only where it is asked for: add_dracutmodules+=" bondstrap-flip "
    return 1
}

depends() {
    echo systemd
}

installkernel() {
    instmods bonding 8021q
}

install() {
    inst_binary /usr/bin/bondstrap
    # shellcheck disable=SC2154 # dracut's own
    inst_simple "$moddir/bondstrap-flip.service" "$systemdsystemunitdir/bondstrap-flip.service"
    # shellcheck disable=SC2154 # dracut's own
    systemctl -q --root "$initdir" add-wants initrd.target bondstrap-flip.service
}
