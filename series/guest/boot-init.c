// SPDX-License-Identifier: GPL-2.0-only
/*
 * The only program of a guest that boots on any architecture, besides the tests: built
 * with nolibc, it is init. What it does say the words of the kernel's command line:
 *
 *	count	instructions of system calls, and signals that come too late, in a machine that
 *		executes one a nanosecond
 *	or else	all programs in /tests, one after the other
 *
 * Its lines begin with "boot: ". The last one is "boot: done".
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CALLS	1000	/* a round: short enough for no tick to come in most of them */
#define ROUNDS	200

#define EARLIEST	1000	/* nanoseconds from the clock's reading to the signal */
#define LATEST		9000	/* when the calls after it have long returned */
#define SPIN		50000	/* turns of a loop in user mode: less than a tick */

#define SET_LOGLEVEL	8	/* what syslog() is to do */
#define WARNINGS	5	/* and nothing that is less */

#ifndef __NR_clock_gettime
# define __NR_clock_gettime	__NR_clock_gettime64
#endif

static const char *const environment[] = { "PATH=/", NULL };

static long now(void)
{
	long t[2];

	/* Not by the vDSO, whose cost the two calls would have in common anyway */
	_syscall(__NR_clock_gettime, 1, t);
	return t[0] * 1000000000 + t[1];
}

/* Nanoseconds of CALLS calls, the least of all rounds; or of the loop alone */
static long least(long nr, int make)
{
	long best = LONG_MAX, begin, time;
	int round, i;

	for (round = 0; round < ROUNDS; round++) {
		begin = now();
		for (i = 0; i < CALLS; i++) {
			if (make)
				_syscall(nr);
			else
				__asm__ volatile("" : : : "memory");
		}
		time = now() - begin;
		if (time < best)
			best = time;
	}
	return best;
}

static void count(const char *name, long nr)
{
	long hundredths = (least(nr, 1) - least(nr, 0)) * 100 / CALLS;

	printf("boot: count %s %ld.%02ld\n", name, hundredths / 100, hundredths % 100);
}

/* Let a timer kill the program somewhere in its last calls, or in the loop after them */
static void wait_for_signal(long ns, volatile int *missed)
{
	long value[4] = { 0 };
	int id, i;

	/* Mapped from here on: the last write must not enter the kernel */
	*missed = 0;
	_syscall(__NR_timer_create, 1, NULL, &id);
	ns += now();
	value[2] = ns / 1000000000;
	value[3] = ns % 1000000000;
	_syscall(__NR_timer_settime, id, 1, value, NULL);
	/* Timers have a least delay, which is over before the last one of these ends */
	for (i = 0; i < 8; i++)
		_syscall(__NR_getppid);
	for (i = 0; i < SPIN; i++)
		__asm__ volatile("" : : : "memory");
	*missed = 1;
}

/* Does a signal wait that comes at the very end of a system call? Each moment is tried */
static void count_late(void)
{
	int *missed = mmap(NULL, sizeof(*missed), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int late = 0, tries = 0;
	pid_t pid;
	long ns;

	for (ns = EARLIEST; ns < LATEST; ns += 3) {
		pid = fork();
		if (pid == 0) {
			wait_for_signal(ns, missed);
			_exit(0);
		}
		if (pid < 0)
			continue;
		while (wait(NULL) != pid)
			;
		late += *missed;
		tries++;
	}
	printf("boot: late %d of %d\n", late, tries);
}

static void run(const char *name)
{
	char path[64];
	char *argv[] = { path, NULL };
	int status = -1;
	pid_t pid;

	snprintf(path, sizeof(path), "/tests/%s", name);
	printf("boot: begin %s\n", name);
	pid = fork();
	if (pid == 0) {
		execve(path, argv, (char **)environment);
		_exit(127);
	}
	while (pid > 0 && wait(&status) != pid)
		;
	printf("boot: end %s %d\n", name, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static void run_all(void)
{
	struct dirent entry, *next;
	DIR *dir = opendir("/tests");

	while (dir && !readdir_r(dir, &entry, &next) && next) {
		if (next->d_name[0] != '.')
			run(next->d_name);
	}
}

static int cpus(void)
{
	unsigned long mask[16] = { 0 };
	int n = 0, cpu;

	_syscall(__NR_sched_getaffinity, 0, sizeof(mask), mask);
	for (cpu = 0; cpu < (int)sizeof(mask) * 8; cpu++)
		n += mask[cpu / (sizeof(long) * 8)] >> cpu % (sizeof(long) * 8) & 1;
	return n;
}

int main(int argc, char **argv)
{
	char words[1024];
	int fd, len;

	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mkdir("/dev", 0755);
	mkdir("/tmp", 0777);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sys", "/sys", "sysfs", 0, NULL);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	mount("tracing", "/sys/kernel/tracing", "tracefs", 0, NULL);

	fd = open("/proc/cmdline", O_RDONLY);
	len = read(fd, words, sizeof(words) - 1);
	words[len > 0 ? len : 0] = 0;
	close(fd);

	/* A notice, as audit's of a call, would end up in the middle of a test's line */
	_syscall(__NR_syslog, SET_LOGLEVEL, NULL, WARNINGS);

	printf("boot: %d cpus\n", cpus());
	if (strstr(words, "count")) {
		count("no call", -1);
		count("getppid", __NR_getppid);
		count_late();
	} else {
		run_all();
	}
	printf("boot: done\n");
	fflush(stdout);
	reboot(LINUX_REBOOT_CMD_RESTART);
	for (;;)
		sleep(1);
}
