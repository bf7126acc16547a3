# shellcheck shell=bash
# How the demo tells its story, to be sourced by demo.sh: each command is printed
# before its output, and each claim is checked.

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\e[1m' command_color=$'\e[36m' good=$'\e[32m' bad=$'\e[31m' plain=$'\e[0m'
else
    bold='' command_color='' good='' bad='' plain=''
fi

chapter=
ran=
output=
code=0

# chapter TITLE [LINE ...] opens a part of the story.
chapter() {
    chapter=$1
    printf '\n%s== %s%s\n' "$bold" "$1" "$plain"
    shift
    [ "$#" = 0 ] || printf '%s\n' "$@"
}

tell() {
    printf '\n%s\n' "$*"
}

# show WHO COMMAND prints a command line as WHO would type it.
show() {
    printf '\n%s%s$ %s%s\n' "$command_color" "$1" "$2" "$plain"
}

# run WHO COMMAND prints a command line as WHO would type it, runs it as WHO, and
# keeps its output and exit code for the checks that follow.
run() {
    local who=$1
    ran=$2
    show "$who" "$ran"
    code=0
    (become "$who" && eval "$ran") >"$work/output" 2>&1 </dev/null || code=$?
    cat "$work/output"
    output=$(cat "$work/output")
}

# become takes on somebody's tokens and logins.
become() {
    local token="$work/tokens/$1"
    [ ! -f "$token" ] || STINT_TOKEN=$(cat "$token")
    export STINT_TOKEN PGUSER="$1" PGOPTIONS='-c client_min_messages=warning'
}

fail() {
    printf '\n%sdemo: FAILED%s%s: %s\n' "$bad" "${chapter:+ in \"$chapter\"}" "$plain" "$*" >&2
    exit 1
}

exits() {
    [ "$code" = "$1" ] || fail "\"$ran\" ended with $code, and it should end with $1"
}

says() {
    [[ $output == *"$1"* ]] || fail "\"$ran\" did not say \"$1\""
}

says_not() {
    [[ $output != *"$1"* ]] || fail "\"$ran\" said \"$1\", which it should not"
}

holds() {
    printf '%s  ok: %s%s\n' "$good" "$*" "$plain"
}

# eventually SECONDS WHAT COMMAND ... waits until a command succeeds.
eventually() {
    local seconds=$1 what=$2 deadline
    shift 2
    deadline=$((SECONDS + seconds))
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || fail "$what did not happen within $seconds seconds"
        sleep 0.2
    done
}
