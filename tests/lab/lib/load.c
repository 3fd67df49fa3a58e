/*
 * Whoever notices that a network was gone for a moment.
 *
 *   load echo PORT             answers TCP and UDP
 *   load udp ADDRESS PORT      asks every 2 ms; at SIGUSR1 prints the longest time without an answer since the last one, ms
 *   load tcp ADDRESS PORT N    N connections, each with numbered messages that have to come back in order
 *   load write FILE            numbered records with checksums, each synced before the next; prints how many
 *   load verify FILE N         N such records are there, in order and whole
 *   load fill FILE MIB         a file for `read`
 *   load read FILE             has its pages read in again and again, and compares them
 *
 * Each but `verify` and `fill` goes on until SIGTERM, then prints a line: how much it did, and the longest that one took.
 * It exits with 1 at the first thing that is wrong.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t ends, asked;
static void on_term(int s) { (void)s; ends = 1; }
static void on_usr1(int s) { (void)s; asked = 1; }

static void die(const char *what) { fprintf(stderr, "load: %s: %s\n", what, strerror(errno)); exit(1); }
static void wrong(const char *what, long at) { fprintf(stderr, "load: %s (%ld)\n", what, at); exit(1); }

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void catch(int signal, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    sigaction(signal, &action, NULL);
}

static struct sockaddr_in place(const char *address, const char *port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
    if (inet_pton(AF_INET, address, &to.sin_addr) != 1) wrong("no address", 0);
    return to;
}

static int echo(const char *port)
{
    static struct pollfd fds[1024];
    struct sockaddr_in at = place("0.0.0.0", port), from;
    int one = 1, n = 2;
    char buffer[4096];
    fds[0].fd = socket(AF_INET, SOCK_STREAM, 0);
    fds[1].fd = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(fds[0].fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fds[0].fd, (void *)&at, sizeof at) || listen(fds[0].fd, 512)) die("listen");
    if (bind(fds[1].fd, (void *)&at, sizeof at)) die("bind");
    fds[0].events = fds[1].events = POLLIN;
    puts("listening");
    fflush(stdout);
    while (!ends) {
        if (poll(fds, n, -1) < 0 && errno != EINTR) die("poll");
        if (fds[0].revents & POLLIN && n < 1024) {
            int fd = accept(fds[0].fd, NULL, NULL);
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            fds[n++] = (struct pollfd){.fd = fd, .events = POLLIN};
        }
        if (fds[1].revents & POLLIN) {
            socklen_t length = sizeof from;
            ssize_t got = recvfrom(fds[1].fd, buffer, sizeof buffer, 0, (void *)&from, &length);
            if (got > 0) sendto(fds[1].fd, buffer, got, 0, (void *)&from, length);
        }
        for (int i = 2; i < n; i++) {
            if (!fds[i].revents) continue;
            ssize_t got = read(fds[i].fd, buffer, sizeof buffer);
            if (got <= 0 || write(fds[i].fd, buffer, got) != got) {
                close(fds[i].fd);
                fds[i--] = fds[--n];
            }
        }
    }
    return 0;
}

static int udp(const char *address, const char *port)
{
    struct sockaddr_in to = place(address, port);
    struct pollfd fd = {.fd = socket(AF_INET, SOCK_DGRAM, 0), .events = POLLIN};
    double last = now(), next = last, longest = 0;
    long sent = 0, got = 0;
    char byte[8];
    while (!ends) {
        double t = now();
        if (t >= next) {
            sent += sendto(fd.fd, &sent, sizeof sent, MSG_DONTWAIT, (void *)&to, sizeof to) > 0;
            next = t + 2;
        }
        poll(&fd, 1, 1);
        while (recv(fd.fd, byte, sizeof byte, MSG_DONTWAIT) > 0) {
            t = now();
            if (t - last > longest) longest = t - last;
            last = t;
            got++;
        }
        if (asked) {
            asked = 0;
            printf("%.0f\n", longest);
            fflush(stdout);
            longest = 0;
        }
    }
    printf("%ld asked, %ld answered\n", sent, got);
    return 0;
}

struct message { uint32_t connection, number; char rest[56]; };

static int tcp(const char *address, const char *port, int n)
{
    struct sockaddr_in to = place(address, port);
    struct pollfd *fds = calloc(n, sizeof *fds);
    uint32_t *sent = calloc(n, 4), *got = calloc(n, 4);
    double *at = calloc(n, sizeof *at), longest = 0;
    struct { char bytes[sizeof(struct message)]; size_t have; } *in = calloc(n, sizeof *in);
    int one = 1, open = 0;
    long total = 0;
    for (int i = 0; i < n; i++) {
        fds[i].fd = socket(AF_INET, SOCK_STREAM, 0);
        fds[i].events = POLLIN;
        if (connect(fds[i].fd, (void *)&to, sizeof to)) die("connect");
        setsockopt(fds[i].fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
    puts("connected");
    fflush(stdout);
    double end = 0;
    for (;;) {
        double t = now();
        if (ends && !end) end = t + 20000;
        open = 0;
        for (int i = 0; i < n; i++) {
            if (sent[i] != got[i]) { open++; continue; }
            if (end || t < at[i] + 200) continue;
            struct message m = {.connection = i, .number = ++sent[i]};
            memset(m.rest, i, sizeof m.rest);
            at[i] = t;
            if (write(fds[i].fd, &m, sizeof m) != sizeof m) die("a connection");
            open++;
        }
        if (end && !open) break;
        if (end && t > end) wrong("connections without an answer at the end", open);
        poll(fds, n, 20);
        t = now();
        for (int i = 0; i < n; i++) {
            if (!fds[i].revents) continue;
            ssize_t r = read(fds[i].fd, in[i].bytes + in[i].have, sizeof(struct message) - in[i].have);
            if (r <= 0) die("a connection was ended");
            in[i].have += r;
            if (in[i].have < sizeof(struct message)) continue;
            struct message m;
            memcpy(&m, in[i].bytes, sizeof m);
            in[i].have = 0;
            if (m.connection != (uint32_t)i || m.number != got[i] + 1) wrong("a message out of order", i);
            got[i]++;
            total++;
            if (t - at[i] > longest) longest = t - at[i];
        }
    }
    printf("%d connections, %ld messages, longest %.0f ms\n", n, total, longest);
    return 0;
}

struct record { uint64_t number, sum; char rest[496]; };

static struct record record(uint64_t number)
{
    struct record r = {.number = number, .sum = number * 2654435761u};
    for (size_t i = 0; i < sizeof r.rest; i++) r.sum = r.sum * 31 + (unsigned char)(r.rest[i] = number + i);
    return r;
}

static int writes(const char *file)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    uint64_t number = 0;
    double longest = 0;
    if (fd < 0) die(file);
    while (!ends) {
        struct record r = record(number);
        double t = now();
        ssize_t put = pwrite(fd, &r, sizeof r, number * sizeof r);
        if (put < 0 && errno == EINTR) continue;
        if (put != sizeof r || (fsync(fd) && errno != EINTR)) die("a record");
        number++;
        if (now() - t > longest) longest = now() - t;
        usleep(2000);
    }
    if (fsync(fd) || close(fd)) die("the end");
    printf("%llu records, longest %.0f ms\n", (unsigned long long)number, longest);
    return 0;
}

static int verify(const char *file, long n)
{
    FILE *in = fopen(file, "r");
    struct record r, wanted;
    struct stat s;
    if (!in || fstat(fileno(in), &s)) die(file);
    if (s.st_size != (off_t)(n * sizeof r)) wrong("bytes", s.st_size);
    for (long i = 0; i < n; i++) {
        wanted = record(i);
        if (fread(&r, sizeof r, 1, in) != 1 || memcmp(&r, &wanted, sizeof r)) wrong("a record is lost or spoilt", i);
    }
    printf("%ld records\n", n);
    return 0;
}

static int fill(const char *file, long mib)
{
    FILE *out = fopen(file, "w");
    for (uint64_t i = 0; i < (uint64_t)mib << 17; i++)
        if (fwrite(&i, 8, 1, out) != 1) die(file);
    return fclose(out) ? 1 : 0;
}

static int reads(const char *file)
{
    int fd = open(file, O_RDONLY);
    struct stat s;
    double longest = 0;
    long pages = 0;
    if (fd < 0 || fstat(fd, &s)) die(file);
    while (!ends) {
        uint64_t *all = mmap(NULL, s.st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (all == MAP_FAILED) die("mmap");
        madvise(all, s.st_size, MADV_RANDOM);
        for (long i = 0; i < s.st_size / 8 && !ends; i += 512, pages++) {
            double t = now();
            if (*(volatile uint64_t *)&all[i] != (uint64_t)i) wrong("a page is spoilt", i);
            if (now() - t > longest) longest = now() - t;
            usleep(500);
        }
        munmap(all, s.st_size);
        posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    }
    printf("%ld pages, longest %.0f ms\n", pages, longest);
    return 0;
}

int main(int n, char **v)
{
    catch(SIGTERM, on_term);
    catch(SIGUSR1, on_usr1);
    signal(SIGPIPE, SIG_IGN);
    if (n == 3 && !strcmp(v[1], "echo")) return echo(v[2]);
    if (n == 4 && !strcmp(v[1], "udp")) return udp(v[2], v[3]);
    if (n == 5 && !strcmp(v[1], "tcp")) return tcp(v[2], v[3], atoi(v[4]));
    if (n == 3 && !strcmp(v[1], "write")) return writes(v[2]);
    if (n == 4 && !strcmp(v[1], "verify")) return verify(v[2], atol(v[3]));
    if (n == 4 && !strcmp(v[1], "fill")) return fill(v[2], atol(v[3]));
    if (n == 3 && !strcmp(v[1], "read")) return reads(v[2]);
    fprintf(stderr, "load: see the head of its source\n");
    return 2;
}
