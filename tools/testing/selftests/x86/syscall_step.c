// SPDX-License-Identifier: GPL-2.0
/*
 * A program that steps itself with EFLAGS.TF gets one SIGTRAP after every
 * instruction. A system call is an instruction, too: the trap comes right
 * after it, no matter how the call was made and how it ended.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "own_rseq.h"
#include "seccomp_filter.h"
#include "step.h"

#ifndef PR_SET_SYSCALL_USER_DISPATCH
# define PR_SET_SYSCALL_USER_DISPATCH	59
#endif
#ifndef PR_SYS_DISPATCH_INCLUSIVE_ON
# define PR_SYS_DISPATCH_INCLUSIVE_ON	2
#endif
#ifndef SYS_SECCOMP
# define SYS_SECCOMP			1
#endif
#ifndef SYS_USER_DISPATCH
# define SYS_USER_DISPATCH		2
#endif
#ifndef SA_RESTORER
# define SA_RESTORER			0x04000000
#endif

#define MAGIC		4711
#define EXEC_HELPER	"--exec-helper"
#define EXEC_STATUS	42
#define NO_SYSCALL	99999
#define __NR_invalid	NO_SYSCALL

#ifdef __x86_64__
# define ARG1	"%rdi"
# define ARG2	"%rsi"
# define ARG3	"%rdx"
# define ARG4	"%r10"
# define BP	"%rbp"
# define MOV_TO_CTID	"mov %rdx,%r10\n"
#else
# define ARG1	"%ebx"
# define ARG2	"%ecx"
# define ARG3	"%edx"
# define ARG4	"%esi"
# define BP	"%ebp"
# define MOV_TO_CTID	"mov %edx,%edi\n"
#endif

/* Load the number of a system call */
#define NR(name)	"mov $" STEP_STR(__NR_##name) ",%eax\n"

/* The line that explains a failure has the name of the test */
#define EXPECT_STEPS_OF(log, tid, want) do {				\
	step_tag = _metadata->name;					\
	EXPECT_TRUE(step_check_log(log, tid, want));			\
} while (0)

#define EXPECT_STEPS(want)	EXPECT_STEPS_OF(step_log, 0, want)

#define CALL_CODE(code, name)						\
	STEP_CODE(code,							\
		  STEP_AT NR(name)					\
		  STEP_AT STEP_SYSCALL					\
		  STEP_AT "nop\n"					\
		  STEP_AT "nop\n"					\
		  STEP_AT "nop\n")

/* What the tests expect of CALL_CODE(): indexes into code_want */
#define CALL_INSN	1	/* the system call itself */
#define CALL_NEXT	2	/* after it */

CALL_CODE(call_getpid, getpid);
CALL_CODE(call_getppid, getppid);
CALL_CODE(call_invalid, invalid);
CALL_CODE(call_execve, execve);

static struct step_want want, child_want;

