/* Lets every process that is started with it live `speed` times faster.
 *
 *     LD_PRELOAD=shim.so STALLPROOF_CLOCK=60:123456789 program
 *
 * STALLPROOF_CLOCK is `speed:base`: system seconds per real second, and the reading of the real
 * CLOCK_MONOTONIC, in nanoseconds, at which system time and real time were the same. All
 * processes of a run share it, so they agree on the time without talking to one another.
 *
 * What a process asks of the clock is answered in system time; what it tells the kernel to wait
 * is divided. Three rules make that safe:
 *
 *   - Where a system call does it, the system call is made directly. A libc function that calls
 *     another one inside would otherwise be divided twice, or not at all.
 *   - A wait until a moment is turned into a real moment of the same clock, never into a span:
 *     so no wait drifts.
 *   - A wait of zero stays zero and a wait without end stays without end; any other stays above
 *     zero.
 *
 * Left alone, because nothing that a run starts was seen to use them: POSIX timers, timerfd,
 * message queues, futexes waited for by a system call of the program's own. Out of reach:
 * programs that do not call libc (Go), CPU time, file times, and every timer inside the kernel.
 * Which of the last a program armed goes to the file that STALLPROOF_CLOCK_TIMERS names: see
 * setsockopt.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(time_t) == 8 && sizeof(long) == 8, "64-bit Linux only");

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

#define NS 1000000000LL
#define MASK_BYTES ((size_t)8) /* of a signal set, to the kernel */
#define EXPORT __attribute__((visibility("default")))
/* No moment of a monotonic clock is this late (31 years of uptime), every date is later. */
#define FIRST_DATE_S 1000000000LL

/* The clock */

static double speed = 1.0;
static int64_t base_ns;
static const char *timers_path;
static int (*real_cond_timedwait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
static int (*real_cond_clockwait)(pthread_cond_t *, pthread_mutex_t *, clockid_t,
                                  const struct timespec *);
static int (*real_sem_timedwait)(sem_t *, const struct timespec *);
static int (*real_sem_clockwait)(sem_t *, clockid_t, const struct timespec *);
static int (*real_mutex_timedlock)(pthread_mutex_t *, const struct timespec *);

/* A run that only looks faster, or whose kernel timers nobody hears of, must not go on. */
static void give_up(const char *complaint)
{
    (void)!write(2, complaint, strlen(complaint));
    _exit(127);
}

static void *next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

/* Before this has run (in another library's constructor, say) time is real. */
__attribute__((constructor)) static void set_up(void)
{
    const char *given = getenv("STALLPROOF_CLOCK");
    char *rest = NULL;

    /* dlsym finds an ancient pthread_cond_timedwait on x86-64, with another layout of the
     * condition: it must be looked up by its version. */
    real_cond_timedwait = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    if (real_cond_timedwait == NULL)
        real_cond_timedwait = next("pthread_cond_timedwait");
    real_cond_clockwait = next("pthread_cond_clockwait");
    real_sem_timedwait = next("sem_timedwait");
    real_sem_clockwait = next("sem_clockwait");
    real_mutex_timedlock = next("pthread_mutex_timedlock");
    const char *told = getenv("STALLPROOF_CLOCK_TIMERS");
    if (told != NULL)
        timers_path = strdup(told); /* Valkey writes its title over its environment */
    if (given == NULL)
        return;
    double read = strtod(given, &rest);
    if (read < 1.0 || rest == given || *rest != ':')
        give_up("stallproof: STALLPROOF_CLOCK is not speed:base\n");
    base_ns = strtoll(rest + 1, NULL, 10);
    speed = read;
}

static int64_t ns_of(const struct timespec *t)
{
    return t->tv_sec * NS + t->tv_nsec;
}

static struct timespec timespec_of(int64_t ns)
{
    return (struct timespec){.tv_sec = ns / NS, .tv_nsec = ns % NS};
}

static int64_t real_now_ns(clockid_t clock)
{
    struct timespec t;

    syscall(SYS_clock_gettime, clock, &t);
    return ns_of(&t);
}

/* How far system time is ahead of real time. One number for all clocks, so they stay consistent
 * with one another. */
static int64_t ahead_ns(void)
{
    return (int64_t)((double)(real_now_ns(CLOCK_MONOTONIC) - base_ns) * (speed - 1.0));
}

static int is_wall_or_monotonic(clockid_t clock)
{
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_TAI:
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_BOOTTIME:
        return 1;
    default: /* CPU time of processes and threads */
        return 0;
    }
}

