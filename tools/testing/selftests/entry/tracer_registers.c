// SPDX-License-Identifier: GPL-2.0
/*
 * A tracer sets all registers of a task, whatever the architecture: at a later stop it puts
 * back those that it read at an earlier one, and the stack. In between the task has changed
 * some, so it finds out which of them the kernel does not load.
 */
#define _GNU_SOURCE
#include <linux/elf.h>
#include <sys/uio.h>

#include "syscall_test.h"

#define N_VALUES	3
#define VALUE(i)	(0x1234567L + (i))	/* in the first round */

static struct shared {
	long nr, args[3];	/* of the call under test */
	bool fault;		/* no call, but a fault */
	int rounds;		/* begun so far */
	long seen[N_VALUES];
	unsigned long frame;	/* the task's */
} *sh;

/*
 * The register in which arm64's kernel tells a tracer whether a call begins or ends. At
 * these stops the tracer cannot set it, so no value may be in it.
 */
#if defined(__aarch64__)
# define TOLD	"x7"
#elif defined(__arm__)
/* A value in an argument's register would have to be moved, to r12 perhaps */
# define TOLD	"r4", "r5", "r12"
#else
# define TOLD	"memory"
#endif

/* The tracer makes the second round's end one of the first round */
static void task(void)
{
	const int *nowhere = NULL;
	long a, b, c;

	sh->frame = (unsigned long)__builtin_frame_address(0);
	while (sh->rounds < 2) {
		a = VALUE(0) << sh->rounds;
		b = VALUE(1) << sh->rounds;
		c = VALUE(2) << sh->rounds;
		/* The compiler does not know that it could get them elsewhere */
		__asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(nowhere) : : TOLD);
		if (++sh->rounds == 2 && sh->fault)
			__asm__ volatile("" : : "r"(*nowhere));
		else
			call3(sh->nr, sh->args[0], sh->args[1], sh->args[2]);
		__asm__ volatile("" : : : TOLD);
		sh->seen[0] = a;
		sh->seen[1] = b;
		sh->seen[2] = c;
	}
	call1(__NR_exit_group, 0);
}

/* A task's state, large enough for the general registers of any architecture */
static struct {
	unsigned long regs[64], stack[1024];
	struct iovec iov;
} state;

/* Of the stack, below the address of the frame. It may be the frame of more than task() */
#define BELOW	(960 * sizeof(long))

static bool transfer_stack(pid_t pid, int nr)
{
	const struct iovec remote = { (void *)(sh->frame - BELOW), sizeof(state.stack) };
	const struct iovec local = { state.stack, sizeof(state.stack) };

	return call6(nr, pid, (long)&local, 1, (long)&remote, 1, 0) == sizeof(state.stack);
}

static bool save(pid_t pid)
{
	state.iov.iov_base = state.regs;
	state.iov.iov_len = sizeof(state.regs);
	return !ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &state.iov) &&
	       transfer_stack(pid, __NR_process_vm_readv);
}

/*
 * Where a call begins, s390 takes its number from the register of the result. The first
 * call's result is a process ID, which would be the number of some other call.
 */
static void keep_number(int op)
{
#ifdef __s390__
	if (op == PTRACE_SYSCALL_INFO_ENTRY || op == PTRACE_SYSCALL_INFO_SECCOMP)
		state.regs[2 + 2] = sh->nr;	/* after the two words of the PSW */
#endif
}

static bool put_back(pid_t pid)
{
	return !ptrace(PTRACE_SETREGSET, pid, (void *)NT_PRSTATUS, &state.iov) &&
	       transfer_stack(pid, __NR_process_vm_writev);
}

/*
 * A child that has made its first call, at the stop on its exit. Its tracer has its state.
 * Returns 0 if something failed.
 */
static pid_t start(void (*fn)(void), bool filter)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL;
	struct ptrace_syscall_info info;
	pid_t pid = fork();

	if (pid == 0) {
		if (filter)
			filter_call(__NR_getppid, SECCOMP_RET_TRACE, 0);
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		signal_self(SIGSTOP);
		fn();
	}
	if (pid < 0 || !WIFSTOPPED(wait_status(pid)) ||
	    ptrace(PTRACE_SETOPTIONS, pid, 0, (void *)options))
		return 0;
	do {
		if (next_stop(pid, PTRACE_SYSCALL, 0, &info) <= 0)
			return 0;
	} while (info.op != PTRACE_SYSCALL_INFO_EXIT);
	return save(pid) ? pid : 0;
}

