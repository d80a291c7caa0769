//! What starts a function: routes, streams, schedules, events.

use std::time::Duration;

use serde_json::Value;

use super::{Function, Pattern, Reader, resource_of};

/// A route of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// In capitals; `ANY` for the default route.
    pub method: String,
    /// With `{parameters}`; `$default` is whatever no other route takes.
    pub path: String,
}

/// A table's stream, as a function reads it.
#[derive(Clone, Debug)]
pub struct Stream {
    /// The table's name.
    pub table: String,
    /// The most records that are handed over at once.
    pub batch: usize,
    /// How often a record is tried again before it is given up; `None` is for ever.
    pub retries: Option<u32>,
}

/// A schedule.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// The time between two starts.
    pub every: Duration,
}

/// A rule of an event bus: which events a function is handed.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The bus's name.
    pub bus: String,
    /// Which of its events.
    pub pattern: Pattern,
    /// The queue for events that could not be handed over, by its name in the template.
    pub failures: Option<String>,
}

impl Reader<'_> {
    /// Takes one of a function's events.
    ///
    /// # Errors
    /// What is wrong with it, or that this stack has no such events.
    pub(super) fn event(&self, function: &mut Function, event: &Value) -> Result<(), String> {
        let properties = &event["Properties"];
        let kind = event["Type"].as_str().unwrap_or_default();
        match kind {
            "HttpApi" => function.routes.push(route(properties)),
            "DynamoDB" => function.streams.push(self.stream(properties)?),
            "Schedule" => function.schedules.push(schedule(&properties["Schedule"])?),
            "ScheduleV2" => function.schedules.push(schedule(&properties["ScheduleExpression"])?),
            "EventBridgeRule" => function.rules.push(self.rule(properties)?),
            _ => return Err(format!("the local stack has no events of type {kind:?}")),
        }
        Ok(())
    }

    fn rule(&self, properties: &Value) -> Result<Rule, String> {
        let bus = &properties["EventBusName"];
        let bus = match bus {
            Value::Null => "default".to_owned(),
            _ => self.bus(bus).cloned().ok_or_else(|| format!("{bus} is no event bus of this template"))?,
        };
        let pattern = Pattern::read(&properties["Pattern"], &|value| self.settled(value))?;
        Ok(Rule { bus, pattern, failures: resource_of(&properties["DeadLetterConfig"]["Arn"]) })
    }

    fn stream(&self, properties: &Value) -> Result<Stream, String> {
        let table = self.table(&properties["Stream"]);
        let table =
            table.ok_or_else(|| format!("{} is the stream of no table here", properties["Stream"]))?;
        let batch = properties["BatchSize"].as_u64().unwrap_or(100);
        let retries = properties["MaximumRetryAttempts"].as_u64();
        Ok(Stream {
            table: table.name.clone(),
            // A page of a stream has at most 1,000 records.
            batch: usize::try_from(batch).unwrap_or(1_000).clamp(1, 1_000),
            retries: retries.map(|retries| u32::try_from(retries).unwrap_or(u32::MAX)),
        })
    }
}

fn route(properties: &Value) -> Route {
    let path = properties["Path"].as_str().unwrap_or("$default").to_owned();
    let method = properties["Method"].as_str().unwrap_or("ANY").to_uppercase();
    Route { method: if path == "$default" { "ANY".into() } else { method }, path }
}

/// `rate(5 minutes)`, and `cron(0 3 * * ? *)`: once a day, here not at that time of day.
fn schedule(expression: &Value) -> Result<Schedule, String> {
    let text = expression.as_str().unwrap_or_default();
    let rate = text.strip_prefix("rate(").and_then(|rest| rest.strip_suffix(')'));
    let parsed = rate.and_then(|rate| {
        let (number, unit) = rate.split_once(' ')?;
        let number: u64 = number.trim().parse().ok()?;
        let seconds = match unit.trim() {
            "minute" | "minutes" => 60,
            "hour" | "hours" => 3_600,
            "day" | "days" => 86_400,
            _ => return None,
        };
        Some(Duration::from_secs(number.checked_mul(seconds).filter(|seconds| *seconds > 0)?))
    });
    let parsed = parsed.or_else(|| is_daily(text).then_some(Duration::from_hours(24)));
    let every = parsed.ok_or_else(|| {
        format!("the local stack runs schedules by rate(…) or once a day, not {expression}")
    })?;
    Ok(Schedule { every })
}

/// Whether a schedule names a minute of every day.
fn is_daily(expression: &str) -> bool {
    let fields = expression.strip_prefix("cron(").and_then(|rest| rest.strip_suffix(')'));
    let fields: Vec<&str> = fields.into_iter().flat_map(str::split_whitespace).collect();
    let below = |text: &str, end: u8| text.parse().is_ok_and(|number: u8| number < end);
    match fields.as_slice() {
        [minute, hour, "*", "*", "?", "*"] => below(minute, 60) && below(hour, 24),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_and_a_time_of_day_are_read_and_everything_else_refused() {
        let every = |text: &str| schedule(&Value::from(text)).map(|schedule| schedule.every.as_secs());
        assert_eq!(every("rate(1 minute)").unwrap(), 60);
        assert_eq!(every("rate(2 hours)").unwrap(), 7_200);
        assert_eq!(every("cron(0 3 * * ? *)").unwrap(), 86_400);
        for wrong in [
            "cron(0 * * * ? *)",
            "cron(0 24 * * ? *)",
            "cron(0 3 ? * MON *)",
            "rate(0 minutes)",
            "rate(1 fortnight)",
            "",
        ] {
            assert!(every(wrong).unwrap_err().contains("rate("), "{wrong}");
        }
    }
}
