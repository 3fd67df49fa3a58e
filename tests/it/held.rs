//! What holds for the plan of any line. Also used by tests/fuzz.

use bondstrap::plan::{Level, Plan, json, table};

/// Gives this sentence where the condition does not hold.
macro_rules! must {
    ($condition:expr, $($sentence:tt)+) => {
        if !$condition {
            return Err(format!($($sentence)+));
        }
    };
}

/// What must be true of the plan of these texts (the longest of them, where there are several), and of the notes on it.
pub(crate) fn hold(text: &str, plan: &Plan, notes: &[String]) -> Result<(), String> {
    let letters = text.chars().count();
    for problem in &plan.problems {
        must!((1..=letters).contains(&problem.column), "{problem:?} of {letters}");
        must!(problem.within < problem.word.chars().count(), "{problem:?}");
        must!(!problem.message.contains('\n') && !problem.message.is_empty(), "{problem:?}");
        must!(problem.level == Level::Warning || plan.active, "an error where nothing is asked: {problem:?}");
    }
    must!(plan.problems.len() <= 50, "{} problems", plan.problems.len());
    must!(plan.active || plan.bonds.is_empty() && plan.interfaces.is_empty(), "not idle: {plan:?}");
    let for_programs = json::render(plan).map_err(|error| error.to_string())?;
    let for_people = table::render(plan, notes);
    for shown in [&for_programs, &for_people] {
        let acting = shown.chars().find(|letter| letter.is_control() && *letter != '\n');
        must!(acting.is_none(), "{acting:?} reaches the terminal");
        must!(!shown.contains('\u{202e}'), "it turns the text around");
    }
    let wide = for_people.lines().find(|line| line.len() > 80);
    must!(wide.is_none(), "too wide: {wide:?}");
    if plan.has_errors() { Ok(()) } else { sound(plan) }
}

/// What the engine may rely on where there is no error.
fn sound(plan: &Plan) -> Result<(), String> {
    let ports: Vec<&String> = plan.bonds.iter().flat_map(|bond| &bond.ports).collect();
    for interface in &plan.interfaces {
        must!(!ports.contains(&&interface.name), "a port gets an address: {plan:?}");
    }
    for vlan in &plan.vlans {
        must!(!ports.contains(&&vlan.link), "a VLAN on a port: {plan:?}");
        must!((1..=4094).contains(&vlan.id), "{vlan:?}");
    }
    for bond in &plan.bonds {
        must!(!bond.ports.is_empty(), "a bond of nothing: {plan:?}");
        must!(!ports.contains(&&bond.name), "a bond in a bond: {plan:?}");
    }
    must!(!plan.active || !plan.bonds.is_empty() && !plan.interfaces.is_empty(), "nothing to do: {plan:?}");
    Ok(())
}