/* Run a stepped program in a child that shares the log, return its status */
static int run_child(void (*fn)(void))
{
	int status;
	pid_t pid;

	if (!step_share_log())
		return -1;
	pid = fork();
	if (!pid) {
		fn();
		_exit(1);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

/*
 * The basic ways into the kernel
 */

#ifdef __x86_64__
TEST(syscall_64)
{
	ASSERT_EQ(step_install(0), 0);
	EXPECT_EQ(step_run(call_getpid, 0, 0, 0), getpid());
	EXPECT_STEPS(call_getpid_want);
}

/* 20 is getpid() there */
STEP_CODE(int80_code,
	  STEP_AT "mov $20,%eax\n"
	  STEP_AT "int $0x80\n"
	  STEP_AT "nop\n"
	  STEP_AT "nop\n");

TEST(int80_from_64)
{
	if (!step_have_int80())
		SKIP(return, "no INT $0x80 in this kernel");
	ASSERT_EQ(step_install(0), 0);
	EXPECT_EQ(step_run(int80_code, 0, 0, 0), getpid());
	EXPECT_STEPS(int80_code_want);
}
#else
TEST(int80_from_32)
{
	ASSERT_EQ(step_install(0), 0);
	EXPECT_EQ(step_run(call_getpid, 0, 0, 0), getpid());
	EXPECT_STEPS(call_getpid_want);
}
#endif

/*
 * What happens to the program besides SIGTRAP
 */

static struct {
	unsigned long ip, ax, flags, addr;
	unsigned int traps;	/* seen by then */
	unsigned int count;
	int code;
} other_sig;

/* If set, where the program goes on, without stepping */
static unsigned long recover_ip, *recover_sp;

static void other_handler(int sig, siginfo_t *info, void *ctx)
{
	greg_t *gregs = ((ucontext_t *)ctx)->uc_mcontext.gregs;

	other_sig.ip = gregs[STEP_REG_IP];
	other_sig.ax = gregs[STEP_REG_AX];
	other_sig.flags = gregs[STEP_REG_FL];
	other_sig.addr = (unsigned long)info->si_addr;
	other_sig.code = info->si_code;
	other_sig.traps = step_log->count;

	/* The same fault again and again: give up */
	if (other_sig.count++ > 8)
		_exit(1);

	if (recover_ip) {
		gregs[STEP_REG_IP] = recover_ip;
		gregs[STEP_REG_FL] &= ~STEP_TF;
	}
	if (recover_sp)
		gregs[STEP_REG_SP] = *recover_sp;
}

static int catch_other(int sig, int flags)
{
	struct sigaction sa = {
		.sa_sigaction = other_handler,
		.sa_flags = SA_SIGINFO | flags,
	};

	sigemptyset(&sa.sa_mask);
	return sigaction(sig, &sa, NULL);
}

/*
 * The fast entry of 32-bit programs
 */

#ifndef __x86_64__
#define FAST_CODE(code, name)						\
	STEP_CODE(code,							\
		  STEP_AT NR(name)					\
		  STEP_AT "call *%ebx\n"				\
		  STEP_AT "nop\n"					\
		  STEP_AT "nop\n")

FAST_CODE(fast_getpid, getpid);
FAST_CODE(fast_invalid, invalid);
FAST_CODE(fast_fork, fork);

/* Arguments: a bad stack, where to save the good one */
#define BAD_STACK_CODE(code, insn)					\
	STEP_CODE(code,							\
		  STEP_AT "mov %esp,(%ecx)\n"				\
		  STEP_AT NR(getpid)					\
		  STEP_AT "mov %ebx,%ebp\n"				\
		  STEP_AT "mov %ebx,%esp\n"				\
		  STEP_AT insn "\n"					\
		  "ud2\n")
#define BAD_STACK_INSN	4

BAD_STACK_CODE(bad_stack_sysenter, "sysenter");
BAD_STACK_CODE(bad_stack_syscall, "syscall");

/* Knows the few instructions of the vDSO's entry; 0: another one */
static int insn_len(const unsigned char *p)
{
	if ((p[0] >= 0x50 && p[0] <= 0x5f) || p[0] == 0x90 || p[0] == 0xc3)
		return 1;
	if ((p[0] == 0x89 || p[0] == 0x8b) && p[1] >= 0xc0)
		return 2;
	if (p[0] == 0x0f && (p[1] == 0x05 || p[1] == 0x34))
		return 2;
	if (p[0] == 0xcd || (p[0] == 0x66 && p[1] == 0x90))
		return 2;
	if ((p[0] == 0x0f && p[1] == 0x1f && p[2] == 0x00) ||
	    (p[0] == 0x8d && p[1] == 0x76))
		return 3;
	if (p[0] == 0xf3 && p[1] == 0x0f && p[2] == 0x1e && p[3] == 0xfb)
		return 4;
	return 0;
}

struct fast_entry {
	unsigned char insn;	/* second byte of SYSENTER or SYSCALL, 0: none is used */
	unsigned long landing_pad;
};

/* Follow the vDSO's entry up to its RET. Add what it executes to the list. */
static bool walk_vdso(struct fast_entry *entry, struct step_want *w)
{
	const unsigned char *p = (const unsigned char *)getauxval(AT_SYSINFO);
	bool skip = false;
	int i, len;

	memset(entry, 0, sizeof(*entry));
	for (i = 0; p && i < 32; i++, p += len) {
		len = insn_len(p);
		if (!len)
			return false;
		if (!skip)
			step_want_ip(w, (unsigned long)p);
		if (p[0] == 0xc3)
			return true;
		if (p[0] == 0x0f && len == 2) {
			entry->insn = p[1];
			skip = true;
		}
		if (p[0] == 0xcd) {
			entry->landing_pad = (unsigned long)p + len;
			skip = false;
		}
	}
	return false;
}

static void run_fast(struct __test_metadata *_metadata, const unsigned long *table,
		     const char *end, __typeof__(fast_getpid) *code, long result)
{
	struct fast_entry entry;

	if (!getauxval(AT_SYSINFO))
		SKIP(return, "no vDSO");

	step_want_range(&want, table, 0, CALL_INSN);
	ASSERT_TRUE(walk_vdso(&entry, &want));
	step_want_tail(&want, table, CALL_NEXT);

	ASSERT_EQ(step_install(0), 0);
	step_reset(end);
	EXPECT_EQ(code(getauxval(AT_SYSINFO), 0, 0), result);
	EXPECT_STEPS(want.ip);
}

TEST(fast_entry_vdso)
{
	run_fast(_metadata, fast_getpid_want, fast_getpid_end, fast_getpid, getpid());
}

TEST(fast_entry_invalid_number)
{
	run_fast(_metadata, fast_invalid_want, fast_invalid_end, fast_invalid, -ENOSYS);
}

/* The child's first instruction is at the landing pad */
TEST(fast_entry_fork)
{
	int i, status, self = step_gettid();
	struct fast_entry entry;
	long child;

	if (!getauxval(AT_SYSINFO))
		SKIP(return, "no vDSO");

	step_want_range(&want, fast_fork_want, 0, CALL_INSN);
	ASSERT_TRUE(walk_vdso(&entry, &want));
	step_want_tail(&want, fast_fork_want, CALL_NEXT);
	for (i = 0; want.ip[i] && want.ip[i] != entry.landing_pad; i++)
		;
	step_want_tail(&child_want, want.ip, i);

	ASSERT_TRUE(step_share_log());
	ASSERT_EQ(step_install(0), 0);
	child = step_run(fast_fork, getauxval(AT_SYSINFO), 0, 0);
	if (!child)
		_exit(0);
	ASSERT_GT(child, 0);
	EXPECT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(status, 0);
	EXPECT_STEPS_OF(step_log, self, want.ip);
	EXPECT_STEPS_OF(step_log, child, child_want.ip);
}

TEST(fast_entry_bad_ebp)
{
	stack_t ss = { .ss_size = 65536 };
	const unsigned long *table;
	unsigned long saved_sp = 0;
	struct fast_entry entry;
	void *bad;

	if (!getauxval(AT_SYSINFO))
		SKIP(return, "no vDSO");
	ASSERT_TRUE(walk_vdso(&entry, &child_want));
	if (!entry.insn)
		SKIP(return, "the vDSO uses INT $0x80");

	ss.ss_sp = mmap(NULL, ss.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);
	ASSERT_TRUE(ss.ss_sp != MAP_FAILED);
	ASSERT_EQ(sigaltstack(&ss, NULL), 0);
	bad = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(bad != MAP_FAILED);

	ASSERT_EQ(step_install(SA_ONSTACK), 0);
	ASSERT_EQ(catch_other(SIGSEGV, SA_ONSTACK), 0);

	recover_sp = &saved_sp;
	if (entry.insn == 0x34) {
		table = bad_stack_sysenter_want;
		recover_ip = (unsigned long)bad_stack_sysenter_end;
		step_run(bad_stack_sysenter, bad, &saved_sp, 0);
	} else {
		table = bad_stack_syscall_want;
		recover_ip = (unsigned long)bad_stack_syscall_end;
		step_run(bad_stack_syscall, bad, &saved_sp, 0);
	}

	step_want_range(&want, table, 0, BAD_STACK_INSN);
	step_want_ip(&want, entry.landing_pad);
	EXPECT_STEPS(want.ip);

	/* There the vDSO pops from the bad stack */
	EXPECT_EQ(other_sig.count, 1);
	EXPECT_EQ(other_sig.ip, entry.landing_pad);
	EXPECT_EQ((long)other_sig.ax, -EFAULT);
	EXPECT_EQ(other_sig.traps, step_log->count);
}
#endif /* !__x86_64__ */

/*
 * Programs of more than one call
 */

TEST(invalid_number)
{
	ASSERT_EQ(step_install(0), 0);
	EXPECT_EQ(step_run(call_invalid, 0, 0, 0), -ENOSYS);
	EXPECT_STEPS(call_invalid_want);
}

STEP_CODE(several_code,
	  STEP_AT NR(getppid)
	  STEP_AT STEP_SYSCALL
	  STEP_AT NR(invalid)
	  STEP_AT STEP_SYSCALL
	  STEP_AT "nop\n"
	  STEP_AT NR(getpid)
	  STEP_AT STEP_SYSCALL
	  STEP_AT "nop\n"
	  STEP_AT "nop\n");

TEST(several_in_a_row)
{
	ASSERT_EQ(step_install(0), 0);
	EXPECT_EQ(step_run(several_code, 0, 0, 0), getpid());
	EXPECT_STEPS(several_code_want);
}

/* The first call returns the number of the second */
STEP_CODE(back_to_back_code,
	  STEP_AT NR(umask)
	  STEP_AT STEP_SYSCALL
	  STEP_AT STEP_SYSCALL
	  STEP_AT "nop\n"
	  STEP_AT "nop\n");

TEST(back_to_back)
{
	umask(__NR_getpid);
	ASSERT_EQ(step_install(0), 0);
	EXPECT_EQ(step_run(back_to_back_code, 022, 0, 0), getpid());
	EXPECT_STEPS(back_to_back_code_want);
}

#define LOOPS	40
#define LOOP_INSNS	4

#define LOOP_CODE(code, name)						\
	STEP_CODE(code,							\
		  STEP_AT "mov $" STEP_STR(LOOPS) "," BP "\n"		\
		  "1:\n"						\
		  STEP_AT NR(name)					\
		  STEP_AT STEP_SYSCALL					\
		  STEP_AT "dec " BP "\n"				\
		  STEP_AT "jnz 1b\n")

LOOP_CODE(loop_getpid, getpid);
LOOP_CODE(loop_getppid, getppid);
LOOP_CODE(loop_yield, sched_yield);
LOOP_CODE(loop_invalid, invalid);

static void want_loop(struct step_want *w, const unsigned long *table)
{
	int i;

	step_want_ip(w, table[0]);
	for (i = 0; i < LOOPS; i++)
		step_want_range(w, table, 1, LOOP_INSNS);
	step_want_tail(w, table, 1 + LOOP_INSNS);
}

TEST(loop)
{
	ASSERT_EQ(step_install(0), 0);
	EXPECT_EQ(step_run(loop_getpid, 0, 0, 0), getpid());
	want_loop(&want, loop_getpid_want);
	EXPECT_STEPS(want.ip);
}

STEP_CODE(jump_code,
	  STEP_AT "jmp *" ARG1 "\n"
	  "ud2\n");

/* The trap comes before the fetch that fails */
TEST(next_insn_unmapped)
{
	long page = sysconf(_SC_PAGESIZE);
	unsigned char code[7] = { 0xb8 };
	unsigned char *p, *start;
	int nr = __NR_getpid;

	memcpy(code + 1, &nr, sizeof(nr));
#ifdef __x86_64__
	memcpy(code + 5, "\x0f\x05", 2);
#else
	memcpy(code + 5, "\xcd\x80", 2);
#endif
	p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(p != MAP_FAILED);
	start = p + page - sizeof(code);
	memcpy(start, code, sizeof(code));
	ASSERT_EQ(mprotect(p, page, PROT_READ | PROT_EXEC), 0);
	ASSERT_EQ(munmap(p + page, page), 0);

	step_want_ip(&want, jump_code_want[0]);
	step_want_ip(&want, (unsigned long)start);
	step_want_ip(&want, (unsigned long)start + 5);
	step_want_ip(&want, (unsigned long)start + 7);

	ASSERT_EQ(step_install(0), 0);
	ASSERT_EQ(catch_other(SIGSEGV, 0), 0);
	recover_ip = (unsigned long)jump_code_end;
	EXPECT_EQ(step_run(jump_code, start, 0, 0), getpid());
	EXPECT_STEPS(want.ip);

	EXPECT_EQ(other_sig.count, 1);
	EXPECT_EQ(other_sig.ip, (unsigned long)p + page);
	EXPECT_EQ(other_sig.addr, (unsigned long)p + page);
	EXPECT_EQ(other_sig.traps, step_log->count);
}

/* No TF, no trap: the handler clears it before the first call */
TEST(tf_cleared_before)
{
	ASSERT_EQ(step_install(0), 0);
	step_reset((void *)several_code_want[1]);
	EXPECT_EQ(several_code(0, 0, 0), getpid());
	step_want_range(&want, several_code_want, 0, 1);
	EXPECT_STEPS(want.ip);
}

/*
 * Several threads, each with a log of its own
 */

#define THREADS	4
#define ROUNDS	3

struct thread {
	__typeof__(loop_getpid) *code;
	const unsigned long *table;
	const char *end;
	pthread_t id;
	int tid;
	bool ok;
	struct step_want want;
	struct step_log log;
};

static struct thread threads[THREADS] = {
	{ loop_getpid, loop_getpid_want, loop_getpid_end },
	{ loop_getppid, loop_getppid_want, loop_getppid_end },
	{ loop_yield, loop_yield_want, loop_yield_end },
	{ loop_invalid, loop_invalid_want, loop_invalid_end },
};

static pthread_barrier_t threads_start;

static struct step_log *thread_log(void)
{
	int i, tid = step_gettid();

	for (i = 0; i < THREADS; i++) {
		if (threads[i].tid == tid)
			return &threads[i].log;
	}
	return &step_own_log;
}

static void *thread_main(void *arg)
{
	struct thread *t = arg;
	int i;

	t->tid = step_gettid();
	t->ok = true;
	want_loop(&t->want, t->table);
	pthread_barrier_wait(&threads_start);
	for (i = 0; i < ROUNDS && t->ok; i++) {
		memset(&t->log, 0, sizeof(t->log));
		t->log.end = (unsigned long)t->end;
		t->code(0, 0, 0);
		t->ok = step_check_log(&t->log, t->tid, t->want.ip);
	}
	return NULL;
}

TEST(many_threads)
{
	int i;

	ASSERT_EQ(step_install(0), 0);
	step_tag = _metadata->name;
	step_find_log = thread_log;
	ASSERT_EQ(pthread_barrier_init(&threads_start, NULL, THREADS), 0);
	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(pthread_create(&threads[i].id, NULL, thread_main, &threads[i]), 0);
	for (i = 0; i < THREADS; i++) {
		ASSERT_EQ(pthread_join(threads[i].id, NULL), 0);
		EXPECT_TRUE(threads[i].ok);
	}
	EXPECT_EQ(step_own_log.count, 0);
}

/*
 * seccomp and syscall user dispatch
 */

/* Give this answer to getppid(). Returns what seccomp() returns. */
static int set_filter(unsigned int answer, unsigned int flags)
{
	return seccomp_answer(__NR_getppid, answer, flags);
}

TEST(seccomp_errno)
{
	ASSERT_EQ(set_filter(SECCOMP_RET_ERRNO | EXDEV, 0), 0);
	ASSERT_EQ(step_install(0), 0);
	EXPECT_EQ(step_run(call_getppid, 0, 0, 0), -EXDEV);
	EXPECT_STEPS(call_getppid_want);
}

TEST(seccomp_trace_without_tracer)
{
	ASSERT_EQ(set_filter(SECCOMP_RET_TRACE, 0), 0);
	ASSERT_EQ(step_install(0), 0);
	EXPECT_EQ(step_run(call_getppid, 0, 0, 0), -ENOSYS);
	EXPECT_STEPS(call_getppid_want);
}

/* SIGSYS replaces the trap, and its handler returns with TF set */
TEST(seccomp_trap)
{
	ASSERT_EQ(set_filter(SECCOMP_RET_TRAP, 0), 0);
	ASSERT_EQ(step_install(0), 0);
	ASSERT_EQ(catch_other(SIGSYS, 0), 0);
	EXPECT_EQ(step_run(call_getppid, 0, 0, 0), __NR_getppid);

	step_want_range(&want, call_getppid_want, 0, CALL_INSN);
	step_want_tail(&want, call_getppid_want, CALL_NEXT + 1);
	EXPECT_STEPS(want.ip);

	EXPECT_EQ(other_sig.count, 1);
	EXPECT_EQ(other_sig.code, SYS_SECCOMP);
	EXPECT_EQ(other_sig.ip, call_getppid_want[CALL_NEXT]);
	EXPECT_EQ(other_sig.traps, CALL_INSN + 1);
	EXPECT_TRUE(other_sig.flags & STEP_TF);
}

TEST(user_dispatch)
{
	ASSERT_EQ(step_install(0), 0);
	ASSERT_EQ(catch_other(SIGSYS, 0), 0);
	if (prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_INCLUSIVE_ON,
		  (long)call_getppid, call_getppid_end - (const char *)call_getppid, 0))
		SKIP(return, "no user dispatch by an inclusive range: %s", strerror(errno));
	EXPECT_EQ(step_run(call_getppid, 0, 0, 0), __NR_getppid);

	step_want_range(&want, call_getppid_want, 0, CALL_INSN);
	step_want_tail(&want, call_getppid_want, CALL_NEXT + 1);
	EXPECT_STEPS(want.ip);

	EXPECT_EQ(other_sig.count, 1);
	EXPECT_EQ(other_sig.code, SYS_USER_DISPATCH);
	EXPECT_EQ(other_sig.ip, call_getppid_want[CALL_NEXT]);
	EXPECT_EQ(other_sig.traps, CALL_INSN + 1);
	EXPECT_TRUE(other_sig.flags & STEP_TF);
}

static void run_killed(struct __test_metadata *_metadata, void (*fn)(void))
{
	int status = run_child(fn);

	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(WTERMSIG(status), SIGSYS);
	step_want_range(&want, call_getppid_want, 0, CALL_INSN);
	EXPECT_STEPS(want.ip);
}

static void do_kill_thread(void)
{
	if (set_filter(SECCOMP_RET_KILL_THREAD, 0) || step_install(0))
		_exit(1);
	step_run(call_getppid, 0, 0, 0);
}

TEST(seccomp_kill_thread)
{
	run_killed(_metadata, do_kill_thread);
}

static void do_kill_process(void)
{
	if (set_filter(SECCOMP_RET_KILL_PROCESS, 0) || step_install(0))
		_exit(1);
	step_run(call_getppid, 0, 0, 0);
}

TEST(seccomp_kill_process)
{
	run_killed(_metadata, do_kill_process);
}

static int filter_fd;

static void supervise(void)
{
	struct seccomp_notif_resp resp = { .val = MAGIC };
	struct seccomp_notif notif = { 0 };

	if (ioctl(filter_fd, SECCOMP_IOCTL_NOTIF_RECV, &notif))
		_exit(1);
	resp.id = notif.id;
	_exit(ioctl(filter_fd, SECCOMP_IOCTL_NOTIF_SEND, &resp) ? 1 : 0);
}

TEST(seccomp_user_notif)
{
	int status;
	pid_t pid;

	ASSERT_EQ(step_install(0), 0);
	filter_fd = set_filter(SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER);
	ASSERT_GE(filter_fd, 0);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid)
		supervise();
	/* Then the call fails if the supervisor is gone, and does not hang */
	close(filter_fd);

	EXPECT_EQ(step_run(call_getppid, 0, 0, 0), MAGIC);
	EXPECT_STEPS(call_getppid_want);
	EXPECT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
}

