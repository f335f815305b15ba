//! What a table counts, keeps, tells and lets go.

use std::time::Duration;

use super::*;
use crate::config::KeyType;

const TEN_SECONDS: Duration = Duration::from_secs(10);

fn table(size: usize, expire: Option<Duration>) -> StickTable {
    let stored = |kind: Datum| {
        let period = if kind.is_rate() { TEN_SECONDS } else { Duration::ZERO };
        Stored { kind, period }
    };
    let store = Datum::ALL.iter().copied().map(stored).collect();
    StickTable::new(
        "t".into(),
        &config::TableConfig { keys: KeyType::Integer, length: 0, size, expire, store },
    )
}

fn values(table: &StickTable, key: u32, kinds: &[Datum]) -> Vec<u64> {
    let told = table.get(&StickKey::Integer(key)).unwrap();
    let number = |kind: &Datum| match &told.values[table.place(*kind).unwrap()] {
        EntryValue::Number(number) => *number,
        EntryValue::Name(_) => panic!("a number"),
    };
    kinds.iter().map(number).collect()
}

fn keys(table: &StickTable) -> Vec<String> {
    table.walk(0).iter().map(|entry| entry.key.to_string()).collect()
}

#[test]
fn what_requests_do_is_counted() {
    let table = table(9, None);
    let key = StickKey::Integer(1);
    let now = Instant::now();
    assert!(table.enter(&key, true, now) && table.enter(&key, false, now));
    let begun = [Datum::ConnCnt, Datum::ConnRate, Datum::ConnCur, Datum::SessCnt, Datum::HttpReqCnt];
    assert_eq!(values(&table, 1, &begun), [2, 2, 2, 1, 2]);
    assert_eq!(table.get(&key).unwrap().uses, 2);
    assert_eq!(table.remove(&key), Err(InUse));
    table.leave(&key, 100, 1000, 404);
    table.leave(&key, 1, 2, 503);
    let ended =
        [Datum::ConnCur, Datum::BytesInCnt, Datum::BytesOutRate, Datum::HttpErrCnt, Datum::HttpFailRate];
    assert_eq!(values(&table, 1, &ended), [0, 101, 1002, 1, 1]);
    assert!(table.set(&key, &[(Datum::Gpc0, 5), (Datum::ConnRate, 7)]));
    assert_eq!(values(&table, 1, &[Datum::Gpc0, Datum::ConnRate]), [5, 7]);
    assert_eq!((table.remove(&key), table.used().0), (Ok(()), 0));
}

#[test]
fn the_oldest_that_nobody_uses_makes_room() {
    let table = table(2, None);
    assert!(table.enter(&StickKey::Integer(1), true, Instant::now()));
    assert!(table.set(&StickKey::Integer(2), &[]) && table.set(&StickKey::Integer(3), &[]));
    assert_eq!(keys(&table), ["1", "3"], "who is in use stays");
    assert!(table.enter(&StickKey::Integer(3), true, Instant::now()));
    assert!(!table.set(&StickKey::Integer(4), &[]), "all are in use");
    table.leave(&StickKey::Integer(1), 0, 0, 200);
    assert!(table.set(&StickKey::Integer(4), &[]));
    assert_eq!(keys(&table), ["3", "4"]);
}

#[test]
fn entries_go_when_their_time_is_over_unless_they_are_in_use() {
    let table = table(9, Some(TEN_SECONDS));
    let start = Instant::now();
    let after = |seconds| start + Duration::from_secs(seconds);
    for (key, seconds) in [(1, 0), (2, 5), (3, 6)] {
        assert!(table.with(&StickKey::Integer(key), after(seconds), |_, _, _| {}).is_some());
    }
    assert!(table.enter(&StickKey::Integer(2), true, after(7)));
    assert_eq!(table.fresh(after(9)).by_key.len(), 3);
    assert_eq!(table.fresh(after(12)).by_key.len(), 2);
    let left: Vec<_> = table.fresh(after(30)).by_key.keys().map(ToString::to_string).collect();
    assert_eq!(left, ["2"]);
}

#[test]
fn a_walk_tells_each_entry_once_and_no_step_is_long() {
    let table = table(9999, None);
    let count = 3 * u32::try_from(STEP).unwrap() / 2;
    (0..count).for_each(|key| assert!(table.set(&StickKey::Integer(key), &[])));
    let first = table.walk(0);
    assert_eq!(first.len(), STEP);
    // What is used, made or taken away meanwhile changes nothing for the others.
    assert!(table.enter(&StickKey::Integer(count - 1), true, Instant::now()));
    assert!(table.enter(&StickKey::Integer(0), true, Instant::now()));
    table.remove(&StickKey::Integer(count - 2)).unwrap();
    let second = table.walk(first[STEP - 1].id);
    let told: Vec<_> = first.iter().chain(&second).map(|entry| entry.key.clone()).collect();
    let expected: Vec<_> = (0..count).filter(|key| *key != count - 2).map(StickKey::Integer).collect();
    assert_eq!(told, expected);
    assert!(table.walk(second[second.len() - 1].id).is_empty());
    assert_eq!(table.numbered(first[7].id).unwrap().key, StickKey::Integer(7));
}

#[test]
fn a_crowd_whose_time_is_over_goes_step_by_step_and_is_not_there_any_more() {
    let table = table(9999, Some(TEN_SECONDS));
    let start = Instant::now();
    let count = 3 * u32::try_from(STEP).unwrap();
    for key in 0..count {
        assert!(table.with(&StickKey::Integer(key), start, |_, _, _| {}).is_some());
    }
    let later = start + TEN_SECONDS;
    assert_eq!(table.fresh(later).by_key.len(), 2 * STEP);
    let last = StickKey::Integer(count - 1);
    let mut seen = u64::MAX;
    assert!(table.with(&last, later, |_, entry, _| seen = entry.id).is_some());
    assert_eq!(seen, u64::from(count) + 1, "another entry, which begins with nothing");
    let mut left = table.fresh(later + TEN_SECONDS / 2);
    assert_eq!((left.by_key.len(), left.by_id.len(), left.by_age.len()), (1, 1, 1));
    left.remove_due(&last, u64::MAX - 1);
    assert_eq!((left.by_key.len(), left.by_id.len(), left.by_age.len()), (0, 0, 0));
}

#[test]
fn keys_are_bound_to_servers() {
    let table = table(9, None);
    let key = StickKey::Integer(1);
    assert_eq!(table.bound(&key), None);
    let bound = StickyServer { number: 2, name: Some("s2".into()) };
    table.bind(&key, &bound);
    assert_eq!((table.bound(&key), table.used()), (Some(bound), (1, 1)));
}
