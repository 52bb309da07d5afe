# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# The rules that a patch series has to keep, each a function that prints what is
# wrong and where, and fails. check asks them all about the series, selftest-check
# asks each about a sample with one defect. Source it.

. "$(dirname "${BASH_SOURCE[0]}")/patches.sh"
. "$(dirname "${BASH_SOURCE[0]}")/checks.sh"

# More lines than this that are neither test nor document, and nobody reviews a patch
LINES_AT_MOST=400
# And more patches than this are not read
PATCHES_AT_MOST=16

# What is hard to read, see there. selftest-check looks at a sample with the same list
PHRASES=$SERIES/phrases

# shellcheck disable=SC2034 # these two are for the tools that source it
RULES=(lists drift assembled overlay applies checkpatch kernel_doc documented spdx spelling plain
	subject imperative width voice tags reason names declarations size topics tested maintained toctree)

# shellcheck disable=SC2034
declare -A RULE=(
	[lists]="every file of the kernel's is in one patch"
	[drift]="the base's files are those that the series was made for"
	[assembled]="the patches can be assembled"
	[overlay]="the assembled tree has the repository's files, and no other change"
	[applies]="git am takes the mails on the base, without a word, and gives that tree"
	[checkpatch]="checkpatch --strict has nothing to say"
	[kernel_doc]="kernel-doc has no more to say about the files that are touched than before"
	[documented]="every function in a public header has kernel-doc"
	[spdx]="every file says its license"
	[spelling]="codespell has nothing to say"
	[plain]="the English is plain: none of the phrases of series/phrases"
	[subject]="subjects have the form 'area: Summary'"
	[imperative]="subjects are in the imperative"
	[width]="changelogs have at most 75 columns, but for quotations"
	[voice]="changelogs speak of neither themselves nor their author"
	[tags]="tags are at the end, in tip's order, and none is Signed-off-by"
	[reason]="changelogs say more than the subject"
	[names]="functions, constants and files that comments, documents and changelogs name exist"
	[declarations]="local variables are declared longest line first"
	[size]="no patch changes more than $LINES_AT_MOST lines of code without a reason"
	[topics]="no topic has more than $PATCHES_AT_MOST patches"
	[tested]="every patch says how it was tested"
	[maintained]="MAINTAINERS has a section for each new file"
	[toctree]="every document is in its directory's index"
)

