//! When catalogues were first imported: every later import moves their dates by as much.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};

use super::keys::{self, USERS};
use super::{Store, fault, key_of, text};
use crate::error::{Error, Result};
use crate::stay::{Date, parse_date};

impl Store {
    /// The day on which the catalogue of this fingerprint was first imported: `today` the first time.
    pub async fn first_import(&self, fingerprint: &str, today: Date) -> Result<Date> {
        // In the table whose changes nobody follows.
        let mut item = key_of(USERS, &keys::import(fingerprint));
        item.insert("first_day".to_owned(), text(today));
        let sent = self
            .client
            .put_item()
            .table_name(&self.tables.users)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#owner)")
            .expression_attribute_names("#owner", USERS.0)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = sent else { return Ok(today) };
        let Some(PutItemError::ConditionalCheckFailedException(refusal)) = error.as_service_error() else {
            return Err(fault(error));
        };
        let first = refusal.item().and_then(|item| item.get("first_day"));
        let first = first.and_then(|first| AttributeValue::as_s(first).ok()).map(|first| parse_date(first));
        first
            .and_then(std::result::Result::ok)
            .ok_or_else(|| Error::internal("an import without its first day"))
    }
}
