// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program for debuggers and tracers to work on, dynamically linked, 64-bit or 32-bit.
 *
 *   target calls N   N times: called(), then a system call at the_call, answered at
 *                    after_call, after which `watched` changes
 *   target sleep N   sleeps N seconds, however often it is disturbed
 *   target exec      a child by vfork() and execve()
 *   target spawn     such a child after one by fork()
 *   target step      sets TF itself and goes through functions of libc
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern const char the_call[], after_call[];
volatile long watched;

__attribute__((noipa)) long called(long number)
{
	return number + 1;
}

__attribute__((noipa)) static long call(long number)
{
#ifdef __x86_64__
	asm volatile("the_call: syscall\n"
		     "after_call: nop" : "+a" (number) : : "rcx", "r11", "memory");
#else
	asm volatile("the_call: int $0x80\n"
		     "after_call: nop" : "+a" (number) : : "memory");
#endif
	return number;
}

static int calls(long count)
{
	long i, parent = getppid();

	for (i = 0; i < count; i++) {
		called(i);
		if (parent <= 0 || call(SYS_getppid) != parent)
			return printf("a wrong result\n"), 1;
		watched = i + 1;
	}
	printf("%ld calls\n", count);
	return 0;
}

static int sleeps(long seconds)
{
	struct timespec left = { seconds, 0 };

	while (nanosleep(&left, &left))
		if (errno != EINTR)
			return printf("nanosleep: %s\n", strerror(errno)), 1;
	printf("slept\n");
	return 0;
}

static int exec(void)
{
	int status;
	pid_t pid = vfork();

	if (!pid) {
		execl("/bin/true", "true", NULL);
		_exit(1);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		return printf("vfork: status %#x\n", status), 1;
	printf("spawned\n");
	return 0;
}

static int spawn(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		called(1);
		_exit(3);
	}
	if (waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != 3)
		return printf("fork: status %#x\n", status), 1;
	return exec();
}

/* What the step before this one stopped at, and how steps over calls ended */
static const unsigned char *last;
static volatile unsigned int steps, over, late;

#ifdef __x86_64__
# define REG_IP REG_RIP
static bool is_call(const unsigned char *ip) { return ip[0] == 0x0f && ip[1] == 0x05; }
static bool is_end(const unsigned char *call, const unsigned char *ip) { return ip == call + 2; }
#else
# define REG_IP REG_EIP
static bool is_int80(const unsigned char *ip) { return ip[0] == 0xcd && ip[1] == 0x80; }

/* SYSENTER and SYSCALL of the vDSO end after the INT $0x80 that is there as well */
static bool is_fast(const unsigned char *ip) { return ip[0] == 0x0f && (ip[1] == 0x34 || ip[1] == 0x05); }
static bool is_call(const unsigned char *ip) { return is_int80(ip) || is_fast(ip); }

static bool is_end(const unsigned char *call, const unsigned char *ip)
{
	return is_fast(call) ? is_int80(ip - 2) : ip == call + 2;
}
#endif

static void trap(int sig, siginfo_t *info, void *ctx)
{
	const unsigned char *ip = (void *)((ucontext_t *)ctx)->uc_mcontext.gregs[REG_IP];

	steps++;
	if (last && is_call(last)) {
		over++;
		late += !is_end(last, ip);
	}
	last = ip;
}

static void set_tf(bool on)
{
#ifdef __x86_64__
	asm volatile("pushfq; andq $~0x100, (%%rsp); orq %0, (%%rsp); popfq" : : "r" (on ? 0x100L : 0L) : "cc", "memory");
#else
	asm volatile("pushfl; andl $~0x100, (%%esp); orl %0, (%%esp); popfl" : : "r" (on ? 0x100L : 0L) : "cc", "memory");
#endif
}

static int step(void)
{
	struct sigaction act = { .sa_sigaction = trap, .sa_flags = SA_SIGINFO | SA_RESTART };
	char buffer[64];
	int pipes[2];
	long i;

	sigaction(SIGTRAP, &act, NULL);
	if (pipe(pipes))
		return 1;
	set_tf(true);
	for (i = 0; i < 20; i++) {
		call(SYS_getppid);
		if (write(pipes[1], "text", 4) != 4 || read(pipes[0], buffer, sizeof(buffer)) != 4)
			abort();
		free(malloc(100000));
		snprintf(buffer, sizeof(buffer), "%ld", time(NULL));
	}
	set_tf(false);
	printf("%s, %u of %u steps over calls are late\n", steps > 1000 ? "stepped" : "too few steps", late, over);
	return !over || late || steps <= 1000;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	long count = argc > 2 ? atol(argv[2]) : 10;

	if (!strcmp(what, "calls"))
		return calls(count);
	if (!strcmp(what, "sleep"))
		return sleeps(count);
	if (!strcmp(what, "exec"))
		return exec();
	if (!strcmp(what, "spawn"))
		return spawn();
	if (!strcmp(what, "step"))
		return step();
	return 2;
}
