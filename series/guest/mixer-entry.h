/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ways into the kernel that the mixer has. Each is a function which loads all
 * registers from *regs, executes one instruction, and stores them there again:
 *
 *	NAME_insn	the instruction
 *	NAME_after	a NOP right after it
 *	NAME_end	after that; where a step ends
 *
 * With TF among the flags the first trap is at NAME_insn. The handler of SIGTRAP has
 * to clear TF at NAME_end.
 */
#ifndef MIXER_ENTRY_H
#define MIXER_ENTRY_H

typedef unsigned long word;
typedef void entry_function(word *regs);

#ifdef __x86_64__

enum { AX, BX, CX, DX, SI, DI, BP, R8, R9, R10, R11, R12, R13, R14, R15, FLAGS, REGS };

#define LOAD(reg, n)	"	mov	8*" #n "(%rdi), %" #reg "\n"
#define STORE(reg, n)	"	mov	%" #reg ", 8*" #n "(%rdi)\n"
/* All but AX, which is needed to the end, and DI, which is the pointer */
#define EACH(do)							\
	do(rbx, 1) do(rcx, 2) do(rdx, 3) do(rsi, 4) do(rbp, 6)		\
	do(r8, 7) do(r9, 8) do(r10, 9) do(r11, 10) do(r12, 11)		\
	do(r13, 12) do(r14, 13) do(r15, 14)

#define ENTRY(name, insn)						\
	entry_function name;						\
	extern const char name##_insn[], name##_after[], name##_end[];	\
	asm(".pushsection .entries, \"ax\"\n"				\
	    ".globl " #name ", " #name "_insn, " #name "_after, " #name "_end\n" \
	    #name ":\n"							\
	    "	push	%rbx\n"						\
	    "	push	%rbp\n"						\
	    "	push	%r12\n"						\
	    "	push	%r13\n"						\
	    "	push	%r14\n"						\
	    "	push	%r15\n"						\
	    "	push	%rdi\n"						\
	    "	pushq	8*15(%rdi)\n"					\
	    EACH(LOAD)							\
	    LOAD(rax, 0)						\
	    LOAD(rdi, 5)						\
	    "	popf\n"							\
	    "	nop\n"							\
	    #name "_insn:\n"						\
	    "	" insn "\n"						\
	    #name "_after:\n"						\
	    "	nop\n"							\
	    #name "_end:\n"						\
	    "	xchg	%rdi, (%rsp)\n"					\
	    STORE(rax, 0)						\
	    EACH(STORE)							\
	    "	pop	%rax\n"						\
	    STORE(rax, 5)						\
	    "	pushf\n"						\
	    "	popq	8*15(%rdi)\n"					\
	    "	cld\n"							\
	    "	pop	%r15\n"						\
	    "	pop	%r14\n"						\
	    "	pop	%r13\n"						\
	    "	pop	%r12\n"						\
	    "	pop	%rbp\n"						\
	    "	pop	%rbx\n"						\
	    "	ret\n"							\
	    ".popsection\n")

ENTRY(enter_syscall, "syscall");
ENTRY(enter_int80, "int $0x80");
/* Its address is in AX */
ENTRY(enter_vsyscall, "call *%rax");
/* What UMIP forbids and the kernel emulates; below is the red zone */
ENTRY(enter_sgdt, "sgdt -64(%rsp)");

#else

enum { AX, BX, CX, DX, SI, DI, BP, FLAGS, REGS };

/* What the vDSO calls, and where it has SYSENTER */
word mixer_vdso, mixer_sysenter;

#define LOAD(reg, n)	"	mov	4*" #n "(%edi), %" #reg "\n"
#define STORE(reg, n)	"	mov	%" #reg ", 4*" #n "(%edi)\n"
#define EACH(do)	do(ebx, 1) do(ecx, 2) do(edx, 3) do(esi, 4) do(ebp, 6)

#define ENTRY(name, insn)						\
	entry_function name;						\
	extern const char name##_insn[], name##_after[], name##_end[];	\
	asm(".pushsection .entries, \"ax\"\n"				\
	    ".globl " #name ", " #name "_insn, " #name "_after, " #name "_end\n" \
	    #name ":\n"							\
	    "	push	%ebx\n"						\
	    "	push	%ebp\n"						\
	    "	push	%esi\n"						\
	    "	push	%edi\n"						\
	    "	mov	20(%esp), %edi\n"				\
	    "	push	%edi\n"						\
	    "	pushl	4*7(%edi)\n"					\
	    EACH(LOAD)							\
	    LOAD(eax, 0)						\
	    LOAD(edi, 5)						\
	    "	popf\n"							\
	    "	nop\n"							\
	    #name "_insn:\n"						\
	    "	" insn "\n"						\
	    #name "_after:\n"						\
	    "	nop\n"							\
	    #name "_end:\n"						\
	    "	xchg	%edi, (%esp)\n"					\
	    STORE(eax, 0)						\
	    EACH(STORE)							\
	    "	pop	%eax\n"						\
	    STORE(eax, 5)						\
	    "	pushf\n"						\
	    "	popl	4*7(%edi)\n"					\
	    "	cld\n"							\
	    "	pop	%edi\n"						\
	    "	pop	%esi\n"						\
	    "	pop	%ebp\n"						\
	    "	pop	%ebx\n"						\
	    "	ret\n"							\
	    ".popsection\n")

ENTRY(enter_int80, "int $0x80");
ENTRY(enter_vdso, "call *mixer_vdso");
ENTRY(enter_sysenter, "call *mixer_sysenter");

#endif
#endif
