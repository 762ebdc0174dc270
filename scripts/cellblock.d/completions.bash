# Completions of the command, made from its help and its parts' own.

words_of() { commands | cut -f 1 | paste -sd' ' -; }

# `case` branches, one a command: `up) further='--lab …' ;;`.
branches() {
  local name
  while read -r name; do
    printf '    %s) further=%s ;;\n' "$name" "'$(further "$name" | paste -sd' ' -)'"
  done < <(commands | cut -f 1)
}

further() {
  case "$1" in
    policy) echo check ;;
    lab) echo down; follows up ;;
    completions) printf '%s\n' bash zsh fish ;;
    *) follows "$1" ;;
  esac
}

completions_for_bash() {
  cat <<TEXT
# Completion of cellblock for bash. Made by: cellblock completions bash
_cellblock() {
  local further='--help --version $(words_of)'
  [ "\$COMP_CWORD" -lt 2 ] || case "\${COMP_WORDS[1]}" in
$(branches)
    *) further='' ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "\$further" -- "\${COMP_WORDS[COMP_CWORD]}")
}
complete -o bashdefault -o default -F _cellblock cellblock
TEXT
}

completions_for_zsh() {
  cat <<TEXT
#compdef cellblock
# Completion of cellblock for zsh. Made by: cellblock completions zsh
local further=''
local -a commands
if (( CURRENT == 2 )); then
  commands=(
$(commands | sed "s/[':]/\\\\&/g; s/\t/:/; s/.*/    \$'&'/")
  )
  _describe command commands
else
  case \$words[2] in
$(branches)
  esac
  compadd -- \${=further}
  _files
fi
TEXT
}

completions_for_fish() {
  local name what word
  echo '# Completion of cellblock for fish. Made by: cellblock completions fish'
  echo 'complete -c cellblock -n __fish_use_subcommand -l help; complete -c cellblock -n __fish_use_subcommand -l version'
  while IFS=$'\t' read -r name what; do
    printf "complete -c cellblock -f -n __fish_use_subcommand -a %s -d '%s'\n" "$name" "${what//\'/}"
    while read -r word; do
      case "$word" in
        --*) printf "complete -c cellblock -n '__fish_seen_subcommand_from %s' -l %s\n" "$name" "${word#--}" ;;
        *) printf "complete -c cellblock -n '__fish_seen_subcommand_from %s' -a %s\n" "$name" "$word" ;;
      esac
    done < <(further "$name")
  done < <(commands)
}

completions() {
  case "${1:-}" in
    bash | zsh | fish) "completions_for_$1" ;;
    *) die "completions: expected bash, zsh or fish, got '${1:-}'" ;;
  esac
}
