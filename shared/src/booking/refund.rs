//! What a cancellation keeps of a price: the policies, by the listing's own clock.
//!
//! Of the nights a policy keeps some; the service fee and the taxes are kept in proportion to what is
//! kept of nights and cleaning fee, each line rounded once, half up; the cleaning fee is kept only of a
//! stay that has begun. What is not kept is returned, so the two are always the price, to the minor unit.

use super::{Booking, Side};
use crate::clock::{Duration, Instant};
use crate::listing::CancellationPolicy;
use crate::money::share;
use crate::pricing::parts::Parts;
use crate::stay::{Date, add_days};

/// A flexible stay is returned whole until so long before its check-in.
const FLEXIBLE: Duration = Duration::from_hours(24);
/// A moderate one until so many days before, on the listing's clock.
const MODERATE_DAYS: i64 = 5;
/// A strict one is returned whole for so long after it was booked, ...
const STRICT_SECOND_THOUGHTS: Duration = Duration::from_hours(48);
/// ... while its check-in is still so many days off, ...
const STRICT_FULL_DAYS: i64 = 14;
/// ... and by half until so many days before.
const STRICT_HALF_DAYS: i64 = 7;

/// How a cancellation was settled: what is kept of the guest's money, and what it costs the host.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Settlement {
    /// What is kept of the price.
    pub kept: Parts,
    /// What the host pays for calling a confirmed stay off, in minor units.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub penalty: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_nothing(amount: &i64) -> bool {
    *amount == 0
}

impl Booking {
    /// What `by` calling it off at `at` keeps of its price, if it was paid. `penalty_basis_points`: what
    /// a host pays for it, in basis points of nights and cleaning fee.
    #[must_use]
    pub fn settlement(&self, by: Side, at: Instant, penalty_basis_points: i64) -> Settlement {
        match by {
            // Nobody pays more for not coming than he has paid for coming.
            Side::Guest => Settlement { kept: self.kept_by_policy(at).least(&self.paid_parts()), penalty: 0 },
            Side::Host => Settlement {
                kept: Parts::default(),
                penalty: share(self.price.parts().host(), penalty_basis_points, 10_000),
            },
            Side::System => Settlement::default(),
        }
    }

    /// What of its price is held or was taken.
    #[must_use]
    pub fn paid_parts(&self) -> Parts {
        if self.owes_balance() { self.deposit_parts() } else { self.price.parts() }
    }

    fn kept_by_policy(&self, at: Instant) -> Parts {
        let whole = self.price.parts();
        let begun = self.nights_begun(at);
        let slept: i64 = self.price.each_night().take(begun).map(|(_, price)| price).sum();
        let rest = whole.nights - slept;
        let first = self.price.each_night().next().map_or(0, |(_, price)| price);
        let half = || rest - share(rest, 1, 2);
        let kept_of_rest = match self.policy {
            CancellationPolicy::Flexible if at <= self.check_in_at - FLEXIBLE => 0,
            // The first night, slept or not.
            CancellationPolicy::Flexible if begun == 0 => first,
            CancellationPolicy::Flexible => 0,
            CancellationPolicy::Moderate if at <= self.days_before(MODERATE_DAYS) => 0,
            CancellationPolicy::Moderate => half(),
            CancellationPolicy::Strict => {
                let second_thoughts = at <= self.booked_at() + STRICT_SECOND_THOUGHTS;
                if second_thoughts && at <= self.days_before(STRICT_FULL_DAYS) {
                    0
                } else if at <= self.days_before(STRICT_HALF_DAYS) {
                    half()
                } else {
                    rest
                }
            }
        };
        let nights = slept + kept_of_rest;
        let cleaning_fee = if begun == 0 { 0 } else { whole.cleaning_fee };
        let in_proportion = |line: i64| match whole.host() {
            0 => 0,
            host => share(line, nights + cleaning_fee, host),
        };
        Parts {
            nights,
            cleaning_fee,
            service_fee: in_proportion(whole.service_fee),
            taxes: whole.taxes.iter().map(|tax| in_proportion(*tax)).collect(),
        }
    }

    /// When the guest made up his mind: the payment that it stands on, or its making.
    fn booked_at(&self) -> Instant {
        self.attempts
            .iter()
            .rfind(|attempt| !attempt.is_balance)
            .map_or(self.created_at, |attempt| attempt.started_at)
    }

    /// So many days before check-in, at the same time of day on the listing's clock.
    fn days_before(&self, days: i64) -> Instant {
        let date = add_days(self.zone.date_of(self.check_in_at), -days);
        self.zone.instant_of(date, self.zone.time_of(self.check_in_at))
    }

