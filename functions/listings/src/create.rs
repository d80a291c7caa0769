//! `POST /v1/listings`.

use roost::app::App;
use roost::error::{Error, Field, Result};
use roost::http::{Answer, Call, Host, IdempotencyKey, KeyUse, Nothing, Operation};
use roost::ids::ListingId;
use roost::listing::draft::NewListing;
use roost::listing::view::ListingView;
use roost::secrets::Purpose;
use roost::store::listings::Created;

/// Creates a draft.
#[derive(Debug)]
pub struct Create;

impl Operation for Create {
    const NAME: &'static str = "create-listing";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/v1/listings";
    const SUMMARY: &'static str = "Describe a home: a draft that its host alone sees.";
    const SUCCESS: u16 = 201;
    const KEY: KeyUse = KeyUse::Accepted;
    type Caller = Host;
    type Path = Nothing;
    type Query = Nothing;
    type Body = NewListing;
    type Reply = ListingView;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<ListingView>> {
        let key = call.idempotency_key()?;
        let (id, fingerprint) = (id_of(&app, &call, key.as_ref()), call.body_fingerprint());
        let new = call.body()?;
        if key.is_some()
            && let Some(first) = app.store.created(id).await?
        {
            return again(&first, fingerprint);
        }
        let (listing, terms) = new.validate(id, call.caller.id, app.clock.now())?;
        let created = Created { fingerprint, listing, terms };
        let stored =
            app.store.create_listing(&created.listing, &created.terms, key.as_ref().map(|_| &created));
        match stored.await {
            Ok(()) => Ok(answer(&created)),
            // The same call came twice at once, and the other was first.
            Err(error @ Error::Conflict { .. }) => {
                app.store.created(id).await?.map_or(Err(error), |first| again(&first, fingerprint))
            }
            Err(error) => Err(error),
        }
    }
}

/// A key makes the id, so that a second call with it meets the first one's listing.
fn id_of(app: &App, call: &Call<Create>, key: Option<&IdempotencyKey>) -> ListingId {
    key.map_or_else(
        || ListingId::random(&app.entropy),
        |key| {
            let caller = call.caller.id.to_string();
            let parts = [caller.as_bytes(), call.called_path().as_bytes(), key.as_str().as_bytes()];
            ListingId::from_bits(app.secrets.keyed_hash(Purpose::Idempotency, &parts))
        },
    )
}

/// The first answer of a key once more, whatever has become of the listing since.
fn again(first: &Created, fingerprint: [u8; 32]) -> Result<Answer<ListingView>> {
    if first.fingerprint != fingerprint {
        let detail = "the Idempotency-Key was used with another body".into();
        let fields = vec![Field { pointer: String::new(), detail }];
        return Err(Error::Invalid { code: "idempotency_key_reused", fields });
    }
    Ok(answer(first).replayed(true))
}

fn answer(created: &Created) -> Answer<ListingView> {
    Answer::created(ListingView::exact(&created.listing, &created.terms))
        .at(format!("/v1/listings/{}", created.listing.id))
        .version(created.listing.version)
}
