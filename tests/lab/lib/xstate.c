/*
 * Lets user-mode Linux run on processors with AMX; preloaded.
 *
 * The processor's state of a guest's process is read and written with PTRACE_GETREGSET and PTRACE_SETREGSET, into a buffer
 * of 2,696 bytes. The state of a processor with AMX has 11,008, and Linux takes a whole one only (xstateregs_set()): the
 * guest's first process ends with a panic in put_fp_registers(). What the buffer lacks is filled in here with what the
 * process has. No guest uses it: it would have to ask its kernel first, which does not know how.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

static long (*real)(enum __ptrace_request request, ...);
/* One thread of user-mode Linux traces, on a small stack. */
static char state[1 << 16];
static int fits;

__attribute__((constructor)) static void find(void)
{
    *(void **)&real = dlsym(RTLD_NEXT, "ptrace");
}

long ptrace(enum __ptrace_request request, ...)
{
    va_list list;
    va_start(list, request);
    pid_t pid = va_arg(list, pid_t);
    void *addr = va_arg(list, void *);
    void *data = va_arg(list, void *);
    va_end(list);
    if (request == PTRACE_SETREGSET && addr == (void *)NT_X86_XSTATE && !fits) {
        const struct iovec *given = data;
        struct iovec whole = { state, sizeof(state) };
        if (real(PTRACE_GETREGSET, pid, addr, &whole) != 0)
            return -1;
        if (given->iov_len < whole.iov_len) {
            memcpy(state, given->iov_base, given->iov_len);
            return real(request, pid, addr, &whole);
        }
        fits = 1;
    }
    return real(request, pid, addr, data);
}
