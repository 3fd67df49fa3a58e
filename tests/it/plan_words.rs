//! Whatever spelling a plan came from, its own words must give the same plan.

use std::fs;

use bondstrap::words::{plan, plan_line};
use proptest::prelude::*;

use crate::as_words::comes_back;
use crate::{plan_cases, plan_lines};

#[test]
fn the_plan_of_each_case_comes_back() {
    let mut count = 0;
    for file in plan_cases::cases("tests/plan") {
        let text = fs::read_to_string(&file).expect("a case is text");
        let (head, _) = text.split_once("=>\n").expect("a case has its arrow");
        match comes_back(&plan(&plan_cases::sources(head))) {
            Ok(written) => count += usize::from(written),
            Err(error) => panic!("{}: {error}", file.display()),
        }
    }
    assert!(count > 300, "only {count} plans could be written");
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1500,
        max_global_rejects: 65_536,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_plan_comes_back(line in plan_lines::sound_lines()) {
        let plan = plan_line(&line);
        prop_assume!(!plan.has_errors());
        comes_back(&plan).map_err(TestCaseError::fail)?;
    }
}
