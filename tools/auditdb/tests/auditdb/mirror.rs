//! `auditdb refs --fetch`: what a change means by the history of its repository, with git and real repositories.

use super::*;

/// A repository that is watched, and the folder in which its history is written.
struct Origin(tempfile::TempDir);

impl Origin {
    fn new(form: &str) -> Self {
        let origin = Self(tempfile::tempdir().unwrap());
        origin.git(&["init", "--quiet", "--initial-branch=main", &format!("--object-format={form}")]);
        // As GitHub does: commits without their files, and any commit that is there.
        origin.git(&["config", "uploadpack.allowFilter", "true"]);
        origin
    }

    fn url(&self) -> String {
        format!("file://{}", self.0.path().display())
    }

    fn git(&self, words: &[&str]) -> String {
        let who = ["-c", "user.name=a", "-c", "user.email=a@lab.test", "-c", "advice.detachedHead=false"];
        let output = Command::new("git").args(who).arg("-C").arg(self.0.path()).args(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Adds a commit where HEAD is.
    fn commit(&self, content: &str) {
        std::fs::write(self.0.path().join("file"), content).unwrap();
        self.git(&["add", "file"]);
        self.git(&["commit", "--quiet", "-m", "a change"]);
    }

    /// Tags a commit that no branch has.
    fn tag_a_stray(&self, tag: &[&str]) {
        self.git(&["checkout", "--quiet", "--orphan", "stray"]);
        self.commit("stray");
        self.git(&[&["tag", "--force"], tag].concat());
        self.git(&["checkout", "--quiet", "main"]);
        self.git(&["branch", "--quiet", "-D", "stray"]).clear();
    }
}

fn round(directory: &Path, origin: &Origin, status: i32) -> Vec<Value> {
    let advertised = origin.git(&["ls-remote", &origin.url()]) + "\n";
    fetched(directory, &origin.url(), &advertised, status)
}

fn fetched(directory: &Path, url: &str, advertised: &str, status: i32) -> Vec<Value> {
    let mut command = auditdb(directory);
    command.args(["refs", "--repo", url, "--fetch"]).arg(directory.join("mirrors"));
    // A mirror is of another machine; here it is of a folder, which git must be told to allow.
    command
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "protocol.file.allow")
        .env("GIT_CONFIG_VALUE_0", "always");
    lines(&run(&mut command, advertised.as_bytes()), status)
}

fn of<'r>(records: &'r [Value], name: &str) -> &'r Value {
    let is_it = |record: &&Value| record["cellblock"]["reference"]["name"] == name;
    records.iter().find(is_it).unwrap_or_else(|| panic!("no record of {name}: {records:#?}"))
}

#[test]
fn a_forced_push_is_told_from_one_that_goes_forward_and_a_tag_on_no_branch_stands_out() {
    for form in ["sha1", "sha256"] {
        let (directory, origin) = (tempfile::tempdir().unwrap(), Origin::new(form));
        origin.commit("one");
        origin.git(&["tag", "v1"]);
        origin.git(&["branch", "next"]);
        round(directory.path(), &origin, 0);
        origin.commit("two");
        origin.git(&["tag", "-a", "-m", "two", "v2"]);
        origin.tag_a_stray(&["v1"]);
        origin.tag_a_stray(&["-a", "-m", "three", "v3"]);
        origin.git(&["checkout", "--quiet", "next"]);
        origin.git(&["commit", "--quiet", "--amend", "-m", "written anew"]);
        origin.git(&["checkout", "--quiet", "main"]);
        let told = round(directory.path(), &origin, 1);
        assert_eq!(of(&told, "refs/heads/main")["cellblock"]["reference"]["fast_forward"], true, "{form}");
        assert_eq!(of(&told, "refs/heads/next")["cellblock"]["reference"]["fast_forward"], false);
        let reason = of(&told, "refs/heads/next")["event"]["reason"].as_str().unwrap();
        assert!(reason.contains("it was forced"), "{reason}");
        let moved = of(&told, "refs/tags/v1");
        assert_eq!(moved["cellblock"]["reference"]["on_branch"], false);
        assert_eq!((&moved["event"]["severity"], &moved["event"]["outcome"]), (&json!(99), &json!("failure")));
        let stray = of(&told, "refs/tags/v3");
        assert_eq!((&stray["event"]["severity"], &stray["event"]["outcome"]), (&json!(47), &json!("failure")));
        let sound = of(&told, "refs/tags/v2");
        assert_eq!(sound["cellblock"]["reference"]["on_branch"], true);
        assert_eq!(sound["event"]["outcome"], "success");
        assert!(!actions(&told).contains(&"mirror-unreachable"), "{told:#?}");
    }
}

