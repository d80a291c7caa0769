//! Where hosts are paid out: the provider's name of their account, and never a bank's.

use serde::{Deserialize, Serialize};

use super::keys::{self, USERS};
use super::{Store, fault, item, text};
use crate::error::Result;
use crate::ids::UserId;

/// A host's account at the payment provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutAccount {
    /// The provider's id of it.
    pub account: String,
}

impl Store {
    /// Where a host is paid out; `None` when no account was ever opened. Costs half a read unit.
    ///
    /// # Errors
    /// `Unavailable` when the store did not answer.
    pub async fn payout_account(&self, host: UserId) -> Result<Option<PayoutAccount>> {
        self.read_user_table(&keys::payout_account(host)).await
    }

    /// Keeps where a host is paid out, unless another has been kept since `before` was; what is kept. Costs a
    /// write unit.
    ///
    /// # Errors
    /// `Unavailable` when the store did not answer.
    pub async fn keep_payout_account(
        &self,
        host: UserId,
        account: PayoutAccount,
        before: Option<&PayoutAccount>,
    ) -> Result<PayoutAccount> {
        let put = self.client.put_item().table_name(&self.tables.users).set_item(Some(item(
            USERS,
            &keys::payout_account(host),
            &account,
        )?));
        let put = match before {
            None => put
                .condition_expression("attribute_not_exists(#owner)")
                .expression_attribute_names("#owner", USERS.0),
            Some(before) => put
                .condition_expression("account = :before")
                .expression_attribute_values(":before", text(&before.account)),
        };
        match put.send().await {
            Ok(_) => Ok(account),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Ok(self.payout_account(host).await?.unwrap_or(account))
            }
            Err(error) => Err(fault(error)),
        }
    }
}
