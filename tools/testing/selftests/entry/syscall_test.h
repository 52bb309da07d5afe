/* SPDX-License-Identifier: GPL-2.0 */
/*
 * System calls, filters and tracers without a word about the architecture: tracers use
 * PTRACE_GET_SYSCALL_INFO and PTRACE_SET_SYSCALL_INFO. Needs little enough of a C library
 * for nolibc.
 */
#ifndef SELFTEST_ENTRY_SYSCALL_TEST_H
#define SELFTEST_ENTRY_SYSCALL_TEST_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/ptrace.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#ifdef NOLIBC
#include <asm/siginfo.h>
#include <linux/signal.h>
#include <sys/auxv.h>
#include <sys/ptrace.h>
#define WIFSTOPPED(status)	(((status) & 0xff) == 0x7f)
#define WSTOPSIG(status)	(((status) >> 8) & 0xff)
#else
/* Their headers cannot be used together with the kernel's */
unsigned long getauxval(unsigned long type);
long ptrace(int request, ...);
#endif

#ifndef SIGSYS
# define SIGSYS			31
#endif
#ifndef PTRACE_SET_SYSCALL_INFO
# define PTRACE_SET_SYSCALL_INFO	0x4212
#endif
#ifndef SECCOMP_USER_NOTIF_FLAG_CONTINUE
# define SECCOMP_USER_NOTIF_FLAG_CONTINUE	1
#endif

/* A 32-bit program may have two: the older one may be configured off */
#ifdef __NR_ppoll_time64
# define NR_PPOLL	__NR_ppoll_time64
#else
# define NR_PPOLL	__NR_ppoll
#endif

/* The number of no call: not -1, which skips a call. s390's numbers have 16 bits */
#define NR_NONE		0x5678

/*
 * call6 - Make a call by its number
 *
 * Returns what the kernel returns. The number is as wide as a register.
 */
static inline long call6(long nr, long a, long b, long c, long d, long e, long f)
{
#ifdef NOLIBC
	return __nolibc_syscall6(nr, a, b, c, d, e, f);
#else
	long ret = syscall(nr, a, b, c, d, e, f);

	return ret == -1 ? -errno : ret;
#endif
}

#define call0(nr)		call6(nr, 0, 0, 0, 0, 0, 0)
#define call1(nr, a)		call6(nr, (long)(a), 0, 0, 0, 0, 0)
#define call2(nr, a, b)		call6(nr, (long)(a), (long)(b), 0, 0, 0, 0)
#define call3(nr, a, b, c)	call6(nr, (long)(a), (long)(b), (long)(c), 0, 0, 0)

/* The argument of clone() that has the flags: on s390 the stack comes first */
#ifdef __s390__
# define CLONE_FLAGS_ARG	1
#else
# define CLONE_FLAGS_ARG	0
#endif

/* clone_flags - clone() with nothing but flags */
static inline long clone_flags(unsigned long flags)
{
	const unsigned long args[2] = { [CLONE_FLAGS_ARG] = flags };

	return call2(__NR_clone, args[0], args[1]);
}

/* signal_self - Send a signal that is handled, if it is not blocked, before this returns */
static inline long signal_self(int sig)
{
	return call3(__NR_tgkill, call0(__NR_getpid), call0(__NR_gettid), sig);
}

typedef void (*handler_fn)(int sig, siginfo_t *info, void *context);

static inline long on_signal(int sig, handler_fn fn, int flags)
{
#if defined(NOLIBC) && defined(__arm__)
	/* Its header has an older structure */
	const struct {
		handler_fn fn;
		unsigned long flags, restorer, mask[2];
	} action = { .fn = fn, .flags = flags | SA_SIGINFO };

	return call6(__NR_rt_sigaction, sig, (long)&action, 0, sizeof(action.mask), 0, 0);
#else
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_flags = flags | SA_SIGINFO;
#ifdef NOLIBC
	/* The kernel's structure. Architectures that need a restorer cannot use nolibc here */
	sa.sa_handler = (__sighandler_t)fn;
	return call6(__NR_rt_sigaction, sig, (long)&sa, 0, sizeof(sa.sa_mask), 0, 0);
#else
	sa.sa_sigaction = fn;
	return sigaction(sig, &sa, NULL);
#endif
#endif
}

/* share - Memory that children share with their parent */
static inline void *share(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/*
 * install_filter - Let seccomp ask a filter
 *
 * Returns a file descriptor with SECCOMP_FILTER_FLAG_NEW_LISTENER, or else 0, or an error.
 */
static inline long install_filter(struct sock_filter *insns, int n, unsigned int flags)
{
	const long ret = call6(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0);
	struct sock_fprog prog = { .len = n, .filter = insns };

	return ret ?: call3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}

/* filter_call - Give calls of one number this answer of seccomp's */
static inline long filter_call(int nr, unsigned int answer, unsigned int flags)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, answer),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return install_filter(insns, ARRAY_SIZE(insns), flags);
}

/* wait_status - Of a child that ends or stops; -1 if there is none */
static inline int wait_status(pid_t pid)
{
	int status;

	return waitpid(pid, &status, WUNTRACED) == pid ? status : -1;
}

