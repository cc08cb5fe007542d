/* A disk that takes a millisecond longer for each sync.
 *
 *     cc -shared -fPIC -O2 -o slow_sync.so slow_sync.c
 *     LD_PRELOAD=./slow_sync.so python server.py
 */
#define _GNU_SOURCE
#include <time.h>
#include <unistd.h>
#include <sys/syscall.h>

static void wait_a_millisecond(void) {
    struct timespec pause = {0, 1000 * 1000};
    nanosleep(&pause, 0);
}

int fdatasync(int descriptor) {
    wait_a_millisecond();
    return syscall(SYS_fdatasync, descriptor);
}

int fsync(int descriptor) {
    wait_a_millisecond();
    return syscall(SYS_fsync, descriptor);
}