/* As the tracer, skip the call and deliver every SIGTRAP. Returns the status. */
static int skip_calls(pid_t pid)
{
	struct user_regs_struct regs;
	int status, sig;

	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		sig = WSTOPSIG(status);
		if (sig == SIGSTOP) {
			sig = 0;
			if (ptrace(PTRACE_SETOPTIONS, pid, 0,
				   PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL))
				return -1;
		} else if (status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8)) {
			sig = 0;
			if (ptrace(PTRACE_GETREGS, pid, 0, &regs))
				return -1;
#ifdef __x86_64__
			regs.orig_rax = -1;
			regs.rax = MAGIC;
#else
			regs.orig_eax = -1;
			regs.eax = MAGIC;
#endif
			if (ptrace(PTRACE_SETREGS, pid, 0, &regs))
				return -1;
		}
		if (ptrace(PTRACE_CONT, pid, 0, (long)sig))
			return -1;
	}
	return status;
}

TEST(seccomp_trace_skip)
{
	pid_t pid;

	ASSERT_TRUE(step_share_log());
	ASSERT_EQ(step_install(0), 0);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		if (set_filter(SECCOMP_RET_TRACE, 0))
			_exit(1);
		_exit(step_run(call_getppid, 0, 0, 0) == MAGIC ? 0 : 1);
	}
	EXPECT_EQ(skip_calls(pid), 0);
	EXPECT_STEPS(call_getppid_want);
}

