//! Ten thousand clients that boot in the same second, and one server that answers five hundred times a second.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io::Write;

use super::super::machine::{Action, Config, Event, Machine};
use super::util::*;
use crate::clock::Millis;
use crate::mac::Mac;

const CLIENTS: usize = 10_000;
/// Between two answers. Milliseconds.
const SERVICE: Millis = 2;
/// Datagrams that wait at the server's socket; further ones are lost. Linux's default of 208 KiB holds about so many.
const QUEUE: usize = 170;
/// From a frame to whoever it is for. Milliseconds.
const WIRE: Millis = 1;

/// What is due at its time. The order of the numbers is that of what happens at the same time.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Due {
    /// A client begins.
    Boot(usize),
    /// A client's deadline.
    Tick(usize),
    /// An answer reaches it.
    Answer(usize, Vec<u8>),
    /// The server is done with one.
    Served,
}

/// The server: a queue, and one answer at a time.
#[derive(Default)]
struct Server {
    waiting: VecDeque<(usize, Vec<u8>)>,
    busy: bool,
    lost: usize,
    answered: usize,
}

impl Server {
    /// An OFFER for a DISCOVER, an ACK for a REQUEST.
    fn answer(client: usize, message: &[u8]) -> Vec<u8> {
        let kind = if message[242] == DISCOVER { OFFER } else { ACK };
        let [_, _, high, low] = (client as u32 + 256).to_be_bytes();
        let answer = Answer::new(kind).yiaddr([10, 1, high, low].into()).with(1, &[255, 255, 0, 0]);
        let xid = u32::from_be_bytes(message[4..8].try_into().unwrap());
        answer.xid(xid).head(28, &message[28..34]).bytes()
    }
}

struct Crowd {
    clients: Vec<Machine>,
    bound_at: Vec<Option<Millis>>,
    frames: Vec<Vec<Millis>>,
    due: BinaryHeap<Reverse<(Millis, Due)>>,
    server: Server,
}

impl Crowd {
    fn new() -> Self {
        let client = |number: usize| {
            let [.., high, low] = (number as u32).to_be_bytes();
            let config = Config { mac: Mac([2, 0, 0, 0, high, low]), seed: number as u64, ..config() };
            Machine::new(config, 0)
        };
        // Within one second, and none of them in step with another.
        let boots = (0..CLIENTS).map(|number| Reverse(((number as u64 * 7_919) % 1_000, Due::Boot(number))));
        Self {
            clients: (0..CLIENTS).map(client).collect(),
            bound_at: vec![None; CLIENTS],
            frames: vec![Vec::new(); CLIENTS],
            due: boots.collect(),
            server: Server::default(),
        }
    }

    fn step(&mut self, now: Millis, client: usize, event: Event<'_>) {
        for action in self.clients[client].step(now, event) {
            match action {
                Action::Broadcast(message) => {
                    self.frames[client].push(now);
                    self.reach(now, client, message);
                }
                Action::Bound(_) => self.bound_at[client] = Some(now),
                Action::Note(_) => {}
                other => panic!("nobody has a lease to lose or to renew yet: {other:?}"),
            }
        }
        // A client that is bound has nothing to do before T1.
        if let Some(at) = self.clients[client].deadline().filter(|_| self.bound_at[client].is_none()) {
            self.due.push(Reverse((at, Due::Tick(client))));
        }
    }

    fn reach(&mut self, now: Millis, client: usize, message: Vec<u8>) {
        if self.server.waiting.len() >= QUEUE {
            self.server.lost += 1;
            return;
        }
        self.server.waiting.push_back((client, message));
        if !std::mem::replace(&mut self.server.busy, true) {
            self.due.push(Reverse((now + WIRE + SERVICE, Due::Served)));
        }
    }

    fn served(&mut self, now: Millis) {
        let Some((client, message)) = self.server.waiting.pop_front() else {
            self.server.busy = false;
            return;
        };
        self.server.answered += 1;
        let answer = Server::answer(client, &message);
        self.due.push(Reverse((now + WIRE, Due::Answer(client, answer))));
        self.due.push(Reverse((now + SERVICE, Due::Served)));
    }

    fn run(&mut self, until: Millis) {
        while let Some(Reverse((now, due))) = self.due.pop().filter(|Reverse((now, _))| *now <= until) {
            match due {
                Due::Boot(client) => self.step(now, client, Event::Start),
                // It has another deadline by now, which stands in the queue as well.
                Due::Tick(client) if self.clients[client].deadline().is_none_or(|at| at > now) => {}
                Due::Tick(client) if self.bound_at[client].is_some() => {}
                Due::Tick(client) => self.step(now, client, Event::Tick),
                Due::Answer(client, payload) => self.step(now, client, Event::Datagram { payload: &payload }),
                Due::Served => self.served(now),
            }
        }
    }

    fn bound_by(&self, at: Millis) -> usize {
        self.bound_at.iter().flatten().filter(|bound| **bound <= at).count()
    }
}

#[test]
fn ten_thousand_clients_in_one_second_all_get_an_address() {
    let mut crowd = Crowd::new();
    crowd.run(300_000);
    let mut curve = String::from("\nafter s  with an address\n");
    for seconds in [1, 2, 5, 10, 15, 20, 25, 30, 40, 50, 60, 80, 100, 120, 150, 200, 250, 300] {
        let bound = crowd.bound_by(seconds * 1_000);
        let line = format!("{seconds:>7}  {bound:>6}  {}\n", "#".repeat(bound * 50 / CLIENTS));
        curve.push_str(&line);
    }
    let Server { lost, answered, .. } = crowd.server;
    let frames: usize = crowd.frames.iter().map(Vec::len).sum();
    // Past the test's own capture: the curve is to be seen.
    let _ = writeln!(
        std::io::stdout(),
        "{curve}{frames} frames sent, {lost} lost at the server, {answered} answered"
    );

    assert_eq!(crowd.bound_by(300_000), CLIENTS, "somebody is left out");
    // Two answers each at 500 a second are 40 s: the server hardly ever waits, and says little in vain.
    assert!(crowd.bound_by(60_000) >= CLIENTS * 9 / 10, "{} after a minute", crowd.bound_by(60_000));
    assert_eq!(crowd.bound_by(200_000), CLIENTS);
    assert!(answered < CLIENTS * 5 / 2, "{answered} answers");
    // Each of them as the switch wants it, and no crowd makes a client chatter.
    for times in &crowd.frames {
        assert!(times.len() <= 60, "{} frames of one client", times.len());
        for (window, most) in [(1_000, 6), (5_000, 10)] {
            let within =
                |first: usize| times[first..].iter().take_while(|at| **at <= times[first] + window).count();
            assert!((0..times.len()).all(|first| within(first) <= most), "{times:?}");
        }
    }
}