#[test]
fn what_a_mirror_cannot_tell_is_unknown_and_hides_no_change() {
    let (directory, origin) = (tempfile::tempdir().unwrap(), Origin::new("sha1"));
    origin.commit("one");
    origin.git(&["tag", "v1"]);
    round(directory.path(), &origin, 0);
    let elsewhere =
        format!("{}\trefs/tags/v1\n{}\trefs/heads/main\n", "1".repeat(40), origin.git(&["rev-parse", "main"]));
    let told = fetched(directory.path(), &origin.url(), &elsewhere, 1);
    assert!(actions(&told).contains(&"mirror-unreachable"), "{told:#?}");
    let moved = of(&told, "refs/tags/v1");
    assert_eq!(moved["event"]["outcome"], "failure");
    assert!(moved["cellblock"]["reference"].get("on_branch").is_none());
    let url = origin.url();
    drop(origin);
    let gone = format!("{}\trefs/tags/v1\n{0}\trefs/tags/v2\n", "1".repeat(40));
    let told = fetched(directory.path(), &url, &gone, 1);
    assert!(told[0]["event"]["reason"].as_str().unwrap().contains("git fetch ended with"), "{told:#?}");
}

#[test]
fn a_mirror_has_the_commits_and_none_of_the_files_and_a_full_one_is_told() {
    let (directory, origin) = (tempfile::tempdir().unwrap(), Origin::new("sha1"));
    origin.commit(&"a file of a repository\n".repeat(100_000));
    round(directory.path(), &origin, 0);
    let mirrors = directory.path().join("mirrors");
    let mirror = std::fs::read_dir(&mirrors).unwrap().next().unwrap().unwrap().path();
    let list = ["cat-file", "--batch-all-objects", "--batch-check=%(objecttype)"];
    let objects = Command::new("git").arg("-C").arg(&mirror).args(list).output().unwrap();
    assert_eq!(String::from_utf8(objects.stdout).unwrap(), "commit\n");
    std::fs::File::create(mirror.join("objects/pack/huge")).unwrap().set_len(2 << 30).unwrap();
    origin.commit("two");
    let told = round(directory.path(), &origin, 1);
    assert!(told[0]["event"]["reason"].as_str().unwrap().contains("as much as it may"), "{told:#?}");
}

#[test]
fn a_mirror_that_is_damaged_leaves_the_repository_around_it_alone() {
    let (around, origin) = (Origin::new("sha1"), Origin::new("sha1"));
    origin.commit("one");
    around.commit("mine");
    around.git(&["branch", "mine"]);
    let directory = around.0.path();
    round(directory, &origin, 0);
    let mirror = std::fs::read_dir(directory.join("mirrors")).unwrap().next().unwrap().unwrap().path();
    std::fs::write(mirror.join("HEAD"), "").unwrap();
    origin.commit("two");
    let told = round(directory, &origin, 1);
    assert!(actions(&told).contains(&"mirror-unreachable"), "{told:#?}");
    assert_eq!(around.git(&["branch", "--list", "mine"]), "mine", "git went up and pruned it");
}