# look: what the rules look at. Sets ASSEMBLED, and COMMITS, one for each of PATCHES.
# LOOK has the mails; what the series touches, in new as the series leaves it and in
# old as it was; and in new the text about it at its place in the repository.
# shellcheck disable=SC2153 # LOOK is theirs to say
look()
{
	local patch
	load_patches
	assemble
	mapfile -t COMMITS < <(tgit rev-list --reverse "base..$ASSEMBLED")
	mapfile -t MESSAGES < <(printf 'series/patches/%s/message\n' "${PATCHES[@]}")
	mapfile -t -O ${#MESSAGES[@]} MESSAGES < <(printf 'series/patches/%s/cover\n' "${TOPICS[@]}")
	TEXTS=("${MESSAGES[@]}")
	for patch in "${PATCHES[@]}"; do
		[ ! -f "$PATCHDIR/$patch/tested" ] || TEXTS+=("series/patches/$patch/tested")
	done
	rm -rf "$LOOK"
	mkdir -p "$LOOK/mails" "$LOOK/new" "$LOOK/old"
	write_mails "$LOOK/mails" "base..$ASSEMBLED"
	{ say MAINTAINERS; touched_paths; } | files_of "$ASSEMBLED" "$LOOK/new"
	touched_paths | files_of base "$LOOK/old"
	(cd "$TOP" && cp --parents "${TEXTS[@]}" "$LOOK/new")
	# What is edited counts as far as it is new
	for patch in "${PATCHES[@]}"; do
		[ ! -f "$PATCHDIR/$patch/edit.diff" ] ||
			sed 's/^[ -].*//' "$PATCHDIR/$patch/edit.diff" >"$LOOK/new/series/patches/$patch/edit.diff"
	done
}

# files_of COMMIT DIR: those of the paths read that the commit has
files_of()
{
	local -x GIT_INDEX_FILE=$LOOK/index
	rm -f "$GIT_INDEX_FILE"
	xargs -d '\n' git -C "$TREE" ls-tree -r "$1" -- | plain_git update-index --index-info
	plain_git checkout-index -a --prefix="$2/"
}

our_c() { our_files | grep '\.[ch]$'; }

### What the repository has, and what is made of it

# In a subshell, because these stop with the first thing that is wrong
rule_lists() { (load_patches) 2>&1 | none; }
rule_drift() { (load_patches && check_drift) 2>&1 | none; }
rule_assembled() { (load_patches && assemble) 2>&1 | none; }

# A file may come and go within the series
there_at_last()
{
	local path
	while IFS= read -r path; do
		if tgit cat-file -e "base:$path" 2>/dev/null || tgit cat-file -e "$ASSEMBLED:$path" 2>/dev/null; then
			say "$path"
		fi
	done
}

rule_overlay()
{
	local path
	{
		for path in "${!WHOLE[@]}"; do
			cmp -s "$TOP/$path" "$LOOK/new/$path" || say "$path is another one in the tree"
		done
		comm -3 <(touched_paths | there_at_last) <(tgit -c core.quotePath=false diff --no-renames --name-only base "$ASSEMBLED" | sort -u) |
			sed 's/^\t\(.*\)/\1 is changed, and no patch names it/; t; s/$/ is as in the base/'
	} | none
}

rule_applies()
{
	local mails
	mapfile -t mails < <(patch_mails "$LOOK/mails")
	pristine "$LOOK/am"
	apply_mails "$LOOK/am" "${mails[@]}" && same_tree "$LOOK/am" "$ASSEMBLED"
}

### The code

# Who sends the patches signs them off. Whether MAINTAINERS covers new files is a rule
# of its own: checkpatch asks about each of them. And entry code is where ENOSYS comes
# from. The check of licenses needs Debian's python modules.
rule_checkpatch()
{
	local mail
	patch_mails "$LOOK/mails" | while IFS= read -r mail; do
		(cd "$TREE" && HOME=/nonexistent PATH=/usr/bin:$PATH scripts/checkpatch.pl --strict --no-signoff \
			--ignore FILE_PATH_CHANGES,ENOSYS --terse --summary-file "$mail")
	done 2>&1 | grep -v 'total: 0 errors, 0 warnings, 0 checks' | sed "s,$LOOK/mails/,,g" | none
}

# kernel_doc_says DIR: without numbers of lines
kernel_doc_says()
{
	# shellcheck disable=SC2046 # a list
	(cd "$1" && "$TREE/scripts/kernel-doc" -none -Wall -Werror $(find . -name '*.[ch]' -printf '%P\n' | sort)) 2>&1 |
		grep -v '^[0-9]* warnings as errors$' | sort -u
}

rule_kernel_doc()
{
	local old=$LOOK/kernel-doc.old
	kernel_doc_says "$LOOK/old" | sed 's/:[0-9][0-9]* / /' >"$old"
	kernel_doc_says "$LOOK/new" | while IFS= read -r line; do
		say "$line" | sed 's/:[0-9][0-9]* / /' | grep -qxF -f "$old" || say "$line"
	done | none
}

# Every name that a header defines inline
rule_documented()
{
	local file
	for file in $(our_files | grep '^include/linux/.*\.h$'); do
		awk -v file="$file" '
			/^ \* [a-z_0-9]+ - /{ known[$2] = 1 }
			/^static .*inline/ {
				text = $0
				if (text !~ /\(/) { getline more; text = text " " more }
				match(text, /[a-z_0-9]+\(/)
				name = substr(text, RSTART, RLENGTH - 1)
				if (!(name in known)) print file ":" FNR ": " name "() has no kernel-doc"
			}' "$LOOK/new/$file"
	done | none
}

# In the first or, behind #!, the second line. A selftest's settings have none anywhere.
rule_spdx()
{
	local file
	{
		our_files | grep -v '^tools/testing/selftests/.*/settings$'
		(cd "$TOP" && printf '%s\n' Makefile .ci/run series/tools/* series/guest/*.[ch] series/guest/init)
	} | while IFS= read -r file; do
		[ ! -f "$TOP/$file" ] || head -n 2 "$TOP/$file" | grep -q 'SPDX-License-Identifier: GPL-2.0' ||
			say "$file:1: no SPDX-License-Identifier: GPL-2.0..."
	done | none
}

# our_text: all that people read, by directory: what becomes of the kernel, and the rest
our_text() { our_files; printf '%s\n' "${TEXTS[@]}"; (cd "$LOOK/new" && find series -name edit.diff); }
other_text() { (cd "$TOP" && find README.md series/README.md series/tools series/guest -type f 2>/dev/null); }

# Words of make, of sed, of selftest-check are none
rule_spelling()
{
	# shellcheck disable=SC2046 # a list
	(
		cd "$LOOK/new" && codespell $(our_text) 2>&1
		cd "$TOP" && codespell -L extraversion,trun,recieve,recieves $(other_text) 2>&1
	) | none
}

# has_phrase DIR REGEX: where, in the files read
has_phrase() { (cd "$1" && xargs -r grep -nHiP -e "$2" --); }

rule_plain()
{
	local phrase instead
	while IFS=$'\t' read -r -u 3 phrase instead _; do
		{
			our_text | has_phrase "$LOOK/new" "$phrase"
			other_text | grep -v selftest-check | has_phrase "$TOP" "$phrase"
		} | awk -v instead="$instead" -F: '{ print $1 ":" $2 ": " instead }'
	done 3< <(grep -v '^#' "$PHRASES") | sort -t: -k1,1 -k2,2n -u | none
}

# Order of declarations at the start of a block: none is longer than the one before it,
# unless it needs that one
rule_declarations()
{
	# shellcheck disable=SC2046,SC2016 # a list; $ is perl's
	(cd "$LOOK/new" && perl -ne '
		chomp;
		s#\s*(/\*.*\*/|//.*)$##;
		if (/^\{$/ || /(\)|\belse|\bdo) \{$/) {
			($block, $last, %names) = ($before !~ /^FIXTURE/, 0);
		} elsif ($block && !/^\t+(return|goto|else|case|break|typedef)\b/ &&
			 /^\t+(?:(?:\w+\s+)+[\s*]*|\w+\s+\*+)(\w+)([^=]*?)(\s*=.*)?;$/ &&
			 $2 !~ /^\s*\(|->|\+\+|--/) {
			my ($name, $rest, $value) = ($1, $2, $3 // "");
			my $width = length(s/\t/        /gr);
			my $needed = grep { $value =~ /\b\Q$_\E\b/ } keys %names;
			print "$ARGV:$.: longer than the line before it: ", s/^\s+//r, "\n"
				if $last && $width > $last && !$needed;
			$names{$name} = 1;
			$names{$1} = 1 while $rest =~ /,[\s*]*(\w+)/g;
			$last = $width;
		} else {
			$block = 0;
		}
		$before = $_;
		close ARGV if eof;' $(our_c) </dev/null) | none
}

### The changelogs, and the cover letter

# breaks WHAT REGEX MESSAGE...: where the text has what it should not have
breaks()
{
	# shellcheck disable=SC2016 # $ is perl's
	(cd "$LOOK/new" && what=$1 regex=$2 perl -0777 -ne '
		while (/$ENV{regex}/gm) {
			my $line = 1 + (substr($_, 0, $-[0]) =~ tr/\n//);
			print "$ARGV:$line: $ENV{what}: ", $& =~ tr/\n/ /r, "\n";
		}' "${@:3}")
}

rule_subject()
{
	{
		breaks "not 'area: Summary'" '\A(?![A-Za-z0-9][\w/.-]*: [A-Z]).*' "${MESSAGES[@]}"
		breaks "ends with a full stop" '\A.*\.$' "${MESSAGES[@]}"
		breaks "more than 75 columns" '\A.{76,}$' "${MESSAGES[@]}"
	} | none
}

# As far as it can be seen at the word's end: not Adds, Added, Adding
rule_imperative()
{
	breaks "not in the imperative" \
		'\A[^:\n]*: (?!(Bias|Bring|Embed|Feed|Focus|Need|Seed|Shed|Speed|String|Swing)\b)\w+(ed|ing|[^s\W]s)\b' \
		"${MESSAGES[@]}" | none
}

# Quotations are indented; and there are lines which cannot be broken
rule_width()
{
	breaks "more than 75 columns" '^(?!  |\t|\S+$|(Fixes|Link|Closes): ).{76,}$' "${TEXTS[@]}" | none
}

rule_voice()
{
	{
		breaks "speaks of itself" '\b[Tt]his\s+(patch|commit)\b' "${MESSAGES[@]}"
		breaks "speaks of its author" '\bI\b(?![/.])|\b([Ww]e|[Oo]ur|[Ll]et.s)\b' "${MESSAGES[@]}"
	} | none
}

# Documentation/process/maintainer-tip.rst has the order
rule_tags()
{
	(cd "$LOOK/new" && awk '
		function wrong(what) { print FILENAME ":" FNR ": " what ": " $0 }
		BEGIN {
			n = split("Fixes Reported-by Closes Originally-by Suggested-by Co-developed-by " \
				  "Signed-off-by Tested-by Reviewed-by Acked-by Cc Link", names, " ")
			for (i = 1; i <= n; i++)
				rank[names[i]] = i
			rank["Closes"] = rank["Reported-by"]
		}
		FNR == 1 { last = gap = 0; before = "" }
		FNR > 2 && /^[A-Z][A-Za-z-]*: / && (($1 ~ /-by:$/) || substr($1, 1, length($1) - 1) in rank) {
			tag = substr($1, 1, length($1) - 1)
			if (tag == "Signed-off-by") wrong("who sends the patch adds that")
			else if (!(tag in rank)) wrong("no tag that tip knows")
			else if (rank[tag] < last) wrong("not in the order of tags")
			if (!last && before != "") wrong("no blank line before the tags")
			if (gap) wrong("tags are not one paragraph")
			if (rank[tag] > last) last = rank[tag]
			if (!last) last = 1
			next
		}
		last && /^$/ { gap = 1 }
		last && !/^$/ { wrong("after the tags"); last = gap = 0 }
		{ before = $0 }' "${MESSAGES[@]}") | none
}

rule_reason()
{
	local message words
	for message in "${MESSAGES[@]}"; do
		words=$(sed '1,2d' "$LOOK/new/$message" | wc -w)
		[ "$words" -ge 20 ] || say "$message: $words words"
	done | none
}

### Names

functions() { grep -ohE '\b[A-Za-z_]\w*\(' "$@" </dev/null | tr -d '(' | grep -v '^foo_'; }

# comments FILE...
# shellcheck disable=SC2016 # $ is perl's
comments()
{
	perl -0777 -ne 'while (m{"(?:\\.|[^"\\\n])*"|(/\*.*?\*/|//[^\n]*)}sg) { print "$1\n" if defined $1 }' \
		"$@" </dev/null
}

# without_code NAMES COMMIT: those of the file's names that no line of code has
without_code()
{
	local dir there=()
	# A directory that is not there would be an error
	while read -r dir; do
		! tgit cat-file -e "$2:$dir" 2>/dev/null || there+=("$dir/*.[chS]")
	done < <(printf '%s\n' include kernel tools/testing/selftests/{entry,x86}
		touched_paths | sed -n 's,^\(arch/[^/]*\)/.*,\1,p' | sort -u)
	tgit archive "$2" -- "${there[@]}" |
		tar -xO | grep -avE '^[[:space:]]*(\*|/\*|//)' | grep -aowF -f "$1" | sort -u | comm -13 - "$1"
}

# words FIGURE...: what can be read in it
words() { perl -0777 -ne 's{<style>.*?</style>|<!--.*?-->}{}sg; s{<[^>]*>}{\n}g; print "$_\n"' "$@" </dev/null; }

# places WHAT NAMES FILE...: where files have which of the names
places()
{
	grep -nHowF -f "$2" -- "${@:3}" </dev/null | sed "s,:\([^:]*\)\$,: no $1 \1," | sort -u
}

# Functions "name(" everywhere; and in documents constants ``SOME_NAME`` and files. Figures
# belong to the documents.
# What begins with foo_ is an example's own. A changelog may speak of the base.
# shellcheck disable=SC2016 # reST has backticks
rule_names()
{
	local pages figures code names=$LOOK/names
	mapfile -t pages < <(our_rst)
	mapfile -t figures < <(our_figures)
	mapfile -t code < <(our_c)
	(
		cd "$LOOK/new" || exit
		words "${figures[@]}" >"$names.figures"
		{
			functions "${pages[@]}" "$names.figures"
			grep -ohE '``\w*_\w*``' "${pages[@]}" </dev/null | tr -d '`' | grep -v '^foo_'
		} | sort -u >"$names.pages"
		comments "${code[@]}" >"$names.comments"
		functions "$names.comments" | sort -u >"$names.code"
		functions "${TEXTS[@]}" | sort -u >"$names.messages"
		sort -u "$names".{pages,code,messages} >"$names"
		without_code "$names" "$ASSEMBLED" >"$names.new"
		if [ -s "$names.new" ]; then
			without_code "$names.new" base | comm -12 - "$names.messages" >"$names.lost"
			[ ! -s "$names.lost" ] || places function "$names.lost" "${TEXTS[@]}"
			comm -12 "$names.new" "$names.pages" >"$names.lost"
			[ ! -s "$names.lost" ] || places "function or constant" "$names.lost" "${pages[@]}" "${figures[@]}"
			comm -12 "$names.new" "$names.code" >"$names.lost"
			[ ! -s "$names.lost" ] || places function "$names.lost" "${code[@]}"
		fi
		grep -ohE '\b(Documentation|include|kernel|arch|tools)/[A-Za-z0-9_./-]*\w' "${pages[@]}" </dev/null |
			sort -u | while read -r name; do
				tgit cat-file -e "$ASSEMBLED:$name" 2>/dev/null || say "$name"
			done >"$names.lost"
		[ ! -s "$names.lost" ] || places file "$names.lost" "${pages[@]}"
	) | none
}

### The patches

# code_lines COMMIT: added and removed
code_lines() { code_of "$1" --numstat | awk '{ n += $1 + $2 } END { print n + 0 }'; }

# A patch that is larger says why in a file of that name
rule_size()
{
	local i n patch
	for i in "${!PATCHES[@]}"; do
		patch=${PATCHES[i]}
		n=$(code_lines "${COMMITS[i]}")
		if [ "$n" -gt "$LINES_AT_MOST" ]; then
			[ -s "$PATCHDIR/$patch/large" ] || say "$patch: $n lines; if that must be, say why in series/patches/$patch/large"
		else
			[ ! -e "$PATCHDIR/$patch/large" ] || say "$patch: $n lines are not too many, but it has a file large"
		fi
	done | none
}

rule_topics()
{
	printf '%s\n' "${PATCHES[@]%%/*}" | uniq -c |
		awk -v most="$PATCHES_AT_MOST" '$1 > most { print "series/patches/" $2 ": " $1 " patches" }' | none
}

# Not what has been done to all of them, the cover letter says that, but what to run for
# this one, and what it shows
rule_tested()
{
	local patch words
	for patch in "${PATCHES[@]}"; do
		words=0
		[ ! -f "$PATCHDIR/$patch/tested" ] || words=$(wc -w <"$PATCHDIR/$patch/tested")
		[ "$words" -ge 10 ] || say "$patch: $words words in series/patches/$patch/tested"
	done | none
}

# By a section of its own: there are some that cover whatever is in a directory
rule_maintained()
{
	local path
	tgit diff --no-renames --diff-filter=A --name-only base "$ASSEMBLED" | while IFS= read -r path; do
		(cd "$LOOK/new" && get_maintainer --no-tree --mpath "$LOOK/new/MAINTAINERS" --sections -f "$path") |
			awk 'NR == 1 || last == "" { print } { last = $0 }' | grep -v '^$' |
			grep -qvxE 'THE REST|DOCUMENTATION|KERNEL SELFTEST FRAMEWORK' ||
			say "$path: no section of MAINTAINERS but those for everything"
	done | none
}

rule_toctree()
{
	local page
	for page in $(our_rst); do
		tgit show "$ASSEMBLED:$(dirname "$page")/index.rst" 2>/dev/null |
			grep -qx "[[:space:]]*$(basename "$page" .rst)" || say "$page is not in $(dirname "$page")/index.rst"
	done | none
}
