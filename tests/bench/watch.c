// The neutral observer: starts a tool in its image, and notes by its own clock when the first port of
// the bond has carrier, when the first port passes traffic, and when the bond has an address. It asks
// the kernel, never the tool: addresses and carrier are announced over netlink; the state of a port is
// not, so it is looked at every 20 ms, in sysfs, which takes none of the kernel's locks that matter.
//
// Usage: watch OUT ROOT LIMIT STAY COMMAND...
//
// OUT gets one `NAME VALUE` a line; times are ms after the start. LIMIT: seconds until it gives up;
// STAY: seconds that it stays after the address, to see which of the tool's processes end.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS 20.0
#define LOWER_UP (1 << 16) // IFF_LOWER_UP, which <net/if.h> does not have

// Bits of a LACP port state (IEEE 802.1AX).
enum { SYNCHRONIZED = 8, COLLECTING = 16, DISTRIBUTING = 32, DEFAULTED = 64, EXPIRED = 128 };

static const char *const ports[] = {"eth0", "eth1"};
static unsigned indexes[2];
static double carrier, lacp, address;

static void die(const char *what)
{
    fprintf(stderr, "watch: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now_ms(void)
{
    static struct timespec start;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    if (!start.tv_sec)
        start = t;
    return (t.tv_sec - start.tv_sec) * 1e3 + (t.tv_nsec - start.tv_nsec) / 1e6;
}

static void note(double *event)
{
    if (!*event)
        *event = now_ms();
}

// The LACP state of port I, 0 while it is in no bond. The file stays open: a look is to cost little.
static int port_state(int i)
{
    static int fds[] = {-1, -1};
    char path[96], text[16];
    if (fds[i] < 0) {
        snprintf(path, sizeof path, "/sys/class/net/%s/bonding_slave/ad_actor_oper_port_state", ports[i]);
        fds[i] = open(path, O_RDONLY | O_CLOEXEC);
        if (fds[i] < 0)
            return 0;
    }
    ssize_t n = pread(fds[i], text, sizeof text - 1, 0);
    if (n <= 0) { // it has left the bond
        close(fds[i]);
        fds[i] = -1;
        return 0;
    }
    text[n] = 0;
    return atoi(text);
}

static void look(void)
{
    const int passes = SYNCHRONIZED | COLLECTING | DISTRIBUTING;
    // Without a partner a port can distribute too: defaulted.
    for (int i = 0; i < 2 && !lacp; i++)
        if ((port_state(i) & (passes | DEFAULTED | EXPIRED)) == passes)
            note(&lacp);
}

static void heed(const struct nlmsghdr *message)
{
    if (message->nlmsg_type == RTM_NEWLINK) {
        const struct ifinfomsg *link = NLMSG_DATA(message);
        for (int i = 0; i < 2; i++)
            if (link->ifi_flags & LOWER_UP && (unsigned)link->ifi_index == indexes[i])
                note(&carrier);
    } else if (message->nlmsg_type == RTM_NEWADDR) {
        const struct ifaddrmsg *a = NLMSG_DATA(message);
        if (a->ifa_scope == RT_SCOPE_UNIVERSE && a->ifa_index == if_nametoindex("bond0")) {
            note(&address);
            look(); // what was so before must not seem to come after
        }
    }
}

static int listen_netlink(void)
{
    struct sockaddr_nl local = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), size = 1 << 20;
    if (fd < 0 || bind(fd, (struct sockaddr *)&local, sizeof local) < 0)
        die("netlink");
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    return fd;
}

static void hear(int fd)
{
    static char buffer[1 << 16] __attribute__((aligned(NLMSG_ALIGNTO)));
    int n;
    while ((n = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT)) > 0)
        for (struct nlmsghdr *m = (void *)buffer; NLMSG_OK(m, (unsigned)n); m = NLMSG_NEXT(m, n))
            heed(m);
    if (n < 0 && errno != EAGAIN)
        die("netlink events were lost");
}

static pid_t start(const char *root, char **command)
{
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid)
        return pid;
    setpriority(PRIO_PROCESS, 0, 0);
    if (setsid() < 0 || chroot(root) < 0 || chdir("/") < 0)
        die(root);
    execv(command[0], command);
    die(command[0]);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 6) {
        fputs("Usage: watch OUT ROOT LIMIT STAY COMMAND...\n", stderr);
        return 2;
    }
    FILE *out = fopen(argv[1], "we");
    if (!out)
        die(argv[1]);
    double limit = atof(argv[3]) * 1e3, stay = atof(argv[4]) * 1e3;
    // It must be there when something happens; what it does then is short.
    setpriority(PRIO_PROCESS, 0, -10);
    int netlink = listen_netlink();
    for (int i = 0; i < 2; i++)
        if (!(indexes[i] = if_nametoindex(ports[i])))
            die(ports[i]);

    now_ms();
    pid_t tool = start(argv[2], argv + 5);
    double next = 0, last = 0, longest = 0, end = limit;
    int ended = 0, status = 0;
    for (double now = now_ms(); now < end; now = now_ms()) {
        if (now >= next) {
            if (last && end == limit && now - last > longest)
                longest = now - last;
            last = now;
            look();
            next = now + LOOK_MS;
        }
        double ms = next - now_ms();
        struct timespec wait = {0, ms > 0 ? (long)(ms * 1e6) : 0};
        struct pollfd fd = {netlink, POLLIN, 0};
        if (ppoll(&fd, 1, &wait, NULL) > 0)
            hear(netlink);
        if (!ended && waitpid(tool, &status, WNOHANG) == tool) {
            ended = 1;
            if (status && end == limit)
                break; // it gave up
        }
        if (lacp && address && end == limit)
            end = now_ms() + stay;
    }
    if (!ended && waitpid(tool, &status, WNOHANG) == tool)
        ended = 1;

    struct rusage usage;
    struct timespec own;
    getrusage(RUSAGE_CHILDREN, &usage);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
    if (carrier)
        fprintf(out, "carrier %.1f\n", carrier);
    if (lacp)
        fprintf(out, "lacp %.1f\n", lacp);
    if (address)
        fprintf(out, "address %.1f\n", address);
    fprintf(out, "longest %.1f\nown %.2f\n", longest, (own.tv_sec * 1e3 + own.tv_nsec / 1e6) / now_ms() * 100);
    fprintf(out, "peak_ended %ld\n", usage.ru_maxrss);
    if (ended)
        fprintf(out, "status %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return fclose(out) ? 1 : 0;
}
