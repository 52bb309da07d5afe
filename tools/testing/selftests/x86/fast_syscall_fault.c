// SPDX-License-Identifier: GPL-2.0-only
/*
 * A fast 32-bit system call has its sixth argument on the user stack. If the
 * kernel cannot read it there, the call fails with -EFAULT. It still is a system
 * call: a tracer must see it like any other, and must see a single step over it,
 * before the program faults on its broken stack.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#ifndef PTRACE_SYSEMU
#define PTRACE_SYSEMU	31
#endif

#define SYSCALL_STOP	(SIGTRAP | 0x80)

/* The text of a 32-bit kernel with the usual split. Not mapped otherwise. */
#define KERNEL_MEMORY	0xc1000000

static void __attribute__((naked)) insn_sysenter(void)
{
	asm volatile("sysenter; ud2");
}

static void __attribute__((naked)) insn_syscall(void)
{
	asm volatile("syscall; ud2");
}

/* Skip the ENDBR32 with which a function may begin */
static const char *code_of(void (*fn)(void))
{
	const char *code = (const char *)fn;

	return memcmp(code, "\xf3\x0f\x1e\xfb", 4) ? code : code + 4;
}

/* Calls the kernel as the vDSO does, because it returns to the vDSO. 20 is getpid(). */
static long __attribute__((naked)) getpid_by_sysenter(void)
{
	asm volatile("push %ecx; push %edx; push %ebp; mov %esp, %ebp\n"
		     "mov $20, %eax; sysenter; ud2");
}

static bool sysenter_works(void)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid)
		_exit(getpid_by_sysenter() != getpid());

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status);
}

/*
 * The vDSO uses the instruction that this CPU has, if any. It does not use anything
 * that follows its INT $0x80. With FRED it uses INT $0x80 although SYSENTER works.
 */
static const char *fast_insn(void)
{
	const unsigned char *code = (const unsigned char *)getauxval(AT_SYSINFO);
	int i;

	for (i = 0; code && i < 32; i++) {
		if (code[i] == 0xcd && code[i + 1] == 0x80)
			return sysenter_works() ? code_of(insn_sysenter) : NULL;
		if (code[i] == 0x0f && code[i + 1] == 0x34)
			return code_of(insn_sysenter);
		if (code[i] == 0x0f && code[i + 1] == 0x05)
			return code_of(insn_syscall);
	}

	return NULL;
}

FIXTURE(bad_stack)
{
	pid_t pid;
};

/* A child that is stopped right before a call of getppid() */
FIXTURE_SETUP(bad_stack)
{
	const char *insn = fast_insn();
	struct user_regs_struct regs;
	void *stack;
	int status;

	if (!insn)
		SKIP(return, "the vDSO uses INT $0x80");

	stack = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(stack != MAP_FAILED);

	self->pid = fork();
	ASSERT_GE(self->pid, 0);
	if (!self->pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		_exit(1);
	}

	ASSERT_EQ(waitpid(self->pid, &status, 0), self->pid);
	ASSERT_TRUE(WIFSTOPPED(status));
	ASSERT_EQ(ptrace(PTRACE_SETOPTIONS, self->pid, 0,
			 PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL), 0);

	ASSERT_EQ(ptrace(PTRACE_GETREGS, self->pid, 0, &regs), 0);
	regs.orig_eax = -1;
	regs.eip = (long)insn;
	regs.eax = SYS_getppid;
	regs.ebp = (long)stack;
	regs.esp = (long)stack;
	ASSERT_EQ(ptrace(PTRACE_SETREGS, self->pid, 0, &regs), 0);
}

FIXTURE_TEARDOWN(bad_stack)
{
	if (self->pid > 0) {
		kill(self->pid, SIGKILL);
		waitpid(self->pid, NULL, __WALL);
	}
}

/* Resume the child. Returns the signal with which it stops. */
static int next_stop(pid_t pid, int request, struct user_regs_struct *regs)
{
	int status;

	if (ptrace(request, pid, 0, 0) || waitpid(pid, &status, 0) != pid)
		return -errno;
	if (!WIFSTOPPED(status) || ptrace(PTRACE_GETREGS, pid, 0, regs))
		return 0;
	return WSTOPSIG(status);
}

/* At the address after the vDSO's INT $0x80, where nothing has been executed yet */
static bool at_landing_pad(pid_t pid, const struct user_regs_struct *regs)
{
	long code = ptrace(PTRACE_PEEKTEXT, pid, regs->eip - 2, 0);

	return (code & 0xffff) == 0x80cd;
}