static int64_t divided_ns(int64_t ns)
{
    int64_t real = (int64_t)((double)ns / speed);

    return real == 0 && ns > 0 ? 1 : real;
}

static int64_t multiplied_ns(int64_t ns)
{
    return (int64_t)((double)ns * speed);
}

static struct timespec divided(const struct timespec *t)
{
    return timespec_of(divided_ns(ns_of(t)));
}

/* The real moment of a clock at which it will be `t` in system time. */
static struct timespec real_moment(clockid_t clock, const struct timespec *t)
{
    /* Beyond any wait that means something, and ns would overflow: never. */
    if (t->tv_sec > LLONG_MAX / NS / 2 || t->tv_sec < 0)
        return *t;
    int64_t now = real_now_ns(clock);
    int64_t left = ns_of(t) - (now + ahead_ns());

    return timespec_of(left > 0 ? now + divided_ns(left) : now);
}

static clockid_t clock_of(const struct timespec *t)
{
    return t->tv_sec < FIRST_DATE_S ? CLOCK_MONOTONIC : CLOCK_REALTIME;
}

static int64_t ns_of_timeval(const struct timeval *t)
{
    return t->tv_sec * NS + t->tv_usec * 1000;
}

static struct timeval timeval_of(int64_t ns)
{
    return (struct timeval){.tv_sec = ns / NS, .tv_usec = ns % NS / 1000};
}

/* A span in microseconds must not be rounded to none: an interval timer of zero is disarmed. */
static struct timeval divided_timeval(const struct timeval *t)
{
    struct timeval real = timeval_of(divided_ns(ns_of_timeval(t)));

    if (real.tv_sec == 0 && real.tv_usec == 0 && ns_of_timeval(t) > 0)
        real.tv_usec = 1;
    return real;
}

/* What time is it */

EXPORT int clock_gettime(clockid_t clock, struct timespec *t)
{
    int answer = (int)syscall(SYS_clock_gettime, clock, t);

    if (answer == 0 && is_wall_or_monotonic(clock))
        *t = timespec_of(ns_of(t) + ahead_ns());
    return answer;
}

EXPORT int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
    if (zone != NULL)
        memset(zone, 0, sizeof(struct timezone));
    *t = timeval_of(real_now_ns(CLOCK_REALTIME) + ahead_ns());
    return 0;
}

EXPORT time_t time(time_t *t)
{
    time_t now = (real_now_ns(CLOCK_REALTIME) + ahead_ns()) / NS;

    if (t != NULL)
        *t = now;
    return now;
}

/* Sleeping */

/* clock_nanosleep's own way: the error is the answer, errno stays. */
EXPORT int clock_nanosleep(clockid_t clock, int flags, const struct timespec *t,
                           struct timespec *left)
{
    if (!is_wall_or_monotonic(clock) || t->tv_nsec < 0 || t->tv_nsec >= NS || t->tv_sec < 0)
        return syscall(SYS_clock_nanosleep, clock, flags, t, left) == 0 ? 0 : errno;

    struct timespec real = flags & TIMER_ABSTIME ? real_moment(clock, t) : divided(t);
    int saved = errno;
    int answer = syscall(SYS_clock_nanosleep, clock, flags, &real, left) == 0 ? 0 : errno;

    errno = saved;
    if (answer == EINTR && left != NULL && !(flags & TIMER_ABSTIME))
        *left = timespec_of(multiplied_ns(ns_of(left)));
    return answer;
}

EXPORT int nanosleep(const struct timespec *t, struct timespec *left)
{
    int answer = clock_nanosleep(CLOCK_REALTIME, 0, t, left);

    if (answer != 0)
        errno = answer;
    return answer == 0 ? 0 : -1;
}

EXPORT int usleep(useconds_t us)
{
    struct timespec t = timespec_of((int64_t)us * 1000);

    return nanosleep(&t, NULL);
}

EXPORT unsigned int sleep(unsigned int seconds)
{
    struct timespec t = {.tv_sec = seconds}, left;

    if (nanosleep(&t, &left) == 0)
        return 0;
    return (unsigned int)left.tv_sec + (left.tv_nsec > 0);
}