/*
 * sigreturn, for each combination of TF at the time of the call and TF in the frame
 */

struct ksigaction {
	void *handler;
	unsigned long flags;
	const void *restorer;
	unsigned long long mask;
};

/* The handler's way back into the kernel */
STEP_BARE_CODE(rt_restorer, "",
	       STEP_AT NR(rt_sigreturn)
	       STEP_AT STEP_SYSCALL);
STEP_BARE_CODE(rt_restorer_stepped, STEP_ON,
	       STEP_AT NR(rt_sigreturn)
	       STEP_AT STEP_SYSCALL);

#ifndef __x86_64__
STEP_BARE_CODE(legacy_restorer, "",
	       STEP_AT "pop %eax\n"
	       STEP_AT NR(sigreturn)
	       STEP_AT STEP_SYSCALL);
STEP_BARE_CODE(legacy_restorer_stepped, STEP_ON,
	       STEP_AT "pop %eax\n"
	       STEP_AT NR(sigreturn)
	       STEP_AT STEP_SYSCALL);
#endif

/* Send a signal. The code after that is where its handler returns to. */
STEP_PLAIN_CODE(tgkill_code,
		NR(tgkill)
		STEP_SYSCALL
		STEP_AT "nop\n"
		STEP_AT "nop\n"
		STEP_AT "nop\n");

