//! What an operator changes in stick tables.

use super::{Control, Origin};
use crate::config::Datum;
use crate::stick::{InUse, Key, Table, Told};

// === impl Control ===

impl Control {
    /// Changes values of an entry, which is made if it is not there; whether there was room for it.
    pub fn set_entry(&self, table: &Table, key: &Key, values: &[(Datum, u64)], origin: &Origin) -> bool {
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
    pub fn clear_entry(&self, table: &Table, key: &Key, origin: &Origin) -> Result<(), InUse> {
        if table.get(key).is_some() {
            table.remove(key)?;
            self.notice(&format!("table {}: {key} cleared by {origin}", table.name));
        }
        Ok(())
    }

    /// Takes all entries away that `which` says, but for those in use.
    pub fn clear_entries(&self, table: &Table, which: impl Fn(&Told) -> bool, origin: &Origin) {
        let entries: Vec<_> = table.all().into_iter().filter(which).collect();
        let gone = entries.iter().filter(|entry| table.remove(&entry.key).is_ok()).count();
        self.notice(&format!("table {}: {gone} entries cleared by {origin}", table.name));
    }
}
