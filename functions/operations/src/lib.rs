//! Operations: what those who run the marketplace look at, and what looks after it by itself.

mod issue;
pub mod latest_reconciliation;
pub mod list_payment_issues;
pub mod read_secrets;
pub mod reconcile;
pub mod resolve_payment_issue;

use roost::function::Functions;
use roost::http::Described;

/// Every function of this package.
#[must_use]
pub fn functions() -> Functions {
    Functions {
        operations: vec![
            Described::of::<list_payment_issues::ListPaymentIssues>(),
            Described::of::<resolve_payment_issue::ResolvePaymentIssue>(),
            Described::of::<latest_reconciliation::GetLatestReconciliation>(),
        ],
        schedules: vec![reconcile::RECONCILE],
        tasks: vec![read_secrets::READ_SECRETS],
        ..Functions::default()
    }
}
