//! The plan for programs: `plan --json`, version 1.

use super::Plan;

/// The plan as JSON, indented by two blanks, with a newline at the end. The same plan gives the same bytes.
pub fn render(plan: &Plan) -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(plan)?;
    text.push('\n');
    Ok(text)
}

/// The same with one key more, `here`: what a look at a machine has found, in sentences.
pub fn render_here(plan: &Plan, lines: &[String]) -> serde_json::Result<String> {
    let mut text = render(plan)?;
    let end = text.trim_end().trim_end_matches('}').trim_end().len();
    text.truncate(end);
    let lines = serde_json::to_string_pretty(lines)?.replace('\n', "\n  ");
    text.push_str(&format!(",\n  \"here\": {lines}\n}}\n"));
    Ok(text)
}