TEST_F(bad_stack, singlestep)
{
	struct user_regs_struct regs;

	ASSERT_EQ(next_stop(self->pid, PTRACE_SINGLESTEP, &regs), SIGTRAP);
	EXPECT_EQ(regs.eax, -EFAULT);
	EXPECT_TRUE(at_landing_pad(self->pid, &regs));

	/* The fault comes only now */
	EXPECT_EQ(next_stop(self->pid, PTRACE_SINGLESTEP, &regs), SIGSEGV);
	EXPECT_TRUE(at_landing_pad(self->pid, &regs));
}

TEST_F(bad_stack, syscall_stops)
{
	struct user_regs_struct regs;

	ASSERT_EQ(next_stop(self->pid, PTRACE_SYSCALL, &regs), SYSCALL_STOP);
	EXPECT_EQ(regs.orig_eax, SYS_getppid);
	EXPECT_EQ(regs.eax, -ENOSYS);

	/* A tracer that counts these stops must find them in pairs */
	ASSERT_EQ(next_stop(self->pid, PTRACE_SYSCALL, &regs), SYSCALL_STOP);
	EXPECT_EQ(regs.orig_eax, SYS_getppid);
	EXPECT_EQ(regs.eax, -EFAULT);
	EXPECT_TRUE(at_landing_pad(self->pid, &regs));

	EXPECT_EQ(next_stop(self->pid, PTRACE_SYSCALL, &regs), SIGSEGV);
}

TEST_F(bad_stack, singlestep_from_entry_stop)
{
	struct user_regs_struct regs;

	ASSERT_EQ(next_stop(self->pid, PTRACE_SYSCALL, &regs), SYSCALL_STOP);
	ASSERT_EQ(next_stop(self->pid, PTRACE_SINGLESTEP, &regs), SIGTRAP);
	EXPECT_EQ(regs.eax, -EFAULT);
	EXPECT_TRUE(at_landing_pad(self->pid, &regs));
}

TEST_F(bad_stack, skipped_call_keeps_result)
{
	struct user_regs_struct regs;

	ASSERT_EQ(next_stop(self->pid, PTRACE_SYSCALL, &regs), SYSCALL_STOP);
	regs.orig_eax = -1;
	regs.eax = 4711;
	ASSERT_EQ(ptrace(PTRACE_SETREGS, self->pid, 0, &regs), 0);

	ASSERT_EQ(next_stop(self->pid, PTRACE_SYSCALL, &regs), SYSCALL_STOP);
	EXPECT_EQ(regs.eax, 4711);
}

TEST_F(bad_stack, sysemu)
{
	struct user_regs_struct regs;

	/* The tracer makes the call: one stop, and no result from the kernel */
	ASSERT_EQ(next_stop(self->pid, PTRACE_SYSEMU, &regs), SYSCALL_STOP);
	EXPECT_EQ(regs.orig_eax, SYS_getppid);
	EXPECT_EQ(regs.eax, -ENOSYS);
	EXPECT_EQ(next_stop(self->pid, PTRACE_SYSEMU, &regs), SIGSEGV);
	EXPECT_EQ(regs.eax, -ENOSYS);
}

/* Without tracing, the program faults as it always has */
TEST_F(bad_stack, fault_at_landing_pad)
{
	struct user_regs_struct regs;

	ASSERT_EQ(next_stop(self->pid, PTRACE_CONT, &regs), SIGSEGV);
	EXPECT_EQ(regs.eax, -EFAULT);
	EXPECT_TRUE(at_landing_pad(self->pid, &regs));
}

/* In a 32-bit kernel this is mapped, but no system call may have its argument there */
TEST_F(bad_stack, kernel_memory)
{
	struct user_regs_struct regs;

	ASSERT_EQ(ptrace(PTRACE_GETREGS, self->pid, 0, &regs), 0);
	regs.ebp = KERNEL_MEMORY;
	regs.esp = KERNEL_MEMORY;
	ASSERT_EQ(ptrace(PTRACE_SETREGS, self->pid, 0, &regs), 0);

	ASSERT_EQ(next_stop(self->pid, PTRACE_CONT, &regs), SIGSEGV);
	EXPECT_EQ(regs.eax, -EFAULT);
	EXPECT_TRUE(at_landing_pad(self->pid, &regs));
}

TEST_HARNESS_MAIN
