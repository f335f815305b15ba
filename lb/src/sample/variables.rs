//! Variables that rules set while an exchange lasts.

/// Most bytes of all names and values (HAProxy's `tune.vars.txn-max-size` and its like).
const MOST: usize = 64 * 1024;

/// Variables by their full names (`txn.name`), few enough for a list.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Variables(Vec<(Box<str>, Vec<u8>)>);

// === impl Variables ===

impl Variables {
    /// None yet.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().find(|(known, _)| **known == *name).map(|(_, value)| &value[..])
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sets a variable; says whether there was room for it.
    pub fn set(&mut self, name: &str, value: Vec<u8>) -> bool {
        let others = self.0.iter().filter(|(known, _)| **known != *name);
        let used: usize = others.map(|(name, value)| name.len() + value.len()).sum();
        if used + name.len() + value.len() > MOST {
            return false;
        }
        match self.0.iter_mut().find(|(known, _)| **known == *name) {
            Some((_, before)) => *before = value,
            None => self.0.push((name.into(), value)),
        }
        true
    }

    /// Forgets a variable.
    pub fn unset(&mut self, name: &str) {
        self.0.retain(|(known, _)| **known != *name);
    }
}
