# needs rustc:rustc
cat >t.rs <<'END'
use std::{collections::HashMap, sync::mpsc, thread};
fn main() {
    let (to, from) = mpsc::channel();
    let workers: Vec<_> = (0..4u64).map(|n| { let to = to.clone(); thread::spawn(move || {
        let words: HashMap<String, u64> = (0..2000).map(|i| (format!("{}-{}", n, i % 77), i)).collect();
        to.send((n, words.len(), words.values().sum::<u64>())).unwrap(); }) }).collect();
    drop(to);
    for worker in workers { worker.join().unwrap(); }
    let mut all: Vec<_> = from.into_iter().collect();
    all.sort();
    println!("{:?}", all);
    println!("{}", std::panic::catch_unwind(|| { let v: Vec<u8> = Vec::new(); v[3] }).is_err());
}
END
rustc -O t.rs && ./t 2>/dev/null
