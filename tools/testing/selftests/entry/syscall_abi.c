// SPDX-License-Identifier: GPL-2.0
/*
 * What a program, its tracer and its filters get of a system call, whatever the
 * architecture: results, restarts, calls that are skipped or replaced, the order of
 * tracer, filter and tracepoint, signals and new tasks. Whether a call was made can be seen
 * from what it does: umask() leaves another mask, clock_gettime() writes the time.
 */
#define _GNU_SOURCE
#include <linux/auxvec.h>
#include <linux/elf.h>
#include <linux/rseq.h>
#include <linux/sched.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>

#include "syscall_test.h"

#ifdef __NR_mmap2
# define NR_MMAP		__NR_mmap2
#else
# define NR_MMAP		__NR_mmap
#endif
#ifdef __NR_clock_gettime64
# define NR_CLOCK_GETTIME	__NR_clock_gettime64
#else
# define NR_CLOCK_GETTIME	__NR_clock_gettime
#endif
/* The kernel's own: some headers hide it, where it has its value everywhere */
#ifdef __powerpc__
# define REQUEST_SYSEMU		29
#else
# define REQUEST_SYSEMU		31
#endif
#define RESTART_BLOCK		516
#define RESTART_SYS		512

#define OLD_MASK	022
#define NEW_MASK	0705
#define OTHER_MASK	0123
#define MAGIC		4711	/* a result that no call here has */

/* What a child leaves behind */
struct shared {
	long nr, args[3];		/* of the call under test */
	long result;
	long mask;			/* after it */
	unsigned long handled;		/* signals, one a bit, in this order: */
	unsigned long order;		/* a decimal digit each */
	int signo, code, error, syscall;
	long time[4], left[4];		/* of 64 bits in 32-bit programs, too */
	int ready;
};

static struct shared *sh;

static void handler(int sig, siginfo_t *info, void *context)
{
	sh->handled |= 1UL << sig;
	sh->order = sh->order * 100 + sig;
	sh->signo = info->si_signo;
	sh->code = info->si_code;
	if (sig == SIGSYS) {
		sh->error = info->si_errno;
		sh->syscall = info->si_syscall;
	}
}

static long mask_of(pid_t pid)
{
	char path[32], text[512], *line;
	long mask = 0;
	int fd, len;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	fd = open(path, O_RDONLY);
	len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len < 0)
		return -1;
	text[len] = 0;
	line = strstr(text, "Umask:");
	if (!line)
		return -1;
	for (line += 6; *line == ' ' || *line == '\t'; line++)
		;
	for (; *line >= '0' && *line <= '7'; line++)
		mask = mask * 8 + *line - '0';
	return mask;
}

FIXTURE(syscall) {
	struct trace trace;
	char log[512];
	pid_t pid;
};

FIXTURE_SETUP(syscall)
{
	sh = share(sizeof(*sh));
	ASSERT_TRUE(!!sh);
	sh->nr = __NR_umask;
	sh->args[0] = NEW_MASK;
	self->trace.request = PTRACE_SYSCALL;
	self->trace.log = self->log;
	self->trace.size = sizeof(self->log);
}

FIXTURE_TEARDOWN(syscall)
{
}

/* A task that makes the call, after whatever prepares it. It stops before it if traced */
#define START_AFTER(traced, prepare)						\
	do {									\
		const bool _traced = (traced);					\
										\
		self->pid = fork();						\
		ASSERT_LE(0, self->pid);					\
		if (self->pid == 0) {						\
			call1(__NR_umask, OLD_MASK);				\
			if (_traced)						\
				ptrace(PTRACE_TRACEME, 0, 0, 0);		\
			prepare;						\
			if (_traced)						\
				signal_self(SIGSTOP);				\
			sh->ready = 1;						\
			sh->result = call3(sh->nr, sh->args[0], sh->args[1],	\
					   sh->args[2]);			\
			sh->mask = mask_of(call0(__NR_getpid));			\
			call1(__NR_exit_group, 0);				\
		}								\
		self->trace.pid = self->pid;					\
	} while (0)

#define START(traced)	START_AFTER(traced, (void)0)

/* No tracer: it ends by itself */
#define FINISH()								\
	do {									\
		int _status = wait_status(self->pid);				\
										\
		ASSERT_TRUE(WIFEXITED(_status));				\
		ASSERT_EQ(0, WEXITSTATUS(_status));				\
	} while (0)

/* What the tracer sees begins with this; then come the calls of mask_of() */
#define EXPECT_TRACE(at_stop, text)						\
	do {									\
		ASSERT_TRUE(trace_child(&self->trace, at_stop));		\
		self->log[sizeof(text) - 1] = 0;				\
		EXPECT_STREQ(text, self->log);					\
	} while (0)

#define EXPECT_MADE(result_, mask_)						\
	do {									\
		EXPECT_EQ(result_, sh->result);					\
		EXPECT_EQ(mask_, sh->mask);					\
	} while (0)

/* ---- results */

TEST_F(syscall, result_is_positive)
{
	START(false);
	FINISH();
	EXPECT_MADE(OLD_MASK, NEW_MASK);
}

TEST_F(syscall, result_is_an_error)
{
	EXPECT_EQ(-EBADF, call1(__NR_close, -1));
	EXPECT_EQ(-EFAULT, call2(NR_CLOCK_GETTIME, 1, -1));
}

TEST_F(syscall, six_arguments)
{
	struct iovec vec = { "xyz", 3 };
	int fds[2];

	ASSERT_EQ(0, pipe(fds));
	EXPECT_EQ(3, call6(__NR_pwritev2, fds[1], (long)&vec, 1, -1, -1, 0));
	/* A flag that does not exist */
	EXPECT_EQ(-EOPNOTSUPP, call6(__NR_pwritev2, fds[1], (long)&vec, 1, -1, -1, 0x40000000));
}