    /// How many of its nights have begun: a night begins at the time of check-in.
    fn nights_begun(&self, at: Instant) -> usize {
        if at < self.check_in_at {
            return 0;
        }
        let time = self.zone.time_of(self.check_in_at);
        let begun = |night: Date| self.zone.instant_of(night, time) <= at;
        self.stay.iter().filter(|night| begun(*night)).count().max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::booking::Attempt;
    use crate::booking::tests::large;
    use crate::clock::Zone;
    use crate::money::Currency;
    use crate::pricing::{StayPrice, TaxLine};
    use crate::stay::{Nights, date_of_epoch_day};
    use proptest::prelude::*;

    fn booking(policy: CancellationPolicy, prices: &[i64], fees: [i64; 3]) -> Booking {
        let zone = Zone::named("Europe/Brussels").unwrap();
        let first = date_of_epoch_day(20_900);
        let night = |n: usize| {
            let date = add_days(first, i64::try_from(n).unwrap());
            Nights::between(date, add_days(date, 1)).unwrap()
        };
        let stay = Nights::between(first, add_days(first, i64::try_from(prices.len()).unwrap())).unwrap();
        let check_in_at = zone.instant_of(first, jiff::civil::time(15, 0, 0, 0));
        let booked_at = check_in_at - Duration::from_hours(24 * 60);
        Booking {
            policy,
            stay,
            price: StayPrice {
                currency: Currency::of("EUR").unwrap(),
                nights: prices.iter().enumerate().map(|(n, price)| (night(n), *price)).collect(),
                cleaning_fee: fees[0],
                service_fee: fees[1],
                taxes: vec![TaxLine { label: "City tax".into(), amount: fees[2] }],
            },
            zone,
            check_in_at,
            created_at: booked_at,
            attempts: vec![Attempt::new(None, booked_at, true)],
            ..large()
        }
    }

    fn returned(booking: &Booking, hours_before: i64) -> Parts {
        let at = booking.check_in_at - jiff::SignedDuration::from_hours(hours_before);
        booking.price.parts().minus(&booking.settlement(Side::Guest, at, 1_000).kept)
    }

    #[test]
    fn a_stay_is_booked_when_it_is_paid_and_its_balance_is_no_other_booking() {
        let mut booking = booking(CancellationPolicy::Strict, &[10_000], [0, 0, 0]);
        booking.attempts.clear();
        assert_eq!(booking.booked_at(), booking.created_at);
        let at = |hours| booking.created_at + jiff::SignedDuration::from_hours(hours);
        let attempt = |hours, is_balance| Attempt { is_balance, ..Attempt::new(None, at(hours), true) };
        let attempts = vec![attempt(1, false), attempt(2, false), attempt(3, true)];
        let paid = Booking { attempts, ..booking.clone() };
        assert_eq!(paid.booked_at(), at(2));
    }

    #[test]
    fn each_policy_returns_what_the_contract_says() {
        use CancellationPolicy::{Flexible, Moderate, Strict};
        let of = |policy| booking(policy, &[10_000, 12_000], [2_000, 3_360, 480]);
        // What of the nights comes back, and whether the cleaning fee does.
        let cases = [
            (Flexible, 24, 22_000, true),
            (Flexible, 23, 12_000, true),
            (Flexible, -1, 12_000, false),
            (Moderate, 5 * 24, 22_000, true),
            (Moderate, 5 * 24 - 1, 11_000, true),
            (Moderate, -1, 6_000, false),
            (Strict, 59 * 24, 22_000, true),
            (Strict, 57 * 24, 11_000, true),
            (Strict, 7 * 24, 11_000, true),
            (Strict, 7 * 24 - 1, 0, true),
        ];
        for (policy, hours, nights, cleaned) in cases {
            let back = returned(&of(policy), hours);
            assert_eq!(back.nights, nights, "{policy:?} {hours} h before");
            assert_eq!(back.cleaning_fee, if cleaned { 2_000 } else { 0 }, "{policy:?} {hours} h before");
            let kept = 24_000 - back.nights - back.cleaning_fee;
            assert_eq!(3_360 - back.service_fee, share(3_360, kept, 24_000));
        }
        let booked_late = Booking { attempts: Vec::new(), ..of(Strict) };
        let booked_late =
            Booking { created_at: booked_late.check_in_at - Duration::from_hours(13 * 24), ..booked_late };
        assert_eq!(returned(&booked_late, 13 * 24).nights, 11_000, "13 days off: half, however soon");
    }

    #[test]
    fn days_are_those_of_the_listings_clock() {
        // Clocks go forward in Brussels on 2027-03-28, two days before this check-in: five days before
        // it are 119 hours.
        let mut booking = booking(CancellationPolicy::Moderate, &[10_000], [0, 0, 0]);
        let check_in = jiff::civil::date(2027, 3, 30);
        booking.check_in_at = booking.zone.instant_of(check_in, jiff::civil::time(15, 0, 0, 0));
        assert_eq!(returned(&booking, 119).nights, 10_000);
        assert_eq!(returned(&booking, 118).nights, 5_000);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100_000))]
        #[test]
        fn what_is_kept_and_what_is_returned_are_the_price(
            prices in proptest::collection::vec(0i64..3_000_000, 1..30), fees in any::<[u32; 3]>(),
            policy in 0usize..3, hours in -800i64..2_000, side in 0usize..3, penalty in 0i64..10_000,
        ) {
            let booking = booking(CancellationPolicy::ALL[policy], &prices, fees.map(i64::from));
            let at = booking.check_in_at - jiff::SignedDuration::from_hours(hours);
            let by = [Side::Guest, Side::Host, Side::System][side];
            let Settlement { kept, penalty } = booking.settlement(by, at, penalty);
            let back = booking.price.parts().minus(&kept);
            prop_assert!(kept.is_sound() && back.is_sound() && penalty >= 0, "{kept:?} {back:?}");
            prop_assert_eq!(kept.total() + back.total(), booking.price.total());
            prop_assert!(by == Side::Guest || kept.total() == 0);
            prop_assert!(by == Side::Host || penalty == 0);
            let lines: i64 = booking.price.lines_of(&back).iter().map(|line| line.amount.amount).sum();
            prop_assert_eq!(lines, back.total());
            // Waiting never gets a guest more.
            let later = booking.settlement(Side::Guest, at + Duration::from_hours(1), 0).kept;
            let now = booking.settlement(Side::Guest, at, 0).kept;
            prop_assert!(later.total() >= now.total(), "{} then {}", now.total(), later.total());
        }
    }
}