/* Waiting for descriptors. All of them end in the variants that count in nanoseconds: a
 * millisecond rounded is 60 of them at speed 60. */

EXPORT int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *t, const sigset_t *mask)
{
    struct timespec real;

    if (t != NULL)
        real = divided(t);
    return (int)syscall(SYS_ppoll, fds, n, t == NULL ? NULL : &real, mask, MASK_BYTES);
}

EXPORT int poll(struct pollfd *fds, nfds_t n, int ms)
{
    struct timespec t = timespec_of((int64_t)ms * 1000000);

    return ppoll(fds, n, ms < 0 ? NULL : &t, NULL);
}

/* What glibc calls in place of poll where the compiler knows the size of the array. */
EXPORT int __poll_chk(struct pollfd *fds, nfds_t n, int ms, size_t size)
{
    if (size / sizeof *fds < n)
        abort();
    return poll(fds, n, ms);
}

EXPORT int pselect(int n, fd_set *restrict reads, fd_set *restrict writes,
                   fd_set *restrict errors, const struct timespec *restrict t,
                   const sigset_t *restrict mask)
{
    struct {
        const sigset_t *set;
        size_t size;
    } masked = {mask, MASK_BYTES};
    struct timespec real;

    if (t != NULL)
        real = divided(t);
    return (int)syscall(SYS_pselect6, n, reads, writes, errors, t == NULL ? NULL : &real,
                        &masked);
}

/* Linux's select writes into the timeout what is left of it. */
EXPORT int select(int n, fd_set *restrict reads, fd_set *restrict writes,
                  fd_set *restrict errors, struct timeval *restrict t)
{
    struct timespec real;

    if (t != NULL)
        real = timespec_of(divided_ns(ns_of_timeval(t)));
    int answer = (int)syscall(SYS_pselect6, n, reads, writes, errors, t == NULL ? NULL : &real,
                              NULL);
    if (t != NULL)
        *t = timeval_of(multiplied_ns(ns_of(&real)));
    return answer;
}

EXPORT int epoll_pwait(int epoll, struct epoll_event *events, int n, int ms,
                       const sigset_t *mask)
{
    if (ms > 0) {
        struct timespec real = timespec_of(divided_ns((int64_t)ms * 1000000));
        int answer =
            (int)syscall(SYS_epoll_pwait2, epoll, events, n, &real, mask, MASK_BYTES);

        if (answer >= 0 || (errno != ENOSYS && errno != EPERM))
            return answer;
        /* A kernel before 5.11, or one that is not allowed to: late rather than early. */
        ms = (int)((ns_of(&real) + 999999) / 1000000);
    }
    return (int)syscall(SYS_epoll_pwait, epoll, events, n, ms, mask, MASK_BYTES);
}

EXPORT int epoll_wait(int epoll, struct epoll_event *events, int n, int ms)
{
    return epoll_pwait(epoll, events, n, ms, NULL);
}

/* Waiting for other threads: libc's own, with the deadline moved. */

EXPORT int pthread_cond_timedwait(pthread_cond_t *restrict condition,
                                  pthread_mutex_t *restrict mutex,
                                  const struct timespec *restrict t)
{
    /* Which clock the condition was made for it does not tell; the value does. */
    struct timespec real = real_moment(clock_of(t), t);

    return real_cond_timedwait(condition, mutex, &real);
}

EXPORT int pthread_cond_clockwait(pthread_cond_t *restrict condition,
                                  pthread_mutex_t *restrict mutex, clockid_t clock,
                                  const struct timespec *restrict t)
{
    struct timespec real = real_moment(clock, t);

    return real_cond_clockwait(condition, mutex, clock, &real);
}

EXPORT int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict t)
{
    struct timespec real = real_moment(CLOCK_REALTIME, t);

    return real_sem_timedwait(semaphore, &real);
}

EXPORT int sem_clockwait(sem_t *restrict semaphore, clockid_t clock,
                         const struct timespec *restrict t)
{
    struct timespec real = real_moment(clock, t);

    return real_sem_clockwait(semaphore, clock, &real);
}

