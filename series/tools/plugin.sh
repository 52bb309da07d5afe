# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Plugins of QEMU's TCG, see series/guest/*-plugin.c. Source it after lib.sh.

PLUGINS=$BUILD/plugins
# The kernels that are compared
# shellcheck disable=SC2034 # used by the tools
declare -A OBJECTS=([base]=$BUILD/base/obj [ours]=$BUILD/obj)
# The least that there is to do, and what is done if nobody says otherwise
# shellcheck disable=SC2034 # used by the tools
declare -A SETTINGS=(
	[off]='mitigations=off randomize_kstack_offset=off'
	[on]='randomize_kstack_offset=on'
)

build_plugin() { compile_c "$PLUGINS/$1.so" "$SERIES/guest/$1-plugin.c" -shared -fPIC -fvisibility=hidden; }

# with_plugin PLUGIN ARGUMENTS: prints the path of a QEMU that loads it. There may be several
# at a time, and one upon the other.
with_plugin()
{
	local program=${QEMU:-qemu-system-x86_64} qemu
	qemu=$PLUGINS/$1-qemu-$(cksum <<<"$program $2" | cut -d ' ' -f 1)
	printf '#!/bin/bash\nexec %q -plugin %q "$@"\n' "$program" "file=$PLUGINS/$1.so,$2" >"$qemu.$BASHPID"
	chmod +x "$qemu.$BASHPID"
	mv "$qemu.$BASHPID" "$qemu"
	say "$qemu"
}

# guest_with_plugin PLUGIN ARGUMENTS OPTION...: series/tools/guest, the addresses in its
# kernel being those of vmlinux, of which a plugin tells
guest_with_plugin()
{
	local qemu
	qemu=$(with_plugin "$1" "$2") || return
	QEMU=$qemu ACCEL=tcg "$SERIES/tools/guest" "${@:3}"
}

# address SYSTEM.MAP SYMBOL
address()
{
	awk -v name="$2" '$3 == name { print $1; found = 1 } END { exit !found }' "$1" ||
		fail "$(shown "$1") has no $2" "it is of another kernel than the plugin knows" \
		     "see what series/guest/fred-plugin.c needs"
}

# fred_arguments SYSTEM.MAP fred|idt: the plugin's. A kernel with FRED does not execute the
# code of IDT entries.
fred_arguments()
{
	local on=1 own_code idt
	[ "$2" = fred ] || on=0
	own_code=$(address "$1" irq_entries_start) || return
	idt=$(address "$1" idt_table) || return
	say "on=$on,code=$own_code,idt=$idt"
}

# fred_words fred|idt: for the kernel's command line
fred_words() { case $1 in fred) say "nokaslr fred=on" ;; *) say "nokaslr fred=off" ;; esac; }

# fred_guest SYSTEM.MAP fred|idt OPTION...: the plugin has one CPU
fred_guest()
{
	local arguments
	arguments=$(fred_arguments "$1" "$2") || return
	guest_with_plugin fred "$arguments" --cpus 1 --append "$(fred_words "$2")" "${@:3}"
}

# used_fred LOG: the plugin says so at QEMU's end
used_fred() { grep -aq '^fred: .*ERETS: [1-9]' "$1"; }

was_fred() { used_fred "$1/qemu.log"; }
