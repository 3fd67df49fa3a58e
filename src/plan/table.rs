//! The plan for people: a short table for 80 columns, and the problems with a caret under the place.
//!
//! Everything that comes from the words is escaped to plain ASCII: a console shows it as it is, and the caret stands
//! where it should.

use super::{Bond, Interface, Level, Method4, Method6, Plan, Problem, Route};
use crate::escape::ascii;

const WIDTH: usize = 80;
/// Where the values begin.
const INDENT: usize = 11;

/// The plan, these notes on it, and its problems, each line with a newline.
pub fn render(plan: &Plan, notes: &[String]) -> String {
    let mut out = String::new();
    if plan.active {
        built(plan, &mut out);
    } else {
        out.push_str("No bond is asked for, or bondstrap=off: the machine is left alone.\n");
    }
    out.push_str(&rows("note", notes));
    for problem in &plan.problems {
        out.push('\n');
        out.push_str(&render_problem(problem));
    }
    out
}

/// A row for each of these texts.
pub fn rows(key: &str, texts: &[String]) -> String {
    let mut out = String::new();
    for text in texts {
        row(key, text, &mut out);
    }
    out
}

fn built(plan: &Plan, out: &mut String) {
    for Bond { name, mode, ports, options, mtu, mac } in &plan.bonds {
        let mut text = format!("{name}, mode {}, of {}", mode.name(), ports.join(", "));
        for (option, value) in &options.0 {
            text.push_str(&format!("; {option}={value}"));
        }
        push(&mut text, "; MTU ", mtu);
        push(&mut text, "; MAC ", mac);
        row("bond", &text, out);
    }
    for vlan in &plan.vlans {
        row("vlan", &format!("{}, id {} on {}", vlan.name, vlan.id, vlan.link), out);
    }
    for bridge in &plan.bridges {
        row("bridge", &format!("{}, of {}", bridge.name, bridge.ports.join(", ")), out);
    }
    for interface in &plan.interfaces {
        row("address", &address(interface), out);
    }
    for Route { to, via, dev } in &plan.routes {
        let mut text = to.to_string();
        push(&mut text, " via ", via);
        push(&mut text, " on ", dev);
        row("route", &text, out);
    }
    for rename in &plan.renames {
        row("rename", &format!("{} to {}", rename.mac, rename.name), out);
    }
    if !plan.dns.is_empty() {
        row("dns", &list(&plan.dns), out);
    }
    for (key, value) in [("hostname", &plan.hostname), ("bootdev", &plan.bootdev)] {
        if let Some(value) = value {
            row(key, value, out);
        }
    }
    if let Some(mac) = &plan.bootif {
        row("bootif", &mac.to_string(), out);
    }
    let waits = &plan.timeouts;
    let text = format!(
        "ports {} s, LACP partner {} s, DHCP {} x {} s",
        waits.iflink, waits.lacp, plan.dhcp.retry, waits.dhcp
    );
    if !plan.bonds.is_empty() {
        row("waits", &text, out);
    }
}

fn address(interface: &Interface) -> String {
    let Interface { name, match_mac: _, ipv4, ipv6, server, mtu, set_mac, hostname, dns, ntp } = interface;
    let mut text = name.clone();
    let method4 = match ipv4.method {
        Method4::None => None,
        Method4::Dhcp => Some("DHCPv4"),
        Method4::Static => Some("static IPv4"),
        Method4::LinkLocal => Some("IPv4 link-local"),
    };
    let method6 = match ipv6.method {
        Method6::None => None,
        Method6::Auto => Some("SLAAC"),
        Method6::Dhcp => Some("DHCPv6"),
        Method6::Either => Some("SLAAC, then DHCPv6"),
        Method6::Static => Some("static IPv6"),
        Method6::LinkLocal => Some("IPv6 link-local"),
    };
    push(&mut text, ": ", &method4);
    for address in &ipv4.addresses {
        text.push_str(&format!(" {address}"));
    }
    push(&mut text, " gateway ", &ipv4.gateway);
    push(&mut text, " peer ", &ipv4.peer);
    push(&mut text, if method4.is_some() { "; " } else { ": " }, &method6);
    for address in &ipv6.addresses {
        text.push_str(&format!(" {address}"));
    }
    push(&mut text, " gateway ", &ipv6.gateway);
    push(&mut text, " peer ", &ipv6.peer);
    if method4.is_none() && method6.is_none() {
        text.push_str(": no address");
    }
    push(&mut text, "; boot server ", server);
    push(&mut text, "; MTU ", mtu);
    push(&mut text, "; MAC ", set_mac);
    push(&mut text, "; host name ", hostname);
    for (what, addresses) in [("; DNS ", dns), ("; NTP ", ntp)] {
        if !addresses.is_empty() {
            text.push_str(what);
            text.push_str(&list(addresses));
        }
    }
    text
}