static bool frame_tf;
static int frames;

static void frame_handler(int sig, siginfo_t *info, void *ctx)
{
	greg_t *gregs = ((ucontext_t *)ctx)->uc_mcontext.gregs;

	frames++;
	if (frame_tf)
		gregs[STEP_REG_FL] |= STEP_TF;
}

static int set_frame_handler(void *handler, unsigned long flags, const void *restorer)
{
	struct ksigaction act = {
		.handler = handler,
		.flags = flags | SA_RESTORER,
		.restorer = restorer,
	};

	return syscall(SYS_rt_sigaction, SIGUSR1, &act, NULL, sizeof(act.mask));
}

/* want already has the traps in the restorer */
static void run_sigreturn(struct __test_metadata *_metadata, bool handler_tf, bool to_tf)
{
	frame_tf = to_tf;
	ASSERT_EQ(step_install(0), 0);
	EXPECT_EQ(step_run(tgkill_code, getpid(), step_gettid(), SIGUSR1), 0);
	EXPECT_EQ(frames, 1);
	/* The first trap is before the program's first instruction, or after it */
	if (to_tf)
		step_want_tail(&want, tgkill_code_want, handler_tf ? 0 : 1);
	EXPECT_STEPS(want.ip);
}

static void run_rt_sigreturn(struct __test_metadata *_metadata, bool handler_tf, bool to_tf)
{
	const char *restorer = handler_tf ? rt_restorer_stepped : rt_restorer;

	ASSERT_EQ(set_frame_handler(frame_handler, SA_SIGINFO, restorer), 0);
	if (handler_tf)
		step_want_tail(&want, rt_restorer_stepped_want, 0);
	run_sigreturn(_metadata, handler_tf, to_tf);
}

