//! Whatever comes, in whatever order.

use proptest::prelude::*;

use super::super::machine::{Config, Event, Mode};
use super::util::*;

#[derive(Clone, Debug)]
enum Turn {
    Bytes(Vec<u8>),
    /// A kind, server, and options: mostly right, at times anything.
    Answer(u8, bool, Vec<Vec<u8>>),
    Kick,
    Pause,
    Conflict,
    Pass(u64),
    Asleep(u64),
}

fn options() -> impl Strategy<Value = Vec<u8>> {
    let times = || prop_oneof![Just(0_u32), Just(u32::MAX), 1..100_000_u32];
    let address = (any::<u8>(), times(), times()).prop_map(|(last, preferred, valid)| {
        ia_address(format!("2001:db8::{last:x}").parse().unwrap(), preferred, valid)
    });
    let inner = prop_oneof![
        4 => address,
        1 => (0..6_u16).prop_map(|code| status(code, b"because")),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ];
    prop_oneof![
        4 => (times(), times(), prop::collection::vec(inner, 0..4)).prop_map(|(t1, t2, inner)| ia(t1, t2, &inner)),
        2 => Just(option(14, &[])),
        1 => any::<u8>().prop_map(|preference| option(7, &[preference])),
        1 => (0..6_u16).prop_map(|code| status(code, b"so")),
        1 => (any::<u16>(), prop::collection::vec(any::<u8>(), 0..60)).prop_map(|(code, data)| option(code, &data)),
        1 => (prop_oneof![Just(23_u16), Just(24), Just(32), Just(82), Just(83)], prop::collection::vec(any::<u8>(), 0..60))
            .prop_map(|(code, data)| option(code, &data)),
        1 => prop::collection::vec(any::<u8>(), 0..9),
    ]
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        1 => prop::collection::vec(any::<u8>(), 0..200).prop_map(Turn::Bytes),
        8 => (prop_oneof![Just(ADVERTISE), Just(REPLY)], any::<bool>(), prop::collection::vec(options(), 0..5))
            .prop_map(|(kind, other, options)| Turn::Answer(kind, other, options)),
        1 => Just(Turn::Kick),
        1 => Just(Turn::Pause),
        1 => Just(Turn::Conflict),
        4 => (0..20_000_u64).prop_map(Turn::Pass),
        1 => (0..500_000_000_u64).prop_map(Turn::Asleep),
    ]
}

proptest! {
    #[test]
    fn no_flood_no_stale_lease_no_panic(turns in prop::collection::vec(turn(), 0..60), stateless in any::<bool>(), seed in any::<u64>()) {
        let mode = if stateless { Mode::Stateless } else { Mode::Stateful };
        let mut client = Client::with(Config { seed, ..config(mode) }, 5_000);
        client.step(Event::Start);
        let mut held: Option<super::super::Lease> = None;
        let (mut leases, mut losses) = (0, 0);
        for turn in turns {
            match turn {
                Turn::Bytes(bytes) => client.hear_bytes(&bytes),
                Turn::Answer(kind, other, options) => client.hear(kind, if other { OTHER } else { SERVER }, &options),
                Turn::Kick => client.step(Event::Kick),
                Turn::Pause => client.step(Event::Pause),
                Turn::Conflict => client.step(Event::Conflict),
                Turn::Pass(millis) => client.pass(millis),
                // Nobody looks at the clock meanwhile.
                Turn::Asleep(millis) => {
                    client.now += millis;
                    client.step(Event::Tick);
                }
            }
            if client.losses.len() > losses {
                (losses, held) = (client.losses.len(), None);
            }
            if client.leases.len() > leases {
                leases = client.leases.len();
                held = client.leases.last().cloned();
            }
            if let Some(lease) = &held {
                prop_assert!(client.losses.len() > losses || lease.expires_at().is_none_or(|end| end > client.now));
            }
        }
        let times: Vec<u64> = client.sent.iter().map(|sent| sent.at).collect();
        for (span, most) in [(1_000, 6), (5_000, 10)] {
            prop_assert!(times.windows(most + 1).all(|all| all[most] - all[0] > span));
        }
        prop_assert!(client.machine.heard().refused.len() <= 16);
        prop_assert!(!stateless || client.leases.is_empty() && client.losses.is_empty());
    }
}
