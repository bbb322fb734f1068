/*
 * Offsets and numbers that entry.asm needs. Compiled to assembly only; the Makefile turns each marked line into an
 * `equ`, so the two languages cannot disagree.
 */
#include "kernel/abi/errno.h"
#include "kernel/cpu.h"
#include "kernel/x86.h"

#define EMIT(name, value) __asm__ volatile("\n#EQU " #name " %c0" : : "i"(value))

void asm_offsets(void);
void asm_offsets(void)
{
    EMIT(FRAME_SIZE, sizeof(struct trap_frame));
    EMIT(FRAME_R11, offsetof(struct trap_frame, r11));
    EMIT(FRAME_VECTOR, offsetof(struct trap_frame, vector));
    EMIT(FRAME_CS, offsetof(struct trap_frame, cs));
    EMIT(FRAME_RFLAGS, offsetof(struct trap_frame, rflags));
    EMIT(FRAME_RSP, offsetof(struct trap_frame, rsp));
    EMIT(CPU_KERNEL_STACK, offsetof(struct cpu, kernel_stack));
    EMIT(CPU_USER_STACK, offsetof(struct cpu, user_stack));
    EMIT(FEATURE_SMAP, offsetof(struct cpu_features, smap));
    EMIT(USER_CS, USER_CS);
    EMIT(USER_DS, USER_DS);
    EMIT(VECTOR_SYSCALL, VECTOR_SYSCALL);
    EMIT(RFLAGS_TF_RF, RFLAGS_TF | RFLAGS_RF);
    EMIT(MSR_GS_BASE, MSR_GS_BASE);
    EMIT(ENOSYS, ENOSYS);
}
