// SPDX-License-Identifier: GPL-2.0-only
/*
 * One system call, getppid(), with each kind of one-time work around it: who is
 * told of it, how often, and what the caller gets. A line for each; the exit
 * status says whether all was as it has to be.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "tracing.h"

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH	59
#define PR_SYS_DISPATCH_ON		1
#endif
#ifndef SYS_USER_DISPATCH
#define SYS_USER_DISPATCH		2
#endif


static int failures;

static void row(const char *work, int good, const char *format, ...)
{
	char text[120];
	__builtin_va_list args;

	__builtin_va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	__builtin_va_end(args);
	printf("  %-22s %-52s %s\n", work, text, good ? "ok" : "WRONG");
	failures += !good;
}

static long call(void)
{
	return syscall(SYS_getppid);
}

static void plain(void)
{
	long got = call();

	row("none", got == getppid(), "returns %ld", got);
}

/* A filter that answers getppid() with an errno, in a child of its own */
static void seccomp(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOTNAM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { .len = 4, .filter = code };
	int status = -1;

	fflush(stdout);
	if (!fork()) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
			_exit(100);
		_exit(call() == -1 ? errno : 0);
	}
	wait(&status);
	row("seccomp", WIFEXITED(status) && WEXITSTATUS(status) == ENOTNAM,
	    "filter forbids it, errno is %d (ENOTNAM is %d)", WEXITSTATUS(status), ENOTNAM);
}

/* A tracer counts the stops of the call, and changes its result */
static void tracer(void)
{
	struct user_regs_struct regs;
	int entries = 0, exits = 0, status;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		_exit(call() == 77 ? 7 : 1);
	}
	waitpid(child, &status, 0);
	ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	for (;;) {
		ptrace(PTRACE_SYSCALL, child, 0, 0);
		if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
			break;
		if (WSTOPSIG(status) != (SIGTRAP | 0x80))
			continue;
		ptrace(PTRACE_GETREGS, child, 0, &regs);
		if (regs.orig_rax != SYS_getppid)
			continue;
		if ((long)regs.rax == -ENOSYS) {
			entries++;
		} else {
			exits++;
			regs.rax = 77;
			ptrace(PTRACE_SETREGS, child, 0, &regs);
		}
	}
	row("ptrace", entries == 1 && exits == 1 && WIFEXITED(status) && WEXITSTATUS(status) == 7,
	    "%d entry stop, %d exit stop, tracer's result %s", entries, exits,
	    WEXITSTATUS(status) == 7 ? "returned" : "lost");
}

static volatile char selector;
static volatile int dispatched, dispatched_nr;

static void on_sigsys(int sig, siginfo_t *info, void *context)
{
	selector = SYSCALL_DISPATCH_FILTER_ALLOW;
	if (info->si_code == SYS_USER_DISPATCH)
		dispatched++;
	dispatched_nr = info->si_syscall;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = 4711;
}

/* The program itself gets the call by a signal, and gives the result */
static void user_dispatch(void)
{
	struct sigaction action = { .sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO };
	long got;

	sigaction(SIGSYS, &action, NULL);
	if (prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, &selector)) {
		row("user dispatch", 0, "prctl: %s", strerror(errno));
		return;
	}
	selector = SYSCALL_DISPATCH_FILTER_BLOCK;
	got = call();
	prctl(PR_SET_SYSCALL_USER_DISPATCH, 0, 0, 0, 0);
	row("user dispatch", dispatched == 1 && dispatched_nr == SYS_getppid && got == 4711,
	    "%d SIGSYS for call %d, handler's result %ld", dispatched, dispatched_nr, got);
}

/* The events of the call's tracepoints, for this task */
static void tracepoint(void)
{
	int entries = 0, exits = 0;
	char line[512], who[32];
	FILE *trace;

	mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
	if (tracing_write("events/syscalls/sys_enter_getppid/enable", "1") ||
	    tracing_write("events/syscalls/sys_exit_getppid/enable", "1")) {
		row("tracepoint", 0, "no tracefs: %s", strerror(errno));
		return;
	}
	tracing_write("trace", "");
	call();
	tracing_write("events/syscalls/sys_enter_getppid/enable", "0");
	tracing_write("events/syscalls/sys_exit_getppid/enable", "0");
	snprintf(who, sizeof(who), "-%d ", getpid());
	trace = fopen(TRACING "trace", "r");
	while (trace && fgets(line, sizeof(line), trace)) {
		if (!strstr(line, who))
			continue;
		entries += !!strstr(line, "sys_getppid()");
		exits += !!strstr(line, "sys_getppid ->");
	}
	row("tracepoint", entries == 1 && exits == 1, "%d enter event, %d exit event",
	    entries, exits);
}

int main(void)
{
	struct utsname kernel;

	uname(&kernel);
	printf("One call of getppid() on %s\n", kernel.release);
	printf("  %-22s %s\n", "with", "what is seen of it");
	plain();
	user_dispatch();
	tracer();
	seccomp();
	tracepoint();
	return failures != 0;
}
