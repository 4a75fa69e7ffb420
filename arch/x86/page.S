/* SPDX-License-Identifier: MIT
 * Page copy, zero and checksum with SSE2, 256 bytes a round. An index runs from -4096 up to 0, so that one
 * add both advances and ends the loop. Arguments come in EAX, EDX, ECX, as everywhere in the kernel (-mregparm=3). The XMM registers that are used are saved and put back: they belong
 * to the program that was interrupted. */

#define PAGE 4096
#define STEP 256

	.cfi_sections .debug_frame

	.macro ENTER count
	.cfi_startproc
	push %ebp
	.cfi_def_cfa_offset 8
	.cfi_offset ebp, -8
	mov %esp, %ebp
	.cfi_def_cfa_register ebp
	push %esi
	.cfi_offset esi, -12
	push %edi
	.cfi_offset edi, -16
	sub $16 * \count, %esp
	.set n, 0
	.rept \count
	SAVE_XMM %n
	.set n, n + 1
	.endr
	.endm

	.macro SAVE_XMM n
	movups %xmm\n, 16 * \n(%esp)
	.endm
	.macro LOAD_XMM n
	movups 16 * \n(%esp), %xmm\n
	.endm

	.macro LEAVE count
	.set n, 0
	.rept \count
	LOAD_XMM %n
	.set n, n + 1
	.endr
	lea -8(%ebp), %esp
	pop %edi
	.cfi_restore edi
	pop %esi
	.cfi_restore esi
	pop %ebp
	.cfi_restore ebp
	.cfi_def_cfa esp, 4
	ret
	.cfi_endproc
	.endm

	.macro ZERO_LINE at
	movaps %xmm0, \at(%edi, %ecx)
	.endm
	.macro COPY_LINE at
	movaps \at(%esi, %ecx), %xmm0
	movaps %xmm0, \at(%edi, %ecx)
	.endm
	.macro SUM_LINE at /* a += word; b += a */
	paddd \at(%esi, %ecx), %xmm0
	paddd %xmm0, %xmm1
	.endm
	.macro COPY_SUM_LINE at
	movaps \at(%esi, %ecx), %xmm2
	movaps %xmm2, \at(%edi, %ecx)
	paddd %xmm2, %xmm0
	paddd %xmm0, %xmm1
	.endm

	.macro LOOP line
	mov $-PAGE, %ecx
1:	.set at, 0
	.rept STEP / 16
	\line %at
	.set at, at + 16
	.endr
	add $STEP, %ecx
	jnz 1b
	.endm

	.macro STORE_LANES
	movups %xmm0, (%eax)
	movups %xmm1, 16(%eax)
	.endm

	.altmacro
	.text

/* void page_zero_sse2(void *page) */
	.globl page_zero_sse2
page_zero_sse2:
	ENTER 1
	mov %eax, %edi
	add $PAGE, %edi
	xorps %xmm0, %xmm0
	LOOP ZERO_LINE
	LEAVE 1

/* void page_copy_sse2(void *dst, const void *src) */
	.globl page_copy_sse2
page_copy_sse2:
	ENTER 1
	mov %eax, %edi
	mov %edx, %esi
	add $PAGE, %edi
	add $PAGE, %esi
	LOOP COPY_LINE
	LEAVE 1

/* void page_copy_sum_sse2(void *dst, const void *src, struct page_lanes *lanes) */
	.globl page_copy_sum_sse2
page_copy_sum_sse2:
	ENTER 3
	mov %eax, %edi
	mov %edx, %esi
	mov %ecx, %eax
	add $PAGE, %edi
	add $PAGE, %esi
	xorps %xmm0, %xmm0
	xorps %xmm1, %xmm1
	LOOP COPY_SUM_LINE
	STORE_LANES
	LEAVE 3

/* void page_sum_sse2(const void *src, struct page_lanes *lanes) */
	.globl page_sum_sse2
page_sum_sse2:
	ENTER 2
	mov %eax, %esi
	mov %edx, %eax
	add $PAGE, %esi
	xorps %xmm0, %xmm0
	xorps %xmm1, %xmm1
	LOOP SUM_LINE
	STORE_LANES
	LEAVE 2
