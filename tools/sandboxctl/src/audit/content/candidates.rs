//! Where secrets lie in an image: the files whose names programs and people keep them under. Pure.

/// Names of files, whole.
const NAMES: [&str; 44] = [
    ".ash_history",
    ".bash_history",
    ".boto",
    ".dockercfg",
    ".env",
    ".git-credentials",
    ".my.cnf",
    ".mysql_history",
    ".netrc",
    ".npmrc",
    ".pgpass",
    ".psql_history",
    ".pypirc",
    ".python_history",
    ".s3cfg",
    ".terraformrc",
    ".vault-token",
    ".yarnrc",
    ".yarnrc.yml",
    ".zsh_history",
    "_netrc",
    "application.properties",
    "application.yml",
    "appsettings.json",
    "auth.json",
    "config.json",
    "credentials",
    "credentials.json",
    "credentials.toml",
    "database.yml",
    "hosts.yml",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "id_rsa",
    "kubeconfig",
    "local_settings.py",
    "master.key",
    "pip.conf",
    "secrets.json",
    "secrets.toml",
    "secrets.yaml",
    "secrets.yml",
    "wp-config.php",
];
/// Endings of names whose content is likely a secret.
const ENDINGS: [&str; 8] = [".env", ".key", ".p8", ".pem", ".pgpass", ".ppk", ".tfvars", ".token"];
/// Beginnings of such names.
const BEGINNINGS: [&str; 4] = [".env.", "docker-compose", "compose.", "service-account"];
/// Where programs bring files of their own: folders at the root, and parts of a path.
const BROUGHT: [&str; 4] = ["usr/share/", "usr/lib/", "usr/local/share/", "usr/local/lib/"];
const PACKAGES: [&str; 6] = ["node_modules", "site-packages", "dist-packages", "vendor", "gems", "registry"];
/// Below those such a part makes it an example.
const EXAMPLES: [&str; 9] = ["doc", "docs", "example", "examples", "fixtures", "sample", "test", "testdata", "tests"];

/// May this file of an image hold a secret of somebody's?
pub(super) fn may_hold(path: &str) -> bool {
    let mut parts = path.rsplit('/');
    let name = parts.next().unwrap_or_default();
    let folder = parts.next().unwrap_or_default();
    let named = NAMES.contains(&name) || (name == "config" && folder == ".kube");
    let like = ENDINGS.iter().any(|ending| name.ends_with(ending)) || BEGINNINGS.iter().any(|it| name.starts_with(it));
    (named || like) && !is_example(path)
}

fn is_example(path: &str) -> bool {
    let mut brought = BROUGHT.iter().any(|folder| path.starts_with(folder));
    path.split('/').any(|part| {
        brought |= PACKAGES.contains(&part);
        brought && EXAMPLES.contains(&part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_keep_secrets_in_is_looked_at_and_their_examples_are_not() {
        for path in [
            "srv/.env",
            ".env.production",
            "root/.ssh/id_rsa",
            "opt/tls/server.key",
            "root/.aws/credentials",
            "root/.docker/config.json",
            "root/.kube/config",
            "app/docker-compose.yml",
        ] {
            assert!(may_hold(path), "{path}");
        }
        for path in ["srv/test/.env", "home/me/docs/id_rsa", "opt/sample/.env", "test/node_modules/x/.env"] {
            assert!(may_hold(path), "{path}");
        }
        for path in ["etc/passwd", "usr/share/doc/x/id_rsa", "app/node_modules/x/test/key.pem", "etc/config", "env"] {
            assert!(!may_hold(path), "{path}");
        }
    }
}
