//! What is done once about an event that comes at least once. Whoever does it takes a claim, does it,
//! and writes down that it is done. A crash in between leaves the claim, which lapses, and then it is
//! done again: at least once, and twice only then.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use serde::{Deserialize, Serialize};

use super::keys::{self, USERS};
use super::take::MOST_TRIES;
use super::{Store, fault, item, key_of, number, record, text};
use crate::clock::Duration;
use crate::error::Result;
use crate::ids::EventId;

/// How long a claim keeps others away: longer than any function may take that claims.
const CLAIM: Duration = Duration::from_secs(45);
/// How long is remembered what was done: longer than a failed record waits to be replayed (90 days).
const MEMORY: Duration = Duration::from_hours(100 * 24);

/// Whether to do it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Once {
    /// Now, and then say so by [`Store::mark_done`].
    Do(Claimed),
    /// It is done.
    Done,
    /// Another is at it, and may yet fail: come again.
    Busy,
}

/// The right to do something once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    event: EventId,
    what: String,
    by: String,
}

#[derive(Serialize, Deserialize)]
struct OnceRecord {
    /// Who claims it; another for every try.
    by: String,
    /// Milliseconds since 1970: until when.
    until: i64,
    done: bool,
    /// Seconds since 1970: from then on the table may drop the item.
    expires: i64,
}

impl Store {
    /// Claims to do `what` about an event; waits a moment for another who is at it. Costs a write
    /// unit, and another to say it is done.
    pub async fn claim_once(&self, event: EventId, what: &str) -> Result<Once> {
        for tried in 0..MOST_TRIES {
            match self.claim(event, what).await? {
                Once::Busy => self.wait(tried).await,
                settled => return Ok(settled),
            }
        }
        Ok(Once::Busy)
    }

    async fn claim(&self, event: EventId, what: &str) -> Result<Once> {
        let now = self.clock.now();
        let by = format!("{:032x}", u128::from_be_bytes(self.entropy.bytes()));
        let claim = OnceRecord {
            by: by.clone(),
            until: (now + CLAIM).as_millisecond(),
            done: false,
            expires: (now + MEMORY).as_second(),
        };
        // In the table whose changes nobody follows.
        let sent = self
            .client
            .put_item()
            .table_name(&self.tables.users)
            .set_item(Some(item(USERS, &keys::done(event, what), &claim)?))
            .condition_expression("attribute_not_exists(#owner) OR (#done = :no AND #until <= :now)")
            .expression_attribute_names("#owner", USERS.0)
            .expression_attribute_names("#done", "done")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":no", AttributeValue::Bool(false))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let claimed = Claimed { event, what: what.to_owned(), by };
        let Err(error) = sent else { return Ok(Once::Do(claimed)) };
        let Some(PutItemError::ConditionalCheckFailedException(refusal)) = error.as_service_error() else {
            return Err(fault(error));
        };
        match refusal.item().cloned().map(record::<OnceRecord>).transpose()? {
            Some(found) if found.done => Ok(Once::Done),
            // A try of this very call, whose answer was lost, had taken.
            Some(found) if found.by == claimed.by => Ok(Once::Do(claimed)),
            _ => Ok(Once::Busy),
        }
    }

    /// Writes down that it is done.
    pub async fn mark_done(&self, claimed: &Claimed) -> Result<()> {
        self.client
            .update_item()
            .table_name(&self.tables.users)
            .set_key(Some(key_of(USERS, &keys::done(claimed.event, &claimed.what))))
            .update_expression("SET #done = :yes")
            .expression_attribute_names("#done", "done")
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .send()
            .await
            .map_err(fault)?;
        Ok(())
    }

    /// Gives a claim up, since it could not be done: the next try need not wait for it to lapse.
    pub async fn give_claim_up(&self, claimed: &Claimed) -> Result<()> {
        let sent = self
            .client
            .delete_item()
            .table_name(&self.tables.users)
            .set_key(Some(key_of(USERS, &keys::done(claimed.event, &claimed.what))))
            .condition_expression("#by = :by AND #done = :no")
            .expression_attribute_names("#by", "by")
            .expression_attribute_names("#done", "done")
            .expression_attribute_values(":by", text(&claimed.by))
            .expression_attribute_values(":no", AttributeValue::Bool(false))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Ok(())
            }
            Err(error) => Err(fault(error)),
        }
    }
}
