/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The mixer's tracers. Both sides know beforehand what the tracee does and what the
 * tracer makes of it.
 */
#ifndef MIXER_TRACE_H
#define MIXER_TRACE_H

#include <sys/user.h>

#include "mixer-action.h"

#define MOST_CALLS	6

#define SYSCALL_STOP	(SIGTRAP | 0x80)

/* What a tracer looks at */
enum kind { CALLS, STEPS, EMULATION, FILTER };

/* What it does at a call */
enum { AS_IT_IS, SKIPPED, OTHER_NUMBER, TAMPERINGS };

struct plan {
	int how, tamper;
	long result;
	word arg[6];
};

static long trace(int request, pid_t pid, void *address, void *data)
{
	long result = ptrace(request, pid, address, data);

	if (result)
		fail("ptrace(%d): %d", request, errno);
	return result;
}

static int wait_stop(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, __WALL) != pid) {
		if (errno != EINTR)
			fail("waitpid(): %d", errno);
	}
	count(N_STOPS);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 99)
		fail("the tracee failed");
	return status;
}

static void expect_stop(const char *what, int want, int status)
{
	if (!WIFSTOPPED(status) || status >> 8 != want)
		fail("%s: expected a stop by %#x, got status %#x", what, want, status);
}

/* Calls back to back, looked at when all are done: a tracer steps through this */
__attribute__((noreturn))
static void tracee(const struct plan *plan, int n, enum kind kind)
{
	struct use uses[MOST_CALLS], stop;
	int i;

	if (kind == FILTER)
		install_filter(SECCOMP_RET_TRACE | n);
	trace(PTRACE_TRACEME, 0, NULL, NULL);
	for (i = 0; i < n; i++)
		prepare_call(&uses[i], plan[i].how, GETPPID, plan[i].arg);
	prepare_call(&stop, below(n_entries), TGKILL, (word[6]){ me->pid, me->tid, SIGSTOP });
	enter(&stop);
	for (i = 0; i < n; i++)
		enter(&uses[i]);
	expect("tgkill() of itself", 0, verify(&stop));
	for (i = 0; i < n; i++) {
		long want = plan[i].result;

		if (kind == STEPS || (kind == CALLS && plan[i].tamper == AS_IT_IS))
			want = me->ppid;
		else if (kind == CALLS && plan[i].tamper == OTHER_NUMBER)
			want = me->pid;
		expect("result of a traced call", want, verify(&uses[i]));
	}
	leave(7);
}

/* Plans n calls and starts a tracee, which is stopped then */
static pid_t start_tracee(struct plan *plan, int n, enum kind kind)
{
	long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL;
	pid_t child;
	int i, j;

	for (i = 0; i < n; i++) {
		plan[i].how = kind == CALLS || kind == FILTER ? any_how() : (int)below(n_entries);
		plan[i].tamper = below(TAMPERINGS);
		plan[i].result = chance() >> 40;
		for (j = 0; j < 6; j++)
			plan[i].arg[j] = (uint32_t)chance();
		if (kind == FILTER)
			plan[i].arg[1] = MAGIC;
	}
	child = start_child();
	if (!child)
		tracee(plan, n, kind);
	expect_stop("start", SIGSTOP, wait_stop(child));
	trace(PTRACE_SETOPTIONS, child, NULL, (void *)options);
	return child;
}

/* Of a call; another number as well if it is not 0 */
static void set_call(pid_t child, int nr, long result)
{
	struct user_regs_struct user;

	trace(PTRACE_GETREGS, child, NULL, &user);
	if (nr)
		USER_NR(user) = nr;
	USER_AX(user) = result;
	trace(PTRACE_SETREGS, child, NULL, &user);
}

static struct __ptrace_syscall_info call_info(pid_t child)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, child, (void *)sizeof(info), &info) <= 0)
		fail("PTRACE_GET_SYSCALL_INFO: %d", errno);
	return info;
}

static void traced_entry(pid_t child, const struct plan *plan)
{
	const struct entry *entry = &entries[plan->how & ~STEPPED];
	struct __ptrace_syscall_info info = call_info(child);
	int i;

	expect("stop at the entry of a call", PTRACE_SYSCALL_INFO_ENTRY, info.op);
	expect("number at entry", number_of(entry, GETPPID), (int)info.entry.nr);
	expect("architecture", architecture(entry), (unsigned int)info.arch);
	for (i = 0; i < 6; i++)
		expect("argument at entry", plan->arg[i], (uint32_t)info.entry.args[i]);
	if (plan->tamper == SKIPPED)
		set_call(child, -1, -ENOSYS);
	if (plan->tamper == OTHER_NUMBER)
		set_call(child, number_of(entry, GETPID), -ENOSYS);
}

