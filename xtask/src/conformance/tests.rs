//! Planted gaps: each is seen to be named.

use super::binaries::{Test, claims_in, passed_in};
use super::book::{Book, Side};
use super::claim::Claim;
use super::evidence::Evidence;
use super::page;

const CONFLICTS: &str = "\
## Conflicts

| conflict | the manual | the library | `DOCUMENTED` | `OPENSSL` | rules |
| --- | --- | --- | --- | --- | --- |
| C1 | leaves | stays | leaves | stays | R2, R3 |
| C2 | n | n - 1 | n | n - 1 | R4 |
| C3 | one thing | another | as the library | as the library | |
";

const RULES: &str = "\
## Objects

| rule | statement | source | holds in | owner |
| --- | --- | --- | --- | --- |
| R1 | It is there. It really is. | OpenSSL | both | session-cache |
| R2 | It leaves. | SSL_free(3) | DOCUMENTED (C1) | session-cache |
| R3 | It stays. | OpenSSL | OPENSSL (C1) | session-cache |
## Others

| R4 | A size. DOCUMENTED: n. OPENSSL: n - 1. | OpenSSL | each its own (C2) | session-cache |
| R5 | It aborts. | OpenSSL | both | engine |
| R6 | It is encoded. | OpenSSL | both | session-cache, session-codec |
";

const SOUND: [&str; 6] = [
    "a::r1_r6_it_is_there",
    "r2_documented_leaves",
    "r3_openssl_stays",
    "r4_documented_n",
    "r4_openssl_less",
    "helps",
];

fn book() -> Book {
    Book::in_document(&format!("{CONFLICTS}{RULES}")).unwrap()
}

fn tests_of(package: &str, paths: &[&str]) -> Vec<Test> {
    let test = |path: &&str| {
        let (path, passed) = path.strip_suffix('!').map_or((*path, true), |path| (path, false));
        Some(Test {
            package: package.to_string(),
            path: format!("rules::{path}"),
            claim: Claim::of(path)?,
            passed,
        })
    };
    paths.iter().filter_map(test).collect()
}

fn evidence(members: &[&str], tests: Vec<Test>) -> Evidence {
    let members: Vec<String> = members.iter().map(ToString::to_string).collect();
    Evidence::new(&book(), &members, tests)
}

/// What a check says of session-cache's tests with these in the place of those that begin like them.
fn gaps_with(paths: &[&str]) -> Vec<String> {
    evidence(&["session-cache"], tests_of("session-cache", paths)).gaps()
}

/// The sound tests without those that contain a word.
fn sound_without(word: &str) -> Vec<&'static str> {
    SOUND.into_iter().filter(|path| !path.contains(word)).collect()
}

fn error_of(document: &str) -> String {
    Book::in_document(document).expect_err("the book is wrong")
}

#[test]
fn sound_tests_leave_no_gap() {
    assert_eq!(gaps_with(&SOUND), [""; 0]);
}

#[test]
fn rule_without_a_test_is_named() {
    assert_eq!(
        gaps_with(&sound_without("r1_")),
        [
            "R1: session-cache has no test named r1_...",
            "R6: session-cache has no test named r6_..."
        ]
    );
}

#[test]
fn failed_test_is_named_even_beside_one_that_passes() {
    let mut paths = SOUND.to_vec();
    paths.push("b::r1_it_stays_there!");
    assert_eq!(
        gaps_with(&paths),
        ["R1: rules::b::r1_it_stays_there does not pass in session-cache"]
    );
}

#[test]
fn rule_of_one_set_needs_a_test_under_that_set() {
    let mut paths = sound_without("r2_");
    paths.extend(["r2_leaves", "r2_openssl_leaves"]);
    assert_eq!(gaps_with(&paths), ["R2: session-cache has no test named r2_documented_..."]);
}

#[test]
fn rule_of_each_its_own_needs_both() {
    let missing = |paths: &[&str]| gaps_with(paths).join("\n");
    assert_eq!(
        missing(&sound_without("r4_openssl")),
        "R4: session-cache has no test named r4_openssl_..."
    );
    assert_eq!(
        missing(&sound_without("r4_documented")),
        "R4: session-cache has no test named r4_documented_..."
    );
    let mut paths = sound_without("r4_");
    paths.push("r4_sizes");
    assert_eq!(
        missing(&paths),
        "R4: session-cache has no test named r4_documented_... nor r4_openssl_..."
    );
}

#[test]
fn rule_of_both_sets_may_have_a_test_for_each() {
    let mut paths = sound_without("r1_");
    paths.extend(["r1_documented_it_is", "r6_it_is"]);
    assert_eq!(gaps_with(&paths), ["R1: session-cache has no test named r1_openssl_..."]);
    paths.push("r1_openssl_it_is");
    assert_eq!(gaps_with(&paths), [""; 0]);
}

#[test]
fn crate_that_joins_the_workspace_owes_its_rules() {
    let members = ["session-cache", "session-codec"];
    let mut tests = tests_of("session-cache", &SOUND);
    assert_eq!(
        evidence(&members, tests.clone()).gaps(),
        ["R6: session-codec has no test named r6_..."]
    );
    tests.extend(tests_of("session-codec", &["r6_encoded"]));
    assert_eq!(evidence(&members, tests).gaps(), [""; 0]);
}

