//! Counts and amounts of any width as the whole numbers that reports tell: what is too large for them stays the largest.

/// A whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whole(pub i64);

impl From<i64> for Whole {
    fn from(number: i64) -> Self {
        Self(number)
    }
}

impl From<u32> for Whole {
    fn from(number: u32) -> Self {
        Self(number.into())
    }
}

impl From<bool> for Whole {
    fn from(is: bool) -> Self {
        Self(is.into())
    }
}

impl From<u64> for Whole {
    fn from(number: u64) -> Self {
        Self(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<usize> for Whole {
    fn from(number: usize) -> Self {
        Self(i64::try_from(number).unwrap_or(i64::MAX))
    }
}
