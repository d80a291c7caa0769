//! `GET /v1/bookings`: a guest's own, or those at a host's places, latest check-in first.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use roost::app::App;
use roost::booking::answer::BookingView;
use roost::booking::{Booking, State};
use roost::error::{Fields, Result};
use roost::http::paging::{Page, limit, seal, unseal};
use roost::http::{Answer, Call, Member, Nothing, Operation};
use roost::stay::{Date, parse_date};
use serde::Deserialize;

use crate::view::view;

/// The operation.
#[derive(Debug)]
pub struct ListBookings;

impl Operation for ListBookings {
    const NAME: &'static str = "list-bookings";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/v1/bookings";
    const SUMMARY: &'static str = "The caller's bookings, as guest or as host, latest check-in first.";
    type Caller = Member;
    type Path = Nothing;
    type Query = Query;
    type Body = Nothing;
    type Reply = Page<BookingView>;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<Page<BookingView>>> {
        let wish = call.query()?.check()?;
        let context = format!("{} bookings {:?}", call.caller.id, wish.filter);
        let after = wish.cursor.as_deref().map(|cursor| unseal(&app, &context, cursor)).transpose()?;
        let keep = |booking| Some(booking).filter(|booking| wish.filter.takes(&app, booking));
        let (id, as_host) = (call.caller.id, wish.filter.as_host);
        let (bookings, last) = app.store.bookings_of(id, as_host, after, wish.limit, keep).await?;
        let (app, caller) = (&app, call.caller.id);
        let views = stream::iter(bookings).map(|booking| async move { view(app, &booking, caller).await });
        let items = views.buffered(10).try_collect().await?;
        Ok(Answer::ok(Page { items, next_cursor: last.map(|position| seal(app, &context, &position)) }))
    }
}

/// Which bookings.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// `guest`, unless told, or `host`.
    role: Option<String>,
    /// Only those of this status.
    status: Option<String>,
    /// Only those that check in on this date or later.
    #[schemars(extend("format" = "date"))]
    from: Option<String>,
    /// Only those that check in before this date.
    #[schemars(extend("format" = "date"))]
    to: Option<String>,
    /// How many at most.
    limit: Option<i64>,
    /// Where the list goes on.
    cursor: Option<String>,
}

struct Wish {
    filter: Filter,
    limit: usize,
    cursor: Option<String>,
}

#[derive(Debug)]
struct Filter {
    as_host: bool,
    status: Option<String>,
    from: Option<Date>,
    to: Option<Date>,
}

impl Query {
    fn check(self) -> Result<Wish> {
        let mut fields = Fields::default();
        let role = self.role.as_deref().unwrap_or("guest");
        fields.check(["guest", "host"].contains(&role), "/role", "must be guest or host");
        if let Some(status) = &self.status {
            let known = State::WORDS.contains(&status.as_str());
            fields.check(known, "/status", &format!("must be one of {}", State::WORDS.join(", ")));
        }
        let from = self.from.and_then(|from| fields.take("/from", parse_date(&from)));
        let to = self.to.and_then(|to| fields.take("/to", parse_date(&to)));
        let filter = Filter { as_host: role == "host", status: self.status, from, to };
        fields.finish()?;
        Ok(Wish { filter, limit: limit(self.limit)?, cursor: self.cursor })
    }
}

impl Filter {
    fn takes(&self, app: &App, booking: &Booking) -> bool {
        let check_in = booking.stay.first();
        booking.is_visible()
            && self.status.as_deref().is_none_or(|status| booking.state_at(app.clock.now()).word() == status)
            && self.from.is_none_or(|from| from <= check_in)
            && self.to.is_none_or(|to| check_in < to)
    }
}
