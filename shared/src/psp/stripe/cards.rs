//! Which card an order charges. One that is charged again later is kept for a customer, who is nobody but the
//! booking: the second charge finds both at the first one's intent, and we keep neither.

use std::time::Duration;

use super::Stripe;
use super::client::Reply;
use super::wire::{self, Card, Customer};
use crate::payment::{Authorization, PaymentOrder};

impl Stripe {
    /// The card that an order charges, and the customer that it is kept for: always the same of the same
    /// order. The error is how the attempt ends instead.
    pub(super) async fn card_of(&self, order: &PaymentOrder, until: Duration) -> Result<Card, Authorization> {
        let method = order.method.clone();
        if let Some(first) = &order.card_of {
            let first = match self.shown(first, until).await {
                Reply::Done { object: intent, .. } => intent,
                other => return Err(Authorization::Unknown { context: other.trouble() }),
            };
            return match first.kept_card() {
                // A card that is kept pays for nobody but its customer.
                Some(card) if !order.guest_is_there || card.method == method => Ok(card),
                _ if order.guest_is_there => Ok(Card { customer: None, method }),
                // A payment that has not kept its card: only its holder can pay.
                _ => Err(Authorization::Declined { reference: None, authentication_required: true }),
            };
        }
        if !order.keeps_card {
            return Ok(Card { customer: None, method });
        }
        let form = wire::customer_form(order);
        let (made, _) = self.created::<Customer>(order, "customer", wire::CUSTOMERS, &form, until).await?;
        Ok(Card { customer: Some(made.id), method })
    }
}
