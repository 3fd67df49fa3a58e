//! PORTS: names, MACs with dashes, globs, `all`, `auto`, with commas between.

use std::collections::BTreeSet;

use super::names;
use super::problems::{Problems, quoted};
use super::spec::PortSpec;
use super::split::Text;

/// The ports in a field. What can't be a port is an error; one that is named twice counts once.
pub fn parse(field: Text<'_>, word: &str, problems: &mut Problems) -> Vec<PortSpec> {
    let mut seen = BTreeSet::new();
    let mut ports = Vec::new();
    for item in field.split(',').into_iter().filter(|item| !item.text.is_empty()) {
        let Some(text) = port(item, word, problems) else { continue };
        if seen.insert(text.clone()) {
            ports.push(PortSpec { text, place: item.place });
        } else {
            problems.warning(item.place, format!("{word}: port {text} is named twice, once is enough"));
        }
    }
    ports
}

/// True for a field that can only be PORTS, and no name of a bond.
pub fn is_ports(field: &str) -> bool {
    field.contains(',') || names::is_glob(field) || names::dashed_mac(field).is_some()
}

/// One port as the plan has it.
fn port(item: Text<'_>, word: &str, problems: &mut Problems) -> Option<String> {
    if matches!(item.text, "all" | "auto") {
        return Some(item.text.to_owned());
    }
    if let Some(mac) = names::dashed_mac(item.text) {
        return Some(mac.to_string());
    }
    if item.text.contains('=') {
        let right = match word {
            "bond=" => "write bond=NAME:PORTS:OPTIONS, such as bond=bond0:eth0,eth1:miimon=100",
            _ => "write names of NICs with commas between",
        };
        let message = format!("{word}: {} stands where the ports belong: {right}", quoted(item.text));
        problems.error(item.place, message);
        return None;
    }
    let reason =
        if names::is_glob(item.text) { names::bad_letter(item.text, "") } else { names::why_not(item.text) };
    let Some(reason) = reason else { return Some(item.text.to_owned()) };
    let message = format!(
        "{word}: {} is not a port, {reason}: write names, MACs with dashes (00-11-22-33-44-55), globs (eth*), all \
         or auto",
        quoted(item.text)
    );
    problems.error(item.place, message);
    None
}
