//! Compose's labels on a container. An image can bring the same ones, and would have any file of this host's read.

use std::collections::HashMap;
use std::path::PathBuf;

use super::MANY;

/// The files, and the folder that relative ones start at.
const FILES: &str = "com.docker.compose.project.config_files";
const FOLDER: &str = "com.docker.compose.project.working_dir";

/// What Compose's labels on a container say: its files and their folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Labels {
    files: Option<String>,
    folder: Option<String>,
}

impl Labels {
    /// Reads the labels of a container or an image.
    pub(crate) fn of(labels: Option<&HashMap<String, String>>) -> Self {
        let label = |name: &str| labels.and_then(|labels| labels.get(name)).filter(|said| !said.is_empty()).cloned();
        Self { files: label(FILES), folder: label(FOLDER) }
    }

    /// Do they name files?
    pub(crate) fn name_files(&self) -> bool {
        self.files.is_some()
    }

    /// The files that they name, one more than are read at most; none where Compose did not make it.
    ///
    /// # Errors
    /// If one of them is the image's: nobody but its maker says that Compose was there.
    pub(crate) fn files(&self, image: &Self) -> Result<Vec<PathBuf>, String> {
        let same = |own: &Option<String>, other: &Option<String>| own.is_some() && own == other;
        if same(&self.files, &image.files) || (self.name_files() && same(&self.folder, &image.folder)) {
            return Err("its image says by which Compose files it was made: they are not read".to_owned());
        }
        let folder = self.folder.as_ref().map(PathBuf::from).unwrap_or_default();
        let files = self.files.iter().flat_map(|files| files.split(','));
        let paths = files.filter(|file| !file.is_empty() && *file != "-").map(|file| folder.join(file));
        Ok(paths.filter(|path| path.is_absolute()).take(MANY + 1).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(files: &str, folder: &str) -> Labels {
        Labels::of(Some(&[(FILES.to_owned(), files.to_owned()), (FOLDER.to_owned(), folder.to_owned())].into()))
    }

    #[test]
    fn labels_name_the_files_and_relative_ones_start_at_the_project() {
        let files = |files: &str| labels(files, "/srv/p").files(&Labels::default()).unwrap();
        assert_eq!(files("/srv/a.yaml,b.yaml"), [PathBuf::from("/srv/a.yaml"), PathBuf::from("/srv/p/b.yaml")]);
        assert!(files("-").is_empty() && Labels::of(None).files(&Labels::default()).unwrap().is_empty());
        assert_eq!(files(&"a,".repeat(100)).len(), MANY + 1);
    }

    #[test]
    fn a_label_that_the_image_brought_is_nobody_s_word() {
        let own = labels("/root/.my.cnf", "/root");
        assert!(own.files(&own).is_err());
        assert!(labels("/srv/a.yaml", "/root").files(&own).is_err(), "the folder");
        assert!(labels("/srv/a.yaml", "/srv").files(&own).is_ok(), "Compose's own stand over the image's");
        assert_eq!(Labels::default().files(&own), Ok(Vec::new()));
    }
}