TEST_F(syscall, result_is_an_address)
{
	const long args[] = { 0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 };
#ifdef __s390__
	/* It has them in memory */
	long address = call1(__NR_mmap, args);
#else
	long address = call6(NR_MMAP, args[0], args[1], args[2], args[3], args[4], args[5]);
#endif

	ASSERT_LT((unsigned long)address, -4095UL);
	EXPECT_EQ(0, *(char *)address);
	EXPECT_EQ(0, call2(__NR_munmap, address, 4096));
}

TEST_F(syscall, unknown_is_enosys)
{
	sh->nr = NR_NONE;
	START(false);
	FINISH();
	EXPECT_MADE(-ENOSYS, OLD_MASK);
}

/* ---- seccomp */

TEST_F(syscall, seccomp_errno)
{
	START_AFTER(false, filter_call(__NR_umask, SECCOMP_RET_ERRNO | EXDEV, 0));
	FINISH();
	EXPECT_MADE(-EXDEV, OLD_MASK);
}

TEST_F(syscall, seccomp_errno_0)
{
	START_AFTER(false, filter_call(__NR_umask, SECCOMP_RET_ERRNO, 0));
	FINISH();
	EXPECT_MADE(0, OLD_MASK);
}

TEST_F(syscall, seccomp_errno_is_bounded)
{
	START_AFTER(false, filter_call(__NR_umask, SECCOMP_RET_ERRNO | 0xffff, 0));
	FINISH();
	EXPECT_MADE(-4095, OLD_MASK);
}

TEST_F(syscall, seccomp_trap)
{
	START_AFTER(false, on_signal(SIGSYS, handler, 0);
	      filter_call(__NR_umask, SECCOMP_RET_TRAP | 77, 0));
	FINISH();
	EXPECT_EQ(1UL << SIGSYS, sh->handled);
	EXPECT_EQ(SIGSYS, sh->signo);
	EXPECT_EQ(1 /* SYS_SECCOMP */, sh->code);
	EXPECT_EQ(77, sh->error);
	EXPECT_EQ(__NR_umask, sh->syscall);
	EXPECT_EQ(OLD_MASK, sh->mask);
	/* The register of the result is what it was before the call */
#if defined(__riscv) || defined(__loongarch__) || defined(__aarch64__) || \
	defined(__s390__) || defined(__powerpc__)
	EXPECT_EQ(NEW_MASK, sh->result);
#elif defined(__x86_64__)
	EXPECT_EQ(__NR_umask, sh->result);
#endif
}

#ifdef __powerpc__
static void note_error(struct trace *t, struct ptrace_syscall_info *info)
{
	if (t->stops == 2)
		sh->error = info->exit.is_error;
}

/* An argument may look like an error, AT_FDCWD for instance: it is none */
TEST_F(syscall, seccomp_trap_keeps_argument)
{
	sh->args[0] = AT_FDCWD;
	sh->error = -1;
	START_AFTER(true, filter_call(__NR_umask, SECCOMP_RET_TRAP, 0));
	EXPECT_TRACE(note_error, " entry umask exit -100 signal 31");
	EXPECT_EQ(0, sh->error);
	EXPECT_MADE(AT_FDCWD, OLD_MASK);
}
#endif

TEST_F(syscall, seccomp_kill)
{
	int status;

	START_AFTER(false, filter_call(__NR_umask, SECCOMP_RET_KILL_THREAD, 0));
	status = wait_status(self->pid);
	ASSERT_FALSE(WIFEXITED(status));
	EXPECT_EQ(SIGSYS, WTERMSIG(status));
	EXPECT_EQ(1, sh->ready);
}

TEST_F(syscall, seccomp_trace_without_tracer)
{
	START_AFTER(false, filter_call(__NR_umask, SECCOMP_RET_TRACE, 0));
	FINISH();
	EXPECT_MADE(-ENOSYS, OLD_MASK);
}

/* The listener is this process, which never makes the call itself */
static bool notify(long fd, pid_t pid, int error, long val, unsigned int flags)
{
	struct seccomp_notif_resp resp;
	struct seccomp_notif req;

	memset(&req, 0, sizeof(req));
	memset(&resp, 0, sizeof(resp));
	if (call3(__NR_ioctl, fd, SECCOMP_IOCTL_NOTIF_RECV, &req))
		return false;
	if ((pid_t)req.pid != pid || req.data.nr != __NR_umask || req.data.args[0] != NEW_MASK)
		return false;
	resp.id = req.id;
	resp.error = error;
	resp.val = val;
	resp.flags = flags;
	return !call3(__NR_ioctl, fd, SECCOMP_IOCTL_NOTIF_SEND, &resp);
}

#define NOTIFY(error, val, flags)						\
	do {									\
		long _fd = filter_call(__NR_umask, SECCOMP_RET_USER_NOTIF,	\
				       SECCOMP_FILTER_FLAG_NEW_LISTENER);	\
										\
		ASSERT_LT(0, _fd);						\
		self->pid = fork();						\
		ASSERT_LE(0, self->pid);					\
		if (self->pid == 0) {						\
			sh->result = call1(__NR_umask, NEW_MASK);		\
			sh->mask = mask_of(call0(__NR_getpid));			\
			call1(__NR_exit_group, 0);				\
		}								\
		ASSERT_TRUE(notify(_fd, self->pid, error, val, flags));		\
		FINISH();							\
	} while (0)

TEST_F(syscall, seccomp_notify_error)
{
	call1(__NR_umask, OLD_MASK);
	NOTIFY(-EXDEV, 0, 0);
	EXPECT_MADE(-EXDEV, OLD_MASK);
}

