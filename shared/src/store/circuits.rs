//! Which providers can be reached, as all functions see it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::{Store, fault, item, key_of, keys, number, record};
use crate::clock::{Duration, Instant};
use crate::error::Result;
use crate::payment::ProviderName;
use crate::payment::circuit::Circuit;

/// How long what was read is believed, so that few payments pay for a read.
const FRESH: Duration = Duration::from_secs(5);

/// What one instance has read last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(Arc<Mutex<HashMap<ProviderName, (Instant, Circuit)>>>);

#[derive(Serialize, Deserialize)]
struct CircuitRecord {
    circuit: Circuit,
    version: u64,
}

impl Store {
    /// Whether a provider can be reached, as of a few seconds ago. Costs half a read unit now and then.
    ///
    /// # Errors
    /// `Unavailable` when the store did not answer.
    pub async fn circuit(&self, provider: ProviderName) -> Result<Circuit> {
        let now = self.clock.now();
        let seen = self.circuits.0.lock().unwrap_or_else(PoisonError::into_inner).get(&provider).cloned();
        if let Some((_, circuit)) = seen.filter(|(at, _)| now.duration_since(*at).abs() < FRESH) {
            return Ok(circuit);
        }
        let found = self
            .client
            .get_item()
            .table_name(&self.tables.bookings)
            .set_key(Some(key_of(keys::BOOKINGS, &keys::circuit(provider.word()))))
            .send()
            .await
            .map_err(fault)?;
        let found = found.item.map(record::<CircuitRecord>).transpose()?;
        let circuit = found.map(|record| record.circuit).unwrap_or_default();
        self.see(provider, &circuit);
        Ok(circuit)
    }

    /// Writes what is known now, unless another has meanwhile; whether it is written. Costs a write unit.
    ///
    /// # Errors
    /// `Unavailable` when the store did not answer.
    pub async fn keep_circuit(&self, provider: ProviderName, circuit: &Circuit) -> Result<bool> {
        let record = CircuitRecord { circuit: circuit.clone(), version: circuit.version };
        let put = self
            .client
            .put_item()
            .table_name(&self.tables.bookings)
            .set_item(Some(item(keys::BOOKINGS, &keys::circuit(provider.word()), &record)?))
            .condition_expression("attribute_not_exists(booking) OR version = :version")
            .expression_attribute_values(":version", number(circuit.version.saturating_sub(1)))
            .send()
            .await;
        match put {
            Ok(_) => {
                self.see(provider, circuit);
                Ok(true)
            }
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                // Read anew the next time.
                self.circuits.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&provider);
                Ok(false)
            }
            Err(error) => Err(fault(error)),
        }
    }

    fn see(&self, provider: ProviderName, circuit: &Circuit) {
        let mut seen = self.circuits.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(provider, (self.clock.now(), circuit.clone()));
    }
}
