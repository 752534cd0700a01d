/* lwIP 2.2.1 as an IP stack without link layer: one interface whose packets travel through the mixnet.
 * Each switch says why; what is not named here keeps lwIP's default. */
#ifndef MIX_LWIPOPTS_H
#define MIX_LWIPOPTS_H

/* --- System: no threads, time and randomness from the port ------------------------------------- */
#define NO_SYS 1               /* one engine, one turn: the raw API is called from one place only */
#define SYS_LIGHTWEIGHT_PROT 0 /* no interrupts or threads that would need critical sections */
#define LWIP_TIMERS 0          /* mix::net calls tcp_slowtmr() and the like itself, and only while a
                                * connection needs them: an idle engine is not woken every 250 ms */
#define LWIP_NETCONN 0         /* needs threads */
#define LWIP_SOCKET 0          /* needs threads; also keeps errno and fd names out */
#define LWIP_TCPIP_CORE_LOCKING 0
#define LWIP_STATS 0           /* counters are global state that nobody reads */

/* --- Memory: the platform's heap; bounds are set per connection below --------------------------- */
#define MEM_LIBC_MALLOC 1
#define MEMP_MEM_MALLOC 1
#define MEM_ALIGNMENT 8        /* what malloc gives on both targets */
#define PBUF_LINK_HLEN 0       /* no link layer: packets are bare IP */
#define PBUF_LINK_ENCAPSULATION_HLEN 0

/* --- Interface: exactly one, no link layer ------------------------------------------------------ */
#define LWIP_SINGLE_NETIF 1    /* the exit gives one address pair; routing is then trivial */
#define LWIP_HAVE_LOOPIF 0     /* nothing of ours listens on loopback */
#define LWIP_NETIF_LOOPBACK 0  /* a packet to ourselves would never be observed by the schedule */
#define LWIP_ARP 0
#define LWIP_ETHERNET 0
#define LWIP_DHCP 0            /* the address comes from the IPR's connect answer */
#define LWIP_AUTOIP 0
#define LWIP_ACD 0             /* no one else can hold our address */
#define LWIP_IGMP 0
#define LWIP_DNS 0             /* mix::dns has its own client with our time-outs and checks */
#define LWIP_ALTCP 0           /* TLS is a rung above, not a lwIP layer */

/* --- IPv4 and IPv6 ------------------------------------------------------------------------------ */
#define LWIP_IPV4 1
#define LWIP_IPV6 1
#define LWIP_IPV6_MLD 0                  /* no multicast through an exit */
#define LWIP_IPV6_DHCP6 0
#define LWIP_IPV6_AUTOCONFIG 0           /* addresses are set by the IPR only */
#define LWIP_IPV6_SEND_ROUTER_SOLICIT 0  /* there is no router to ask; would be traffic of its own */
#define LWIP_IPV6_DUP_DETECT_ATTEMPTS 0  /* same */
#define LWIP_ND6_QUEUEING 0              /* no neighbours to wait for */
#define LWIP_ND6_ALLOW_RA_UPDATES 0      /* no peer may change our MTU or hop limit */
#define LWIP_ND6_TCP_REACHABILITY_HINTS 0
#define IP_REASSEMBLY 1                  /* an exit may forward fragments of UDP answers */
#define IP_FRAG 1
#define LWIP_IPV6_REASS 1
#define LWIP_IPV6_FRAG 1
#define IPV6_FRAG_COPYHEADER 1           /* lwIP's note about a fragment outgrows its header on 64 bits */
#define IP_REASS_MAX_PBUFS 64            /* bounds memory: about 90 kB of incomplete datagrams */
#define IP_REASS_MAXAGE 15               /* s; mix::net counts on both being the same */
#define IPV6_REASS_MAXAGE 15
#define IP_FORWARD 0
#define LWIP_IPV6_FORWARD 0
#define LWIP_ICMP 1                      /* unreachable and time-exceeded end a connect early */
#define LWIP_ICMP6 1
#define LWIP_RAW 1                       /* ICMP echo, as the reference client's probes use it */

