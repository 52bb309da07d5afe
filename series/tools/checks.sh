# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Lines "ok N - ..." and "not ok N - ...", and a count of them. Source it after lib.sh.

# In a pipe, a grep that finds nothing is the good case here
set +o pipefail

passed=0
failed=0
# Not to be judged, for it was broken off: see DEADLINE
cut=0

# outcome STATUS NAME SECONDS: a line, and a note of the time. After DEADLINE, in seconds
# since 1970, what is left of a check is broken off.
outcome()
{
	local word=ok
	mkdir -p "$BUILD/log"
	printf '%d\t%s\n' "$3" "$2" >>"$BUILD/log/test-times"
	if [ "$1" -eq 0 ]; then
		passed=$((passed + 1))
	elif [ -n "${DEADLINE:-}" ] && [ "$EPOCHSECONDS" -ge "$DEADLINE" ]; then
		cut=$((cut + 1))
		say "broken off - $2 ($(elapsed "$3"))"
		return
	else
		failed=$((failed + 1)) word="not ok"
	fi
	say "$word $((passed + failed)) - $2 ($(elapsed "$3"))"
}

# check NAME COMMAND...: one test
check()
{
	local name=$1 from=$SECONDS status=0
	shift
	"$@" || status=$?
	outcome "$status" "$name" $((SECONDS - from))
}

# counted NAME COMMAND...: a test program with lines of its own, "N passed, N failed" last.
# What is indented says why
counted()
{
	local name=$1 log=$BUILD/log/test-$1.log from=$SECONDS p f c
	shift
	"$@" 2>&1 </dev/null | tee "$log" | grep -e '^not ok' -e '^broken off' -e '^  ' || :
	c=$(grep -c '^broken off' "$log") || :
	cut=$((cut + c))
	if read -r p f < <(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$log" | tail -n 1) &&
	   [ $((p + f + c)) -gt 0 ]; then
		passed=$((passed + p)) failed=$((failed + f))
		printf '%d\t%s\n' $((SECONDS - from)) "$name" >>"$BUILD/log/test-times"
		say "$name: $p passed, $f failed ($(elapsed $((SECONDS - from))), ${log#"$TOP"/})"
	else
		failed=$((failed + 1))
		say "not ok - $name gave no result (${log#"$TOP"/})"
		tail -n 5 "$log"
	fi
}

# Print a message's lines and fail, or succeed if there are none
none() { ! sed 's/^/  /' | grep .; }

our_files() { printf '%s\n' "${!WHOLE[@]}" | sort; }
our_rst() { our_files | grep '\.rst$'; }
our_figures() { our_files | grep '^Documentation/.*\.svg$'; }

# counts: the last line, and the exit code
counts()
{
	say "$passed passed, $failed failed"
	[ "$failed" -eq 0 ]
}
