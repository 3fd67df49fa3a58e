//! Bonds: made, taken over, and their options to attributes and back.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use nix::net::if_::if_nametoindex;
use rtnetlink::packet_core::{NLM_F_ACK, NLM_F_REQUEST};
use rtnetlink::packet_route::link::{BondMode, InfoBond, LinkAttribute};
use rtnetlink::{LinkBond, LinkMessageBuilder};

use super::Netlink;
use crate::engine::types::Refusal;
use crate::mac::Mac;

/// Kernel option names and values.
type Options = [(&'static str, String)];

impl Netlink {
    /// Makes a bond: down, without ports. The mode is the first attribute, always.
    pub async fn create_bond(
        &self,
        name: &str,
        mode: u8,
        options: &Options,
        mac: Option<Mac>,
        mtu: Option<u32>,
    ) -> Result<(), Refusal> {
        let message = with(LinkBond::new(name), Some(mode), options, mac)?;
        let message = if let Some(mtu) = mtu { message.mtu(mtu) } else { message };
        Ok(self.handle.link().add(message.build()).execute().await?)
    }

    /// Makes an empty bond ours: down first, since the mode of one that is up can't be changed.
    pub async fn take_over(
        &self,
        index: u32,
        mode: u8,
        options: &Options,
        mac: Option<Mac>,
        mtu: Option<u32>,
    ) -> Result<(), Refusal> {
        self.down(index).await?;
        let message = with(LinkBond::new(""), Some(mode), options, mac)?;
        let message = if let Some(mtu) = mtu { message.mtu(mtu) } else { message };
        self.change_bond(index, message).await
    }

    /// Sets options of a bond.
    pub async fn set_options(&self, index: u32, options: &Options) -> Result<(), Refusal> {
        self.change_bond(index, with(LinkBond::new(""), None, options, None)?).await
    }

    async fn change_bond(&self, index: u32, message: LinkMessageBuilder<LinkBond>) -> Result<(), Refusal> {
        let mut message = message.index(index).build();
        message.attributes.retain(|attribute| !matches!(attribute, LinkAttribute::IfName(_)));
        // RTM_SETLINK ignores the kind's own data; RTM_NEWLINK takes it, with neither NLM_F_EXCL nor NLM_F_REPLACE
        // (rtnl_newlink()).
        Ok(self.handle.link().add(message).set_flags(NLM_F_REQUEST | NLM_F_ACK).execute().await?)
    }
}

fn with(
    mut message: LinkMessageBuilder<LinkBond>,
    mode: Option<u8>,
    options: &Options,
    mac: Option<Mac>,
) -> Result<LinkMessageBuilder<LinkBond>, Refusal> {
    if let Some(mode) = mode {
        message = message.mode(BondMode::from(mode));
    }
    for (name, value) in options {
        let Some(attribute) = attribute(name, value) else {
            let text = format!("{name}={value} is not what this version can send to the kernel");
            return Err(Refusal { errno: 0, text });
        };
        message = message.append_info_data(attribute);
    }
    Ok(if let Some(mac) = mac { message.address(mac.0.to_vec()) } else { message })
}

/// One option as a netlink attribute. None: the name or the value is not known.
fn attribute(name: &str, value: &str) -> Option<InfoBond> {
    Some(match name {
        "active_slave" => InfoBond::ActivePort(if_nametoindex(value).ok()?),
        "miimon" => InfoBond::MiiMon(parse(value)?),
        "updelay" => InfoBond::UpDelay(parse(value)?),
        "downdelay" => InfoBond::DownDelay(parse(value)?),
        "use_carrier" => InfoBond::UseCarrier(switch(value)?),
        "arp_interval" => InfoBond::ArpInterval(parse(value)?),
        "arp_ip_target" => InfoBond::ArpIpTarget(many::<Ipv4Addr>(value)?),
        "arp_validate" => InfoBond::ArpValidate(parse(value)?),
        "arp_all_targets" => InfoBond::ArpAllTargets(parse(value)?),
        "primary" => InfoBond::Primary(if_nametoindex(value).ok()?),
        "primary_reselect" => InfoBond::PrimaryReselect(parse(value)?),
        "fail_over_mac" => InfoBond::FailOverMac(parse(value)?),
        "xmit_hash_policy" => InfoBond::XmitHashPolicy(parse(value)?),
        "resend_igmp" => InfoBond::ResendIgmp(parse(value)?),
        "num_grat_arp" | "num_unsol_na" => InfoBond::NumPeerNotif(parse(value)?),
        "all_slaves_active" => InfoBond::AllPortsActive(parse::<u8>(value)?.into()),
        "min_links" => InfoBond::MinLinks(parse(value)?),
        "lp_interval" => InfoBond::LpInterval(parse(value)?),
        "packets_per_slave" => InfoBond::PacketsPerPort(parse(value)?),
        "lacp_rate" => InfoBond::AdLacpRate(parse(value)?),
        "ad_select" => InfoBond::AdSelect(parse(value)?),
        "ad_actor_sys_prio" => InfoBond::AdActorSysPrio(parse(value)?),
        "ad_user_port_key" => InfoBond::AdUserPortKey(parse(value)?),
        "ad_actor_system" => InfoBond::AdActorSystem(parse::<Mac>(value)?.0),
        "tlb_dynamic_lb" => InfoBond::TlbDynamicLb(switch(value)?),
        "peer_notif_delay" => InfoBond::PeerNotifDelay(parse(value)?),
        "lacp_active" => InfoBond::AdLacpActive(switch(value)?),
        "arp_missed_max" => InfoBond::MissedMax(parse(value)?),
        "ns_ip6_target" => InfoBond::NsIp6Target(many::<Ipv6Addr>(value)?),
        "coupled_control" => InfoBond::CoupledControl(switch(value)?),
        "broadcast_neighbor" => InfoBond::BroadcastNeigh(switch(value)?),
        _ => return None,
    })
}

/// The reverse: what the kernel says an option is, in the same names and spellings.
pub(super) fn read_back(info: &InfoBond) -> Option<(&'static str, String)> {
    let on_off = |on: bool| u8::from(on).to_string();
    Some(match info {
        InfoBond::MiiMon(value) => ("miimon", value.to_string()),
        InfoBond::UpDelay(value) => ("updelay", value.to_string()),
        InfoBond::DownDelay(value) => ("downdelay", value.to_string()),
        InfoBond::UseCarrier(value) => ("use_carrier", on_off(*value)),
        InfoBond::ArpInterval(value) => ("arp_interval", value.to_string()),
        InfoBond::ArpIpTarget(value) => ("arp_ip_target", join(value)),
        InfoBond::ArpValidate(value) => ("arp_validate", value.to_string()),
        InfoBond::ArpAllTargets(value) => ("arp_all_targets", value.to_string()),
        InfoBond::PrimaryReselect(value) => ("primary_reselect", value.to_string()),
        InfoBond::FailOverMac(value) => ("fail_over_mac", value.to_string()),
        InfoBond::XmitHashPolicy(value) => ("xmit_hash_policy", value.to_string()),
        InfoBond::ResendIgmp(value) => ("resend_igmp", value.to_string()),
        InfoBond::NumPeerNotif(value) => ("num_grat_arp", value.to_string()),
        InfoBond::AllPortsActive(value) => ("all_slaves_active", u8::from(*value).to_string()),
        InfoBond::MinLinks(value) => ("min_links", value.to_string()),
        InfoBond::LpInterval(value) => ("lp_interval", value.to_string()),
        InfoBond::PacketsPerPort(value) => ("packets_per_slave", value.to_string()),
        InfoBond::AdLacpRate(value) => ("lacp_rate", value.to_string()),
        InfoBond::AdSelect(value) => ("ad_select", value.to_string()),
        InfoBond::AdActorSysPrio(value) => ("ad_actor_sys_prio", value.to_string()),
        InfoBond::AdUserPortKey(value) => ("ad_user_port_key", value.to_string()),
        InfoBond::AdActorSystem(value) => ("ad_actor_system", Mac(*value).to_string()),
        InfoBond::TlbDynamicLb(value) => ("tlb_dynamic_lb", on_off(*value)),
        InfoBond::PeerNotifDelay(value) => ("peer_notif_delay", value.to_string()),
        InfoBond::AdLacpActive(value) => ("lacp_active", on_off(*value)),
        InfoBond::MissedMax(value) => ("arp_missed_max", value.to_string()),
        InfoBond::NsIp6Target(value) => ("ns_ip6_target", join(value)),
        InfoBond::CoupledControl(value) => ("coupled_control", on_off(*value)),
        InfoBond::BroadcastNeigh(value) => ("broadcast_neighbor", on_off(*value)),
        _ => return None,
    })
}

fn parse<T: FromStr>(value: &str) -> Option<T> {
    value.parse().ok()
}

fn switch(value: &str) -> Option<bool> {
    match value {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}

fn many<T: FromStr>(value: &str) -> Option<Vec<T>> {
    value.split(',').map(|item| item.parse().ok()).collect()
}

fn join<T: ToString>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_option_is_read_back_as_it_was_written() {
        for (name, value) in [
            ("miimon", "100"),
            ("use_carrier", "1"),
            ("arp_ip_target", "192.0.2.1,192.0.2.2"),
            ("arp_validate", "active"),
            ("arp_all_targets", "all"),
            ("primary_reselect", "better"),
            ("fail_over_mac", "follow"),
            ("xmit_hash_policy", "layer3+4"),
            ("num_grat_arp", "3"),
            ("all_slaves_active", "1"),
            ("packets_per_slave", "0"),
            ("lacp_rate", "fast"),
            ("ad_select", "bandwidth"),
            ("ad_actor_sys_prio", "1000"),
            ("ad_actor_system", "02:00:00:00:00:01"),
            ("tlb_dynamic_lb", "0"),
            ("lacp_active", "1"),
            ("arp_missed_max", "2"),
            ("ns_ip6_target", "2001:db8::1"),
            ("coupled_control", "1"),
        ] {
            let attribute = attribute(name, value).unwrap_or_else(|| panic!("{name}={value}"));
            assert_eq!(read_back(&attribute), Some((name, value.to_owned())));
        }
        assert_eq!(attribute("lacp_rate", "quick"), None);
        assert_eq!(attribute("nonsense", "1"), None);
    }
}