static void traced_exit(pid_t child, const struct plan *plan)
{
	struct __ptrace_syscall_info info = call_info(child);
	const long want[] = { [AS_IT_IS] = me->pid, [SKIPPED] = -ENOSYS, [OTHER_NUMBER] = child };

	expect("stop at the exit of a call", PTRACE_SYSCALL_INFO_EXIT, info.op);
	expect("result at exit", want[plan->tamper], info.exit.rval);
	if (plan->tamper == SKIPPED)
		set_call(child, 0, plan->result);
}

/* It may step over its last call itself */
static void run_to_end(pid_t child)
{
	long sig = 0;
	int status;

	do {
		trace(PTRACE_CONT, child, NULL, (void *)sig);
		status = wait_stop(child);
		sig = SIGTRAP;
	} while (status >> 8 == SIGTRAP);
	expect("end of a tracee", 7 << 8, status);
}

/* Two stops for each call. Steps that the tracee takes are handed on. */
static void traced_calls(void)
{
	int n = 1 + below(MOST_CALLS), i, sig = 0, nr, sigreturns = 0, traps = 0;
	struct plan plan[MOST_CALLS];
	pid_t child = start_tracee(plan, n, CALLS);
	bool inside = false, is_sigreturn = false;

	for (i = 0; ; ) {
		trace(PTRACE_SYSCALL, child, NULL, (void *)(long)sig);
		sig = wait_stop(child) >> 8;
		if (sig == SIGTRAP) {
			traps++;
			continue;
		}
		expect("stop of a traced call", SYSCALL_STOP, sig);
		sig = 0;
		inside = !inside;
		if (inside) {
			nr = call_info(child).entry.nr;
			is_sigreturn = nr == (IS_64 ? SIGRETURN.nr64 : SIGRETURN.nr32);
			if (is_sigreturn)
				sigreturns++;
			else if (i == n)
				break;
			else
				traced_entry(child, &plan[i]);
		} else if (!is_sigreturn) {
			traced_exit(child, &plan[i++]);
		}
	}
	expect("returns from the handler of SIGTRAP", traps, sigreturns);
	run_to_end(child);
}

/*
 * One instruction. Not a POPF, after which the kernel takes TF for the program's:
 * this does what it would do.
 */
static void step(int request, pid_t child)
{
	struct user_regs_struct user;

	trace(PTRACE_GETREGS, child, NULL, &user);
	if ((ptrace(PTRACE_PEEKTEXT, child, (void *)USER_IP(user), NULL) & 0xff) == 0x9d) {
		user.eflags = ptrace(PTRACE_PEEKTEXT, child, (void *)USER_SP(user), NULL);
		USER_SP(user) += sizeof(word);
		USER_IP(user)++;
		trace(PTRACE_SETREGS, child, NULL, &user);
	}
	trace(request, child, NULL, NULL);
}

static const struct entry *entry_at(word ip)
{
	int i;

	for (i = 0; i < n_entries; i++) {
		if ((word)entries[i].insn == ip)
			return &entries[i];
	}
	return NULL;
}

/*
 * One stop for each instruction. An emulated call has a stop of its own in the place
 * of the call's, and the instruction that follows passes, as PTRACE_SYSEMU_SINGLESTEP
 * always did it, but for the base with FRED.
 */
static void step_through(int request)
{
	int n = 1 + below(3), status, calls = 0, returns = 0, emulated = 0;
	bool emulate = request == PTRACE_SYSEMU_SINGLESTEP, passes = emulate && !(plain && fred);
	struct plan plan[MOST_CALLS];
	pid_t child = start_tracee(plan, n, emulate ? EMULATION : STEPS);
	const struct entry *entry = NULL;
	struct user_regs_struct user;
	word last = 0;

	while (returns < n) {
		step(request, child);
		status = wait_stop(child);
		if (emulate && status >> 8 == SYSCALL_STOP) {
			set_call(child, 0, plan[emulated++].result);
			trace(PTRACE_GETREGS, child, NULL, &user);
			if (entry && !in_vdso(entry))
				expect("stop of an emulated call", (word)entry->after,
				       USER_IP(user));
			continue;
		}
		expect_stop("step of a tracer", SIGTRAP, status);
		trace(PTRACE_GETREGS, child, NULL, &user);
		count(N_STEPS);
		if (entry_at(USER_IP(user))) {
			entry = entry_at(USER_IP(user));
			expect("calls stepped over", calls, returns);
			calls++;
		} else if (entry && in_vdso(entry)) {
			/* No loops in there. With FRED, the base has this fault. */
			if ((word)USER_IP(user) == last && !(plain && fred))
				fail("step of a tracer that stays at %#lx", last);
			if ((word)USER_IP(user) == (word)entry->after) {
				returns++;
				entry = NULL;
			}
		} else if (entry) {
			expect("step of a tracer over a call",
			       (word)(passes ? entry->end : entry->after), USER_IP(user));
			if (!emulate)
				expect("result of a call stepped over", me->pid, USER_AX(user));
			returns++;
			entry = NULL;
		}
		last = USER_IP(user);
	}
	expect("calls stepped over", n, calls);
	expect("calls emulated", emulate ? n : 0, emulated);
	trace(PTRACE_DETACH, child, NULL, NULL);
	wait_for(child, 7 << 8);
}

