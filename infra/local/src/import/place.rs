//! The country of a place, through the zone that its clocks follow, and the currency of a country.

use std::collections::HashMap;
use std::sync::LazyLock;

use iso_currency::Country;
use roost::clock::Zone;
use roost::geo::zone::zone_of;
use roost::listing::Location;
use roost::money::Currency;

/// Where a home stands, in the terms that it is sold under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Where its nights are counted.
    pub zone: Zone,
    /// ISO 3166 alpha-2.
    pub country: String,
    /// What prices there are in.
    pub currency: Currency,
}

/// What the command's options say about every home.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    country: Option<String>,
    currency: Option<Currency>,
}

impl Told {
    /// The options `--country` and `--currency`.
    ///
    /// # Errors
    /// A sentence when ISO 3166 or ISO 4217 has none such.
    pub(super) fn from(country: Option<&str>, currency: Option<&str>) -> Result<Self, String> {
        let country = country.map(str::to_uppercase);
        if let Some(code) = &country
            && code.parse::<Country>().is_err()
        {
            return Err(format!("--country {code}: not a country of ISO 3166, such as BE"));
        }
        let known = |code: &str| {
            let currency = Currency::of(&code.to_uppercase());
            currency.ok_or_else(|| format!("--currency {code}: not a currency of ISO 4217, such as EUR"))
        };
        Ok(Self { country, currency: currency.map(known).transpose()? })
    }

    /// The place of a location: as told, else as the location says.
    ///
    /// # Errors
    /// A sentence when nobody says which country or currency it is.
    pub(super) fn place(&self, location: Location) -> Result<Place, String> {
        let zone = zone_of(location);
        let country = match &self.country {
            Some(country) => country.clone(),
            None => country_of(&zone)
                .ok_or_else(|| format!("the zone {} tells no country; say --country", zone.name()))?
                .to_owned(),
        };
        let currency = self
            .currency
            .or_else(|| currency_of(&country))
            .ok_or_else(|| format!("{country} has no currency of its own; say --currency"))?;
        Ok(Place { zone, country, currency })
    }
}

/// The zones of every country: `zone.tab` of the time zone database, in the public domain.
static COUNTRIES: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    let rows = include_str!("zone.tab").lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(|row| {
        let mut fields = row.split('\t');
        let (country, _coordinates, zone) = (fields.next()?, fields.next()?, fields.next()?);
        Some((zone, country))
    })
    .collect()
});

/// The country that a zone lies in.
fn country_of(zone: &Zone) -> Option<&'static str> {
    COUNTRIES.get(zone.name()).copied()
}

/// What prices in a country are in.
fn currency_of(country: &str) -> Option<Currency> {
    // Both have a currency on paper, pegged to the dollar that people pay with.
    if matches!(country, "PA" | "SV") {
        return Currency::of("USD");
    }
    let all = iso_currency::Currency::from_country(country.parse().ok()?);
    // Where a neighbour's money is tender too, the country's own code begins with its own letters.
    let own = all.iter().find(|currency| currency.code().starts_with(country));
    let ordinary = |currency: &&iso_currency::Currency| !currency.is_fund() && !currency.is_special();
    let first = own.filter(ordinary).or_else(|| all.iter().find(ordinary))?;
    Currency::of(first.is_superseded().unwrap_or(*first).code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_the_country_and_the_money_of_its_zone() {
        for (lat, lng, country, currency) in [
            (51.2194, 4.4025, "BE", "EUR"),
            (42.6526, -73.7562, "US", "USD"),
            (35.6762, 139.6503, "JP", "JPY"),
            (45.8150, 15.9819, "HR", "EUR"),
            (47.3769, 8.5417, "CH", "CHF"),
            (-29.3151, 27.4869, "LS", "LSL"),
            (-23.5505, -46.6333, "BR", "BRL"),
            (19.0760, 72.8777, "IN", "INR"),
        ] {
            let place = Told::default().place(Location { lat, lng }).unwrap();
            assert_eq!((place.country.as_str(), place.currency.code()), (country, currency));
        }
        let told = Told::from(Some("nl"), Some("usd")).unwrap();
        let place = told.place(Location { lat: 51.2194, lng: 4.4025 }).unwrap();
        assert_eq!((place.country.as_str(), place.currency.code()), ("NL", "USD"));
        assert!(Told::from(Some("XX"), None).is_err());
        assert!(Told::default().place(Location { lat: 0.0, lng: -30.0 }).is_err());
    }

    #[test]
    fn every_country_with_zones_has_a_currency() {
        let without: Vec<_> = COUNTRIES.values().filter(|country| currency_of(country).is_none()).collect();
        // Nobody lives there: Antarctica and South Georgia.
        assert!(without.iter().all(|country| matches!(**country, "AQ" | "GS")), "{without:?}");
    }
}
