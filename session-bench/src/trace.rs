//! Traces of cache keys, as files: a key a line, or ARC's `start count ignored number` a line, which
//! asks for `count` keys from `start` on; plain, gzip or Zstandard. And one that is made up.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use crate::ids::Walk;

/// What was asked for, in order.
pub struct Trace {
    /// The file's name without its endings.
    pub name: String,
    /// Keys, numbered from 0 as they first occur.
    pub keys: Vec<u32>,
    /// How many different keys there are.
    pub distinct: usize,
}

impl Trace {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// One line with the file, the number of the line, and what is wrong with it.
    pub fn read(path: &Path) -> Result<Trace, String> {
        let at = |why: String| format!("{}: {why}", path.display());
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let file = File::open(path).map_err(|error| at(error.to_string()))?;
        let (inner, bytes): (&str, Box<dyn Read>) = if let Some(inner) = name.strip_suffix(".gz") {
            (inner, Box::new(flate2::read::MultiGzDecoder::new(file)))
        } else if let Some(inner) = name.strip_suffix(".zst") {
            let decoder = ruzstd::decoding::StreamingDecoder::new(BufReader::new(file));
            (inner, Box::new(decoder.map_err(|error| at(error.to_string()))?))
        } else {
            (&name, Box::new(file))
        };
        let is_arc = inner.ends_with(".lis");
        let short = inner.split('.').next().unwrap_or(inner);
        let mut numbers = Numbers::default();
        let mut lines = BufReader::new(bytes);
        let (mut line, mut number) = (Vec::new(), 0_usize);
        loop {
            line.clear();
            number += 1;
            let at = |why: String| format!("{}, line {number}: {why}", path.display());
            let read = lines.read_until(b'\n', &mut line).map_err(|error| at(error.to_string()))?;
            if read == 0 {
                break;
            }
            let text = std::str::from_utf8(&line).map_err(|_| at("is no text".to_string()))?.trim();
            if text.is_empty() {
                continue;
            }
            let added = if is_arc { numbers.add_arc(text) } else { numbers.add_one(text) };
            added.map_err(at)?;
        }
        if numbers.keys.is_empty() {
            return Err(at("has no keys".to_string()));
        }
        Ok(numbers.into_trace(short))
    }

    /// Makes up what a TLS server with 1.2 clients is asked for: a session is stored once, comes back a few
    /// times soon, and never again.
    ///
    /// Six new sessions in ten never come back. The others come back a geometric number of times, two on
    /// average, each time after an exponential pause whose mean is 2,000 requests for two in three of them,
    /// and 50,000 for the third.
    pub fn made_up() -> Trace {
        const REQUESTS: u64 = 400_000;
        let mut walk = Walk::new(0);
        let mut due: std::collections::BTreeMap<(u64, u32), f64> = Default::default();
        let (mut keys, mut next) = (Vec::new(), 0_u32);
        let mut share = || (walk.below(1 << 30) + 1) as f64 / (1_u64 << 30) as f64;
        for now in 0..REQUESTS {
            let first = due.first_key_value().map(|(at, mean)| (*at, *mean));
            let back = first.filter(|((at, _), _)| *at <= now);
            let (key, mean) = if let Some((at, mean)) = back {
                due.remove(&at);
                (at.1, Some(mean))
            } else {
                next += 1;
                let mean = if share() < 2.0 / 3.0 { 2_000.0 } else { 50_000.0 };
                (next - 1, (share() < 0.4).then_some(mean))
            };
            keys.push(key);
            // New ones that come back do so for certain, the others half of the time.
            if let Some(mean) = mean.filter(|_| back.is_none() || share() < 0.5) {
                due.insert((now + 1 + (-share().ln() * mean) as u64, key), mean);
            }
        }
        Trace { name: "resumptions".to_string(), keys, distinct: next as usize }
    }
}

#[derive(Default)]
struct Numbers {
    of: HashMap<String, u32>,
    keys: Vec<u32>,
}

impl Numbers {
    fn add(&mut self, key: &str) {
        let next = u32::try_from(self.of.len()).expect("no trace has so many keys");
        let number = match self.of.get(key) {
            Some(number) => *number,
            None => *self.of.entry(key.to_string()).or_insert(next),
        };
        self.keys.push(number);
    }

