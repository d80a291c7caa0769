//! Accounts and sessions. An account is two items: the account by its id, and the claim on its
//! address, which is what keeps two accounts from having the same.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use serde::{Deserialize, Serialize};

use super::keys::{self, Key, USERS};
use super::take::MOST_TRIES;
use super::{Item, Store, fault, item, key_of, record, text};
use crate::account::session::{REPEATABLE, Session};
use crate::account::{Email, Role, User, token};
use crate::clock::Instant;
use crate::error::{Error, Result};
use crate::ids::{SessionId, UserId};

/// The claim of an account on its address.
#[derive(Serialize, Deserialize)]
struct Claim {
    user: UserId,
}

/// What the table keeps of a session. `generation` in hexadecimal, since numbers there have 38 digits.
#[derive(Serialize, Deserialize)]
struct SessionRecord {
    generation: String,
    /// Seconds since 1970: from then on the table may drop the item. The truth is in the token.
    expires: i64,
    /// When the current token was made of the one before, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    renewed_at: Option<i64>,
}

impl Store {
    /// A new account and its first session, or nothing of them.
    ///
    /// # Errors
    /// `Conflict` `email_taken`.
    pub async fn create_user(&self, user: &User, session: &Session) -> Result<()> {
        for tried in 0..MOST_TRIES {
            let writes =
                [email_item(user), user_item(user), session_item(session)].map(|item| self.create(item));
            let Some(reasons) = self.transact(writes.into_iter().collect::<Result<_>>()?).await? else {
                return Ok(());
            };
            if reasons.iter().any(|reason| reason.code() == Some("ConditionalCheckFailed")) {
                // The write of a try whose answer was lost is this very account's.
                return if claimed_by(&reasons) == Some(user.id) { Ok(()) } else { Err(email_taken()) };
            }
            self.wait(tried).await;
        }
        Err(Error::unavailable("an address was contended"))
    }

    /// The account of this id.
    pub async fn user(&self, id: UserId) -> Result<Option<User>> {
        self.read_user_table(&keys::user(id)).await
    }

    /// Those of these accounts that exist, a hundred at most, by their ids.
    pub async fn users(&self, ids: impl IntoIterator<Item = UserId>) -> Result<HashMap<UserId, User>> {
        let ids: BTreeSet<UserId> = ids.into_iter().collect();
        let keys = ids.into_iter().map(|id| key_of(USERS, &keys::user(id))).collect();
        let found = self.batch(&self.tables.users, keys, true).await?.into_iter().map(record::<User>);
        found.map(|user| user.map(|user| (user.id, user))).collect()
    }

    /// The account of this address. Reads twice in any case, so that how long it takes does not tell whether there
    /// is one; `None` for what is no address.
    pub async fn user_by_email(&self, email: Option<&Email>) -> Result<Option<User>> {
        let address = email.map_or("", Email::as_str);
        let claim = self.read_user_table::<Claim>(&keys::email(address)).await?;
        self.user(claim.map_or_else(|| UserId::from_bits(0), |claim| claim.user)).await
    }

    /// Keeps a new session.
    pub async fn begin_session(&self, session: &Session) -> Result<()> {
        let put = self.client.put_item().table_name(&self.tables.users);
        put.set_item(Some(session_item(session)?)).send().await.map_err(fault)?;
        Ok(())
    }

