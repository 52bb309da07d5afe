# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# The base tree and the patches: what base, tree, back, series and record share.
# Source it: . "$(dirname "$0")/patches.sh"

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# shellcheck disable=SC2034 # used by the tools
TREE=$BUILD/tree
PATCHDIR=$SERIES/patches
# shellcheck disable=SC2034
LOCK=$SERIES/base.lock
# The date and the name of commits which have no better ones
FIXED_DATE='1000000000 +0000'
FIXED_IDENT='Patch Series <series@localhost>'

# What a calling hook or `git rebase --exec` exports must not lead git astray
# shellcheck disable=SC2046 # one variable name a word
unset $(git rev-parse --local-env-vars 2>/dev/null || :)

# Git in the assembled tree, without the user's hooks
tgit() { git -C "$TREE" -c core.hooksPath=/dev/null "$@"; }

# Git commands that only read or write objects, without the user's settings
plain_git() { GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 git -C "$TREE" "$@"; }

# release_of MAKEFILE: 7.3.4, 7.3.0-rc1, ...; empty if it is no kernel's
release_of()
{
	awk -F ' *= *' '
		$1 ~ /^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION)$/ && !($1 in v) { v[$1] = $2 }
		END { if ("PATCHLEVEL" in v)
			print v["VERSION"] "." v["PATCHLEVEL"] "." v["SUBLEVEL"] v["EXTRAVERSION"] }' "$1"
}

# new_files DIR: files of DIR that git does not track and that are no build
# outputs, each ending in NUL. Debian's source package ignores all of the top
# level ("/*" in its .gitignore) and all dot files; so the rules for the top
# level are given here once more without that one, and then the dot files that
# belong to the kernel. Otherwise the rules are the tree's own.
DOT_FILES='.clang-format .clippy.toml .cocciconfig .editorconfig .get_maintainer.ignore
	.gitattributes .gitignore .kunitconfig .mailmap .pylintrc .renames.txt .rustfmt.toml'
new_files()
{
	local rule rules=(-x '!/*')
	while IFS= read -r rule; do
		case $rule in
		'' | '#'* | '/*' | '!debian/' | ?*/?*) continue ;;
		'!'*) rules+=(-x "!/${rule#!}") ;;
		*) rules+=(-x "/${rule#/}") ;;
		esac
	done < <(sed 's,^!/,!,; s,^/\([^*]\),\1,' "$1/.gitignore" 2>/dev/null)
	for rule in $DOT_FILES; do
		rules+=(-x "!$rule")
	done
	git -C "$1" ls-files -z -o --exclude-per-directory=.gitignore "${rules[@]}"
}

base_field() { sed -n "s/^$1: //p" "$TREE/.git/entry-base"; }
base_name() { printf 'Linux %s (%s)' "$(base_field release)" "$(base_field from)"; }

# tree_edits: what is in the tree and not in the repository, one a line
tree_edits()
{
	local head series assembled
	head=$(tgit rev-parse HEAD)
	series=$(tgit rev-parse -q --verify refs/heads/series) || :
	assembled=$(tgit rev-parse -q --verify refs/entry/assembled) || assembled=$(tgit rev-parse 'base^{commit}')
	[ -z "$(rebase_dir)" ] || say "a rebase that is not finished"
	[ "$series" = "$assembled" ] || say "commits on the branch series"
	if [ "$head" != "$series" ] && ! tgit merge-base --is-ancestor "$head" "$assembled"; then
		say "commits on $(tgit symbolic-ref -q --short HEAD || say "a detached HEAD")"
	fi
	changed_files | tr '\0' '\n'
}

rebase_dir()
{
	local dir
	for dir in "$TREE/.git/rebase-merge" "$TREE/.git/rebase-apply"; do
		[ ! -d "$dir" ] || say "$dir"
	done
}

# changed_files: changed, deleted and new files, each ending in NUL
changed_files()
{
	tgit update-index -q --refresh >/dev/null || :
	tgit diff-index -z --name-only --no-renames HEAD --
	new_files "$TREE"
}

# ---- the patches as the repository has them

patch_subject() { head -n 1 "$PATCHDIR/$1/message"; }

