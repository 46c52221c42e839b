#!/usr/bin/env bash
# What action.yml runs: its inputs, which stand in the environment, as a command line of premain. Nothing of them is
# evaluated by the shell.
set -euo pipefail

words=("$COMMAND" --github)

option() {
  if [ -n "$2" ]; then words+=("$1" "$2"); fi
}

flag() {
  if [ "$2" = true ]; then words+=("$1"); fi
}

# each LINES [OPTION]: every line that is not empty, each behind the option.
each() {
  local line
  while IFS= read -r line; do
    line=${line%$'\r'}
    if [ -n "$line" ]; then words+=(${2:+"$2"} "$line"); fi
  done <<<"$1"
}

option --runs "${RUNS:-}"
option --clock "${CLOCK:-}"
flag --strict "${STRICT:-}"
if [ -n "${REPORT:-}" ]; then words+=(--json --output "$REPORT"); fi

case $COMMAND in
check)
  each "${BUDGETS:-}" --budget
  option --config "${CONFIG:-}"
  option --baseline "${BASELINE:-}"
  flag --update-baseline "${UPDATE_BASELINE:-}"
  ;;
compare)
  option --git "${GIT_RANGE:-}"
  option --build "${BUILD:-}"
  if [ "${FAIL_ON:-}" = slower ]; then words+=(--fail-on slower); fi
  ;;
*)
  echo "::error::command is check or compare, not $COMMAND"
  exit 2
  ;;
esac

words+=(--)
if [ "$COMMAND" = compare ]; then each "${BEFORE:-}"; fi
each "${PROGRAM:-}"
each "${ARGS:-}"
exec "$PREMAIN" "${words[@]}"