TEST(rt_sigreturn_0_to_0)
{
	run_rt_sigreturn(_metadata, false, false);
}

TEST(rt_sigreturn_0_to_1)
{
	run_rt_sigreturn(_metadata, false, true);
}

TEST(rt_sigreturn_1_to_1)
{
	run_rt_sigreturn(_metadata, true, true);
}

TEST(rt_sigreturn_1_to_0)
{
	run_rt_sigreturn(_metadata, true, false);
}

#ifndef __x86_64__
static void legacy_handler(int sig, struct sigcontext sc)
{
	frames++;
	if (frame_tf)
		sc.eflags |= STEP_TF;
	/* The argument is in the frame, so the compiler must keep the store */
	asm volatile("" : : "m" (sc));
}

static void run_legacy_sigreturn(struct __test_metadata *_metadata, bool handler_tf, bool to_tf)
{
	const char *restorer = handler_tf ? legacy_restorer_stepped : legacy_restorer;

	ASSERT_EQ(set_frame_handler(legacy_handler, 0, restorer), 0);
	if (handler_tf)
		step_want_tail(&want, legacy_restorer_stepped_want, 0);
	run_sigreturn(_metadata, handler_tf, to_tf);
}

TEST(sigreturn_0_to_0)
{
	run_legacy_sigreturn(_metadata, false, false);
}

TEST(sigreturn_0_to_1)
{
	run_legacy_sigreturn(_metadata, false, true);
}

TEST(sigreturn_1_to_1)
{
	run_legacy_sigreturn(_metadata, true, true);
}

TEST(sigreturn_1_to_0)
{
	run_legacy_sigreturn(_metadata, true, false);
}
#endif

/*
 * A frame that cannot be read: SIGSEGV replaces the trap, and its handler has no trap
 */

#ifdef __x86_64__
# define SP		"%rsp"
# define KEPT_SP	"%r12"
# define FIRST_ARG	"%rdi"
#else
# define SP		"%esp"
# define KEPT_SP	"%esi"
# define FIRST_ARG	"%ebx"
#endif

#define NO_STACK	128	/* nothing is mapped there */

#define BAD_FRAME(name)							\
	STEP_CODE(bad_frame_##name,					\
		  STEP_AT "mov " SP "," KEPT_SP "\n"			\
		  STEP_AT "mov " FIRST_ARG "," SP "\n"			\
		  STEP_AT NR(name)					\
		  STEP_AT STEP_SYSCALL					\
		  STEP_AT "mov " KEPT_SP "," SP "\n"			\
		  STEP_AT "nop\n")

#define BAD_FRAME_NEXT	4	/* after the call */

BAD_FRAME(rt_sigreturn);
#ifndef __x86_64__
BAD_FRAME(sigreturn);
#endif

static unsigned long segv_ip, segv_flags;

static void segv_handler(int sig, siginfo_t *info, void *ctx)
{
	greg_t *gregs = ((ucontext_t *)ctx)->uc_mcontext.gregs;

	segv_ip = gregs[STEP_REG_IP];
	segv_flags = gregs[STEP_REG_FL];
}

