//! resolv.conf and the host name, with what was there before.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};

use super::atomic;

/// The C libraries read so many name servers (MAXNS).
const MOST_SERVERS: usize = 3;

/// A name server with a link-local address, and the name of the interface that it is reached by.
type Scoped = (Ipv6Addr, String);

/// The files that are changed, and where what they were is kept.
#[derive(Clone, Debug)]
pub struct Files {
    resolver: PathBuf,
    kept: PathBuf,
}

impl Files {
    /// `root`: `/`; `run`: `/run/bondstrap`.
    pub fn new(root: &Path, run: &Path) -> Self {
        Self { resolver: root.join("etc/resolv.conf"), kept: run.join("found") }
    }

    /// Writes resolv.conf; what was there is kept once. No servers: those that we wrote are gone. What somebody else has
    /// written in place of ours stays.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn set_resolver(&self, servers: &[IpAddr], scoped: &[Scoped], search: &[String]) -> io::Result<()> {
        let kept = self.kept.join("resolv.conf");
        let written_before = kept.exists() || self.kept.join("no-resolv.conf").exists();
        // As it was found: whoever kept it came no further.
        let as_found = || fs::read(&self.resolver).ok() == fs::read(&kept).ok();
        let others = self.resolver.exists() && !self.is_ours();
        if others && (servers.is_empty() && scoped.is_empty() || written_before && !as_found()) {
            return Ok(());
        }
        if !written_before {
            fs::create_dir_all(&self.kept)?;
            match fs::read(&self.resolver) {
                Ok(before) => {
                    atomic::write(&kept, &before)?;
                    copy_look(&self.resolver, &kept)?;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    atomic::write(&self.kept.join("no-resolv.conf"), b"")?;
                }
                Err(error) => return Err(error),
            }
        }
        atomic::write(&self.resolver, resolver(servers, scoped, search).as_bytes())
    }

    fn is_ours(&self) -> bool {
        fs::read_to_string(&self.resolver).is_ok_and(|text| text.starts_with(MARK))
    }

    /// The machine has the name that was set here.
    fn has_our_name(&self) -> bool {
        let set = fs::read_to_string(self.kept.join("hostname-set"));
        let is = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
        set.ok() == is
    }

    /// Sets the host name; `only_if_unset`: not where the machine has one.
    ///
    /// # Errors
    /// The kernel's.
    pub fn set_host_name(&self, name: &str, only_if_unset: bool) -> io::Result<()> {
        let before = nix::unistd::gethostname()?.into_string().unwrap_or_default();
        let unset = matches!(before.as_str(), "" | "(none)" | "localhost" | "localhost.localdomain");
        if before == name || only_if_unset && !unset {
            return Ok(());
        }
        let kept = self.kept.join("hostname");
        if !kept.exists() {
            fs::create_dir_all(&self.kept)?;
            atomic::write(&kept, before.as_bytes())?;
        }
        atomic::write(&self.kept.join("hostname-set"), name.as_bytes())?;
        Ok(nix::unistd::sethostname(name)?)
    }

    /// Puts back what was there before us. A resolv.conf that somebody has written since stays, and so does a name.
    ///
    /// # Errors
    /// The first that came up; the rest is done all the same.
    pub fn restore(&self) -> io::Result<()> {
        let ours = self.is_ours();
        let resolver = match fs::read(self.kept.join("resolv.conf")) {
            Ok(before) if ours => atomic::write(&self.resolver, &before)
                .and_then(|()| copy_look(&self.kept.join("resolv.conf"), &self.resolver)),
            Err(_) if ours && self.kept.join("no-resolv.conf").exists() => {
                fs::remove_file(atomic::target(&self.resolver))
            }
            _ => Ok(()),
        };
        let name = match fs::read_to_string(self.kept.join("hostname")) {
            Ok(before) if self.has_our_name() => nix::unistd::sethostname(before).map_err(io::Error::from),
            _ => Ok(()),
        };
        let _ = fs::remove_dir_all(&self.kept);
        resolver.and(name)
    }
}

/// Mode and time of one file for another.
fn copy_look(from: &Path, to: &Path) -> io::Result<()> {
    let look = fs::metadata(from)?;
    let to = fs::File::open(to)?;
    to.set_permissions(look.permissions())?;
    to.set_modified(look.modified()?)
}

/// First line of a resolv.conf of ours.
const MARK: &str = "# written by bondstrap";

/// resolv.conf(5).
fn resolver(servers: &[IpAddr], scoped: &[Scoped], search: &[String]) -> String {
    let mut text = format!("{MARK}\n");
    if !search.is_empty() {
        text.push_str(&format!("search {}\n", search.join(" ")));
    }
    // The C libraries take the interface of a link-local one behind the address.
    let scoped = scoped.iter().map(|(server, interface)| format!("{server}%{interface}"));
    for server in servers.iter().map(IpAddr::to_string).chain(scoped).take(MOST_SERVERS) {
        text.push_str(&format!("nameserver {server}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolv_conf_is_given_back_unless_somebody_wrote_it() {
        let root = std::env::temp_dir().join(format!("bondstrap-files-{}", std::process::id()));
        fs::create_dir_all(root.join("etc")).unwrap();
        let conf = root.join("etc/resolv.conf");
        let files = Files::new(&root, &root.join("run"));
        let servers = ["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()];

        files.set_resolver(&servers, &[], &["example.net".into()]).unwrap();
        let text = fs::read_to_string(&conf).unwrap();
        assert_eq!(
            text,
            "# written by bondstrap\nsearch example.net\nnameserver 192.0.2.1\nnameserver 2001:db8::1\n"
        );
        files.set_resolver(&servers, &[("fe80::1".parse().unwrap(), "bond0".into())], &[]).unwrap();
        assert!(
            fs::read_to_string(&conf)
                .unwrap()
                .ends_with("nameserver 2001:db8::1\nnameserver fe80::1%bond0\n")
        );
        files.restore().unwrap();
        assert!(!conf.exists(), "there was none");

        fs::write(&conf, "nameserver 198.51.100.1\n").unwrap();
        files.set_resolver(&servers, &[], &[]).unwrap();
        files.set_resolver(&servers[..1], &[], &[]).unwrap();
        files.set_resolver(&[], &[], &[]).unwrap();
        assert_eq!(fs::read_to_string(&conf).unwrap(), "# written by bondstrap\n");
        files.restore().unwrap();
        assert_eq!(fs::read_to_string(&conf).unwrap(), "nameserver 198.51.100.1\n");

        files.set_resolver(&servers, &[], &[]).unwrap();
        fs::write(&conf, "nameserver 203.0.113.1\n").unwrap();
        files.set_resolver(&[], &[], &[]).unwrap();
        Files::new(&root, &root.join("run")).set_resolver(&servers, &[], &[]).unwrap();
        files.restore().unwrap();
        assert_eq!(fs::read_to_string(&conf).unwrap(), "nameserver 203.0.113.1\n");

        fs::create_dir_all(root.join("run/found")).unwrap();
        fs::copy(&conf, root.join("run/found/resolv.conf")).unwrap();
        files.set_resolver(&servers, &[], &[]).unwrap();
        assert!(files.is_ours(), "killed between keeping and writing");
        files.restore().unwrap();
        assert_eq!(fs::read_to_string(&conf).unwrap(), "nameserver 203.0.113.1\n");
        fs::remove_dir_all(&root).unwrap();
    }
}