TEST_F(syscall, seccomp_notify_result)
{
	call1(__NR_umask, OLD_MASK);
	NOTIFY(0, MAGIC, 0);
	EXPECT_MADE(MAGIC, OLD_MASK);
}

TEST_F(syscall, seccomp_notify_large_result)
{
	call1(__NR_umask, OLD_MASK);
	NOTIFY(0, LONG_MAX, 0);
	EXPECT_MADE(LONG_MAX, OLD_MASK);
}

TEST_F(syscall, seccomp_notify_continue)
{
	call1(__NR_umask, OLD_MASK);
	NOTIFY(0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
	EXPECT_MADE(OLD_MASK, NEW_MASK);
}

/* ---- a tracer */

TEST_F(syscall, trace_watches)
{
	START(true);
	EXPECT_TRACE(NULL, " entry umask exit 18");
	EXPECT_MADE(OLD_MASK, NEW_MASK);
}

TEST_F(syscall, trace_watches_unknown)
{
	sh->nr = NR_NONE;
	START(true);
	EXPECT_TRACE(NULL, " entry 22136 exit -38");
	EXPECT_MADE(-ENOSYS, OLD_MASK);
}

static void set_args(struct trace *t, struct ptrace_syscall_info *info)
{
	if (t->stops == 1)
		set_call(t, info, __NR_umask, OTHER_MASK);
}

TEST_F(syscall, trace_sets_argument)
{
	START(true);
	EXPECT_TRACE(set_args, " entry umask exit 18");
	EXPECT_MADE(OLD_MASK, OTHER_MASK);
}

/* An argument in the register of the result: it must not become the result of no call */
TEST_F(syscall, trace_sets_call_for_unknown)
{
	sh->nr = NR_NONE;
	START(true);
	EXPECT_TRACE(set_args, " entry 22136 exit 18");
	EXPECT_MADE(OLD_MASK, OTHER_MASK);
}

static void set_other_call(struct trace *t, struct ptrace_syscall_info *info)
{
	if (t->stops == 1)
		set_call(t, info, __NR_close, -1);
}

TEST_F(syscall, trace_sets_call)
{
	START(true);
	EXPECT_TRACE(set_other_call, " entry umask exit -9");
	EXPECT_MADE(-EBADF, OLD_MASK);
}

static void set_unknown(struct trace *t, struct ptrace_syscall_info *info)
{
	if (t->stops == 1)
		set_call(t, info, NR_NONE, OTHER_MASK);
}

TEST_F(syscall, trace_sets_unknown)
{
	START(true);
	EXPECT_TRACE(set_unknown, " entry umask exit -38");
	EXPECT_MADE(-ENOSYS, OLD_MASK);
}

static void skip(struct trace *t, struct ptrace_syscall_info *info)
{
	if (t->stops == 1)
		set_call(t, info, -1, 0);
}

TEST_F(syscall, trace_skips)
{
	START(true);
	EXPECT_TRACE(skip, " entry umask exit -38");
	EXPECT_MADE(-ENOSYS, OLD_MASK);
}

static void skip_with_result(struct trace *t, struct ptrace_syscall_info *info)
{
	if (t->stops == 1)
		set_call(t, info, -1, 0);
	else if (t->stops == 2)
		set_result(t, info, MAGIC);
}

TEST_F(syscall, trace_skips_with_result)
{
	START(true);
	EXPECT_TRACE(skip_with_result, " entry umask exit -38");
	EXPECT_MADE(MAGIC, OLD_MASK);
}

static void set_magic(struct trace *t, struct ptrace_syscall_info *info)
{
	if (t->stops == 2)
		set_result(t, info, MAGIC);
}

TEST_F(syscall, trace_sets_result)
{
	START(true);
	EXPECT_TRACE(set_magic, " entry umask exit 18");
	EXPECT_MADE(MAGIC, NEW_MASK);
}

static void set_error(struct trace *t, struct ptrace_syscall_info *info)
{
	if (t->stops == 2)
		set_result(t, info, -EXDEV);
}

TEST_F(syscall, trace_sets_error)
{
	START(true);
	EXPECT_TRACE(set_error, " entry umask exit 18");
	EXPECT_MADE(-EXDEV, NEW_MASK);
}

#ifdef __aarch64__
/* How tracers did it before PTRACE_SET_SYSCALL_INFO, which presets an error */
static void skip_by_registers(struct trace *t, struct ptrace_syscall_info *info)
{
	unsigned long regs[34];
	int nr = -1;
	struct iovec call = { &nr, sizeof(nr) };
	struct iovec general = { regs, sizeof(regs) };

	if (t->stops != 1)
		return;
	ptrace(PTRACE_SETREGSET, t->pid, (void *)NT_ARM_SYSTEM_CALL, &call);
	ptrace(PTRACE_GETREGSET, t->pid, (void *)NT_PRSTATUS, &general);
	regs[0] = MAGIC;
	ptrace(PTRACE_SETREGSET, t->pid, (void *)NT_PRSTATUS, &general);
}

TEST_F(syscall, trace_skips_by_registers)
{
	START(true);
	EXPECT_TRACE(skip_by_registers, " entry umask exit 4711");
	EXPECT_MADE(MAGIC, OLD_MASK);
}

static long x7_after_call(void)
{
	register long x0 asm("x0") = 0;
	register long x7 asm("x7") = MAGIC;
	register long x8 asm("x8") = __NR_getppid;

	asm volatile("svc #0" : "+r" (x0), "+r" (x7) : "r" (x8) : "memory");
	return x7;
}

/* This register tells the tracer which stop it is. The program is not to notice. */
TEST_F(syscall, trace_keeps_x7)
{
	self->pid = fork();
	ASSERT_LE(0, self->pid);
	if (self->pid == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		signal_self(SIGSTOP);
		sh->result = x7_after_call();
		call1(__NR_exit_group, 0);
	}
	self->trace.pid = self->pid;
	EXPECT_TRACE(NULL, " entry getppid exit");
	EXPECT_EQ(MAGIC, sh->result);
}
#endif

static void kill_it(struct trace *t, struct ptrace_syscall_info *info)
{
	if (t->stops == 1)
		kill(t->pid, SIGKILL);
}

/* The task must not make the call any more: it would write the time */
TEST_F(syscall, trace_kills_on_entry)
{
	sh->nr = NR_CLOCK_GETTIME;
	sh->args[0] = 1;
	sh->args[1] = (long)sh->time;
	sh->time[0] = -1;
	START(true);
	EXPECT_FALSE(trace_child(&self->trace, kill_it));
	EXPECT_EQ(-1, sh->time[0]);
	EXPECT_EQ(1, sh->ready);
}

/* Without the kill it does */
TEST_F(syscall, trace_does_not_kill)
{
	sh->nr = NR_CLOCK_GETTIME;
	sh->args[0] = 1;
	sh->args[1] = (long)sh->time;
	sh->time[0] = -1;
	START(true);
	EXPECT_TRUE(trace_child(&self->trace, NULL));
	EXPECT_NE(-1, sh->time[0]);
	EXPECT_EQ(0, sh->result);
}

static void emulate(struct trace *t, struct ptrace_syscall_info *info)
{
	/* Of a call that is emulated, the exit is reported as well if it goes on in this way */
	if (t->stops == 1)
		t->request = PTRACE_SYSCALL;
}

TEST_F(syscall, sysemu)
{
	START(true);
	self->trace.request = REQUEST_SYSEMU;
	if (!trace_child(&self->trace, emulate) && !self->trace.stops) {
		kill(self->pid, SIGKILL);
		SKIP(return, "no PTRACE_SYSEMU");
	}
	EXPECT_EQ(0, strncmp(" entry umask exit ", self->log, 18)) {
		TH_LOG("%s", self->log);
	}
	EXPECT_EQ(OLD_MASK, sh->mask);
#if defined(__riscv) || defined(__x86_64__)
	EXPECT_EQ(-ENOSYS, sh->result);
#elif defined(__powerpc__)
	EXPECT_EQ(NEW_MASK, sh->result);
#endif
}

/* ---- a filter and its tracer */

static void cont(struct trace *t, struct ptrace_syscall_info *info)
{
	t->request = PTRACE_CONT;
}

TEST_F(syscall, seccomp_trace)
{
	START_AFTER(true, filter_call(__NR_umask, SECCOMP_RET_TRACE, 0));
	self->trace.request = PTRACE_CONT;
	EXPECT_TRACE(cont, " seccomp umask end");
	EXPECT_MADE(OLD_MASK, NEW_MASK);
}

TEST_F(syscall, seccomp_trace_skips)
{
	START_AFTER(true, filter_call(__NR_umask, SECCOMP_RET_TRACE, 0));
	self->trace.request = PTRACE_CONT;
	EXPECT_TRACE(skip, " seccomp umask end");
	EXPECT_MADE(-ENOSYS, OLD_MASK);
}

TEST_F(syscall, seccomp_trace_sets_call)
{
	START_AFTER(true, filter_call(__NR_umask, SECCOMP_RET_TRACE, 0));
	self->trace.request = PTRACE_CONT;
	EXPECT_TRACE(set_other_call, " seccomp umask end");
	EXPECT_MADE(-EBADF, OLD_MASK);
}

TEST_F(syscall, seccomp_trace_sets_argument)
{
	START_AFTER(true, filter_call(__NR_umask, SECCOMP_RET_TRACE, 0));
	self->trace.request = PTRACE_CONT;
	EXPECT_TRACE(set_args, " seccomp umask end");
	EXPECT_MADE(OLD_MASK, OTHER_MASK);
}

TEST_F(syscall, order_tracer_filter)
{
	START_AFTER(true, filter_call(__NR_umask, SECCOMP_RET_TRACE, 0));
	EXPECT_TRACE(NULL, " entry umask seccomp umask exit 18");
	EXPECT_MADE(OLD_MASK, NEW_MASK);
}

TEST_F(syscall, order_tracer_sees_forbidden_call)
{
	START_AFTER(true, filter_call(__NR_umask, SECCOMP_RET_ERRNO | EXDEV, 0));
	EXPECT_TRACE(NULL, " entry umask exit -18");
	EXPECT_MADE(-EXDEV, OLD_MASK);
}

static void from_getppid(struct trace *t, struct ptrace_syscall_info *info)
{
	if (t->stops == 1)
		set_call(t, info, __NR_umask, NEW_MASK);
}

TEST_F(syscall, order_tracer_cannot_evade_filter)
{
	sh->nr = __NR_getppid;
	START_AFTER(true, filter_call(__NR_umask, SECCOMP_RET_ERRNO | EXDEV, 0));
	EXPECT_TRACE(from_getppid, " entry getppid exit -18");
	EXPECT_MADE(-EXDEV, OLD_MASK);
}

TEST_F(syscall, order_filter_judges_what_tracer_sets)
{
	START_AFTER(true, filter_call(__NR_umask, SECCOMP_RET_ERRNO | EXDEV, 0));
	EXPECT_TRACE(set_other_call, " entry umask exit -9");
	EXPECT_MADE(-EBADF, OLD_MASK);
}

/* Give umask() this answer if its argument is NEW_MASK, and forbid it otherwise */
static long filter_argument(unsigned int answer)
{
	const bool big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_umask, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, args) + (big_endian ? 4 : 0)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NEW_MASK, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXDEV),
		BPF_STMT(BPF_RET | BPF_K, answer),
	};

	return install_filter(insns, ARRAY_SIZE(insns), 0);
}

