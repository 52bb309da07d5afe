# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What every tool of the series shares. Source it: . "$(dirname "$0")/lib.sh"

set -euo pipefail
# In $(...) as well, or what fails in there would go on
shopt -s inherit_errexit
export LC_ALL=C

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${BUILD:-$TOP/build}
case $BUILD in
/*) ;;
*) BUILD=$PWD/$BUILD ;;
esac
# shellcheck disable=SC2034 # used by the tools
SERIES=$TOP/series
# The CPU models of the guests: Intel's has SYSENTER, AMD's has 32-bit SYSCALL
# shellcheck disable=SC2034 # used by the tools
INTEL=Skylake-Client,+umip AMD=EPYC,+umip
# Exit codes of the verbs: 1 tests failed, 2 could not be done, 3 to 6 as
# series/tools/guest says
EXIT_BROKEN=2

say() { printf '%s\n' "$*"; }

# fail WHAT WHY DO: one message, exit code 2
fail()
{
	printf '%s: %s\n' "$(basename "$0")" "$1" >&2
	[ -z "${2:-}" ] || printf '  why: %s\n' "$2" >&2
	[ -z "${3:-}" ] || printf '  do:  %s\n' "$3" >&2
	exit "$EXIT_BROKEN"
}

elapsed() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

# progress STEP LOG COMMAND...: run COMMAND with its output in LOG. On a
# terminal one line moves: step, elapsed time, last line of the output;
# elsewhere a line at the start and at the end. On failure: the log's end and
# place, and the command's status.
progress()
{
	local step=$1 log=$2 begin=$SECONDS pid status=0 last
	shift 2
	mkdir -p "$(dirname "$log")"
	[ -n "$(trap -p INT)" ] || stop_all_on_interrupt
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	if [ -t 1 ]; then
		while kill -0 "$pid" 2>/dev/null; do
			last=$(tail -n 1 "$log" 2>/dev/null | tr -d '\r' | tr '\t' ' ' || :)
			printf '\r\033[K%s  %s  %.*s' "$step" "$(elapsed $((SECONDS - begin)))" 50 "$last"
			sleep 1
		done
		printf '\r\033[K'
	else
		say "$step ..."
	fi
	wait "$pid" || status=$?
	if [ "$status" -ne 0 ]; then
		tail -n 15 "$log" | sed 's/^/  | /' >&2
		printf '%s failed after %s (status %d), full log: %s\n' \
			"$step" "$(elapsed $((SECONDS - begin)))" "$status" "${log#"$TOP"/}" >&2
		return "$status"
	fi
	say "$step: $(elapsed $((SECONDS - begin)))"
}

# need_space MEGABYTES WHAT: stop before a disk is full, not in the middle
need_space()
{
	local have
	mkdir -p "$BUILD"
	have=$(df -Pm "$BUILD" | awk 'NR == 2 { print $4 }')
	[ "$have" -ge "$1" ] ||
		fail "not enough room for $2" "$have MB are free under $BUILD, $1 MB are needed" \
		     "make room there, or put the build elsewhere: make BUILD=/other/place ..."
}

shown() { printf '%s' "${1#"$TOP"/}"; }

# package_list FILE: Debian packages, one a line
package_list() { sed 's/#.*//; s/[[:space:]]//g; /^$/d' "$1"; }

# packaged_release DEB: of the kernel in a package
packaged_release() { dpkg-deb -f "$1" Package | sed 's/^linux-image-//'; }

# compile_c OUTPUT SOURCE OPTION...: others may make the same at this time, or pack its directory
compile_c()
{
	local new=$BUILD/${1##*/}.$BASHPID
	mkdir -p "$BUILD" "$(dirname "$1")"
	gcc -Wall -Wextra -Wno-unused-parameter -O2 "${@:3}" -o "$new" "$2" ||
		fail "$(shown "$2") did not compile" "see above" "install the packages of series/packages"
	mv "$new" "$1"
}

# Commands in the background do not see Ctrl-C: pass it on
stop_all_on_interrupt() { trap 'trap "" TERM; kill -TERM 0; exit 130' INT; }

# qemu_version PROGRAM: as 7.2.22; nothing if it does not say
qemu_version() { { timeout 10 "$1" --version || :; } 2>/dev/null | sed -n 's/^QEMU emulator version \([0-9.]*\).*/\1/p'; }

# qemu_at_least VERSION PROGRAM
qemu_at_least()
{
	local version
	version=$(qemu_version "$2") || return 1
	[ -n "$version" ] && [ "$(printf '%s\n' "$1" "$version" | sort -V | head -n 1)" = "$1" ]
}

# The version that plugins need, see series/tools/qemu. QEMU=new is a program of that
# version, even if this machine's is older.
# shellcheck disable=SC2034 # used by the tools
QEMU_NEW=11.1
if [ "${QEMU:-}" = new ]; then
	QEMU=$(env -u QEMU "$SERIES/tools/qemu")
	export QEMU
fi

# checked_kernel NAME: a kernel with KUnit's tests and the checks of NAME.config
checked_kernel()
{
	local on=(guest kunit)
	[ "$1" != kasan ] || on=(lean)
	on+=("$1")
	on=("${on[@]/#/$SERIES/config/}")
	"$SERIES/tools/kernel" "$1" "${on[@]/%/.config}"
}

# Tables that verbs write stand between two comments
NUMBERS=$SERIES/README.md
document_has() { sed -n "/^<!-- make $1\\>/,/^<!-- end of make $1\\>/p" "$NUMBERS"; }

# document VERB COMPILER COMMAND...: what COMMAND prints takes the place of what is there;
# of a COMMAND that fails nothing does. COMPILER may be empty
document()
{
	local block end="<!-- end of make $1 -->"
	[ "$(document_has "$1" | tail -n 1)" = "$end" ] ||
		fail "$(shown "$NUMBERS") has no place for the table" "the comments around it are missing" \
		     "put them back: <!-- make $1 --> and $end"
	block=$(mktemp)
	# No condition: there set -e would not hold in COMMAND
	{
		say "<!-- make $1 UPDATE=1 writes this${2:+, $2} -->"
		"${@:3}"
		say "$end"
	} >"$block"
	sed -i -e "/^<!-- end of make $1\\>/r $block" -e "/^<!-- make $1\\>/,/^<!-- end of make $1\\>/d" "$NUMBERS"
	rm "$block"
}

# kunit_suites FILE...: those that these define, by name
kunit_suites() { sed -n '/^static struct kunit_suite /,/^}/s/^\t\.name[^"]*"\(.*\)".*/\1/p' "$@"; }

# info KEY NAME: what a guest was
info() { awk -F'\t' -v key="$1" '$1 == key { print $2 }' "$BUILD/results/$2/info"; }

# archive DIR: for the kernel to unpack
archive() { (cd "$1" && find . -mindepth 1 | sort | cpio --quiet -o -H newc -R 0:0) | gzip -1; }

# lines_of_c DIR: without those of tests
lines_of_c() { find "$1" -maxdepth 1 -name '*.c' ! -name '*_test.c' -exec cat {} + | wc -l; }

# lock_build: one tool at a time works on the tree, with the tools it calls
lock_build()
{
	[ -z "${BUILD_LOCKED:-}" ] || return 0
	mkdir -p "$BUILD"
	exec 9>"$BUILD/.lock"
	flock -n 9 ||
		fail "$(shown "$BUILD") is in use" "another run of these tools works on it" \
		     "wait for that run to end, then try again"
	export BUILD_LOCKED=1
}
