/* SPDX-License-Identifier: MIT
 * Every way into and out of the kernel. Interrupt gates: interrupts are off from the first instruction.
 * The page fault and the system call have paths of their own, without the detour over the vector. C functions
 * take their first arguments in EAX, EDX, ECX (-mregparm=3). */

#define SEL_KERNEL_DATA 0x10

	.macro SAVE
	pusha
	push %ds
	push %es
	mov $SEL_KERNEL_DATA, %eax
	mov %eax, %ds
	mov %eax, %es
	cld
	.endm

	.macro RESTORE
	pop %es
	pop %ds
	popa
	add $8, %esp /* vector, error */
	iret
	.endm

	.macro DIRECT name, vector, target
	.globl \name
\name:
	.if \vector != 14 /* the CPU pushes an error code for page faults only */
	push $0
	.endif
	push $\vector
	SAVE
	mov %esp, %eax
	call \target
	RESTORE
	.endm

	.text
	DIRECT entry_page_fault, 14, trap_page_fault
	DIRECT entry_syscall, 0x80, trap_syscall

	.globl entry_floor
entry_floor:
	push $0
	push $0x81
	SAVE
	RESTORE

/* All other vectors: one stub each, then common. The CPU pushes an error code for some exceptions. */
	.macro STUB vector
	.balign 4
stub_\vector:
	.if !(\vector == 10 || \vector == 11 || \vector == 12 || \vector == 13 || \vector == 17 || \vector == 21 || \vector == 29 || \vector == 30)
	push $0
	.endif
	push $\vector
	jmp entry_common
	.section .rodata
	.long stub_\vector
	.text
	.endm

	.section .rodata
	.balign 4
	.globl entry_stubs
entry_stubs: /* by vector, 0 to 47; 8 and 14 are there but unused */
	.text
	.altmacro
	.set i, 0
	.rept 48
	STUB %i
	.set i, i + 1
	.endr
	.noaltmacro

entry_common:
	SAVE
	mov %esp, %eax
	call trap_dispatch
trap_exit:
	RESTORE

/* void trap_return_to_user(struct trapframe *tf) */
	.globl trap_return_to_user
trap_return_to_user:
	mov %eax, %esp
	jmp trap_exit

/* void context_switch(uint32_t *save, uint32_t load) */
	.globl context_switch
context_switch:
	push %ebp
	push %ebx
	push %esi
	push %edi
	mov %esp, (%eax)
	mov %edx, %esp
	pop %edi
	pop %esi
	pop %ebx
	pop %ebp
	ret

/* Where a prepared stack starts: ebx is the function, esi its argument. */
	.globl context_start
context_start:
	mov %esi, %eax
	call *%ebx
	ud2 /* a thread does not return */

/* The double-fault task starts here, on its own stack, at the far end of a task gate. */
	.globl entry_double_fault
entry_double_fault:
	call double_fault
	ud2