/* --- Checksums: all checked; what arrives was produced by machines outside our control ---------- */
#define LWIP_CHECKSUM_ON_COPY 1          /* sum while copying application data: one pass less */

/* --- UDP ---------------------------------------------------------------------------------------- */
#define LWIP_UDP 1
#define LWIP_UDPLITE 0

/* --- TCP: long round trips (0.3 to 3 s), loss repaired below, so windows are large ---------------- */
#define LWIP_TCP 1
#define TCP_MSS 1460                     /* ceiling; the real value follows netif->mtu, see next */
#define TCP_CALCULATE_EFF_SEND_MSS 1     /* MSS sent and used = min(TCP_MSS, mtu - headers) */
#define LWIP_WND_SCALE 1
#define TCP_RCV_SCALE 5                  /* 65535 << 5 covers TCP_WND in one 16-bit field */
#define TCP_WND (1024 * 1024)            /* 1 MiB in flight: 1 MiB/s at a round trip of 1 s */
#define TCP_WND_UPDATE_THRESHOLD TCP_WND /* never by lwIP: each lone window update costs an uplink
                                          * packet, so mix::net decides by the connection's own window */
#define TCP_SND_BUF (512 * 1024)         /* bound of unsent and unacknowledged bytes per connection */
#define TCP_SND_QUEUELEN (4 * (TCP_SND_BUF) / (TCP_MSS))
#define TCP_SNDLOWAT (0xFFFF - 4 * TCP_MSS - 1) /* highest value that lwIP's sanity check accepts */
#define TCP_SNDQUEUELOWAT (TCP_SND_QUEUELEN / 2)
#define TCP_OVERSIZE TCP_MSS             /* small writes fill one segment instead of many pbufs */
#define TCP_QUEUE_OOSEQ 1                /* mixes reorder on purpose: dropping would stall each flow */
#define TCP_OOSEQ_MAX_PBUFS (TCP_WND / 256) /* bound against a peer that sends tiny segments */
#define LWIP_TCP_SACK_OUT 1              /* tells the far side which reordered segments arrived */
#define LWIP_TCP_MAX_SACK_NUM 4          /* all that fits beside timestamps is 3; the rest is unused */
/* RTT samples in spite of retransmissions; sys_now() must start at a random offset, since the values
 * are visible to the destination and would tell the age of the tunnel. */
#define LWIP_TCP_TIMESTAMPS 1
#define LWIP_TCP_RTO_TIME 3000           /* ms; a first answer through five hops can take seconds */
#define LWIP_TCP_KEEPALIVE 1             /* interval and count settable per connection */
#define TCP_MSL 10000UL                  /* ms; time-wait of 20 s, the timer sleeps once none is left */
#define TCP_LISTEN_BACKLOG 0             /* a client; the tests' peer accepts all */
#define TCP_SYNMAXRTX 12                 /* the most lwIP allows: TcpOptions::connect_timeout decides */
#define IP_DEFAULT_TTL 64                /* as most hosts: lwIP's 255 would single this client out */

/* Sequence numbers and ports from the engine's random source: lwIP's own counter is predictable. */
#define LWIP_HOOK_TCP_ISN(local_ip, local_port, remote_ip, remote_port) (mix_lwip_rand())

/* One pointer of mix::net per connection that lives as long as lwIP's own block, TIME-WAIT included. */
#define LWIP_TCP_PCB_NUM_EXT_ARGS 1

/* Every TCP segment passes the port before lwIP acts on it, see arch/cc.h. */
#define LWIP_HOOK_TCP_INPACKET_PCB(pcb, hdr, optlen, opt1len, opt2, p) \
  mix_lwip_check_segment((pcb), (hdr), (optlen), (opt1len), (opt2))

#define LWIP_DISABLE_TCP_SANITY_CHECKS 0 /* contradictions between the sizes above stop the build */

#endif
