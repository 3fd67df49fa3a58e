# shellcheck shell=sh
# The installer's own screens never show the bond: one line for who looks for it on tty2, or logs in.
# Here and not from the unit, since the getty clears the terminal when it starts.
case $- in
*i*) echo "bondstrap: 'bondstrap status' shows the LACP bond; its log: /tmp/bondstrap-log" ;;
esac