EXPORT int pthread_mutex_timedlock(pthread_mutex_t *restrict mutex,
                                   const struct timespec *restrict t)
{
    struct timespec real = real_moment(CLOCK_REALTIME, t);

    return real_mutex_timedlock(mutex, &real);
}

/* Waiting for signals */

EXPORT int sigtimedwait(const sigset_t *restrict set, siginfo_t *restrict info,
                        const struct timespec *restrict t)
{
    struct timespec real;

    if (t != NULL)
        real = divided(t);
    return (int)syscall(SYS_rt_sigtimedwait, set, info, t == NULL ? NULL : &real,
                        MASK_BYTES);
}

static void multiply(struct itimerval *timer)
{
    timer->it_value = timeval_of(multiplied_ns(ns_of_timeval(&timer->it_value)));
    timer->it_interval = timeval_of(multiplied_ns(ns_of_timeval(&timer->it_interval)));
}

EXPORT int getitimer(__itimer_which_t which, struct itimerval *timer)
{
    int answer = (int)syscall(SYS_getitimer, which, timer);

    if (answer == 0 && which == ITIMER_REAL)
        multiply(timer);
    return answer;
}

EXPORT int setitimer(__itimer_which_t which, const struct itimerval *restrict timer,
                     struct itimerval *restrict former)
{
    if (which != ITIMER_REAL || timer == NULL) /* the others count CPU time */
        return (int)syscall(SYS_setitimer, which, timer, former);

    struct itimerval real = {.it_value = divided_timeval(&timer->it_value),
                             .it_interval = divided_timeval(&timer->it_interval)};
    int answer = (int)syscall(SYS_setitimer, which, &real, former);

    if (answer == 0 && former != NULL)
        multiply(former);
    return answer;
}

EXPORT unsigned int alarm(unsigned int seconds)
{
    struct itimerval timer = {.it_value = {.tv_sec = seconds}}, former;

    if (setitimer(ITIMER_REAL, &timer, &former) != 0)
        return 0;
    return (unsigned int)former.it_value.tv_sec + (former.it_value.tv_usec > 0);
}

/* Timers inside the kernel */

struct option {
    int level, name;
    const char *text;
    _Atomic int told; /* the last value told of, plus one: 0 is none */
};

static struct option kernel_timers[] = {
    {SOL_SOCKET, SO_KEEPALIVE, "SO_KEEPALIVE", 0},
    {IPPROTO_TCP, TCP_KEEPIDLE, "TCP_KEEPIDLE", 0},
    {IPPROTO_TCP, TCP_KEEPINTVL, "TCP_KEEPINTVL", 0},
    {IPPROTO_TCP, TCP_KEEPCNT, "TCP_KEEPCNT", 0},
    {IPPROTO_TCP, TCP_USER_TIMEOUT, "TCP_USER_TIMEOUT", 0},
};

/* One line `OPTION VALUE` in one write, so that lines of several processes never mix. */
static void tell(const char *option, int value)
{
    char line[64];
    int saved = errno;
    int length = snprintf(line, sizeof line, "%s %d\n", option, value);
    int file = open(timers_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);

    if (file < 0 || write(file, line, (size_t)length) != length)
        give_up("stallproof: the file of STALLPROOF_CLOCK_TIMERS cannot be written\n");
    close(file);
    errno = saved;
}

/* The timeouts of one socket's calls can be divided. Keepalive and the user timeout count whole
 * seconds and peers in their own time: they are left as they are and told of at each change
 * of value in a process, for whoever must know that they do not follow. */
EXPORT int setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
    if (level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO) &&
        size >= sizeof(struct timeval)) {
        struct timeval real = divided_timeval(value);

        return (int)syscall(SYS_setsockopt, fd, level, name, &real, sizeof real);
    }
    int answer = (int)syscall(SYS_setsockopt, fd, level, name, value, size);

    if (answer != 0 || timers_path == NULL || size < sizeof(int))
        return answer;
    for (size_t i = 0; i < sizeof kernel_timers / sizeof *kernel_timers; i++) {
        struct option *option = &kernel_timers[i];
        int given;

        if (option->level != level || option->name != name)
            continue;
        memcpy(&given, value, sizeof given);
        if (given > 0 && atomic_exchange(&option->told, given + 1) != given + 1)
            tell(option->text, given);
    }
    return answer;
}
