//! Listings in their table: the description, the terms of its unit, and what finds them.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, Delete, DeleteRequest, Put, TransactWriteItem, WriteRequest};

use super::blocks::Block;
use super::calendars::calendar_of_items;
use super::keys::{self, Key};
use super::listing_record::{created_item, created_of_item, listing_of_item, terms_of_item};
use super::photos::album_of_item;
use super::take::MOST_TRIES;
use super::users::refused_condition;
use super::{Item, Store, fault, key_of, number, text};
use crate::clock::Duration;
use crate::error::{Error, Result};
use crate::http::Host;
use crate::ids::{ListingId, UnitId};
use crate::listing::calendar::Calendar;
use crate::listing::{Listing, Terms};
use crate::photo::Album;
use crate::stay::{BOOKING_WINDOW, Nights, add_days};

pub use super::calendars::{calendar_items, unit_of_items};
pub use super::listing_record::{Created, listing_item, terms_item};

/// The two items of a listing, as they were read one after the other.
#[derive(Default)]
struct Pair {
    listing: Option<Listing>,
    terms: Option<Terms>,
    /// The version of the listing with which the terms were written.
    terms_version: Option<u64>,
}

/// All that is sold and shown of a listing.
pub(super) struct Offer {
    pub(super) listing: Listing,
    pub(super) terms: Terms,
    pub(super) calendar: Calendar,
    pub(super) album: Album,
}

impl Pair {
    /// Adds one of the two.
    fn add(&mut self, item: Item) -> Result<()> {
        if item.contains_key("owner") {
            self.terms_version = item.get("version").and_then(|version| version.as_n().ok()?.parse().ok());
            self.terms = Some(terms_of_item(item)?);
        } else {
            self.listing = Some(listing_of_item(item)?);
        }
        Ok(())
    }

    fn whole(self) -> Option<(Listing, Terms)> {
        self.listing.zip(self.terms)
    }

    /// Whether the two are of different versions.
    fn is_torn(&self) -> bool {
        let version = self.listing.as_ref().map(|listing| listing.version);
        version.zip(self.terms_version).is_some_and(|(one, other)| one != other)
    }
}

impl Store {
    /// Writes a new listing and its terms; with `created`, also how it was created, for the key
    /// that it was created with.
    ///
    /// # Errors
    /// `Conflict` `listing_exists` when there is one of this id: the same key is being used.
    pub async fn create_listing(
        &self,
        listing: &Listing,
        terms: &Terms,
        created: Option<&Created>,
    ) -> Result<()> {
        let mut items = vec![listing_item(listing), terms_item(terms, listing.version)];
        items.extend(created.map(|created| created_item(listing.id, created)));
        let puts = items.into_iter().map(|item| self.put_if(item, "attribute_not_exists(#item)", None));
        if self.transact_if_free(puts.collect::<Result<_>>()?).await? {
            return Ok(());
        }
        Err(Error::conflict("listing_exists", "There is a listing of this id already."))
    }

    /// How a listing was created, if a key was sent with it.
    pub async fn created(&self, id: ListingId) -> Result<Option<Created>> {
        self.one(&keys::created(id), true).await?.map(created_of_item).transpose()
    }

    /// A listing and its terms, both of one version.
    ///
    /// # Errors
    /// `Unavailable` when they kept being written.
    pub async fn listing(&self, id: ListingId, strong: bool) -> Result<Option<(Listing, Terms)>> {
        for tried in 0..MOST_TRIES {
            match self.pairs(&[id], strong || tried > 0).await?.remove(&id) {
                // The store reads several items one after another: a transaction came in between.
                Some(pair) if pair.is_torn() => self.wait(tried).await,
                pair => return Ok(pair.and_then(Pair::whole)),
            }
        }
        Err(Error::unavailable("the listing was contended"))
    }

    /// All that is sold and shown of a listing, as it is now, in one query, which costs less than its parts do.
    ///
    /// # Errors
    /// As [`Self::listing`].
    pub(super) async fn offer(&self, id: ListingId) -> Result<Option<Offer>> {
        for tried in 0..MOST_TRIES {
            let (mut pair, mut years, mut album) = (Pair::default(), Vec::new(), Album::default());
            let key = keys::listing(id);
            for item in self.items_of(&key.partition, None, true).await? {
                let sort = item.get(keys::LISTINGS.1).and_then(|sort| sort.as_s().ok());
                match sort.map_or("", String::as_str) {
                    sort if sort == key.sort || sort == keys::terms(id, id.into()).sort => pair.add(item)?,
                    sort if sort == keys::photos(id).sort => album = album_of_item(item)?,
                    _ => years.push(item),
                }
            }
            if pair.is_torn() {
                self.wait(tried).await;
                continue;
            }
            let Some((listing, terms)) = pair.whole() else { return Ok(None) };
            let (calendar, _) = calendar_of_items(years)?;
            return Ok(Some(Offer { listing, terms, calendar, album }));
        }
        Err(Error::unavailable("the listing was contended"))
    }

    /// The terms of a unit, as they are now.
    pub async fn terms(&self, unit: UnitId) -> Result<Option<Terms>> {
        self.one(&keys::terms(unit.into(), unit), true).await?.map(terms_of_item).transpose()
    }

