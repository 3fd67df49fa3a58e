// The bare floor: the least that a program can do to get an address over an LACP bond, and so about as
// quick as anything can be on this kernel. No words, no checks, no lease keeping, no second thought.
//
// The bond over netlink, the ports into it, then up; when a port of ours passes traffic, a DISCOVER
// every 100 ms until there is an OFFER, a REQUEST every 100 ms until there is an ACK; the address.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char bond[] = "bond0";
static const char *const ports[] = {"eth0", "eth1"};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

// Netlink: one request at a time, each with its acknowledgement.

static struct {
    struct nlmsghdr head;
    char body[512];
} request;

static void *append(const void *data, size_t size)
{
    char *at = (char *)&request + NLMSG_ALIGN(request.head.nlmsg_len);
    memcpy(at, data, size);
    request.head.nlmsg_len = NLMSG_ALIGN(request.head.nlmsg_len) + size;
    return at;
}

static struct rtattr *attribute(int type, const void *data, size_t size)
{
    struct rtattr *at = append(&(struct rtattr){RTA_LENGTH(size), type}, sizeof(struct rtattr));
    if (size)
        append(data, size);
    return at;
}

static void nest_end(struct rtattr *nest)
{
    nest->rta_len = (char *)&request + request.head.nlmsg_len - (char *)nest;
}

static void begin(int type, int flags, const void *header, size_t size)
{
    request.head = (struct nlmsghdr){sizeof(struct nlmsghdr), type, NLM_F_REQUEST | NLM_F_ACK | flags, 0, 0};
    append(header, size);
}

static void commit(const char *what)
{
    static int fd = -1;
    struct {
        struct nlmsghdr head;
        struct nlmsgerr error;
        char rest[1024];
    } reply;
    if (fd < 0)
        fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (send(fd, &request, request.head.nlmsg_len, 0) < 0 || recv(fd, &reply, sizeof reply, 0) < 0)
        die(what);
    errno = -reply.error.error;
    if (errno)
        die(what);
}

static void build(void)
{
    begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &(struct ifinfomsg){0}, sizeof(struct ifinfomsg));
    attribute(IFLA_IFNAME, bond, sizeof bond);
    struct rtattr *info = attribute(IFLA_LINKINFO, NULL, 0);
    attribute(IFLA_INFO_KIND, "bond", 4);
    struct rtattr *data = attribute(IFLA_INFO_DATA, NULL, 0);
    attribute(IFLA_BOND_MODE, &(unsigned char){4}, 1);
    attribute(IFLA_BOND_MIIMON, &(unsigned){100}, 4);
    attribute(IFLA_BOND_AD_LACP_RATE, &(unsigned char){1}, 1);
    nest_end(data);
    nest_end(info);
    commit("the bond");

    unsigned index = if_nametoindex(bond);
    for (int i = 0; i < 2; i++) {
        struct ifinfomsg port = {.ifi_index = if_nametoindex(ports[i])};
        begin(RTM_NEWLINK, 0, &port, sizeof port);
        attribute(IFLA_MASTER, &index, sizeof index);
        commit(ports[i]);
    }
    struct ifinfomsg up = {.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    begin(RTM_NEWLINK, 0, &up, sizeof up);
    commit("up");
}

// A port is in sync, collecting and distributing, with a partner: neither defaulted nor expired.
static int passes(const char *port)
{
    char path[96], text[8] = "";
    snprintf(path, sizeof path, "/sys/class/net/%s/bonding_slave/ad_actor_oper_port_state", port);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof text - 1) <= 0)
        return 0;
    close(fd);
    return (atoi(text) & 0xf8) == 0x38;
}

// DHCP (RFC 2131), over a packet socket: there is no address yet.

enum { DISCOVER = 1, OFFER = 2, REQUEST = 3, ACK = 5, PAD = 0, MASK = 1, ADDRESS = 50, TYPE = 53, SERVER = 54, END = 255 };

struct frame {
    struct iphdr ip;
    struct udphdr udp;
    unsigned char op, htype, hlen, hops;
    unsigned xid;
    unsigned short secs, flags;
    struct in_addr ciaddr, yiaddr, siaddr, giaddr;
    unsigned char chaddr[16], names[192], magic[4], options[308];
} __attribute__((packed));

static int sock;
static struct sockaddr_ll broadcast;
static unsigned char mac[6];
static unsigned xid;

