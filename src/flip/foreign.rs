//! DHCP clients of others: each may think that it still has the lease, and is told of. None is ended by guess.

use crate::escape;

/// Names of programs, and how each is told to let go of a NIC without giving the lease back.
const CLIENTS: [(&str, &str); 8] = [
    ("dhclient", "kill PID, which does not give the lease back; never dhclient -r"),
    ("udhcpc", "kill PID, unless it was started with -R, which gives the lease back: then kill -KILL PID"),
    (
        "dhcpcd",
        "kill -KILL PID: asked to end, it takes its addresses along unless its configuration says persistent",
    ),
    (
        "systemd-networkd",
        "a .network file with [Match] Name=NIC and [Link] Unmanaged=yes, then networkctl reload",
    ),
    ("NetworkManager", "nmcli device set NIC managed no"),
    ("connmand", "NetworkInterfaceBlacklist=NIC in main.conf of connman"),
    ("wickedd-dhcp4", "kill -KILL PID"),
    ("pump", "kill -KILL PID"),
];

/// The sentence on a process, if it is one.
pub fn sentence(name: &str, pid: u32, nic: &str) -> Option<String> {
    let (_, how) = CLIENTS.iter().find(|(client, _)| *client == name)?;
    let how = how.replace("PID", &pid.to_string()).replace("NIC", nic);
    Some(format!(
        "{} (process {pid}) may keep a lease of {nic} that is the bond's from now on; once this is done, have it let go: {how}",
        escape::printable(name)
    ))
}

/// Which program a process is, by its arguments; of a busybox the applet. dhcpcd makes a title of them: `dhcpcd: eth0 [ip4]`.
fn program(line: &[u8]) -> Option<&str> {
    let mut names = line.split(|byte| *byte == 0).map(|argument| {
        let text = std::str::from_utf8(argument).unwrap_or_default();
        let path = text.split([':', ' ']).next().unwrap_or_default();
        path.rsplit('/').next().unwrap_or_default()
    });
    names.find(|name| *name != "busybox")
}

/// The sentences on all that run.
pub fn running(nic: &str) -> Vec<String> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let told = |pid| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        program(&line).and_then(|name| sentence(name, pid, nic))
    };
    pids.filter_map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_own_way() {
        let text = sentence("dhclient", 321, "eth0").unwrap();
        assert!(text.contains("kill 321,") && text.contains("lease of eth0"), "{text}");
        assert!(sentence("NetworkManager", 1, "eth0").unwrap().contains("nmcli device set eth0 managed no"));
        assert_eq!(sentence("perl", 1, "eth0"), None);
        assert_eq!(program(b"/bin/busybox\0udhcpc\0-i\0eth0\0"), Some("udhcpc"));
        assert_eq!(program(b"/lib/systemd/systemd-networkd\0"), Some("systemd-networkd"));
        assert_eq!(program(b"perl\0dhclient\0"), Some("perl"));
        assert_eq!(program(b"dhcpcd: [manager] [ip4] [ip6]\0"), Some("dhcpcd"));
        assert_eq!(program(b"dhcpcd eth0"), Some("dhcpcd"));
        assert_eq!(program(b""), Some(""));
    }
}