    /// A host's listing, as it is now.
    ///
    /// # Errors
    /// `NotFound` when there is none, or it is another's.
    pub async fn own_listing(&self, host: &Host, id: ListingId) -> Result<(Listing, Terms)> {
        let found = self.listing(id, true).await?;
        found.filter(|(listing, _)| listing.host == host.id).ok_or(Error::NotFound)
    }

    /// The terms of a host's unit, as they are now.
    ///
    /// # Errors
    /// As [`Self::own_listing`].
    pub async fn own_terms(&self, host: &Host, unit: UnitId) -> Result<Terms> {
        self.terms(unit).await?.filter(|terms| terms.host == host.id).ok_or(Error::NotFound)
    }

    /// Writes what `change` makes of a host's listing, which was `found`, and counts its version up;
    /// nothing where nothing changed. Without `if_match` the change is made again on what another
    /// has written meanwhile.
    ///
    /// # Errors
    /// `Stale` when the version is not, or no longer, `if_match`; whatever `change` refuses.
    pub async fn edit_listing(
        &self,
        host: &Host,
        found: (Listing, Terms),
        if_match: Option<u64>,
        change: impl Fn(&mut Listing, &mut Terms) -> Result<()>,
    ) -> Result<(Listing, Terms)> {
        let (mut listing, mut terms) = found;
        for tried in 0..MOST_TRIES {
            if if_match.is_some_and(|version| version != listing.version) {
                return Err(Error::Stale);
            }
            let before = (listing.clone(), terms.clone());
            change(&mut listing, &mut terms)?;
            if (&listing, &terms) == (&before.0, &before.1) {
                return Ok(before);
            }
            listing.version += 1;
            match self.update_listing(&listing, &terms).await {
                Ok(()) => return Ok((listing, terms)),
                Err(Error::Stale) => {
                    self.wait(tried).await;
                    (listing, terms) = self.own_listing(host, listing.id).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Err(Error::unavailable("the listing was contended"))
    }

    /// Writes a listing and its terms over the version before theirs.
    ///
    /// # Errors
    /// `Stale` when another version stands there.
    pub async fn update_listing(&self, listing: &Listing, terms: &Terms) -> Result<()> {
        let before = AttributeValue::N(listing.version.saturating_sub(1).to_string());
        let items = vec![
            self.put_if(listing_item(listing), "#version = :before", Some(before))?,
            self.put_if(terms_item(terms, listing.version), "attribute_exists(#item)", None)?,
        ];
        if self.transact_if_free(items).await? { Ok(()) } else { Err(Error::Stale) }
    }

    /// Deletes a listing with its terms and its calendar. Its nights are blocked first and stay so: a booking
    /// that is being made meanwhile, or a request that is being accepted, meets the deletion in its nights, one of
    /// the two loses, and what comes later finds none to sell.
    ///
    /// # Errors
    /// `Conflict` `has_bookings` while a night from the listing's today on is booked or held;
    /// `Stale` when the listing has changed since it was read.
    pub async fn delete_listing(&self, listing: &Listing, terms: &Terms) -> Result<()> {
        let today = self.clock.today(&terms.zone);
        let window = Nights::between(today, add_days(today, i64::from(BOOKING_WINDOW) + 1))
            .expect("a window has nights");
        // One booking is one too many, however many a night takes.
        let blocked = match self.keep(terms, window, &Block::because("deleted")).await {
            Err(Error::Conflict { .. }) => {
                return Err(Error::conflict("has_bookings", "Guests have booked nights from today on."));
            }
            blocked => blocked?,
        };
        let version = AttributeValue::N(listing.version.to_string());
        let items = vec![
            self.delete_if(&keys::listing(listing.id), "#version = :before", Some(version))?,
            self.delete_if(&keys::terms(listing.id, terms.unit), "attribute_exists(#item)", None)?,
        ];
        // Where no answer comes it may be deleted: then its nights stay blocked until it is asked for once more.
        if !self.transact_if_free(items).await? {
            // What another call has deleted keeps its nights, though this one has seen them open.
            if self.terms(terms.unit).await?.is_some() {
                self.restore(terms, window, &blocked).await?;
            }
            return Err(Error::Stale);
        }
        // From here on nobody finds the unit. What is left over if this fails is out of sight.
        self.delete_calendars(terms).await?;
        self.expire_created(listing.id).await
    }

    /// Has the store delete, a day on, how a listing was created: until then its key answers as it did.
    async fn expire_created(&self, id: ListingId) -> Result<()> {
        let expires = (self.clock.now() + Duration::from_hours(24)).as_second();
        let sent = self
            .client
            .update_item()
            .table_name(&self.tables.listings)
            .set_key(Some(key_of(keys::LISTINGS, &keys::created(id))))
            .update_expression("SET expires = :expires")
            .condition_expression("attribute_exists(#item)")
            .expression_attribute_names("#item", keys::LISTINGS.1)
            .expression_attribute_values(":expires", number(expires))
            .send()
            .await;
        // No key was sent with it, where there is none.
        sent.map_or_else(|error| refused_condition(error).map(|_| ()), |_| Ok(()))
    }

    async fn delete_calendars(&self, terms: &Terms) -> Result<()> {
        let (partition, sort) = keys::LISTINGS;
        let mut requests = Vec::new();
        for mut item in self.unit_items(terms.unit, true).await? {
            item.retain(|name, _| name == partition || name == sort);
            let delete = DeleteRequest::builder().set_key(Some(item)).build().map_err(Error::internal)?;
            requests.push(WriteRequest::builder().delete_request(delete).build());
        }
        for chunk in requests.chunks(25) {
            let mut left = HashMap::from([(self.tables.listings.clone(), chunk.to_vec())]);
            for tried in 0..MOST_TRIES {
                let written = self.client.batch_write_item().set_request_items(Some(left)).send().await;
                left = written.map_err(fault)?.unprocessed_items.unwrap_or_default();
                if left.is_empty() {
                    break;
                }
                self.wait(tried).await;
            }
        }
        Ok(())
    }

    /// A page of a host's listings after `after`, in the order of their ids, and after which the
    /// next page begins, if there is one.
    pub async fn listings_of(
        &self,
        host: &Host,
        after: Option<ListingId>,
        limit: usize,
    ) -> Result<(Vec<(Listing, Terms)>, Option<ListingId>)> {
        let start = after.map(|id| {
            let mut start = key_of(keys::LISTINGS, &keys::listing(id));
            start.insert("host".to_owned(), text(host.id));
            start
        });
        let page = self
            .client
            .query()
            .table_name(&self.tables.listings)
            .index_name(keys::LISTINGS_BY_HOST)
            .key_condition_expression("#host = :host")
            .expression_attribute_names("#host", "host")
            .expression_attribute_values(":host", text(host.id))
            .set_exclusive_start_key(start)
            // One more than asked for tells whether the list goes on.
            .limit(i32::try_from(limit + 1).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(fault)?;
        let mut ids: Vec<ListingId> = page.items().iter().filter_map(id_of).collect();
        let more = ids.len() > limit;
        ids.truncate(limit);
        let next = if more { ids.last().copied() } else { None };
        Ok((self.listings(&ids, true).await?, next))
    }

    /// Those of these listings that exist, with their terms, in the order of `ids`.
    pub async fn listings(&self, ids: &[ListingId], strong: bool) -> Result<Vec<(Listing, Terms)>> {
        let mut found = self.pairs(ids, strong).await?;
        Ok(ids.iter().filter_map(|id| found.remove(id)?.whole()).collect())
    }

    async fn pairs(&self, ids: &[ListingId], strong: bool) -> Result<HashMap<ListingId, Pair>> {
        let mut found: HashMap<ListingId, Pair> = HashMap::new();
        for chunk in ids.chunks(50) {
            let both = |id: &ListingId| [keys::listing(*id), keys::terms(*id, (*id).into())];
            let wanted = chunk.iter().flat_map(both).map(|key| key_of(keys::LISTINGS, &key)).collect();
            for item in self.batch(&self.tables.listings, wanted, strong).await? {
                if let Some(id) = id_of(&item) {
                    found.entry(id).or_default().add(item)?;
                }
            }
        }
        Ok(found)
    }

    async fn one(&self, key: &Key, strong: bool) -> Result<Option<Item>> {
        let found = self
            .client
            .get_item()
            .table_name(&self.tables.listings)
            .set_key(Some(key_of(keys::LISTINGS, key)))
            .consistent_read(strong)
            .send()
            .await
            .map_err(fault)?;
        Ok(found.item)
    }

    /// A put of an item of the listings table under a condition, which may name `#item`, or
    /// `#version` and `:before`.
    pub(super) fn put_if(
        &self,
        item: Item,
        condition: &str,
        before: Option<AttributeValue>,
    ) -> Result<TransactWriteItem> {
        let mut put = Put::builder()
            .table_name(&self.tables.listings)
            .set_item(Some(item))
            .condition_expression(condition);
        put = match before {
            Some(before) => put
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":before", before),
            None => put.expression_attribute_names("#item", keys::LISTINGS.1),
        };
        Ok(TransactWriteItem::builder().put(put.build().map_err(Error::internal)?).build())
    }

    /// A deletion of an item of the listings table, under a condition as [`Self::put_if`] takes it.
    fn delete_if(
        &self,
        key: &Key,
        condition: &str,
        before: Option<AttributeValue>,
    ) -> Result<TransactWriteItem> {
        let mut delete = Delete::builder()
            .table_name(&self.tables.listings)
            .set_key(Some(key_of(keys::LISTINGS, key)))
            .condition_expression(condition);
        delete = match before {
            Some(before) => delete
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":before", before),
            None => delete.expression_attribute_names("#item", keys::LISTINGS.1),
        };
        Ok(TransactWriteItem::builder().delete(delete.build().map_err(Error::internal)?).build())
    }
}

/// The listing whose item this is.
fn id_of(item: &Item) -> Option<ListingId> {
    item.get(keys::LISTINGS.0)?.as_s().ok()?.parse().ok()
}
