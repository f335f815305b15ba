//! What an operator changes in stick tables.

use super::{Control, Origin};
use crate::config::Datum;
use crate::stick::{EntrySnapshot, InUse, StickKey, StickTable};

// === impl Control ===

impl Control {
    /// Changes values of an entry, which is made if it is not there; whether there was room for it.
    pub fn set_entry(
        &self,
        table: &StickTable,
        key: &StickKey,
        values: &[(Datum, u64)],
        origin: &Origin,
    ) -> bool {
        let done = table.set(key, values);
        if done {
            self.notice(&format!("table {}: {key} set by {origin}", table.name));
        }
        done
    }

    /// Takes an entry away.
    ///
    /// # Errors
    /// A request in flight uses it.
    pub fn clear_entry(&self, table: &StickTable, key: &StickKey, origin: &Origin) -> Result<(), InUse> {
        if table.get(key).is_some() {
            table.remove(key)?;
            self.notice(&format!("table {}: {key} cleared by {origin}", table.name));
        }
        Ok(())
    }

    /// Takes those of `entries` away that are not in use; returns how many. What was cleared in all is said with
    /// [`Control::cleared_entries`].
    pub fn clear_entries<'a>(
        &self,
        table: &StickTable,
        entries: impl Iterator<Item = &'a EntrySnapshot>,
    ) -> usize {
        entries.filter(|entry| table.remove(&entry.key).is_ok()).count()
    }

    /// Says how many entries were cleared.
    pub fn cleared_entries(&self, table: &StickTable, count: usize, origin: &Origin) {
        self.notice(&format!("table {}: {count} entries cleared by {origin}", table.name));
    }
}