static void dhcp_open(void)
{
    struct ifreq ifr = {0};
    strcpy(ifr.ifr_name, bond);
    sock = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_IP));
    if (sock < 0 || ioctl(sock, SIOCGIFHWADDR, &ifr) < 0)
        die("packet socket");
    memcpy(mac, ifr.ifr_hwaddr.sa_data, 6);
    memcpy(&xid, mac + 2, 4);
    broadcast = (struct sockaddr_ll){.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP),
                                     .sll_ifindex = if_nametoindex(bond), .sll_halen = 6};
    memset(broadcast.sll_addr, 0xff, 6);
    if (bind(sock, (struct sockaddr *)&broadcast, sizeof broadcast) < 0)
        die("packet socket");
}

static unsigned short checksum(const void *data, size_t size)
{
    unsigned long sum = 0;
    for (size_t i = 0; i < size / 2; i++)
        sum += ((const unsigned short *)data)[i];
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return ~sum;
}

// A DISCOVER, or the REQUEST of an offer. Lost ones do not matter: the next one comes soon.
static void dhcp_send(int type, struct in_addr address, struct in_addr server)
{
    struct frame f = {.op = 1, .htype = 1, .hlen = 6, .xid = xid, .flags = htons(0x8000), .magic = {99, 130, 83, 99}};
    f.ip = (struct iphdr){.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP,
                          .tot_len = htons(sizeof f), .daddr = INADDR_BROADCAST};
    f.ip.check = checksum(&f.ip, sizeof f.ip);
    f.udp.source = htons(68);
    f.udp.dest = htons(67);
    f.udp.len = htons(sizeof f - sizeof f.ip);
    memcpy(f.chaddr, mac, 6);
    unsigned char *o = f.options;
    *o++ = TYPE, *o++ = 1, *o++ = type;
    if (type == REQUEST) {
        *o++ = ADDRESS, *o++ = 4, o = mempcpy(o, &address, 4);
        *o++ = SERVER, *o++ = 4, o = mempcpy(o, &server, 4);
    }
    *o = END;
    sendto(sock, &f, sizeof f, 0, (struct sockaddr *)&broadcast, sizeof broadcast);
}

// The value of an option with at least SIZE bytes, or NULL.
static const unsigned char *option(const struct frame *f, size_t size, int wanted, int at_least)
{
    const unsigned char *o = f->options, *end = (const unsigned char *)f + size;
    while (o < end && *o != END) {
        if (*o == PAD) {
            o++;
            continue;
        }
        if (o + 2 > end || o + 2 + o[1] > end)
            break;
        if (*o == wanted)
            return o[1] >= at_least ? o + 2 : NULL;
        o += 2 + o[1];
    }
    return NULL;
}

// Says TYPE every 100 ms until an ANSWER comes.
static size_t ask(int type, int answer, struct in_addr address, struct in_addr server, struct frame *f)
{
    for (long next = now_ms();;) {
        long left = next - now_ms();
        struct pollfd fd = {sock, POLLIN, 0};
        if (left <= 0) {
            dhcp_send(type, address, server);
            next = now_ms() + 100;
        } else if (poll(&fd, 1, left) > 0) {
            ssize_t n = recv(sock, f, sizeof *f, 0);
            const unsigned char *is;
            if (n > (ssize_t)offsetof(struct frame, options) && f->ip.ihl == 5 && f->ip.protocol == IPPROTO_UDP &&
                f->udp.dest == htons(68) && f->op == 2 && f->xid == xid && (is = option(f, n, TYPE, 1)) && *is == answer)
                return n;
        }
    }
}

int main(void)
{
    static struct frame f;
    struct in_addr address = {0}, server = {0}, mask;
    const unsigned char *value;

    build();
    dhcp_open();
    while (!passes(ports[0]) && !passes(ports[1]))
        usleep(10000);

    size_t n = ask(DISCOVER, OFFER, address, server, &f);
    address = f.yiaddr;
    if ((value = option(&f, n, SERVER, 4)))
        memcpy(&server, value, 4);
    n = ask(REQUEST, ACK, address, server, &f);
    if (!(value = option(&f, n, MASK, 4)))
        return 1;
    memcpy(&mask, value, 4);

    struct ifaddrmsg a = {.ifa_family = AF_INET, .ifa_prefixlen = __builtin_popcount(mask.s_addr),
                          .ifa_index = if_nametoindex(bond)};
    begin(RTM_NEWADDR, NLM_F_CREATE, &a, sizeof a);
    attribute(IFA_LOCAL, &address, 4);
    attribute(IFA_ADDRESS, &address, 4);
    commit("the address");
    return 0;
}