/*
 * How tracers do it that do not know PTRACE_SET_SYSCALL_INFO: they write the argument's
 * register, which is among those that have the argument.
 */
static void write_argument(struct trace *t, struct ptrace_syscall_info *info)
{
	unsigned long regs[64];
	struct iovec iov = { regs, sizeof(regs) };
	unsigned int i;

	if (t->stops != 1 || ptrace(PTRACE_GETREGSET, t->pid, (void *)NT_PRSTATUS, &iov))
		return;
	for (i = 0; i < iov.iov_len / sizeof(*regs); i++) {
#ifdef __powerpc__
		/* Few know that the kernel has a copy there */
		if (i == PT_ORIG_R3)
			continue;
#endif
		if (regs[i] == NEW_MASK)
			regs[i] = OTHER_MASK;
	}
	ptrace(PTRACE_SETREGSET, t->pid, (void *)NT_PRSTATUS, &iov);
}

/* Some kernels take the argument from a copy. Then the filter has to look at the same */
#define EXPECT_JUDGED()								\
	do {									\
		if (sh->result == -EXDEV)					\
			EXPECT_MADE(-EXDEV, OLD_MASK);				\
		else								\
			EXPECT_MADE(OLD_MASK, NEW_MASK);			\
	} while (0)

TEST_F(syscall, order_filter_judges_registers)
{
	START_AFTER(true, filter_argument(SECCOMP_RET_ALLOW));
	ASSERT_TRUE(trace_child(&self->trace, write_argument));
	EXPECT_JUDGED();
#if defined(__powerpc__) || defined(__aarch64__) || defined(__x86_64__)
	EXPECT_EQ(-EXDEV, sh->result);
#endif
}

