//! The lists against a naive S3-FIFO, and what it is for.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

/// Numbered nodes with their uses, as a shard has them.
struct Scene {
    fifo: Fifo,
    uses: Vec<AtomicU8>,
    present: Vec<bool>,
}

impl Scene {
    fn new(nodes: usize) -> Scene {
        let uses = (0..nodes).map(|_| AtomicU8::new(0)).collect();
        Scene { fifo: Fifo::default(), uses, present: vec![false; nodes] }
    }

    fn link(&mut self, node: usize) {
        self.uses[node].store(0, Ordering::Relaxed);
        self.fifo.link(node as u32, (node as u64) << 16);
        self.present[node] = true;
    }

    fn unlink(&mut self, node: usize) {
        self.fifo.unlink(node as u32);
        self.present[node] = false;
    }

    fn used(&self, node: usize) {
        let uses = self.uses[node].load(Ordering::Relaxed);
        self.uses[node].store((uses + 1).min(USES_MAX), Ordering::Relaxed);
    }

    fn choose(&mut self, spared: Option<u32>) -> Option<usize> {
        let uses = &self.uses;
        let chosen = self.fifo.choose(spared, |node| &uses[node as usize])? as usize;
        self.fifo.unlink(chosen as u32);
        self.present[chosen] = false;
        Some(chosen)
    }
}

#[test]
fn one_that_was_used_outlives_a_crowd_that_was_not() {
    let mut scene = Scene::new(1_000);
    scene.link(0);
    scene.used(0);
    scene.used(0);
    for node in 1..1_000 {
        scene.link(node);
        if node >= 20 {
            let chosen = scene.choose(None).expect("there are twenty");
            assert_ne!(chosen, 0, "after {node}");
        }
    }
    assert!(scene.present[0]);
}

#[test]
fn one_that_comes_back_soon_is_kept_like_one_that_was_used() {
    let mut scene = Scene::new(100);
    (0..5).for_each(|node| {
        scene.link(node);
        scene.used(node);
        scene.used(node);
    });
    scene.link(10);
    // All that were used move into the main list, and the one that was not leaves.
    assert_eq!(scene.choose(None), Some(10));
    scene.link(10);
    scene.link(11);
    assert_eq!(scene.choose(None), Some(11), "the newcomer, not the one that came back");
}

#[test]
fn spared_one_is_not_chosen_though_it_is_alone_or_first() {
    let mut scene = Scene::new(3);
    scene.link(0);
    assert_eq!(scene.choose(Some(0)), None);
    scene.link(1);
    assert_eq!(scene.choose(Some(0)), Some(1));
    assert_eq!(scene.choose(None), Some(0));
}

#[test]
fn spared_one_that_is_alone_in_its_list_leaves_the_choice_to_the_other() {
    let mut scene = Scene::new(4);
    scene.link(0);
    (0..2).for_each(|_| scene.used(0));
    scene.link(1);
    // The first goes on into the main list, and the second leaves.
    assert_eq!(scene.choose(None), Some(1));
    scene.link(2);
    assert_eq!(scene.choose(Some(2)), Some(0), "alone in the small list");
    scene.link(3);
    (0..2).for_each(|_| scene.used(2));
    assert_eq!(scene.choose(None), Some(3));
    scene.link(0);
    assert_eq!(scene.choose(Some(2)), Some(0), "alone in the main list");
}

/// S3-FIFO on plain queues, without ghosts of its own: it asks the real ones.
#[derive(Default)]
struct Naive {
    small: VecDeque<usize>,
    main: VecDeque<usize>,
}

impl Naive {
    fn choose(&mut self, spared: Option<usize>, uses: &mut [u8]) -> Option<usize> {
        let has_other = |list: &VecDeque<usize>| list.iter().any(|&node| Some(node) != spared);
        loop {
            let (small_has, main_has) = (has_other(&self.small), has_other(&self.main));
            if !small_has && !main_has {
                return None;
            }
            let all = self.small.len() + self.main.len();
            if small_has && (self.small.len() * 10 > all || !main_has) {
                let node = self.small.pop_front().expect("it has some");
                if Some(node) == spared {
                    self.small.push_back(node);
                    continue;
                }
                if uses[node] <= 1 {
                    return Some(node);
                }
                uses[node] = 0;
                self.main.push_back(node);
            } else {
                let node = self.main.pop_front().expect("it has some");
                if Some(node) == spared {
                    self.main.push_back(node);
                    continue;
                }
                if uses[node] == 0 {
                    return Some(node);
                }
                uses[node] -= 1;
                self.main.push_back(node);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lists_do_what_plain_queues_do(steps in prop::collection::vec((0..5u8, 0..40usize), 0..400)) {
        let mut scene = Scene::new(40);
        let (mut naive, mut uses) = (Naive::default(), vec![0u8; 40]);
        for (step, node) in steps {
            match step {
                0 if !scene.present[node] => {
                    scene.link(node);
                    uses[node] = 0;
                    let in_main = scene.fifo.links[node].in_main;
                    if in_main { naive.main.push_back(node) } else { naive.small.push_back(node) }
                }
                1 if scene.present[node] => {
                    scene.used(node);
                    uses[node] = (uses[node] + 1).min(USES_MAX);
                }
                2 if scene.present[node] => {
                    scene.unlink(node);
                    naive.small.retain(|&other| other != node);
                    naive.main.retain(|&other| other != node);
                }
                3 => prop_assert_eq!(scene.choose(None), naive.choose(None, &mut uses)),
                4 if scene.present[node] => {
                    let chosen = scene.choose(Some(node as u32));
                    prop_assert_eq!(chosen, naive.choose(Some(node), &mut uses));
                }
                _ => {}
            }
        }
    }
}