    fn add_one(&mut self, line: &str) -> Result<(), String> {
        if line.split_whitespace().nth(1).is_some() {
            return Err(format!("`{}` is more than one key", shortened(line)));
        }
        self.add(line);
        Ok(())
    }

    fn add_arc(&mut self, line: &str) -> Result<(), String> {
        /// A line that asks for more is damaged.
        const COUNT_MAX: u64 = 1_000_000;
        let wrong = || format!("`{}` is not `start count ignored number`", shortened(line));
        let numbers: Result<Vec<u64>, _> = line.split_whitespace().map(str::parse).collect();
        let Ok([start, count, _, _]) = <[u64; 4]>::try_from(numbers.map_err(|_| wrong())?) else {
            return Err(wrong());
        };
        if count > COUNT_MAX || start.checked_add(count).is_none() {
            return Err(format!("asks for {count} keys from {start} on; {COUNT_MAX} is the most"));
        }
        (start..start + count).for_each(|key| self.add(&key.to_string()));
        Ok(())
    }

    fn into_trace(self, name: &str) -> Trace {
        Trace { name: name.to_string(), keys: self.keys, distinct: self.of.len() }
    }
}

fn shortened(line: &str) -> String {
    if line.chars().count() > 40 {
        line.chars().take(40).collect::<String>() + "..."
    } else {
        line.into()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn read(name: &str, bytes: &[u8]) -> Result<Trace, String> {
        let folder = std::env::temp_dir().join(format!("session-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        let trace = Trace::read(&path);
        std::fs::remove_file(&path).unwrap();
        trace.map_err(|line| line.rsplit('/').next().unwrap().to_string())
    }

    #[test]
    fn keys_are_numbered_as_they_occur() {
        let trace = read("plain.txt", b"seven\n9\nseven\n\n8\n").unwrap();
        assert_eq!((trace.name.as_str(), trace.distinct), ("plain", 3));
        assert_eq!(trace.keys, [0, 1, 0, 2]);
    }

    #[test]
    fn arc_line_asks_for_a_range() {
        let trace = read("arc.lis", b"10 3 0 1\n11 1 0 2\n").unwrap();
        assert_eq!(trace.keys, [0, 1, 2, 1]);
    }

    #[test]
    fn compressed_files_are_read_by_their_ending() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"1\n2\n1\n").unwrap();
        assert_eq!(read("a.txt.gz", &gzip.finish().unwrap()).unwrap().keys, [0, 1, 0]);
        let level = ruzstd::encoding::CompressionLevel::Fastest;
        let zstd = ruzstd::encoding::compress_to_vec(&b"5 2 0 0\n"[..], level);
        assert_eq!(read("b.lis.zst", &zstd).unwrap().keys, [0, 1]);
    }

    #[test]
    fn wrong_line_is_named_by_file_and_number() {
        for (name, bytes, line) in [
            ("c.txt", &b"1\n2 3\n"[..], "c.txt, line 2: `2 3` is more than one key"),
            ("d.lis", b"1 1 0 0\n\n1 x 0 0\n", "d.lis, line 3: `1 x 0 0` is not `start count"),
            ("e.lis", b"1 1 0\n", "e.lis, line 1: `1 1 0` is not"),
            ("f.lis", b"1 9999999 0 0\n", "f.lis, line 1: asks for 9999999 keys"),
            ("g.txt", b"1\n\xff\n", "g.txt, line 2: is no text"),
            ("h.txt", b"\n", "h.txt: has no keys"),
            ("i.txt.gz", b"1\n", "i.txt.gz, line 1: "),
            ("j.txt.zst", b"1\n", "j.txt.zst: "),
        ] {
            let said = read(name, bytes).map(|trace| trace.keys).unwrap_err();
            assert!(said.starts_with(line), "{said}");
        }
        assert!(Trace::read(Path::new("/no/such/file")).is_err());
    }

    #[test]
    fn made_up_sessions_come_back_a_few_times() {
        let trace = Trace::made_up();
        let share = trace.distinct as f64 / trace.keys.len() as f64;
        assert!((0.45..0.70).contains(&share), "{share}");
        assert_eq!(trace.keys, Trace::made_up().keys);
    }
}