TEST_F(syscall, order_filter_judges_registers_again)
{
	START_AFTER(true, filter_argument(SECCOMP_RET_TRACE));
	self->trace.request = PTRACE_CONT;
	ASSERT_TRUE(trace_child(&self->trace, write_argument));
	EXPECT_JUDGED();
}

#ifdef __powerpc__
#define PT_TRAP_OFFSET	(40 * sizeof(long))

static void hide_call(struct trace *t, struct ptrace_syscall_info *info)
{
	if (t->stops == 1)
		ptrace(PTRACE_POKEUSR, t->pid, (void *)PT_TRAP_OFFSET, NULL);
}

/* The trap says whether there is a call: if there is none for the filter, none is made */
TEST_F(syscall, order_tracer_cannot_hide_call)
{
	START_AFTER(true, filter_call(__NR_umask, SECCOMP_RET_ERRNO | EXDEV, 0));
	EXPECT_TRACE(hide_call, " entry umask exit -38");
	EXPECT_MADE(-ENOSYS, OLD_MASK);
}
#endif

/* After the tracer's change for the filter, the filter looks once more */
static void to_umask(struct trace *t, struct ptrace_syscall_info *info)
{
	if (info->op == PTRACE_SYSCALL_INFO_SECCOMP)
		set_call(t, info, __NR_umask, NEW_MASK);
}

TEST_F(syscall, order_filter_looks_again)
{
	sh->nr = __NR_getppid;
	START_AFTER(true, filter_call(__NR_umask, SECCOMP_RET_ERRNO | EXDEV, 0);
	      filter_call(__NR_getppid, SECCOMP_RET_TRACE, 0));
	EXPECT_TRACE(to_umask, " entry getppid seccomp getppid exit -18");
	EXPECT_MADE(-EXDEV, OLD_MASK);
}

/* ---- tracepoints */

#define TRACEFS	"/sys/kernel/tracing/"

static bool write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return done;
}

