# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What the kernel of a guest has reported. Source it after lib.sh. The guest's console is in
# OUT/console.log.

ALLOWED_REPORTS=${ALLOWED_REPORTS:-$SERIES/guest/allowed-reports}

# The kernel's lines without their time stamps, numbered: "LINE TEXT"
kernel_lines()
{
	tr -d '\r' <"$OUT/console.log" |
		sed -n -E '=;s/^\[ *[0-9]+\.[0-9]+\](\[ *[TC][0-9]+\])? ?//;t shown;s/.*//;:shown;p' |
		sed -E 'N;s/\n/ /;/^[0-9]+ $/d'
}

# Lines that begin a report. A trace without such a line before it counts too;
# what a process of user space does to itself ("traps: ...") does not.
find_reports()
{
	kernel_lines | awk '
		{ number = $1; line = $0; sub(/^[0-9]+ /, "", line) }
		line ~ /^traps: |^Kernel panic/ { next }
		line ~ /^(WARNING|BUG|Oops|UBSAN|INFO): / && line !~ /^INFO: lockdep is turned off/ ||
		line ~ /^(kernel BUG at|general protection|watchdog: BUG|rcu: INFO:|refcount_t:)/ ||
		line ~ /^(unchecked MSR access|double fault|invalid opcode|stack segment|PANIC)/ ||
		line ~ /(KASAN|KCSAN|KMSAN|UBSAN|kmemleak): / ||
		line ~ /([Uu]nable to handle|scheduling while atomic|suspicious RCU usage)/ ||
		line ~ /(sleeping function called|stack guard page|blocked for more than)/ ||
		line ~ /(soft lockup|hard LOCKUP|detected stalls? |self-detected stall)/ ||
		line ~ /(possible recursive locking|inconsistent lock state|circular locking)/ ||
		line ~ /(list_(add|del) corruption|Bad page|bad page state|IRQs not disabled)/ ||
		line ~ /(DEBUG_LOCKS_WARN_ON|nobody cared|[Cc]orrupted stack|exited with irqs disabled)/ {
			print number " " line
			seen = NR
			next
		}
		line ~ /^(Call Trace:|-+\[ cut here \])/ && (seen == 0 || NR - seen > 60) {
			held = number " " line
			heldat = NR
		}
		held != "" && NR - heldat > 3 {
			if (seen <= heldat)
				print held
			held = ""
			seen = heldat
		}
		END { if (held != "" && seen <= heldat) print held }'
}

# Sorts the reports into reports (bad) and allowed
judge_reports()
{
	local line regex reason text
	: >"$OUT/reports"
	: >"$OUT/allowed"
	while IFS= read -r line; do
		text=${line#* }
		while IFS=$'\t' read -r regex reason; do
			case $regex in ''|'#'*) continue ;; esac
			if grep -Eq -e "$regex" <<<"$text"; then
				printf '%s (%s)\n' "$line" "$reason" >>"$OUT/allowed"
				continue 2
			fi
		done <"$ALLOWED_REPORTS"
		printf '%s\n' "$line" >>"$OUT/reports"
	done < <(find_reports)
}