static void traced_steps(void) { step_through(PTRACE_SINGLESTEP); }

static void traced_emulation(void)
{
	int i, n = 1 + below(MOST_CALLS);
	struct plan plan[MOST_CALLS];
	pid_t child;

	if (below(2)) {
		step_through(PTRACE_SYSEMU_SINGLESTEP);
		return;
	}
	child = start_tracee(plan, n, EMULATION);
	for (i = 0; i < n; i++) {
		trace(PTRACE_SYSEMU, child, NULL, NULL);
		expect_stop("emulated call", SYSCALL_STOP, wait_stop(child));
		set_call(child, 0, plan[i].result);
	}
	run_to_end(child);
}

static void traced_filter(void)
{
	int i, n = 1 + below(MOST_CALLS), status;
	struct plan plan[MOST_CALLS];
	pid_t child = start_tracee(plan, n, FILTER);
	unsigned long value;
	long sig = 0;

	for (i = 0; ; ) {
		trace(PTRACE_CONT, child, NULL, (void *)sig);
		status = wait_stop(child);
		if (status == 7 << 8)
			break;
		sig = status >> 8 == SIGTRAP ? SIGTRAP : 0;
		if (sig)
			continue;
		expect_stop("filtered call", SIGTRAP | PTRACE_EVENT_SECCOMP << 8, status);
		trace(PTRACE_GETEVENTMSG, child, NULL, &value);
		expect("value of a filter", n, value);
		expect("filtered calls", true, i < n);
		set_call(child, -1, plan[i++].result);
	}
	expect("filtered calls", n, i);
}

/* Until the stop that is wanted. A signal of the tracee's own is handed on. */
static void run_until(pid_t child, int want)
{
	int got;

	while ((got = wait_stop(child) >> 8) != want) {
		if (got != SIGTRAP)
			fail("attach: expected stop %#x, got %#x", want, got);
		trace(PTRACE_CONT, child, NULL, (void *)SIGTRAP);
	}
}

/* The tracee makes calls all the time, and must not notice. It steps itself, or we do. */
static void seized(void)
{
	bool steps = plain || below(2);
	/* The child is ready; it shall end */
	volatile bool *flags = share(4096);
	int i, j, stops, turns = 1 + below(4), how = any_how();
	struct user_regs_struct user;
	pid_t child = start_child();
	long sig;

	while (!child) {
		how = steps ? (int)below(n_entries) : any_how();
		expect("getpid() of a tracee", me->pid, call(how, GETPID));
		flags[0] = true;
		if (flags[1])
			leave(5);
	}
	while (!flags[0])
		call(how, YIELD);
	for (i = 0; i < turns; i++) {
		if (below(2)) {
			trace(PTRACE_ATTACH, child, NULL, NULL);
			run_until(child, SIGSTOP);
			trace(PTRACE_SETOPTIONS, child, NULL, (void *)PTRACE_O_TRACESYSGOOD);
		} else {
			trace(PTRACE_SEIZE, child, NULL, (void *)PTRACE_O_TRACESYSGOOD);
			trace(PTRACE_INTERRUPT, child, NULL, NULL);
			run_until(child, SIGTRAP | PTRACE_EVENT_STOP << 8);
		}
		stops = below(20);
		for (sig = j = 0; j < stops; j++) {
			trace(PTRACE_GETREGS, child, NULL, &user);
			trace(PTRACE_SETREGS, child, NULL, &user);
			if (steps)
				step(PTRACE_SINGLESTEP, child);
			else
				trace(PTRACE_SYSCALL, child, NULL, (void *)sig);
			sig = wait_stop(child) >> 8;
			if (sig != SIGTRAP && (steps || sig != SYSCALL_STOP))
				fail("seized: a stop %#lx", sig);
			if (steps || sig == SYSCALL_STOP)
				sig = 0;
		}
		trace(PTRACE_DETACH, child, NULL, (void *)sig);
	}
	flags[1] = true;
	wait_for(child, 5 << 8);
	munmap((void *)flags, 4096);
}

#endif