# whole_files PATCH, edited_files PATCH: kernel paths, one a line
whole_files()
{
	[ ! -f "$PATCHDIR/$1/files" ] ||
		sed 's/#.*//; s/^[[:space:]]*//; s/[[:space:]]*$//; /^$/d' "$PATCHDIR/$1/files"
}

edited_files()
{
	[ ! -f "$PATCHDIR/$1/edit.diff" ] ||
		git -C / apply --numstat -z "$PATCHDIR/$1/edit.diff" | tr '\0' '\n' | cut -f 3-
}

# kernel_files: the repository's files that belong to the kernel, one a line
kernel_files()
{
	local path
	if git -C "$TOP" rev-parse --is-inside-work-tree >/dev/null 2>&1; then
		git -C "$TOP" ls-files -co --exclude-standard
	else
		(cd "$TOP" && find . -name .git -prune -o ! -type d -printf '%P\n')
	fi | sort -u | while IFS= read -r path; do
		case $path in
		series/* | build/* | .* | Makefile | README.md | COPYING* | LICENSE*) continue ;;
		esac
		case $TOP/$path in
		"$BUILD"/*) continue ;;
		esac
		if [ -e "$TOP/$path" ] || [ -L "$TOP/$path" ]; then
			say "$path"
		fi
	done
}

# load_patches: TOPICS (N-NAME, in order), PATCHES (TOPIC/NNNN-NAME, in order),
# WHOLE[path]=patch, EDITED[path]=patches. Stops, naming all there is, if the lists are not
# right. A file may be edited before a later patch replaces it, but not after that.
load_patches()
{
	local dir patch path edited problems=()
	PATCHES=() TOPICS=()
	declare -gA WHOLE=() EDITED=()
	for dir in "$PATCHDIR"/[0-9]-*/; do
		[ ! -d "$dir" ] || TOPICS+=("$(basename "$dir")")
	done
	for dir in "$PATCHDIR"/[0-9]-*/[0-9][0-9][0-9][0-9]-*/; do
		[ -d "$dir" ] || continue
		patch=${dir#"$PATCHDIR/"} patch=${patch%/}
		PATCHES+=("$patch")
		if ! [ -s "$dir/message" ]; then
			problems+=("$patch has no message")
		elif [ -z "$(patch_subject "$patch")" ] || [ -n "$(sed -n 2p "$dir/message")" ]; then
			problems+=("$patch/message does not begin with a subject and a blank line")
		fi
		while IFS= read -r path; do
			[ -z "${WHOLE[$path]:-}" ] ||
				problems+=("$path is in files of ${WHOLE[$path]} and of $patch (one patch, one room)")
			WHOLE[$path]=$patch
			if [ -L "$TOP/$path" ]; then
				problems+=("$path is a symbolic link")
			elif ! [ -f "$TOP/$path" ]; then
				problems+=("$path, in files of $patch, is not in the repository")
			fi
		done < <(whole_files "$patch")
		if ! edited=$(edited_files "$patch"); then
			problems+=("$patch/edit.diff is not a diff that git can read")
		elif [ -f "$dir/edit.diff" ] && grep -qE '^(rename|copy) (from|to) ' "$dir/edit.diff"; then
			problems+=("$patch/edit.diff renames or copies a file")
		fi
		for path in $edited; do
			[ -z "${WHOLE[$path]:-}" ] ||
				problems+=("$path is whole in ${WHOLE[$path]} and edited in $patch")
			EDITED[$path]+=" $patch"
		done
	done
	while IFS= read -r path; do
		[ -n "${WHOLE[$path]:-}" ] || problems+=("$path is in files of no patch")
	done < <(kernel_files)
	[ ${#problems[@]} -eq 0 ] ||
		fail "the lists of series/patches are not right" "$(printf '%s\n' "${problems[@]}" |
			sed '2,$s/^/       /')" "put it right in series/patches/*/*/ (README.md says what is in them)"
	[ -z "${TOPIC:-}" ] || up_to_topic
}

# up_to_topic: TOPIC=step or TOPIC=2-step: the series ends with that topic
up_to_topic()
{
	local end='' topic patch path on all=("${TOPICS[@]}")
	TOPICS=()
	for topic in "${all[@]}"; do
		TOPICS+=("$topic")
		case $TOPIC in
		"$topic" | "${topic#*-}") end=$topic; break ;;
		esac
	done
	[ -n "$end" ] || fail "there is no topic $TOPIC" "series/patches has ${all[*]}" "name one of them"
	on=" ${PATCHES[*]} "
	PATCHES=()
	for patch in $on; do
		[[ $patch > $end/~ ]] || PATCHES+=("$patch")
	done
	on=" ${PATCHES[*]} "
	for path in "${!WHOLE[@]}"; do
		[[ $on == *" ${WHOLE[$path]} "* ]] || unset "WHOLE[$path]"
	done
	for path in "${!EDITED[@]}"; do
		for patch in ${EDITED[$path]}; do
			[[ $on == *" $patch "* ]] || EDITED[$path]=${EDITED[$path]/" $patch"}
		done
		[ -n "${EDITED[$path]}" ] || unset "EDITED[$path]"
	done
}

# topic_commits COMMIT: BEFORE[topic] and LAST[topic] of the patches that end in COMMIT
topic_commits()
{
	local commits before topic i
	declare -gA BEFORE=() LAST=()
	before=$(tgit rev-parse 'base^{commit}')
	mapfile -t commits < <(tgit rev-list --reverse "base..$1")
	for i in "${!PATCHES[@]}"; do
		topic=${PATCHES[i]%%/*}
		BEFORE[$topic]=${BEFORE[$topic]:-$before}
		# shellcheck disable=SC2034 # used by the tools
		LAST[$topic]=${commits[i]}
		before=${commits[i]}
	done
}

touched_paths()
{
	[ $((${#WHOLE[@]} + ${#EDITED[@]})) -eq 0 ] ||
		printf '%s\n' "${!WHOLE[@]}" "${!EDITED[@]}" | sed '/^$/d' | sort -u
}

# code_of COMMIT [OPTION...]: what it changes but for documents and tests; of git diff
code_of()
{
	tgit diff --no-renames "${@:2}" "$1~" "$1" -- ':!Documentation' ':!tools/testing' ':!MAINTAINERS'
}

# changes_x86 COMMIT: or does it leave a kernel of x86 as it is?
changes_x86() { code_of "$1" --name-only | grep -P '^(?!arch/[^/]+/)|^arch/x86/' >/dev/null; }

# base_blobs: for each path read, "<blob or absent> <path>"
base_blobs()
{
	local path
	while IFS= read -r path; do
		printf 'base:%s %s\n' "$path" "$path"
	done | tgit cat-file --batch-check='%(objectname) %(rest)' |
		sed 's/^base:\(.*\) missing$/absent \1/'
}

# check_drift: the base's files that the series replaces or edits must be those
# that it was made for
check_drift()
{
	local blob path now drift=() unknown=() stale=()
	local -A lock=() paths=()
	if [ -f "$LOCK" ]; then
		while read -r blob path; do
			case $blob in
			'' | '#'*) ;;
			*) lock[$path]=$blob ;;
			esac
		done <"$LOCK"
	fi
	while read -r now path; do
		paths[$path]=1
		blob=${lock[$path]:-}
		if [ -z "$blob" ]; then
			unknown+=("$path")
		elif [ "$blob" != "$now" ]; then
			drift+=("$path: $(describe_drift "$blob" "$now")")
		fi
	done < <(touched_paths | base_blobs)
	for path in "${!lock[@]}"; do
		[ -n "${paths[$path]:-}${TOPIC:-}" ] || stale+=("$path")
	done
	[ ${#drift[@]} -eq 0 ] ||
		fail "$(base_name) differs from the base that the series was made for" \
		     "$(printf '%s\n' "${drift[@]}" | sort | sed '2,$s/^/       /')
       (series/base.lock: $(sed -n '1s/^# //p' "$LOCK"))" \
		     "look at each change, port it to the series' file or edit.diff, then: make record; or use that base"
	[ $((${#unknown[@]} + ${#stale[@]})) -eq 0 ] ||
		fail "series/base.lock and the patches are not about the same files" \
		     "only in the patches: ${unknown[*]:-none}; only in base.lock: ${stale[*]:-none}" \
		     "if the patches are right: make record"
}

describe_drift()
{
	if [ "$1" = absent ]; then
		say "new in the base (git -C $(shown "$TREE") show $2)"
	elif [ "$2" = absent ]; then
		say "no longer in the base"
	elif tgit cat-file -e "$1" 2>/dev/null; then
		say "git -C $(shown "$TREE") diff ${1:0:12} ${2:0:12}"
	else
		say "now ${2:0:12}, was ${1:0:12} (not here: compare with the base it was recorded on)"
	fi
}

# ---- assembling, with objects only: the work tree is not looked at

# patch_ident PATCH: "Name <mail> date zone" of the repository's last commit of it
patch_ident()
{
	local paths ident
	mapfile -t paths < <(whole_files "$1")
	ident=$(git -C "$TOP" log -1 --no-show-signature --date=raw --format='%an <%ae> %ad' -- \
		"series/patches/$1" "${paths[@]}" 2>/dev/null) || :
	if [ -z "$ident" ]; then
		ident=$(git -C "$TOP" -c user.useConfigOnly=true var GIT_AUTHOR_IDENT 2>/dev/null) || :
		ident=${ident%%>*}
		ident="${ident:+$ident>}"
		ident="${ident:-$FIXED_IDENT} $FIXED_DATE"
	fi
	say "$ident"
}

# import_commit FIRST_PARENT AUTHOR COMMITTER MESSAGE_FILE: the head of a
# commit for git fast-import; FIRST_PARENT may be empty: go on from the last one
import_commit()
{
	local from=$1 author=$2 committer=$3 message=$4
	printf 'commit refs/entry/new\nauthor %s\ncommitter %s\n' "$author" "$committer"
	printf 'data %d\n' "$(stat -c %s "$message")"
	cat "$message"
	printf '\n'
	[ -z "$from" ] || printf 'from %s\n' "$from"
}

# import_changes: from `git diff-tree -r` lines to those of git fast-import
import_changes() { sed -nE 's/^:[0-7]+ ([0-7]+) [^ ]+ ([^ ]+) [^D]\t/M \1 \2 /p; s/^:.* D\t/D /p'; }

# import_commits FILE: prints the id of the last commit
import_commits()
{
	plain_git update-ref -d refs/entry/new
	plain_git fast-import --quiet --force --date-format=raw <"$1" >/dev/null
	plain_git rev-parse refs/entry/new
	plain_git update-ref -d refs/entry/new
}

# explain_edit PATCH GIT_OUTPUT: which file and hunk of edit.diff failed
explain_edit()
{
	local file line
	sed -n 's/^error: //p' "$2" | while IFS= read -r line; do
		say "$line"
		if [[ $line =~ ^patch\ failed:\ (.*):([0-9]+)$ ]]; then
			file=${BASH_REMATCH[1]}
			awk -v file="a/$file" -v line="${BASH_REMATCH[2]}" '
				/^--- / { here = $2 == file }
				here && /^@@ / && $2 ~ "^-" line "(,|$)" { print "hunk: " $0 }
			' "$PATCHDIR/$1/edit.diff"
		fi
	done | sed '2,$s/^/       /'
}

# Git with an index that holds only the paths that the patches touch
small_git() { GIT_INDEX_FILE=$TREE/.git/entry-work/index plain_git "$@"; }

# assemble: after load_patches; sets ASSEMBLED to the tip of the commits made
# of the patches.
assemble()
{
	local dir=$TREE/.git/entry-work patch path mode before after from ident
	local -A blobs=()
	from=$(tgit rev-parse 'base^{commit}')
	ASSEMBLED=$from
	[ ${#PATCHES[@]} -gt 0 ] || return 0
	rm -rf "$dir"
	mkdir "$dir"
	touched_paths >"$dir/paths"
	[ -s "$dir/paths" ] || fail "the patches change no file" "there is neither files nor edit.diff in them"
	if [ ${#WHOLE[@]} -gt 0 ]; then
		printf '%s\n' "${!WHOLE[@]}" >"$dir/whole"
		while read -r path after; do
			blobs[$path]=$after
		done < <(paste -d ' ' "$dir/whole" <(sed "s,^,$TOP/," "$dir/whole" |
			plain_git hash-object -w --no-filters --stdin-paths))
	fi
	xargs -d '\n' git -C "$TREE" ls-tree -r base -- <"$dir/paths" | small_git update-index --index-info
	before=$(small_git write-tree)
	for patch in "${PATCHES[@]}"; do
		while IFS= read -r path; do
			mode=100644
			[ ! -x "$TOP/$path" ] || mode=100755
			printf '%s %s\t%s\n' "$mode" "${blobs[$path]}" "$path"
		done < <(whole_files "$patch") | small_git update-index --index-info
		if [ -s "$PATCHDIR/$patch/edit.diff" ]; then
			small_git apply --cached --whitespace=nowarn "$PATCHDIR/$patch/edit.diff" 2>"$dir/error" ||
				fail "series/patches/$patch/edit.diff does not apply" \
				     "$(explain_edit "$patch" "$dir/error")" \
				     "port that hunk to the base and to the patches before it, then: make record"
		fi
		after=$(small_git write-tree)
		[ "$before" != "$after" ] ||
			fail "patch $patch changes nothing" "what it has is in the base or in a patch before it"
		git stripspace <"$PATCHDIR/$patch/message" >"$dir/message"
		ident=$(patch_ident "$patch")
		import_commit "$from" "$ident" "$ident" "$dir/message" >>"$dir/commits"
		plain_git diff-tree -r --no-renames "$before" "$after" | import_changes >>"$dir/commits"
		before=$after from=
	done
	# shellcheck disable=SC2034
	ASSEMBLED=$(import_commits "$dir/commits")
	rm -rf "$dir"
}

# ---- the patches as mails

# write_mails DIR RANGE [OPTION...]: nothing in them depends on the time, git's version
# or its settings
write_mails()
{
	plain_git format-patch -q -o "$1" --base=base --subject-prefix="${PREFIX:-PATCH}" \
		${REROLL:+-v "$REROLL"} --zero-commit --no-signature --no-renames \
		--diff-algorithm=myers --abbrev=12 --no-thread "${@:3}" "$2"
}

# patch_mails DIR: all but the cover letters, which git am would stop at
patch_mails() { find "$1" -name '*.patch' | sort; }

# get_maintainer OPTION...: the kernel's, by files alone: neither by history nor by
# words, as a test that has clone3() in it is no concern of pidfd's maintainer
get_maintainer()
{
	HOME=/nonexistent perl "$TREE/scripts/get_maintainer.pl" \
		--nogit --nogit-fallback --nokeywords "$@"
}

# concerned TOPIC: whom get_maintainer.pl names for files that the topic does not touch, but
# whose maintainers have to know of it; they are in its file cc
concerned()
{
	local path
	[ ! -f "$PATCHDIR/$1/cc" ] ||
		sed 's/#.*//; s/[[:space:]]*$//; /^$/d' "$PATCHDIR/$1/cc" | while IFS= read -r path; do
			(cd "$TREE" && get_maintainer --norolestats -f "$path")
		done
}

# addresses: of a text that has names as well, one a line
addresses() { grep -oE '[^][[:space:]<>,"]+@[^][[:space:]<>,"]+' | sort -u; }

# pristine DIR: a clone at the base that has an index and no files. Git writes those
# that it changes. Of a shallow base, git clone would make a full copy.
pristine()
{
	rm -rf "$1"
	git init -q --template= "$1"
	mkdir -p "$1/.git/info"
	say "$TREE/.git/objects" >"$1/.git/objects/info/alternates"
	[ ! -f "$TREE/.git/shallow" ] || cp "$TREE/.git/shallow" "$1/.git/"
	git -C "$1" config core.sparseCheckout true
	say /none >"$1/.git/info/sparse-checkout"
	git -C "$1" checkout -q --detach "$(tgit rev-parse 'base^{commit}')"
}

# apply_mails DIR MAIL...: git am says nothing and succeeds, or it is said what is wrong
apply_mails()
{
	local dir=$1 says status=0
	shift
	says=$(GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 git -C "$dir" -c user.name=test \
		-c user.email=test@localhost am -q --whitespace=error-all "$@" 2>&1) || status=$?
	[ -z "$says" ] || printf '  %s\n' "${says//$'\n'/$'\n'  }"
	[ "$status" -eq 0 ] && [ -z "$says" ]
}

# same_tree DIR COMMIT: has the last commit there the tree of this one here?
same_tree()
{
	local tree
	tree=$(tgit rev-parse "$2^{tree}")
	[ "$(git -C "$1" rev-parse 'HEAD^{tree}')" = "$tree" ] || {
		git -C "$1" diff-tree -r --name-only HEAD "$tree" | sed 's/^/  not the same: /'
		return 1
	}
}