fn list<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn push<T: ToString>(text: &mut String, before: &str, value: &Option<T>) {
    if let Some(value) = value {
        text.push_str(before);
        text.push_str(&value.to_string());
    }
}

fn row(key: &str, value: &str, out: &mut String) {
    let lines = wrapped(&ascii(value), WIDTH - INDENT);
    for (n, line) in lines.iter().enumerate() {
        let key = if n == 0 { key } else { "" };
        out.push_str(&format!("{key:<INDENT$}{line}\n"));
    }
}

/// One problem: its level and sentence, then the word with a caret under the place.
pub fn render_problem(problem: &Problem) -> String {
    let Problem { level, word, column, message, .. } = problem;
    let level = match level {
        Level::Error => "error",
        Level::Warning => "warning",
    };
    let mut out = String::new();
    let text = format!("{level} in column {column}: {}", ascii(message));
    for (n, line) in wrapped(&text, WIDTH - 2).iter().enumerate() {
        let indent = if n == 0 { "" } else { "  " };
        out.push_str(&format!("{indent}{line}\n"));
    }
    let (shown, caret) = excerpt(word, problem.within);
    out.push_str(&format!("  {shown}\n  {:caret$}^\n", ""));
    out
}

/// So much of the word around the character `within` as a line holds, and the column of that character there.
fn excerpt(word: &str, within: usize) -> (String, usize) {
    const ROOM: usize = WIDTH - 2 - 6; // two blanks in front, "..." at each end
    let before: String = word.chars().take(within).collect();
    let caret = ascii(&before).len();
    let shown = ascii(word);
    if shown.len() <= ROOM {
        return (shown.into_owned(), caret);
    }
    // Everything is ASCII by now. A third of the room for what stands before the place.
    let begin = caret.saturating_sub(ROOM / 3).min(shown.len() - ROOM);
    let end = begin + ROOM;
    let front = if begin > 0 { "..." } else { "" };
    let back = if end < shown.len() { "..." } else { "" };
    (format!("{front}{}{back}", &shown[begin..end]), caret - begin + front.len())
}

/// Lines of at most `width` letters; broken at blanks, and within what has none.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for piece in text.split(' ') {
        let mut piece = piece;
        if !line.is_empty() && line.len() + 1 + piece.len() > width {
            lines.push(std::mem::take(&mut line));
        }
        while piece.len() > width {
            let (front, back) = piece.split_at(width);
            lines.push(front.to_owned());
            piece = back;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(piece);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_blanks() {
        for (text, expected) in [
            ("", vec![""]),
            ("a bc def", vec!["a bc", "def"]),
            ("abcdefgh", vec!["abcde", "fgh"]),
            ("ab abcdefgh i", vec!["ab", "abcde", "fgh i"]),
            ("abcde f", vec!["abcde", "f"]),
        ] {
            assert_eq!(wrapped(text, 5), expected, "{text}");
        }
    }

    #[test]
    fn caret_stays_under_its_letter() {
        let long: String = ('a'..='z').cycle().take(300).collect();
        for within in [0, 5, 70, 71, 150, 298, 299] {
            let (shown, caret) = excerpt(&long, within);
            assert!(shown.len() <= WIDTH - 2, "{shown}");
            assert_eq!(shown.as_bytes()[caret], long.as_bytes()[within], "{within}: {shown}");
        }
        assert_eq!(excerpt("\u{e9}=x", 2), ("\\u{e9}=x".into(), 7));
    }
}
