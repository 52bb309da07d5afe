/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The loops that the benchmark measures. All are called as
 *
 *	loop(stamps, turns, nr, arg1, arg2)
 *
 * and are eight instructions a turn: seven around the one that is looked at, which
 * finds nr in EAX and the arguments in the registers of a system call. The time
 * after each turn goes to stamps[], the last EAX to bench_result.
 *
 * The number of a turn includes these eight instructions. An entry of more than one
 * instruction, as the vDSO's, adds the others.
 */
#ifndef BENCH_LOOPS_H
#define BENCH_LOOPS_H

typedef void bench_loop(unsigned int *stamps, long turns, long nr, long arg1, long arg2);

extern int bench_result;

#define LOOP_INSNS	8

#ifdef __x86_64__
#define LOOP(name, entry)						\
	bench_loop name;						\
	asm(".pushsection .text\n"					\
	    #name ":\n"							\
	    "	push	%rbx\n"						\
	    "	push	%r12\n"						\
	    "	push	%r13\n"						\
	    "	mov	%rdi,%rbx\n"					\
	    "	mov	%rsi,%r12\n"					\
	    "	mov	%rdx,%r13\n"					\
	    "	mov	%rcx,%rdi\n"					\
	    "	mov	%r8,%rsi\n"					\
	    "1:	mov	%r13d,%eax\n"					\
	    "	" entry "\n"						\
	    "	mov	%eax,bench_result(%rip)\n"			\
	    "	rdtsc\n"						\
	    "	mov	%eax,(%rbx)\n"					\
	    "	add	$4,%rbx\n"					\
	    "	dec	%r12d\n"					\
	    "	jnz	1b\n"						\
	    "	pop	%r13\n"						\
	    "	pop	%r12\n"						\
	    "	pop	%rbx\n"						\
	    "	ret\n"							\
	    ".popsection\n")
#else
#define LOOP(name, entry)						\
	bench_loop name;						\
	asm(".pushsection .text\n"					\
	    #name ":\n"							\
	    "	push	%ebx\n"						\
	    "	push	%esi\n"						\
	    "	push	%edi\n"						\
	    "	push	%ebp\n"						\
	    "	mov	20(%esp),%edi\n"				\
	    "	mov	24(%esp),%esi\n"				\
	    "	mov	28(%esp),%ebp\n"				\
	    "	mov	32(%esp),%ebx\n"				\
	    "	mov	36(%esp),%ecx\n"				\
	    "1:	mov	%ebp,%eax\n"					\
	    "	" entry "\n"						\
	    "	mov	%eax,bench_result\n"				\
	    "	rdtsc\n"						\
	    "	mov	%eax,(%edi)\n"					\
	    "	add	$4,%edi\n"					\
	    "	dec	%esi\n"						\
	    "	jnz	1b\n"						\
	    "	pop	%ebp\n"						\
	    "	pop	%edi\n"						\
	    "	pop	%esi\n"						\
	    "	pop	%ebx\n"						\
	    "	ret\n"							\
	    ".popsection\n")
#endif

LOOP(loop_int80, "int $0x80");
LOOP(loop_int3, "int3");
LOOP(loop_ud2, "ud2");

#ifdef __x86_64__
LOOP(loop_call, "syscall");
LOOP(loop_touch, "testb $0,(%rdi); lea 4096(%rdi),%rdi");
/* The second argument is another page in each turn */
LOOP(loop_call_touch, "syscall; lea 4096(%rsi),%rsi");
#else
extern unsigned long bench_sysinfo;
LOOP(loop_call, "call *bench_sysinfo");
LOOP(loop_touch, "testb $0,(%ebx); lea 4096(%ebx),%ebx");
LOOP(loop_call_touch, "int $0x80; lea 4096(%ecx),%ecx");
#endif

/*
 * Counts down from *turns in turns of seven instructions, to zero or until a turn had
 * more of them. Returns how many more, and leaves in *turns what is left.
 */
unsigned int loop_until_disturbed(unsigned int *turns);

#ifdef __x86_64__
asm(".pushsection .text\n"
    "loop_until_disturbed:\n"
    "	mov	(%rdi),%ecx\n"
    "	rdtsc\n"
    "	sub	$4,%eax\n"
    "1:	mov	%eax,%esi\n"
    "	rdtsc\n"
    "	lea	-7(%rax),%edx\n"
    "	dec	%ecx\n"
    "	jz	2f\n"
    "	cmp	%esi,%edx\n"
    "	je	1b\n"
    "2:	mov	%ecx,(%rdi)\n"
    "	mov	%edx,%eax\n"
    "	sub	%esi,%eax\n"
    "	ret\n"
    ".popsection\n");
#else
asm(".pushsection .text\n"
    "loop_until_disturbed:\n"
    "	push	%esi\n"
    "	push	%edi\n"
    "	mov	12(%esp),%edi\n"
    "	mov	(%edi),%ecx\n"
    "	rdtsc\n"
    "	sub	$4,%eax\n"
    "1:	mov	%eax,%esi\n"
    "	rdtsc\n"
    "	lea	-7(%eax),%edx\n"
    "	dec	%ecx\n"
    "	jz	2f\n"
    "	cmp	%esi,%edx\n"
    "	je	1b\n"
    "2:	mov	%ecx,(%edi)\n"
    "	mov	%edx,%eax\n"
    "	sub	%esi,%eax\n"
    "	pop	%edi\n"
    "	pop	%esi\n"
    "	ret\n"
    ".popsection\n");
#endif

/*
 * Steps itself by EFLAGS.TF over instructions whose places are known: a NOP, and a
 * system call with two NOPs after it. Its number is in the first argument.
 */
void step_turn(long nr);
extern const char step_nop[], step_nop_end[], step_call[], step_call_end[];

#ifdef __x86_64__
# define STEP_SP	"%rsp"
# define STEP_NR	"mov %edi,%eax"
# define STEP_CALL	"syscall"
# define STEP_PUSHF	"pushfq"
# define STEP_POPF	"popfq"
#else
# define STEP_SP	"%esp"
# define STEP_NR	"mov 4(%esp),%eax"
# define STEP_CALL	"int $0x80"
# define STEP_PUSHF	"pushfl"
# define STEP_POPF	"popfl"
#endif

asm(".pushsection .text\n"
    "step_turn:\n"
    "	" STEP_NR "\n"
    "	" STEP_PUSHF "\n"
    "	orl	$0x100,(" STEP_SP ")\n"
    "	" STEP_POPF "\n"
    "	nop\n"
    "step_nop:\n"
    "	nop\n"
    "step_nop_end:\n"
    "	nop\n"
    "step_call:\n"
    "	" STEP_CALL "\n"
    "step_call_end:\n"
    "	nop\n"
    "	nop\n"
    "	" STEP_PUSHF "\n"
    "	andl	$~0x100,(" STEP_SP ")\n"
    "	" STEP_POPF "\n"
    "	ret\n"
    ".popsection\n");

#endif
