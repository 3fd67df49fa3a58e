//! What holds for any words at all.

use std::time::Duration;

use bondstrap::persist::{Format, keep::keep, render};
use bondstrap::plan::{Level, Plan, json};
use bondstrap::words::source::{LONGEST, Sources};
use bondstrap::words::{explained, plan, plan_line};
use nix::time::{ClockId, clock_gettime};
use proptest::prelude::*;

use crate::held;
use crate::plan_lines::lines;

/// What must be true of every plan of this line.
fn hold(line: &[u8], plan: &Plan) -> Result<(), TestCaseError> {
    let sources = Sources { baked: Vec::new(), boot: line.to_vec() };
    let (same, notes) = explained(&sources);
    prop_assert_eq!(&same, plan);
    let in_order = plan.problems.windows(2).all(|pair| pair[0].column <= pair[1].column);
    prop_assert!(in_order, "out of order: {:?}", plan.problems);
    held::hold(&String::from_utf8_lossy(line), plan, &notes).map_err(TestCaseError::fail)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1500,
        // One property needs lines without problems, and throws the others away: more cases, more of those.
        max_global_rejects: 65_536,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_line_gives_a_plan(line in lines()) {
        hold(&line, &plan_line(&line))?;
    }

    #[test]
    fn any_line_with_a_bond_gives_a_plan(line in lines()) {
        let mut whole = b"bond=bond0:eth0,eth1 ".to_vec();
        whole.extend(line);
        hold(&whole, &plan_line(&whole))?;
    }

    #[test]
    fn what_is_kept_needs_no_quotes(name in "[!-~]{1,6}", other in "\\PC{1,6}", line in lines()) {
        let words = format!("bond=bond0:{name},eth1:mode=active-backup,primary={other} vlan={other}1:bond0 hostname={other} ");
        let mut whole = words.into_bytes();
        whole.extend(line);
        for words in [whole, format!("bond=bond0:eth0,{name} bond=bond0:{other} hostname={other}").into_bytes()] {
            let plan = plan_line(&words);
            let Ok(kept) = keep(&plan, None) else { continue };
            for (_, format) in Format::ALL {
                let Ok(done) = render(format, &kept, None) else { continue };
                for file in done.files {
                    // Signs that a shell, YAML or systemd would act on stand only where the renderers put them.
                    let bad = |letter: char| !matches!(letter, ' '..='~' | '\n') || "`$\\;<".contains(letter);
                    let text = file.text.replace("dns=", "").replace(';', if format == Format::Nmconnection { "" } else { ";" });
                    prop_assert!(!text.contains(bad), "{:?}: {}", format, file.text);
                    prop_assert!(!file.path.contains("/../") && !file.path.starts_with('/'), "{}", file.path);
                }
            }
        }
    }

    #[test]
    fn foreign_words_change_nothing(before in "[a-z]{6,9}(=[!-~]{0,8})?", after in "[g-z]{5}\\.[a-z]{9}=[ -~&&[^\"]]{0,5}") {
        let ours = "bond=bond0:eth0,eth1 vlan=bond0.42:bond0 hostname=h";
        prop_assume!(!before.contains('"') && !before.starts_with("bond"));
        let with = plan_line(format!("{before} {ours} {after}").as_bytes());
        let mut without = plan_line(ours.as_bytes());
        without.problems.clone_from(&with.problems);
        prop_assert_eq!(with, without);
    }

    #[test]
    fn baked_or_not_is_the_same_when_alone(line in lines()) {
        let baked = plan(&Sources { baked: vec![line.clone()], boot: Vec::new() });
        prop_assert_eq!(baked, plan_line(&line));
    }

    #[test]
    fn boot_line_again_changes_nothing(line in lines()) {
        // The same words baked and on the boot line: the latter replace the former, device by device.
        let words = [b"bond=bond0:eth0,eth1 ".to_vec(), line].concat();
        let alone = plan_line(&words);
        prop_assume!(alone.problems.is_empty());
        let both = plan(&Sources { baked: vec![words.clone()], boot: words });
        prop_assert_eq!(both, alone);
    }
}

