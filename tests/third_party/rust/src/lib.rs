//! Counts, in Rust: no crate but this one, and the SDK's provider.rs as src/dstack.rs.

mod dstack;

use dstack::{Job, Problem, Workflow};

fn plan(workflow: &Workflow) -> Result<Vec<Job>, Problem> {
    let first = workflow.integer("first").unwrap_or(1);
    let last = workflow.integer("last").unwrap_or(1);
    if last < first {
        return Err(Problem::of("last", "the range ends before it begins"));
    }
    let mut words = vec!["seq".to_string()];
    if workflow.boolean("padded").unwrap_or(false) {
        words.push("-w".to_string());
    }
    if let Some(separator) = workflow.text("separator") {
        words.extend(["-s".to_string(), separator]);
    }
    words.extend([first.to_string(), last.to_string()]);
    Ok(vec![Job::new().set("argv", words)])
}

dstack::provider!(plan, "../manifest.json");
