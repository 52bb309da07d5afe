# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Lines "ok N - ..." and "not ok N - ...", and a count of them. Source it after lib.sh.

# In a pipe, a grep that finds nothing is the good case here
set +o pipefail

passed=0
failed=0

# check NAME COMMAND...: one test
check()
{
	local name=$1 from=$SECONDS
	shift
	if "$@"; then
		passed=$((passed + 1))
		printf 'ok %d - %s (%s)\n' $((passed + failed)) "$name" "$(elapsed $((SECONDS - from)))"
	else
		failed=$((failed + 1))
		printf 'not ok %d - %s (%s)\n' $((passed + failed)) "$name" "$(elapsed $((SECONDS - from)))"
	fi
}

# counted NAME COMMAND...: a test program with lines of its own, "N passed, N failed" last
counted()
{
	local name=$1 log=$BUILD/log/test-$1.log p f
	shift
	"$@" 2>&1 </dev/null | tee "$log" | grep -e '^not ok' -e '^  ' || :
	if read -r p f < <(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$log" | tail -n 1) &&
	   [ $((p + f)) -gt 0 ]; then
		passed=$((passed + p)) failed=$((failed + f))
		say "$name: $p passed, $f failed (${log#"$TOP"/})"
	else
		failed=$((failed + 1))
		say "not ok - $name gave no result (${log#"$TOP"/})"
		tail -n 5 "$log"
	fi
}

# Print a message's lines and fail, or succeed if there are none
none() { ! sed 's/^/  /' | grep .; }

our_files() { printf '%s\n' "${!WHOLE[@]}" | sort; }

# counts: the last line, and the exit code
counts()
{
	say "$passed passed, $failed failed"
	[ "$failed" -eq 0 ]
}
