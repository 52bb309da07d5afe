# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Debian packages that are fetched, but not installed. Source it after lib.sh.

TOOL=$(basename "$0")
# The base, and where Debian has it
KERNEL=7.3 SUITE=trixie-backports
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# private_apt SUITES [ARCHITECTURE]: an apt of our own, for packages of one suite or
# several. Its lists, cache and sources are in $APT, the system's are neither used nor
# changed. Signatures are checked as usual. $ELSE says what to do without it.
private_apt()
{
	local mirror suites suite
	read -ra suites <<<"$1"
	mirror=$(debian_mirror) || exit
	[ -f "$KEYRING" ] ||
		fail "Debian's keys are not here" "$KEYRING of the package debian-archive-keyring is missing" "install it, then try again"
	mkdir -p "$APT"/{none,state/lists/partial,cache/archives/partial}
	: >"$APT/status"
	for suite in "${suites[@]}"; do
		say "deb [signed-by=$KEYRING] $mirror $suite main"
	done >"$APT/sources.list"
	cat >"$APT/apt.conf" <<-END
		Dir::State "$APT/state";
		Dir::State::status "$APT/status";
		Dir::Cache "$APT/cache";
		Dir::Etc::sourcelist "$APT/sources.list";
		Dir::Etc::sourceparts "$APT/none";
		Dir::Etc::preferences "$APT/none/preferences";
		Dir::Etc::preferencesparts "$APT/none";
		APT::Default-Release "";
		APT::Sandbox::User "$(id -un)";
		APT::Update::Error-Mode "any";
		Acquire::Languages "none";
		Acquire::Retries "2";
		#clear APT::Update::Pre-Invoke;
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
	END
	[ -z "${2:-}" ] || cat >>"$APT/apt.conf" <<-END
		APT::Architecture "$2";
		#clear APT::Architectures;
		APT::Architectures { "$2"; };
	END
	# shellcheck disable=SC2034 # for the caller's commands
	OPTIONS=(-c "$APT/apt.conf")
}

# The mirror that apt has for Debian's main archive; where apt has no lists
# yet it cannot know the origin, then the source of this very release counts
debian_mirror()
{
	local release mirror
	release=$(. /etc/os-release && [ "${ID:-}" = debian ] && say "${VERSION_CODENAME:-}") || release=
	# shellcheck disable=SC2016 # the fields are apt's
	mirror=$(apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(CREATED_BY)|$(COMPONENT)|$(RELEASE)|$(REPO_URI)' |
		awk -F '|' -v release="${release:-none}" '
			$3 != "Packages" || $4 != "main" { next }
			$1 == "Debian" && $2 == "Debian" { print $6; found = 1; exit }
			$1 == "" && $5 == release && other == "" { other = $6 }
			END { if (!found && other != "") print other }')
	[ -n "$mirror" ] ||
		fail "no Debian mirror is known" "none of this system's apt sources is Debian's main archive" "$ELSE"
	say "$mirror"
}

# ---- one package, checked. The caller has step NAME COMMAND..., which shows progress.

# same_sum FILE SHA256 SIZE: is FILE what the signed index says?
same_sum()
{
	[ -f "$1" ] && [ -n "$2" ] && [ "$(stat -c %s "$1")" = "$3" ] || return 1
	[ "$(sha256sum <"$1")" = "$2  -" ]
}

# wanted_package: "version sha256 size" by the signed index that apt has
wanted_package()
{
	local version
	version=$(apt-cache "${OPTIONS[@]}" policy "$PACKAGE" | sed -n 's/^ *Candidate: //p')
	case $version in
	"$KERNEL"*) ;;
	*) return 1 ;;
	esac
	apt-cache "${OPTIONS[@]}" show "$PACKAGE=$version" | awk -v version="$version" '
		$1 == "SHA256:" { sum = $2 }
		$1 == "Size:" { size = $2 }
		/^$/ { exit }
		END { if (sum == "" || size == "") exit 1; print version, sum, size }'
}

download_deb()
{
	(cd "$APT/partial" && apt-get -q -o APT::Sandbox::User="$(id -un)" "${OPTIONS[@]}" download "$PACKAGE=$1")
}

# get_deb: with the apt that OPTIONS names; sets DEB and PACKAGE_VERSION
get_deb()
{
	local version sum size
	read -r version sum size < <(wanted_package) || return 1
	# shellcheck disable=SC2034 # for the caller
	PACKAGE_VERSION=$version
	DEB=$APT/${PACKAGE}_all.deb
	if [ -f "$DEB" ]; then
		same_sum "$DEB" "$sum" "$size" && return
		rm -f "$DEB"
		say "$TOOL: the package of an earlier run is not what the signed index says: deleted"
	fi
	[ "${1:-}" != cached ] || return 1
	rm -rf "$APT/partial"
	mkdir -p "$APT/partial"
	step "$TOOL: download of $PACKAGE $version ($((size / 1000000)) MB)" download_deb "$version" || {
		rm -rf "$APT/partial"
		return 1
	}
	mv "$APT/partial/"*.deb "$DEB"
	same_sum "$DEB" "$sum" "$size" && return
	rm -f "$DEB"
	fail "the downloaded $PACKAGE is not what the signed index says" \
	     "it is cut off or changed on the way; it is deleted" "try again, or $ELSE"
}

# debian_package: $PACKAGE of $KERNEL, which goes by no other name in $SUITE. From the
# machine's own apt sources (not with OTHER), then what an earlier run left of ours, then
# our lists again
debian_package()
{
	command -v apt-get >/dev/null ||
		fail "$PACKAGE cannot be had" "this system has no apt-get to fetch it with" "$ELSE"
	mkdir -p "$APT"
	OPTIONS=()
	[ -n "$OTHER" ] || ! get_deb || return 0
	private_apt "$SUITE"
	get_deb cached && return
	step "$TOOL: package lists of $SUITE" apt-get -q "${OPTIONS[@]}" update ||
		fail "Debian's package lists could not be fetched" \
		     "the mirror cannot be reached, or its signature is not Debian's (see above)" \
		     "look at the network and try again, or $ELSE"
	wanted_package >/dev/null ||
		fail "$SUITE has no $PACKAGE" "Debian may have gone on to a newer kernel" "$ELSE"
	get_deb ||
		fail "$PACKAGE could not be downloaded" "apt-get says why above" \
		     "look at the network and try again, or $ELSE"
}