/* calls_in_trace - " enter NAME" and " leave NAME [ERROR]" of two calls, as they were traced */
static void calls_in_trace(struct trace *t)
{
	char *line, *next, *nr, *error;
	static char text[65536];
	int fd, n, len = 0;
	long value;

	t->log[0] = 0;
	fd = open(TRACEFS "trace", O_RDONLY);
	while (fd >= 0 && (n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += n;
	close(fd);
	text[len] = 0;
	for (line = text; *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		else
			next = line + strlen(line);
		nr = strstr(line, ": NR ");
		if (!nr || line[0] == '#')
			continue;
		value = atol(nr + 5);
		if (value != __NR_umask && value != __NR_getppid)
			continue;
		log_call(t, strstr(line, "sys_enter: ") ? "enter" : "leave", value);
		error = strstr(nr, " = -");
		if (error)
			trace_log(t, "%s", error + 2);
	}
}

TEST_F(syscall, order_tracepoints)
{
	char pid[16];

	if (!write_to(TRACEFS "trace", ""))
		SKIP(return, "no tracefs at " TRACEFS);
	self->pid = fork();
	ASSERT_LE(0, self->pid);
	if (self->pid == 0) {
		filter_call(__NR_umask, SECCOMP_RET_ERRNO | EXDEV, 0);
		signal_self(SIGSTOP);
		call1(__NR_umask, NEW_MASK);
		call0(__NR_getppid);
		call1(__NR_exit_group, 0);
	}
	ASSERT_TRUE(WIFSTOPPED(wait_status(self->pid)));
	snprintf(pid, sizeof(pid), "%d", self->pid);
	ASSERT_TRUE(write_to(TRACEFS "set_event_pid", pid));
	ASSERT_TRUE(write_to(TRACEFS "events/raw_syscalls/enable", "1"));
	kill(self->pid, SIGCONT);
	FINISH();
	EXPECT_TRUE(write_to(TRACEFS "events/raw_syscalls/enable", "0"));
	calls_in_trace(&self->trace);
	write_to(TRACEFS "set_event_pid", "");
	/* A call that was forbidden has not begun, but it ends */
	EXPECT_STREQ(" leave umask -18 enter getppid leave getppid", self->log);
}

/* ---- signals, and restarts */

TEST_F(syscall, signal_comes_before_return)
{
	ASSERT_EQ(0, on_signal(SIGUSR1, handler, 0));
	EXPECT_EQ(0, signal_self(SIGUSR1));
	EXPECT_EQ(1UL << SIGUSR1, sh->handled);
}

TEST_F(syscall, signals_all_come_before_return)
{
	unsigned long both = 1UL << (SIGUSR1 - 1) | 1UL << (SIGUSR2 - 1), set[2] = { both };

	ASSERT_EQ(0, on_signal(SIGUSR1, handler, 0));
	ASSERT_EQ(0, on_signal(SIGUSR2, handler, 0));
	ASSERT_EQ(0, call6(__NR_rt_sigprocmask, SIG_BLOCK, (long)set, 0, 8, 0, 0));
	signal_self(SIGUSR1);
	signal_self(SIGUSR2);
	EXPECT_EQ(0, sh->handled);
	EXPECT_EQ(0, call6(__NR_rt_sigprocmask, SIG_UNBLOCK, (long)set, 0, 8, 0, 0));
	EXPECT_EQ(1UL << SIGUSR1 | 1UL << SIGUSR2, sh->handled);
	/* The frame of the lower one is below: it is left last */
	EXPECT_EQ(SIGUSR2 * 100 + SIGUSR1, sh->order);
}

/* A call that sleeps, in a child, interrupted by SIGUSR1 as soon as it does */
#define INTERRUPT(flags, sig)							\
	do {									\
		START_AFTER(false, on_signal(SIGUSR1, handler, flags));		\
		while (!sh->ready)						\
			sched_yield();						\
		ASSERT_TRUE(sleeping(self->pid));				\
		kill(self->pid, sig);						\
	} while (0)

/* Another process can write to the pipe when the handler has run */
#define WAIT_HANDLED()								\
	do {									\
		while (!sh->handled)						\
			sched_yield();						\
	} while (0)

#define READ_PIPE()								\
	do {									\
		ASSERT_EQ(0, pipe(fds));					\
		sh->nr = __NR_read;						\
		sh->args[0] = fds[0];						\
		sh->args[1] = (long)&sh->signo;					\
		sh->args[2] = 1;						\
	} while (0)

TEST_F(syscall, read_is_interrupted)
{
	int fds[2];

	READ_PIPE();
	INTERRUPT(0, SIGUSR1);
	FINISH();
	EXPECT_EQ(-EINTR, sh->result);
	EXPECT_EQ(1UL << SIGUSR1, sh->handled);
}

TEST_F(syscall, read_is_restarted)
{
	int fds[2];

	READ_PIPE();
	INTERRUPT(SA_RESTART, SIGUSR1);
	WAIT_HANDLED();
	EXPECT_TRUE(sleeping(self->pid));
	ASSERT_EQ(1, write(fds[1], "x", 1));
	FINISH();
	EXPECT_EQ(1, sh->result);
	EXPECT_EQ('x', *(char *)&sh->signo);
}

TEST_F(syscall, read_goes_on_after_stop)
{
	int fds[2];

	READ_PIPE();
	INTERRUPT(0, SIGSTOP);
	ASSERT_TRUE(WIFSTOPPED(wait_status(self->pid)));
	kill(self->pid, SIGCONT);
	ASSERT_TRUE(sleeping(self->pid));
	ASSERT_EQ(1, write(fds[1], "x", 1));
	FINISH();
	EXPECT_EQ(1, sh->result);
	EXPECT_EQ(0, sh->handled);
}

/* As pause(), which new architectures have not */
TEST_F(syscall, pause_is_interrupted)
{
	sh->nr = NR_PPOLL;
	INTERRUPT(0, SIGUSR1);
	FINISH();
	EXPECT_EQ(-EINTR, sh->result);
}

TEST_F(syscall, pause_is_not_restarted)
{
	sh->nr = NR_PPOLL;
	INTERRUPT(SA_RESTART, SIGUSR1);
	FINISH();
	EXPECT_EQ(-EINTR, sh->result);
}

TEST_F(syscall, pause_goes_on_after_stop)
{
	sh->nr = NR_PPOLL;
	INTERRUPT(0, SIGSTOP);
	ASSERT_TRUE(WIFSTOPPED(wait_status(self->pid)));
	kill(self->pid, SIGCONT);
	ASSERT_TRUE(sleeping(self->pid));
	EXPECT_EQ(0, sh->handled);
	kill(self->pid, SIGUSR1);
	FINISH();
	EXPECT_EQ(-EINTR, sh->result);
}

#ifdef __NR_nanosleep
/* A 32-bit program may have only calls with 64-bit times */
static bool nanosleep_for(long seconds)
{
	if (call2(__NR_nanosleep, sh->left, 0) == -ENOSYS)
		return false;

	sh->nr = __NR_nanosleep;
	sh->args[0] = (long)sh->time;
	sh->args[1] = (long)sh->left;
	sh->time[0] = seconds;
	return true;
}

TEST_F(syscall, nanosleep_is_interrupted)
{
	if (!nanosleep_for(3600))
		SKIP(return, "no nanosleep()");
	INTERRUPT(0, SIGUSR1);
	FINISH();
	EXPECT_EQ(-EINTR, sh->result);
	EXPECT_LT(0, sh->left[0]);
}

TEST_F(syscall, nanosleep_is_not_restarted)
{
	if (!nanosleep_for(3600))
		SKIP(return, "no nanosleep()");
	INTERRUPT(SA_RESTART, SIGUSR1);
	FINISH();
	EXPECT_EQ(-EINTR, sh->result);
	EXPECT_LT(0, sh->left[0]);
}

TEST_F(syscall, nanosleep_goes_on_after_stop)
{
	if (!nanosleep_for(1))
		SKIP(return, "no nanosleep()");
	INTERRUPT(0, SIGSTOP);
	ASSERT_TRUE(WIFSTOPPED(wait_status(self->pid)));
	kill(self->pid, SIGCONT);
	FINISH();
	EXPECT_EQ(0, sh->result);
}

/* A signal that the tracer keeps back: the call goes on, by restart_syscall() */
static void wake_sleeper(struct trace *t, struct ptrace_syscall_info *info)
{
	struct shared *s = sh;

	if (t->stops == 1 && fork() == 0) {
		sleeping(t->pid);
		kill(t->pid, SIGUSR1);
		call1(__NR_exit_group, 0);
	}
	/* The restarted call has a new end */
	if (t->stops == 4 && s->nr == __NR_read)
		call3(__NR_write, s->code, "x", 1);
}

TEST_F(syscall, nanosleep_restart_is_traced)
{
	if (!nanosleep_for(1))
		SKIP(return, "no nanosleep()");
	START(true);
	EXPECT_TRACE(wake_sleeper,
		     " entry nanosleep exit -516 signal 10 entry restart_syscall exit 0");
	EXPECT_EQ(0, sh->result);
}

TEST_F(syscall, read_restart_is_traced)
{
	int fds[2];

	READ_PIPE();
	sh->code = fds[1];
	START(true);
	EXPECT_TRACE(wake_sleeper, " entry read exit -512 signal 10 entry read exit 1");
	EXPECT_EQ(1, sh->result);
}
#endif

/* ---- new tasks */

TEST_F(syscall, fork_returns_twice)
{
	long child;

	call1(__NR_umask, OLD_MASK);
	child = clone_flags(SIGCHLD);
	if (child == 0) {
		sh->result = call1(__NR_umask, NEW_MASK);
		call1(__NR_exit_group, 0);
	}
	ASSERT_LT(0, child);
	self->pid = child;
	FINISH();
	EXPECT_EQ(OLD_MASK, sh->result);
	EXPECT_EQ(OLD_MASK, call1(__NR_umask, OLD_MASK));
}

TEST_F(syscall, vfork_waits_for_child)
{
	long child = clone_flags(CLONE_VFORK | SIGCHLD);

	if (child == 0) {
		sh->ready = 1;
		call1(__NR_exit_group, 0);
	}
	ASSERT_LT(0, child);
	EXPECT_EQ(1, sh->ready);
	self->pid = child;
	FINISH();
}

TEST_F(syscall, clone3_returns_twice)
{
	struct clone_args args;
	long child;

	memset(&args, 0, sizeof(args));
	args.exit_signal = SIGCHLD;
	child = call2(__NR_clone3, &args, sizeof(args));
	if (child == 0) {
		sh->result = MAGIC;
		call1(__NR_exit_group, 0);
	}
	ASSERT_LT(0, child);
	self->pid = child;
	FINISH();
	EXPECT_EQ(MAGIC, sh->result);
}

/* A new task begins with no work of its parent's: the next that the tracer sees is a call */
TEST_F(syscall, traced_child_begins_without_exit)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE |
			     PTRACE_O_EXITKILL;
	struct ptrace_syscall_info info;
	unsigned long child = 0;
	int status;

	self->pid = fork();
	ASSERT_LE(0, self->pid);
	if (self->pid == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		signal_self(SIGSTOP);
		clone_flags(SIGCHLD);
		call1(__NR_umask, NEW_MASK);
		call1(__NR_exit_group, 0);
	}
	ASSERT_TRUE(WIFSTOPPED(wait_status(self->pid)));
	ASSERT_EQ(0, ptrace(PTRACE_SETOPTIONS, self->pid, 0, (void *)options));
	/* The parent has work on exit from clone(). The child must not inherit it. */
	ASSERT_EQ(0, ptrace(PTRACE_SYSCALL, self->pid, 0, 0));
	ASSERT_EQ(SIGTRAP | 0x80, wait_status(self->pid) >> 8);
	ASSERT_EQ(0, ptrace(PTRACE_SYSCALL, self->pid, 0, 0));
	status = wait_status(self->pid);
	ASSERT_EQ(PTRACE_EVENT_FORK, status >> 16);
	ASSERT_EQ(0, ptrace(PTRACE_GETEVENTMSG, self->pid, 0, &child));
	EXPECT_EQ(SIGSTOP, wait_status(child) >> 8);
	ASSERT_EQ(0, ptrace(PTRACE_SYSCALL, child, 0, 0));
	status = wait_status(child);
	ASSERT_TRUE(WIFSTOPPED(status));
	EXPECT_EQ(SIGTRAP | 0x80, WSTOPSIG(status));
	ASSERT_LT(0, ptrace(PTRACE_GET_SYSCALL_INFO, child, (void *)sizeof(info), &info));
	EXPECT_EQ(PTRACE_SYSCALL_INFO_ENTRY, info.op);
	EXPECT_EQ(__NR_umask, info.entry.nr);
	kill(child, SIGKILL);
	kill(self->pid, SIGKILL);
}

/* ---- restartable sequences */

#define RSEQ_SIGNATURE	0x53053053

/* In memory of its own, as the kernel wants it aligned */
static struct rseq *area;

static long register_rseq(void)
{
	area = share(4096);
	if (!area)
		return -ENOMEM;
	area->cpu_id = RSEQ_CPU_ID_UNINITIALIZED;
	return call6(__NR_rseq, (long)area, 32, 0, RSEQ_SIGNATURE, 0, 0);
}

static long set_cpu(unsigned int cpu)
{
	unsigned long mask[16] = { 1UL << cpu };

	return call3(__NR_sched_setaffinity, 0, sizeof(mask), mask);
}

TEST_F(syscall, rseq_knows_the_cpu)
{
	unsigned int cpu = -1;
	int i;

	if (register_rseq())
		SKIP(return, "no rseq, or the C library has it");
	if (set_cpu(1))
		SKIP(return, "one CPU only");
	for (i = 0; i < 200; i++) {
		ASSERT_EQ(0, set_cpu(i & 1));
		ASSERT_EQ(0, call3(__NR_getcpu, &cpu, 0, 0));
		ASSERT_EQ(i & 1, cpu);
		ASSERT_EQ(cpu, area->cpu_id);
		ASSERT_EQ(cpu, area->cpu_id_start);
	}
}

/* A signal outside of the section ends it: the kernel forgets it */
TEST_F(syscall, rseq_signal_ends_section)
{
	struct rseq_cs *section;

	if (register_rseq())
		SKIP(return, "no rseq, or the C library has it");
	section = (void *)area + 1024;
	section->start_ip = 0x1000;
	section->post_commit_offset = 16;
	section->abort_ip = 0x2000;
	ASSERT_EQ(0, on_signal(SIGUSR1, handler, 0));
	area->rseq_cs = (unsigned long)section;
	signal_self(SIGUSR1);
	EXPECT_EQ(1UL << SIGUSR1, sh->handled);
	EXPECT_EQ(0, area->rseq_cs);
}

/* A descriptor that cannot be read is fatal at the next signal, at the latest */
TEST_F(syscall, rseq_bad_section_is_fatal)
{
	int status;

	self->pid = fork();
	ASSERT_LE(0, self->pid);
	if (self->pid == 0) {
		if (register_rseq())
			call1(__NR_exit_group, 4);
		on_signal(SIGUSR1, handler, 0);
		area->rseq_cs = 32;
		signal_self(SIGUSR1);
		call1(__NR_exit_group, 0);
	}
	status = wait_status(self->pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 4)
		SKIP(return, "no rseq, or the C library has it");
	ASSERT_FALSE(WIFEXITED(status));
	EXPECT_EQ(SIGSEGV, WTERMSIG(status));
}

#if defined(__powerpc__) && __SIZEOF_LONG__ == 8
/* ---- powerpc's other instruction, whose errors are negative results */

#define SCV		".long 0x44000001"	/* scv 0 */
#define SCV_1		".long 0x44000021"	/* scv 1, which no kernel supports */
#define HWCAP2_SCV	0x00100000

static long scv(long nr, long a)
{
	register long r0 __asm__("r0") = nr;
	register long r3 __asm__("r3") = a;

	__asm__ volatile(SCV : "+r"(r0), "+r"(r3) : : "r4", "r5", "r6", "r7", "r8", "r9", "r10",
			 "r11", "r12", "cr0", "cr1", "cr5", "cr6", "cr7", "lr", "ctr", "memory");
	return r3;
}

#define HAVE_SCV()	(getauxval(AT_HWCAP2) & HWCAP2_SCV)

TEST_F(syscall, scv_results)
{
	if (!HAVE_SCV())
		SKIP(return, "no scv");
	EXPECT_EQ(getpid(), scv(__NR_getpid, 0));
	EXPECT_EQ(-EBADF, scv(__NR_close, -1));
	EXPECT_EQ(-ENOSYS, scv(NR_NONE, 0));
}

TEST_F(syscall, scv_skipped)
{
	if (!HAVE_SCV())
		SKIP(return, "no scv");
	START_AFTER(false, filter_call(__NR_close, SECCOMP_RET_ERRNO | EXDEV, 0);
	      sh->time[0] = scv(__NR_close, -1));
	FINISH();
	EXPECT_EQ(-EXDEV, sh->time[0]);
}

TEST_F(syscall, scv_fork)
{
	long pid;

	if (!HAVE_SCV())
		SKIP(return, "no scv");
	pid = scv(__NR_fork, 0);
	ASSERT_LE(0, pid);
	if (pid == 0)
		scv(__NR_exit_group, 7);
	EXPECT_EQ(7, WEXITSTATUS(wait_status(pid)));
}

/* syscall_step.c steps over sc only */
TEST_F(syscall, scv_step)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
	struct ptrace_syscall_info info;
	unsigned long end;

	if (!HAVE_SCV())
		SKIP(return, "no scv");
	START_AFTER(true, signal_self(SIGSTOP); scv(__NR_getppid, 0));
	ASSERT_TRUE(WIFSTOPPED(wait_status(self->pid)));
	ASSERT_EQ(0, ptrace(PTRACE_SETOPTIONS, self->pid, 0, (void *)options));
	do {
		ASSERT_LT(0, next_stop(self->pid, PTRACE_SYSCALL, 0, &info));
	} while (info.op != PTRACE_SYSCALL_INFO_ENTRY || info.entry.nr != __NR_getppid);
	end = info.instruction_pointer;

	EXPECT_EQ(SIGTRAP, next_stop(self->pid, PTRACE_SINGLESTEP, 0, &info));
	EXPECT_EQ(end, info.instruction_pointer);
	EXPECT_EQ(SIGTRAP, next_stop(self->pid, PTRACE_SINGLESTEP, 0, &info));
	EXPECT_NE(end, info.instruction_pointer);
	kill(self->pid, SIGKILL);
}

TEST_F(syscall, scv_unsupported)
{
	int status;

	if (!HAVE_SCV())
		SKIP(return, "no scv");
	START_AFTER(false, __asm__ volatile(SCV_1 : : : "r0", "r3", "lr", "ctr", "memory"));
	status = wait_status(self->pid);
	ASSERT_FALSE(WIFEXITED(status));
	EXPECT_EQ(SIGILL, WTERMSIG(status));
}
#endif

TEST_HARNESS_MAIN
