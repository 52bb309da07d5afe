# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Debian packages that are fetched, but not installed. Source it after lib.sh.

KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# private_apt SUITES [ARCHITECTURE]: an apt of our own, for packages of one suite or
# several. Its lists, cache and sources are in $APT, the system's are neither used nor
# changed. Signatures are checked as usual. $ELSE says what to do without it.
private_apt()
{
	local mirror suites suite
	read -ra suites <<<"$1"
	mirror=$(debian_mirror)
	[ -n "$mirror" ] ||
		fail "no Debian mirror is known" "none of this system's apt sources is Debian's main archive" "$ELSE"
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
	local release
	release=$(. /etc/os-release && [ "${ID:-}" = debian ] && say "${VERSION_CODENAME:-}") || release=
	# shellcheck disable=SC2016 # the fields are apt's
	apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(CREATED_BY)|$(COMPONENT)|$(RELEASE)|$(REPO_URI)' |
		awk -F '|' -v release="${release:-none}" '
			$3 != "Packages" || $4 != "main" { next }
			$1 == "Debian" && $2 == "Debian" { print $6; found = 1; exit }
			$1 == "" && $5 == release && other == "" { other = $6 }
			END { if (!found && other != "") print other }'
}
