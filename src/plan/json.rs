//! The plan for programs: `plan --json`, version 1.

use super::Plan;

/// The plan as JSON, indented by two blanks, with a newline at the end. The same plan gives the same bytes.
pub fn render(plan: &Plan) -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(plan)?;
    text.push('\n');
    Ok(text)
}