    /// Replaces `seen`, the session as a refresh token tells it, by `next`: its token is used now.
    ///
    /// # Errors
    /// `Unauthenticated` `token_invalid` when the session is gone, or when this token was used
    /// before: then it is stolen, by this caller or the other, and the session ends for both. A use that was just
    /// now is taken for the same caller's.
    pub async fn renew_session(&self, seen: &Session, next: &Session) -> Result<()> {
        let (renewed, now) = (SessionRecord::of(next), self.clock.now());
        let sent = self
            .client
            .update_item()
            .table_name(&self.tables.users)
            .set_key(Some(key_of(USERS, &keys::session(seen.user, seen.id))))
            .update_expression("SET generation = :next, expires = :expires, renewed_at = :now")
            .condition_expression("generation = :seen")
            .expression_attribute_values(":seen", text(SessionRecord::of(seen).generation))
            .expression_attribute_values(":next", text(&renewed.generation))
            .expression_attribute_values(":expires", super::number(renewed.expires))
            .expression_attribute_values(":now", super::number(now.as_millisecond()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = sent else { return Ok(()) };
        let found = refused_condition(error)?;
        match found.map(record::<SessionRecord>).transpose()? {
            Some(found) if found.generation == renewed.generation && found.is_new_at(now) => Ok(()),
            Some(_) => {
                self.end_session(seen.user, seen.id).await?;
                Err(token::refused())
            }
            None => Err(token::refused()),
        }
    }

    /// Forgets a session, if there is one.
    pub async fn end_session(&self, user: UserId, session: SessionId) -> Result<()> {
        let delete = self.client.delete_item().table_name(&self.tables.users);
        delete.set_key(Some(key_of(USERS, &keys::session(user, session)))).send().await.map_err(fault)?;
        Ok(())
    }

    /// Grants roles to the account of this address, beside those it has.
    ///
    /// # Errors
    /// `NotFound` when no account has the address.
    pub async fn set_roles(&self, email: &Email, roles: &[Role]) -> Result<()> {
        let user = self.user_by_email(Some(email)).await?.ok_or(Error::NotFound)?;
        for role in roles {
            self.grant(user.id, *role).await?;
        }
        Ok(())
    }

    /// Grants one role; nothing changes for an account that has it, or that is gone.
    async fn grant(&self, user: UserId, role: Role) -> Result<()> {
        let role: AttributeValue = serde_dynamo::to_attribute_value(role).map_err(Error::internal)?;
        let sent = self
            .client
            .update_item()
            .table_name(&self.tables.users)
            .set_key(Some(key_of(USERS, &keys::user(user))))
            .update_expression("SET #roles = list_append(#roles, :roles)")
            .condition_expression("attribute_exists(#owner) AND NOT contains(#roles, :role)")
            .expression_attribute_names("#roles", "roles")
            .expression_attribute_names("#owner", USERS.0)
            .expression_attribute_values(":roles", AttributeValue::L(vec![role.clone()]))
            .expression_attribute_values(":role", role)
            .send()
            .await;
        match sent {
            Ok(_) => Ok(()),
            Err(error) => refused_condition(error).map(|_| ()),
        }
    }

    /// A record of the users table. Strongly consistent: who signs up and signs in at once is known.
    pub(super) async fn read_user_table<R: serde::de::DeserializeOwned>(
        &self,
        key: &Key,
    ) -> Result<Option<R>> {
        let get = self.client.get_item().table_name(&self.tables.users).consistent_read(true);
        let found = get.set_key(Some(key_of(USERS, key))).send().await.map_err(fault)?;
        found.item.map(record).transpose()
    }

    fn create(&self, item: Result<Item>) -> Result<TransactWriteItem> {
        let put = Put::builder()
            .table_name(&self.tables.users)
            .set_item(Some(item?))
            .condition_expression("attribute_not_exists(#owner)")
            .expression_attribute_names("#owner", USERS.0)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

/// An account as an item.
pub fn user_item(user: &User) -> Result<Item> {
    item(USERS, &keys::user(user.id), user)
}

/// An account's claim on its address as an item.
pub fn email_item(user: &User) -> Result<Item> {
    item(USERS, &keys::email(user.email.as_str()), &Claim { user: user.id })
}

fn session_item(session: &Session) -> Result<Item> {
    item(USERS, &keys::session(session.user, session.id), &SessionRecord::of(session))
}

impl SessionRecord {
    fn of(session: &Session) -> Self {
        Self {
            generation: format!("{:032x}", session.generation),
            expires: session.expires_at.as_second(),
            renewed_at: None,
        }
    }

    /// Whether its token was made a moment before.
    fn is_new_at(&self, now: Instant) -> bool {
        self.renewed_at
            .is_some_and(|at| now.as_millisecond() - at <= i64::try_from(REPEATABLE.as_millis()).unwrap_or(0))
    }
}

fn email_taken() -> Error {
    Error::conflict("email_taken", "There is an account with this address already.")
}

/// Whose the address is that a cancelled transaction wanted to claim: its first write.
fn claimed_by(reasons: &[CancellationReason]) -> Option<UserId> {
    let claim = reasons.first()?.item.clone()?;
    record::<Claim>(claim).ok().map(|claim| claim.user)
}

/// The item that an update's condition refused, if there is one.
///
/// # Errors
/// When something else went wrong.
pub(super) fn refused_condition<R: std::fmt::Debug>(
    error: SdkError<UpdateItemError, R>,
) -> Result<Option<Item>> {
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(refusal)) => Ok(refusal.item.clone()),
        _ => Err(fault(error)),
    }
}