#[test]
fn test_of_another_crate_is_shown_and_proves_nothing() {
    let mut tests = tests_of("session-cache", &sound_without("r3_"));
    tests.extend(tests_of("session-rustls", &["r3_openssl_stays", "r5_aborts"]));
    let evidence = evidence(&["session-cache", "session-rustls"], tests);
    assert_eq!(evidence.gaps(), ["R3: session-cache has no test named r3_openssl_..."]);
    let page = page::render(&book(), &evidence);
    assert!(page.contains("**no test**<br>session-rustls `rules::r3_openssl_stays` passes |"));
    assert!(page.contains("engine<br>session-rustls `rules::r5_aborts` passes |"), "{page}");
}

#[test]
fn test_of_a_rule_that_is_none_is_named() {
    let mut paths = SOUND.to_vec();
    paths.push("r1_r7_it_is_there");
    assert_eq!(gaps_with(&paths), ["rules::r1_r7_it_is_there names R7, which is no rule"]);
}

#[test]
fn page_says_what_proves_a_rule_or_whose_it_is() {
    let evidence = evidence(&["session-cache"], tests_of("session-cache", &SOUND));
    let page = page::render(&book(), &evidence);
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| R")).collect();
    assert_eq!(
        rows,
        [
            "| R1 | It is there | both | session-cache `rules::a::r1_r6_it_is_there` passes |",
            "| R2 | It leaves | DOCUMENTED (C1) | session-cache `rules::r2_documented_leaves` passes |",
            "| R3 | It stays | OPENSSL (C1) | session-cache `rules::r3_openssl_stays` passes |",
            "| R4 | A size. DOCUMENTED: n. OPENSSL: n - 1 | each its own (C2) | session-cache \
             `rules::r4_documented_n` passes<br>session-cache `rules::r4_openssl_less` passes |",
            "| R5 | It aborts | both | engine |",
            "| R6 | It is encoded | both | session-cache `rules::a::r1_r6_it_is_there` passes<br>with \
             session-codec |",
        ]
    );
    assert_eq!(page.matches("\n## ").count(), 2);
    assert!(page.contains(
        "6 rules: 5 proved here, 0 with crates that are not here yet, 1 of the engine, 0 without proof."
    ));
}

#[test]
fn name_is_read_up_to_the_first_word_that_is_no_rule() {
    let claim = |rules: &[u16], side| Some(Claim { rules: rules.to_vec(), side });
    assert_eq!(Claim::of("a::b::r30_r31_attached"), claim(&[30, 31], None));
    assert_eq!(Claim::of("r126_documented_no"), claim(&[126], Some(Side::Documented)));
    assert_eq!(Claim::of("r126_openssl"), claim(&[126], Some(Side::OpenSsl)));
    assert_eq!(Claim::of("r126_as_documented_r127"), claim(&[126], None));
    for none in ["r::rest", "removed_r12", "r12::it_works", "r_12", "r+1_x", "r99999_x", ""] {
        assert_eq!(Claim::of(none), None, "{none}");
    }
}

#[test]
fn libtest_is_understood() {
    let list = "b::r2_documented_x: test\nr1_a: test\nhelps: test\nr3_bench: benchmark\n\n3 tests";
    let paths: Vec<String> = claims_in(list).into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["b::r2_documented_x", "r1_a"]);
    let stdout = "\nrunning 4 tests\ntest r1_a ... ok\ntest b::r2_x ... FAILED\n\
                  test r3_p - should panic ... ok\ntest r4_i ... ignored, slow\n\
                  test result: FAILED. 2 passed\n";
    assert_eq!(passed_in(stdout), ["r1_a", "r3_p"]);
}

#[test]
fn book_without_one_of_its_numbers_is_refused() {
    let without = RULES.replace("| R5 |", "| R7 |");
    assert_eq!(error_of(&format!("{CONFLICTS}{without}")), "R5 should come, and R7 does");
    assert_eq!(error_of("## Objects\n"), "there are no rules");
}

#[test]
fn conflict_and_rules_that_do_not_fit_are_refused() {
    let without = RULES.replace("OPENSSL (C1)", "OPENSSL");
    assert_eq!(error_of(&format!("{CONFLICTS}{without}")), "C1 lists [2, 3]; its rules are [2]");
    let one_sided = RULES.replace("OPENSSL (C1)", "DOCUMENTED (C1)");
    assert_eq!(
        error_of(&format!("{CONFLICTS}{one_sided}")),
        "C1 has two sides, and no rule for one of them"
    );
    let unknown = RULES.replace("both | engine", "both (C9) | engine");
    assert_eq!(error_of(&format!("{CONFLICTS}{unknown}")), "R5 names a conflict that has no row");
}

#[test]
fn row_that_cannot_be_read_is_named() {
    let with = |row: &str| error_of(&format!("## A\n{row}\n"));
    assert_eq!(with("| R1 | a | b |"), "`| R1 | a | b |` has 3 cells, not 5");
    assert!(with("| R1 | A. | OpenSSL | neither | engine |").contains("holds in `neither`"));
    assert!(with("| R1 | A. | OpenSSL | both | nobody |").contains("belongs to `nobody`"));
    assert!(with("| R1 |  | OpenSSL | both | engine |").contains("no statement"));
    assert!(with("| R1x | A. | OpenSSL | both | engine |").contains("`R1x` is not R"));
}
