//! `[ceiling]`: what a stranger may have at most.

use crate::sample::{design, refuses_more, takes_more};

#[test]
fn without_the_section_a_sane_one_holds() {
    let ceiling = design().ceiling;
    assert_eq!(
        (ceiling.memory.get(), ceiling.pids, ceiling.logs.get(), ceiling.files),
        (4 << 30, 4096, 1 << 30, 65_536)
    );
    assert!((ceiling.cpus - 4.0).abs() < f64::EPSILON);
}

#[test]
fn each_key_is_read_and_the_others_keep_their_default() {
    let ceiling =
        takes_more("[ceiling]\nmemory = \"256MiB\"\ncpus = 0.5\npids = 64\nlogs = \"2MiB\"\nfiles = 1024").ceiling;
    assert_eq!((ceiling.memory.get(), ceiling.pids, ceiling.logs.get(), ceiling.files), (256 << 20, 64, 2 << 20, 1024));
    assert_eq!(takes_more("[ceiling]\npids = 7").ceiling.memory.get(), 4 << 30);
}

#[test]
fn what_is_no_bound_is_refused() {
    refuses_more("[ceiling]\nmemory = 0", "ceiling.memory", "a size of 0");
    refuses_more("[ceiling]\nmemory = \"1MiB\"", "ceiling.memory", "at least 16MiB");
    refuses_more("[ceiling]\ncpus = 0", "ceiling.cpus", "is out of range");
    refuses_more("[ceiling]\npids = -1", "ceiling.pids", "is out of range");
    refuses_more("[ceiling]\nlogs = \"512KiB\"", "ceiling.logs", "at least 1MiB");
    refuses_more("[ceiling]\nfiles = 2097152", "ceiling.files", "is out of range");
    refuses_more("[ceiling]\nmemroy = 1", "ceiling.memroy", "did you mean 'memory'?");
}
