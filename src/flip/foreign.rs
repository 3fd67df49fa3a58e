//! DHCP clients of others: each may think that it still has the lease, and is told of. None is ended by guess.

use crate::escape;

/// Names of processes (15 letters at most), and how each is told to let go of a NIC without giving the lease back.
const CLIENTS: [(&str, &str); 8] = [
    ("dhclient", "kill PID, which does not give the lease back; never dhclient -r"),
    ("udhcpc", "kill PID, unless it was started with -R, which gives the lease back: then kill -KILL PID"),
    (
        "dhcpcd",
        "kill -KILL PID: asked to end, it takes its addresses along unless its configuration says persistent",
    ),
    (
        "systemd-network",
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

/// The sentences on all that run.
pub fn running(nic: &str) -> Vec<String> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let told = |pid| {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
        sentence(name.trim_end(), pid, nic)
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
        assert_eq!(sentence("bash", 1, "eth0"), None);
        assert!(CLIENTS.iter().all(|(name, _)| name.len() <= 15), "longer ones are cut by the kernel");
    }
}