/// The worst that one can write: as many items of each kind as a line of this length holds.
fn worst(length: usize) -> Vec<String> {
    let repeat = |piece: &str| piece.repeat(length / piece.len());
    let numbered = |form: &dyn Fn(usize) -> String| {
        (0..)
            .map(form)
            .scan(0, |sum, word| {
                *sum += word.len();
                (*sum < length - 32).then_some(word)
            })
            .collect::<String>()
    };
    let half = |form: &dyn Fn(usize) -> String| numbered(form)[..length / 2 - 32].to_owned();
    // Each glob against each name, and each fails late.
    let globs_and_names =
        format!("bond=bond0:{} {}", half(&|n| format!("e*e*{n}x,")), half(&|n| format!("ip=eeeeeee{n}:on ")));
    vec![
        repeat("bond "),
        repeat("\""),
        repeat("ip=dhcp "),
        format!("bond=bond0:{}", repeat("e*,")),
        format!("bond=bond0:{}", repeat("[:")),
        format!("bond=bond0:eth0:{}", repeat("x,")),
        format!("bond ip={}", repeat("[")),
        format!("bond {}", repeat("bonds ")),
        format!("bond BOOTIF={}", repeat("0-")),
        format!("bond {}", numbered(&|n| format!("vlan=v{n}:v{} ", n + 1))),
        format!("bond {}", numbered(&|n| format!("bridge=b{n}:b{} ", n + 1))),
        // Two ways from each floor to the next.
        format!(
            "bond bridge=b0:bond0 {}",
            numbered(&|n| format!("vlan=a{n}.5:b{n} vlan=c{n}.6:b{n} bridge=b{}:a{n}.5,c{n}.6 ", n + 1))
        ),
        format!("bond {}", numbered(&|n| format!("ip=b{n}:dhcp "))),
        globs_and_names,
        numbered(&|n| format!("bond=b{n}:e{n} ")),
        format!("bond {}", numbered(&|n| format!("nameserver=10.{}.{}.{} ", n >> 16, n >> 8 & 255, n & 255))),
        format!("bond {}", numbered(&|n| format!("ip=10.1.{}.{}::::::none ", n >> 8 & 255, n & 255))),
    ]
}

/// Time of this thread on a processor, since others work on this machine too.
fn on_processor() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("Linux has this clock").into()
}

#[test]
fn time_is_bounded() {
    for line in worst(LONGEST) {
        let begin = on_processor();
        let plan = plan_line(line.as_bytes());
        let took = on_processor() - begin;
        // A debug build; what is quadratic with a large factor takes longer.
        assert!(took < Duration::from_secs(3), "{took:?} for {:?}...", &line[..40]);
        assert!(plan.problems.len() <= 50, "{} problems", plan.problems.len());
        let length = json::render(&plan).expect("a plan is always JSON").len();
        assert!(length < 200 * LONGEST, "{length} bytes of JSON for {:?}...", &line[..40]);
    }
}

#[test]
fn time_grows_with_the_line_and_not_with_its_square() {
    let took = |line: &str| {
        let begin = on_processor();
        std::hint::black_box(plan_line(line.as_bytes()));
        on_processor() - begin
    };
    const FACTOR: u32 = 8;
    for (short, long) in worst(LONGEST / FACTOR as usize).iter().zip(&worst(LONGEST)) {
        // What is linear takes 8 times as long, what is quadratic 64 times. The best of several runs each.
        let best = |line: &str| (0..9).map(|_| took(line)).min().expect("there were runs");
        let (of_short, of_long) = (best(short), best(long));
        let most = of_short * FACTOR * 4 + Duration::from_millis(2);
        assert!(of_long <= most, "{of_short:?} and {of_long:?} for {:?}...", &long[..40]);
    }
}

#[test]
fn a_long_line_keeps_its_error() {
    let mut line = "bond=bond0:eth0,eth1:x,y,".repeat(200);
    line.push_str(" bondmode=wrong");
    let plan = plan_line(line.as_bytes());
    assert!(plan.problems.iter().any(|problem| problem.level == Level::Error), "{:?}", plan.problems.last());
}
