//! Metrics, in `CloudWatch`'s embedded format: a line of JSON on the standard output, which Lambda hands to
//! the log, and `CloudWatch` counts. No call, no permission, and nothing waits.

use std::io::Write as _;

use crate::clock::Instant;

/// Whose metrics they are.
pub const NAMESPACE: &str = "Roost";

/// Says that there were so many of `name` at `at`, in the stack that `ROOST_STACK` names: several may share
/// an account. The line is `CloudWatch`'s own: see "Specification: Embedded metric format" in its user guide.
pub fn count(name: &str, number: u64, at: Instant) {
    let stack = std::env::var("ROOST_STACK").ok();
    // A metric that cannot be written is missing, which its alarm takes for trouble.
    let _ = writeln!(std::io::stdout().lock(), "{}", line(name, number, at, stack.as_deref()));
}

fn line(name: &str, number: u64, at: Instant, stack: Option<&str>) -> serde_json::Value {
    let mut line = serde_json::json!({
        "_aws": {
            "Timestamp": at.as_millisecond(),
            "CloudWatchMetrics": [{
                "Namespace": NAMESPACE,
                "Dimensions": [[]],
                "Metrics": [{ "Name": name, "Unit": "Count" }],
            }],
        },
        name: number,
    });
    if let Some(stack) = stack {
        line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] = serde_json::json!([["Stack"]]);
        line["Stack"] = stack.into();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_names_the_members_that_count_it_and_say_whose_it_is() {
        let of = |stack| line("Differences", 3, Instant::from_second(1_800_000_000).unwrap(), stack);
        let line = of(Some("roost"));
        let metric = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(
            (&metric["Namespace"], &metric["Metrics"][0]["Name"]),
            (&"Roost".into(), &"Differences".into())
        );
        assert_eq!(
            (&line["Differences"], &line["_aws"]["Timestamp"]),
            (&3.into(), &1_800_000_000_000_i64.into())
        );
        assert_eq!(
            (&metric["Dimensions"], &line["Stack"]),
            (&serde_json::json!([["Stack"]]), &"roost".into())
        );
        assert_eq!(of(None)["_aws"]["CloudWatchMetrics"][0]["Dimensions"], serde_json::json!([[]]));
    }
}
