mod dstack;

use dstack::{Job, Problem, Workflow};

fn plan(workflow: &Workflow) -> Result<Vec<Job>, Problem> {
    let who = workflow.text("who").unwrap_or_default();
    if who == "nobody" {
        return Err(Problem::of("who", "there is nobody to greet").hint("name somebody"));
    }
    Ok(vec![Job::new().set("argv", ["echo", "hello", &who])])
}

dstack::provider!(plan, "../manifest.json");
