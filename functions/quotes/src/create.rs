//! `POST /v1/quotes`: what a stay costs and that it can be had. No account needed; a quote made with
//! a token is that caller's alone.

use roost::app::App;
use roost::booking::Party;
use roost::booking::balance::{self, Plan};
use roost::clock::Instant;
use roost::error::{Error, Fields, Result};
use roost::http::{Answer, Call, Nothing, Operation, Visitor};
use roost::ids::{ListingId, UnitId};
use roost::listing::calendar::Calendar;
use roost::listing::{CancellationPolicy, ListingStatus, Terms};
use roost::money::{Currency, Money};
use roost::night::why_unsold;
use roost::pricing::{Line, StayPrice, Tariff, price};
use roost::quote::{Quote, VALIDITY};
use roost::stay::{Date, Nights, parse_stay};
use serde::{Deserialize, Serialize};

use crate::party::Guests;

/// The operation.
#[derive(Debug)]
pub struct CreateQuote;

impl Operation for CreateQuote {
    const NAME: &'static str = "create-quote";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/v1/quotes";
    const SUMMARY: &'static str = "What a stay costs, and that it can be had: a price for fifteen minutes.";
    const SUCCESS: u16 = 201;
    const PROBLEMS: &'static [u16] = &[401, 404, 409];
    type Caller = Visitor;
    type Path = Nothing;
    type Query = Nothing;
    type Body = Body;
    type Reply = QuoteView;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<QuoteView>> {
        let asked = call.body()?.check()?;
        let (terms, calendar) = offer(&app, asked.listing).await?;
        asked.check_against(&terms)?;
        let taken = app.store.taken(terms.unit, terms.capacity, asked.stay, true).await?;
        let today = app.clock.today(&terms.zone);
        let reasons = why_unsold(&terms, &calendar, &taken, asked.stay, Some(asked.party.places()), today);
        if !reasons.is_empty() {
            return Err(Error::unavailable_stay(reasons));
        }
        let tariff = Tariff {
            service_fee_basis_points: app.config.service_fee_basis_points,
            taxes: &app.config.taxes,
        };
        let price = price(&terms, &calendar, tariff, asked.stay);
        let now = app.clock.now();
        let plan = asked.plan(&terms, &price, now);
        let quote = asked.quote(&terms, price, plan.as_ref(), &call.caller, now);
        let quote_id = quote.seal(&app.secrets, &app.entropy);
        Ok(Answer::created(QuoteView::of(&quote, plan.as_ref(), quote_id)))
    }
}

/// What is asked for.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Body {
    /// Which listing.
    listing_id: String,
    /// Which of its room types; a home has none.
    room_type_id: Option<String>,
    /// How many rooms; of a home, one.
    rooms: Option<i64>,
    /// The first night.
    #[schemars(extend("format" = "date"))]
    check_in: String,
    /// The day after the last night.
    #[schemars(extend("format" = "date"))]
    check_out: String,
    /// Who stays.
    guests: Guests,
    /// The listing's own currency, if any.
    currency: Option<String>,
}

struct Asked {
    listing: ListingId,
    stay: Nights,
    party: Party,
    currency: Option<Currency>,
}

impl Body {
    fn check(self) -> Result<Asked> {
        let mut fields = Fields::default();
        let listing = fields.take("/listingId", self.listing_id.parse::<ListingId>());
        fields.check(self.room_type_id.is_none(), "/roomTypeId", "this listing has no room types");
        fields.check(self.rooms.is_none_or(|rooms| rooms == 1), "/rooms", "a home is one room to let: 1");
        let stay = parse_stay(&self.check_in, &self.check_out, &mut fields);
        let party = self.guests.party(&mut fields);
        let currency =
            self.currency.as_deref().map(|code| Currency::of(code).ok_or("is not an ISO 4217 currency code"));
        let currency = currency.and_then(|currency| fields.take("/currency", currency));
        fields.finish()?;
        let (Some(listing), Some(stay)) = (listing, stay) else {
            return Err(Error::internal("a field was wrong and not noted"));
        };
        Ok(Asked { listing, stay, party, currency })
    }
}

