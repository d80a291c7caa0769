//! Schedules: functions that time starts, here or on demand.

use roost::app::App;
use roost::error::{Error, Result};
use roost::function::Schedule;

use crate::invoke::invoke;
use crate::template;

/// A scheduled function and when it runs.
#[derive(Clone, Debug)]
pub(crate) struct Scheduled {
    /// What runs.
    pub(crate) schedule: Schedule,
    /// With what.
    pub(crate) app: App,
    /// When it starts by itself.
    pub(crate) times: Vec<template::Schedule>,
}

impl Scheduled {
    /// Runs it once, now.
    ///
    /// # Errors
    /// The function's own.
    pub(crate) async fn run(&self) -> Result<()> {
        let run = (self.schedule.run)(self.app.clone());
        let ended = |_| Error::internal(format!("{} ended without an answer", self.schedule.name));
        invoke(self.schedule.name, run).await.map_err(ended)?
    }

    /// Runs it at its times, by the machine's own clock, until the task is ended. Moving the stack's
    /// clock starts nothing.
    pub(crate) async fn keep_time(self, time: template::Schedule) {
        loop {
            tokio::time::sleep(time.every).await;
            if let Err(error) = self.run().await {
                tracing::error!(function = self.schedule.name, %error, "the scheduled run failed");
            }
        }
    }
}
