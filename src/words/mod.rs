//! The command line: words in, [`Plan`] out.
//!
//! Pure and total: any bytes give a plan, in time that is linear in their number. Reading the texts is [`read`]'s
//! affair.

pub mod address;
pub mod bond;
pub mod bootif;
pub mod ip;
pub mod method;
pub mod names;
pub mod nearmiss;
pub mod option_value;
pub mod options;
pub mod own;
pub mod ports;
pub mod problems;
pub mod read;
pub mod scalar;
pub mod source;
pub mod spec;
pub mod split;
pub mod timeouts;
pub mod vlan;

use crate::plan::{Plan, Timeouts, build, odd};
use problems::Problems;
use source::Sources;
use spec::Specs;
use split::{Text, Word};

/// What these sources come to.
pub fn plan(sources: &Sources) -> Plan {
    explained(sources).0
}

/// What these sources come to, and sentences on what is odd in them though legal.
pub fn explained(sources: &Sources) -> (Plan, Vec<String>) {
    let texts = sources.texts();
    let mut words: Vec<Word<'_>> = Vec::new();
    for (text, baked) in &texts.parts {
        words.extend(split::words(text, *baked, words.len()));
    }
    let mut slips = Problems::default();
    nearmiss::check(&words, &mut slips);
    let mut problems = Problems::default();
    if let (true, Some(last)) = (texts.cut, words.last()) {
        let most = source::LONGEST;
        let message = format!("what stands behind {most} bytes was not read: write fewer words");
        problems.error(last.place, message);
    }
    let effective = source::effective(&words);
    let specs = parse(&effective, &mut problems);
    if !specs.asked || specs.off {
        let mut plan = build::idle(specs);
        plan.problems = slips.told(&words);
        return (plan, Vec::new());
    }
    problems.append(slips);
    let mut said = said(&specs, &words);
    let mut plan = build::build(specs, &mut problems);
    said.replaced = source::replaced(&words, &effective, &problems);
    plan.problems = problems.told(&words);
    let notes = odd::notes(&plan, &said);
    (plan, notes)
}

/// What the plan will not tell of its words.
fn said(specs: &Specs, words: &[Word<'_>]) -> odd::Said {
    let without_device = specs.ips.iter().filter(|ip| ip.sound && ip.device.is_none());
    let by_bondmode = specs.bonds.iter().filter(|bond| specs.bondmode.is_some() && bond.mode.is_none());
    odd::Said {
        ip: !specs.ips.is_empty(),
        ip_without_device: without_device.filter_map(|ip| Some(words.get(ip.place.word)?.shown())).collect(),
        by_bondmode: by_bondmode.map(|bond| bond.name.clone()).collect(),
        replaced: Vec::new(),
    }
}

/// What one line comes to (`--cmdline`).
pub fn plan_line(line: &[u8]) -> Plan {
    plan(&Sources { baked: Vec::new(), boot: line.to_vec() })
}

/// Our words and what each of them says. Foreign ones are passed over.
fn parse(words: &[Word<'_>], problems: &mut Problems) -> Specs {
    let mut specs = Specs::default();
    for word in words {
        match word.name {
            "bond" => {
                specs.asked = true;
                specs.bonds.extend(bond::parse(word.value, word.place, problems));
            }
            "bridge" => specs.bridges.extend(vlan::bridge(word.value, word.place, problems)),
            "bondstrap.flip" => specs.own.flip = own::flip(word.value, problems),
            "rd.bootif" => specs.bootif_ignored = scalar::is_off(word.value, "rd.bootif=", problems),
            "rd.peerdns" => specs.peerdns_off = scalar::is_off(word.value, "rd.peerdns=", problems),
            // The other words say nothing without a value.
            _ => {
                if let Some(value) = word.value {
                    with_value(word, value, &mut specs, problems);
                }
            }
        }
    }
    specs
}

fn with_value(word: &Word<'_>, value: Text<'_>, specs: &mut Specs, problems: &mut Problems) {
    let default = Timeouts::default();
    let waits = &mut specs.timeouts;
    match word.name {
        "network_device" if bond::is_alias(word.value) => {
            specs.asked = true;
            specs.bonds.extend(bond::parse_alias(value, word.place, problems));
        }
        "bondmode" => specs.bondmode = bond::parse_mode(value.without_colons(), "bondmode=", problems),
        "vlan" => specs.vlans.extend(vlan::vlan(value, problems)),
        "ip" => specs.ips.push(ip::parse(value, word.place, word.baked, problems)),
        "ifname" => specs.renames.extend(vlan::ifname(value, problems)),
        "nameserver" => specs.dns.extend(scalar::nameserver(value, problems)),
        "rd.route" => specs.routes.extend(scalar::route(value, problems)),
        "hostname" => specs.hostname = scalar::hostname(value, problems),
        "bootdev" => specs.bootdev = scalar::bootdev(value, problems),
        "BOOTIF" => specs.bootif = bootif::parse(value, problems),
        "rd.net.timeout.iflink" => {
            waits.iflink = timeouts::seconds(value, "rd.net.timeout.iflink=", 0, default.iflink, problems);
        }
        "rd.net.timeout.carrier" => {
            waits.carrier = timeouts::seconds(value, "rd.net.timeout.carrier=", 0, default.carrier, problems);
        }
        "rd.net.timeout.dhcp" => {
            waits.dhcp = timeouts::seconds(value, "rd.net.timeout.dhcp=", 1, default.dhcp, problems);
        }
        "bondstrap.lacp_timeout" => {
            waits.lacp = timeouts::seconds(value, "bondstrap.lacp_timeout=", 0, default.lacp, problems);
        }
        "rd.net.dhcp.retry" => specs.dhcp.retry = timeouts::retry(value, specs.dhcp.retry, problems),
        "rd.net.dhcp.vendor-class" => specs.dhcp.vendor_class = timeouts::vendor_class(value, problems),
        "rd.net.dhcp.client-id" => specs.client_ids.extend(timeouts::client_id(value, problems)),
        "bondstrap" => specs.off = own::off(value, problems),
        "bondstrap.log" => specs.own.log = own::log(value, problems),
        "bondstrap.fallback" => specs.own.fallback = own::fallback(value, problems),
        "bondstrap.clientid" => specs.dhcp.client_id = own::client_id(value, problems),
        "bondstrap.handover" => {
            if let Some(list) = own::handover(value, problems) {
                specs.own.handover = list;
            }
        }
        "bondstrap.answerfile" => specs.own.answerfile = own::answerfile(value, problems),
        _ => {}
    }
}
