use super::*;
use crate::share::directory::{Below, Root};
use proptest::prelude::*;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::sync::Arc;

fn root() -> Arc<Root> {
    static ROOT: std::sync::OnceLock<Arc<Root>> = std::sync::OnceLock::new();
    Arc::clone(ROOT.get_or_init(|| Arc::new(Root::open(std::path::Path::new("/")).unwrap())))
}

fn task(name: &str, urgency: Urgency) -> Task {
    Task::new(&root(), name.as_bytes().into(), urgency)
}

fn names(queue: &Queue) -> Vec<String> {
    std::iter::from_fn(|| queue.take()).map(|task| String::from_utf8(task.below.to_vec()).unwrap()).collect()
}

fn is_readable(queue: &Queue) -> bool {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::new(queue, PollFlags::IN)], Some(&now)).unwrap() == 1
}

#[test]
fn a_file_stands_once_and_urgent_ones_go_first() {
    let queue = Queue::new(10).unwrap();
    queue.push(task("a", Urgency::Later));
    queue.push(task("b", Urgency::Later));
    queue.push(task("a", Urgency::Later));
    queue.push(task("b", Urgency::Urgent));
    queue.push(task("b", Urgency::Later));
    assert_eq!(queue.backlog().depth, 2);
    assert_eq!(names(&queue), ["b", "a"]);
    assert_eq!(queue.backlog().depth, 0);
}

#[test]
fn what_does_not_fit_raises_the_flag_once_and_what_is_there_already_fits() {
    let queue = Queue::new(2).unwrap();
    queue.push(task("a", Urgency::Urgent));
    queue.push(task("b", Urgency::Urgent));
    queue.push(task("a", Urgency::Urgent));
    assert!(!queue.take_overflow());
    queue.push(task("c", Urgency::Urgent));
    assert!(queue.take_overflow() && !queue.take_overflow());
    assert_eq!(names(&queue), ["a", "b"]);
}

#[test]
fn the_signal_is_readable_exactly_while_there_is_something_to_take() {
    let queue = Queue::new(10).unwrap();
    assert!(!is_readable(&queue));
    queue.push(task("a", Urgency::Urgent));
    queue.push(task("b", Urgency::Later));
    assert!(is_readable(&queue));
    queue.take();
    assert!(is_readable(&queue));
    queue.take();
    assert!(!is_readable(&queue));
    queue.close();
    assert!(is_readable(&queue) && queue.is_over());
}

#[test]
fn what_waits_comes_when_its_time_has_come_and_an_event_brings_it_forward() {
    let queue = Queue::new(10).unwrap();
    let soon = Instant::now() + Duration::from_millis(30);
    queue.push_at(task("soon", Urgency::Urgent), soon);
    queue.push_at(task("never", Urgency::Urgent), soon + Duration::from_secs(3600));
    queue.push_at(task("soon", Urgency::Urgent), soon + Duration::from_secs(3600));
    assert!(queue.take().is_none());
    std::thread::scope(|scope| {
        scope.spawn(|| queue.tend());
        let taken = loop {
            if let Some(task) = queue.take() {
                break task;
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        assert!(Instant::now() >= soon);
        assert_eq!(&*taken.below, b"soon");
        queue.push(task("never", Urgency::Urgent));
        assert_eq!(names(&queue), ["never"]);
        queue.stop();
    });
    assert!(queue.is_over());
}

#[test]
fn a_walk_waits_for_room_and_is_let_go_when_the_queue_is_stopped() {
    let queue = Queue::new(1).unwrap();
    queue.push(task("a", Urgency::Later));
    std::thread::scope(|scope| {
        let walker = scope
            .spawn(|| (queue.push_waiting(task("b", Urgency::Later)), queue.push_waiting(task("c", Urgency::Later))));
        while queue.take().is_none() {}
        while queue.backlog().depth == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(20));
        queue.stop();
        assert_eq!(walker.join().unwrap(), (true, false));
    });
}

#[test]
fn what_is_given_back_is_first_again_and_keeps_its_first_sight() {
    let queue = Queue::new(10).unwrap();
    queue.push(task("a", Urgency::Urgent));
    queue.push(task("b", Urgency::Urgent));
    let a = queue.take().unwrap();
    let seen = a.seen;
    queue.put_back(a);
    let again = queue.take().unwrap();
    assert_eq!((&*again.below, again.seen), (b"a".as_slice(), seen));
}

#[test]
fn long_paths_fill_the_queue_before_many_do_and_room_comes_back_when_they_are_taken() {
    let queue = Queue::new(100_000).unwrap();
    let long = |number: usize| task(&format!("{number:060000}"), Urgency::Urgent);
    let most = MOST_BYTES / 60_000;
    for number in 0..most {
        queue.push(long(number));
    }
    assert!(!queue.take_overflow() && queue.backlog().depth == most);
    queue.push(long(most));
    assert!(queue.take_overflow(), "one more is one too many");
    queue.push(long(0));
    assert!(!queue.take_overflow(), "what is there already fits");
    queue.take();
    queue.push_at(long(most), Instant::now() + Duration::from_secs(3600));
    assert!(!queue.take_overflow() && queue.backlog().depth == most - 1);
}

#[test]
fn what_is_scanned_again_comes_last_and_is_not_forgotten_when_an_event_brings_it_forward() {
    let queue = Queue::new(10).unwrap();
    let again = |name: &str| Task { again: true, ..task(name, Urgency::Again) };
    queue.push(again("a"));
    queue.push(again("b"));
    queue.push(task("walked", Urgency::Later));
    queue.push(task("b", Urgency::Urgent));
    let b = queue.take().unwrap();
    assert!(&*b.below == b"b" && b.again);
    assert_eq!(names(&queue), ["walked", "a"]);
}

proptest! {
    #[test]
    fn every_sighting_is_in_a_task_that_is_given_out_and_the_first_of_them_counts(
        steps in prop::collection::vec((0_u8..4, 0_u8..3, 0_u64..5), 1..60),
    ) {
        let (queue, start) = (Queue::new(10).unwrap(), Instant::now());
        let mut sightings = 0_u32;
        let (mut waiting_since, mut stood_for) = (HashMap::new(), 0);
        let give_out = |waiting_since: &mut HashMap<Below, Instant>| {
            let task = queue.take()?;
            assert_eq!(Some(task.seen), waiting_since.remove(&task.below), "its first sight");
            Some(task)
        };
        for (number, (what, name, later)) in steps.into_iter().enumerate() {
            let seen = start + Duration::from_secs(number.try_into().unwrap());
            let task = Task { seen, ..task(&name.to_string(), if later % 2 == 0 { Urgency::Urgent } else { Urgency::Later }) };
            let below = Arc::clone(&task.below);
            match what {
                0 => queue.push(task),
                1 => queue.push_at(task, start + Duration::from_secs(3600 + later)),
                2 => prop_assert!(queue.push_waiting(task)),
                _ => {
                    stood_for += give_out(&mut waiting_since).map_or(0, |task| task.merged + 1);
                    continue;
                }
            }
            sightings += 1;
            waiting_since.entry(below).or_insert(seen);
        }
        // Whatever still waits is brought forward.
        for below in waiting_since.keys() {
            queue.push(Task { seen: start + Duration::from_secs(1000), ..task(std::str::from_utf8(below).unwrap(), Urgency::Urgent) });
            sightings += 1;
        }
        while let Some(task) = give_out(&mut waiting_since) {
            stood_for += task.merged + 1;
        }
        prop_assert_eq!(stood_for, sightings);
        prop_assert!(waiting_since.is_empty());
    }
}
