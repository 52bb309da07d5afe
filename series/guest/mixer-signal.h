/* SPDX-License-Identifier: GPL-2.0-only */
/* The mixer's handlers and masks of signals */
#ifndef MIXER_SIGNAL_H
#define MIXER_SIGNAL_H

#include "mixer-call.h"

static void on_trap(int sig, siginfo_t *info, void *context)
{
	mcontext_t *machine = &((ucontext_t *)context)->uc_mcontext;
	word ip = machine->gregs[CONTEXT_IP];
	struct use *use = me->step;

	(void)sig;
	if (!use || !use->stepped)
		fail("SIGTRAP without a step at %#lx", ip);
	expect("si_code of a step", TRAP_TRACE, info->si_code);
	expect("si_addr of a step", ip, (word)info->si_addr);
	expect("TF in the context of a step", TF, machine->gregs[REG_EFL] & TF);
	count(N_STEPS);
	if (use->n == MOST_STEPS)
		use->overflow = true;
	else
		use->ip[use->n++] = ip;
	if (use->overflow || ip == (word)use->entry->end)
		machine->gregs[REG_EFL] &= ~TF;
}

/* Whatever else is at work, a handler can make calls, and step over them */
static void on_signal(int sig, siginfo_t *info, void *context)
{
	char here, selector = me->selector, *stack = me->arena->stack;
	char *top = stack + sizeof(me->arena->stack);
	int which = sig - SIGRTMIN, *got = shared->worker[me->number].got, how;
	uint64_t random = me->random;

	(void)context;
	me->selector = 0;
	me->random = mix(me->number + sig * 1000 + got[which] * 1000000);
	count(N_SIGNALS);
	if (info->si_code == SI_TIMER)
		me->timer_got[which]++;
	else
		got[which]++;
	if (which == SIG_STACK)
		expect("handler on its stack", true, &here >= stack && &here < top);
	how = me->trap_blocked ? (int)below(n_entries) : any_how();
	if (info->si_code == SI_TIMER && me->write_on_timer)
		expect("write() by a handler", 1,
		       call(how, WRITE, me->pipe[1], (word)&me->arena->byte, 1));
	else if (!below(2))
		expect("gettid() by a handler", me->tid, call(how, GETTID));
	me->random = random;
	me->selector = selector;
}

static void on_sigsys(int sig, siginfo_t *info, void *context)
{
	mcontext_t *machine = &((ucontext_t *)context)->uc_mcontext;

	(void)sig;
	me->selector = 0;
	me->n_sigsys++;
	me->sigsys = *info;
	me->sigsys_ip = machine->gregs[CONTEXT_IP];
	me->sigsys_ax = machine->gregs[CONTEXT_AX];
	machine->gregs[CONTEXT_AX] = me->sigsys_result;
	if (me->step)
		me->step->replaced = true;
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	mcontext_t *machine = &((ucontext_t *)context)->uc_mcontext;

	(void)sig;
	if (!me->fault)
		fail("SIGSEGV at %#lx, address %#lx", (word)machine->gregs[CONTEXT_IP],
		     (word)info->si_addr);
	expect("address of a fault", me->fault, (word)info->si_addr);
	me->fault = 0;
	count(N_FAULTS);
	expect("mprotect()", 0, any(MPROTECT, (word)me->arena->page, sizeof(me->arena->page),
				    PROT_READ | PROT_WRITE));
}

static void handle(int sig, void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags };

	sigfillset(&action.sa_mask);
	sigdelset(&action.sa_mask, SIGTRAP);
	sigdelset(&action.sa_mask, SIGSYS);
	sigdelset(&action.sa_mask, SIGSEGV);
	sigaction(sig, &action, NULL);
}

static void install(void)
{
	handle(SIGTRAP, on_trap, SA_NODEFER);
	handle(SIGSYS, on_sigsys, 0);
	handle(SIGSEGV, on_fault, 0);
	handle(SIGRTMIN + SIG_RESTART, on_signal, SA_RESTART);
	handle(SIGRTMIN + SIG_PLAIN, on_signal, 0);
	handle(SIGRTMIN + SIG_STACK, on_signal, SA_ONSTACK | SA_RESTART);
}

/* Bit n is signal n + 1. Returns the mask that was there before. */
static uint64_t set_mask(uint64_t mask)
{
	struct arena *arena = me->arena;

	arena->mask = mask;
	expect("sigprocmask()", 0, any(SIGPROCMASK, SIG_SETMASK, (word)&arena->mask,
				       (word)&arena->old_mask, 8));
	return arena->old_mask;
}

static uint64_t mask_of(int which) { return 1ULL << (SIGRTMIN + which - 1); }
static uint64_t all_of_ours(void) { return mask_of(0) | mask_of(1) | mask_of(2); }

static void unmask(uint64_t want)
{
	uint64_t was = set_mask(0);

	expect("mask of signals", want, was);
}

#endif
