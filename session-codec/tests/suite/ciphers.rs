//! The table of cipher suites beside those of the system's OpenSSL.

#![cfg(target_os = "linux")]

use std::collections::BTreeMap;

use session_codec::CipherSuite;

use crate::libssl::LibSsl;
use crate::scene::replaced;
use crate::tool;

/// What the tool lists for all there are: code and name.
fn listed() -> BTreeMap<u16, String> {
    let list = tool::openssl(&["ciphers", "-V", "ALL:COMPLEMENTOFALL"], b"");
    let mut rows = BTreeMap::new();
    for line in String::from_utf8(list).unwrap().lines() {
        let mut words = line.split_whitespace();
        let code: String = words.next().unwrap().split(',').map(|byte| &byte[2..]).collect();
        let name = words.nth(1).unwrap().to_string();
        rows.insert(u16::from_str_radix(&code, 16).unwrap(), name);
    }
    rows
}

#[test]
fn every_cipher_that_openssl_lists_has_its_name_in_the_table() {
    let listed = listed();
    assert!(listed.len() > 100, "{listed:?}");
    for (code, name) in listed {
        match CipherSuite(code).openssl_name() {
            Some(known) => assert_eq!(known, name, "{code:#06x}"),
            None => assert!(!tool::is_3_0(), "{code:#06x} {name} is not in the table"),
        }
    }
}

#[test]
fn r222_known_ciphers_are_those_with_which_libssl_decodes() {
    let library = LibSsl::get();
    let mut both = 0;
    for code in 0..=u16::MAX {
        let [high, low] = code.to_be_bytes();
        let theirs = library.decode(&replaced(2, &[4, 2, high, low]));
        let theirs = theirs.map(|(session, _)| session.cipher_name());
        let ours = CipherSuite(code).openssl_name();
        match (ours, &theirs) {
            (Some(ours), Some(theirs)) => {
                assert_eq!(ours, theirs, "{code:#06x}");
                both += 1;
            }
            (None, None) => {}
            // Builds leave some out (IDEA, SEED), later ones have more.
            (Some(_), None) => {}
            (None, Some(_)) => assert!(!library.is_3_0(), "{code:#06x} {theirs:?} is not known"),
        }
    }
    assert!(both > 100, "{both} known to both");
}
