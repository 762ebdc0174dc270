# Where what is installed goes. Sourced by install and by the package's stage.

# `unit_for FILE POLICY ROOT PREFIX HOUSE RECORD`, on stdout: a unit out of install.d/units, with the places of one house.
# RECORD is the policy's audit.path. They hold nothing but letters, digits, / . _ and -.
unit_for() { sed "s|@POLICY@|$2|g; s|@ROOT@|$3|g; s|@PREFIX@|$4|g; s|@HOUSE@|$5|g; s|@RECORD@|$6|g" "$1"; }

# The units in a folder, and the settings of one or more in a .d, by their paths in there. What several share is one file
# and links to it; where it is installed each has its own.
units_in() { find -L "$1" -type f -printf '%P\n' | sort; }

# `completion_for SHELL COMMAND ZSH_FOLDER`: below share/. What a distribution brings and what an administrator adds are
# two folders for zsh alone.
completion_for() {
  case "$1" in
    bash) printf 'bash-completion/completions/%s\n' "$2" ;;
    zsh) printf 'zsh/%s/_%s\n' "$3" "$2" ;;
    fish) printf 'fish/vendor_completions.d/%s.fish\n' "$2" ;;
  esac
}