/* sleeping - Wait until a task sleeps, or has ended */
static inline bool sleeping(pid_t pid)
{
	char path[32], stat[256], *state;
	int fd, len;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (;;) {
		fd = open(path, O_RDONLY);
		if (fd < 0)
			return false;
		len = read(fd, stat, sizeof(stat) - 1);
		close(fd);
		if (len <= 0)
			return false;
		stat[len] = 0;
		state = strrchr(stat, ')');
		if (!state || state[2] == 'Z')
			return false;
		if (state[2] == 'S')
			return true;
		sched_yield();
	}
}

/*
 * A tracer. What it sees is a text: "entry CALL", "seccomp CALL", "exit RESULT",
 * "signal NUMBER", "end", each with a blank before it.
 */

struct trace {
	pid_t pid;
	int request;		/* how the task goes on after a stop */
	int stops;		/* so far, this one included */
	char *log;
	size_t size;
};

typedef void (*trace_fn)(struct trace *t, struct ptrace_syscall_info *info);

static inline void trace_log(struct trace *t, const char *format, ...)
{
	size_t len = strlen(t->log);
	va_list args;

	va_start(args, format);
	vsnprintf(t->log + len, t->size - len, format, args);
	va_end(args);
}

static inline void log_call(struct trace *t, const char *what, long nr)
{
	const struct {
		long nr;
		const char *name;
	} names[] = {
		{ __NR_umask, "umask" },
		{ __NR_getppid, "getppid" },
		{ __NR_read, "read" },
		{ __NR_exit_group, "exit_group" },
		{ __NR_restart_syscall, "restart_syscall" },
#ifdef __NR_nanosleep
		{ __NR_nanosleep, "nanosleep" },
#endif
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (names[i].nr == nr) {
			trace_log(t, " %s %s", what, names[i].name);
			return;
		}
	}
	trace_log(t, " %s %ld", what, nr);
}

/* set_call - At a stop on entry or for seccomp: another number, and another first argument */
static inline long set_call(struct trace *t, struct ptrace_syscall_info *info, int nr,
			    unsigned long arg)
{
	if (info->op == PTRACE_SYSCALL_INFO_SECCOMP) {
		info->seccomp.nr = nr;
		info->seccomp.args[0] = arg;
		info->seccomp.reserved2 = 0;
	} else {
		info->entry.nr = nr;
		info->entry.args[0] = arg;
	}
	info->reserved = 0;
	return ptrace(PTRACE_SET_SYSCALL_INFO, t->pid, (void *)sizeof(*info), info);
}

/* set_result - At a stop on exit: another result, which may be an error */
static inline long set_result(struct trace *t, struct ptrace_syscall_info *info, long rval)
{
	info->exit.rval = rval;
	info->exit.is_error = rval < 0 && rval >= -4095;
	info->reserved = 0;
	return ptrace(PTRACE_SET_SYSCALL_INFO, t->pid, (void *)sizeof(*info), info);
}

/*
 * trace_child - Trace a task that has stopped itself, up to its end
 *
 * at_stop is called at each stop of a system call, after it has been logged.
 * Returns whether the task ended by itself.
 */
static inline bool trace_child(struct trace *t, trace_fn at_stop)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL;
	struct ptrace_syscall_info info;
	int status, sig;

	t->stops = 0;
	t->log[0] = 0;
	status = wait_status(t->pid);
	if (!WIFSTOPPED(status) || ptrace(PTRACE_SETOPTIONS, t->pid, 0, (void *)options))
		return false;

	for (;;) {
		if (ptrace(t->request, t->pid, NULL, NULL))
			break;
		status = wait_status(t->pid);
		if (!WIFSTOPPED(status))
			break;

		sig = WSTOPSIG(status) & 0x7f;
		memset(&info, 0, sizeof(info));
		if (ptrace(PTRACE_GET_SYSCALL_INFO, t->pid, (void *)sizeof(info), &info) <= 0)
			break;
		t->stops++;
		switch (info.op) {
		case PTRACE_SYSCALL_INFO_ENTRY:
			log_call(t, "entry", info.entry.nr);
			break;
		case PTRACE_SYSCALL_INFO_SECCOMP:
			log_call(t, "seccomp", info.seccomp.nr);
			break;
		case PTRACE_SYSCALL_INFO_EXIT:
			trace_log(t, " exit %ld", (long)info.exit.rval);
			break;
		default:
			trace_log(t, " signal %d", sig);
		}
		if (at_stop)
			at_stop(t, &info);
	}
	trace_log(t, WIFEXITED(status) ? " end" : " killed");
	return WIFEXITED(status);
}

/*
 * next_stop - Let a task go on, with a signal or without, and wait for its next stop
 *
 * Returns the stop's signal, 0 if the task has ended, or < 0.
 */
static inline int next_stop(pid_t pid, int request, long sig, struct ptrace_syscall_info *info)
{
	int status;

	if (ptrace(request, pid, NULL, (void *)sig))
		return -errno;
	status = wait_status(pid);
	if (!WIFSTOPPED(status))
		return 0;
	memset(info, 0, sizeof(*info));
	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(*info), info) <= 0)
		return -errno;
	return WSTOPSIG(status);
}

#endif /* SELFTEST_ENTRY_SYSCALL_TEST_H */