impl Asked {
    fn check_against(&self, terms: &Terms) -> Result<()> {
        match self.currency {
            Some(currency) if currency != terms.currency => Err(Error::invalid(
                "/currency",
                format!(
                    "this listing is priced in {}; other currencies come with exchange rates",
                    terms.currency.code()
                ),
            )),
            _ => Ok(()),
        }
    }

    /// How the price is paid in two; `None` where it is paid at once. A request is: nobody knows when its
    /// host will accept it.
    fn plan(&self, terms: &Terms, price: &StayPrice, now: Instant) -> Option<Plan> {
        let percent = terms.deposit_percent.filter(|_| terms.instant_book)?;
        let check_in_at = terms.zone.instant_of(self.stay.first(), terms.check_in_time);
        balance::plan(percent, price, check_in_at, &terms.zone, now)
    }

    fn quote(
        &self,
        terms: &Terms,
        price: StayPrice,
        plan: Option<&Plan>,
        caller: &Visitor,
        now: Instant,
    ) -> Quote {
        Quote {
            listing: terms.listing,
            stay: self.stay,
            guests: self.party,
            price,
            policy: terms.cancellation_policy,
            caller: caller.id,
            expires_at: now + VALIDITY,
            check_in_time: terms.check_in_time,
            check_out_time: terms.check_out_time,
            deposit_percent: plan.and(terms.deposit_percent),
        }
    }
}

/// The terms and calendar of a listing that is or was on sale; a draft is nobody's business.
async fn offer(app: &App, listing: ListingId) -> Result<(Terms, Calendar)> {
    let found = app.store.unit(UnitId::from(listing), true).await?;
    found.filter(|(terms, _)| terms.status != ListingStatus::Draft).ok_or(Error::NotFound)
}

/// A quote as the client reads it.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuoteView {
    /// What to book with.
    quote_id: String,
    /// Which listing.
    listing_id: ListingId,
    /// The first night.
    #[schemars(with = "String", extend("format" = "date"))]
    check_in: Date,
    /// The day after the last night.
    #[schemars(with = "String", extend("format" = "date"))]
    check_out: Date,
    /// Each night's price.
    nights: Vec<NightPrice>,
    /// The parts of the price.
    lines: Vec<Line>,
    /// Their sum.
    total: Money,
    /// How it is paid in two; without it, all of it is paid at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_plan: Option<PaymentPlan>,
    /// What a cancellation returns.
    cancellation_policy: CancellationPolicy,
    /// Until when the price holds.
    #[schemars(with = "String", extend("format" = "date-time"))]
    expires_at: Instant,
}

/// A price that is paid in two.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentPlan {
    /// What is paid when it is booked.
    deposit: Money,
    /// What is due later, and charged to the same card if its provider has kept that: the rest.
    balance: Money,
    /// When the balance is charged.
    #[schemars(with = "String", extend("format" = "date-time"))]
    balance_due_at: Instant,
}

/// The price of one night.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct NightPrice {
    /// Which.
    #[schemars(with = "String", extend("format" = "date"))]
    date: Date,
    /// What it costs.
    price: Money,
    /// What moved it from the host's price; empty while nothing does.
    reasons: Vec<String>,
}

impl QuoteView {
    fn of(quote: &Quote, plan: Option<&Plan>, quote_id: String) -> Self {
        let night =
            |(date, amount)| NightPrice { date, price: quote.price.money(amount), reasons: Vec::new() };
        let payment_plan = |plan: &Plan| PaymentPlan {
            deposit: quote.price.money(plan.deposit.total()),
            balance: quote.price.money(plan.balance.total()),
            balance_due_at: plan.due_at,
        };
        Self {
            quote_id,
            listing_id: quote.listing,
            check_in: quote.stay.first(),
            check_out: quote.stay.end(),
            nights: quote.price.each_night().map(night).collect(),
            lines: quote.price.lines(),
            total: quote.price.total_money(),
            payment_plan: plan.map(payment_plan),
            cancellation_policy: quote.policy,
            expires_at: quote.expires_at,
        }
    }
}