static void run_bad_frame(struct __test_metadata *_metadata,
			  __typeof__(bad_frame_rt_sigreturn) *code,
			  const unsigned long *table, const void *end)
{
	static char stack[65536];
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction sa = {
		.sa_sigaction = segv_handler,
		.sa_flags = SA_SIGINFO | SA_ONSTACK,
	};

	ASSERT_EQ(sigaltstack(&ss, NULL), 0);
	ASSERT_EQ(sigaction(SIGSEGV, &sa, NULL), 0);
	ASSERT_EQ(step_install(SA_ONSTACK), 0);
	step_reset(end);
	code(NO_STACK, 0, 0);

	EXPECT_EQ(segv_ip, table[BAD_FRAME_NEXT]);
	EXPECT_TRUE(segv_flags & STEP_TF);
	step_want_range(&want, table, 0, BAD_FRAME_NEXT - 1);
	step_want_tail(&want, table, BAD_FRAME_NEXT + 1);
	EXPECT_STEPS(want.ip);
}

TEST(rt_sigreturn_bad_frame)
{
	run_bad_frame(_metadata, bad_frame_rt_sigreturn, bad_frame_rt_sigreturn_want,
		      bad_frame_rt_sigreturn_end);
}

#ifndef __x86_64__
TEST(sigreturn_bad_frame)
{
	run_bad_frame(_metadata, bad_frame_sigreturn, bad_frame_sigreturn_want,
		      bad_frame_sigreturn_end);
}
#endif

/*
 * execve
 */

/* The new program has no handler: any trap would kill it */
static void do_execve(void)
{
	char *argv[3] = { "syscall_step", EXEC_HELPER, NULL };
	char *envp[1] = { NULL };

	if (step_install(0))
		_exit(1);
	step_run(call_execve, "/proc/self/exe", argv, envp);
}

TEST(execve_success)
{
	int status = run_child(do_execve);

	EXPECT_FALSE(WIFSIGNALED(status));
	EXPECT_EQ(WEXITSTATUS(status), EXEC_STATUS);
	step_want_range(&want, call_execve_want, 0, CALL_INSN);
	EXPECT_STEPS(want.ip);
}

TEST(execve_failure)
{
	ASSERT_EQ(step_install(0), 0);
	EXPECT_EQ(step_run(call_execve, "/nonexistent/file", NULL, NULL), -ENOENT);
	EXPECT_STEPS(call_execve_want);
}

/*
 * New tasks. The child exits without leaving the code, because it may run on
 * its parent's stack. The third argument is used for the child's TID, too.
 */

#define TASK_CODE(code, name)						\
	STEP_CODE(code,							\
		  STEP_AT MOV_TO_CTID					\
		  STEP_AT NR(name)					\
		  STEP_AT STEP_SYSCALL					\
		  STEP_AT "nop\n"					\
		  STEP_AT "test %eax,%eax\n"				\
		  STEP_AT "jnz 2f\n"					\
		  STEP_AT "mov %eax," EXIT_ARG "\n"			\
		  STEP_AT NR(exit)					\
		  STEP_AT STEP_SYSCALL					\
		  "ud2\n"						\
		  "2:\n"						\
		  STEP_AT "nop\n")

#ifdef __x86_64__
# define EXIT_ARG	"%edi"
#else
# define EXIT_ARG	"%ebx"
#endif

#define TASK_NEXT	3	/* after the system call: here the child starts */
#define TASK_BRANCH	5
#define TASK_EXIT	8	/* the end of the child */
#define TASK_PARENT	9

#define CHILD_STACK	65536

TASK_CODE(task_fork, fork);
TASK_CODE(task_vfork, vfork);
TASK_CODE(task_clone, clone);
TASK_CODE(task_clone3, clone3);

/* The log must have exactly the list of the parent and that of the child */
static void check_task(struct __test_metadata *_metadata, const unsigned long *table, int child)
{
	char tag[64];

	step_want_range(&want, table, 0, TASK_BRANCH);
	step_want_tail(&want, table, TASK_PARENT);
	snprintf(tag, sizeof(tag), "%s: parent", _metadata->name);
	step_tag = tag;
	EXPECT_TRUE(step_check_log(step_log, step_gettid(), want.ip));

	step_want_range(&child_want, table, TASK_NEXT, TASK_EXIT);
	snprintf(tag, sizeof(tag), "%s: child", _metadata->name);
	EXPECT_TRUE(step_check_log(step_log, child, child_want.ip));
	step_tag = NULL;
}

static void check_process(struct __test_metadata *_metadata, const unsigned long *table, long child)
{
	int status;

	ASSERT_GT(child, 0);
	EXPECT_EQ(waitpid(child, &status, __WALL), child);
	EXPECT_EQ(status, 0);
	check_task(_metadata, table, child);
}

TEST(fork_both)
{
	ASSERT_TRUE(step_share_log());
	ASSERT_EQ(step_install(0), 0);
	check_process(_metadata, task_fork_want, step_run(task_fork, 0, 0, 0));
}

TEST(vfork_both)
{
	ASSERT_EQ(step_install(0), 0);
	check_process(_metadata, task_vfork_want, step_run(task_vfork, 0, 0, 0));
}

TEST(clone_both)
{
	ASSERT_TRUE(step_share_log());
	ASSERT_EQ(step_install(0), 0);
	check_process(_metadata, task_clone_want, step_run(task_clone, SIGCHLD, 0, 0));
}