FIXTURE(registers) {
};

FIXTURE_VARIANT(registers) {
	bool signal, fault;	/* the reason for it */
	int request;		/* to get there */
	int op;			/* kind of the stop at which the registers are set */
};

FIXTURE_VARIANT_ADD(registers, call_entry) {
	.op = PTRACE_SYSCALL_INFO_ENTRY,
	.request = PTRACE_SYSCALL,
};

FIXTURE_VARIANT_ADD(registers, call_exit) {
	.op = PTRACE_SYSCALL_INFO_EXIT,
	.request = PTRACE_SYSCALL,
};

FIXTURE_VARIANT_ADD(registers, seccomp) {
	.op = PTRACE_SYSCALL_INFO_SECCOMP,
	.request = PTRACE_CONT,
};

FIXTURE_VARIANT_ADD(registers, signal_by_call) {
	.op = PTRACE_SYSCALL_INFO_NONE,
	.request = PTRACE_CONT,
	.signal = true,
};

FIXTURE_VARIANT_ADD(registers, signal_by_fault) {
	.op = PTRACE_SYSCALL_INFO_NONE,
	.request = PTRACE_CONT,
	.fault = true,
};

FIXTURE_SETUP(registers)
{
	sh = share(sizeof(*sh));
	ASSERT_TRUE(!!sh);
	sh->nr = __NR_getppid;
	sh->fault = variant->fault;
}

FIXTURE_TEARDOWN(registers)
{
}

TEST_F(registers, are_set)
{
	struct ptrace_syscall_info info;
	int status, i;
	pid_t pid;

	pid = start(task, variant->op == PTRACE_SYSCALL_INFO_SECCOMP);
	ASSERT_NE(0, pid);
	if (variant->signal) {
		sh->nr = __NR_tgkill;
		sh->args[0] = pid;
		sh->args[1] = pid;
		sh->args[2] = SIGUSR1;
	}
	do {
		ASSERT_LT(0, next_stop(pid, variant->request, 0, &info));
	} while (info.op != variant->op);
	ASSERT_EQ(2, sh->rounds);
	keep_number(info.op);
	ASSERT_TRUE(put_back(pid));
	ASSERT_EQ(0, ptrace(PTRACE_CONT, pid, NULL, NULL));

	status = wait_status(pid);
	EXPECT_TRUE(WIFEXITED(status));
	for (i = 0; i < N_VALUES; i++)
		EXPECT_EQ(VALUE(i), sh->seen[i]);
	kill(pid, SIGKILL);
}

#ifdef __powerpc__
/*
 * Registers that a call does not preserve. A tracer that makes a task run a function sets
 * r12, which has the function's address.
 */
static void call_and_look(void)
{
	register long nr __asm__("r0") = __NR_getppid;
	register long r3 __asm__("r3"), r4 __asm__("r4"), r5 __asm__("r5");

	sh->frame = (unsigned long)__builtin_frame_address(0);
	__asm__ volatile("sc\n\tmr 3,9\n\tmr 4,12\n\tmfctr 5"
			 : "+r"(nr), "=r"(r3), "=r"(r4), "=r"(r5)
			 : : "r6", "r7", "r8", "r9", "r10", "r11", "r12", "ctr", "xer", "cr0",
			   "memory");
	sh->seen[0] = r3;
	sh->seen[1] = r4;
	sh->seen[2] = r5;
	call1(__NR_exit_group, 0);
}

#define CTR	35	/* its index in the register set */

TEST(clobbered_registers_are_set)
{
	pid_t pid;

	sh = share(sizeof(*sh));
	ASSERT_TRUE(!!sh);
	pid = start(call_and_look, false);
	ASSERT_NE(0, pid);
	state.regs[9] = VALUE(0);
	state.regs[12] = VALUE(1);
	state.regs[CTR] = VALUE(2);
	ASSERT_TRUE(put_back(pid));
	ASSERT_EQ(0, ptrace(PTRACE_CONT, pid, NULL, NULL));

	EXPECT_TRUE(WIFEXITED(wait_status(pid)));
	EXPECT_EQ(VALUE(0), sh->seen[0]);
	EXPECT_EQ(VALUE(1), sh->seen[1]);
	EXPECT_EQ(VALUE(2), sh->seen[2]);
}
#endif

TEST_HARNESS_MAIN
