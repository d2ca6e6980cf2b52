// Rust's standard collections, filled, cloned and dropped; one box is leaked on purpose.
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::collections::hash_map::DefaultHasher;
use std::hash::BuildHasherDefault;

type Table = HashMap<String, Vec<u64>, BuildHasherDefault<DefaultHasher>>; // no random seed

fn main() {
    let mut table = Table::default();
    let mut ordered = BTreeMap::new();
    let mut queue = VecDeque::new();
    for i in 0..2000u64 {
        table.entry(format!("name {}", i % 97)).or_default().push(i);
        ordered.insert(i * 7919 % 2003, format!("value {i}"));
        queue.push_back(Box::new([i; 5]));
        if i % 3 == 0 {
            queue.pop_front();
        }
    }
    let names: BTreeSet<String> = table.keys().cloned().collect();
    let copy = ordered.clone();
    Box::leak(Box::new([1u8; 263]));
    println!("{} {} {}", names.len(), copy.len(), queue.iter().map(|line| line[0]).sum::<u64>());
}