static char *child_stack(void)
{
	char *p = mmap(NULL, CHILD_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);

	return p == MAP_FAILED ? NULL : p + CHILD_STACK;
}

TEST(clone_vm_both)
{
	char *stack = child_stack();

	ASSERT_TRUE(!!stack);
	ASSERT_EQ(step_install(0), 0);
	check_process(_metadata, task_clone_want,
		      step_run(task_clone, CLONE_VM | SIGCHLD, stack, 0));
}

TEST(clone_thread_both)
{
	struct timespec timeout = { .tv_sec = 5 };
	char *stack = child_stack();
	int left, tid = 0;
	long child;

	ASSERT_TRUE(!!stack);
	ASSERT_EQ(step_install(0), 0);
	child = step_run(task_clone, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
			 CLONE_THREAD | CLONE_SYSVSEM | CLONE_PARENT_SETTID |
			 CLONE_CHILD_CLEARTID, stack, &tid);
	ASSERT_GT(child, 0);

	/* When the thread is gone, the kernel clears this and wakes up the waiter */
	while ((left = __atomic_load_n(&tid, __ATOMIC_SEQ_CST))) {
		if (syscall(SYS_futex, &tid, FUTEX_WAIT, left, &timeout, NULL, 0) &&
		    errno == ETIMEDOUT)
			break;
	}
	ASSERT_EQ(left, 0);
	check_task(_metadata, task_clone_want, child);
}

TEST(clone3_both)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD,
	};

	ASSERT_TRUE(step_share_log());
	ASSERT_EQ(step_install(0), 0);
	check_process(_metadata, task_clone3_want, step_run(task_clone3, &args, sizeof(args), 0));
}

/*
 * The call itself blocks or ignores SIGTRAP: its trap is fatal. The third
 * argument is where the next instruction writes.
 */

#define FATAL_CODE(code, name)						\
	STEP_CODE(code,							\
		  STEP_AT "mov " ARG3 "," BP "\n"			\
		  STEP_AT "xor " ARG3 "," ARG3 "\n"			\
		  STEP_AT "mov $8," ARG4 "\n"				\
		  STEP_AT NR(name)					\
		  STEP_AT STEP_SYSCALL					\
		  STEP_AT "movl $1,(" BP ")\n"				\
		  STEP_AT "nop\n"					\
		  STEP_AT "nop\n")

#define FATAL_INSN	4

FATAL_CODE(fatal_mask, rt_sigprocmask);
FATAL_CODE(fatal_ignore, rt_sigaction);

static int *went_on;

static void do_block(void)
{
	unsigned long long mask = 1ULL << (SIGTRAP - 1);

	if (step_install(0))
		_exit(1);
	step_run(fatal_mask, SIG_BLOCK, &mask, went_on);
}

static void do_ignore(void)
{
	struct ksigaction act = { .handler = SIG_IGN };

	if (step_install(0))
		_exit(1);
	step_run(fatal_ignore, SIGTRAP, &act, went_on);
}

static void run_fatal(struct __test_metadata *_metadata, void (*fn)(void),
		      const unsigned long *table)
{
	int status;

	went_on = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(went_on != MAP_FAILED);
	status = run_child(fn);
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(WTERMSIG(status), SIGTRAP);
	step_want_range(&want, table, 0, FATAL_INSN);
	EXPECT_STEPS(want.ip);
	EXPECT_EQ(*went_on, 0) {
		TH_LOG("the instruction after the system call was executed");
	}
}

TEST(sigtrap_blocked)
{
	run_fatal(_metadata, do_block, fatal_mask_want);
}

TEST(sigtrap_ignored)
{
	run_fatal(_metadata, do_ignore, fatal_ignore_want);
}

/*
 * A signal in a restartable sequence moves the program to its abort handler,
 * here with the very first trap in the sequence. The move itself is not a step.
 */

#ifdef RSEQ_SIG
STEP_CODE(rseq_code,
	  STEP_AT "mov " ARG2 ",(" ARG1 ")\n"
	  STEP_AT "nop\n"
	  "nop\n"
	  "ud2\n"
	  ".long " STEP_STR(RSEQ_SIG) "\n"
	  STEP_AT "nop\n"
	  STEP_AT "nop\n"
	  STEP_AT "nop\n");

#define RSEQ_START	1
#define RSEQ_ABORT	2

TEST(rseq_abort)
{
	struct rseq_cs cs = {
		.start_ip = rseq_code_want[RSEQ_START],
		.post_commit_offset = 2,
		.abort_ip = rseq_code_want[RSEQ_ABORT],
	};
	struct step_trap *t = &step_log->trap[1];
	struct rseq *rseq = own_rseq();

	if (!rseq)
		SKIP(return, "no rseq in this libc or kernel");

	ASSERT_EQ(step_install(0), 0);
	step_run(rseq_code, &rseq->rseq_cs, &cs, 0);

	/* The one trap whose ip has been moved */
	EXPECT_EQ(t->addr, rseq_code_want[RSEQ_START]);
	t->addr = t->ip;
	step_want_ip(&want, rseq_code_want[0]);
	step_want_tail(&want, rseq_code_want, RSEQ_ABORT);
	EXPECT_STEPS(want.ip);
}
#endif

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], EXEC_HELPER))
		return EXEC_STATUS;
	return test_harness_run(argc, argv);
}
