//! `bond=`, `bondmode=` and the alias `network_device=lacp:members=`.
//!
//! dracut.cmdline(7): `bond=NAME[:PORTS[:OPTIONS[:MTU]]]`, and our short forms. Which options the mode takes is
//! settled later, when `bondmode=` is known.

use super::options::{self, BondOption};
use super::problems::{Problems, cut, quoted};
use super::spec::{BondSpec, OptionSpec, PortSpec};
use super::split::{Place, Text};
use super::{address, names, option_value, ports};
use crate::plan::Mode;

/// The name that a bond has if its word gives none.
pub const DEFAULT_NAME: &str = "bond0";

/// The fields of a `bond=` by their meaning.
struct Fields<'a> {
    name: Option<Text<'a>>,
    ports: Option<Text<'a>>,
    options: Option<Text<'a>>,
    mtu: Option<Text<'a>>,
    surplus: Option<Text<'a>>,
}

fn fields(value: Text<'_>) -> Fields<'_> {
    let mut fields = value.fields();
    let lone = matches!(fields.as_slice(), [only] if matches!(only.text, "all" | "auto"));
    let options_second = fields.get(1).is_some_and(|second| second.text.contains('='));
    let shifted = fields.first().is_some_and(|first| {
        ports::is_ports(first.text) || lone || (options_second && matches!(first.text, "all" | "auto"))
    });
    if shifted {
        let empty = Text { text: "", ..fields[0] };
        fields.insert(0, empty);
    }
    let field = |n: usize| fields.get(n).copied().filter(|field| !field.text.is_empty());
    Fields { name: field(0), ports: field(1), options: field(2), mtu: field(3), surplus: field(4) }
}

/// The name of the bond that the word is about.
pub fn name(value: Option<Text<'_>>) -> &str {
    value.and_then(|value| fields(value).name).map_or(DEFAULT_NAME, |name| name.text)
}

/// One `bond=`, or a bare `bond`.
pub fn parse(value: Option<Text<'_>>, word: Place, problems: &mut Problems) -> Option<BondSpec> {
    let value = value.unwrap_or(Text { text: "", place: word });
    let Fields { name, ports, options, mtu, surplus } = fields(value);
    if let Some(mac) = mac_with_colons(value) {
        let message = format!(
            "bond=: {} looks like a MAC with colons, which separate fields here: write it with dashes",
            quoted(mac.text)
        );
        problems.error(mac.place, message);
        return None;
    }
    let bond = match name {
        Some(name) => names::interface(name, "bond=", problems),
        None => Some(DEFAULT_NAME.to_owned()),
    };
    let ports = match ports {
        Some(ports) => {
            let parsed = ports::parse(ports, "bond=", problems);
            if parsed.is_empty() && ports.text.bytes().all(|b| b == b',') {
                problems
                    .error(ports.place, "bond=: there is no port here: write such as bond=bond0:eth0,eth1");
            }
            parsed
        }
        None => default_ports(name, word, problems),
    };
    let (mode, options) = options.map(|options| option_list(options, problems)).unwrap_or_default();
    let mtu = mtu.and_then(|mtu| address::mtu(mtu, "bond=", problems));
    if let Some(surplus) = surplus {
        let message = format!(
            "bond=: {} is one field too many and left out: write bond=NAME:PORTS:OPTIONS:MTU",
            quoted(surplus.text)
        );
        problems.warning(surplus.place, message);
    }
    if ports.is_empty() {
        return None;
    }
    let place = name.map_or(word, |name| name.place);
    Some(BondSpec { name: bond?, place, ports, mode, options, mtu })
}

/// dracut's ports where none are named; a name that hints at a slip is told.
fn default_ports(name: Option<Text<'_>>, word: Place, problems: &mut Problems) -> Vec<PortSpec> {
    let place = name.map_or(word, |name| name.place);
    if let Some(name) = name {
        let shown = quoted(name.text);
        if names::looks_like_nic(name.text) {
            let message = format!(
                "bond=: {shown} looks like a NIC and not like a bond: write bond=bond0:{}",
                name.text
            );
            problems.error(place, message);
            return Vec::new();
        }
        let is_numbered = names::is_bond_by_number(name.text);
        if !is_numbered && names::why_not(name.text).is_none() {
            let message = format!(
                "bond=: {shown} is taken as the name of a bond of eth0 and eth1: write bond={}:PORTS if that is \
                 meant, or bond=bond0:{} if it is a port",
                name.text, name.text
            );
            problems.warning(place, message);
        }
    }
    ["eth0", "eth1"].map(|port| PortSpec { text: port.into(), place }).into()
}

/// Six pairs of hex digits in a row among the fields.
fn mac_with_colons(value: Text<'_>) -> Option<Text<'_>> {
    let pieces = value.split(':');
    let is_pair = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_hexdigit());
    // The first pair may follow other ports, the last one may have ports behind it.
    let begins = |text: &str| text.rsplit(',').next().is_some_and(is_pair);
    let ends = |text: &str| text.split(',').next().is_some_and(is_pair);
    let row = pieces.windows(6).find(|row| {
        begins(row[0].text) && row[1..5].iter().all(|piece| is_pair(piece.text)) && ends(row[5].text)
    })?;
    let begin = row[0].place.column - value.place.column;
    // Everything in the row is ASCII, what stands before it need not be.
    let at = value.text.char_indices().nth(begin).map_or(0, |(at, _)| at);
    let mac = value.skip(at + row[0].text.rfind(',').map_or(0, |comma| comma + 1));
    Some(Text { text: mac.text.get(.."00:11:22:33:44:55".len()).unwrap_or(mac.text), ..mac })
}

/// `KEY=VALUE,KEY=VALUE`: the mode, and the other options.
fn option_list(field: Text<'_>, problems: &mut Problems) -> (Option<Mode>, Vec<OptionSpec>) {
    let mut mode = None;
    let mut options = Vec::new();
    for item in field.split(',').into_iter().filter(|item| !item.text.is_empty()) {
        let Some((key, value)) = item.split_once('=') else {
            not_an_option(item, field.text.contains('='), problems);
            continue;
        };
        if key.text == "mode" {
            mode = parse_mode(value, "bond=", problems).or(mode);
            continue;
        }
        if key.text.to_ascii_lowercase().contains("mod") {
            let message =
                format!("bond=: there is no option {}: write mode={}", quoted(key.text), cut(value.text));
            problems.error(key.place, message);
            continue;
        }
        let Some(option) = BondOption::named(key.text) else {
            let message = format!(
                "bond=: the bonding driver has no option {}, it is left out: see bonding.rst of the kernel for its \
                 options",
                quoted(key.text)
            );
            problems.warning(item.place, message);
            continue;
        };
        match option_value::canonical(option, value.text) {
            Ok(value) => options.push(OptionSpec { option, value, place: item.place }),
            Err(right) => {
                let message = format!("bond=: {} can't be {}: write {right}", key.text, quoted(value.text));
                problems.error(value.place, message);
            }
        }
    }
    (mode, options)
}

/// An item without `=`. A mode or a port in this place would change what is built.
fn not_an_option(item: Text<'_>, among_options: bool, problems: &mut Problems) {
    let shown = quoted(item.text);
    let is_port = names::looks_like_nic(item.text) || ports::is_ports(item.text);
    let right = if options::mode(item.text).is_some() {
        format!("write mode={}", item.text)
    } else if item.text.parse::<std::net::IpAddr>().is_ok() {
        let message = "is no option and left out: addresses in a list are separated by ;";
        return problems.warning(item.place, format!("bond=: {shown} {message}"));
    } else if address::digits(item.text).is_some() {
        let message = "is no option and left out: an MTU is the fourth field";
        return problems.warning(item.place, format!("bond=: {shown} {message}"));
    } else if is_port || !among_options && BondOption::named(item.text).is_none() {
        "write ports with commas between and options as NAME=VALUE, such as bond=bond0:eth0,eth1:miimon=100"
            .into()
    } else {
        let message = "is no option and left out: write NAME=VALUE, such as miimon=100";
        return problems.warning(item.place, format!("bond=: {shown} {message}"));
    };
    problems.error(item.place, format!("bond=: {shown} is no option: {right}"));
}

/// A mode, in `bondmode=` or among the options.
pub fn parse_mode(value: Text<'_>, word: &str, problems: &mut Problems) -> Option<Mode> {
    let mode = options::mode(value.text);
    if mode.is_none() {
        let message =
            format!("{word}: {} is not a bonding mode: write {}", quoted(value.text), options::MODES);
        problems.error(value.place, message);
    }
    mode
}

/// True for a `network_device=` that asks for a bond; any other is the host installer's own.
pub fn is_alias(value: Option<Text<'_>>) -> bool {
    value.is_some_and(|value| {
        let (kind, _) = value.text.split_once(':').unwrap_or((value.text, ""));
        kind.eq_ignore_ascii_case("lacp")
    })
}

/// `network_device=lacp:members=A,B`: the same as `bond=bond0:A,B:mode=802.3ad`.
pub fn parse_alias(value: Text<'_>, word: Place, problems: &mut Problems) -> Option<BondSpec> {
    const WORD: &str = "network_device=";
    let mut members = None;
    for field in value.fields().into_iter().skip(1).filter(|field| !field.text.is_empty()) {
        let (key, ports) = field.split_once('=').map_or(("member", field), |(key, ports)| (key.text, ports));
        match key {
            "members" => members = Some(ports),
            _ if key.to_ascii_lowercase().starts_with("member") => {
                let message = format!(
                    "{WORD}: {} names no ports: write {WORD}lacp:members={}",
                    quoted(field.text),
                    cut(ports.text)
                );
                problems.error(field.place, message);
            }
            _ => {
                let message = format!(
                    "{WORD}: {} is left out: write {WORD}lacp:members=eth0,eth1, or bond= for more",
                    quoted(field.text)
                );
                problems.warning(field.place, message);
            }
        }
    }
    let ports = match members {
        Some(members) if !members.text.is_empty() => ports::parse(members, WORD, problems),
        _ => default_ports(None, word, problems),
    };
    let spec = BondSpec {
        name: DEFAULT_NAME.into(),
        place: word,
        ports,
        mode: Some(Mode::Lacp),
        options: Vec::new(),
        mtu: None,
    };
    (!spec.ports.is_empty()).then_some(spec)
}
